//! What a watch has seen, boiled down to what [`judge`](crate::judge) looks at. Pure: objects in, answers out.

use std::collections::BTreeMap;

use butler_api::labels::ADDON;
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, StatefulSet},
        core::v1::{ContainerStatus, Event, Node, PersistentVolumeClaim, Pod, Service},
        storage::v1::StorageClass,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, Time},
};

use crate::WorkloadKind;

/// Who says that no node was found for a pod.
pub(super) const UNSCHEDULED: &str = "condition PodScheduled";

/// Label on the pods of a job.
const JOB_LABEL: &str = "batch.kubernetes.io/job-name";

type Labels = BTreeMap<String, String>;
/// Namespace (empty where there is none) and name.
pub(super) type Key = (String, String);

/// Everything that a wait has seen.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    workloads: BTreeMap<(WorkloadKind, Key), WorkloadState>,
    pods: BTreeMap<Key, PodState>,
    claims: BTreeMap<Key, ClaimState>,
    services: BTreeMap<Key, String>,
    crds: BTreeMap<String, Result<(), String>>,
    storage_classes: BTreeMap<String, bool>,
    nodes: BTreeMap<String, bool>,
    warnings: BTreeMap<(String, Key), Said>,
}

/// What was said about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) text: String,
    /// Who said it, for example `condition PodScheduled`.
    pub(super) source: String,
    /// Since when it is so, or when it was said last.
    pub(super) since: Option<Timestamp>,
}

impl Said {
    pub(super) fn new(text: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            source: source.into(),
            since: None,
        }
    }

    fn since(mut self, since: Option<&Time>) -> Self {
        self.since = since.map(|time| time.0);
        self
    }
}

/// A workload as far as its readiness goes.
#[derive(Debug, Clone)]
pub(super) struct WorkloadState {
    pub(super) kind: WorkloadKind,
    pub(super) namespace: String,
    pub(super) name: String,
    labels: Labels,
    selector: Labels,
    /// Whether the status is about the current spec.
    pub(super) current: bool,
    pub(super) wanted: i32,
    pub(super) updated: i32,
    pub(super) available: i32,
    /// What its controller complains about.
    pub(super) complaint: Option<Said>,
}

impl WorkloadState {
    /// The addon it was applied for.
    pub(super) fn addon(&self) -> Option<&String> {
        self.labels.get(ADDON)
    }
}

/// A pod as far as its readiness goes.
#[derive(Debug, Clone)]
pub(super) struct PodState {
    pub(super) name: String,
    labels: Labels,
    /// Whether it is ready, or was and has ended well.
    pub(super) ready: bool,
    pub(super) cause: Option<Said>,
    /// Whether a node was chosen for it.
    pub(super) placed: bool,
    /// Names of the volume claims that it mounts.
    pub(super) claims: Vec<String>,
}

#[derive(Debug, Clone)]
struct ClaimState {
    bound: bool,
    class: Option<String>,
}

/// An object that is listed or watched.
pub trait Observe {
    /// Takes note of its current state.
    fn enter(&self, into: &mut Observed);
    /// Takes note that the one of this namespace and name is gone.
    fn leave(key: &Key, from: &mut Observed);
}

impl Observed {
    pub(super) fn workload(&self, kind: WorkloadKind, namespace: &str, name: &str) -> Option<&WorkloadState> {
        self.workloads.get(&(kind, (namespace.to_owned(), name.to_owned())))
    }

    pub(super) fn workloads_in<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a WorkloadState> {
        self.workloads
            .values()
            .filter(move |state| state.namespace == namespace)
    }

    pub(super) fn pods_of<'a>(&'a self, state: &'a WorkloadState) -> impl Iterator<Item = &'a PodState> {
        let selects = |labels: &Labels| state.selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let in_namespace = self
            .pods
            .iter()
            .filter(|((namespace, _), _)| *namespace == state.namespace);
        in_namespace
            .map(|(_, pod)| pod)
            .filter(move |pod| !state.selector.is_empty() && selects(&pod.labels))
    }

    /// A pod of a job that does not get on, and why: a chart's hook holds everything else up.
    pub(super) fn stuck_job(&self, namespace: &str) -> Option<(&PodState, Said)> {
        let in_namespace = self.pods.iter().filter(|((of, _), _)| of == namespace);
        let mut jobs = in_namespace
            .map(|(_, pod)| pod)
            .filter(|pod| !pod.ready && pod.labels.contains_key(JOB_LABEL));
        jobs.find_map(|pod| {
            let event = || self.warning("Pod", namespace, &pod.name).cloned();
            Some((pod, pod.cause.clone().or_else(event)?))
        })
    }

    /// Why a claim is not bound; none when it is, or when it is not known.
    pub(super) fn unbound_claim(&self, namespace: &str, name: &str) -> Option<Said> {
        let claim = self.claims.get(&(namespace.to_owned(), name.to_owned()))?;
        if claim.bound {
            return None;
        }
        let status = |text: String| Said::new(text, "status");
        Some(
            match (self.warning("PersistentVolumeClaim", namespace, name), &claim.class) {
                (Some(event), _) => event.clone(),
                (None, Some(class)) => status(format!("class {class} has not provided a volume yet")),
                (None, None) => status("it names no StorageClass and there was no default one".to_owned()),
            },
        )
    }

    pub(super) fn crd(&self, name: &str) -> Option<&Result<(), String>> {
        self.crds.get(name)
    }

    /// The address of a service, empty while it has none.
    pub(super) fn service_address(&self, namespace: &str, name: &str) -> Option<&str> {
        self.services
            .get(&(namespace.to_owned(), name.to_owned()))
            .map(String::as_str)
    }

    pub(super) fn default_storage_class(&self) -> Option<&str> {
        self.storage_classes
            .iter()
            .find(|(_, default)| **default)
            .map(|(name, _)| name.as_str())
    }

    /// How many nodes have a provider id, and the names of those that have none.
    pub(super) fn nodes_by_provider_id(&self) -> (usize, Vec<&str>) {
        let with = self.nodes.values().filter(|has| **has).count();
        (
            with,
            self.nodes
                .iter()
                .filter(|(_, has)| !**has)
                .map(|(name, _)| name.as_str())
                .collect(),
        )
    }

    /// The last warning event about an object.
    pub(super) fn warning(&self, kind: &str, namespace: &str, name: &str) -> Option<&Said> {
        self.warnings
            .get(&(kind.to_owned(), (namespace.to_owned(), name.to_owned())))
    }
}

pub(super) fn key(meta: &ObjectMeta) -> Key {
    (namespace(meta.namespace.as_ref()), name(meta))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an object that belongs to no namespace has the empty one in its key"
)]
fn namespace(namespace: Option<&String>) -> String {
    namespace.cloned().unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server names every object; one without a name would be found by nobody who asks for a name"
)]
fn name(meta: &ObjectMeta) -> String {
    meta.name.clone().unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "absent labels and no labels are the same")]
fn labels(meta: &ObjectMeta) -> Labels {
    meta.labels.clone().unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "an empty selector selects no pod, so a workload without one has no cause below it"
)]
fn selector(selector: Option<&LabelSelector>) -> Labels {
    selector
        .and_then(|selector| selector.match_labels.clone())
        .unwrap_or_default()
}

#[expect(
    clippy::disallowed_methods,
    reason = "an absent status counts no pod and has no `observedGeneration`: it is never current, and so never ready"
)]
fn status<T: Clone + Default>(status: Option<&T>) -> T {
    status.cloned().unwrap_or_default()
}

fn is_current(meta: &ObjectMeta, observed: Option<i64>) -> bool {
    observed.is_some() && observed >= meta.generation
}

impl Observe for Deployment {
    fn enter(&self, into: &mut Observed) {
        let key = key(&self.metadata);
        let spec = self.spec.as_ref();
        let status = status(self.status.as_ref());
        let complaint = status.conditions.iter().flatten().find_map(|condition| {
            let failing = condition.type_ == "ReplicaFailure" && condition.status == "True";
            let stuck = condition.reason.as_deref() == Some("ProgressDeadlineExceeded");
            let message = condition.message.as_ref().filter(|_| failing || stuck)?;
            let source = format!("condition {}", condition.type_);
            Some(Said::new(message, source).since(condition.last_transition_time.as_ref()))
        });
        let state = WorkloadState {
            kind: WorkloadKind::Deployment,
            namespace: key.0.clone(),
            name: key.1.clone(),
            labels: labels(&self.metadata),
            selector: selector(spec.map(|spec| &spec.selector)),
            current: is_current(&self.metadata, status.observed_generation),
            wanted: spec.and_then(|spec| spec.replicas).unwrap_or(1),
            updated: status.updated_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            complaint,
        };
        into.workloads.insert((WorkloadKind::Deployment, key), state);
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.workloads.remove(&(WorkloadKind::Deployment, key.clone()));
    }
}

impl Observe for DaemonSet {
    fn enter(&self, into: &mut Observed) {
        let key = key(&self.metadata);
        let status = status(self.status.as_ref());
        let state = WorkloadState {
            kind: WorkloadKind::DaemonSet,
            namespace: key.0.clone(),
            name: key.1.clone(),
            labels: labels(&self.metadata),
            selector: selector(self.spec.as_ref().map(|spec| &spec.selector)),
            current: is_current(&self.metadata, status.observed_generation),
            wanted: status.desired_number_scheduled,
            updated: status.updated_number_scheduled.unwrap_or(0),
            available: status.number_available.unwrap_or(0),
            complaint: None,
        };
        into.workloads.insert((WorkloadKind::DaemonSet, key), state);
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.workloads.remove(&(WorkloadKind::DaemonSet, key.clone()));
    }
}

impl Observe for StatefulSet {
    fn enter(&self, into: &mut Observed) {
        let key = key(&self.metadata);
        let spec = self.spec.as_ref();
        let status = status(self.status.as_ref());
        let state = WorkloadState {
            kind: WorkloadKind::StatefulSet,
            namespace: key.0.clone(),
            name: key.1.clone(),
            labels: labels(&self.metadata),
            selector: selector(spec.map(|spec| &spec.selector)),
            current: is_current(&self.metadata, status.observed_generation),
            wanted: spec.and_then(|spec| spec.replicas).unwrap_or(1),
            updated: status.updated_replicas.unwrap_or(0),
            available: status.available_replicas.unwrap_or(0),
            complaint: None,
        };
        into.workloads.insert((WorkloadKind::StatefulSet, key), state);
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.workloads.remove(&(WorkloadKind::StatefulSet, key.clone()));
    }
}

impl Observe for Pod {
    fn enter(&self, into: &mut Observed) {
        let volumes = self.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
        let claims = volumes
            .into_iter()
            .flatten()
            .filter_map(|volume| volume.persistent_volume_claim.as_ref());
        let conditions = self.status.as_ref().and_then(|status| status.conditions.as_ref());
        let ended = self.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Succeeded");
        let ready = ended
            || conditions
                .into_iter()
                .flatten()
                .any(|c| c.type_ == "Ready" && c.status == "True");
        let state = PodState {
            name: name(&self.metadata),
            labels: labels(&self.metadata),
            ready,
            cause: if ready { None } else { pod_cause(self) },
            placed: self.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()),
            claims: claims.map(|claim| claim.claim_name.clone()).collect(),
        };
        into.pods.insert(key(&self.metadata), state);
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.pods.remove(key);
    }
}

/// Why a pod is not ready: not placed, a container that cannot start, or one that does not pass its check.
fn pod_cause(pod: &Pod) -> Option<Said> {
    let status = pod.status.as_ref()?;
    let unscheduled = status
        .conditions
        .iter()
        .flatten()
        .find(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(condition) = unscheduled {
        let message = condition.message.as_deref().or(condition.reason.as_deref());
        let message = message.unwrap_or("the scheduler does not say why");
        let text = if message.contains("node.kubernetes.io/not-ready") {
            format!("no node is ready yet ({message})")
        } else {
            format!("cannot be scheduled: {message}")
        };
        return Some(Said::new(text, UNSCHEDULED).since(condition.last_transition_time.as_ref()));
    }
    let init = status.init_container_statuses.iter().flatten();
    let main = status.container_statuses.iter().flatten();
    if let Some(cause) = init.chain(main).find_map(container_cause) {
        return Some(cause);
    }
    let said = match (&status.reason, &status.message) {
        (Some(reason), Some(message)) => format!("{reason}: {message}"),
        (Some(reason), None) => reason.clone(),
        _ => return None,
    };
    Some(Said::new(said, "status"))
}

fn container_cause(status: &ContainerStatus) -> Option<Said> {
    let state = status.state.as_ref()?;
    let name = &status.name;
    let said = |text: String| Said::new(text, format!("container {name}"));
    if let Some(waiting) = &state.waiting {
        let reason = waiting.reason.clone().unwrap_or_else(|| "waiting".to_owned());
        if matches!(reason.as_str(), "ContainerCreating" | "PodInitializing") {
            return Some(said(reason));
        }
        let last = status.last_state.as_ref().and_then(|last| last.terminated.as_ref());
        let ended = last.map_or_else(String::new, |t| format!(", last exit code {}", t.exit_code));
        let message = after_colon(waiting.message.as_ref());
        return Some(said(format!("container {name} {reason}{message}{ended}")));
    }
    if let Some(ended) = state.terminated.as_ref().filter(|ended| ended.exit_code != 0) {
        let message = after_colon(ended.message.as_ref());
        let text = format!("container {name} ended with code {}{message}", ended.exit_code);
        return Some(said(text).since(ended.finished_at.as_ref()));
    }
    let running = state.running.as_ref().filter(|_| !status.ready)?;
    Some(said(format!("container {name} runs but is not ready")).since(running.started_at.as_ref()))
}

fn after_colon(message: Option<&String>) -> String {
    message.map_or_else(String::new, |text| format!(": {text}"))
}

impl Observe for PersistentVolumeClaim {
    fn enter(&self, into: &mut Observed) {
        let state = ClaimState {
            bound: self.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound"),
            class: self
                .spec
                .as_ref()
                .and_then(|spec| spec.storage_class_name.clone())
                .filter(|class| !class.is_empty()),
        };
        into.claims.insert(key(&self.metadata), state);
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.claims.remove(key);
    }
}

impl Observe for Service {
    fn enter(&self, into: &mut Observed) {
        let balancer = self.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let mut addresses = balancer
            .and_then(|balancer| balancer.ingress.as_ref())
            .into_iter()
            .flatten();
        let address = addresses.find_map(|entry| entry.ip.clone().or_else(|| entry.hostname.clone()));
        #[expect(
            clippy::disallowed_methods,
            reason = "a service that has no address yet has an empty one"
        )]
        let address = address.unwrap_or_default();
        into.services.insert(key(&self.metadata), address);
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.services.remove(key);
    }
}

impl Observe for CustomResourceDefinition {
    fn enter(&self, into: &mut Observed) {
        let conditions = self.status.iter().flat_map(|status| &status.conditions).flatten();
        let state = if conditions
            .clone()
            .any(|c| c.type_ == "Established" && c.status == "True")
        {
            Ok(())
        } else {
            let mut refused = conditions.filter(|c| c.status == "False");
            let refused = refused.next().and_then(|c| c.message.clone());
            Err(refused.unwrap_or_else(|| "it is not established yet".to_owned()))
        };
        into.crds.insert(name(&self.metadata), state);
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.crds.remove(&key.1);
    }
}

impl Observe for StorageClass {
    fn enter(&self, into: &mut Observed) {
        let annotations = self.metadata.annotations.as_ref();
        let default = annotations.and_then(|all| all.get("storageclass.kubernetes.io/is-default-class"));
        into.storage_classes
            .insert(name(&self.metadata), default.is_some_and(|value| value == "true"));
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.storage_classes.remove(&key.1);
    }
}

impl Observe for Node {
    fn enter(&self, into: &mut Observed) {
        let id = self.spec.as_ref().and_then(|spec| spec.provider_id.as_ref());
        into.nodes
            .insert(name(&self.metadata), id.is_some_and(|id| !id.is_empty()));
    }

    fn leave(key: &Key, from: &mut Observed) {
        from.nodes.remove(&key.1);
    }
}

impl Observe for Event {
    fn enter(&self, into: &mut Observed) {
        if self.type_.as_deref() != Some("Warning") {
            return;
        }
        let object = &self.involved_object;
        let message = self.message.as_ref().or(self.reason.as_ref());
        // One that does not say what it is about tells nothing.
        let (Some(kind), Some(name), Some(message)) = (&object.kind, &object.name, message) else {
            return;
        };
        let key = (namespace(object.namespace.as_ref()), name.clone());
        let source = self
            .reason
            .as_ref()
            .map_or_else(|| "event".to_owned(), |reason| format!("event {reason}"));
        let micro = self.event_time.as_ref().map(|time| time.0);
        let since = self.last_timestamp.as_ref().map(|time| time.0).or(micro);
        let said = Said {
            since,
            ..Said::new(message, source)
        };
        into.warnings.insert((kind.clone(), key), said);
    }

    /// Events expire; what they said stays the last word.
    fn leave(_: &Key, _: &mut Observed) {}
}
