//! A tenant cluster as a tree of its parts, each with its state and the cause of it. Pure.

use butler_api::conditions::{self, types};
use butler_api::v1alpha1::tenant_addon::TenantAddonPhase;
use butler_api::v1alpha1::tenant_cluster::{ObservedAddon, ObservedAddonStatus, TenantClusterPhase};
use butler_api::v1alpha1::{TenantAddon, TenantCluster};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::parts::{self, ControlPlane, Known, Machine, Node, Parts, Unread};

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Good,
    /// On its way.
    Waiting,
    /// Failed.
    Bad,
    /// Nobody says, or may know.
    Unknown,
}

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The cluster.
    Cluster,
    /// Its hosted control plane.
    ControlPlane,
    /// All workers.
    Workers,
    /// A machine of a worker.
    Machine,
    /// A node of a worker.
    Node,
    /// All addons.
    Addons,
    /// An addon.
    Addon,
    /// The addresses of its services.
    Addresses,
    /// Something that its controller observes.
    Condition,
    /// What has to be cleaned up before it is gone.
    Finalizer,
    /// Something that may not be read.
    Unread,
}

/// A part, and what it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub subject: Subject,
    /// What it is called.
    pub name: String,
    /// How it is.
    pub state: State,
    /// The word for that.
    pub word: String,
    /// What is to be known of it, such as a version.
    pub facts: Vec<String>,
    /// Why it is not as it should be.
    pub cause: Option<String>,
    /// What it consists of.
    pub parts: Vec<Part>,
}

impl Part {
    fn new(subject: Subject, name: &str, state: State, word: &str) -> Self {
        Self {
            subject,
            name: name.to_owned(),
            state,
            word: word.to_owned(),
            facts: Vec::new(),
            cause: None,
            parts: Vec::new(),
        }
    }

    fn fact(mut self, fact: Option<impl Into<String>>) -> Self {
        self.facts
            .extend(fact.map(Into::into).filter(|fact: &String| !fact.is_empty()));
        self
    }

    fn cause(mut self, cause: Option<impl Into<String>>) -> Self {
        self.cause = cause.map(Into::into).filter(|cause: &String| !cause.is_empty());
        self
    }

    fn parts(mut self, parts: Vec<Self>) -> Self {
        self.parts = parts;
        self
    }
}

/// The word for a cluster that no controller has seen.
pub const NOBODY: &str = "Unknown";

/// The tree of a cluster.
pub fn of(cluster: &TenantCluster, parts: &Parts) -> Part {
    let mut below = vec![
        control_plane(cluster, &parts.control_plane),
        workers(cluster, parts),
        addons(cluster, &parts.addons),
    ];
    below.extend(addresses(cluster));
    below.extend(further_conditions(cluster));
    below.extend(finalizers(cluster));
    root(cluster).parts(below)
}

fn name(cluster: &TenantCluster) -> &str {
    cluster.metadata.name.as_deref().unwrap_or("")
}

fn root(cluster: &TenantCluster) -> Part {
    let status = cluster.status.as_ref();
    let ready = conditions::find(parts::conditions(cluster), types::READY);
    let said = ready
        .filter(|ready| ready.status != "True")
        .map(|ready| ready.message.clone());
    let part = |state, word: &str| Part::new(Subject::Cluster, name(cluster), state, word);
    let part = match status.and_then(|status| status.phase.as_ref()) {
        _ if cluster.metadata.deletion_timestamp.is_some() => part(State::Waiting, "Deleting").cause(said),
        None => part(State::Waiting, NOBODY).cause(Some("no controller has said anything about it")),
        Some(phase) if is_behind(cluster) => {
            let waits = "its controller has not looked at the last change yet";
            part(State::Waiting, phase.as_str()).cause(Some(waits))
        }
        Some(TenantClusterPhase::Ready) => part(State::Good, "Ready"),
        Some(TenantClusterPhase::Failed) => part(State::Bad, "Failed").cause(said),
        Some(phase) => part(State::Waiting, phase.as_str()).cause(said),
    };
    part.fact(Some(cluster.spec.kubernetes_version.as_str()))
        .fact(cluster.spec.team_ref.as_ref().map(|team| format!("team {}", team.name)))
}

/// What its status tells is of before the last change.
fn is_behind(cluster: &TenantCluster) -> bool {
    let observed = cluster.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some_and(|observed| cluster.metadata.generation.is_some_and(|now| observed < now))
}

fn control_plane(cluster: &TenantCluster, known: &Known<Option<ControlPlane>>) -> Part {
    let part = |state, word: &str| Part::new(Subject::ControlPlane, "control plane", state, word);
    let endpoint = cluster
        .status
        .as_ref()
        .and_then(|status| status.control_plane_endpoint.as_deref());
    let told = conditions::find(parts::conditions(cluster), "ControlPlaneReady");
    match known {
        Ok(Some(hosted)) => {
            let state = match hosted.state() {
                Some("Ready") => State::Good,
                Some(_) => State::Waiting,
                None => State::Unknown,
            };
            let cause = told.filter(|told| state != State::Good && told.status != "True");
            part(state, hosted.state().unwrap_or("Unknown"))
                .fact(hosted.version())
                .fact(hosted.endpoint().or(endpoint))
                .cause(cause.map(|told| told.message.clone()))
        }
        Ok(None) => part(State::Waiting, "Missing").cause(Some("it does not exist yet")),
        Err(unread) => by_condition(part, told, unread).fact(endpoint),
    }
}

/// What the status of the cluster tells of a part that may not be read itself.
fn by_condition(part: impl Fn(State, &str) -> Part, told: Option<&Condition>, unread: &Unread) -> Part {
    let part = match told {
        Some(told) if told.status == "True" => part(State::Good, "Ready"),
        Some(told) if told.status == "False" => part(State::Waiting, "NotReady").cause(Some(told.message.clone())),
        _ => part(State::Unknown, "Unknown"),
    };
    part.parts(vec![not_read(unread)])
}

fn not_read(unread: &Unread) -> Part {
    Part::new(Subject::Unread, &unread.0, State::Unknown, "")
}

fn workers(cluster: &TenantCluster, parts: &Parts) -> Part {
    let status = cluster.status.as_ref();
    let observed = status.and_then(|status| status.observed_state.as_ref()?.workers.as_ref());
    let ready = status.and_then(|status| status.worker_nodes_ready);
    let ready = ready.or_else(|| observed.map(|workers| workers.ready));
    let wanted = cluster.spec.workers.replicas;
    let below: Vec<Part> = match (&parts.machines, &parts.nodes) {
        (Ok(machines), _) => machines.iter().map(machine).collect(),
        (Err(unread), Some(Ok(nodes))) => {
            let nodes = nodes.iter().map(node);
            nodes.chain([not_read(unread)]).collect()
        }
        (Err(machines), Some(Err(nodes))) => vec![not_read(machines), not_read(nodes)],
        (Err(unread), None) => vec![not_read(unread)],
    };
    let told = conditions::find(parts::conditions(cluster), "WorkersReady").filter(|told| told.status == "False");
    let state = match ready {
        _ if below.iter().any(|part| part.state == State::Bad) => State::Bad,
        Some(ready) if ready >= wanted => State::Good,
        Some(_) => State::Waiting,
        None if told.is_some() => State::Waiting,
        None => State::Unknown,
    };
    let word = match ready {
        Some(ready) => format!("{ready} of {wanted} ready"),
        None => format!("nobody says how many of {wanted} are ready"),
    };
    let told = told.filter(|_| parts.machines.is_err());
    Part::new(Subject::Workers, "workers", state, &word)
        .cause(told.map(|told| told.message.clone()))
        .parts(below)
}

fn machine(machine: &Machine) -> Part {
    let state = match machine.phase() {
        Some("Running") => State::Good,
        Some("Failed") => State::Bad,
        Some(_) => State::Waiting,
        None => State::Unknown,
    };
    let node = machine.node().filter(|node| *node != machine.name());
    Part::new(
        Subject::Machine,
        machine.name(),
        state,
        machine.phase().unwrap_or("Unknown"),
    )
    .fact(machine.version())
    .fact(node.map(|node| format!("node {node}")))
    .cause(machine.cause().filter(|_| state != State::Good))
}

fn node(node: &Node) -> Part {
    let state = match node.status.as_str() {
        "Ready" => State::Good,
        _ => State::Waiting,
    };
    Part::new(Subject::Node, &node.name, state, &node.status)
        .fact(Some(node.version.as_str()))
        .fact(Some(node.internal_ip.as_str()))
}

fn addons(cluster: &TenantCluster, known: &Known<Vec<TenantAddon>>) -> Part {
    let observed = cluster
        .status
        .as_ref()
        .and_then(|status| status.observed_state.as_ref());
    let mut below: Vec<Part> = observed
        .into_iter()
        .flat_map(|state| &state.addons)
        .map(observed_addon)
        .collect();
    match known {
        Ok(addons) => below.extend(addons.iter().map(tenant_addon)),
        Err(unread) => below.push(not_read(unread)),
    }
    let told = conditions::find(parts::conditions(cluster), "AddonsReady");
    let of = |state: State| below.iter().filter(|part| part.state == state).count();
    let (good, all) = (of(State::Good), below.len() - of(State::Unknown));
    let state = match told.map(|told| told.status.as_str()) {
        _ if of(State::Bad) > 0 => State::Bad,
        _ if of(State::Waiting) > 0 => State::Waiting,
        Some("False") => State::Waiting,
        None if all == 0 => State::Unknown,
        _ => State::Good,
    };
    let word = match (state, all) {
        (State::Unknown, _) => "none known".to_owned(),
        (_, 0) => "none".to_owned(),
        (_, all) => format!("{good} of {all} well"),
    };
    let told = told.filter(|told| told.status == "False");
    Part::new(Subject::Addons, "addons", state, &word)
        .cause(told.map(|told| told.message.clone()))
        .parts(below)
}

fn observed_addon(addon: &ObservedAddon) -> Part {
    let state = match addon.status {
        ObservedAddonStatus::Healthy => State::Good,
        ObservedAddonStatus::Failed | ObservedAddonStatus::Degraded => State::Bad,
        ObservedAddonStatus::Other(_) => State::Unknown,
        ObservedAddonStatus::Pending | ObservedAddonStatus::Installing => State::Waiting,
    };
    Part::new(Subject::Addon, &addon.name, state, addon.status.as_str()).fact(Some(addon.version.as_str()))
}

fn tenant_addon(addon: &TenantAddon) -> Part {
    let name = addon.spec.addon.as_deref().or(addon.metadata.name.as_deref());
    let status = addon.status.as_ref();
    let phase = status
        .and_then(|status| status.phase.as_ref())
        .map(TenantAddonPhase::as_str);
    let phase = match addon.metadata.deletion_timestamp {
        Some(_) => Some("Deleting"),
        None => phase,
    };
    let state = match phase {
        Some("Installed") => State::Good,
        Some("Failed" | "Degraded") => State::Bad,
        Some(_) | None => State::Waiting,
    };
    let message = status.and_then(|status| status.message.clone());
    let silent = phase
        .is_none()
        .then(|| "no controller has said anything about it".to_owned());
    Part::new(Subject::Addon, name.unwrap_or(""), state, phase.unwrap_or("Unknown"))
        .fact(status.and_then(|status| status.installed_version.clone()))
        .cause(message.or(silent).filter(|_| state != State::Good))
}

fn addresses(cluster: &TenantCluster) -> Option<Part> {
    let networking = cluster.spec.networking.as_ref();
    let pool = networking.and_then(|networking| networking.load_balancer_pool.as_ref());
    let allocation = cluster
        .status
        .as_ref()
        .and_then(|status| status.lb_allocation_ref.as_ref());
    let phase = cluster.status.as_ref().and_then(|status| status.phase.as_ref());
    let is_ready = phase == Some(&TenantClusterPhase::Ready);
    let part = |state, word: &str| Part::new(Subject::Addresses, "addresses", state, word);
    let part = match (pool, allocation) {
        (Some(pool), _) if !pool.start.is_empty() => part(State::Good, &format!("{} - {}", pool.start, pool.end)),
        // The range is in the allocation, which members of a team may not read; a cluster is ready only after it was given.
        (_, Some(_)) if is_ready => part(State::Good, "given by a pool"),
        (_, Some(_)) => part(State::Waiting, "Pending").cause(Some("the pool has given none yet")),
        _ => return None,
    };
    Some(part.fact(allocation.map(|allocation| format!("allocation {}", allocation.name))))
}

/// What is told by other parts already.
const TOLD: [&str; 5] = [
    types::READY,
    "ControlPlaneReady",
    "WorkersReady",
    "AddonsReady",
    "InfrastructureReady",
];

/// Conditions about something that is no part of its own, and is not as it should be.
fn further_conditions(cluster: &TenantCluster) -> Vec<Part> {
    let conditions = parts::conditions(cluster).iter();
    let open = conditions.filter(|one| !TOLD.contains(&one.type_.as_str()) && one.status != "True");
    let part = |one: &Condition| {
        Part::new(Subject::Condition, &one.type_, State::Waiting, &one.status).cause(Some(one.message.clone()))
    };
    open.map(part).collect()
}

fn finalizers(cluster: &TenantCluster) -> Vec<Part> {
    if cluster.metadata.deletion_timestamp.is_none() {
        return Vec::new();
    }
    let finalizers = cluster.metadata.finalizers.iter().flatten();
    finalizers
        .map(|name| Part::new(Subject::Finalizer, name, State::Waiting, "holds it"))
        .collect()
}

#[cfg(test)]
mod tests;
