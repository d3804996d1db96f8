//! Editing a cluster as a text: what people see of it, what their edit means, and what it would come to.

use butler_api::v1alpha1::TenantCluster;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Map, Value};
use similar::TextDiff;

use super::change::{self, Writer};
use super::read::{self, Found, ReadError};
use crate::pages;
use crate::reach::Reach;

/// How often an edit is sent again because a controller wrote the status meanwhile.
const ATTEMPTS: u32 = 10;

/// An edit: a merge patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit(Value);

/// Why an edit did not come about.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The cluster cannot be read.
    #[error(transparent)]
    Read(Box<ReadError>),
    /// It cannot be written as a text.
    #[error("the cluster cannot be written as YAML")]
    Write(String),
    /// The text is no YAML of a cluster.
    #[error("the text is no TenantCluster: {0}")]
    Text(String),
    /// The text is of another object.
    #[error("{0} cannot be edited")]
    Identity(&'static str),
    /// Somebody else changed the same cluster.
    #[error("somebody changed cluster {0} while it was edited")]
    Conflict(String),
    /// The API server did not take it.
    #[error(transparent)]
    Kubernetes(Box<kube::Error>),
}

impl From<ReadError> for EditError {
    fn from(error: ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

/// The cluster as people edit it: without what only controllers write.
pub fn document(object: &DynamicObject) -> Result<String, EditError> {
    let value = Value::Object(editable(object)?);
    serde_saphyr::to_string(&value).map_err(|error| EditError::Write(error.to_string()))
}

/// What only the API server and controllers write.
const NOT_EDITED: [&str; 5] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "selfLink",
];

fn editable(object: &DynamicObject) -> Result<Map<String, Value>, EditError> {
    let value = serde_json::to_value(object).map_err(|error| EditError::Write(error.to_string()))?;
    let Value::Object(mut whole) = value else {
        return Err(EditError::Write("it is no object".to_owned()));
    };
    whole.remove("status");
    if let Some(metadata) = whole.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in NOT_EDITED {
            metadata.remove(name);
        }
    }
    Ok(whole)
}

/// What an edited text means; nothing where it means the same.
pub fn read_edit(object: &DynamicObject, text: &str) -> Result<Option<Edit>, EditError> {
    let before = Value::Object(editable(object)?);
    let after: Value = serde_saphyr::from_str(text).map_err(|error| EditError::Text(error.to_string()))?;
    if !after.is_object() {
        return Err(EditError::Text("it is no object".to_owned()));
    }
    for (path, what) in [
        ("/apiVersion", "apiVersion"),
        ("/kind", "kind"),
        ("/metadata/name", "the name of a cluster"),
        ("/metadata/namespace", "the namespace of a cluster"),
        ("/metadata/uid", "metadata.uid"),
    ] {
        if before.pointer(path) != after.pointer(path) {
            return Err(EditError::Identity(what));
        }
    }
    let typed = serde_json::from_value::<TenantCluster>(after.clone());
    typed.map_err(|error| EditError::Text(error.to_string()))?;
    let patch = difference(&before, &after);
    Ok(patch.map(Edit))
}

/// The merge patch from one value to another; nothing where they are the same.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    match (before, after) {
        (before, after) if before == after => None,
        (Value::Object(before), Value::Object(after)) => {
            let gone = before.keys().filter(|name| !after.contains_key(*name));
            let mut patch: Map<String, Value> = gone.map(|name| (name.clone(), Value::Null)).collect();
            for (name, value) in after {
                let part = match before.get(name) {
                    Some(known) => difference(known, value),
                    None => Some(value.clone()),
                };
                patch.extend(part.map(|part| (name.clone(), part)));
            }
            Some(Value::Object(patch))
        }
        (_, after) => Some(after.clone()),
    }
}

/// What an edit would come to, as the lines that change; the API server checks it and keeps nothing.
pub async fn preview(reach: &Reach, found: &Found, edit: &Edit, writer: Writer) -> Result<String, EditError> {
    let after = send(reach, found, edit, writer, true).await?;
    let (before, after) = (document(&found.object)?, document(&after)?);
    let lines = TextDiff::from_lines(&before, &after);
    Ok(lines
        .unified_diff()
        .context_radius(2)
        .header("now", "edited")
        .to_string())
}

/// Sends an edit.
pub async fn apply(reach: &Reach, found: &Found, edit: &Edit, writer: Writer) -> Result<DynamicObject, EditError> {
    send(reach, found, edit, writer, writer.on_server()).await
}

/// Sends an edit for the object that was edited. Where somebody was faster, but changed nothing that is edited here, it is sent
/// for what is there now.
async fn send(
    reach: &Reach,
    found: &Found,
    edit: &Edit,
    writer: Writer,
    dry_run: bool,
) -> Result<DynamicObject, EditError> {
    let params = PatchParams {
        dry_run,
        field_manager: Some(writer.manager.to_owned()),
        ..PatchParams::default()
    };
    let api = change::clusters(reach, &found.namespace);
    let edited = editable(&found.object)?;
    let mut version = found.object.metadata.resource_version.clone();
    for _ in 0..ATTEMPTS {
        let mut patch = edit.0.clone();
        if let Some(version) = &version {
            let metadata = Map::from_iter([("resourceVersion".to_owned(), Value::String(version.clone()))]);
            let whole = Map::from_iter([("metadata".to_owned(), Value::Object(metadata))]);
            json_patch::merge(&mut patch, &Value::Object(whole));
        }
        match api.patch(&found.name, &params, &Patch::Merge(&patch)).await {
            Ok(object) => return Ok(pages::without_managed_fields(object)),
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let now = read::cluster(reach, &found.namespace, &found.name).await?;
                if editable(&now.object)? != edited {
                    break;
                }
                version = now.object.metadata.resource_version;
            }
            Err(error) => return Err(EditError::Kubernetes(Box::new(error))),
        }
    }
    Err(EditError::Conflict(found.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> DynamicObject {
        serde_json::from_str(text).unwrap()
    }

    fn demo() -> DynamicObject {
        object(
            r#"{"apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
                "metadata": {"name": "demo", "namespace": "alpha", "uid": "u", "resourceVersion": "7", "generation": 3,
                             "labels": {"a": "b"}, "managedFields": [{"manager": "x"}]},
                "spec": {"kubernetesVersion": "v1.32.2", "workers": {"replicas": 2}}, "status": {"phase": "Ready"}}"#,
        )
    }

    #[test]
    fn a_text_has_what_people_edit() {
        let text = document(&demo()).unwrap();
        for absent in ["managedFields", "resourceVersion", "generation", "status"] {
            assert!(!text.contains(absent), "{absent}: {text}");
        }
        assert_eq!(read_edit(&demo(), &text).unwrap(), None);
    }

    #[test]
    fn an_edit_is_what_differs() {
        let text = document(&demo()).unwrap();
        let edit =
            |from: &str, to: &str| read_edit(&demo(), &text.replace(from, to)).map(|edit| edit.unwrap().0.to_string());
        assert_eq!(
            edit("replicas: 2", "replicas: 3").unwrap(),
            r#"{"spec":{"workers":{"replicas":3}}}"#
        );
        assert_eq!(
            edit("  labels:\n    a: b\n", "").unwrap(),
            r#"{"metadata":{"labels":null}}"#
        );
        assert_eq!(
            edit("name: demo", "name: other").unwrap_err().to_string(),
            "the name of a cluster cannot be edited"
        );
        assert!(matches!(edit("replicas: 2", "replicas: two"), Err(EditError::Text(_))));
        assert!(matches!(edit("spec:", "spec: ["), Err(EditError::Text(_))));
    }
}
