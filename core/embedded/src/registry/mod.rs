//! The objects of every resource, and what happens to one on its way into the store: decoding, defaults, admission, validation,
//! managed fields. What differs from resource to resource is its [`strategy`].
//!
//! Objects are JSON, not types: custom resources have none, and of a built-in kind a client may write what a newer release
//! knows and ours does not.
//!
//! Knows nothing of HTTP. Writes are seen at once but are on disk only after [`Registry::durable`], and nobody may be told of
//! them before.

#![expect(
    clippy::disallowed_macros,
    reason = "the server keeps objects of every kind as JSON, and changes of them what their clients wrote"
)]

mod bootstrap;
mod create;
mod decode;
mod definitions;
mod delete;
mod list;
mod namespace_lifecycle;
mod options;
mod patch;
mod scale;
mod selection;
mod strategy;
mod update;
mod watch;

use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

pub(crate) use self::decode::{Decoded, cannot_handle, decode, go_type};
pub(crate) use self::list::{Continue, ListOptions, Page, Version};
pub(crate) use self::options::{DeleteOptions, FieldValidation, Propagation, WriteOptions};
pub(crate) use self::patch::Patch;
pub(crate) use self::scale::ScaleChange;
pub(crate) use self::selection::Selection;
pub(crate) use self::watch::{Event, EventType, InitialEvents, Watch};
use crate::access::User;
use crate::admission::{Admitted, Gate, Operation, Write};
use crate::kinds::builtin::DEFINITIONS;
use crate::kinds::catalog::Catalog;
use crate::kinds::{RequestInfo, Resource};
use crate::status::StatusError;
use crate::store::{Clash, Expect, Object, Store};

/// All objects and the resources that they belong to.
pub(crate) struct Registry {
    store: Store,
    catalog: RwLock<Arc<Catalog>>,
    gate: Gate,
}

/// A write: what it is about, who wants it, and how.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) info: &'a RequestInfo,
    pub(crate) user: &'a User,
    pub(crate) options: &'a WriteOptions,
}

/// The outcome of a write.
pub(crate) struct Written {
    /// The object as stored, or as it would be.
    pub(crate) object: Arc<Object>,
    /// What the client is to be warned of.
    pub(crate) warnings: Vec<String>,
    /// The object was not there before.
    pub(crate) created: bool,
    /// Must be on disk before anybody hears of it; 0 where nothing was written.
    pub(crate) revision: u64,
}

impl Registry {
    /// Brings the definitions in a store up to date, and makes the objects that every cluster has.
    pub(crate) fn new(store: Store) -> Self {
        let registry = Self {
            store,
            catalog: RwLock::default(),
            gate: Gate::default(),
        };
        registry.settle_definitions();
        registry.create_bootstrap_objects();
        registry
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Where writes wait for their admission.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Asks for the admission of a write; it is to be carried out while the answer is held.
    fn admit(
        &self,
        resource: &Resource,
        user: &User,
        (old, new): (Option<&Value>, Option<&Value>),
    ) -> Result<Admitted<'_>, StatusError> {
        let write = Write {
            operation: match (old, new) {
                (None, _) => Operation::Create,
                (Some(_), Some(_)) => Operation::Update,
                (Some(_), None) => Operation::Delete,
            },
            group: &resource.group,
            resource: &resource.plural,
            old,
            new,
            user: &user.name,
            groups: &user.groups,
        };
        self.gate.admit(&self.store, &write)
    }

    /// The resources that are served now.
    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn reload_catalog(&self) {
        let mut catalog = self.catalog.write().unwrap_or_else(PoisonError::into_inner);
        let definitions = self.store.list(DEFINITIONS, "").objects;
        let definitions = definitions.iter().map(|(_, object)| (object.revision, &object.value));
        *catalog = Arc::new(Catalog::build(&catalog, definitions));
    }

    /// Waits until a revision is on disk.
    pub(crate) async fn durable(&self, revision: u64) -> Result<(), StatusError> {
        let durable = self.store.durable(revision).await;
        durable.map_err(|error| StatusError::internal(error.to_string()))
    }

    /// The object that a request is about, if it is there.
    pub(crate) fn find(&self, info: &RequestInfo) -> Option<Arc<Object>> {
        self.store.get(&info.resource.table, &info.key())
    }

    /// The object that a request is about.
    pub(crate) fn get(&self, info: &RequestInfo) -> Result<Arc<Object>, StatusError> {
        self.find(info).ok_or_else(|| info.not_found())
    }

    /// Follows every write: the resources that are served change when definitions do, and a definition that is being deleted
    /// goes with the last of its objects.
    pub(crate) fn after_write(&self, resource: &Resource, key: &str) {
        if &*resource.table == DEFINITIONS {
            self.settle_definition(key);
        } else if resource.custom.as_ref().is_some_and(|c| c.terminating) {
            self.finalize_definition_of(resource);
        }
    }

    /// Changes an object until nobody is faster, and removes it where nothing holds it any more; `update` returns nothing where
    /// there is nothing to change. For controllers: nothing is checked, and [`Registry::after_write`] is theirs to call.
    pub(crate) fn guaranteed_update(
        &self,
        resource: &Resource,
        key: &str,
        update: impl Fn(&Value) -> Option<Value>,
    ) -> Option<Arc<Object>> {
        let table = &resource.table;
        loop {
            let current = self.store.get(table, key)?;
            let next = update(&current.value)?;
            let expect = Expect::At(current.revision);
            let written = if strategy::is_finished(resource, &next) {
                self.store.remove(table, key, expect, next)
            } else {
                self.store.commit(table, key, expect, Some(next))
            };
            match written {
                Ok(object) => return Some(object),
                Err(Clash::Changed) => {}
                Err(Clash::TooMuch(excess)) => {
                    tracing::warn!(?excess, %table, key, "a controller cannot write");
                    return None;
                }
                Err(Clash::Broken(error)) => {
                    tracing::warn!(%error, %table, key, "a controller cannot write");
                    return None;
                }
            }
        }
    }

    /// The object of a dry run: refused where it would be refused.
    fn would_store(&self, resource: &Resource, key: &str, object: Value) -> Result<Arc<Object>, StatusError> {
        let object = Object::unsaved(object);
        match self.store.excess(&resource.table, key, &object) {
            Some(excess) => Err(excess.into()),
            None => Ok(Arc::new(object)),
        }
    }
}

/// The outcome of a write with the warnings of its decoding in front of its own.
fn with_warnings(outcome: Result<Written, StatusError>, mut warnings: Vec<String>) -> Result<Written, StatusError> {
    match outcome {
        Ok(mut written) => {
            warnings.append(&mut written.warnings);
            Ok(Written { warnings, ..written })
        }
        Err(failure) => Err(failure.with_warnings(&warnings)),
    }
}

/// The refusal of a write that the store did not take; `changed` where somebody else was faster.
fn refused(clash: Clash, changed: impl FnOnce() -> StatusError) -> StatusError {
    match clash {
        Clash::Changed => changed(),
        Clash::TooMuch(excess) => excess.into(),
        Clash::Broken(error) => StatusError::internal(error.to_string()),
    }
}

/// The refusal of a change to an object that is no longer what the client saw.
fn stale(resource: &Resource, name: &str) -> StatusError {
    StatusError::conflict(
        &resource.group_resource(),
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
    )
}

#[cfg(test)]
mod tests;
