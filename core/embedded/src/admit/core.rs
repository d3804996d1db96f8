//! Defaults and rules of built-in kinds.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::kinds::Resource;
use crate::status::Cause;

/// Fills what the real server fills, before validation.
pub(crate) fn default(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Secret") => secret(object),
        _ => {}
    }
}

fn secret(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(Value::Object(texts)) = map.remove("stringData") {
        let data = map.entry("data").or_insert_with(|| json!({}));
        for (key, text) in texts {
            let encoded = base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
            data[key] = encoded.into();
        }
    }
    map.entry("type").or_insert_with(|| "Opaque".into());
}

/// What is wrong with an object of a built-in kind.
pub(crate) fn check(resource: &Resource, old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let _ = (resource, old, object);
    Vec::new()
}

/// Built-in kinds whose status may be set when they are created.
pub(crate) fn keeps_status_on_create(resource: &Resource) -> bool {
    let _ = resource;
    false
}

/// Carries over what an update may leave out.
pub(crate) fn inherit(resource: &Resource, old: &Value, new: &mut Value) {
    let _ = (resource, old, new);
}
