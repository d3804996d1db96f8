//! Whether an addon works, judged purely from observed objects: met or not, and the deepest cause known.

use std::{collections::BTreeMap, fmt};

use butler_api::event::{CauseLine, Layer};
use jiff::Timestamp;

use crate::observe::{Observed, PodState, Said, UNSCHEDULED, WorkloadState};

/// What proves that an addon works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// All pods of a workload are there, current and ready.
    Workload {
        /// Kind of the workload.
        kind: WorkloadKind,
        /// Namespace of the workload.
        namespace: String,
        /// Name of the workload.
        name: String,
    },
    /// Every workload of a namespace is ready, and there is at least one.
    Workloads {
        /// The namespace whose workloads are meant.
        namespace: String,
    },
    /// Every workload applied for an addon is ready, and there is at least one.
    Labelled {
        /// Namespace of the workloads.
        namespace: String,
        /// The addon that they were applied for.
        addon: String,
    },
    /// A custom resource definition is served.
    CrdEstablished {
        /// Name of the definition, `plural.group`.
        name: String,
    },
    /// A service of type LoadBalancer has an address.
    ServiceAddress {
        /// Namespace of the service.
        namespace: String,
        /// Name of the service.
        name: String,
    },
    /// There is a default StorageClass.
    DefaultStorageClass,
    /// At least so many nodes have a provider id, and none is without.
    ProviderIds {
        /// How many nodes the cluster has.
        nodes: usize,
    },
}

/// The kinds whose controllers keep pods running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// Interchangeable pods, of which so many run.
    Deployment,
    /// One pod on every node that takes it.
    DaemonSet,
    /// Numbered pods that keep their volumes.
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
    /// Whether the condition holds.
    pub met: bool,
    /// Why not, as deep as it can be told; none while nothing was observed.
    pub cause: Option<String>,
    /// The causes from the object down to the deepest one, where it does not hold.
    pub chain: Vec<Cause>,
    /// Whether it does not hold because of nodes, which may tell more.
    pub for_nodes: bool,
    /// What was observed, when it holds.
    pub evidence: String,
}

/// One layer of why a condition does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Where it was seen.
    pub layer: Layer,
    /// What it is about, for example `Deployment kube-system/coredns`.
    pub object: String,
    /// What is seen of it.
    pub text: String,
    /// Who says so, for example `event FailedScheduling`.
    pub source: String,
    /// Since when, where the API server tells.
    pub since: Option<Timestamp>,
}

impl Cause {
    fn new(layer: Layer, object: impl Into<String>, text: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            layer,
            object: object.into(),
            text: text.into(),
            source: source.into(),
            since: None,
        }
    }

    fn said(layer: Layer, object: impl Into<String>, said: &Said) -> Self {
        Self {
            since: said.since,
            ..Self::new(layer, object, said.text.clone(), said.source.clone())
        }
    }

    /// The cause with its age.
    pub fn line(&self, now: Timestamp) -> CauseLine {
        let Self {
            layer,
            object,
            text,
            source,
            since,
        } = self.clone();
        CauseLine {
            layer,
            object,
            text,
            source,
            age_seconds: since.map(|since| now.duration_since(since).as_secs_f64().max(0.0)),
        }
    }
}

impl Condition {
    fn met(evidence: String) -> Self {
        Self {
            met: true,
            cause: None,
            chain: Vec::new(),
            for_nodes: false,
            evidence,
        }
    }

    fn unmet(cause: impl Into<String>, chain: Vec<Cause>) -> Self {
        Self {
            met: false,
            cause: Some(cause.into()),
            chain,
            for_nodes: false,
            evidence: String::new(),
        }
    }

    /// One cause, of the object itself.
    fn lacks(object: impl Into<String>, said: &Said) -> Self {
        Self::unmet(said.text.clone(), vec![Cause::said(Layer::Object, object, said)])
    }
}

/// Whether a condition holds in what was observed.
pub fn judge(ready: &Ready, observed: &Observed) -> Condition {
    match ready {
        Ready::Workload { kind, namespace, name } => match observed.workload(*kind, namespace, name) {
            Some(state) => workload(state, observed),
            None => absent(&ready.to_string(), namespace, observed),
        },
        Ready::Workloads { namespace } => workloads(ready, observed, namespace, |_| true),
        Ready::Labelled { namespace, addon } => {
            workloads(ready, observed, namespace, |state| state.addon() == Some(addon))
        }
        Ready::CrdEstablished { name } => crd(observed, name),
        Ready::ServiceAddress { namespace, name } => service(observed, namespace, name),
        Ready::DefaultStorageClass => storage_class(observed),
        Ready::ProviderIds { nodes } => provider_ids(observed, *nodes),
    }
}

/// Whether a condition holds, without looking for the cause: this is asked after every change.
pub(super) fn holds(ready: &Ready, observed: &Observed) -> bool {
    let all = |namespace: &str, which: &dyn Fn(&WorkloadState) -> bool| {
        let mut states = observed.workloads_in(namespace).filter(|state| which(state)).peekable();
        states.peek().is_some() && states.all(|state| lack(state).is_none())
    };
    match ready {
        Ready::Workload { kind, namespace, name } => observed
            .workload(*kind, namespace, name)
            .is_some_and(|state| lack(state).is_none()),
        Ready::Workloads { namespace } => all(namespace, &|_| true),
        Ready::Labelled { namespace, addon } => all(namespace, &|state| state.addon() == Some(addon)),
        other => judge(other, observed).met,
    }
}

fn absent(object: &str, namespace: &str, observed: &Observed) -> Condition {
    let lack = "it does not exist yet";
    let top = Cause::new(Layer::Object, object, lack, "");
    match observed.stuck_job(namespace) {
        Some((pod, said)) => {
            let job = Cause::said(Layer::Pod, format!("job pod {namespace}/{}", pod.name), &said);
            let words = format!("{lack}, job pod {}: {}", pod.name, said.text);
            Condition {
                for_nodes: waits_for_nodes(pod, Some(&said)),
                ..Condition::unmet(words, vec![top, job])
            }
        }
        None => Condition::unmet(lack, vec![top]),
    }
}

fn workloads(ready: &Ready, observed: &Observed, namespace: &str, which: impl Fn(&WorkloadState) -> bool) -> Condition {
    let mut count = 0;
    for state in observed.workloads_in(namespace).filter(|state| which(state)) {
        count += 1;
        let condition = workload(state, observed);
        if let Some(cause) = &condition.cause {
            let cause = format!("{} {}: {cause}", state.kind.as_str(), state.name);
            return Condition {
                cause: Some(cause),
                ..condition
            };
        }
    }
    match count {
        0 => Condition::lacks(ready.to_string(), &Said::new("no workload exists yet", "")),
        1 => Condition::met(format!("1 workload in {namespace} is ready")),
        count => Condition::met(format!("{count} workloads in {namespace} are ready")),
    }
}

fn workload(state: &WorkloadState, observed: &Observed) -> Condition {
    let WorkloadState {
        kind,
        namespace,
        name,
        wanted,
        available,
        ..
    } = state;
    let object = format!("{} {namespace}/{name}", kind.as_str());
    let Some(lack) = lack(state) else {
        return Condition::met(format!("{object}: {available} of {wanted} pods available"));
    };
    let mut chain = vec![Cause::new(Layer::Object, object, lack.clone(), "status")];
    match deepest(state, observed) {
        Deepest::Known(deep) => {
            chain.extend(deep.chain);
            Condition {
                for_nodes: deep.for_nodes,
                ..Condition::unmet(format!("{lack}: {}", deep.words), chain)
            }
        }
        Deepest::Unknown { for_nodes } => Condition {
            for_nodes,
            ..Condition::unmet(lack, chain)
        },
    }
}

/// What a workload's own status says is missing.
fn lack(state: &WorkloadState) -> Option<String> {
    let WorkloadState {
        wanted,
        updated,
        available,
        ..
    } = *state;
    if !state.current {
        Some("its controller has not seen it yet".to_owned())
    } else if wanted == 0 && state.kind == WorkloadKind::DaemonSet {
        Some("no node takes its pods yet".to_owned())
    } else if updated < wanted {
        Some(format!("{updated} of {wanted} pods are up to date"))
    } else if available < wanted {
        Some(format!("{available} of {wanted} pods are available"))
    } else {
        None
    }
}

/// The deepest cause below a workload.
enum Deepest {
    Known(Deep),
    /// Nobody says anything; the nodes may.
    Unknown {
        for_nodes: bool,
    },
}

/// A cause in one line, and layer by layer.
struct Deep {
    words: String,
    chain: Vec<Cause>,
    for_nodes: bool,
}

/// From the pods up: a pod that says why, else the controller's own complaint. A pod is named when it is alone in its
/// trouble; a cause that many share would otherwise change with every one of them.
fn deepest(state: &WorkloadState, observed: &Observed) -> Deepest {
    let mut causes: BTreeMap<String, (Deep, Vec<&str>)> = BTreeMap::new();
    let (mut pods, mut mute) = (0, false);
    for pod in observed.pods_of(state).filter(|pod| !pod.ready) {
        pods += 1;
        match pod_cause(pod, &state.namespace, observed) {
            Some(deep) => {
                let same = causes.entry(deep.words.clone()).or_insert((deep, Vec::new()));
                same.1.push(&pod.name);
            }
            None => mute |= pod.placed,
        }
    }
    // What keeps most pods back comes first.
    if let Some((mut deep, names)) = causes.into_values().max_by_key(|(_, names)| names.len()) {
        match names[..] {
            [name] => deep.words = format!("pod {name}: {}", deep.words),
            _ => {
                if let Some(pod) = deep.chain.first_mut() {
                    pod.object = format!("{} and {} more", pod.object, names.len() - 1);
                }
            }
        }
        return Deepest::Known(deep);
    }
    let no_pod = state.wanted == 0;
    if pods > 0 {
        return Deepest::Unknown { for_nodes: mute };
    }
    let event = || observed.warning(state.kind.as_str(), &state.namespace, &state.name);
    match state.complaint.as_ref().or_else(event) {
        Some(said) => Deepest::Known(Deep {
            words: said.text.clone(),
            chain: vec![Cause::said(
                Layer::Object,
                format!("{} {}/{}", state.kind.as_str(), state.namespace, state.name),
                said,
            )],
            for_nodes: no_pod,
        }),
        None => Deepest::Unknown { for_nodes: no_pod },
    }
}

/// Deepest first: a volume that is missing, what the pod says, what was said about it.
fn pod_cause(pod: &PodState, namespace: &str, observed: &Observed) -> Option<Deep> {
    let object = format!("pod {namespace}/{}", pod.name);
    let unbound = |name: &String| Some((name.clone(), observed.unbound_claim(namespace, name)?));
    if let Some((name, said)) = pod.claims.iter().find_map(unbound) {
        let pending = format!("volume claim {name} is pending");
        return Some(Deep {
            words: format!("{pending}: {}", said.text),
            chain: vec![
                Cause::new(Layer::Pod, object, pending, ""),
                Cause::said(Layer::Pod, format!("volume claim {namespace}/{name}"), &said),
            ],
            for_nodes: false,
        });
    }
    let event = observed.warning("Pod", namespace, &pod.name);
    let said = match &pod.cause {
        Some(cause) if cause.text == "ContainerCreating" => event.unwrap_or(cause),
        Some(cause) => cause,
        None => event?,
    };
    Some(Deep {
        words: said.text.clone(),
        chain: vec![Cause::said(Layer::Pod, object, said)],
        for_nodes: waits_for_nodes(pod, Some(said)),
    })
}

/// Whether a pod is held up by a node rather than by anything of its own. One that has a node and says nothing waits for the
/// node's kubelet.
fn waits_for_nodes(pod: &PodState, said: Option<&Said>) -> bool {
    const SIGNS: [&str; 3] = [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "no nodes available",
    ];
    let Some(said) = said else {
        return pod.placed;
    };
    said.source == "event NodeNotReady"
        || (said.source == UNSCHEDULED && SIGNS.iter().any(|sign| said.text.contains(sign)))
}

fn crd(observed: &Observed, name: &str) -> Condition {
    let object = format!("CustomResourceDefinition {name}");
    match observed.crd(name) {
        None => Condition::lacks(object, &Said::new("it does not exist yet", "")),
        Some(Ok(())) => Condition::met(format!("CustomResourceDefinition {name} is established")),
        Some(Err(cause)) => Condition::lacks(object, &Said::new(cause, "condition Established")),
    }
}

fn service(observed: &Observed, namespace: &str, name: &str) -> Condition {
    let object = format!("Service {namespace}/{name}");
    match observed.service_address(namespace, name) {
        None => Condition::lacks(object, &Said::new("the service does not exist yet", "")),
        Some(address) if !address.is_empty() => Condition::met(format!("{object} has the address {address}")),
        Some(_) => {
            let none = Said::new("no load balancer has given it an address yet", "status");
            Condition::lacks(object, observed.warning("Service", namespace, name).unwrap_or(&none))
        }
    }
}

fn storage_class(observed: &Observed) -> Condition {
    match observed.default_storage_class() {
        Some(name) => Condition::met(format!("StorageClass {name} is the default")),
        None => Condition::lacks(
            "the default StorageClass",
            &Said::new("no StorageClass is marked as the default", ""),
        ),
    }
}

fn provider_ids(observed: &Observed, nodes: usize) -> Condition {
    let (with, without) = observed.nodes_by_provider_id();
    if let Some(name) = without.first() {
        let line = Cause::new(Layer::Node, format!("node {name}"), "it has no provider id", "");
        return Condition::unmet(format!("node {name} has no provider id"), vec![line]);
    }
    if with < nodes {
        let lack = format!("{with} of {nodes} nodes have joined");
        return Condition {
            for_nodes: true,
            ..Condition::lacks("the nodes", &Said::new(lack, ""))
        };
    }
    Condition::met(format!("{with} nodes have a provider id"))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::{
        apps::v1::{DaemonSet, Deployment},
        core::v1::{Event, PersistentVolumeClaim, Pod, Service},
    };
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::observe::Observe;

    /// What one object of the API says, added to what was seen.
    fn see<K: Observe + DeserializeOwned>(observed: &mut Observed, value: Value) {
        let object: K = serde_json::from_value(value).unwrap();
        object.enter(observed);
    }

    fn deployment(generation: i64, available: i32) -> Value {
        json!({
            "metadata": {"name": "web", "namespace": "app", "generation": generation, "labels": {butler_api::labels::ADDON: "web"}},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {}},
            "status": {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": available},
        })
    }

    fn pod(status: &Value) -> Value {
        json!({
            "metadata": {"name": "web-1", "namespace": "app", "labels": {"app": "web"}},
            "spec": {"containers": [], "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data-0"}}]},
            "status": status,
        })
    }

    fn container(state: &Value) -> Value {
        json!({"phase": "Pending", "containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 3, "state": state,
            "lastState": {"terminated": {"exitCode": 2}},
        }]})
    }

    fn web() -> Ready {
        Ready::Workload {
            kind: WorkloadKind::Deployment,
            namespace: "app".into(),
            name: "web".into(),
        }
    }

    fn cause(observed: &Observed) -> String {
        let condition = judge(&web(), observed);
        assert!(!condition.met && !holds(&web(), observed));
        condition.cause.unwrap()
    }

    /// The cause with this pod beside an unready deployment.
    fn with_pod(status: &Value) -> (Observed, String) {
        let mut observed = Observed::default();
        see::<Deployment>(&mut observed, deployment(1, 1));
        see::<Pod>(&mut observed, pod(status));
        let cause = cause(&observed);
        (observed, cause)
    }

    #[test]
    fn a_deployment_is_ready_when_its_current_pods_are_available() {
        let mut observed = Observed::default();
        assert_eq!(cause(&observed), "it does not exist yet");
        see::<Deployment>(&mut observed, deployment(2, 2));
        assert_eq!(cause(&observed), "its controller has not seen it yet");
        see::<Deployment>(&mut observed, deployment(1, 1));
        assert_eq!(cause(&observed), "1 of 2 pods are available");
        see::<Deployment>(&mut observed, deployment(1, 2));
        assert_eq!(
            judge(&web(), &observed).evidence,
            "Deployment app/web: 2 of 2 pods available"
        );
        Deployment::leave(&("app".to_owned(), "web".to_owned()), &mut observed);
        assert_eq!(cause(&observed), "it does not exist yet");
    }

    #[test]
    fn the_cause_is_what_the_pod_says() {
        let waiting = |reason: &str| container(&json!({"waiting": {"reason": reason, "message": "no such image"}}));
        let before = "1 of 2 pods are available: pod web-1: ";
        let (_, image) = with_pod(&waiting("ImagePullBackOff"));
        assert_eq!(
            image,
            format!("{before}container c ImagePullBackOff: no such image, last exit code 2")
        );
        let (_, checks) = with_pod(&container(&json!({"running": {}})));
        assert_eq!(checks, format!("{before}container c runs but is not ready"));
        let unscheduled = |message: &str| {
            json!({"phase": "Pending", "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
            }]})
        };
        let (_, memory) = with_pod(&unscheduled("0/3 nodes are available: 3 Insufficient memory."));
        assert_eq!(
            memory,
            format!("{before}cannot be scheduled: 0/3 nodes are available: 3 Insufficient memory.")
        );
        let taint = "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.";
        let (_, network) = with_pod(&unscheduled(taint));
        assert_eq!(network, format!("{before}no node is ready yet ({taint})"));
    }

    fn chain(observed: &Observed) -> Vec<String> {
        let line = |cause: &Cause| format!("{:?} {}: {} ({})", cause.layer, cause.object, cause.text, cause.source);
        judge(&web(), observed).chain.iter().map(line).collect()
    }

    #[test]
    fn a_chain_goes_from_the_workload_to_the_pod_and_its_claim() {
        let refused = container(&json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}));
        let (mut observed, _) = with_pod(&refused);
        assert_eq!(
            chain(&observed),
            [
                "Object Deployment app/web: 1 of 2 pods are available (status)",
                "Pod pod app/web-1: container c ImagePullBackOff: no such image, last exit code 2 (container c)",
            ]
        );
        see::<PersistentVolumeClaim>(
            &mut observed,
            json!({
                "metadata": {"name": "data-0", "namespace": "app"},
                "spec": {"storageClassName": "longhorn"}, "status": {"phase": "Pending"},
            }),
        );
        assert_eq!(
            chain(&observed)[1..],
            [
                "Pod pod app/web-1: volume claim data-0 is pending ()",
                "Pod volume claim app/data-0: class longhorn has not provided a volume yet (status)",
            ]
        );
    }

    #[test]
    fn events_say_their_reason_and_when() {
        let (mut observed, _) = with_pod(&json!({"phase": "Pending"}));
        see::<Event>(
            &mut observed,
            json!({
                "metadata": {"name": "e", "namespace": "app"}, "type": "Warning", "message": "no sandbox",
                "reason": "FailedCreatePodSandBox", "lastTimestamp": "2026-01-01T00:00:00Z",
                "involvedObject": {"kind": "Pod", "namespace": "app", "name": "web-1"},
            }),
        );
        let deepest = judge(&web(), &observed).chain.pop().unwrap();
        assert_eq!(deepest.source, "event FailedCreatePodSandBox");
        let line = deepest.line("2026-01-01T00:00:07Z".parse().unwrap());
        assert_eq!(line.age_seconds, Some(7.0));
    }

    #[test]
    fn only_what_nodes_hold_up_waits_for_nodes() {
        let unscheduled = |message: &str| {
            json!({"phase": "Pending", "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
            }]})
        };
        let waits = |status: &Value| judge(&web(), &with_pod(status).0).for_nodes;
        assert!(waits(&unscheduled(
            "0/3 nodes are available: 3 node(s) had untolerated taint {node.kubernetes.io/not-ready: }."
        )));
        assert!(!waits(&unscheduled("0/3 nodes are available: 3 Insufficient memory.")));
        assert!(!waits(&container(
            &json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}})
        )));
    }

    #[test]
    fn an_unbound_claim_is_deeper_than_its_pod() {
        let (mut observed, _) = with_pod(&json!({"phase": "Pending"}));
        let claim = |class: Option<&str>, phase: &str| {
            json!({
                "metadata": {"name": "data-0", "namespace": "app"},
                "spec": {"storageClassName": class}, "status": {"phase": phase},
            })
        };
        let before = "1 of 2 pods are available: pod web-1: volume claim data-0 is pending: ";
        see::<PersistentVolumeClaim>(&mut observed, claim(None, "Pending"));
        assert_eq!(
            cause(&observed),
            format!("{before}it names no StorageClass and there was no default one")
        );
        see::<PersistentVolumeClaim>(&mut observed, claim(Some("longhorn"), "Pending"));
        assert_eq!(
            cause(&observed),
            format!("{before}class longhorn has not provided a volume yet")
        );
        let event = json!({
            "metadata": {"name": "e", "namespace": "app"}, "type": "Warning", "message": "no space left",
            "involvedObject": {"kind": "PersistentVolumeClaim", "namespace": "app", "name": "data-0"},
        });
        see::<Event>(&mut observed, event);
        assert_eq!(cause(&observed), format!("{before}no space left"));
        see::<PersistentVolumeClaim>(&mut observed, claim(Some("longhorn"), "Bound"));
        assert_eq!(cause(&observed), "1 of 2 pods are available");
    }

    #[test]
    fn a_cause_that_pods_share_names_none_of_them() {
        let (mut observed, _) = with_pod(&container(&json!({"waiting": {"reason": "ContainerCreating"}})));
        let mut other = pod(&container(&json!({"waiting": {"reason": "ContainerCreating"}})));
        other["metadata"]["name"] = json!("web-2");
        see::<Pod>(&mut observed, other);
        assert_eq!(cause(&observed), "1 of 2 pods are available: ContainerCreating");
    }

    #[test]
    fn without_pods_the_controller_complains() {
        let mut observed = Observed::default();
        let mut failing = deployment(1, 0);
        failing["status"]["conditions"] = json!([
            {"type": "ReplicaFailure", "status": "True", "message": "pods \"web\" is forbidden: violates PodSecurity"},
        ]);
        see::<Deployment>(&mut observed, failing);
        let expected = "0 of 2 pods are available: pods \"web\" is forbidden: violates PodSecurity";
        assert_eq!(cause(&observed), expected);
    }

    #[test]
    fn a_job_that_is_stuck_explains_what_does_not_exist_yet() {
        let mut observed = Observed::default();
        let mut job = pod(&container(&json!({"waiting": {"reason": "ErrImagePull"}})));
        job["metadata"]["labels"] = json!({"batch.kubernetes.io/job-name": "setup"});
        see::<Pod>(&mut observed, job);
        let expected = "it does not exist yet, job pod web-1: container c ErrImagePull, last exit code 2";
        assert_eq!(cause(&observed), expected);
    }

    #[test]
    fn a_daemon_set_that_no_node_takes_is_not_ready() {
        let mut observed = Observed::default();
        let set = |wanted: i32| {
            json!({
                "metadata": {"name": "web", "namespace": "app", "generation": 1},
                "status": {
                    "observedGeneration": 1, "desiredNumberScheduled": wanted, "currentNumberScheduled": wanted,
                    "updatedNumberScheduled": wanted, "numberAvailable": wanted, "numberMisscheduled": 0, "numberReady": wanted,
                },
            })
        };
        let ready = Ready::Workload {
            kind: WorkloadKind::DaemonSet,
            namespace: "app".into(),
            name: "web".into(),
        };
        see::<DaemonSet>(&mut observed, set(0));
        assert_eq!(judge(&ready, &observed).cause.unwrap(), "no node takes its pods yet");
        see::<DaemonSet>(&mut observed, set(3));
        assert!(judge(&ready, &observed).met);
    }

    #[test]
    fn workloads_of_a_manifest_are_known_by_label() {
        let mut observed = Observed::default();
        let labelled = |addon: &str| Ready::Labelled {
            namespace: "app".into(),
            addon: addon.into(),
        };
        assert_eq!(
            judge(&labelled("web"), &observed).cause.unwrap(),
            "no workload exists yet"
        );
        see::<Deployment>(&mut observed, deployment(1, 1));
        let condition = judge(&labelled("web"), &observed);
        assert_eq!(condition.cause.unwrap(), "Deployment web: 1 of 2 pods are available");
        see::<Deployment>(&mut observed, deployment(1, 2));
        assert_eq!(
            judge(&labelled("web"), &observed).evidence,
            "1 workload in app is ready"
        );
        assert!(!judge(&labelled("other"), &observed).met);
        assert!(holds(&labelled("web"), &observed) && !holds(&labelled("other"), &observed));
        assert!(
            judge(
                &Ready::Workloads {
                    namespace: "app".into()
                },
                &observed
            )
            .met
        );
    }

    #[test]
    fn a_service_without_address_says_what_its_load_balancer_says() {
        let mut observed = Observed::default();
        let ready = Ready::ServiceAddress {
            namespace: "app".into(),
            name: "web".into(),
        };
        let service = |ingress: Value| {
            json!({
                "metadata": {"name": "web", "namespace": "app"},
                "status": {"loadBalancer": {"ingress": ingress}},
            })
        };
        assert_eq!(
            judge(&ready, &observed).cause.unwrap(),
            "the service does not exist yet"
        );
        see::<Service>(&mut observed, service(json!([])));
        assert_eq!(
            judge(&ready, &observed).cause.unwrap(),
            "no load balancer has given it an address yet"
        );
        let event = json!({
            "metadata": {"name": "e", "namespace": "app"}, "type": "Warning", "message": "no available IPs",
            "involvedObject": {"kind": "Service", "namespace": "app", "name": "web"},
        });
        see::<Event>(&mut observed, event);
        assert_eq!(judge(&ready, &observed).cause.unwrap(), "no available IPs");
        see::<Service>(&mut observed, service(json!([{"ip": "192.0.2.7"}])));
        assert_eq!(
            judge(&ready, &observed).evidence,
            "Service app/web has the address 192.0.2.7"
        );
    }
}
