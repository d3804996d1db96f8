//! What a list shows of a cluster.

use jiff::Timestamp;
use kube::api::DynamicObject;
use serde::Deserialize;

use crate::loose::Loose;

/// What a list shows of a cluster. Objects of any Butler are shown, also those that this one cannot read as a whole: what is of
/// another shape than expected is not known.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Seen")]
pub struct Row {
    /// The namespace.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// How far it is; nothing as long as no controller has said so. What is being deleted is `Deleting`, whatever was said before.
    pub phase: Option<String>,
    /// The Kubernetes version that is wanted.
    pub version: Option<String>,
    /// How many workers are ready, as far as anybody knows.
    pub ready: Option<i64>,
    /// How many workers are wanted.
    pub desired: Option<i64>,
    /// Where the API server answers.
    pub endpoint: Option<String>,
    /// The name of the ProviderConfig.
    pub provider: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Row {
    /// The row of an object.
    pub fn of(object: &DynamicObject) -> Self {
        let meta = &object.metadata;
        #[expect(
            clippy::disallowed_methods,
            reason = "what is below metadata is an object in all versions; where it is not, nothing is known"
        )]
        let mut seen = Seen::deserialize(&object.data).unwrap_or_default();
        seen.metadata = Meta {
            namespace: Loose::from(meta.namespace.clone()),
            name: Loose::from(meta.name.clone()),
            creation_timestamp: Loose::from(meta.creation_timestamp.as_ref().map(|time| time.0.to_string())),
            deletion_timestamp: Loose::from(meta.deletion_timestamp.as_ref().map(|time| time.0.to_string())),
        };
        seen.into()
    }

    /// Ready and wanted workers; `-` is a count that nobody knows, which is not 0.
    pub fn workers(&self) -> String {
        let known = |count: Option<i64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
        format!("{}/{}", known(self.ready), known(self.desired))
    }
}

/// The fields of an object that are looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Seen {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    namespace: Loose,
    name: Loose,
    creation_timestamp: Loose,
    deletion_timestamp: Loose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    kubernetes_version: Loose,
    workers: Pool,
    provider_config_ref: Named,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Pool {
    replicas: Loose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: Loose,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: Loose,
    worker_nodes_ready: Loose,
    control_plane_endpoint: Loose,
    observed_state: Observed,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Observed {
    workers: Workers,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Workers {
    ready: Loose,
}

impl From<Seen> for Row {
    fn from(seen: Seen) -> Self {
        let Seen { metadata, spec, status } = seen;
        let time = |text: Loose| text.text().and_then(|text| text.parse().ok());
        let phase = match metadata.deletion_timestamp {
            Loose::Text(_) => Some("Deleting".to_owned()),
            _ => status.phase.text(),
        };
        let ready = status.worker_nodes_ready.number();
        Self {
            namespace: metadata.namespace.text(),
            name: match metadata.name {
                Loose::Text(name) => name,
                Loose::Number(_) | Loose::Unknown => String::new(),
            },
            phase,
            version: spec.kubernetes_version.text(),
            ready: ready.or_else(|| status.observed_state.workers.ready.number()),
            desired: spec.workers.replicas.number(),
            endpoint: status.control_plane_endpoint.text(),
            provider: spec.provider_config_ref.name.text(),
            created: time(metadata.creation_timestamp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(object: &str) -> Row {
        let direct: Row = serde_json::from_str(object).unwrap();
        let dynamic: DynamicObject = serde_json::from_str(object).unwrap();
        assert_eq!(Row::of(&dynamic), direct);
        direct
    }

    #[test]
    fn a_cluster_that_no_controller_has_seen_is_nothing_yet() {
        let row = row(
            r#"{"metadata": {"name": "c", "namespace": "n"}, "spec": {"kubernetesVersion": "v1.32.2", "workers": {"replicas": 3}}}"#,
        );
        assert_eq!((row.phase.as_deref(), row.workers().as_str()), (None, "-/3"));
    }

    #[test]
    fn what_is_being_deleted_is_that_whatever_its_phase() {
        let row = row(
            r#"{"metadata": {"name": "c", "creationTimestamp": "2026-11-21T04:46:00Z", "deletionTimestamp": "2026-11-21T05:46:00Z"}, "spec": {}, "status": {"phase": "Ready", "workerNodesReady": 0}}"#,
        );
        assert_eq!(row.phase.as_deref(), Some("Deleting"));
        assert_eq!(row.workers(), "0/-");
        assert!(row.created.is_some());
    }

    #[test]
    fn both_places_of_the_count_of_workers_are_read() {
        let row = row(
            r#"{"metadata": {"name": "c"}, "spec": {"workers": {"replicas": 2}}, "status": {"observedState": {"workers": {"ready": 1}}}}"#,
        );
        assert_eq!(row.workers(), "1/2");
    }

    #[test]
    fn an_object_of_a_newer_butler_is_shown_as_far_as_it_is_known() {
        let row = row(
            r#"{"metadata": {"name": "c"}, "spec": {"kubernetesVersion": {"channel": ["stable"]}, "workers": {"replicas": "many"}, "new": 1}, "status": {"phase": "Hibernating", "workerNodesReady": 1.5}}"#,
        );
        assert_eq!(row.phase.as_deref(), Some("Hibernating"));
        assert_eq!((row.version.as_deref(), row.workers().as_str()), (None, "-/-"));
    }
}
