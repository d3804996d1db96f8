//! The resources that are served: built-in kinds and those that CustomResourceDefinitions add.

pub(crate) mod builtin;
pub(crate) mod catalog;
pub(crate) mod finalizers;
mod request_info;

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

pub(crate) use self::request_info::RequestInfo;
use crate::schema::Schema;
use crate::status::GroupResource;

/// A resource in one version, as a path names it.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) status: bool,
    pub(crate) scale: Option<Scale>,
    /// The table of the store.
    pub(crate) table: Arc<str>,
    /// What a definition says about the resource; absent for built-in kinds.
    pub(crate) custom: Option<Custom>,
    /// Whether the server counts changes of the specification in `metadata.generation`.
    pub(crate) generation: bool,
    /// The structure of the objects; made on first use.
    pub(crate) schema: OnceLock<Arc<Schema>>,
}

/// Where a custom resource keeps what its scale subresource shows.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    pub(crate) selector: Option<String>,
}

/// What a CustomResourceDefinition says about one version.
#[derive(Debug)]
pub(crate) struct Custom {
    /// The version's schema as given.
    pub(crate) raw_schema: Value,
    /// A hash of that, made on first use.
    pub(crate) fingerprint: OnceLock<[u8; 32]>,
    pub(crate) columns: Value,
    pub(crate) selectable: Vec<String>,
    /// The text of the warning, if this version is deprecated.
    pub(crate) deprecation: Option<String>,
    /// The definition is being deleted: nothing new may be created.
    pub(crate) terminating: bool,
}

impl Resource {
    pub(crate) fn api_version(&self) -> String {
        join_group(&self.group, &self.version)
    }

    /// An object of the store with its `kind` and `apiVersion`.
    pub(crate) fn with_type(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(members) = object.as_object_mut() {
            self.insert_type(members);
        }
        object
    }

    /// Sets `kind` and `apiVersion`.
    pub(crate) fn insert_type(&self, object: &mut Map<String, Value>) {
        object.insert("kind".into(), self.kind.clone().into());
        object.insert("apiVersion".into(), self.api_version().into());
    }

    pub(crate) fn group_resource(&self) -> GroupResource<'_> {
        GroupResource {
            group: &self.group,
            resource: &self.plural,
        }
    }

    /// The structure of the objects.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        self.schema.get_or_init(|| match &self.custom {
            Some(custom) => Arc::new(Schema::custom(&custom.raw_schema)),
            None => builtin::schema(&self.group, &self.kind),
        })
    }

    /// Whether the kind is built in, not added by a definition.
    pub(crate) fn is_built_in(&self) -> bool {
        self.custom.is_none()
    }

    /// The store's key of an object.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> String {
        if self.namespaced {
            format!("{namespace}/{name}")
        } else {
            name.to_owned()
        }
    }

    /// What may stand behind the name of an object in a path, in the order of discovery.
    pub(crate) fn subresources(&self) -> Vec<Subresource<'_>> {
        let mut list = Vec::new();
        let verbs: &[&str] = &["get", "patch", "update"];
        if &*self.table == builtin::NAMESPACES {
            list.push(Subresource {
                name: "finalize",
                kind: ("", "", &self.kind),
                verbs: &["update"],
            });
        }
        if &*self.table == builtin::SERVICE_ACCOUNTS {
            let kind = ("authentication.k8s.io", "v1", "TokenRequest");
            list.push(Subresource {
                name: "token",
                kind,
                verbs: &["create"],
            });
        }
        if self.scale.is_some() {
            list.push(Subresource {
                name: "scale",
                kind: ("autoscaling", "v1", "Scale"),
                verbs,
            });
        }
        if self.status {
            list.push(Subresource {
                name: "status",
                kind: ("", "", &self.kind),
                verbs,
            });
        }
        list
    }

    /// The verbs that discovery names.
    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        match self.plural.as_str() {
            _ if is_review(&self.group) => &["create"],
            "namespaces" if self.group.is_empty() => &["create", "delete", "get", "list", "patch", "update", "watch"],
            _ if !self.is_built_in() => &[
                "delete",
                "deletecollection",
                "get",
                "list",
                "patch",
                "create",
                "update",
                "watch",
            ],
            _ => &[
                "create",
                "delete",
                "deletecollection",
                "get",
                "list",
                "patch",
                "update",
                "watch",
            ],
        }
    }
}

/// A subresource as discovery shows it.
pub(crate) struct Subresource<'a> {
    pub(crate) name: &'static str,
    /// Group, version and kind; the group is empty for the resource's own.
    pub(crate) kind: (&'static str, &'static str, &'a str),
    pub(crate) verbs: &'static [&'static str],
}

/// Groups whose resources are answered, not stored.
pub(crate) fn is_review(group: &str) -> bool {
    matches!(group, "authentication.k8s.io" | "authorization.k8s.io")
}

pub(crate) fn join_group(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}
