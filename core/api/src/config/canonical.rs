//! The canonical form of a configuration: what decides whether two files mean the same cluster.
//!
//! It is made of the validated values, so writing down a default changes nothing. No secret value is in it, and no
//! deadline: raising one is a reason to continue, not a different cluster.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::types::{BootstrapCluster, BootstrapConfig, ProviderKind};

/// One difference between two canonical forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The setting, for example `cluster.workers.replicas`.
    pub path: String,
    /// The value before; none when it was not there.
    pub old: Option<Value>,
    /// The value now; none when it is gone.
    pub new: Option<Value>,
}

/// What changed from one canonical form to another, in the order of the settings' names.
pub fn difference(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", Some(old), Some(new), &mut changes);
    changes
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    match (old, new) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect();
            keys.sort();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(&path, a.get(key), b.get(key), changes);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                compare(&format!("{path}[{i}]"), a.get(i), b.get(i), changes);
            }
        }
        (old, new) if old != new => {
            let path = path.to_owned();
            changes.push(Change {
                path,
                old: old.cloned(),
                new: new.cloned(),
            });
        }
        _ => {}
    }
}

impl BootstrapConfig {
    /// Puts another bootstrap cluster in place of the one that is written. It counts as if it were written: digest and
    /// differences are those of a file that says so.
    pub fn replace_bootstrap_cluster(&mut self, cluster: BootstrapCluster) {
        let mut written = serde_json::to_value(&cluster).expect("texts below names are JSON");
        prune(&mut written);
        if let Value::Object(settings) = &mut self.canonical {
            settings.insert("bootstrapCluster".to_owned(), written);
        }
        self.digest = digest(&self.canonical);
        self.bootstrap_cluster = cluster;
    }
}

/// SHA-256, in hexadecimal digits, of the canonical form as text with sorted keys.
pub(super) fn digest(canonical: &Value) -> String {
    let mut text = String::new();
    write_sorted(canonical, &mut text);
    format!("{:x}", Sha256::digest(text.as_bytes()))
}

fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                let _ = write!(out, "{comma}{}:", Value::from(key.as_str()));
                write_sorted(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_sorted(item, out);
            }
            out.push(']');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

/// The canonical form. Settings that are not there are left out.
pub(super) fn canonical(config: &BootstrapConfig) -> Result<Value, serde_json::Error> {
    #[derive(Serialize)]
    struct Canonical<'a> {
        provider: ProviderKind,
        #[serde(flatten)]
        settings: &'a BootstrapConfig,
    }
    let mut whole = serde_json::to_value(Canonical {
        provider: config.provider_kind(),
        settings: config,
    })?;
    prune(&mut whole);
    Ok(whole)
}

/// Takes away `null`, empty lists and empty mappings, so that new settings do not change old digests.
fn prune(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(prune);
            object.retain(|_, value| !is_nothing(value));
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// Stands for certificates: as long as the differences would be if they were written out, nobody would read them.
pub(super) fn fingerprint(pem: &str) -> String {
    format!("sha256:{}", digest(&Value::from(pem.trim())))
}
