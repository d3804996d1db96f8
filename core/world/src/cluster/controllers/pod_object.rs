//! Pods, as controllers make them of a template and as kubelets report them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    Pod, PodCondition, PodIP, PodSpec, PodStatus, Toleration,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde_json::{Value, json};

use super::kinds::Kind;
use super::mirror::Workload;
use super::node_object::NOT_READY;
use super::objects::{PodOwner, claim_name, value};
use crate::values::{list, part, text};

/// A pod of a workload. It is made of the template as it stands, so that fields survive of which nothing is known here.
pub(super) fn pod(workload: &Workload, name: &str, owner: &PodOwner<'_>, node: Option<&str>) -> Value {
    let template = &workload.template;
    let mut labels = object_or_empty(template, "/metadata/labels");
    let mut spec = object_or_empty(template, "/spec");
    let hash = match workload.kind {
        Kind::Deployment => "pod-template-hash",
        _ => "controller-revision-hash",
    };
    labels[hash] = json!(workload.hash);
    match workload.kind {
        Kind::StatefulSet => {
            labels["statefulset.kubernetes.io/pod-name"] = json!(name);
            spec["hostname"] = json!(name);
            append(&mut spec, "volumes", claim_volumes(workload, name));
        }
        Kind::Job => {
            labels["batch.kubernetes.io/job-name"] = json!(workload.name);
            labels["job-name"] = json!(workload.name);
        }
        Kind::DaemonSet => append(&mut spec, "tolerations", daemon_tolerations()),
        _ => {}
    }
    if let Some(node) = node {
        spec["nodeName"] = json!(node);
    }
    let mut metadata = json!({
        "name": name,
        "namespace": workload.namespace,
        "labels": labels,
        "ownerReferences": [owner.reference()],
    });
    if let Some(annotations) = template.pointer("/metadata/annotations") {
        metadata["annotations"] = annotations.clone();
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

fn object_or_empty(template: &Value, pointer: &str) -> Value {
    match part(template, pointer) {
        Value::Null => json!({}),
        found => found,
    }
}

/// Adds to a list of a pod's spec, which need not be there.
fn append(spec: &mut Value, key: &str, more: Vec<Value>) {
    if more.is_empty() {
        return;
    }
    let mut all = list(spec, &format!("/{key}")).to_vec();
    all.extend(more);
    spec[key] = Value::Array(all);
}

fn claim_volumes(workload: &Workload, pod: &str) -> Vec<Value> {
    let templates = workload.claims.iter();
    let volume = |template| {
        json!({
            "name": text(template, "/metadata/name"),
            "persistentVolumeClaim": {"claimName": claim_name(template, pod)},
        })
    };
    templates.map(volume).collect()
}

/// The DaemonSet controller lets its pods onto nodes that are not ready.
fn daemon_tolerations() -> Vec<Value> {
    let tolerations = [
        (NOT_READY, "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        (NOT_READY, "NoSchedule"),
    ];
    tolerations
        .map(|(key, effect)| value(exists(Some(key), Some(effect))))
        .into()
}

/// A toleration of a taint whatever its value; without a key of every taint.
pub(super) fn exists(key: Option<&str>, effect: Option<&str>) -> Toleration {
    Toleration {
        key: key.map(str::to_owned),
        operator: Some("Exists".to_owned()),
        effect: effect.map(str::to_owned),
        ..Toleration::default()
    }
}

/// A static pod of a control plane, as its kubelet mirrors it.
pub(super) fn static_pod(component: &str, node: &str, node_uid: &str, kubernetes: &str) -> Value {
    let table = |pairs: [(&str, &str); 3]| pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let annotations = [
        ("kubernetes.io/config.source", "file"),
        ("kubernetes.io/config.mirror", node_uid),
    ];
    let annotations: BTreeMap<String, String> = annotations
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    value(Pod {
        metadata: ObjectMeta {
            name: Some(format!("{component}-{node}")),
            namespace: Some("kube-system".to_owned()),
            labels: Some(table([
                ("k8s-app", component),
                ("component", component),
                ("tier", "control-plane"),
            ])),
            annotations: Some(annotations),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".to_owned(),
                kind: "Node".to_owned(),
                name: node.to_owned(),
                uid: node_uid.to_owned(),
                controller: Some(true),
                block_owner_deletion: None,
            }]),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            node_name: Some(node.to_owned()),
            host_network: Some(true),
            priority_class_name: Some("system-cluster-critical".to_owned()),
            containers: vec![Container {
                name: component.to_owned(),
                image: Some(format!("registry.k8s.io/{component}:{kubernetes}")),
                ..Container::default()
            }],
            tolerations: Some(vec![exists(None, Some("NoExecute"))]),
            ..PodSpec::default()
        }),
        status: None,
    })
}

/// Why a pod waits.
pub(super) struct Waiting<'a> {
    /// It has a node.
    pub scheduled: bool,
    /// The reason in one word, such as `ContainerCreating`.
    pub reason: &'a str,
    /// The reason for people.
    pub message: &'a str,
}

/// The reason of a pod whose containers take their time.
pub(super) const CREATING: &str = "ContainerCreating";

/// The status of a pod that waits, and why.
pub(super) fn waiting_status(template: &Value, waiting: &Waiting<'_>, now: Timestamp) -> Value {
    let Waiting {
        scheduled,
        reason,
        message,
    } = waiting;
    if !scheduled {
        let mut condition = condition("PodScheduled", "False", Some("Unschedulable"), now);
        condition.message = Some((*message).to_owned());
        return value(PodStatus {
            phase: Some("Pending".to_owned()),
            conditions: Some(vec![condition]),
            ..PodStatus::default()
        });
    }
    // Containers that are being made say so without a message.
    let tells = *reason != CREATING && !message.is_empty();
    let state = ContainerState {
        waiting: Some(ContainerStateWaiting {
            reason: Some((*reason).to_owned()),
            message: tells.then(|| (*message).to_owned()),
        }),
        ..ContainerState::default()
    };
    value(PodStatus {
        phase: Some("Pending".to_owned()),
        conditions: Some(vec![
            condition("PodScheduled", "True", None, now),
            condition("Initialized", "True", None, now),
            condition("ContainersReady", "False", Some("ContainersNotReady"), now),
            condition("Ready", "False", Some("ContainersNotReady"), now),
        ]),
        container_statuses: Some(containers(template, &state, false)),
        start_time: Some(Time(now)),
        ..PodStatus::default()
    })
}

/// The status of a pod that runs, or that has done its work.
pub(super) fn running_status(template: &Value, done: bool, pod_ip: &str, host_ip: &str, now: Timestamp) -> Value {
    let state = if done {
        ContainerState {
            terminated: Some(ContainerStateTerminated {
                exit_code: 0,
                reason: Some("Completed".to_owned()),
                started_at: Some(Time(now)),
                finished_at: Some(Time(now)),
                ..ContainerStateTerminated::default()
            }),
            ..ContainerState::default()
        }
    } else {
        ContainerState {
            running: Some(ContainerStateRunning {
                started_at: Some(Time(now)),
            }),
            ..ContainerState::default()
        }
    };
    let (phase, ready, reason) = if done {
        ("Succeeded", "False", Some("PodCompleted"))
    } else {
        ("Running", "True", None)
    };
    value(PodStatus {
        phase: Some(phase.to_owned()),
        conditions: Some(vec![
            condition("PodScheduled", "True", None, now),
            condition("Initialized", "True", reason, now),
            condition("ContainersReady", ready, reason, now),
            condition("Ready", ready, reason, now),
        ]),
        container_statuses: Some(containers(template, &state, !done)),
        pod_ip: Some(pod_ip.to_owned()),
        pod_ips: Some(vec![PodIP { ip: pod_ip.to_owned() }]),
        host_ip: Some(host_ip.to_owned()),
        start_time: Some(Time(now)),
        qos_class: Some("BestEffort".to_owned()),
        ..PodStatus::default()
    })
}

fn condition(kind: &str, status: &str, reason: Option<&str>, now: Timestamp) -> PodCondition {
    PodCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        last_transition_time: Some(Time(now)),
        ..PodCondition::default()
    }
}

fn containers(template: &Value, state: &ContainerState, ready: bool) -> Vec<ContainerStatus> {
    let containers = list(template, "/spec/containers").iter();
    containers
        .map(|container| ContainerStatus {
            name: text(container, "/name").to_owned(),
            image: text(container, "/image").to_owned(),
            ready,
            started: Some(ready),
            state: Some(state.clone()),
            last_state: Some(ContainerState::default()),
            ..ContainerStatus::default()
        })
        .collect()
}
