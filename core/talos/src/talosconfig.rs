//! talosconfig: where a cluster's Talos API is, and the certificate of whoever talks to it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::pki::{Algorithm, Authority, CertAndKey, Leaf, PkiError, Usage};
use crate::secrets::{SecretsBundle, to_base64};
use crate::yaml::{self, Exposed, YamlError};

const LIFETIME: SignedDuration = SignedDuration::from_hours(8_760);

/// The role that may do everything.
pub const ADMIN: &str = "os:admin";

/// The client configuration of `talosctl`, with all its contexts.
#[derive(Clone, Default)]
pub struct Talosconfig {
    file: File,
}

/// One context with credentials, ready for use.
#[derive(Debug, Clone)]
pub struct Context {
    /// Addresses of control planes, possibly none.
    pub endpoints: Vec<String>,
    /// Nodes that commands act on, possibly none.
    pub nodes: Vec<String>,
    /// CA of the Talos API, PEM.
    pub ca: String,
    /// The client's certificate and key.
    pub client: CertAndKey,
}

/// Why a talosconfig could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum TalosconfigError {
    /// The text is no talosconfig.
    #[error("talosconfig cannot be read")]
    Yaml {
        /// What the YAML parser refuses, and where.
        source: YamlError,
    },
    /// The context does not exist.
    #[error("talosconfig has no context {name:?}")]
    NoContext {
        /// What was asked for.
        name: String,
    },
    /// The context has no certificate, as those of other login methods.
    #[error("talosconfig context {name:?} has no {part}")]
    Incomplete {
        /// Name of the context that is not whole.
        name: String,
        /// `ca`, `crt` or `key`.
        part: &'static str,
    },
    /// The client certificate could not be issued.
    #[error("client certificate for the Talos API cannot be issued")]
    Issue {
        /// What the certificate could not be made for.
        source: PkiError,
    },
}

/// A talosconfig with one context, for an administrator, valid for a year from `now`.
pub fn render(
    context: &str,
    endpoints: &[String],
    nodes: &[String],
    secrets: &SecretsBundle,
    now: Timestamp,
) -> Result<SecretString, TalosconfigError> {
    let client = issue_client(secrets, ADMIN, now)?;
    let ca = secrets.os_ca().crt.clone();
    let context_data = Context {
        endpoints: endpoints.to_vec(),
        nodes: nodes.to_vec(),
        ca,
        client,
    };
    let mut config = Talosconfig::default();
    config.insert(context, &context_data);
    config.to_yaml()
}

/// A client certificate for the Talos API with one role.
pub fn issue_client(secrets: &SecretsBundle, role: &str, now: Timestamp) -> Result<CertAndKey, TalosconfigError> {
    let leaf = Leaf {
        common_name: None,
        organization: Some(role.to_owned()),
        names: Vec::new(),
        usage: Usage::Client,
        key_encipherment: false,
        algorithm: Algorithm::Ed25519,
        lifetime: LIFETIME,
        // A node whose clock is a little behind must accept it.
        backdate: SignedDuration::from_mins(5),
    };
    Authority::new(secrets.os_ca())
        .and_then(|authority| authority.issue(&leaf, now))
        .map_err(|source| TalosconfigError::Issue { source })
}

impl Talosconfig {
    /// Reads a file. An empty one has no contexts.
    pub fn parse(text: &str) -> Result<Self, TalosconfigError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        yaml::read(text)
            .map(|file| Self { file })
            .map_err(|source| TalosconfigError::Yaml { source })
    }

    /// Writes the file. Keep it in mode 0600.
    pub fn to_yaml(&self) -> Result<SecretString, TalosconfigError> {
        yaml::write(&self.file)
            .map(SecretString::from)
            .map_err(|source| TalosconfigError::Yaml { source })
    }

    /// Name of the selected context; empty if there is none.
    pub fn current(&self) -> &str {
        &self.file.context
    }

    /// Names of all contexts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.file.contexts.keys().map(String::as_str)
    }

    /// The context of this name, or the selected one.
    pub fn context(&self, name: Option<&str>) -> Result<Context, TalosconfigError> {
        let name = name.unwrap_or(&self.file.context);
        let entry = self
            .file
            .contexts
            .get(name)
            .ok_or_else(|| TalosconfigError::NoContext { name: name.to_owned() })?;
        let pem = |value: Option<&str>, part| {
            value
                .and_then(|text| STANDARD.decode(text).ok())
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| TalosconfigError::Incomplete {
                    name: name.to_owned(),
                    part,
                })
        };
        let mut endpoints = entry.endpoints.clone();
        // The old spelling of a single endpoint.
        endpoints.extend(entry.target.clone().filter(|target| !target.is_empty()));
        Ok(Context {
            endpoints,
            nodes: entry.nodes.clone(),
            ca: pem(entry.ca.as_deref(), "ca")?,
            client: CertAndKey {
                crt: pem(entry.crt.as_deref(), "crt")?,
                key: SecretString::from(pem(entry.key.as_ref().map(|key| key.0.expose_secret()), "key")?),
            },
        })
    }

    /// Adds or replaces a context and selects it.
    pub fn insert(&mut self, name: &str, context: &Context) {
        let entry = Entry {
            endpoints: context.endpoints.clone(),
            nodes: context.nodes.clone(),
            ca: Some(STANDARD.encode(&context.ca)),
            crt: Some(STANDARD.encode(&context.client.crt)),
            key: Some(Exposed(to_base64(&context.client.key))),
            ..Entry::default()
        };
        self.file.contexts.insert(name.to_owned(), entry);
        name.clone_into(&mut self.file.context);
    }

    /// Adds the contexts of another file; one whose name is taken becomes `NAME-1`, `NAME-2` and so on.
    /// Returns the new name of each renamed context. The other file's selection wins.
    pub fn merge(&mut self, other: Self) -> BTreeMap<String, String> {
        let mut renamed = BTreeMap::new();
        let mut selected = other.file.context;
        for (name, entry) in other.file.contexts {
            let mut free = name.clone();
            let mut suffix = 0_u64;
            while self.file.contexts.contains_key(&free) {
                suffix += 1;
                free = format!("{name}-{suffix}");
            }
            if free != name {
                renamed.insert(name.clone(), free.clone());
            }
            self.file.contexts.insert(free, entry);
        }
        if let Some(new) = renamed.get(&selected) {
            selected.clone_from(new);
        }
        if !selected.is_empty() {
            self.file.context = selected;
        }
        renamed
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct File {
    #[serde(default)]
    context: String,
    #[serde(default)]
    contexts: BTreeMap<String, Entry>,
}

/// Keys that we do not use ourselves are kept for whoever does.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Entry {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Exposed>,
    #[serde(flatten)]
    other: BTreeMap<String, serde_json::Value>,
}

#[cfg(test)]
mod tests;
