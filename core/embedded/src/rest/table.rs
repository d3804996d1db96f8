//! Tables for `kubectl get`. They are JSON: `k8s-openapi` has no type for them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{columns, negotiate};
use crate::http::Request;
use crate::jsonpath;
use crate::kinds::Resource;
use crate::schema::openapi;
use crate::status::StatusError;
use crate::store::Object;
use crate::text::{meta, string_at};

/// What a row says about its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Include {
    None,
    Metadata,
    Object,
}

/// The part of an object that the query asks to stand in its row.
pub(super) fn include(request: &Request) -> Result<Include, StatusError> {
    match request.query_text("includeObject") {
        None | Some("Metadata") => Ok(Include::Metadata),
        Some("None") => Ok(Include::None),
        Some("Object") => Ok(Include::Object),
        Some(other) => Err(StatusError::bad_request(format!(
            "Invalid value: {other:?}: unrecognized includeObject value: must be one of None, Metadata, Object"
        ))),
    }
}

/// The table of one object.
pub(super) fn one(request: &Request, resource: &Resource, object: &Object) -> Result<Value, StatusError> {
    let mut table = rows(resource, &[object], include(request)?);
    table["metadata"] = json!({"resourceVersion": meta(&object.value, "resourceVersion")});
    table["apiVersion"] = version(request).into();
    Ok(table)
}

/// The table of a list.
pub(super) fn many(request: &Request, resource: &Resource, objects: &[Arc<Object>]) -> Result<Value, StatusError> {
    let objects = objects.iter().map(AsRef::as_ref).collect::<Vec<_>>();
    let mut table = rows(resource, &objects, include(request)?);
    table["apiVersion"] = version(request).into();
    Ok(table)
}

fn version(request: &Request) -> &'static str {
    if request.header("accept").contains("v=v1beta1") {
        "meta.k8s.io/v1beta1"
    } else {
        "meta.k8s.io/v1"
    }
}

/// A table of objects, with columns and rows.
pub(super) fn rows(resource: &Resource, objects: &[&Object], include: Include) -> Value {
    let mut definitions = vec![column("Name", "string", "name", openapi::meta_description("name"), 0)];
    let printed = match &resource.custom {
        Some(custom) => Printed::custom(&custom.columns),
        None => Printed::core(resource),
    };
    definitions.extend(printed.definitions());
    let rows = objects
        .iter()
        .map(|object| {
            let mut cells = vec![Value::from(meta(&object.value, "name"))];
            cells.extend(printed.cells(&object.value));
            let shown = match include {
                Include::None => Value::Null,
                Include::Metadata => negotiate::partial(&object.value),
                Include::Object => resource.with_type(&object.value),
            };
            json!({"cells": cells, "object": shown})
        })
        .collect::<Vec<_>>();
    if matches!(printed, Printed::Core(ref core) if core.name_last) {
        return name_last(definitions, rows);
    }
    table(&definitions, &rows)
}

fn table(definitions: &[Value], rows: &[Value]) -> Value {
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": definitions, "rows": rows,
    })
}

/// Events show their name at the end, and only on demand.
fn name_last(mut definitions: Vec<Value>, mut rows: Vec<Value>) -> Value {
    definitions.rotate_left(1);
    if let Some(name) = definitions.last_mut() {
        name["priority"] = 1.into();
    }
    for row in &mut rows {
        if let Some(cells) = row["cells"].as_array_mut() {
            cells.rotate_left(1);
        }
    }
    table(&definitions, &rows)
}

fn column(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}

enum Printed<'a> {
    Custom(Vec<&'a Value>),
    Core(columns::Columns),
}

impl<'a> Printed<'a> {
    fn custom(columns: &'a Value) -> Self {
        match columns.as_array().filter(|c| !c.is_empty()) {
            Some(columns) => Self::Custom(columns.iter().collect()),
            None => Self::Custom(vec![&AGE]),
        }
    }

    fn core(resource: &Resource) -> Self {
        Self::Core(columns::of(&resource.group, &resource.plural))
    }

    fn definitions(&self) -> Vec<Value> {
        match self {
            Self::Custom(columns) => columns
                .iter()
                .map(|c| {
                    let path = string_at(c, "/jsonPath");
                    let given = string_at(c, "/description");
                    let made = format!("Custom resource definition column (in JSONPath format): {path}");
                    let description = if given.is_empty() { &made } else { given };
                    let priority = c["priority"].as_i64().unwrap_or(0);
                    column(
                        string_at(c, "/name"),
                        string_at(c, "/type"),
                        string_at(c, "/format"),
                        description,
                        priority,
                    )
                })
                .collect(),
            Self::Core(core) => {
                let described = |name: &str| {
                    if name == "Age" {
                        openapi::meta_description("creationTimestamp")
                    } else {
                        ""
                    }
                };
                core.names
                    .iter()
                    .map(|(name, priority)| column(name, "string", "", described(name), *priority))
                    .collect()
            }
        }
    }

    fn cells(&self, object: &Value) -> Vec<Value> {
        match self {
            Self::Custom(columns) => columns.iter().map(|c| custom_cell(c, object)).collect(),
            Self::Core(core) => (core.cells)(object),
        }
    }
}

static AGE: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| {
    json!({
        "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
    })
});

fn custom_cell(column: &Value, object: &Value) -> Value {
    let Some(value) = jsonpath::find(object, string_at(column, "/jsonPath")).first().copied() else {
        return Value::Null;
    };
    match string_at(column, "/type") {
        "string" => match value {
            Value::String(_) => value.clone(),
            other => other.to_string().into(),
        },
        "integer" => value.as_i64().or_else(|| whole(value)).map_or(Value::Null, Value::from),
        "number" if value.is_number() => value.clone(),
        "boolean" if value.is_boolean() => value.clone(),
        "date" => value.as_str().map_or(Value::Null, |text| columns::age(text).into()),
        _ => Value::Null,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a cell shows the whole part")]
fn whole(value: &Value) -> Option<i64> {
    value.as_f64().map(|f| f as i64)
}
