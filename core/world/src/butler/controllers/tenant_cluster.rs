//! TenantClusters: from a namespace over a hosted control plane and workers to a cluster with its addons, and back to
//! nothing.

mod addons;
mod below;
mod network;
mod valid;

use butler_api::conditions::{self, Observation, Status};
use butler_api::labels::FINALIZER_TENANT_CLUSTER;
use butler_api::names;
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::shared::LocalRef;
use butler_api::v1alpha1::tenant_cluster::{ObservedWorkers, TenantClusterPhase, TenantClusterStatus};
use serde_json::Value;

use self::below::Below;
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::objects::EventKind;
use super::pass::{Pass, is_deleting, uid};
use super::{Controller, RETRY, ip_allocation, tenant_addon};

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::TenantCluster,
    decide,
    concerned,
};

/// Whom a change concerns: the cluster whose namespace it happened in, whose addresses they are, or who waits for it.
fn concerned(key: &Key, object: &Value, mirror: &Mirror) -> Vec<Key> {
    match key.kind {
        Kind::MachineDeployment | Kind::TenantControlPlane | Kind::CapiCluster | Kind::Machine | Kind::Secret => {
            of_namespace(&key.namespace, mirror).into_iter().collect()
        }
        Kind::TenantAddon => tenant_addon::cluster(key, object).into_iter().collect(),
        // It may be gone by now.
        Kind::Namespace => origin(object).into_iter().collect(),
        Kind::IpAllocation => ip_allocation::cluster(object).into_iter().collect(),
        Kind::Team | Kind::ProviderConfig | Kind::ButlerConfig => {
            mirror.all(Kind::TenantCluster).map(|(key, _)| key.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// The cluster that a namespace was made for, by the labels of the namespace.
pub(super) fn of_namespace(namespace: &str, mirror: &Mirror) -> Option<Key> {
    mirror.find(Kind::Namespace, "", namespace).and_then(origin)
}

fn origin(namespace: &Value) -> Option<Key> {
    let label = |name: &str| namespace["metadata"]["labels"].get(name).and_then(Value::as_str);
    let name = label("butler.butlerlabs.dev/tenant")?;
    let origin = label("butler.butlerlabs.dev/source-namespace")?;
    Some(Key::new(Kind::TenantCluster, origin, name))
}

/// A cluster and where it stands.
struct Cluster<'a> {
    key: &'a Key,
    object: TenantCluster,
    uid: String,
    /// The namespace of everything that is made for it.
    namespace: String,
    status: TenantClusterStatus,
}

/// Why a cluster is not what it should be.
struct Failure {
    reason: &'static str,
    message: String,
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let Some(typed) = read::<TenantCluster>(object) else {
        return;
    };
    let mut cluster = Cluster {
        key,
        uid: uid(object).to_owned(),
        namespace: names::tenant_namespace(&key.name, uid(object)),
        status: typed.status.clone().unwrap_or_else(TenantClusterStatus::default),
        object: typed,
    };
    if is_deleting(object) {
        delete(&mut cluster, pass);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_TENANT_CLUSTER) {
        return;
    }
    cluster.status.worker_nodes_desired = Some(cluster.object.spec.workers.replicas);
    cluster.status.worker_nodes_ready.get_or_insert(0);
    if cluster.status.phase.is_none() {
        cluster.enter(TenantClusterPhase::Pending, pass);
    }
    match provision(&mut cluster, pass) {
        Ok(()) => {}
        Err(failure) => {
            cluster.enter(TenantClusterPhase::Failed, pass);
            cluster.observe("Ready", false, failure.reason, &failure.message, pass);
            pass.again_in(RETRY);
        }
    }
    cluster.status.observed_generation = cluster.object.metadata.generation;
    pass.status(key, &cluster.status);
}

fn provision(cluster: &mut Cluster<'_>, pass: &mut Pass<'_>) -> Result<(), Failure> {
    let provider = valid::check(cluster, pass)?;
    below::namespace(cluster, pass);
    cluster.status.tenant_namespace = Some(cluster.namespace.clone());
    let was_ready = cluster.was_ready();
    if !was_ready {
        cluster.enter(TenantClusterPhase::Provisioning, pass);
    }
    if !network::ensure(cluster, &provider, pass)? {
        cluster.observe(
            "Ready",
            false,
            "Provisioning",
            "waiting for addresses of load balancers",
            pass,
        );
        return Ok(());
    }
    below::ensure(cluster, pass);
    let below = Below::of(cluster, pass);
    look(cluster, &below, pass);
    if !below.control_plane_ready && !was_ready {
        let trouble = below.control_plane_trouble.as_deref();
        let message = trouble.unwrap_or("waiting for the control plane");
        cluster.observe("Ready", false, "Provisioning", message, pass);
        return Ok(());
    }
    if !was_ready && below.machines < below.wanted {
        let message = below.trouble.clone();
        let message = message.unwrap_or_else(|| format!("{} of {} machines have joined", below.machines, below.wanted));
        cluster.observe("Ready", false, "Provisioning", &message, pass);
        return Ok(());
    }
    if !was_ready {
        cluster.enter(TenantClusterPhase::Installing, pass);
    }
    let addons = addons::ensure(cluster, pass);
    cluster.observe("AddonsReady", addons.is_ok(), addons.reason(), &addons.message(), pass);
    cluster.settle(&below, &addons, pass);
    Ok(())
}

/// What there is to be seen below goes into the status.
fn look(cluster: &mut Cluster<'_>, below: &Below, pass: &Pass<'_>) {
    let words = |ready: bool, what: &str| {
        let reason = if ready { "Ready" } else { "Reconciling" };
        (reason, format!("{what} {}", if ready { "ready" } else { "not ready" }))
    };
    let (reason, message) = words(below.control_plane_ready, "control plane is");
    let message = below.control_plane_trouble.clone().unwrap_or(message);
    cluster.observe("ControlPlaneReady", below.control_plane_ready, reason, &message, pass);
    let joined = below.machines >= below.wanted;
    let (reason, message) = words(joined, "machines are");
    cluster.observe("InfrastructureReady", joined, reason, &message, pass);
    let all = below.nodes.len() >= below.wanted;
    let message = format!("{} of {} nodes are ready", below.nodes.len(), below.wanted);
    cluster.observe("WorkersReady", all, words(all, "").0, &message, pass);
    let status = &mut cluster.status;
    status.control_plane_endpoint.clone_from(&below.endpoint);
    status.kubeconfig_secret_ref = below.kubeconfig.clone().map(|name| LocalRef { name });
    let ready = i32::try_from(below.nodes.len()).unwrap_or(i32::MAX);
    status.worker_nodes_ready = Some(ready);
    let observed = status.observed_state.get_or_insert_default();
    observed.kubernetes_version.clone_from(&below.version);
    observed.workers = Some(ObservedWorkers {
        desired: cluster.object.spec.workers.replicas,
        nodes: below.nodes.clone(),
        ready,
    });
}

impl Cluster<'_> {
    /// It was Ready once: what changes from then on is an update.
    fn was_ready(&self) -> bool {
        matches!(
            self.status.phase,
            Some(TenantClusterPhase::Ready | TenantClusterPhase::Updating)
        )
    }

    /// Ready or Updating, by whether everything is as it should be.
    fn settle(&mut self, below: &Below, addons: &addons::Outcome, pass: &mut Pass<'_>) {
        if let Some(message) = addons.failed() {
            self.enter(TenantClusterPhase::Failed, pass);
            self.observe("Ready", false, "AddonsFailed", message, pass);
            return;
        }
        // An addon that is not well any more does not make the cluster another one.
        let installed = addons.is_ok() || (self.was_ready() && addons.is_installed());
        if below.is_current && below.nodes.len() >= below.wanted && installed {
            self.enter(TenantClusterPhase::Ready, pass);
            self.observe("Ready", true, "ClusterReady", "the cluster is ready", pass);
            return;
        }
        let message = below.waiting_for(addons);
        if !self.was_ready() {
            self.observe("Ready", false, "Installing", &message, pass);
            return;
        }
        self.enter(TenantClusterPhase::Updating, pass);
        self.observe("Ready", false, "Updating", &message, pass);
    }

    fn enter(&mut self, phase: TenantClusterPhase, pass: &mut Pass<'_>) {
        if self.status.phase.as_ref() == Some(&phase) {
            return;
        }
        let before = self.status.phase.as_ref().map_or("nothing", TenantClusterPhase::as_str);
        let message = format!("from {before} to {}", phase.as_str());
        let kind = match phase {
            TenantClusterPhase::Failed => EventKind::Warning,
            _ => EventKind::Normal,
        };
        pass.event(self.key, kind, phase.as_str(), &message);
        self.status.phase = Some(phase);
        self.status.last_transition_time = Some(pass.time());
    }

    fn observe(&mut self, kind: &str, so: bool, reason: &str, message: &str, pass: &Pass<'_>) {
        let observation = Observation {
            kind,
            status: Status::from(so),
            reason,
            message,
            generation: self.object.metadata.generation,
        };
        conditions::set(&mut self.status.conditions, &observation, pass.facts.wall);
    }
}

/// Takes everything away, what others stand on last; the object goes when nothing is left.
fn delete(cluster: &mut Cluster<'_>, pass: &mut Pass<'_>) {
    cluster.enter(TenantClusterPhase::Deleting, pass);
    let left = tenant_addon::delete_all(cluster.key, pass);
    let left = left.or_else(|| below::delete(cluster, pass));
    let left = left.or_else(|| network::delete(cluster, pass));
    match left {
        Some(message) => {
            cluster.observe("Ready", false, "Deleting", message, pass);
            pass.status(cluster.key, &cluster.status);
        }
        None => pass.drop_finalizer(cluster.key, FINALIZER_TENANT_CLUSTER),
    }
}

#[cfg(test)]
mod tests;
