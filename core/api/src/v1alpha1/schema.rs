//! Schemas that derive macros cannot say, and the shape every generated definition gets in the end.

#![expect(
    clippy::disallowed_macros,
    reason = "a schema is JSON that no type of ours stands for"
)]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// The definition of one kind, in the form the API server and the Go tools agree on.
///
/// kube writes optional fields as nullable and `spec` as required; on the wire of this API absent fields are absent,
/// nulls are never sent, and an object without `spec` is accepted.
pub(super) fn definition<K: CustomResourceExt>() -> CustomResourceDefinition {
    let mut crd = serde_json::to_value(K::crd()).expect("a definition is plain data");
    let kind = crd["spec"]["names"]["kind"]
        .as_str()
        .expect("a definition names its kind")
        .to_owned();
    crd["spec"]["names"]["listKind"] = json!(format!("{kind}List"));
    if let Some(names) = crd["spec"]["names"].as_object_mut() {
        names.remove("categories");
    }
    let root = &mut crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    if let Some(root) = root.as_object_mut() {
        root.remove("required");
        root.remove("title");
    }
    root["properties"]["apiVersion"] = json!({"type": "string"});
    root["properties"]["kind"] = json!({"type": "string"});
    root["properties"]["metadata"] = json!({"type": "object"});
    for part in ["spec", "status"] {
        if let Some(schema) = root["properties"].get_mut(part) {
            normalise(schema);
        }
    }
    serde_json::from_value(crd).expect("a normalised definition is a definition")
}

/// Takes away what says "may be null", down the whole tree.
fn normalise(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("nullable");
    if let Some(Value::Array(words)) = object.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    if object.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        object.remove("type");
        object.insert("anyOf".to_owned(), json!([{"type": "integer"}, {"type": "string"}]));
        return;
    }
    for name in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(name) {
            normalise(inner);
        }
    }
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties.values_mut().for_each(normalise);
    }
}

/// A word, one of these if there are any.
pub(super) fn word(only: &[&str]) -> Schema {
    let mut schema = json_schema!({"type": "string"});
    if !only.is_empty() {
        schema.insert("enum".to_owned(), json!(only));
    }
    schema
}

/// Conditions as a map by type.
pub(super) fn conditions(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = atomic_conditions(generator);
    schema.insert("x-kubernetes-list-type".to_owned(), json!("map"));
    schema.insert("x-kubernetes-list-map-keys".to_owned(), json!(["type"]));
    schema
}

/// Conditions as one value with one owner.
pub(super) fn atomic_conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "lastTransitionTime": {"type": "string", "format": "date-time"},
                "message": {"type": "string", "maxLength": 32768},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "reason": {
                    "type": "string", "minLength": 1, "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
                },
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "type": {
                    "type": "string", "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
                },
            },
        },
    })
}

/// An object of any shape.
pub(super) fn free_form(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// An integer without a declared width.
pub(super) fn integer(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer"})
}
