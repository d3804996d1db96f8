//! What needs no Helm: our own objects, manifests once they are objects, provider ids. Every installer has these direct.
//!
//! Helm remembers what it installed; for everything else a ConfigMap in kube-system does.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use butler_api::{error::Class, labels::ADDON};
use butler_kubernetes::{Applier, MANAGER};
use k8s_openapi::{
    ByteString,
    api::core::v1::{ConfigMap, Node, NodeSpec, Secret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{Addon, InstallError, Installed, Objects, ReleaseState, SecretObject};

const RECORDS: &str = "kube-system";

/// Applies objects and remembers what was applied.
pub(super) struct Direct {
    pub(super) client: Client,
    pub(super) applier: Applier,
}

impl Direct {
    pub(super) fn new(client: Client) -> Self {
        Self {
            applier: Applier::new(client.clone(), MANAGER),
            client,
        }
    }

    /// What the record of an addon says. With secrets in play it is never the same: they are not part of the digest.
    pub(super) async fn observe(
        &self,
        addon: &Addon,
        digest: &str,
        secrets: bool,
    ) -> Result<ReleaseState, InstallError> {
        let records: Api<ConfigMap> = Api::namespaced(self.client.clone(), RECORDS);
        let record = records.get_opt(&record_name(addon)).await;
        let record = record.map_err(|error| InstallError::kube(&addon.name, "cannot read its record", &error))?;
        Ok(match record {
            None => ReleaseState::Absent,
            Some(record) => {
                let applied = record.data.as_ref().and_then(|data| data.get("digest"));
                ReleaseState::Deployed {
                    same: !secrets && applied.is_some_and(|a| a == digest),
                    revision: 0,
                }
            }
        })
    }

    /// Applies objects for an addon, labelled as its own, and writes the record.
    pub(super) async fn apply(
        &self,
        addon: &Addon,
        objects: &[Value],
        digest: &str,
    ) -> Result<Installed, InstallError> {
        let labelled: Vec<Value> = objects
            .iter()
            .map(|object| label(object.clone(), &addon.name))
            .collect();
        self.plain(addon, &labelled).await?;
        let record = ConfigMap {
            metadata: ObjectMeta {
                name: Some(record_name(addon)),
                namespace: Some(RECORDS.to_owned()),
                labels: Some([(ADDON.to_owned(), addon.name.clone())].into()),
                ..ObjectMeta::default()
            },
            data: Some([("digest".to_owned(), digest.to_owned())].into()),
            ..ConfigMap::default()
        };
        self.plain(addon, &[as_value(&record)]).await?;
        Ok(Installed {
            revision: 0,
            detail: format!("{} objects applied", objects.len()),
        })
    }

    /// Applies objects as they are.
    pub(super) async fn plain(&self, addon: &Addon, objects: &[Value]) -> Result<(), InstallError> {
        let applied = self.applier.apply(objects).await;
        applied
            .map(drop)
            .map_err(|error| InstallError::apply(&addon.name, &error))
    }

    /// Gives nodes their provider ids. The id of a node cannot be changed once it is set, so a wrong one is an error.
    pub(super) async fn provider_ids(
        &self,
        addon: &Addon,
        ids: &[(String, String)],
    ) -> Result<Installed, InstallError> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        for (name, id) in ids {
            let patch = Node {
                spec: Some(NodeSpec {
                    provider_id: Some(id.clone()),
                    ..NodeSpec::default()
                }),
                ..Node::default()
            };
            let params = PatchParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PatchParams::default()
            };
            nodes
                .patch(name, &params, &Patch::Merge(&patch))
                .await
                .map_err(|error| {
                    let failed = InstallError::kube(
                        &addon.name,
                        &format!("cannot set the provider id of node {name}"),
                        &error,
                    );
                    // A node that has not joined yet will.
                    let missing = matches!(&error, kube::Error::Api(status) if status.code == 404);
                    InstallError {
                        class: if missing { Class::Retryable } else { failed.class },
                        ..failed
                    }
                })?;
        }
        Ok(Installed {
            revision: 0,
            detail: format!("{} nodes have a provider id", ids.len()),
        })
    }

    /// Whether the nodes have their provider ids.
    pub(super) async fn observe_ids(
        &self,
        addon: &Addon,
        ids: &[(String, String)],
    ) -> Result<ReleaseState, InstallError> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let list = nodes.list(&ListParams::default()).await;
        let list = list.map_err(|error| InstallError::kube(&addon.name, "cannot list nodes", &error))?;
        let has = |name: &str, id: &str| {
            list.items.iter().any(|node| {
                let found = node.spec.as_ref().and_then(|spec| spec.provider_id.as_deref());
                node.metadata.name.as_deref() == Some(name) && found == Some(id)
            })
        };
        Ok(if !ids.is_empty() && ids.iter().all(|(name, id)| has(name, id)) {
            ReleaseState::Deployed {
                same: true,
                revision: 0,
            }
        } else {
            ReleaseState::Absent
        })
    }
}

/// Our own objects with their secrets filled in: namespaces, secrets, the rest.
pub(super) fn complete(addon: &Addon, objects: &Objects) -> Result<Vec<Value>, InstallError> {
    let mut all = objects.plain.clone();
    for secret in &objects.secrets {
        all.push(secret_value(addon, secret)?);
    }
    Ok(all)
}

fn secret_value(addon: &Addon, secret: &SecretObject) -> Result<Value, InstallError> {
    let SecretObject { namespace, name, data } = secret;
    let Some(data) = data else {
        let message = format!("the values of Secret {namespace}/{name} have not been read");
        return Err(InstallError::new(&addon.name, Class::Configuration, message));
    };
    let data = data
        .iter()
        .map(|(key, value)| (key.clone(), ByteString(value.expose_secret().as_bytes().to_vec())))
        .collect();
    Ok(as_value(&Secret {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    }))
}

/// An object as it is sent.
pub(super) fn as_value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).expect("an object of the Kubernetes API is plain data")
}

/// Marks an object as applied for an addon. Namespaces are shared and stay as they are.
pub(super) fn label(mut object: Value, addon: &str) -> Value {
    if object["kind"] == "Namespace" {
        return object;
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(ADDON.to_owned(), addon.into());
        }
    }
    object
}

/// SHA-256 (base64) over what an addon is made of, secrets left out.
pub(super) fn digest(parts: &[&Value]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.to_string());
        hash.update([0]);
    }
    STANDARD.encode(hash.finalize())
}

fn record_name(addon: &Addon) -> String {
    format!("butleradm.{}", addon.name)
}
