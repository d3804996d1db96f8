//! Admission in this process: somebody who is asked before a write is carried out, as a validating webhook would be.
//!
//! Asked are requests and [`crate::Local`], dry runs included; not asked is this server where it deletes what belongs to a
//! namespace, a definition or an owner that goes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::Value;

use crate::access::{self, Attributes, User};
use crate::status::StatusError;
use crate::store::{Object, Store};

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// It is new.
    Create,
    /// It was there, and changes.
    Update,
    /// It goes.
    Delete,
}

/// A write that is about to be carried out: defaults are set, and the schema is kept. Objects have no `kind` and `apiVersion`.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// What is done.
    pub operation: Operation,
    /// API group of the object.
    pub group: &'a str,
    /// Plural name of its resource.
    pub resource: &'a str,
    /// The object before; absent where it is new.
    pub old: Option<&'a Value>,
    /// The object after; absent where it goes.
    pub new: Option<&'a Value>,
    /// Name of the user who does it.
    pub user: &'a str,
    /// Groups of the user.
    pub groups: &'a [String],
}

/// The refusal of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// HTTP status code of the answer.
    pub code: u16,
    /// Machine-readable reason; may be empty.
    pub reason: &'static str,
    /// The message for people.
    pub message: String,
}

/// Somebody who decides about writes. He must not write himself: the decision about one write waits for that about another.
pub trait Admission: Send + Sync {
    /// Whether he wants to be asked about an operation on the objects of a resource. About subresources he is never asked.
    fn asks(&self, group: &str, resource: &str, operation: Operation) -> bool;

    /// Admits a write, with what the user is to be warned of. Of all writes that he is asked about, one is decided and carried
    /// out at a time: what `objects` shows of them still holds when the write is done.
    fn admit(&self, write: &Write<'_>, objects: Objects<'_>) -> Result<Vec<String>, Denied>;
}

/// The objects of a server as they are now.
#[derive(Debug, Clone, Copy)]
pub struct Objects<'a> {
    store: &'a Store,
}

/// An object that is there.
#[derive(Debug, Clone)]
pub struct Found(Arc<Object>);

impl Found {
    /// The object, without `kind` and `apiVersion`.
    pub fn value(&self) -> &Value {
        &self.0.value
    }
}

impl Objects<'_> {
    /// One object; `namespace` is empty where its kind has none.
    pub fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Found> {
        let found = self
            .store
            .get(&table(group, resource), &format!("{}{name}", below(namespace)));
        found.map(Found)
    }

    /// All objects of a resource in a namespace, or in all of them where it is empty.
    pub fn list(&self, group: &str, resource: &str, namespace: &str) -> Vec<Found> {
        let found = self.store.list(&table(group, resource), &below(namespace));
        found.objects.into_iter().map(|(_, object)| Found(object)).collect()
    }

    /// Whether roles allow a user something with all objects of a resource.
    pub fn allows(&self, (user, groups): (&str, &[String]), verb: &str, group: &str, resource: &str) -> bool {
        let user = User {
            name: user.to_owned(),
            groups: groups.to_vec(),
        };
        let attributes = Attributes::Resource {
            verb,
            group,
            resource,
            name: "",
            namespace: "",
        };
        access::allowed(self.store, &user, attributes)
    }
}

/// The store's table of a resource.
fn table(group: &str, resource: &str) -> String {
    if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{group}/{resource}")
    }
}

/// What the keys of a namespace's objects begin with.
fn below(namespace: &str) -> String {
    if namespace.is_empty() {
        String::new()
    } else {
        format!("{namespace}/")
    }
}

/// Where writes wait for their admission.
#[derive(Default)]
pub(crate) struct Gate {
    admission: RwLock<Option<Arc<dyn Admission>>>,
    /// Held from the decision about a write until it is carried out.
    deciding: Mutex<()>,
}

/// A write that may be carried out as long as this is held.
#[derive(Default)]
pub(crate) struct Admitted<'a> {
    pub(crate) warnings: Vec<String>,
    _deciding: Option<MutexGuard<'a, ()>>,
}

impl Gate {
    pub(crate) fn set(&self, admission: Option<Arc<dyn Admission>>) {
        *self.admission.write().unwrap_or_else(PoisonError::into_inner) = admission;
    }

    /// Whether somebody is asked about an operation.
    pub(crate) fn asks(&self, group: &str, resource: &str, operation: Operation) -> bool {
        let admission = self.admission();
        admission.is_some_and(|admission| admission.asks(group, resource, operation))
    }

    pub(crate) fn admit(&self, store: &Store, write: &Write<'_>) -> Result<Admitted<'_>, StatusError> {
        let asked = |admission: &Arc<dyn Admission>| admission.asks(write.group, write.resource, write.operation);
        let Some(admission) = self.admission().filter(asked) else {
            return Ok(Admitted::default());
        };
        let deciding = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = admission.admit(write, Objects { store });
        let warnings = admitted.map_err(|denied| StatusError::new(denied.code, denied.reason, denied.message))?;
        Ok(Admitted {
            warnings,
            _deciding: Some(deciding),
        })
    }

    fn admission(&self) -> Option<Arc<dyn Admission>> {
        self.admission.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
