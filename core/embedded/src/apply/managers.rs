//! The list of managers in `metadata.managedFields`.

use serde_json::Value;

use crate::kinds::Resource;

/// Who writes, and how.
#[derive(Debug, Clone)]
pub(crate) struct Actor<'a> {
    pub(crate) manager: &'a str,
    pub(crate) api_version: String,
    pub(crate) subresource: &'a str,
    pub(crate) retry: bool,
}

impl<'a> Actor<'a> {
    /// An ordinary write.
    pub(crate) fn update(manager: &'a str, resource: &Resource, subresource: &'a str) -> Self {
        Self {
            manager,
            api_version: resource.api_version(),
            subresource,
            retry: false,
        }
    }

    /// A change that can be computed again from a newer object.
    pub(crate) fn patch(manager: &'a str, resource: &Resource, subresource: &'a str) -> Self {
        Self {
            retry: true,
            ..Self::update(manager, resource, subresource)
        }
    }

    pub(crate) fn retries(&self) -> bool {
        self.retry
    }
}

/// Notes what an ordinary write changed.
pub(crate) fn track_update(old: Option<&Value>, new: &mut Value, resource: &Resource, actor: &Actor<'_>) {
    let _ = (old, new, resource, actor);
}
