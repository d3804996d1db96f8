//! Admission by the life of namespaces: nothing new goes into one that is absent or being deleted, and some stay for ever.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusCause;

use super::Registry;
use crate::kinds::RequestInfo;
use crate::kinds::builtin::NAMESPACES;
use crate::status::{GroupResource, StatusError};

/// Namespaces that are always there.
const IMMORTAL: &[&str] = &["default", "kube-system", "kube-public"];

/// Refuses the deletion of a namespace that is always there.
pub(super) fn refuse_immortal_namespace(info: &RequestInfo) -> Result<(), StatusError> {
    let resource = &info.resource;
    if &*resource.table != NAMESPACES || !IMMORTAL.contains(&info.name.as_str()) {
        return Ok(());
    }
    let why = "this namespace may not be deleted";
    Err(StatusError::forbidden(&resource.group_resource(), &info.name, why))
}

impl Registry {
    /// Refuses a new object whose namespace, or whose definition, does not take new objects.
    pub(super) fn admit_into_namespace(&self, info: &RequestInfo, name: &str) -> Result<(), StatusError> {
        let resource = &info.resource;
        if resource.custom.as_ref().is_some_and(|c| c.terminating) {
            let why = "create not allowed while custom resource definition is terminating";
            return Err(StatusError::forbidden(&resource.group_resource(), name, why));
        }
        if !resource.namespaced {
            return Ok(());
        }
        let namespace = &info.namespace;
        let namespaces = GroupResource {
            group: "",
            resource: NAMESPACES,
        };
        let found = self.store.get(NAMESPACES, namespace);
        let found = found.ok_or_else(|| StatusError::not_found(&namespaces, namespace))?;
        if !found.value["metadata"]["deletionTimestamp"].is_string() {
            return Ok(());
        }
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut failure = StatusError::forbidden(&resource.group_resource(), name, &why);
        let cause = StatusCause {
            reason: Some("NamespaceTerminating".to_owned()),
            message: Some(format!("namespace {namespace} is being terminated")),
            field: Some("metadata.namespace".to_owned()),
        };
        if let Some(details) = &mut failure.details {
            details.causes = Some(vec![cause]);
        }
        Err(failure)
    }
}
