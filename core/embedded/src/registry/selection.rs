//! Which objects of a collection a request is about.

use serde_json::Value;

use super::strategy;
use crate::kinds::Resource;
use crate::select::{Fields, Labels};
use crate::status::StatusError;

/// The label selector and the field selector of a request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    labels: Labels,
    fields: Fields,
}

impl Selection {
    /// Reads both selectors; an empty one selects everything.
    pub(crate) fn parse(labels: &str, fields: &str, resource: &Resource) -> Result<Self, StatusError> {
        let labels = Labels::parse(labels).map_err(StatusError::bad_request)?;
        let fields = Fields::parse(fields).map_err(StatusError::bad_request)?;
        if let Some(path) = fields.paths().find(|path| !is_selectable(resource, path)) {
            return Err(not_selectable(resource, path));
        }
        Ok(Self { labels, fields })
    }

    /// Selects only the object with a name.
    pub(crate) fn require_name(&mut self, name: &str) {
        self.fields.require("metadata.name", name);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }
}

fn is_selectable(resource: &Resource, path: &str) -> bool {
    path == "metadata.name"
        || (path == "metadata.namespace" && (resource.namespaced || resource.is_built_in()))
        || strategy::of(resource).selectable_fields(resource).contains(&path)
        || resource
            .custom
            .as_ref()
            .is_some_and(|c| c.selectable.iter().any(|s| s == path))
}

fn not_selectable(resource: &Resource, path: &str) -> StatusError {
    let plain = resource.is_built_in() && strategy::of(resource).selectable_fields(resource).is_empty();
    StatusError::bad_request(if plain {
        format!("{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    } else {
        format!("field label not supported: {path}")
    })
}
