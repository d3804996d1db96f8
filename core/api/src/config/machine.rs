//! What every machine is told beyond the bootstrap's own needs: registries, authorities, discovery.

use std::{collections::BTreeMap, ops::Not};

use serde::{Serialize, Serializer};

use super::{HttpUrl, SecretSource, canonical::fingerprint};

/// Where the machines pull container images from (`talos.registries`).
#[derive(Debug, Clone, Default, Serialize)]
pub struct Registries {
    /// Mirrors by registry host; `*` stands for every other one.
    pub mirrors: BTreeMap<String, Mirror>,
    /// How single hosts are talked to, registries and mirrors alike.
    #[serde(rename = "config")]
    pub hosts: BTreeMap<String, RegistryHost>,
}

/// Mirrors of one registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirror {
    /// URLs of the mirrors, tried in order.
    pub endpoints: Vec<HttpUrl>,
    /// The path of an endpoint is taken as it is, without `/v2` behind it.
    #[serde(skip_serializing_if = "Not::not")]
    pub override_path: bool,
    /// The registry itself is never asked.
    #[serde(skip_serializing_if = "Not::not")]
    pub skip_fallback: bool,
}

/// How one host is talked to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct RegistryHost {
    /// Authorities that its certificate may come from, PEM.
    #[serde(serialize_with = "authorities")]
    pub ca: Option<String>,
    /// Name and password, where the host wants a login.
    #[serde(flatten)]
    pub login: Option<Login>,
}

#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn authorities<S: Serializer>(pem: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    pem.as_deref().map(fingerprint).serialize(serializer)
}

/// Login to a registry.
#[derive(Debug, Clone, Serialize)]
pub struct Login {
    /// Name to log in with.
    pub username: SecretSource,
    /// Password or token to log in with.
    pub password: SecretSource,
}

/// `talos.discovery`: how the nodes find each other beside Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Discovery {
    /// Whether they use the discovery service.
    pub enabled: bool,
    /// URL of the service; the public one when none.
    pub endpoint: Option<HttpUrl>,
}

impl Discovery {
    /// Whether it is what nodes do when nothing is written.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            enabled: true,
            endpoint: None,
        }
    }
}
