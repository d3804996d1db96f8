//! Deletes what is in a namespace that is being deleted, and then lets the namespace go.

use std::collections::HashSet;
use std::sync::Arc;

use super::{delete, resource};
use crate::kinds::builtin::NAMESPACES;
use crate::kinds::finalizers;
use crate::registry::Registry;
use crate::store::Change;
use crate::text::meta;

/// The namespaces that are being deleted, kept up to date by the changes of the store.
pub(super) struct Namespaces {
    registry: Arc<Registry>,
    terminating: HashSet<String>,
}

impl Namespaces {
    /// Finds those in the store.
    pub(super) fn new(registry: Arc<Registry>) -> Self {
        let all = registry.store().list(NAMESPACES, "").objects;
        let terminating = all
            .iter()
            .filter(|(_, namespace)| namespace.value["metadata"]["deletionTimestamp"].is_string())
            .map(|(name, _)| name.to_string())
            .collect();
        Self { registry, terminating }
    }

    /// Goes on where an earlier run of the server stopped.
    pub(super) fn resume(&self) {
        for namespace in &self.terminating {
            self.empty(namespace);
        }
    }

    /// Follows a change of any object.
    pub(super) fn handle(&mut self, table: &str, change: &Change) {
        let object = &change.new.value;
        if table != NAMESPACES {
            let namespace = meta(object, "namespace");
            if change.deleted && self.terminating.contains(namespace) {
                self.empty(namespace);
            }
            return;
        }
        if !change.deleted && object["metadata"]["deletionTimestamp"].is_string() {
            self.terminating.insert(change.key.to_string());
            self.empty(&change.key);
        } else {
            self.terminating.remove(&*change.key);
        }
    }

    /// Deletes what is in a namespace, and takes the finalizer off the namespace when nothing is left.
    fn empty(&self, namespace: &str) {
        let registry = &*self.registry;
        let mut left = false;
        for resource in registry.catalog().stored().iter().filter(|r| r.namespaced) {
            let contents = registry.store().list(&resource.table, &format!("{namespace}/"));
            for (key, object) in contents.objects {
                if !object.value["metadata"]["deletionTimestamp"].is_string() {
                    delete(registry, resource, &key);
                }
                left |= registry.store().get(&resource.table, &key).is_some();
            }
        }
        if left {
            return;
        }
        let Some(namespaces) = resource(registry, NAMESPACES) else {
            return;
        };
        registry.guaranteed_update(&namespaces, namespace, |object| {
            let mut next = object.clone();
            let list = next["spec"]["finalizers"].as_array_mut()?;
            let before = list.len();
            list.retain(|finalizer| finalizer != finalizers::KUBERNETES);
            (list.len() < before).then_some(next)
        });
    }
}
