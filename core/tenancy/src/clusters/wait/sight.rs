//! What there is to be seen of a cluster while it is waited for: its parts, and why each is not there yet.

use butler_api::conditions;
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::tenant_cluster::{ObservedAddonStatus, TenantClusterStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::super::upgrade;

/// What there is to be seen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sight {
    /// The phase, as its controller says.
    pub phase: Option<String>,
    /// Its parts.
    pub rows: Vec<Row>,
    /// Why it is not as it should be, from the deepest layer that tells.
    pub cause: Option<String>,
    /// Why nothing new is seen.
    pub trouble: Option<String>,
}

/// A part of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// How far it is.
    pub state: RowState,
    /// More about it: where it is, or why it is not there.
    pub text: String,
}

/// How far a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// It is as it should be.
    Done,
    /// Work on it goes on.
    Busy,
    /// It is not as it should be, and that is no matter of time.
    Bad,
}

/// Conditions that the rows have a place for; others get a row of their own where they do not hold.
const PLACED: [&str; 6] = [
    conditions::types::READY,
    "ControlPlaneReady",
    "WorkersReady",
    "InfrastructureReady",
    "AddonsReady",
    "NetworkReady",
];

/// What a cluster shows.
pub(super) fn of(cluster: &TenantCluster) -> Sight {
    let phase = match cluster.metadata.deletion_timestamp {
        Some(_) => Some("Deleting".to_owned()),
        None => phase(cluster),
    };
    let Some(status) = &cluster.status else {
        return Sight {
            phase,
            cause: Some("no controller has looked at it yet".to_owned()),
            ..Sight::default()
        };
    };
    let mut rows: Vec<Row> = [
        addresses(status),
        control_plane(cluster, status),
        workers(cluster, status),
    ]
    .into_iter()
    .flatten()
    .collect();
    rows.extend(addons(status));
    let others = status
        .conditions
        .iter()
        .filter(|condition| !PLACED.contains(&condition.type_.as_str()));
    rows.extend(
        others
            .filter(|condition| condition.status != "True")
            .map(|condition| Row {
                name: condition.type_.clone(),
                state: RowState::Busy,
                text: words(condition),
            }),
    );
    Sight {
        phase,
        rows,
        cause: unseen(cluster, status).or_else(|| cause(status)),
        trouble: None,
    }
}

fn phase(cluster: &TenantCluster) -> Option<String> {
    let phase = cluster.status.as_ref()?.phase.as_ref()?;
    Some(phase.as_str().to_owned())
}

fn find<'a>(status: &'a TenantClusterStatus, kind: &str) -> Option<&'a Condition> {
    conditions::find(&status.conditions, kind)
}

/// The reason and the message that a failure has.
pub(super) fn failure(cluster: &TenantCluster) -> (String, String) {
    let ready = cluster
        .status
        .as_ref()
        .and_then(|status| find(status, conditions::types::READY));
    match ready {
        Some(ready) => (ready.reason.clone(), words(ready)),
        None => ("Failed".to_owned(), "its controller does not say why".to_owned()),
    }
}

/// What its controller says is of before.
fn unseen(cluster: &TenantCluster, status: &TenantClusterStatus) -> Option<String> {
    let old = status.observed_generation.is_some() && status.observed_generation < cluster.metadata.generation;
    old.then(|| "its controller has not seen the change yet".to_owned())
}

fn cause(status: &TenantClusterStatus) -> Option<String> {
    let ready = find(status, conditions::types::READY)?;
    (ready.status != "True").then(|| words(ready))
}

/// A message, or the reason where there is none.
fn words(condition: &Condition) -> String {
    if condition.message.is_empty() {
        condition.reason.clone()
    } else {
        condition.message.clone()
    }
}

fn state(condition: &Condition) -> RowState {
    const HOPELESS: [&str; 4] = ["Exhausted", "Failed", "Denied", "Invalid"];
    match condition.status.as_str() {
        "True" => RowState::Done,
        _ if HOPELESS.iter().any(|word| condition.reason.contains(word)) => RowState::Bad,
        _ => RowState::Busy,
    }
}

fn row(name: &str, condition: &Condition) -> Row {
    Row {
        name: name.to_owned(),
        state: state(condition),
        text: words(condition),
    }
}

fn addresses(status: &TenantClusterStatus) -> Option<Row> {
    find(status, "NetworkReady").map(|condition| row("addresses", condition))
}

fn control_plane(cluster: &TenantCluster, status: &TenantClusterStatus) -> Option<Row> {
    let condition = find(status, "ControlPlaneReady")?;
    let mut row = row("control plane", condition);
    if let (RowState::Done, Some(endpoint)) = (row.state, &status.control_plane_endpoint) {
        let (running, asked) = (upgrade::running(cluster), &cluster.spec.kubernetes_version);
        row.text = if running == asked {
            format!("{running} at {endpoint}")
        } else {
            format!("{running} at {endpoint}, going to {asked}")
        };
    }
    Some(row)
}

fn workers(cluster: &TenantCluster, status: &TenantClusterStatus) -> Option<Row> {
    let desired = cluster.spec.workers.replicas;
    let observed = status
        .observed_state
        .as_ref()
        .and_then(|observed| observed.workers.as_ref());
    let ready = status.worker_nodes_ready.or_else(|| Some(observed?.ready))?;
    let behind = [find(status, "InfrastructureReady"), find(status, "WorkersReady")];
    let behind = behind
        .into_iter()
        .flatten()
        .find(|condition| condition.status != "True");
    let mut text = format!("{ready} of {desired} ready");
    if let Some(condition) = behind.filter(|_| ready < desired) {
        text = format!("{text}: {}", words(condition));
    }
    Some(Row {
        name: "workers".to_owned(),
        state: if ready == desired {
            RowState::Done
        } else {
            RowState::Busy
        },
        text,
    })
}

fn addons(status: &TenantClusterStatus) -> Option<Row> {
    let condition = find(status, "AddonsReady");
    let observed = status
        .observed_state
        .as_ref()
        .map(|observed| observed.addons.as_slice());
    let observed = observed.filter(|addons| !addons.is_empty());
    let Some(addons) = observed else {
        return condition.map(|condition| row("addons", condition));
    };
    let is_well = |status: &ObservedAddonStatus| *status == ObservedAddonStatus::Healthy;
    let well = addons.iter().filter(|addon| is_well(&addon.status)).count();
    let open = addons.iter().filter(|addon| !is_well(&addon.status));
    let open: Vec<String> = open
        .map(|addon| format!("{} {}", addon.name, addon.status.as_str().to_lowercase()))
        .collect();
    let failed = addons.iter().any(|addon| addon.status == ObservedAddonStatus::Failed);
    let text = format!("{well} of {} healthy", addons.len());
    Some(Row {
        name: "addons".to_owned(),
        state: match (open.is_empty(), failed) {
            (true, _) => RowState::Done,
            (false, false) => RowState::Busy,
            (false, true) => RowState::Bad,
        },
        text: if open.is_empty() {
            text
        } else {
            format!("{text}: {}", open.join(", "))
        },
    })
}
