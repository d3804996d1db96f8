//! Decoding: JSON values become objects in the form that the registry works on.

use serde_json::{Map, Value};

use super::FieldValidation;
use crate::kinds::Resource;
use crate::schema::openapi::META;
use crate::schema::{Schema, Trail, Type, normal};
use crate::status::StatusError;

/// A decoded object, with warnings for the client.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) object: Value,
    pub(crate) warnings: Vec<String>,
}

/// Brings an object that was read into the resource's form: types of built-in kinds and of metadata are checked, unknown fields
/// dropped, and the object loses `kind` and `apiVersion`.
pub(crate) fn decode(
    resource: &Resource,
    mut object: Value,
    validation: FieldValidation,
) -> Result<Decoded, StatusError> {
    if let Some(map) = object.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    let schema = resource.schema();
    if resource.is_built_in() {
        decode_typed(&mut object, schema, Trail::Root(&resource.kind)).map_err(|why| cannot_handle(resource, &why))?;
    } else {
        let metadata = object
            .as_object_mut()
            .map(|m| m.entry("metadata").or_insert_with(|| Value::Object(Map::new())));
        if let Some(metadata) = metadata {
            decode_typed(metadata, &META, Trail::Root("ObjectMeta")).map_err(|why| cannot_handle(resource, &why))?;
        }
    }
    let mut unknown = Vec::new();
    if resource.is_built_in() {
        unknown = normal::prune(&mut object, schema);
    } else {
        if let Some(metadata) = object.get_mut("metadata") {
            let dropped = normal::prune(metadata, &META);
            unknown.extend(dropped.into_iter().map(|p| format!("metadata.{p}")));
        }
        // Those of metadata are named last.
        unknown.splice(0..0, normal::prune(&mut object, schema));
    }
    let warnings = unknown
        .iter()
        .map(|field| format!("unknown field {field:?}"))
        .collect::<Vec<_>>();
    match validation {
        FieldValidation::Strict if !warnings.is_empty() => Err(cannot_handle(
            resource,
            &format!("strict decoding error: {}", warnings.join(", ")),
        )),
        FieldValidation::Warn => Ok(Decoded { object, warnings }),
        _ => Ok(Decoded {
            object,
            warnings: Vec::new(),
        }),
    }
}

/// The refusal of an object that does not decode.
pub(crate) fn cannot_handle(resource: &Resource, why: &str) -> StatusError {
    let kind = &resource.kind;
    StatusError::bad_request(format!(
        "{kind} in version {:?} cannot be handled as a {kind}: {why}",
        resource.version
    ))
}

/// Checks types as Go's decoder would, and drops nulls.
fn decode_typed(value: &mut Value, schema: &Schema, path: Trail<'_>) -> Result<(), String> {
    if value.is_null() || schema.kind == Type::Any {
        return Ok(());
    }
    let fits = match schema.kind {
        Type::Any => true,
        Type::Object => value.is_object(),
        Type::Array => value.is_array(),
        Type::String => value.is_string(),
        Type::Integer => value.is_i64() || value.is_u64(),
        Type::Number => value.is_number(),
        Type::Boolean => value.is_boolean(),
    };
    if !fits {
        let wanted = go_wanted(schema);
        return Err(format!(
            "json: cannot unmarshal {} into Go struct field {path} of type {wanted}",
            go_type(value)
        ));
    }
    match value {
        Value::Object(map) => {
            let declared = !schema.properties.is_empty();
            // Go leaves out what is empty, and we keep what it would.
            map.retain(|name, child| {
                !declared || name == "managedFields" || !(child.is_null() || is_empty(child, schema, name))
            });
            for (name, child) in map {
                if let Some(member) = schema.member(name) {
                    let path = if declared { Trail::Field(&path, name) } else { path };
                    decode_typed(child, member, path)?;
                    if child.is_null() && member.kind == Type::String {
                        *child = "".into();
                    }
                }
            }
        }
        Value::Array(list) => {
            for item in list {
                if let Some(items) = &schema.items {
                    decode_typed(item, items, path)?;
                }
            }
        }
        Value::String(text) if schema.limits.format.as_deref() == Some("byte") => {
            use base64::Engine as _;
            if base64::engine::general_purpose::STANDARD.decode(&*text).is_err() {
                return Err("illegal base64 data at input byte 0".to_owned());
            }
        }
        Value::String(text)
            if schema.limits.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() =>
        {
            return Err(format!(
                "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?}"
            ));
        }
        _ => {}
    }
    Ok(())
}

/// An empty list or map (not struct) that is not required.
fn is_empty(value: &Value, schema: &Schema, name: &str) -> bool {
    let Some(member) = schema.member(name) else {
        return false;
    };
    let empty = match value {
        // Of another type it is wrong, not empty.
        Value::Array(list) => list.is_empty() && matches!(member.kind, Type::Array | Type::Any),
        Value::Object(map) => map.is_empty() && member.additional.is_some(),
        _ => false,
    };
    empty && !schema.required.iter().any(|r| r == name)
}

/// The type of a value in the words of Go's decoder.
pub(crate) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn go_wanted(schema: &Schema) -> String {
    match schema.kind {
        Type::Object => schema.additional.as_ref().map_or_else(
            || "struct".to_owned(),
            |values| format!("map[string]{}", go_wanted(values)),
        ),
        Type::Array => format!(
            "[]{}",
            schema
                .items
                .as_ref()
                .map_or_else(|| "interface {}".to_owned(), |i| go_wanted(i))
        ),
        Type::Integer => schema.limits.format.clone().unwrap_or_else(|| "int64".to_owned()),
        Type::Number => "float64".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::String | Type::Any => "string".to_owned(),
    }
}
