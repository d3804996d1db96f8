//! Tables for `kubectl get`.

use serde_json::{Value, json};

use crate::http::Request;
use crate::kinds::Resource;
use crate::status::Failure;
use crate::store::Object;
use crate::text::meta;

/// What a row says about its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

/// Reads `includeObject`.
pub(crate) fn include(request: &Request) -> Result<Include, Failure> {
    match request.query("includeObject").unwrap_or_default() {
        "" | "Metadata" => Ok(Include::Metadata),
        "None" => Ok(Include::None),
        "Object" => Ok(Include::Object),
        other => Err(Failure::bad_request(format!(
            "Invalid value: {other:?}: unrecognized includeObject value: must be one of None, Metadata, Object"
        ))),
    }
}

/// The table of one object.
pub(crate) fn one(request: &Request, resource: &Resource, object: &Object) -> Result<Value, Failure> {
    let mut table = rows(resource, &[object], include(request)?);
    table["metadata"] = json!({"resourceVersion": meta(&object.value, "resourceVersion")});
    Ok(table)
}

/// The table of a list.
pub(crate) fn many(
    request: &Request,
    resource: &Resource,
    objects: &[&std::sync::Arc<Object>],
) -> Result<Value, Failure> {
    let objects = objects.iter().map(|o| o.as_ref()).collect::<Vec<_>>();
    Ok(rows(resource, &objects, include(request)?))
}

/// Columns and rows.
pub(crate) fn rows(resource: &Resource, objects: &[&Object], include: Include) -> Value {
    let _ = (resource, include);
    let rows = objects
        .iter()
        .map(|object| json!({"cells": [meta(&object.value, "name")], "object": super::negotiate::partial(&object.value)}))
        .collect::<Vec<_>>();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {},
        "columnDefinitions": [{"name": "Name", "type": "string", "format": "name", "description": "Name", "priority": 0}],
        "rows": rows,
    })
}
