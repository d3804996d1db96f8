//! Steps, their ids and the graph they form.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Id of a step, for example `machine/mgmt-cp-0/create`. Stable: journals of earlier releases name steps by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// An id from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The phases shown to people: a view of the graph, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Machines are made and boot.
    ProvisioningMachines,
    /// Configurations are pushed.
    ConfiguringTalos,
    /// etcd and the API server come up.
    BootstrappingCluster,
    /// Addons are installed.
    InstallingAddons,
    /// The record moves to the management cluster.
    Pivoting,
    /// Done.
    Ready,
}

impl Phase {
    /// As written to `ClusterBootstrap.status.phase`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProvisioningMachines => "ProvisioningMachines",
            Self::ConfiguringTalos => "ConfiguringTalos",
            Self::BootstrappingCluster => "BootstrappingCluster",
            Self::InstallingAddons => "InstallingAddons",
            Self::Pivoting => "Pivoting",
            Self::Ready => "Ready",
        }
    }
}

/// What a step is about. The driver knows how to probe, act and prove each of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Read-only checks of the platform and of the tools on this machine.
    Preflight,
    /// The platform still has the machines that earlier runs made.
    Inventory,
    /// The Talos secrets bundle and the talosconfig.
    Secrets,
    /// The cluster that holds the objects until the pivot.
    BootstrapCluster,
    /// CRDs, namespace, ProviderConfig, NetworkPool and ClusterBootstrap on the bootstrap cluster.
    Record,
    /// A machine exists and has an address.
    Machine(String),
    /// Talos answers on the machine.
    Boot(String),
    /// The machine runs with the cluster's configuration.
    Configure(String),
    /// Nothing else answers on the control-plane endpoint.
    EndpointFree,
    /// etcd was bootstrapped, on one node.
    Etcd,
    /// The admin kubeconfig.
    Kubeconfig,
    /// A control plane is a voting etcd member.
    Member(String),
    /// The API server answers.
    ApiServer,
    /// The control-plane endpoint answers with this cluster's certificate.
    Endpoint,
    /// The node is registered.
    Registered(String),
    /// The node is Ready.
    NodeReady(String),
    /// An addon is installed and ready.
    Addon(String),
    /// The record on the management cluster equals the one on the bootstrap cluster.
    PivotCopy,
    /// The management cluster owns the record.
    PivotCommit,
    /// The bootstrap cluster is gone.
    RemoveBootstrapCluster,
    /// The management cluster says Ready.
    Ready,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// A sentence for people.
    pub title: String,
    /// Where it counts in the view.
    pub phase: Phase,
    /// What it is about.
    pub kind: Kind,
    /// Steps that have to be proven first.
    pub needs: Vec<StepId>,
    /// Steps of which at least one has to be proven first; empty asks for nothing.
    pub needs_any: Vec<StepId>,
    /// Limit, measured from its start.
    pub deadline: Duration,
    /// Whether it counts against the platform's limit of parallel calls.
    pub limited: bool,
    /// Whether a proof of an earlier run has to be observed again: what it proves dies with the process, or is a file that
    /// somebody may have lost since.
    pub volatile: bool,
}

/// A validated graph: ids are unique, needs exist, there is no cycle.
#[derive(Debug, Clone)]
pub struct Graph {
    steps: BTreeMap<StepId, Step>,
    order: Vec<StepId>,
}

/// Why a list of steps is no graph.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    /// Two steps of one id.
    #[error("step {0} is defined twice")]
    Duplicate(StepId),
    /// A need that no step has as its id.
    #[error("step {step} needs {need}, which does not exist")]
    Missing {
        /// The step.
        step: StepId,
        /// What it needs.
        need: StepId,
    },
    /// Steps that wait for each other.
    #[error("steps wait for each other: {}", .0.iter().map(StepId::as_str).collect::<Vec<_>>().join(", "))]
    Cycle(Vec<StepId>),
}

impl Graph {
    /// Checks the steps and puts them in an order in which every step follows its needs.
    pub fn new(list: Vec<Step>) -> Result<Self, GraphError> {
        let mut steps = BTreeMap::new();
        let mut written = Vec::with_capacity(list.len());
        for step in list {
            written.push(step.id.clone());
            if let Some(earlier) = steps.insert(step.id.clone(), step) {
                return Err(GraphError::Duplicate(earlier.id));
            }
        }
        for step in steps.values() {
            if let Some(need) = step
                .needs
                .iter()
                .chain(&step.needs_any)
                .find(|n| !steps.contains_key(*n))
            {
                return Err(GraphError::Missing {
                    step: step.id.clone(),
                    need: need.clone(),
                });
            }
        }
        let order = topological(&steps, &written)?;
        Ok(Self { steps, order })
    }

    /// The step of this id.
    pub fn get(&self, id: &StepId) -> Option<&Step> {
        self.steps.get(id)
    }

    /// All steps, needs before dependants, else as written.
    pub fn iter(&self) -> impl Iterator<Item = &Step> {
        self.order.iter().filter_map(|id| self.steps.get(id))
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is no step.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

fn topological(steps: &BTreeMap<StepId, Step>, written: &[StepId]) -> Result<Vec<StepId>, GraphError> {
    let mut open: BTreeMap<&StepId, usize> = BTreeMap::new();
    let mut dependants: BTreeMap<&StepId, Vec<&StepId>> = BTreeMap::new();
    for step in steps.values() {
        let needs: BTreeSet<&StepId> = step.needs.iter().chain(&step.needs_any).collect();
        open.insert(&step.id, needs.len());
        for need in needs {
            dependants.entry(need).or_default().push(&step.id);
        }
    }
    let mut ready: std::collections::VecDeque<&StepId> = written.iter().filter(|id| open[id] == 0).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(id) = ready.pop_front() {
        order.push(id.clone());
        for dependant in dependants.get(id).into_iter().flatten() {
            let left = open.get_mut(dependant).expect("every step has an entry");
            *left -= 1;
            if *left == 0 {
                ready.push_back(dependant);
            }
        }
    }
    if order.len() == steps.len() {
        return Ok(order);
    }
    let done: BTreeSet<&StepId> = order.iter().collect();
    Err(GraphError::Cycle(
        written.iter().filter(|id| !done.contains(id)).cloned().collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, needs: &[&str]) -> Step {
        Step {
            id: StepId::new(id),
            title: id.to_owned(),
            phase: Phase::ProvisioningMachines,
            kind: Kind::Preflight,
            needs: needs.iter().map(|n| StepId::new(*n)).collect(),
            needs_any: Vec::new(),
            deadline: Duration::from_secs(1),
            limited: false,
            volatile: false,
        }
    }

    #[test]
    fn order_puts_needs_first() {
        let graph = Graph::new(vec![step("c", &["b"]), step("b", &["a"]), step("a", &[])]).unwrap();
        let order: Vec<_> = graph.iter().map(|s| s.id.as_str().to_owned()).collect();
        assert_eq!(order, ["a", "b", "c"]);
    }

    #[test]
    fn a_cycle_names_the_steps_in_it() {
        let error = Graph::new(vec![step("a", &["b"]), step("b", &["a"]), step("c", &[])]).unwrap_err();
        assert_eq!(error.to_string(), "steps wait for each other: a, b");
    }

    #[test]
    fn a_missing_need_and_a_second_definition_are_refused() {
        assert_eq!(
            Graph::new(vec![step("a", &["x"])]).unwrap_err().to_string(),
            "step a needs x, which does not exist"
        );
        assert_eq!(
            Graph::new(vec![step("a", &[]), step("a", &[])]).unwrap_err(),
            GraphError::Duplicate(StepId::new("a"))
        );
    }
}
