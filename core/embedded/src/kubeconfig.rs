//! The kubeconfig of a server's administrator.

use base64::Engine as _;
use kube::config::{AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use secrecy::{ExposeSecret as _, SecretString};

/// What a kubeconfig says about a server, and how its administrator is known there.
pub(crate) struct Administrator<'a> {
    /// The cluster's name in the kubeconfig.
    pub(crate) cluster: &'a str,
    /// The URL of the server.
    pub(crate) server: &'a str,
    /// The authority that signs the server's certificate, as PEM.
    pub(crate) authority: &'a str,
    /// The administrator's certificate, as PEM.
    pub(crate) certificate: &'a str,
    /// The key of that certificate, as PEM.
    pub(crate) key: &'a SecretString,
}

impl Administrator<'_> {
    /// The text of the kubeconfig. It is JSON, which is YAML.
    pub(crate) fn kubeconfig(&self) -> Result<SecretString, serde_json::Error> {
        let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
        let user = format!("admin@{}", self.cluster);
        let cluster = Cluster {
            server: Some(self.server.to_owned()),
            certificate_authority_data: Some(encode(self.authority)),
            ..Cluster::default()
        };
        let credentials = AuthInfo {
            client_certificate_data: Some(encode(self.certificate)),
            client_key_data: Some(encode(self.key.expose_secret()).into()),
            ..AuthInfo::default()
        };
        let context = Context {
            cluster: self.cluster.to_owned(),
            user: Some(user.clone()),
            namespace: Some("default".to_owned()),
            ..Context::default()
        };
        let config = Kubeconfig {
            api_version: Some("v1".to_owned()),
            kind: Some("Config".to_owned()),
            current_context: Some(user.clone()),
            clusters: vec![NamedCluster {
                name: self.cluster.to_owned(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            contexts: vec![NamedContext {
                name: user.clone(),
                context: Some(context),
                ..NamedContext::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: user,
                auth_info: Some(credentials),
                ..NamedAuthInfo::default()
            }],
            ..Kubeconfig::default()
        };
        serde_json::to_string_pretty(&config).map(SecretString::from)
    }
}
