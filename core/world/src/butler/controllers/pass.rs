//! What a controller works with while it decides about one object, and what it wants done.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::Serialize;
use serde_json::{Map, Value};

use super::kinds::Kind;
use super::mirror::{Key, Mirror};
use super::objects::{self, EventKind};
use crate::reconcile::plan::Change;
use crate::values::{list, text};
use crate::world::file::Settings;
use crate::world::state::Moment;
use crate::world::tenants::{Command, TenantFacts};

/// What is true at this moment beside the objects.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    pub now: Moment,
    pub wall: Timestamp,
    pub settings: &'a Settings,
    /// Hosted clusters by the UID of their TenantControlPlane.
    pub tenants: &'a BTreeMap<String, TenantFacts>,
}

/// Since when something has been so, by object (its UID) and by what it is.
#[derive(Debug, Default)]
pub(super) struct Memory {
    since: BTreeMap<(String, String), Moment>,
}

impl Memory {
    /// Forgets what it knows of an object that is gone.
    pub(super) fn forget(&mut self, uid: &str) {
        let first = (uid.to_owned(), String::new());
        let of_object = self.since.range(first..).take_while(|((of, _), _)| of == uid);
        let keys: Vec<_> = of_object.map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.since.remove(&key);
        }
    }
}

/// The decision about one object in the making.
pub(super) struct Pass<'a> {
    pub mirror: &'a Mirror,
    pub facts: &'a Surroundings<'a>,
    memory: &'a mut Memory,
    /// Since when there is something to decide: what is found now happened no earlier.
    since: Moment,
    pub changes: Vec<Change>,
    pub commands: Vec<Command>,
    pub wake: Option<Moment>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(mirror: &'a Mirror, facts: &'a Surroundings<'a>, memory: &'a mut Memory, since: Moment) -> Self {
        Self {
            mirror,
            facts,
            memory,
            since,
            changes: Vec::new(),
            commands: Vec::new(),
            wake: None,
        }
    }

    /// Whether so much time has passed since this was asked first about the object of that UID. If not, the object is looked
    /// at again when it has.
    pub(super) fn elapsed(&mut self, uid: &str, what: &str, latency: Duration) -> bool {
        let key = (uid.to_owned(), what.to_owned());
        let began = *self.memory.since.entry(key).or_insert(self.since);
        let due = began.saturating_add(latency);
        if self.facts.now >= due {
            return true;
        }
        self.wake_at(due);
        false
    }

    /// What it measured since then does not count any more: the next question begins anew.
    pub(super) fn restart(&mut self, uid: &str, what: &str) {
        self.memory.since.remove(&(uid.to_owned(), what.to_owned()));
    }

    /// Looks at the object again at this moment at the latest.
    pub(super) fn wake_at(&mut self, moment: Moment) {
        if moment != Duration::MAX {
            self.wake = Some(self.wake.map_or(moment, |wake| wake.min(moment)));
        }
    }

    /// Looks at the object again after a while, as a controller does that waits for what it cannot follow.
    pub(super) fn again_in(&mut self, pause: Duration) {
        self.wake_at(self.facts.now + pause);
    }

    /// The wall clock, as objects have it.
    pub(super) fn time(&self) -> Time {
        Time(self.facts.wall)
    }

    /// Makes an object where there is none of that name.
    pub(super) fn ensure(&mut self, kind: Kind, namespace: &str, name: &str, object: impl FnOnce() -> Value) {
        if self.mirror.find(kind, namespace, name).is_none() {
            self.changes.push(Change::Create {
                resource: kind.resource(),
                namespace: namespace.to_owned(),
                object: object(),
            });
        }
    }

    /// Tells people what happened to an object. Nobody follows events: the same news again is refused, as it has that name.
    pub(super) fn event(&mut self, key: &Key, kind: EventKind, reason: &str, message: &str) {
        let Some(object) = self.mirror.get(key) else {
            return;
        };
        let (event, name) = objects::event(key, object, kind, reason, message, self.facts.wall);
        self.ensure(Kind::Event, &key.namespace, &name, || objects::value(&event));
    }

    /// Writes a status where it differs from the one that is there. Fields that it lacks are taken out; conditions keep the
    /// time of their transition as long as they stay what they are.
    pub(super) fn status(&mut self, key: &Key, status: &impl Serialize) {
        self.merge(key, "status", status);
    }

    /// Writes a part of an object (`spec`, or `metadata` by the caller's own care) where it differs.
    pub(super) fn spec(&mut self, key: &Key, spec: &impl Serialize) {
        self.merge(key, "spec", spec);
    }

    fn merge(&mut self, key: &Key, part: &str, wanted: &impl Serialize) {
        let Some(object) = self.mirror.get(key) else {
            return;
        };
        let wanted = match serde_json::to_value(wanted) {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::error!(name = key.name, %error, "a {part} cannot be written as JSON");
                return;
            }
        };
        let nothing = Value::Object(Map::new());
        let Some(patch) = difference(object.get(part).unwrap_or(&nothing), &wanted) else {
            return;
        };
        self.patch(key, part == "status", part, patch);
    }

    /// Adds a finalizer, where the object lacks it. `true`: it is there already.
    pub(super) fn has_finalizer(&mut self, key: &Key, finalizer: &str) -> bool {
        let Some(object) = self.mirror.get(key) else {
            return false;
        };
        let mut all = list(object, "/metadata/finalizers").to_vec();
        if all.iter().any(|one| one == finalizer) {
            return true;
        }
        all.push(Value::from(finalizer));
        self.finalizers(key, all);
        false
    }

    /// Takes a finalizer off: the object goes, if no other one holds it.
    pub(super) fn drop_finalizer(&mut self, key: &Key, finalizer: &str) {
        let Some(object) = self.mirror.get(key) else {
            return;
        };
        let before = list(object, "/metadata/finalizers");
        let rest: Vec<Value> = before.iter().filter(|one| *one != finalizer).cloned().collect();
        if rest.len() != before.len() {
            self.finalizers(key, rest);
        }
    }

    fn finalizers(&mut self, key: &Key, finalizers: Vec<Value>) {
        let list = Map::from_iter([("finalizers".to_owned(), Value::Array(finalizers))]);
        self.patch(key, false, "metadata", Value::Object(list));
    }

    /// Merges a patch into a part of an object.
    pub(super) fn patch(&mut self, key: &Key, status: bool, part: &str, patch: Value) {
        self.changes.push(Change::Patch {
            resource: key.kind.resource(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            status,
            patch: Value::Object(Map::from_iter([(part.to_owned(), patch)])),
        });
    }

    /// Deletes an object where it is there and nobody has deleted it yet. `true`: it is gone.
    pub(super) fn gone(&mut self, kind: Kind, namespace: &str, name: &str) -> bool {
        let Some(object) = self.mirror.find(kind, namespace, name) else {
            return true;
        };
        if !is_deleting(object) {
            self.changes.push(Change::Delete {
                resource: kind.resource(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            });
        }
        false
    }
}

/// Somebody has deleted the object, and a finalizer holds it.
pub(super) fn is_deleting(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// The UID of an object.
pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// The merge patch (RFC 7386) that makes one value of another; `None` where they are the same.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for (name, value) in new {
        match old.get(name) {
            None => {
                patch.insert(name.clone(), value.clone());
            }
            Some(known) => {
                if let Some(inner) = difference(known, value) {
                    patch.insert(name.clone(), inner);
                }
            }
        }
    }
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    patch.extend(gone.map(|name| (name.clone(), Value::Null)));
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_names_only_what_changes_and_takes_out_what_is_gone() {
        let before = json!({"a": 1, "b": {"c": 2, "d": [1]}, "e": "x"});
        let after = json!({"a": 1, "b": {"c": 3, "d": [1]}, "f": true});
        let patch = difference(&before, &after);
        assert_eq!(patch, Some(json!({"b": {"c": 3}, "e": null, "f": true})));
        assert_eq!(difference(&after, &after), None);
    }

    #[test]
    fn time_is_measured_from_the_first_question_and_forgotten_with_the_object() {
        let (mirror, settings, tenants) = (Mirror::default(), Settings::default(), BTreeMap::new());
        let mut memory = Memory::default();
        let ask = |memory: &mut Memory, seconds| {
            let facts = Surroundings {
                now: Duration::from_secs(seconds),
                wall: Timestamp::UNIX_EPOCH,
                settings: &settings,
                tenants: &tenants,
            };
            let mut pass = Pass::new(&mirror, &facts, memory, facts.now);
            let over = pass.elapsed("uid", "boot", Duration::from_secs(2));
            (over, pass.wake)
        };
        assert_eq!(ask(&mut memory, 5), (false, Some(Duration::from_secs(7))));
        assert_eq!(ask(&mut memory, 7), (true, None));
        memory.forget("uid");
        assert_eq!(ask(&mut memory, 8), (false, Some(Duration::from_secs(10))));
    }
}
