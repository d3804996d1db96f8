//! What every machine is told beyond the bootstrap's own needs: registries, authorities, discovery.

use std::collections::BTreeMap;

use super::SecretSource;

/// `talos.registries`.
#[derive(Debug, Clone, Default)]
pub struct Registries {
    /// Mirrors by registry host; `*` stands for every other one.
    pub mirrors: BTreeMap<String, Mirror>,
    /// How single hosts are talked to, registries and mirrors alike.
    pub hosts: BTreeMap<String, RegistryHost>,
}

/// Mirrors of one registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// URLs, tried in order.
    pub endpoints: Vec<String>,
    /// The path of an endpoint is taken as it is, without `/v2` behind it.
    pub override_path: bool,
    /// The registry itself is never asked.
    pub skip_fallback: bool,
}

/// How one host is talked to.
#[derive(Debug, Clone, Default)]
pub struct RegistryHost {
    /// Authorities that its certificate may come from, PEM.
    pub ca: Option<String>,
    /// Login.
    pub login: Option<Login>,
}

/// Login to a registry.
#[derive(Debug, Clone)]
pub struct Login {
    /// Name.
    pub username: SecretSource,
    /// Password or token.
    pub password: SecretSource,
}

/// `talos.discovery`: how the nodes find each other beside Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovery {
    /// Whether they use the discovery service.
    pub enabled: bool,
    /// The service; the public one when none.
    pub endpoint: Option<String>,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            enabled: true,
            endpoint: None,
        }
    }
}
