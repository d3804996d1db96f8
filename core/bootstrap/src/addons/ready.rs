//! Whether an addon works, judged purely from observed objects: met or not, and the deepest cause known.

use std::fmt;

use super::observe::{Observed, WorkloadState};

/// What proves that an addon works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// All pods of a workload are there, current and ready.
    Workload {
        /// Its kind.
        kind: WorkloadKind,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// Every workload of a namespace is ready, and there is at least one.
    Workloads {
        /// Namespace.
        namespace: String,
    },
    /// Every workload applied for an addon is ready, and there is at least one.
    Labelled {
        /// Namespace.
        namespace: String,
        /// The addon.
        addon: String,
    },
    /// A custom resource definition is served.
    CrdEstablished {
        /// Its name, `plural.group`.
        name: String,
    },
    /// A service of type LoadBalancer has an address.
    ServiceAddress {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// There is a default StorageClass.
    DefaultStorageClass,
    /// At least so many nodes have a provider id, and none is without.
    ProviderIds {
        /// How many.
        nodes: usize,
    },
}

/// Kinds of workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// Deployment.
    Deployment,
    /// DaemonSet.
    DaemonSet,
    /// StatefulSet.
    StatefulSet,
}

impl WorkloadKind {
    /// The kind as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::DaemonSet => "DaemonSet",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload { kind, namespace, name } => write!(f, "{} {namespace}/{name}", kind.as_str()),
            Self::Workloads { namespace } => write!(f, "the workloads of namespace {namespace}"),
            Self::Labelled { namespace, addon } => write!(f, "the workloads of {addon} in namespace {namespace}"),
            Self::CrdEstablished { name } => write!(f, "CustomResourceDefinition {name}"),
            Self::ServiceAddress { namespace, name } => write!(f, "an address for Service {namespace}/{name}"),
            Self::DefaultStorageClass => write!(f, "a default StorageClass"),
            Self::ProviderIds { nodes } => write!(f, "the provider ids of {nodes} nodes"),
        }
    }
}

/// The verdict on one [`Ready`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds.
    pub met: bool,
    /// Why not, as deep as it can be told; none while nothing was observed.
    pub cause: Option<String>,
    /// What was observed, when it holds.
    pub evidence: String,
}

impl Condition {
    fn met(evidence: String) -> Self {
        Self {
            met: true,
            cause: None,
            evidence,
        }
    }

    fn unmet(cause: impl Into<String>) -> Self {
        Self {
            met: false,
            cause: Some(cause.into()),
            evidence: String::new(),
        }
    }
}

/// Whether a condition holds in what was observed.
pub fn judge(ready: &Ready, observed: &Observed) -> Condition {
    match ready {
        Ready::Workload { kind, namespace, name } => match observed.workload(*kind, namespace, name) {
            Some(state) => workload(state, observed),
            None => absent(namespace, observed),
        },
        Ready::Workloads { namespace } => workloads(observed, namespace, |_| true),
        Ready::Labelled { namespace, addon } => workloads(observed, namespace, |state| state.addon() == Some(addon)),
        Ready::CrdEstablished { name } => crd(observed, name),
        Ready::ServiceAddress { namespace, name } => service(observed, namespace, name),
        Ready::DefaultStorageClass => storage_class(observed),
        Ready::ProviderIds { nodes } => provider_ids(observed, *nodes),
    }
}

fn absent(namespace: &str, observed: &Observed) -> Condition {
    match observed.stuck_job(namespace) {
        Some((pod, cause)) => Condition::unmet(format!("it does not exist yet, job pod {}: {cause}", pod.name)),
        None => Condition::unmet("it does not exist yet"),
    }
}

fn workloads(observed: &Observed, namespace: &str, which: impl Fn(&WorkloadState) -> bool) -> Condition {
    let mut count = 0;
    for state in observed.workloads_in(namespace).filter(|state| which(state)) {
        count += 1;
        let condition = workload(state, observed);
        if !condition.met {
            let cause = condition.cause.unwrap_or_default();
            return Condition::unmet(format!("{} {}: {cause}", state.kind.as_str(), state.name));
        }
    }
    match count {
        0 => Condition::unmet("no workload exists yet"),
        1 => Condition::met(format!("1 workload in {namespace} is ready")),
        count => Condition::met(format!("{count} workloads in {namespace} are ready")),
    }
}

fn workload(state: &WorkloadState, observed: &Observed) -> Condition {
    if !state.current {
        return Condition::unmet("its controller has not seen it yet");
    }
    let WorkloadState {
        wanted,
        updated,
        available,
        ..
    } = *state;
    if wanted == 0 && state.kind == WorkloadKind::DaemonSet {
        return Condition::unmet("no node takes its pods yet");
    }
    if updated >= wanted && available >= wanted {
        let subject = format!("{} {}/{}", state.kind.as_str(), state.namespace, state.name);
        return Condition::met(format!("{subject}: {available} of {wanted} pods available"));
    }
    let count = if updated < wanted {
        format!("{updated} of {wanted} pods are up to date")
    } else {
        format!("{available} of {wanted} pods are available")
    };
    match deepest(state, observed) {
        Some(cause) => Condition::unmet(format!("{count}: {cause}")),
        None => Condition::unmet(count),
    }
}

/// From the pods up: a pod that says why, else the controller's own complaint.
fn deepest(state: &WorkloadState, observed: &Observed) -> Option<String> {
    let mut pods: Vec<_> = observed.pods_of(state).filter(|pod| !pod.ready).collect();
    // Those that say why come first.
    pods.sort_by_key(|pod| (pod.cause.is_none(), pod.name.clone()));
    for pod in &pods {
        if let Some(claim) = pod
            .claims
            .iter()
            .find_map(|name| observed.unbound_claim(&state.namespace, name))
        {
            return Some(format!("pod {}: {claim}", pod.name));
        }
    }
    if let Some(pod) = pods.first() {
        let event = observed.warning("Pod", &state.namespace, &pod.name);
        return match (&pod.cause, event) {
            (Some(cause), Some(event)) if cause == "ContainerCreating" => Some(format!("pod {}: {event}", pod.name)),
            (Some(cause), _) => Some(format!("pod {}: {cause}", pod.name)),
            (None, Some(event)) => Some(format!("pod {}: {event}", pod.name)),
            (None, None) => None,
        };
    }
    let complaint = state.complaint.clone();
    complaint.or_else(|| {
        observed
            .warning(state.kind.as_str(), &state.namespace, &state.name)
            .map(str::to_owned)
    })
}

fn crd(observed: &Observed, name: &str) -> Condition {
    match observed.crd(name) {
        None => Condition::unmet("it does not exist yet"),
        Some(Ok(())) => Condition::met(format!("CustomResourceDefinition {name} is established")),
        Some(Err(cause)) => Condition::unmet(cause),
    }
}

fn service(observed: &Observed, namespace: &str, name: &str) -> Condition {
    match observed.service_address(namespace, name) {
        None => Condition::unmet("the service does not exist yet"),
        Some(address) if !address.is_empty() => {
            Condition::met(format!("Service {namespace}/{name} has the address {address}"))
        }
        Some(_) => {
            let event = observed.warning("Service", namespace, name);
            Condition::unmet(event.unwrap_or("no load balancer has given it an address yet"))
        }
    }
}

fn storage_class(observed: &Observed) -> Condition {
    match observed.default_storage_class() {
        Some(name) => Condition::met(format!("StorageClass {name} is the default")),
        None => Condition::unmet("no StorageClass is marked as the default"),
    }
}

fn provider_ids(observed: &Observed, nodes: usize) -> Condition {
    let (with, without) = observed.nodes_by_provider_id();
    if let Some(name) = without.first() {
        return Condition::unmet(format!("node {name} has no provider id"));
    }
    if with < nodes {
        return Condition::unmet(format!("{with} of {nodes} nodes have joined"));
    }
    Condition::met(format!("{with} nodes have a provider id"))
}
