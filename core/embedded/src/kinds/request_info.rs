//! What a request is about.

use std::sync::Arc;

use super::Resource;
use crate::status::StatusError;

/// A resource, and which of its objects a request is about.
#[derive(Debug, Clone)]
pub(crate) struct RequestInfo {
    pub(crate) resource: Arc<Resource>,
    /// Empty for cluster-scoped resources and for all namespaces.
    pub(crate) namespace: String,
    /// Empty where a request is about the collection.
    pub(crate) name: String,
    /// Empty where a request is about the objects themselves.
    pub(crate) subresource: String,
}

impl RequestInfo {
    /// The store's key of the object.
    pub(crate) fn key(&self) -> String {
        self.resource.key(&self.namespace, &self.name)
    }

    /// What the store's keys of all objects of the collection start with.
    pub(crate) fn key_prefix(&self) -> String {
        if self.resource.namespaced && !self.namespace.is_empty() {
            format!("{}/", self.namespace)
        } else {
            String::new()
        }
    }

    /// The object itself where a request is about one of its subresources.
    pub(crate) fn without_subresource(&self) -> Self {
        Self {
            subresource: String::new(),
            ..self.clone()
        }
    }

    pub(crate) fn not_found(&self) -> StatusError {
        StatusError::not_found(&self.resource.group_resource(), &self.name)
    }
}
