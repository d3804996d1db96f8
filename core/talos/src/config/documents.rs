//! The documents beside the main one.

#![expect(
    clippy::disallowed_macros,
    reason = "the kinds of documents are Talos' own: no library has types of them"
)]

use butler_api::config::{HttpUrl, Mirror};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{ClusterSpec, Contract, NodeSpec};

/// All documents that this node gets besides the main one, in the order of Talos's own generator.
pub(super) fn all(contract: Contract, cluster: &ClusterSpec, node: &NodeSpec) -> Vec<Value> {
    let mut documents = Vec::new();
    if contract >= Contract::V1_12 {
        documents.extend(since_1_12(cluster, node));
    }
    if !cluster.trusted_cas.is_empty() {
        let certificates: Vec<&str> = cluster.trusted_cas.iter().map(|pem| pem.trim()).collect();
        let fields = [
            ("name", json!("trusted-cas")),
            ("certificates", json!(certificates.join("\n") + "\n")),
        ];
        documents.push(document("TrustedRootsConfig", fields));
    }
    documents
}

fn since_1_12(cluster: &ClusterSpec, node: &NodeSpec) -> Vec<Value> {
    let mirrors = cluster
        .registry_mirrors
        .iter()
        .map(|(name, mirror)| mirrored(name, mirror));
    let mut documents: Vec<Value> = mirrors.collect();
    for (name, host) in &cluster.registry_hosts {
        if let Some(ca) = &host.ca {
            documents.push(document(
                "RegistryTLSConfig",
                [("name", json!(name)), ("ca", json!(ca))],
            ));
        }
    }
    for (name, host) in &cluster.registry_hosts {
        if let Some((username, password)) = &host.login {
            let (username, password) = (username.expose_secret(), password.expose_secret());
            let fields = [
                ("name", json!(name)),
                ("username", json!(username)),
                ("password", json!(password)),
            ];
            documents.push(document("RegistryAuthConfig", fields));
        }
    }
    documents.push(hostname(node.hostname.as_deref()));
    if let Some((address, link)) = &node.vip {
        documents.push(document(
            "Layer2VIPConfig",
            [("name", json!(address)), ("link", json!(link))],
        ));
    }
    documents
}

fn mirrored(registry: &str, mirror: &Mirror) -> Value {
    let endpoint = |url: &HttpUrl| {
        let mut endpoint = json!({ "url": url });
        if mirror.override_path {
            endpoint["overridePath"] = json!(true);
        }
        endpoint
    };
    let endpoints: Vec<Value> = mirror.endpoints.iter().map(endpoint).collect();
    let mut document = document(
        "RegistryMirrorConfig",
        [("name", json!(registry)), ("endpoints", json!(endpoints))],
    );
    if mirror.skip_fallback {
        document["skipFallback"] = json!(true);
    }
    document
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
