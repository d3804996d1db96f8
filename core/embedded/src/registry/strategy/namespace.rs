//! The strategy of namespaces.

use serde_json::{Value, json};

use super::defaults::fill;
use super::{Strategy, Validation};
use crate::admit::names;
use crate::kinds::{Resource, finalizers};
use crate::limits::Excess;
use crate::status::Cause;
use crate::text::meta;

pub(super) struct Namespace;

impl Strategy for Namespace {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        let name = meta(object, "name").to_owned();
        fill(
            object,
            json!({
                "metadata": {"labels": {}}, "spec": {"finalizers": [finalizers::KUBERNETES]}, "status": {"phase": "Active"},
            }),
        );
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
        Ok(())
    }

    /// Only the subresource `finalize` changes the finalizers of the specification.
    fn prepare_for_update(&self, old: &Value, new: &mut Value) {
        if let Some(finalizers) = old["spec"].get("finalizers") {
            new["spec"]["finalizers"] = finalizers.clone();
        }
    }

    fn validate_name(&self, name: &str) -> Vec<String> {
        names::label(name)
    }

    /// The phase says whether the namespace is being deleted.
    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        let deleting = write.object["metadata"]["deletionTimestamp"].is_string();
        let phase = &write.object["status"]["phase"];
        if deleting == (phase == "Terminating") {
            return;
        }
        let why = if deleting {
            "may only be 'Terminating' if `deletionTimestamp` is not empty"
        } else {
            "may only be 'Active' if `deletionTimestamp` is empty"
        };
        causes.push(Cause::invalid("status.phase", phase, why));
    }

    fn selectable_fields(&self, _: &Resource) -> &'static [&'static str] {
        &["status.phase"]
    }

    fn deletion_grace_period(&self) -> Option<i64> {
        None
    }

    fn begin_deletion(&self, object: &mut Value) {
        object["status"]["phase"] = "Terminating".into();
    }

    /// What is in the namespace goes first, and then the finalizers of the specification.
    fn is_held(&self, object: &Value) -> bool {
        let finalizers = object["spec"]["finalizers"].as_array();
        finalizers.is_some_and(|list| !list.is_empty())
    }

    fn returns_deleted_object(&self) -> bool {
        true
    }
}
