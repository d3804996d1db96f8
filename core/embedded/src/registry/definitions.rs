//! What follows a change of a CustomResourceDefinition: it gets its names or waits for them, its resources are served, and its
//! objects go before it does. All of that happens within the write, so that the resources are there when it is answered.

use serde_json::Value;

use super::{DeleteOptions, Registry};
use crate::admit::crd::{self, Taken};
use crate::kinds::builtin::{self, DEFINITIONS};
use crate::kinds::{Resource, catalog};
use crate::text::{meta, string_at, without_finalizer};

impl Registry {
    /// Brings the status of every definition up to date, deletes the objects of those that are being deleted, and reloads the
    /// resources.
    pub(super) fn settle_definitions(&self) {
        self.settle_some(|_, _| true);
    }

    /// Does the same after a change of one definition: only it, and those that wait for names in its group, can be concerned.
    pub(super) fn settle_definition(&self, changed: &str) {
        let group = changed.split_once('.').map_or("", |(_, group)| group);
        self.settle_some(|key, definition| {
            key == changed || string_at(definition, "/spec/group") == group && crd::waits(definition)
        });
    }

    fn settle_some(&self, concerned: impl Fn(&str, &Value) -> bool) {
        let all = self.store.list(DEFINITIONS, "").objects;
        let mut taken = Taken::default();
        for (_, definition) in &all {
            taken.add(&definition.value);
        }
        let mut gone = Vec::new();
        for (key, definition) in &all {
            if !concerned(key, &definition.value) {
                continue;
            }
            let settled = self.guaranteed_update(builtin::definitions(), key, |current| {
                let status = crd::settle(current, &taken)?;
                let mut next = current.clone();
                next["status"] = status;
                Some(next)
            });
            if let Some(settled) = settled {
                taken.add(&settled.value);
            }
            let deleting = definition.value["metadata"]["deletionTimestamp"].is_string();
            if deleting && self.delete_objects_of(&definition.value) {
                self.finalize_definition(key);
                if self.store.get(DEFINITIONS, key).is_none() {
                    gone.push(key);
                }
            }
        }
        // Definitions that waited for the names of these can have them now.
        for key in gone {
            self.settle_definition(key);
        }
        self.reload_catalog();
    }

    /// Lets the definition of a resource go when the last of its objects has gone.
    pub(super) fn finalize_definition_of(&self, resource: &Resource) {
        if self.store.is_empty(&resource.table) {
            let key = format!("{}.{}", resource.plural, resource.group);
            self.finalize_definition(&key);
            self.settle_definition(&key);
        }
    }

    fn finalize_definition(&self, key: &str) {
        self.guaranteed_update(builtin::definitions(), key, |current| {
            current["metadata"]["deletionTimestamp"].as_str()?;
            without_finalizer(current, crd::CLEANUP)
        });
    }

    /// Begins the deletion of all objects of a definition; says whether none is left.
    fn delete_objects_of(&self, definition: &Value) -> bool {
        let table = catalog::table_of(definition);
        let catalog = self.catalog();
        let resource = catalog.stored().into_iter().find(|r| *r.table == *table);
        for (key, object) in self.store.list(&table, "").objects {
            let Some(resource) = &resource else { continue };
            if object.value["metadata"]["deletionTimestamp"].is_string() {
                continue;
            }
            if let Err(failure) = self.begin_deletion(resource, &key, None, &DeleteOptions::default()) {
                tracing::warn!(
                    reason = failure.message,
                    name = meta(&object.value, "name"),
                    "cannot delete an object of a definition that is being deleted"
                );
            }
        }
        self.store.is_empty(&table)
    }
}
