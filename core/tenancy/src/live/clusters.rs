//! Tenant clusters as rows. There may be ten thousand of them, so that only what a row shows is read of each.

use jiff::Timestamp;
use serde::Deserialize;

use super::row::{Cell, Detail, Row, State};
use crate::loose::Loose;

/// What is read of a cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Seen {
    metadata: Meta,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    uid: Loose,
    namespace: Loose,
    name: Loose,
    resource_version: Loose,
    creation_timestamp: Loose,
    deletion_timestamp: Loose,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    kubernetes_version: Loose,
    workers: Workers,
    provider_config_ref: Named,
    team_ref: Named,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Workers {
    replicas: Loose,
    ready: Loose,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Named {
    name: Loose,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: Loose,
    worker_nodes_ready: Loose,
    observed_state: Observed,
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Observed {
    workers: Workers,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: Loose,
    status: Loose,
    message: Loose,
}

impl From<Seen> for Row {
    #[expect(
        clippy::disallowed_methods,
        reason = "the API server gives every object a name, a UID and a version"
    )]
    fn from(seen: Seen) -> Self {
        let Seen { metadata, spec, status } = seen;
        let own = |text: Loose| text.text().map(String::into_boxed_str);
        let time = |text: Loose| text.text().and_then(|text| text.parse::<Timestamp>().ok());
        let is_deleting = matches!(metadata.deletion_timestamp, Loose::Text(_));
        let phase = if is_deleting {
            Some("Deleting".into())
        } else {
            own(status.phase)
        };
        let state = state(phase.as_deref());
        let ready = status.worker_nodes_ready.number();
        let ready = ready.or_else(|| status.observed_state.workers.ready.number());
        let why = (state != State::Good).then(|| why(status.conditions)).flatten();
        let namespace = own(metadata.namespace);
        Self {
            uid: own(metadata.uid).unwrap_or_default(),
            name: own(metadata.name).unwrap_or_default(),
            version: own(metadata.resource_version).unwrap_or_default(),
            state,
            cells: vec![
                Cell::text(own(spec.team_ref.name).or_else(|| namespace.clone())),
                Cell::text(phase),
                Cell::text(own(spec.kubernetes_version)),
                Cell::Of(ready, spec.workers.replicas.number()),
                Cell::text(own(spec.provider_config_ref.name)),
                Cell::time(time(metadata.creation_timestamp)),
            ],
            namespace,
            why,
            detail: Detail::None,
        }
    }
}

/// How a phase of any kind of Butler's is.
pub(super) fn state(phase: Option<&str>) -> State {
    match phase {
        Some("Ready" | "Installed" | "Active" | "Allocated" | "Released") => State::Good,
        Some("Failed" | "Degraded" | "Locked") => State::Bad,
        Some(_) => State::Busy,
        None => State::Unknown,
    }
}

/// The deepest cause: what another condition says, else what the one about the whole says.
fn why(conditions: Option<Vec<Condition>>) -> Option<Box<str>> {
    let mut whole = None;
    for condition in conditions.into_iter().flatten() {
        let is_false = condition.status.text().is_some_and(|status| status == "False");
        let (kind, message) = (condition.kind.text(), condition.message.text());
        match (is_false, kind.as_deref(), message) {
            (true, Some("Ready"), Some(message)) => whole = Some(message),
            (true, Some(_), Some(message)) => return Some(message.into()),
            _ => {}
        }
    }
    whole.map(String::into_boxed_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        serde_json::from_str::<Seen>(text).unwrap().into()
    }

    #[test]
    fn a_row_says_how_a_cluster_is_and_why() {
        let row = row(
            r#"{"metadata": {"name": "web", "namespace": "pay", "uid": "u1", "resourceVersion": "7", "creationTimestamp": "2026-11-21T04:46:00Z"},
                "spec": {"kubernetesVersion": "v1.33.1", "workers": {"replicas": 3}, "teamRef": {"name": "payments"}},
                "status": {"phase": "Provisioning", "workerNodesReady": 1, "conditions": [
                    {"type": "Ready", "status": "False", "message": "not yet"},
                    {"type": "InfrastructureReady", "status": "True", "message": "fine"},
                    {"type": "WorkersReady", "status": "False", "message": "no address for w-3"}]}}"#,
        );
        assert_eq!((&*row.uid, &*row.name, &*row.version), ("u1", "web", "7"));
        assert_eq!(row.state, State::Busy);
        assert_eq!(row.why.as_deref(), Some("no address for w-3"));
        assert_eq!(row.cells[0], Cell::Text("payments".into()));
        assert_eq!(row.cells[3], Cell::Of(Some(1), Some(3)));
    }

    #[test]
    fn what_is_not_known_is_not_invented() {
        let unseen = row(r#"{"metadata": {"name": "c", "namespace": "n"}, "spec": {"workers": {"replicas": 2}}}"#);
        assert_eq!((unseen.state, &unseen.cells[1]), (State::Unknown, &Cell::Unknown));
        assert_eq!(unseen.cells[3], Cell::Of(None, Some(2)));
        assert_eq!(
            unseen.cells[0],
            Cell::Text("n".into()),
            "the namespace stands for the team"
        );
        let going = row(
            r#"{"metadata": {"name": "c", "deletionTimestamp": "2026-11-21T05:46:00Z"}, "status": {"phase": "Ready", "conditions": null}}"#,
        );
        assert_eq!(
            (going.state, &going.cells[1]),
            (State::Busy, &Cell::Text("Deleting".into()))
        );
        let newer = row(r#"{"metadata": {"name": "c"}, "status": {"phase": {"of": 2}, "workerNodesReady": "many"}}"#);
        assert_eq!(newer.state, State::Unknown);
    }
}
