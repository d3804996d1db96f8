//! In which mode is a node? Found out without showing it anything of ours.

use std::sync::Arc;
use std::time::Duration;

use x509_parser::prelude::{FromDer, X509Certificate};

use super::channel::{Credentials, open};
use super::resources::Resources;
use super::tls::{ByFingerprint, Seen};
use super::{Address, TalosError};

/// What answers at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Nothing that speaks this API, or not yet.
    Silent {
        /// What the attempt to connect failed on.
        cause: String,
    },
    /// A node without configuration.
    Maintenance {
        /// Fingerprint of its certificate; good until it restarts.
        fingerprint: String,
    },
    /// A configured node of our cluster.
    Configured,
    /// A configured node, but not of our cluster, as far as our credentials tell.
    Foreign {
        /// What its certificate tells of the cluster it belongs to.
        detail: String,
    },
}

/// Looks who is at an address, within `timeout`. Sends neither certificate nor secret.
pub async fn probe(address: &Address, credentials: Option<&Credentials>, timeout: Duration) -> Mode {
    tokio::time::timeout(timeout, look(address, credentials))
        .await
        .unwrap_or_else(|_| Mode::Silent {
            cause: format!("no answer within {timeout:?}"),
        })
}

async fn look(address: &Address, credentials: Option<&Credentials>) -> Mode {
    let seen = Seen::new(false);
    let verifier = ByFingerprint::new(None, seen.clone());
    let transport = match open(address, Arc::new(verifier), None, &seen).await {
        Ok(transport) => transport,
        // Up to TLS 1.2 a node that wants a client certificate breaks the handshake off.
        Err(error) => return by_certificate(&seen, credentials).unwrap_or_else(|| silent(&error)),
    };
    if let Some(Mode::Configured) = by_certificate(&seen, credentials) {
        return Mode::Configured;
    }
    // A call that every release answers without a certificate, if it answers any.
    let resources = Resources::new(transport, address.clone(), seen.clone());
    match resources.machine_status(Duration::from_secs(5)).await {
        Err(error @ (TalosError::Unreachable(_) | TalosError::Tls { .. } | TalosError::WrongSide { .. })) => {
            if seen.is_maintenance() {
                return silent(&error);
            }
            by_certificate(&seen, credentials).unwrap_or_else(|| silent(&error))
        }
        Err(error @ (TalosError::Deadline { .. } | TalosError::Exhausted(_))) => silent(&error),
        // Any answer at all came without a client certificate.
        Ok(_) | Err(_) => match seen.fingerprint() {
            Some(fingerprint) => Mode::Maintenance { fingerprint },
            None => Mode::Silent {
                cause: "it showed no certificate that can be read".to_owned(),
            },
        },
    }
}

fn by_certificate(seen: &Seen, credentials: Option<&Credentials>) -> Option<Mode> {
    let certificate = seen.certificate()?;
    let ours = credentials
        .and_then(|credentials| credentials.verifier(Seen::default()).ok())
        .is_some_and(|verifier| verifier.issued(&certificate));
    if ours {
        return Some(Mode::Configured);
    }
    let names = match X509Certificate::from_der(&certificate) {
        Ok((_, certificate)) => {
            format!(
                "{:?}, issued by {:?}",
                text(certificate.subject()),
                text(certificate.issuer())
            )
        }
        Err(_) => "which is malformed".to_owned(),
    };
    let whose = if credentials.is_some() {
        "another cluster"
    } else {
        "some cluster"
    };
    Some(Mode::Foreign {
        detail: format!("it has a certificate of {whose}: {names}"),
    })
}

fn text(name: &x509_parser::x509::X509Name<'_>) -> String {
    name.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

fn silent(error: &TalosError) -> Mode {
    Mode::Silent {
        cause: error.failure().cause.clone(),
    }
}
