//! What differs from resource to resource when its objects are written: a strategy per resource, one file per family of kinds.

mod config;
mod custom;
mod defaults;
mod definition;
mod event;
mod lease;
mod namespace;
mod node;
mod pod;
mod rbac;
mod service;
mod service_account;
mod volume;
mod webhook;
mod workload;

use serde_json::Value;

use crate::admit::{metadata, names};
use crate::kinds::Resource;
use crate::kinds::builtin::RBAC;
use crate::limits::Excess;
use crate::status::{Cause, StatusError};
use crate::text::meta;

/// An object that is to be written, for validation.
pub(super) struct Validation<'a> {
    pub(super) resource: &'a Resource,
    /// The object that it takes the place of, if there is one.
    pub(super) old: Option<&'a Value>,
    pub(super) object: &'a Value,
    /// The subresource that is written; empty for the main resource.
    pub(super) subresource: &'a str,
}

/// The behaviour of a resource. The defaults are those of a built-in kind without peculiarities.
pub(super) trait Strategy: Sync {
    /// Fills what clients may leave out, before validation.
    fn set_defaults(&self, _resource: &Resource, _object: &mut Value) -> Result<(), Excess> {
        Ok(())
    }

    /// Whether the status of a new object is that which its creator sends; else it is dropped.
    fn keeps_status_on_create(&self) -> bool {
        false
    }

    /// Carries over what an update may leave out or must not change.
    fn prepare_for_update(&self, _old: &Value, _new: &mut Value) {}

    /// What is wrong with the name of a new object.
    fn validate_name(&self, name: &str) -> Vec<String> {
        names::subdomain(name)
    }

    /// Adds what is wrong with an object beside its metadata. `causes` holds what is wrong with that.
    fn validate(&self, _write: &Validation<'_>, _causes: &mut Vec<Cause>) {}

    /// Whether an update of an absent object creates it.
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// Whether an update without a version is meant for whatever version is there.
    fn allow_unconditional_update(&self) -> bool {
        true
    }

    /// Fields that may be selected by beside name and namespace. Those of custom resources stand in their definition.
    fn selectable_fields(&self, _resource: &Resource) -> &'static [&'static str] {
        &[]
    }

    /// The `deletionGracePeriodSeconds` of an object whose deletion begins. Nothing here runs that could use the time.
    fn deletion_grace_period(&self) -> Option<i64> {
        Some(0)
    }

    /// Marks an object whose deletion begins, beside the marks that every object gets.
    fn begin_deletion(&self, _object: &mut Value) {}

    /// Whether anything but finalizers of the metadata holds an object that is being deleted.
    fn is_held(&self, _object: &Value) -> bool {
        false
    }

    /// Whether watchers see a deleted object go with the marks of its deletion.
    fn goes_with_deletion_marks(&self) -> bool {
        false
    }

    /// Whether the answer to a deletion is the object; else it is a `Status`.
    fn returns_deleted_object(&self) -> bool {
        false
    }
}

/// A built-in kind without peculiarities.
struct Plain;

impl Strategy for Plain {}

/// A kind whose deletion is answered with the object.
struct ReturnedWhenDeleted;

impl Strategy for ReturnedWhenDeleted {
    fn returns_deleted_object(&self) -> bool {
        true
    }
}

/// The strategy of a resource.
pub(super) fn of(resource: &Resource) -> &'static dyn Strategy {
    if !resource.is_built_in() {
        return &custom::Custom;
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap") => &config::ConfigMap,
        ("", "Event") => &event::Event,
        ("", "Namespace") => &namespace::Namespace,
        ("", "Node") => &node::Node,
        ("", "PersistentVolume") => &volume::Volume,
        ("", "PersistentVolumeClaim") => &volume::Claim,
        ("", "Pod") => &pod::Pod,
        ("", "PodTemplate" | "ResourceQuota") => &ReturnedWhenDeleted,
        ("", "ReplicationController") => &workload::ReplicationController,
        ("", "Secret") => &config::Secret,
        ("", "Service") => &service::Service,
        ("", "ServiceAccount") => &service_account::ServiceAccount,
        ("admissionregistration.k8s.io", _) => &webhook::Admission,
        ("apiextensions.k8s.io", _) => &definition::Definition,
        ("apps" | "batch", _) => &workload::Workload,
        ("coordination.k8s.io", "Lease") => &lease::Lease,
        (RBAC, _) => &rbac::Rbac,
        ("storage.k8s.io", "StorageClass") => &volume::StorageClass,
        _ => &Plain,
    }
}

/// Refuses an object in which something is wrong.
pub(super) fn validate(
    resource: &Resource,
    old: Option<&Value>,
    object: &Value,
    subresource: &str,
) -> Result<(), StatusError> {
    let strategy = of(resource);
    let mut causes = match old {
        None => metadata::check_new(resource, object, |name| strategy.validate_name(name)),
        Some(old) => metadata::check_update(resource, old, object),
    };
    let write = Validation {
        resource,
        old,
        object,
        subresource,
    };
    strategy.validate(&write, &mut causes);
    if causes.is_empty() {
        return Ok(());
    }
    let name = meta(object, "name");
    Err(StatusError::invalid(&resource.group, &resource.kind, name, &causes))
}

/// Whether an object is being deleted and nothing holds it any more.
pub(super) fn is_finished(resource: &Resource, object: &Value) -> bool {
    let metadata = &object["metadata"];
    let finalizers = metadata["finalizers"].as_array();
    metadata["deletionTimestamp"].is_string()
        && finalizers.is_none_or(Vec::is_empty)
        && !of(resource).is_held(object)
        && matches!(metadata["deletionGracePeriodSeconds"].as_i64(), None | Some(0))
}
