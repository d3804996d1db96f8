//! The certificates of a tenant cluster, and their rotation.

mod read;
pub mod rotate;

use butler_client::logged_in::LoggedIn;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::ListParams;
use serde::{Deserialize, Serialize};

use super::read::{Found, ReadError, parts_namespace};
use crate::reach::Reach;
use crate::transport::{Operation, Way};

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The Secret that holds it.
    pub secret: String,
    /// The key in it.
    pub key: String,
    /// Whom it is for.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// When it ends.
    pub expires: Timestamp,
    /// Whole days until then.
    pub days: i64,
    /// How soon that is.
    pub status: Health,
}

/// How soon a certificate ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Health {
    /// In more than 30 days.
    Healthy,
    /// Within 30 days.
    Warning,
    /// Within 7 days.
    Critical,
    /// It has ended.
    Expired,
}

impl Health {
    fn of(expires: Timestamp, now: Timestamp) -> Self {
        match expires.duration_since(now).as_hours() {
            _ if expires <= now => Self::Expired,
            hours if hours <= 7 * 24 => Self::Critical,
            hours if hours <= 30 * 24 => Self::Warning,
            _ => Self::Healthy,
        }
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Warning => "Warning",
            Self::Critical => "Critical",
            Self::Expired => "Expired",
        }
    }
}

/// What is read of a certificate, without what follows from the time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    secret: String,
    key: String,
    subject: String,
    issuer: String,
    expires: Timestamp,
}

impl Read {
    fn at(self, now: Timestamp) -> Certificate {
        Certificate {
            days: self.expires.duration_since(now).as_hours().div_euclid(24),
            status: Health::of(self.expires, now),
            secret: self.secret,
            key: self.key,
            subject: self.subject,
            issuer: self.issuer,
            expires: self.expires,
        }
    }
}

/// As Butler's server tells of them, by category.
#[derive(Deserialize)]
struct ServersCertificates {
    #[serde(default)]
    categories: std::collections::BTreeMap<String, Vec<ServersCertificate>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServersCertificate {
    subject: String,
    issuer: String,
    not_after: Timestamp,
    secret_name: String,
    secret_key: String,
}

/// The certificates of a cluster, those that end first in front.
pub async fn of(reach: &Reach, found: &Found, now: Timestamp) -> Result<Vec<Certificate>, ReadError> {
    let cluster = found.typed()?;
    let namespace = parts_namespace(&cluster).ok_or_else(|| ReadError::NotReady {
        name: found.name.clone(),
        namespace: found.namespace.clone(),
        what: "certificates",
        why: super::kubeconfig::waits_for(&cluster),
    })?;
    let ways = Operation::Certificates.ways_of(reach).await;
    let read = match (ways.first(), &reach.server) {
        (Some(Way::Server), Some(server)) => by_server(server, found).await?,
        _ => by_secrets(reach, namespace).await?,
    };
    let mut certificates: Vec<Certificate> = read.into_iter().map(|read| read.at(now)).collect();
    certificates.sort_by(|a, b| (a.expires, &a.secret, &a.key).cmp(&(b.expires, &b.secret, &b.key)));
    Ok(certificates)
}

async fn by_server(server: &LoggedIn, found: &Found) -> Result<Vec<Read>, ReadError> {
    let path = ["api", "clusters", &found.namespace, &found.name, "certificates"];
    let answer = server.get::<ServersCertificates>(&path, &[]).await;
    let answer = answer.map_err(|source| ReadError::Server {
        what: format!("the certificates of tenant cluster {}", found.name),
        source: Box::new(source),
    })?;
    let all = answer.categories.into_values().flatten();
    let read = all.map(|certificate| Read {
        secret: certificate.secret_name,
        key: certificate.secret_key,
        subject: certificate.subject,
        issuer: certificate.issuer,
        expires: certificate.not_after,
    });
    Ok(read.collect())
}

async fn by_secrets(reach: &Reach, namespace: &str) -> Result<Vec<Read>, ReadError> {
    let secrets: Api<Secret> = Api::namespaced(reach.client.clone(), namespace);
    let secrets = secrets.list(&ListParams::default()).await;
    let secrets = secrets.map_err(|source| ReadError::Kubernetes {
        what: format!("Secrets in namespace {namespace}"),
        source: Box::new(source),
        needs: Some(Operation::Certificates),
    })?;
    Ok(secrets.items.iter().flat_map(read::of_secret).collect())
}
