//! Collects what belongs to nobody any more: dependents of deleted owners, and the contents of deleted namespaces.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use crate::kinds::Resource;
use crate::kinds::builtin::NAMESPACES;
use crate::registry::{DeleteOptions, Registry};
use crate::store::Change;
use crate::text::{meta, meta_mut, string_at, without_finalizer};

/// Table and key of an object in the store.
type Location = (Arc<str>, Arc<str>);

/// What is known of owners and dependents, kept up to date by the changes of the store.
pub(crate) struct Collector {
    registry: Arc<Registry>,
    /// Objects that name an owner, by the owner's uid.
    dependents: HashMap<String, BTreeSet<Location>>,
    /// Every object that is there.
    locations: HashMap<String, Location>,
    /// Namespaces that are being deleted.
    terminating: HashSet<String>,
}

impl Collector {
    /// Indexes what is in the store.
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        let mut collector = Self {
            dependents: HashMap::new(),
            locations: HashMap::new(),
            terminating: HashSet::new(),
            registry,
        };
        for resource in collector.registry.catalog().stored() {
            for (key, object) in collector.registry.store().list(&resource.table, "").objects {
                collector.note(&resource.table, &key, None, Some(&object.value));
            }
        }
        collector
    }

    /// Follows the changes of the store until the server ends.
    pub(crate) async fn run(
        mut self,
        mut changes: UnboundedReceiver<(Arc<str>, Arc<Change>)>,
        stop: CancellationToken,
    ) {
        for namespace in self.terminating.clone() {
            self.empty_namespace(&namespace);
        }
        loop {
            let (table, change) = tokio::select! {
                () = stop.cancelled() => return,
                change = changes.recv() => match change {
                    Some(change) => change,
                    None => return,
                },
            };
            self.handle(&table, &change);
        }
    }

    fn handle(&mut self, table: &Arc<str>, change: &Change) {
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
        if &**table == NAMESPACES {
            match new {
                Some(new) if new["metadata"]["deletionTimestamp"].is_string() => {
                    self.terminating.insert(meta(new, "name").to_owned());
                }
                _ => {
                    self.terminating.remove(&**key);
                }
            }
        }
    }

    fn changed(&mut self, table: &Arc<str>, key: &Arc<str>, object: &Value) {
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
        if has("orphan") {
            for (table, key) in self.dependents_of(&uid) {
                self.disown(&table, &key, &uid);
            }
            self.release(table, key, "orphan");
        } else if has("foregroundDeletion") {
            self.foreground(table, key, &uid);
        }
        if &**table == NAMESPACES {
            self.empty_namespace(&key.clone());
        }
    }

    fn gone(&mut self, object: &Value) {
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
        let namespace = meta(object, "namespace").to_owned();
        if self.terminating.contains(&namespace) {
            self.empty_namespace(&namespace);
        }
    }

    /// Deletes the dependents of an object that waits for them, and lets it go when none is left.
    fn foreground(&mut self, table: &str, key: &str, uid: &str) {
        let waits = self.registry.store().get(table, key).is_some_and(|o| {
            o.value["metadata"]["deletionTimestamp"].is_string()
                && o.value["metadata"]["finalizers"]
                    .as_array()
                    .is_some_and(|f| f.iter().any(|v| v == "foregroundDeletion"))
        });
        if !waits {
            return;
        }
        let dependents = self.dependents_of(uid);
        if dependents.is_empty() {
            self.release(table, key, "foregroundDeletion");
        }
        for (table, key) in dependents {
            self.delete(&table, &key);
        }
    }

    fn dependents_of(&self, uid: &str) -> Vec<Location> {
        self.dependents.get(uid).into_iter().flatten().cloned().collect()
    }

    fn resource(&self, table: &str) -> Option<Arc<Resource>> {
        self.registry
            .catalog()
            .stored()
            .into_iter()
            .find(|r| &*r.table == table)
    }

    fn delete(&self, table: &str, key: &str) {
        let Some(resource) = self.resource(table) else { return };
        if let Err(failure) = self.registry.begin_deletion(&resource, key, &DeleteOptions::default()) {
            tracing::warn!(reason = failure.message, table, key, "cannot collect");
        }
        self.registry.after_write(&resource, key);
    }

    fn release(&self, table: &str, key: &str, finalizer: &str) {
        let Some(resource) = self.resource(table) else { return };
        self.registry
            .guaranteed_update(&resource, key, |object| without_finalizer(object, finalizer));
        self.registry.after_write(&resource, key);
    }

    /// Takes an owner that is gone out of the references of an object.
    fn disown(&self, table: &str, key: &str, uid: &str) {
        let Some(resource) = self.resource(table) else { return };
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

    /// Deletes what is in a namespace, and the namespace when it is empty.
    fn empty_namespace(&mut self, namespace: &str) {
        let mut left = false;
        for resource in self.registry.catalog().stored().iter().filter(|r| r.namespaced) {
            let contents = self.registry.store().list(&resource.table, &format!("{namespace}/"));
            for (key, object) in contents.objects {
                if !object.value["metadata"]["deletionTimestamp"].is_string() {
                    self.delete(&resource.table, &key);
                }
                left |= self.registry.store().get(&resource.table, &key).is_some();
            }
        }
        if left {
            return;
        }
        let Some(resource) = self.resource(NAMESPACES) else {
            return;
        };
        self.registry.guaranteed_update(&resource, namespace, |object| {
            let mut next = object.clone();
            let list = next["spec"]["finalizers"].as_array_mut()?;
            let before = list.len();
            list.retain(|f| f != "kubernetes");
            (list.len() < before).then_some(next)
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
