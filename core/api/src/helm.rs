//! Helm's own record of a release: one Secret per revision, as `helm list` reads and writes them.

use std::io::{Read as _, Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use jiff::Timestamp;
use k8s_openapi::{ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use serde_json::{Value, json};

/// Largest decoded record that is read.
const RECORD_BYTES: u64 = 64 * 1024 * 1024;
/// Secret type of a record.
const SECRET_TYPE: &str = "helm.sh/release.v1";

/// One revision of a release.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRelease {
    /// Name of the release.
    pub name: String,
    /// Namespace that the release is installed in.
    pub namespace: String,
    /// Number of the revision; the first one is 1.
    pub revision: u32,
    /// `deployed`, `failed`, `pending-install`, …
    pub status: String,
    /// What Helm noted down.
    pub description: String,
    /// When the release was first installed.
    pub first_deployed: Option<Timestamp>,
    /// When this revision was made.
    pub last_deployed: Option<Timestamp>,
    /// Name of the chart.
    pub chart: String,
    /// Version of the chart.
    pub chart_version: String,
    /// Version of the application.
    pub app_version: String,
    /// The values it was given.
    pub config: Value,
    /// The objects, as one YAML stream.
    pub manifest: String,
}

/// A record that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the record of release {name} cannot be read: {reason}")]
pub struct RecordError {
    name: String,
    reason: String,
}

impl StoredRelease {
    /// The Secret of this revision.
    pub fn encode(&self) -> Secret {
        #[expect(
            clippy::disallowed_macros,
            reason = "the record is Helm's own: no library has a type of it"
        )]
        let record = json!({
            "name": self.name,
            "namespace": self.namespace,
            "version": self.revision,
            "info": {
                "status": self.status,
                "description": self.description,
                "first_deployed": self.first_deployed,
                "last_deployed": self.last_deployed,
                "deleted": "",
            },
            "chart": {
                "metadata": {
                    "apiVersion": "v2",
                    "name": self.chart,
                    "version": self.chart_version,
                    "appVersion": self.app_version,
                },
                "lock": null,
                "templates": [],
                "values": {},
                "schema": null,
                "files": [],
            },
            "config": self.config,
            "manifest": self.manifest,
        });
        let modified = self.last_deployed.map_or(0, Timestamp::as_second);
        let labels = [
            ("name", self.name.clone()),
            ("owner", "helm".to_owned()),
            ("status", self.status.clone()),
            ("version", self.revision.to_string()),
            ("modifiedAt", modified.to_string()),
        ];
        let packed = ByteString(pack(&record.to_string()).into_bytes());
        Secret {
            metadata: ObjectMeta {
                name: Some(secret_name(&self.name, self.revision)),
                namespace: Some(self.namespace.clone()),
                labels: Some(labels.map(|(key, value)| (key.to_owned(), value)).into()),
                ..ObjectMeta::default()
            },
            type_: Some(SECRET_TYPE.to_owned()),
            data: Some([("release".to_owned(), packed)].into()),
            ..Secret::default()
        }
    }

    /// Reads the Secret of a revision.
    pub fn decode(secret: &Secret) -> Result<Self, RecordError> {
        let broken = |reason: &str| RecordError {
            name: secret
                .metadata
                .name
                .clone()
                .unwrap_or_else(|| "without a name".to_owned()),
            reason: reason.to_owned(),
        };
        let data = secret.data.as_ref().and_then(|data| data.get("release"));
        let ByteString(packed) = data.ok_or_else(|| broken("it has no data"))?;
        let text = unpack(packed).map_err(|reason| broken(&reason))?;
        let record: Value = serde_json::from_str(&text).map_err(|error| broken(&error.to_string()))?;
        let found = |pointer: &str| record.pointer(pointer).and_then(Value::as_str);
        // Helm leaves empty fields out.
        let text = |pointer: &str| found(pointer).unwrap_or("").to_owned();
        let needed = |pointer: &str| match found(pointer).filter(|text| !text.is_empty()) {
            Some(text) => Ok(text.to_owned()),
            None => Err(broken(&format!("it has no {}", pointer.trim_start_matches('/')))),
        };
        let time = |pointer: &str| found(pointer)?.parse::<Timestamp>().ok();
        let revision = record
            .get("version")
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok());
        Ok(Self {
            name: needed("/name")?,
            namespace: needed("/namespace")?,
            revision: revision.ok_or_else(|| broken("it has no revision"))?,
            status: needed("/info/status")?,
            description: text("/info/description"),
            first_deployed: time("/info/first_deployed"),
            last_deployed: time("/info/last_deployed"),
            chart: text("/chart/metadata/name"),
            chart_version: text("/chart/metadata/version"),
            app_version: text("/chart/metadata/appVersion"),
            config: record.get("config").cloned().unwrap_or(Value::Null),
            manifest: text("/manifest"),
        })
    }
}

/// Name of the Secret of a revision.
pub fn secret_name(release: &str, revision: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

fn pack(text: &str) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    let packed = packed.expect("writing to memory does not fail");
    STANDARD.encode(packed)
}

fn unpack(packed: &[u8]) -> Result<String, String> {
    let packed = STANDARD.decode(packed).map_err(|error| error.to_string())?;
    let mut text = String::new();
    if packed.starts_with(&[0x1f, 0x8b]) {
        let mut decoder = GzDecoder::new(packed.as_slice()).take(RECORD_BYTES);
        decoder.read_to_string(&mut text).map_err(|error| error.to_string())?;
    } else {
        // Helm 2 wrote records without compression, and Helm 3 still reads them.
        text = String::from_utf8(packed).map_err(|error| error.to_string())?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn release() -> StoredRelease {
        StoredRelease {
            name: "cilium".to_owned(),
            namespace: "kube-system".to_owned(),
            revision: 3,
            status: "deployed".to_owned(),
            description: "Install complete".to_owned(),
            first_deployed: "2026-01-02T03:04:05Z".parse().ok(),
            last_deployed: "2026-01-02T03:05:05Z".parse().ok(),
            chart: "cilium".to_owned(),
            chart_version: "1.17.0".to_owned(),
            app_version: "1.17.0".to_owned(),
            config: json!({"ipam": {"mode": "kubernetes"}}),
            manifest: "---\n{}\n".to_owned(),
        }
    }

    fn record(data: &str) -> BTreeMap<String, ByteString> {
        BTreeMap::from([("release".to_owned(), ByteString(data.into()))])
    }

    #[test]
    fn a_record_survives_encoding_and_decoding() {
        let encoded = release().encode();
        let labels = encoded.metadata.labels.clone().unwrap();
        assert_eq!(encoded.metadata.name.as_deref(), Some("sh.helm.release.v1.cilium.v3"));
        assert_eq!(labels["modifiedAt"], "1767323105");
        assert_eq!(StoredRelease::decode(&encoded).unwrap(), release());
    }

    #[test]
    fn damaged_records_are_errors() {
        for data in ["", "!", "aGVsbG8=", "H4sI"] {
            let mut secret = release().encode();
            secret.data = Some(record(data));
            assert!(StoredRelease::decode(&secret).is_err(), "{data:?}");
        }
        let mut secret = release().encode();
        secret.data = None;
        assert!(StoredRelease::decode(&secret).is_err());
        // A status that is not there would pass for a failed install, and its release would be changed.
        let mut secret = release().encode();
        let damaged = json!({"name": "cilium", "namespace": "kube-system", "version": 3, "info": {}});
        secret.data = Some(record(&pack(&damaged.to_string())));
        let error = StoredRelease::decode(&secret).unwrap_err().to_string();
        assert!(error.contains("it has no info/status"), "{error}");
    }
}
