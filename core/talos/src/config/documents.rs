//! The documents beside the main one.

use serde_json::{Map, Value, json};

use super::{ClusterSpec, Contract, NodeSpec};

/// All documents that this node gets besides the main one, in the order of Talos's own generator.
pub(super) fn all(contract: Contract, cluster: &ClusterSpec, node: &NodeSpec) -> Vec<Value> {
    if contract < Contract::V1_12 {
        return Vec::new();
    }
    let mut documents: Vec<Value> = cluster
        .registry_mirrors
        .iter()
        .map(|(registry, endpoints)| mirror(registry, endpoints))
        .collect();
    documents.push(hostname(node.hostname.as_deref()));
    if let Some((address, link)) = &node.vip {
        documents.push(document(
            "Layer2VIPConfig",
            [("name", json!(address)), ("link", json!(link))],
        ));
    }
    documents
}

fn mirror(registry: &str, endpoints: &[String]) -> Value {
    let endpoints: Vec<Value> = endpoints.iter().map(|url| json!({ "url": url })).collect();
    document(
        "RegistryMirrorConfig",
        [("name", json!(registry)), ("endpoints", json!(endpoints))],
    )
}

fn hostname(name: Option<&str>) -> Value {
    match name {
        Some(name) => document("HostnameConfig", [("auto", json!("off")), ("hostname", json!(name))]),
        None => document("HostnameConfig", [("auto", json!("stable"))]),
    }
}

fn document<const N: usize>(kind: &str, fields: [(&str, Value); N]) -> Value {
    let mut document = Map::new();
    document.insert("apiVersion".to_owned(), json!("v1alpha1"));
    document.insert("kind".to_owned(), json!(kind));
    document.extend(fields.map(|(key, value)| (key.to_owned(), value)));
    Value::Object(document)
}
