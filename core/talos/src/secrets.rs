//! The secrets bundle: everything secret that all nodes of a cluster share, in the form of talosctl's `secrets.yaml`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::pki::{self, Algorithm, CertAndKey, PkiError};
use crate::yaml::{self, Exposed, YamlError};

const CA_LIFETIME: SignedDuration = SignedDuration::from_hours(87_600);
/// A node whose clock is a little behind must not find its authorities not valid yet.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// The secrets of one cluster.
///
/// The service account key is RSA with 4096 bits, as Talos has made it since 1.7.
#[derive(Clone)]
pub struct SecretsBundle {
    cluster_id: String,
    cluster_secret: SecretString,
    bootstrap_token: SecretString,
    encryption: Encryption,
    machine_token: SecretString,
    etcd: CertAndKey,
    k8s: CertAndKey,
    aggregator: CertAndKey,
    service_account: SecretString,
    os: CertAndKey,
}

/// Key that encrypts Kubernetes Secrets in etcd; which of the two is decided when the bundle is made.
#[derive(Clone)]
pub(crate) enum Encryption {
    /// The default since contract 1.3.
    Secretbox(SecretString),
    /// Of clusters that are older.
    AesCbc(SecretString),
}

/// Why a bundle could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The text is not a secrets file.
    #[error("secrets bundle cannot be read")]
    Yaml {
        /// What the YAML parser refuses, and where.
        source: YamlError,
    },
    /// One part is not usable.
    #[error("{part} of the secrets bundle is not usable")]
    Part {
        /// Path of the part in the file.
        part: &'static str,
        /// What is wrong with the part.
        source: PkiError,
    },
    /// One part has the wrong form.
    #[error("{part} of the secrets bundle must be {expected}")]
    Form {
        /// Path of the part in the file.
        part: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// New keys or certificates could not be made.
    #[error("cannot make a new secrets bundle")]
    Generate {
        /// What the generation failed on.
        source: PkiError,
    },
}

impl fmt::Debug for SecretsBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsBundle").finish_non_exhaustive()
    }
}

impl SecretsBundle {
    /// Makes the secrets of a new cluster. Takes a fraction of a second of computing.
    pub fn generate(now: Timestamp) -> Result<Self, SecretsError> {
        Self::try_generate(now).map_err(|source| SecretsError::Generate { source })
    }

    fn try_generate(now: Timestamp) -> Result<Self, PkiError> {
        let ca = |organization, algorithm| pki::new_ca(organization, algorithm, CA_LIFETIME, now - BACKDATE);
        Ok(Self {
            cluster_id: URL_SAFE.encode(pki::random::<32>()?),
            cluster_secret: key_256()?,
            bootstrap_token: token()?,
            encryption: Encryption::Secretbox(key_256()?),
            machine_token: token()?,
            etcd: ca(Some("etcd"), Algorithm::EcdsaP256)?,
            k8s: ca(Some("kubernetes"), Algorithm::EcdsaP256)?,
            // talosctl means to name this one and does not; nothing reads the name.
            aggregator: ca(None, Algorithm::EcdsaP256)?,
            service_account: pki::new_rsa_key()?,
            os: ca(Some("talos"), Algorithm::Ed25519)?,
        })
    }

    /// Stands for the secrets of a cluster that has none yet, where only the form of a configuration matters.
    pub(crate) fn placeholder() -> Self {
        let text = || SecretString::from("placeholder");
        let pair = || CertAndKey {
            crt: "placeholder".to_owned(),
            key: text(),
        };
        Self {
            cluster_id: "placeholder".to_owned(),
            cluster_secret: text(),
            bootstrap_token: text(),
            encryption: Encryption::Secretbox(text()),
            machine_token: text(),
            etcd: pair(),
            k8s: pair(),
            aggregator: pair(),
            service_account: text(),
            os: pair(),
        }
    }

    /// Reads a `secrets.yaml`; every part is checked.
    pub fn from_yaml(text: &str) -> Result<Self, SecretsError> {
        yaml::read(text)
            .map_err(|source| SecretsError::Yaml { source })
            .and_then(Self::checked)
    }

    /// Takes the secrets out of the machine configuration of a control plane, which holds all of them.
    pub fn from_machine_config(text: &str) -> Result<Self, SecretsError> {
        let document = yaml::documents(text)
            .find(|document| document.lines().any(|line| line.starts_with("machine:")))
            .ok_or(SecretsError::Form {
                part: "the machine configuration",
                expected: "one with a machine section",
            })?;
        let config: node::Config = yaml::read(document).map_err(|source| SecretsError::Yaml { source })?;
        Self::checked(config.into())
    }

    fn checked(file: File) -> Result<Self, SecretsError> {
        let encryption = match (
            file.secrets.secretboxencryptionsecret,
            file.secrets.aescbcencryptionsecret,
        ) {
            (Some(key), None) => Encryption::Secretbox(key_checked(key, "secrets.secretboxencryptionsecret")?),
            (None, Some(key)) => Encryption::AesCbc(key_checked(key, "secrets.aescbcencryptionsecret")?),
            _ => {
                return Err(SecretsError::Form {
                    part: "secrets",
                    expected: "with exactly one of secretboxencryptionsecret and aescbcencryptionsecret",
                });
            }
        };
        if file.cluster.id.is_empty() {
            return Err(SecretsError::Form {
                part: "cluster.id",
                expected: "present",
            });
        }
        let certs = file.certs;
        let service_account = from_base64(&certs.k8sserviceaccount.key.0, "certs.k8sserviceaccount.key")?;
        pki::key::pkcs8(&service_account).map_err(|source| SecretsError::Part {
            part: "certs.k8sserviceaccount.key",
            source,
        })?;
        Ok(Self {
            cluster_id: file.cluster.id,
            cluster_secret: key_checked(file.cluster.secret, "cluster.secret")?,
            bootstrap_token: token_checked(file.secrets.bootstraptoken, "secrets.bootstraptoken")?,
            encryption,
            machine_token: token_checked(file.trustdinfo.token, "trustdinfo.token")?,
            etcd: certs.etcd.checked("certs.etcd")?,
            k8s: certs.k8s.checked("certs.k8s")?,
            aggregator: certs.k8saggregator.checked("certs.k8saggregator")?,
            service_account,
            os: certs.os.checked("certs.os")?,
        })
    }

    /// Writes a `secrets.yaml` that talosctl reads. Keep it in a file of mode 0600.
    pub fn to_yaml(&self) -> Result<SecretString, SecretsError> {
        let (secretbox, aescbc) = match &self.encryption {
            Encryption::Secretbox(key) => (Some(Exposed(key.clone())), None),
            Encryption::AesCbc(key) => (None, Some(Exposed(key.clone()))),
        };
        let file = File {
            cluster: Cluster {
                id: self.cluster_id.clone(),
                secret: Exposed(self.cluster_secret.clone()),
            },
            secrets: Secrets {
                bootstraptoken: Exposed(self.bootstrap_token.clone()),
                secretboxencryptionsecret: secretbox,
                aescbcencryptionsecret: aescbc,
            },
            trustdinfo: Trustd {
                token: Exposed(self.machine_token.clone()),
            },
            certs: Certs {
                etcd: Pair::from(&self.etcd),
                k8s: Pair::from(&self.k8s),
                k8saggregator: Pair::from(&self.aggregator),
                k8sserviceaccount: Key {
                    key: Exposed(to_base64(&self.service_account)),
                },
                os: Pair::from(&self.os),
            },
        };
        yaml::write(&file)
            .map(SecretString::from)
            .map_err(|source| SecretsError::Yaml { source })
    }

    /// The id that members of the cluster share.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Key of the discovery data (base64).
    pub fn cluster_secret(&self) -> &SecretString {
        &self.cluster_secret
    }

    /// Token with which kubelets join.
    pub fn bootstrap_token(&self) -> &SecretString {
        &self.bootstrap_token
    }

    /// Token with which machines ask trustd for certificates.
    pub fn machine_token(&self) -> &SecretString {
        &self.machine_token
    }

    /// CA of the Talos API.
    pub fn os_ca(&self) -> &CertAndKey {
        &self.os
    }

    /// The certificate authority of the Kubernetes API.
    pub fn k8s_ca(&self) -> &CertAndKey {
        &self.k8s
    }

    /// The certificate authority of etcd's members and clients.
    pub fn etcd_ca(&self) -> &CertAndKey {
        &self.etcd
    }

    /// CA of the Kubernetes API aggregation layer.
    pub fn aggregator_ca(&self) -> &CertAndKey {
        &self.aggregator
    }

    /// Key that signs service account tokens.
    pub fn service_account_key(&self) -> &SecretString {
        &self.service_account
    }

    pub(crate) fn encryption(&self) -> &Encryption {
        &self.encryption
    }
}

/// Base64 of a text, as every PEM stands in the files of Talos.
pub(crate) fn to_base64(text: &SecretString) -> SecretString {
    SecretString::from(STANDARD.encode(text.expose_secret()))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cluster: Cluster,
    secrets: Secrets,
    trustdinfo: Trustd,
    certs: Certs,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cluster {
    id: String,
    secret: Exposed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Secrets {
    bootstraptoken: Exposed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secretboxencryptionsecret: Option<Exposed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aescbcencryptionsecret: Option<Exposed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trustd {
    token: Exposed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Certs {
    etcd: Pair,
    k8s: Pair,
    k8saggregator: Pair,
    k8sserviceaccount: Key,
    os: Pair,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    crt: String,
    key: Exposed,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    key: Exposed,
}

impl From<&CertAndKey> for Pair {
    fn from(pair: &CertAndKey) -> Self {
        Self {
            crt: STANDARD.encode(&pair.crt),
            key: Exposed(to_base64(&pair.key)),
        }
    }
}

impl Pair {
    fn checked(self, part: &'static str) -> Result<CertAndKey, SecretsError> {
        let crt = from_base64(&SecretString::from(self.crt), part)?
            .expose_secret()
            .to_owned();
        let key = from_base64(&self.key.0, part)?;
        pki::certificate_der(&crt).map_err(|source| SecretsError::Part { part, source })?;
        pki::key_pair(&key).map_err(|source| SecretsError::Part { part, source })?;
        Ok(CertAndKey { crt, key })
    }
}

fn from_base64(text: &SecretString, part: &'static str) -> Result<SecretString, SecretsError> {
    let bytes = STANDARD.decode(text.expose_secret()).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(SecretString::from)
        .ok_or(SecretsError::Form {
            part,
            expected: "base64 of PEM",
        })
}

fn key_256() -> Result<SecretString, PkiError> {
    Ok(SecretString::from(STANDARD.encode(pki::random::<32>()?)))
}

fn key_checked(key: Exposed, part: &'static str) -> Result<SecretString, SecretsError> {
    match STANDARD.decode(key.0.expose_secret()) {
        Ok(bytes) if bytes.len() == 32 => Ok(key.0),
        _ => Err(SecretsError::Form {
            part,
            expected: "base64 of 32 bytes",
        }),
    }
}

/// `6.16` characters, each one of 36 with the same chance.
fn token() -> Result<SecretString, PkiError> {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(23);
    while text.len() < 23 {
        // 252 is the largest multiple of 36 in a byte; what lies above would favour the first characters.
        for byte in pki::random::<32>()?.into_iter().filter(|byte| *byte < 252) {
            if text.len() == 6 {
                text.push('.');
            }
            if text.len() < 23 {
                text.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
            }
        }
    }
    Ok(SecretString::from(text))
}

fn token_checked(token: Exposed, part: &'static str) -> Result<SecretString, SecretsError> {
    let well_formed = token.0.expose_secret().split_once('.').is_some_and(|(id, secret)| {
        let ok = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        id.len() == 6 && secret.len() == 16 && ok(id) && ok(secret)
    });
    if well_formed {
        Ok(token.0)
    } else {
        Err(SecretsError::Form {
            part,
            expected: "a token of 6 and 16 lower-case characters",
        })
    }
}

mod node;
#[cfg(test)]
pub(crate) mod tests;
