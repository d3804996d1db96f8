//! OpenAPI documents, for `kubectl explain` and for clients that look up which options a server takes. They are JSON, put
//! together from the schemas of kinds.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::Api;
use crate::http::{self, Reply, Request};
use crate::kinds::{Resource, join_group};
use crate::schema::openapi;
use crate::status::StatusError;

/// Answers requests below `/openapi`.
pub(super) fn answer(api: &Api, request: &Request, segments: &[&str]) -> Result<Reply, StatusError> {
    if request.method != "GET" {
        return Err(StatusError::method_not_allowed());
    }
    let catalog = api.registry.catalog();
    match segments {
        ["openapi", "v2"] => {
            let accept = request.header("accept");
            if accept.contains("protobuf") && !accept.contains("json") && !accept.contains("*/*") {
                return Err(StatusError::new(406, "NotAcceptable", "only JSON is served"));
            }
            let mut schemas = Map::new();
            for (group, versions) in catalog.groups() {
                for version in versions {
                    for resource in catalog.resources(group, version).into_iter().flatten() {
                        add_schemas(resource, "#/definitions/", &mut schemas);
                    }
                }
            }
            let document = json!({
                "swagger": "2.0", "info": {"title": "Kubernetes", "version": api.version}, "paths": {},
                "definitions": schemas,
            });
            Ok(http::json_for(request, 200, document.to_string().into()))
        }
        ["openapi", "v3"] => {
            let mut paths = Map::new();
            for (group, versions) in catalog.groups() {
                for version in versions {
                    let path = if group.is_empty() {
                        "api/v1".to_owned()
                    } else {
                        format!("apis/{group}/{version}")
                    };
                    let hash = // Every version of a group has resources.
                    fingerprint(catalog.resources(group, version).unwrap_or(&[]));
                    let url = format!("/openapi/v3/{path}?hash={hash}");
                    paths.insert(path, json!({"serverRelativeURL": url}));
                }
            }
            let body = json!({"paths": paths}).to_string();
            Ok(http::typed(200, "text/plain; charset=utf-8", body))
        }
        ["openapi", "v3", "api", version] => document(api, request, "", version),
        ["openapi", "v3", "apis", group, version] => document(api, request, group, version),
        _ => Err(StatusError::no_page()),
    }
}

/// Changes whenever the document would.
fn fingerprint(resources: &[std::sync::Arc<Resource>]) -> String {
    let mut hash = Sha256::new();
    for resource in resources {
        hash.update(&resource.kind);
        hash.update([u8::from(resource.status), u8::from(resource.scale.is_some())]);
        if let Some(custom) = &resource.custom {
            let own = || Sha256::digest(custom.raw_schema.to_string()).into();
            hash.update(custom.fingerprint.get_or_init(own));
        }
    }
    format!("{:.32X}", hash.finalize())
}

fn document(api: &Api, request: &Request, group: &str, version: &str) -> Result<Reply, StatusError> {
    let catalog = api.registry.catalog();
    let resources = catalog.resources(group, version).ok_or_else(StatusError::no_page)?;
    let mut schemas = Map::new();
    let mut paths = Map::new();
    for resource in resources {
        add_schemas(resource, "#/components/schemas/", &mut schemas);
        add_paths(resource, &mut paths);
    }
    let document = json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": api.version}, "paths": paths,
        "components": {"schemas": schemas},
    });
    Ok(http::json_for(request, 200, document.to_string().into()))
}

/// The definition's name: the group's parts in reverse, as the real server builds it.
fn schema_name(resource: &Resource) -> String {
    let group = resource.group.split('.').rev().collect::<Vec<_>>().join(".");
    format!("{group}.{}.{}", resource.version, resource.kind)
}

fn add_schemas(resource: &Resource, prefix: &str, schemas: &mut Map<String, Value>) {
    let kind = json!([{"group": resource.group, "kind": resource.kind, "version": resource.version}]);
    let Some(custom) = &resource.custom else {
        let Some(mut raw) = openapi::raw(&resource.group, &resource.kind) else {
            return;
        };
        let name = openapi::name(&raw).to_owned();
        if let Some(Value::Object(defs)) = raw.as_object_mut().and_then(|map| map.remove("$defs")) {
            for (name, definition) in defs {
                schemas.entry(name).or_insert_with(|| rewritten(definition, prefix));
            }
        }
        let mut schema = rewritten(raw, prefix);
        schema["x-kubernetes-group-version-kind"] = kind;
        schemas.insert(name, schema);
        return;
    };
    let mut schema = custom.raw_schema.clone();
    schema["x-kubernetes-group-version-kind"] = kind;
    let meta = openapi::object_meta();
    let meta_name = openapi::name(&meta).to_owned();
    if !schema["properties"].is_object() {
        schema["properties"] = json!({});
    }
    let properties = &mut schema["properties"];
    for member in ["apiVersion", "kind"] {
        properties[member] = json!({"type": "string", "description": openapi::common_description(member)});
    }
    properties["metadata"] = json!({
        "description": openapi::common_description("metadata"), "allOf": [{"$ref": format!("{prefix}{meta_name}")}],
    });
    if !schemas.contains_key(&meta_name) {
        let mut meta = meta;
        if let Some(Value::Object(defs)) = meta.as_object_mut().and_then(|map| map.remove("$defs")) {
            for (name, definition) in defs {
                schemas.entry(name).or_insert_with(|| rewritten(definition, prefix));
            }
        }
        schemas.insert(meta_name, rewritten(meta, prefix));
    }
    schemas.insert(schema_name(resource), schema);
}

/// A definition with its references pointing into the document.
fn rewritten(value: Value, prefix: &str) -> Value {
    match value {
        Value::Object(mut map) => {
            map.remove("$schema");
            if let Some(Value::String(reference)) = map.get("$ref") {
                let target = reference.trim_start_matches("#/$defs/");
                let link = json!({"$ref": format!("{prefix}{target}")});
                map.remove("$ref");
                if map.is_empty() {
                    return link;
                }
                map.insert("allOf".to_owned(), json!([link]));
                return Value::Object(map);
            }
            Value::Object(map.into_iter().map(|(k, v)| (k, rewritten(v, prefix))).collect())
        }
        Value::Array(list) => list.into_iter().map(|v| rewritten(v, prefix)).collect(),
        other => other,
    }
}

fn add_paths(resource: &Resource, paths: &mut Map<String, Value>) {
    let root = if resource.group.is_empty() {
        "/api".to_owned()
    } else {
        "/apis".to_owned()
    };
    let base = format!("{root}/{}", join_group(&resource.group, &resource.version));
    let scope = if resource.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    let kind = json!({"group": resource.group, "kind": resource.kind, "version": resource.version});
    let query = |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let write = ["dryRun", "fieldManager", "fieldValidation"].map(query).to_vec();
    let mut patch = write.clone();
    patch.push(json!({"name": "force", "in": "query", "schema": {"type": "boolean", "uniqueItems": true}}));
    let operation = |action: &str, parameters: &[Value]| {
        json!({
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": kind, "parameters": parameters,
            "responses": {"200": {"description": "OK"}},
        })
    };
    paths.insert(
        format!("{base}{scope}/{}", resource.plural),
        json!({"get": operation("list", &[]), "post": operation("post", &write)}),
    );
    if resource.verbs().contains(&"get") {
        paths.insert(
            format!("{base}{scope}/{}/{{name}}", resource.plural),
            json!({
                "get": operation("get", &[]), "put": operation("put", &write), "patch": operation("patch", &patch),
                "delete": operation("delete", &write),
            }),
        );
    }
}
