//! The kubeconfig of an administrator, made of the authority of a cluster.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use butler_talos::pki::{Algorithm, Authority as Issuer, CertAndKey, Leaf, PkiError, Usage};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::world::node_config::Authority;

const YEAR: SignedDuration = SignedDuration::from_hours(8760);

/// Why there is no kubeconfig. The texts are Talos' own.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// Whoever asks has no key to sign with, as workers.
    #[error("kubernetes CA is not configured")]
    NoKey,
    /// The certificate cannot be issued.
    #[error("failed to generate the admin certificate")]
    Issue(#[from] PkiError),
    /// The file cannot be written down.
    #[error("failed to write the kubeconfig")]
    Write(#[source] Box<dyn Error + Send + Sync>),
}

impl KubeconfigError {
    /// The error with its cause in one line, as Talos puts it.
    pub(crate) fn in_one_line(&self) -> String {
        match self.source() {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}

/// A kubeconfig with all rights for the cluster at `server`, with a new certificate.
pub(crate) fn admin(
    cluster: &str,
    server: &str,
    authority: &Authority,
    now: Timestamp,
) -> Result<SecretString, KubeconfigError> {
    let issuer = Issuer::new(&CertAndKey {
        crt: authority.certificate.clone(),
        key: authority.key.clone().ok_or(KubeconfigError::NoKey)?,
    })?;
    let client = issuer.issue(
        &Leaf {
            common_name: Some("admin".to_owned()),
            organization: Some("system:masters".to_owned()),
            names: Vec::new(),
            usage: Usage::Client,
            key_encipherment: true,
            algorithm: Algorithm::EcdsaP256,
            lifetime: YEAR,
            backdate: SignedDuration::from_secs(10),
        },
        now,
    )?;
    let user = format!("admin@{cluster}");
    let ca = STANDARD.encode(&authority.certificate);
    let crt = STANDARD.encode(&client.crt);
    let key = STANDARD.encode(client.key.expose_secret());
    #[expect(
        clippy::disallowed_macros,
        reason = "nothing here reads kubeconfigs, so that there is no type of them to fill"
    )]
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": cluster, "cluster": { "server": server, "certificate-authority-data": ca } }],
        "users": [{ "name": user, "user": { "client-certificate-data": crt, "client-key-data": key } }],
        "contexts": [{ "name": user, "context": { "cluster": cluster, "namespace": "default", "user": user } }],
        "current-context": user,
    });
    // The writer puts quotes around names that a reader would take for something else, such as `2024` and `no`.
    serde_saphyr::to_string(&kubeconfig)
        .map(SecretString::from)
        .map_err(|error| KubeconfigError::Write(Box::new(error)))
}

/// A kubeconfig whose user has a token, with one context named after the cluster.
pub(crate) fn of_token(
    cluster: &str,
    server: &str,
    authority: &str,
    user: &str,
    token: &str,
) -> Result<String, KubeconfigError> {
    let ca = STANDARD.encode(authority);
    #[expect(
        clippy::disallowed_macros,
        reason = "nothing here reads kubeconfigs, so that there is no type of them to fill"
    )]
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": cluster, "cluster": { "server": server, "certificate-authority-data": ca } }],
        "users": [{ "name": user, "user": { "token": token } }],
        "contexts": [{ "name": cluster, "context": { "cluster": cluster, "user": user } }],
        "current-context": cluster,
    });
    serde_saphyr::to_string(&kubeconfig).map_err(|error| KubeconfigError::Write(Box::new(error)))
}
