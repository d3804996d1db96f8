//! Reading bodies: JSON or YAML into objects of the expected kind.

use serde_json::{Map, Value};

use crate::duplicates;
use crate::http::Request;
use crate::kinds::Resource;
use crate::registry::{self, Decoded, FieldValidation, cannot_handle, go_type};
use crate::status::{Cause, StatusError};
use crate::text::{string_at, text};

/// The media type of Kubernetes' protobuf.
pub(crate) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Reads the body of a create or update.
pub(crate) fn object(
    request: &Request,
    resource: &Resource,
    validation: FieldValidation,
) -> Result<Decoded, StatusError> {
    let value = match request.content_type() {
        "" | "application/json" => parse_json(&request.body, &resource.kind)?,
        "application/yaml" => parse_yaml(&request.body, &resource.kind)?,
        PROTOBUF if resource.is_built_in() => crate::protobuf::object(&request.body).map_err(|why| {
            let mut failure = unsupported_media(resource);
            failure.message = format!("{}: {why}", failure.message);
            failure
        })?,
        _ => return Err(unsupported_media(resource)),
    };
    let value = if value.is_null() && resource.is_built_in() {
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
    let mut decoded = registry::decode(resource, value, validation)?;
    warnings.append(&mut decoded.warnings);
    decoded.warnings = warnings;
    Ok(decoded)
}

fn unsupported_media(resource: &Resource) -> StatusError {
    let protobuf = if resource.is_built_in() {
        ", application/vnd.kubernetes.protobuf"
    } else {
        ""
    };
    StatusError::new(
        415,
        "UnsupportedMediaType",
        format!(
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml{protobuf}"
        ),
    )
}

fn parse_json(body: &[u8], kind: &str) -> Result<Value, StatusError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = String::from_utf8_lossy(body);
        let shown = if text.is_empty() { "<empty>".to_owned() } else { text.chars().take(1000).collect() };
        StatusError::bad_request(format!(
            "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: \
             {error} ({shown})"
        ))
    })
}

fn parse_yaml(body: &[u8], kind: &str) -> Result<Value, StatusError> {
    yaml(body).map_err(|error| {
        StatusError::bad_request(format!(
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
    serde_saphyr::from_str(text).map_err(|error| first_line(&error.to_string()))
}

/// The first line of a message: those that follow show the text that was read.
fn first_line(message: &str) -> String {
    message.split_once('\n').map_or(message, |(first, _)| first).to_owned()
}

/// `kind` and `apiVersion` must be those of the path; built-in kinds may leave them out.
fn check_kind(resource: &Resource, value: Value, body: &[u8]) -> Result<Value, StatusError> {
    let Value::Object(map) = value else {
        return Err(StatusError::bad_request(format!(
            "the object provided is unrecognized (must be of type {}): couldn't get version/kind; json parse error: \
             json: cannot unmarshal {} into Go value of type struct",
            resource.kind,
            go_type(&value)
        )));
    };
    let api_version = resource.api_version();
    let (given_version, given_kind) = (map.get("apiVersion"), map.get("kind"));
    let given = |value: Option<&Value>| value.map_or("", text).to_owned();
    let (version, kind) = (given(given_version), given(given_kind));
    if resource.is_built_in() {
        if !kind.is_empty() && kind != resource.kind {
            return Err(StatusError::bad_request(format!(
                "{kind} in version {:?} cannot be handled as a {}: converting ({version}.{kind}) to (core.{}): unknown \
                 conversion",
                version
                    .rsplit_once('/')
                    .map_or(version.as_str(), |(_, version)| version),
                resource.kind,
                resource.kind
            )));
        }
        if !version.is_empty() && version != api_version {
            return Err(StatusError::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({api_version})"
            )));
        }
    } else {
        for (missing, name) in [(kind.is_empty(), "Kind"), (version.is_empty(), "apiVersion")] {
            if missing {
                let shown = String::from_utf8_lossy(body);
                let start = shown.chars().take(30).collect::<String>();
                return Err(StatusError::bad_request(format!(
                    "the object provided is unrecognized (must be of type {}): Object '{name}' is missing in '{shown}' \
                     ({start} ...)",
                    resource.kind
                )));
            }
        }
        if version != api_version {
            return Err(StatusError::bad_request(format!(
                "the API version in the data ({version}) does not match the expected API version ({api_version})"
            )));
        }
        if kind != resource.kind {
            let name = map.get("metadata").map_or("", |metadata| string_at(metadata, "/name"));
            let cause = Cause::invalid(
                "kind",
                &Value::from(kind.clone()),
                &format!("must be {}", resource.kind),
            );
            return Err(StatusError::invalid(&resource.group, &kind, name, &[cause]));
        }
    }
    Ok(Value::Object(map))
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
