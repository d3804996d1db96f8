//! The garbage collector: deletes or orphans the dependents of deleted owners, and lets owners go that wait for them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::{delete, resource};
use crate::kinds::finalizers::{FOREGROUND, ORPHAN};
use crate::registry::Registry;
use crate::store::Change;
use crate::text::{meta, meta_mut, string_at, without_finalizer};

/// Table and key of an object in the store.
type Location = (Arc<str>, Arc<str>);

/// What is known of owners and dependents, kept up to date by the changes of the store.
pub(super) struct Collector {
    registry: Arc<Registry>,
    /// Objects that name an owner, by the owner's uid.
    dependents: HashMap<String, BTreeSet<Location>>,
    /// Every object that is there.
    locations: HashMap<String, Location>,
}

impl Collector {
    /// Indexes what is in the store.
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        let mut collector = Self {
            dependents: HashMap::new(),
            locations: HashMap::new(),
            registry,
        };
        for resource in collector.registry.catalog().stored() {
            for (key, object) in collector.registry.store().list(&resource.table, "").objects {
                collector.note(&resource.table, &key, None, Some(&object.value));
            }
        }
        collector
    }

    /// Follows a change of any object.
    pub(super) fn handle(&mut self, table: &Arc<str>, change: &Change) {
        let new = (!change.deleted).then_some(&change.new.value);
        self.note(table, &change.key, change.old.as_ref().map(|o| &o.value), new);
        match new {
            Some(object) => self.changed(table, &change.key, object),
            None => self.gone(&change.new.value),
        }
    }

    /// Brings the indexes up to date after a change of an object.
    fn note(&mut self, table: &Arc<str>, key: &Arc<str>, old: Option<&Value>, new: Option<&Value>) {
        let location = (Arc::clone(table), Arc::clone(key));
        for owner in old.into_iter().flat_map(owners) {
            if let Some(set) = self.dependents.get_mut(&owner) {
                set.remove(&location);
                if set.is_empty() {
                    self.dependents.remove(&owner);
                }
            }
        }
        for owner in new.into_iter().flat_map(owners) {
            self.dependents.entry(owner).or_default().insert(location.clone());
        }
        if let Some(old) = old {
            self.locations.remove(meta(old, "uid"));
        }
        if let Some(new) = new {
            self.locations.insert(meta(new, "uid").to_owned(), location);
        }
    }

    fn changed(&self, table: &Arc<str>, key: &Arc<str>, object: &Value) {
        let deleting = object["metadata"]["deletionTimestamp"].is_string();
        let owned = owners(object);
        if !deleting && !owned.is_empty() && owned.iter().all(|o| !self.locations.contains_key(o)) {
            self.delete(table, key);
            return;
        }
        if !deleting {
            return;
        }
        let finalizers = object["metadata"]["finalizers"].as_array();
        let has = |name: &str| finalizers.is_some_and(|f| f.iter().any(|v| v == name));
        let uid = meta(object, "uid").to_owned();
        if has(ORPHAN) {
            for (table, key) in self.dependents_of(&uid) {
                self.disown(&table, &key, &uid);
            }
            self.release(table, key, ORPHAN);
        } else if has(FOREGROUND) {
            self.foreground(table, key, &uid);
        }
    }

    fn gone(&self, object: &Value) {
        let uid = meta(object, "uid").to_owned();
        for (table, key) in self.dependents_of(&uid) {
            let others = self.registry.store().get(&table, &key).is_some_and(|dependent| {
                owners(&dependent.value)
                    .iter()
                    .any(|o| *o != uid && self.locations.contains_key(o))
            });
            if others {
                self.disown(&table, &key, &uid);
            } else {
                self.delete(&table, &key);
            }
        }
        for owner in owners(object) {
            if let Some((table, key)) = self.locations.get(&owner).cloned() {
                self.foreground(&table, &key, &owner);
            }
        }
    }

    /// Deletes the dependents of an object that waits for them, and lets it go when none is left.
    fn foreground(&self, table: &str, key: &str, uid: &str) {
        let waits = self.registry.store().get(table, key).is_some_and(|o| {
            o.value["metadata"]["deletionTimestamp"].is_string()
                && o.value["metadata"]["finalizers"]
                    .as_array()
                    .is_some_and(|f| f.iter().any(|v| v == FOREGROUND))
        });
        if !waits {
            return;
        }
        let dependents = self.dependents_of(uid);
        if dependents.is_empty() {
            self.release(table, key, FOREGROUND);
        }
        for (table, key) in dependents {
            self.delete(&table, &key);
        }
    }

    fn dependents_of(&self, uid: &str) -> Vec<Location> {
        self.dependents.get(uid).into_iter().flatten().cloned().collect()
    }

    fn delete(&self, table: &str, key: &str) {
        if let Some(resource) = resource(&self.registry, table) {
            delete(&self.registry, &resource, key);
        }
    }

    fn release(&self, table: &str, key: &str, finalizer: &str) {
        let Some(resource) = resource(&self.registry, table) else {
            return;
        };
        self.registry
            .guaranteed_update(&resource, key, |object| without_finalizer(object, finalizer));
        self.registry.after_write(&resource, key);
    }

    /// Takes an owner that is gone out of the references of an object.
    fn disown(&self, table: &str, key: &str, uid: &str) {
        let Some(resource) = resource(&self.registry, table) else {
            return;
        };
        self.registry.guaranteed_update(&resource, key, |object| {
            let mut next = object.clone();
            let metadata = meta_mut(&mut next);
            let list = metadata.get_mut("ownerReferences")?.as_array_mut()?;
            list.retain(|owner| string_at(owner, "/uid") != uid);
            if list.is_empty() {
                metadata.remove("ownerReferences");
            }
            Some(next)
        });
    }
}

fn owners(object: &Value) -> Vec<String> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|o| string_at(o, "/uid").to_owned())
        .filter(|uid| !uid.is_empty())
        .collect()
}
