//! How the server reads from the API servers of tenant clusters.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::{BoxFuture, FutureExt as _};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::Deserialize;
use serde_json::Value;

/// The longest answer that is taken.
const LONGEST: usize = 16 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing can be read from a tenant cluster.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The kubeconfig is none, or not one that can be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(String),
    /// Nobody answers.
    #[error("{0}")]
    Unreachable(String),
    /// The API server refuses.
    #[error("the server answers {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        message: String,
    },
}

/// Reads from API servers of tenant clusters.
pub trait TenantAccess: Send + Sync {
    /// What the API server of a kubeconfig answers to a GET of this path.
    fn get<'a>(&'a self, kubeconfig: &'a str, path: &'a str) -> BoxFuture<'a, Result<Value, TenantError>>;
}

/// Reads over HTTPS.
#[derive(Debug, Clone, Copy)]
pub struct HttpsTenants;

impl TenantAccess for HttpsTenants {
    fn get<'a>(&'a self, kubeconfig: &'a str, path: &'a str) -> BoxFuture<'a, Result<Value, TenantError>> {
        async move {
            let target = Target::parse(kubeconfig)?;
            let url = format!("{}{path}", target.server.trim_end_matches('/'));
            let exchange = async {
                let reply = target
                    .client()?
                    .get(url)
                    .send()
                    .await
                    .map_err(|error| unreachable(&error))?;
                let status = reply.status().as_u16();
                Ok((status, read(reply).await?))
            };
            let late = |_| TenantError::Unreachable("context deadline exceeded".to_owned());
            let (status, body) = tokio::time::timeout(PATIENCE, exchange).await.map_err(late)??;
            answer(status, &body)
        }
        .boxed()
    }
}

fn answer(status: u16, body: &[u8]) -> Result<Value, TenantError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| TenantError::Refused {
        status,
        message: error.to_string(),
    })?;
    if status == 200 {
        return Ok(value);
    }
    let message = value["message"].as_str().unwrap_or("").to_owned();
    Err(TenantError::Refused { status, message })
}

/// The deepest cause tells what happened; the errors around it say where in the client.
fn unreachable(error: &reqwest::Error) -> TenantError {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    TenantError::Unreachable(cause.to_string())
}

async fn read(mut reply: reqwest::Response) -> Result<Vec<u8>, TenantError> {
    let mut body = Vec::new();
    while let Some(chunk) = reply.chunk().await.map_err(|error| unreachable(&error))? {
        if body.len() + chunk.len() > LONGEST {
            return Err(TenantError::Unreachable(format!(
                "the answer is longer than {LONGEST} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The API server of a kubeconfig's first cluster, and the certificate of its first user.
struct Target {
    server: String,
    authority: Vec<u8>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

#[derive(Deserialize)]
struct Kubeconfig {
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority_data: String,
}

#[derive(Deserialize)]
struct NamedUser {
    user: UserEntry,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UserEntry {
    client_certificate_data: String,
    client_key_data: String,
}

impl Target {
    fn parse(kubeconfig: &str) -> Result<Self, TenantError> {
        let unusable = |what: &str| TenantError::Kubeconfig(what.to_owned());
        // What is wrong with it is not quoted: the text holds a key.
        let parsed: Kubeconfig =
            serde_saphyr::from_str(kubeconfig).map_err(|_| unusable("it is not one with certificates"))?;
        let cluster = parsed
            .clusters
            .into_iter()
            .next()
            .ok_or_else(|| unusable("it names no cluster"))?
            .cluster;
        let user = parsed
            .users
            .into_iter()
            .next()
            .ok_or_else(|| unusable("it names no user"))?
            .user;
        let decoded = |text: &str| {
            STANDARD
                .decode(text)
                .map_err(|_| unusable("its certificates are no base64"))
        };
        Ok(Self {
            server: cluster.server,
            authority: decoded(&cluster.certificate_authority_data)?,
            certificate: decoded(&user.client_certificate_data)?,
            key: decoded(&user.client_key_data)?,
        })
    }

    fn client(&self) -> Result<reqwest::Client, TenantError> {
        let unusable = |what: String| TenantError::Kubeconfig(what);
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.authority)? {
            roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|_| unusable("its key is no PEM".to_owned()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(error.to_string()))?
            .with_root_certificates(roots)
            .with_client_auth_cert(certificates(&self.certificate)?, key)
            .map_err(|error| unusable(error.to_string()))?;
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| unusable(error.to_string()))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TenantError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| TenantError::Kubeconfig("its certificates are no PEM".to_owned()))
}
