//! What is on the cluster of a tenant: the releases that Butler has installed there, with their objects and Helm's records
//! of them, as charts and Helm would have made them.
//!
//! Decided by what is to be there and what is there, beside the API server, which runs only while somebody looks. What was
//! installed before anybody looked is made in one go.

mod charts;
mod host;
mod kinds;
mod records;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use butler_api::labels;
use butler_embedded::Seen;
use jiff::Timestamp;
use serde_json::{Map, Value};

use self::charts::Wanted;
pub(super) use self::host::Host;
use crate::reconcile::plan::{Change, WritePlan};
use crate::reconcile::planner::Planner;
use crate::reconcile::resource::Resource;
use crate::values::text;
use crate::world::state::Moment;
use crate::world::tenants::{Addon, Care, ReleaseName};

/// What is to be on the cluster.
#[derive(Debug)]
pub(super) struct Facts {
    releases: Vec<Release>,
    care: Care,
}

/// A release that is to be there.
#[derive(Debug)]
struct Release {
    name: ReleaseName,
    first: Timestamp,
    /// The oldest first; there is one at least.
    revisions: Vec<Revision>,
    /// Up to this revision it has been carried out: what is missing since then was taken away by somebody.
    carried_out: u32,
}

/// A revision of a release, on the clock of people.
#[derive(Debug)]
struct Revision {
    number: u32,
    since: Timestamp,
    addon: Addon,
}

/// Where an object is: path of its kind, namespace and name.
type Key = (&'static str, String, String);

/// The contents of one cluster.
#[derive(Debug, Default)]
pub(super) struct Contents {
    mirror: BTreeMap<Key, Value>,
    /// What ails releases, after the last plan.
    ailing: BTreeMap<ReleaseName, String>,
}

impl Planner for Contents {
    type Facts = Facts;
    type Note = (ReleaseName, u32);

    fn follows(&self) -> Vec<Resource> {
        kinds::ALL.into()
    }

    fn observe(&mut self, seen: &Seen, _now: Moment) {
        let kind = kinds::ALL.into_iter().find(|kind| kind.path == seen.resource());
        if let Some(kind) = kind {
            self.see(kind, seen.object(), seen.deleted());
        }
    }

    fn resume(&mut self, _since: Moment) {}

    fn plan(&mut self, facts: &Facts) -> WritePlan<Self::Note> {
        let mut plan = WritePlan::default();
        let mut keep = BTreeSet::new();
        self.ailing.clear();
        for release in &facts.releases {
            if let Some(problem) = self.settle(release, &facts.care, &mut keep, &mut plan) {
                self.ailing.insert(release.name.clone(), problem);
            }
        }
        self.remove(facts, &keep, &mut plan);
        plan
    }

    fn took_effect(&mut self, _note: &Self::Note) {}
}

impl Contents {
    /// An object is there, has changed, or is gone.
    fn see(&mut self, kind: Resource, object: &Value, deleted: bool) {
        let is_secret = kind == kinds::SECRET;
        if is_secret && !records::is_record(object) {
            return;
        }
        let own = |pointer: &str| text(object, pointer).to_owned();
        let key = (kind.path, own("/metadata/namespace"), own("/metadata/name"));
        if deleted {
            self.mirror.remove(&key);
        } else if is_secret {
            self.mirror.insert(key, records::without_data(object));
        } else {
            self.mirror.insert(key, object.clone());
        }
    }

    /// The namespaces that are there.
    fn namespaces(&self) -> BTreeSet<String> {
        let namespaces = self.mirror.keys().filter(|(path, _, _)| *path == kinds::NAMESPACE.path);
        namespaces.map(|(_, _, name)| name.clone()).collect()
    }

    /// What ails releases, by what is there.
    fn ailing(&self) -> &BTreeMap<ReleaseName, String> {
        &self.ailing
    }

    /// Has everything there that belongs to a release; what is wrong with it, in words.
    fn settle(
        &self,
        release: &Release,
        care: &Care,
        keep: &mut BTreeSet<Key>,
        plan: &mut WritePlan<(ReleaseName, u32)>,
    ) -> Option<String> {
        let current = release.revisions.last()?;
        let fresh = current.number > release.carried_out;
        let may_write = fresh || care.corrects;
        let namespace = (kinds::NAMESPACE.path, String::new(), release.name.0.clone());
        let mut open = !self.mirror.contains_key(&namespace);
        if open && may_write {
            plan.create(kinds::NAMESPACE, "", charts::namespace(&current.addon));
        }
        let mut problem = None;
        for wanted in charts::objects(&current.addon, &care.addresses) {
            let (change, wrong) = self.judge(&wanted);
            keep.insert(key(&wanted));
            open |= change.is_some();
            problem = problem.or(wrong);
            if let Some(change) = change.filter(|_| may_write && self.is_defined(wanted.resource)) {
                plan.add(change);
            }
        }
        self.records(release, fresh && open, may_write, keep, plan);
        if fresh {
            return Some(format!("revision {} is being installed", current.number));
        }
        problem
    }

    /// What has to change of an object, and what is wrong with it as it is.
    fn judge(&self, wanted: &Wanted) -> (Option<Change>, Option<String>) {
        let Wanted {
            resource,
            namespace,
            name,
            object,
            ..
        } = wanted;
        let Some(actual) = self.mirror.get(&key(wanted)) else {
            let change = Change::Create {
                resource: *resource,
                namespace: namespace.clone(),
                object: object.clone(),
            };
            let place = if namespace.is_empty() {
                name.clone()
            } else {
                format!("{namespace}/{name}")
            };
            return (Some(change), Some(format!("{} {place} is missing", resource.kind)));
        };
        let change = (!covers(actual, object)).then(|| Change::Patch {
            resource: *resource,
            namespace: namespace.clone(),
            name: name.clone(),
            status: false,
            patch: object.clone(),
        });
        (change, unready(*resource, actual))
    }

    /// The definition of a kind that has one is there and works.
    fn is_defined(&self, resource: Resource) -> bool {
        let Some(name) = kinds::definition(resource) else {
            return true;
        };
        let definition = self.mirror.get(&(kinds::DEFINITION.path, String::new(), name));
        let conditions = definition.map_or(&[][..], |found| crate::values::list(found, "/status/conditions"));
        let established = |condition: &Value| condition["type"] == "Established" && condition["status"] == "True";
        conditions.iter().any(established)
    }

    /// Writes Helm's records of a release: that of the installed revision when everything of it is there.
    fn records(
        &self,
        release: &Release,
        unfinished: bool,
        may_write: bool,
        keep: &mut BTreeSet<Key>,
        plan: &mut WritePlan<(ReleaseName, u32)>,
    ) {
        let namespace = &release.name.0;
        for record in records::of(release) {
            let (name, number) = (record.secret_name(), record.number());
            let key = (kinds::SECRET.path, namespace.clone(), name.clone());
            let there = self.mirror.get(&key);
            keep.insert(key);
            if record.is_current() && unfinished {
                continue;
            }
            let is_new = number > release.carried_out;
            match there {
                None if is_new || (record.is_current() && may_write) => {
                    let write = plan.create(kinds::SECRET, namespace, value(&record.secret()));
                    if record.is_current() {
                        write.note((release.name.clone(), number));
                    }
                }
                Some(secret) if !record.is_current() && records::is_deployed(secret) => {
                    plan.patch(kinds::SECRET, namespace, &name, value(&record.secret()));
                }
                // It was written, and nobody has heard of it.
                Some(_) if record.is_current() && is_new => {
                    plan.patch(kinds::SECRET, namespace, &name, Value::Object(Map::new()))
                        .note((release.name.clone(), number));
                }
                // Earlier records that somebody removed are not missed.
                None | Some(_) => {}
            }
        }
    }

    /// Takes away what is ours and of no release any more, with all records that Helm has of such a release. Its namespace
    /// stays, as Helm leaves it.
    fn remove(&self, facts: &Facts, keep: &BTreeSet<Key>, plan: &mut WritePlan<(ReleaseName, u32)>) {
        let alive: BTreeSet<&ReleaseName> = facts.releases.iter().map(|release| &release.name).collect();
        let unwanted = || self.mirror.iter().filter(|(key, _)| !keep.contains(*key));
        let owned = unwanted().filter_map(|(key, object)| Some((key, object, owner(key, object)?)));
        let mut gone = BTreeSet::new();
        let mut doomed = BTreeMap::new();
        for (key, object, name) in owned {
            doomed.insert(key, object);
            if !alive.contains(&name) {
                gone.insert(name);
            }
        }
        doomed.extend(unwanted().filter(|(key, secret)| {
            let release = (key.1.clone(), text(secret, "/metadata/labels/name").to_owned());
            key.0 == kinds::SECRET.path && gone.contains(&release)
        }));
        for (key, object) in doomed {
            delete(key, object, plan);
        }
    }
}

/// Deletes an object, unless that is under way.
fn delete((path, namespace, name): &Key, object: &Value, plan: &mut WritePlan<(ReleaseName, u32)>) {
    let resource = kinds::ALL.into_iter().find(|kind| kind.path == *path);
    let deleting = object.pointer("/metadata/deletionTimestamp").is_some();
    if let Some(resource) = resource.filter(|_| !deleting) {
        plan.delete(resource, namespace, name);
    }
}

fn key(wanted: &Wanted) -> Key {
    (wanted.resource.path, wanted.namespace.clone(), wanted.name.clone())
}

/// The release that an object of ours belongs to; none for those of others.
fn owner(key: &Key, object: &Value) -> Option<ReleaseName> {
    let metadata = &object["metadata"];
    let release = metadata["labels"].get(labels::ADDON)?.as_str()?;
    let namespace = metadata["annotations"].get(charts::RELEASE_NAMESPACE);
    let namespace = match namespace.and_then(Value::as_str) {
        Some(namespace) => namespace,
        None if key.0 == kinds::SECRET.path => &key.1,
        None => return None,
    };
    Some((namespace.to_owned(), release.to_owned()))
}

/// Why a workload is not ready; none for what is no workload.
fn unready(resource: Resource, object: &Value) -> Option<String> {
    let (wanted, ready) = match resource {
        kinds::DEPLOYMENT | kinds::STATEFUL_SET => ("/spec/replicas", "/status/readyReplicas"),
        kinds::DAEMON_SET => ("/status/desiredNumberScheduled", "/status/numberReady"),
        _ => return None,
    };
    let count = |pointer: &str| object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let (wanted, ready) = (count(wanted), count(ready));
    let place = (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    let words = format!("{} {}/{}", resource.kind, place.0, place.1);
    if object.pointer("/status/observedGeneration").is_none() {
        return Some(format!("{words} has no pods yet"));
    }
    (ready < wanted).then(|| format!("{words}: {ready} of {wanted} pods are ready"))
}

/// Whether a value has everything that is wanted of it. The server adds what it knows itself, and people may, too.
fn covers(actual: &Value, wanted: &Value) -> bool {
    match (actual, wanted) {
        (Value::Object(actual), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, wanted)| actual.get(name).is_some_and(|actual| covers(actual, wanted))),
        (Value::Array(actual), Value::Array(wanted)) => {
            actual.len() == wanted.len() && actual.iter().zip(wanted).all(|(actual, wanted)| covers(actual, wanted))
        }
        _ => actual == wanted,
    }
}

fn value(object: &impl serde::Serialize) -> Value {
    serde_json::to_value(object).expect("the types of the Kubernetes API have text keys and finite numbers")
}

#[cfg(test)]
mod tests;
