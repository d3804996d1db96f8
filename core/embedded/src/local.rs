//! Reading and writing in this process, without HTTP, for controllers that live beside the server.
//!
//! A write is checked as a request would be and is seen by everybody at once, but does not wait for the disk; nor is the
//! interceptor asked. What such a controller writes it can find out again from the objects.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::authentication::v1::TokenRequestStatus;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::access::User;
use crate::kinds::{RequestInfo, Resource};
use crate::registry::{self, Context, DeleteOptions, FieldValidation, Patch, Registry, WriteOptions};
use crate::rest;
use crate::server::{Held, Server};
use crate::status::StatusError;
use crate::store::{Change, Object};

/// A resource in one namespace, or in the cluster.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// API version, such as `v1`.
    pub version: &'a str,
    /// Plural name of the resource, such as `pods`.
    pub resource: &'a str,
    /// Namespace of the objects; empty for cluster-scoped resources.
    pub namespace: &'a str,
}

/// A request that the server refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// HTTP status code that a request would have got.
    pub code: u16,
    /// The message that a request would have got.
    pub message: String,
}

impl From<StatusError> for Refused {
    fn from(failure: StatusError) -> Self {
        let StatusError { code, message, .. } = failure;
        Self { code, message }
    }
}

/// Access to a server in this process, with all rights.
#[derive(Debug, Clone)]
pub struct Local {
    server: Arc<Held>,
    user: User,
    options: WriteOptions,
}

impl Server {
    /// Access in this process; `manager` stands in `managedFields`.
    pub fn local(&self, manager: &str) -> Local {
        Local {
            server: self.held(),
            user: User::administrator(),
            options: WriteOptions {
                dry_run: false,
                manager: manager.to_owned(),
                manager_given: true,
                force: None,
                validation: FieldValidation::Ignore,
            },
        }
    }
}

impl Local {
    /// The same access in the name of another user. What that user may do is not asked: whoever checks writes sees the name.
    #[must_use]
    pub fn acting_as(&self, user: &str, groups: Vec<String>) -> Self {
        Self {
            user: User::authenticated(user.to_owned(), groups),
            ..self.clone()
        }
    }

    /// The version of Kubernetes that the server reports.
    pub fn version(&self) -> &str {
        &self.server.api().version
    }

    /// One object, as a client's request would get it.
    pub fn get(&self, at: At<'_>, name: &str) -> Result<Value, Refused> {
        let info = self.info(at, name, "")?;
        let object = self.registry().get(&info)?;
        Ok(info.resource.with_type(&object.value))
    }

    /// All objects of a namespace, or of the cluster, in the order of a client's list.
    pub fn list(&self, at: At<'_>) -> Result<Vec<Value>, Refused> {
        let info = self.info(at, "", "")?;
        let snapshot = self.registry().store().list(&info.resource.table, &info.key_prefix());
        let objects = snapshot.objects.iter();
        Ok(objects
            .map(|(_, object)| info.resource.with_type(&object.value))
            .collect())
    }

    /// Creates an object, as a client's request would.
    pub fn create(&self, at: At<'_>, object: Value) -> Result<(), Refused> {
        self.created(at, object).map(drop)
    }

    /// The same, telling what was made.
    pub fn created(&self, at: At<'_>, object: Value) -> Result<Stored, Refused> {
        let info = self.info(at, "", "")?;
        let decoded = registry::decode(&info.resource, object, self.options.validation)?;
        let written = self.registry().create(&self.context(&info), decoded)?;
        Ok(Stored {
            resource: info.resource,
            object: written.object,
            changed: true,
        })
    }

    /// Changes an object by a JSON merge patch (RFC 7386); of its status where `status` is set. Tells whether that changed it.
    pub fn patch(&self, at: At<'_>, name: &str, status: bool, patch: Value) -> Result<bool, Refused> {
        Ok(self.patched(at, name, status, patch)?.changed)
    }

    /// The same, telling what became of the object. A `resourceVersion` in the patch has to be the object's own.
    pub fn patched(&self, at: At<'_>, name: &str, status: bool, patch: Value) -> Result<Stored, Refused> {
        let info = self.info(at, name, if status { "status" } else { "" })?;
        let written = self.registry().patch(&self.context(&info), &Patch::Merge(patch))?;
        Ok(Stored {
            resource: info.resource,
            object: written.object,
            changed: written.revision != 0,
        })
    }

    /// A token for a service account, good for so many seconds, as a `TokenRequest` would get it.
    pub fn token(&self, namespace: &str, account: &str, seconds: i64) -> Result<(String, Timestamp), Refused> {
        let at = At {
            group: "",
            version: "v1",
            resource: "serviceaccounts",
            namespace,
        };
        let info = self.info(at, account, "token")?;
        let TokenRequestStatus {
            token,
            expiration_timestamp,
        } = rest::issue_token(self.server.api(), &info, seconds)?;
        Ok((token, expiration_timestamp.0))
    }

    /// Deletes an object, or begins to where finalizers hold it.
    pub fn delete(&self, at: At<'_>, name: &str) -> Result<(), Refused> {
        let info = self.info(at, name, "")?;
        self.registry().delete(&info, &self.user, &DeleteOptions::default())?;
        Ok(())
    }

    /// Everything there is and every change from now on, of resources named as `pods` or `apps/deployments`, whether they
    /// exist already or not.
    pub fn follow(&self, resources: &[&str]) -> Follow {
        let changes = self.registry().store().listen();
        let mut there = VecDeque::new();
        let mut since = u64::MAX;
        for name in resources {
            let snapshot = self.registry().store().list(name, "");
            since = since.min(snapshot.revision);
            let resource: Arc<str> = (*name).into();
            there.extend(snapshot.objects.into_iter().map(|(_, object)| Seen {
                resource: Arc::clone(&resource),
                object,
                deleted: false,
            }));
        }
        Follow {
            _server: Arc::clone(&self.server),
            resources: resources.iter().map(|name| (*name).to_owned()).collect(),
            there,
            changes,
            since,
        }
    }

    fn registry(&self) -> &Registry {
        self.server.registry()
    }

    fn context<'a>(&'a self, info: &'a RequestInfo) -> Context<'a> {
        Context {
            info,
            user: &self.user,
            options: &self.options,
        }
    }

    fn info(&self, at: At<'_>, name: &str, subresource: &str) -> Result<RequestInfo, StatusError> {
        let catalog = self.registry().catalog();
        let resource = catalog.find(at.group, at.version, at.resource);
        Ok(RequestInfo {
            resource: Arc::clone(resource.ok_or_else(StatusError::no_resource)?),
            namespace: at.namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        })
    }
}

/// What became of an object that was written.
#[derive(Debug)]
pub struct Stored {
    resource: Arc<Resource>,
    object: Arc<Object>,
    changed: bool,
}

impl Stored {
    /// The object as it is stored now.
    pub fn value(&self) -> Value {
        self.resource.with_type(&self.object.value)
    }
}

/// An object as it is, after a change, or as it was before it was deleted.
#[derive(Debug)]
pub struct Seen {
    resource: Arc<str>,
    object: Arc<Object>,
    deleted: bool,
}

impl Seen {
    /// The resource of the object, such as `pods` or `apps/deployments`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The object, without `kind` and `apiVersion`; in its last state if it is gone.
    pub fn object(&self) -> &Value {
        &self.object.value
    }

    /// Whether the object has been deleted.
    pub fn deleted(&self) -> bool {
        self.deleted
    }
}

/// The objects of some resources, and their changes.
#[derive(Debug)]
pub struct Follow {
    _server: Arc<Held>,
    resources: Vec<String>,
    /// Objects of the beginning that have not been told yet.
    there: VecDeque<Seen>,
    changes: UnboundedReceiver<(Arc<str>, Arc<Change>)>,
    /// Changes up to this revision show in the objects of the beginning.
    since: u64,
}

impl Follow {
    /// Waits for the next object or change; nothing when the server has gone.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some(seen) = self.there.pop_front() {
                return Some(seen);
            }
            let (resource, change) = self.changes.recv().await?;
            if let Some(seen) = self.seen(resource, &change) {
                return Some(seen);
            }
        }
    }

    /// The next object or change, if there is one already.
    pub fn try_next(&mut self) -> Option<Seen> {
        loop {
            if let Some(seen) = self.there.pop_front() {
                return Some(seen);
            }
            let (resource, change) = self.changes.try_recv().ok()?;
            if let Some(seen) = self.seen(resource, &change) {
                return Some(seen);
            }
        }
    }

    fn seen(&self, resource: Arc<str>, change: &Change) -> Option<Seen> {
        let wanted = change.revision > self.since && self.resources.iter().any(|name| **name == *resource);
        wanted.then(|| Seen {
            resource,
            object: Arc::clone(&change.new),
            deleted: change.deleted,
        })
    }
}
