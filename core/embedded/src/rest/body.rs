//! Reading bodies: JSON or YAML into objects of the expected kind.

use serde_json::{Map, Value};

use super::options::FieldValidation;
use crate::duplicates;
use crate::http::Request;
use crate::kinds::Resource;
use crate::schema::{Schema, Trail, Type, normal};
use crate::status::{Cause, Failure};
use crate::text::string_at;

/// An object that was read, with warnings for the client.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) object: Value,
    pub(crate) warnings: Vec<String>,
}

/// The media type of Kubernetes' protobuf.
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Reads the body of a create or update.
pub(crate) fn object(request: &Request, resource: &Resource, validation: FieldValidation) -> Result<Decoded, Failure> {
    let value = match request.content_type() {
        "" | "application/json" => parse_json(&request.body, &resource.kind)?,
        "application/yaml" => parse_yaml(&request.body, &resource.kind)?,
        PROTOBUF if resource.is_core() => crate::protobuf::object(&request.body).map_err(|why| {
            let mut failure = unsupported_media(resource);
            failure.message = format!("{}: {why}", failure.message);
            failure
        })?,
        _ => return Err(unsupported_media(resource)),
    };
    let value = if value.is_null() && resource.is_core() {
        Value::Object(Map::new())
    } else {
        value
    };
    let value = check_kind(resource, value, &request.body)?;
    let json = matches!(request.content_type(), "" | "application/json");
    let twice = if json && validation != FieldValidation::Ignore {
        duplicates::find(&request.body)
    } else {
        Vec::new()
    };
    let mut warnings = twice
        .iter()
        .map(|path| format!("duplicate field {path:?}"))
        .collect::<Vec<_>>();
    if validation == FieldValidation::Strict && !warnings.is_empty() {
        return Err(cannot_handle(
            resource,
            &format!("strict decoding error: {}", warnings.join(", ")),
        ));
    }
    let mut decoded = conform(resource, value, validation)?;
    warnings.append(&mut decoded.warnings);
    decoded.warnings = warnings;
    Ok(decoded)
}

fn unsupported_media(resource: &Resource) -> Failure {
    let more = if resource.is_core() {
        ", application/vnd.kubernetes.protobuf"
    } else {
        ""
    };
    Failure::new(
        415,
        "UnsupportedMediaType",
        format!(
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml{more}"
        ),
    )
}

fn parse_json(body: &[u8], kind: &str) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let text = String::from_utf8_lossy(body);
        let shown = if text.is_empty() { "<empty>".to_owned() } else { text.chars().take(1000).collect() };
        Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: \
             {error} ({shown})"
        ))
    })
}

fn parse_yaml(body: &[u8], kind: &str) -> Result<Value, Failure> {
    yaml(body).map_err(|error| {
        Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; yaml parse \
             error: {error}"
        ))
    })
}

/// Reads YAML. Most of it is JSON, which is read much faster as such; where that fails, or a member is named twice, the words
/// of YAML's reader tell what is wrong.
pub(crate) fn yaml(body: &[u8]) -> Result<Value, String> {
    if body.first() == Some(&b'{')
        && let Ok(value) = serde_json::from_slice(body)
        && duplicates::find(body).is_empty()
    {
        return Ok(value);
    }
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    serde_saphyr::from_str(text).map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// `kind` and `apiVersion` must be those of the path; built-in kinds may leave them out.
fn check_kind(resource: &Resource, value: Value, body: &[u8]) -> Result<Value, Failure> {
    let Value::Object(map) = value else {
        return Err(Failure::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: \
             json: cannot unmarshal {} into Go value of type struct",
            resource.kind,
            go_type(&value)
        )));
    };
    let api_version = resource.api_version();
    let (given_version, given_kind) = (map.get("apiVersion"), map.get("kind"));
    let text = |v: Option<&Value>| v.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text(given_version), text(given_kind));
    if resource.is_core() {
        if !kind.is_empty() && kind != resource.kind {
            return Err(Failure::bad_request(format!(
                "{kind} in version {:?} cannot be handled as a {}: converting ({version}.{kind}) to (core.{}): unknown \
                 conversion",
                version.rsplit('/').next().unwrap_or_default(),
                resource.kind,
                resource.kind
            )));
        }
        if !version.is_empty() && version != api_version {
            return Err(Failure::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({api_version})"
            )));
        }
    } else {
        for (missing, name) in [(kind.is_empty(), "Kind"), (version.is_empty(), "apiVersion")] {
            if missing {
                let shown = String::from_utf8_lossy(body);
                let start = shown.chars().take(30).collect::<String>();
                return Err(Failure::bad_request(format!(
                    "the object provided is unrecognized (must be of type {}): Object '{name}' is missing in '{shown}' \
                     ({start} ...)",
                    resource.kind
                )));
            }
        }
        if version != api_version {
            return Err(Failure::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({api_version})"
            )));
        }
        if kind != resource.kind {
            let name = map.get("metadata").map(|m| string_at(m, "/name")).unwrap_or_default();
            let cause = Cause::invalid(
                "kind",
                &Value::from(kind.clone()),
                &format!("must be {}", resource.kind),
            );
            return Err(Failure::invalid(&resource.group, &kind, name, &[cause]));
        }
    }
    Ok(Value::Object(map))
}

/// Brings a decoded object into the resource's form: types of built-in kinds and of metadata are checked, unknown fields
/// dropped, and the object loses `kind` and `apiVersion`.
pub(crate) fn conform(resource: &Resource, mut object: Value, validation: FieldValidation) -> Result<Decoded, Failure> {
    if let Some(map) = object.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    let schema = resource.schema();
    if resource.is_core() {
        decode_typed(&mut object, schema, Trail::Root(&resource.kind)).map_err(|why| cannot_handle(resource, &why))?;
    } else {
        let metadata = object
            .as_object_mut()
            .map(|m| m.entry("metadata").or_insert_with(|| Value::Object(Map::new())));
        if let Some(metadata) = metadata {
            decode_typed(metadata, &crate::kinds::definitions::META, Trail::Root("ObjectMeta"))
                .map_err(|why| cannot_handle(resource, &why))?;
        }
    }
    let mut unknown = Vec::new();
    if resource.is_core() {
        unknown = normal::prune(&mut object, schema);
    } else {
        if let Some(metadata) = object.get_mut("metadata") {
            let dropped = normal::prune(metadata, &crate::kinds::definitions::META);
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

fn cannot_handle(resource: &Resource, why: &str) -> Failure {
    let kind = &resource.kind;
    Failure::bad_request(format!(
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

pub(super) fn go_type(value: &Value) -> &'static str {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_that_is_json_means_the_same_and_names_no_member_twice() {
        assert_eq!(yaml(b"{\"a\": {\"b\": 1.5}}"), yaml(b"a:\n  b: 1.5\n"));
        assert_eq!(yaml(b"{a: 1}"), Ok(json!({"a": 1})));
        assert!(yaml(b"{\"a\": 1, \"a\": 2}").is_err());
        assert!(yaml(b"{\"a\": 1").is_err());
    }
}
