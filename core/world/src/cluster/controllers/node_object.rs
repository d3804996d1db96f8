//! Node objects, as kubelets and the node controller write them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, NodeSystemInfo, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use serde_json::Value;

use super::objects::value;
use super::system::System;
use crate::world::node_config::MachineType;

/// The taint of a node that is not ready.
pub(super) const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// The label, and the taint, of control planes.
pub(super) const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// A node as its kubelet knows it.
#[derive(Debug, Clone)]
pub(super) struct NodeFacts {
    pub id: String,
    pub hostname: String,
    pub ip: Ipv4Addr,
    pub machine_type: MachineType,
    pub kubernetes: String,
    pub system: System,
    pub labels: Vec<(String, String)>,
    pub taints: Vec<(String, String)>,
    pub schedulable_control_plane: bool,
    pub boot_id: String,
    /// What the cloud controller of a tenant's cluster says of its machine.
    pub provider_id: Option<String>,
    pub cpu: u32,
    pub memory_mb: u64,
}

impl NodeFacts {
    /// The Node object as the kubelet registers it: not ready yet.
    pub(super) fn object(&self, now: Timestamp) -> Value {
        value(Node {
            metadata: ObjectMeta {
                name: Some(self.hostname.clone()),
                labels: Some(self.all_labels()),
                ..ObjectMeta::default()
            },
            spec: Some(NodeSpec {
                provider_id: self.provider_id.clone(),
                taints: Some(self.all_taints()),
                ..NodeSpec::default()
            }),
            status: Some(self.typed_status(false, now)),
        })
    }

    /// The whole status that its kubelet reports.
    pub(super) fn status(&self, ready: bool, now: Timestamp) -> Value {
        value(self.typed_status(ready, now))
    }

    fn all_labels(&self) -> BTreeMap<String, String> {
        let own = [
            ("beta.kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/hostname", &self.hostname),
            ("kubernetes.io/os", "linux"),
        ];
        let role = (self.machine_type == MachineType::ControlPlane).then_some((CONTROL_PLANE, ""));
        let own = own.into_iter().chain(role);
        let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
        own.chain(self.labels.iter().cloned()).collect()
    }

    /// The taints that its kubelet registers it with.
    fn all_taints(&self) -> Vec<Taint> {
        let taint = |key: &str, value: Option<&str>, effect: &str| Taint {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            effect: effect.to_owned(),
            time_added: None,
        };
        let reserved = self.machine_type == MachineType::ControlPlane && !self.schedulable_control_plane;
        let role = reserved.then(|| taint(CONTROL_PLANE, None, "NoSchedule"));
        // The configuration has `value:Effect`, or only the effect.
        let configured = self.taints.iter().map(|(key, text)| match text.rsplit_once(':') {
            Some((value, effect)) => taint(key, Some(value), effect),
            None => taint(key, None, text),
        });
        let not_ready = taint(NOT_READY, None, "NoSchedule");
        role.into_iter().chain(configured).chain([not_ready]).collect()
    }

    fn typed_status(&self, ready: bool, now: Timestamp) -> NodeStatus {
        let readiness = if ready {
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", now)
        } else {
            condition(
                "Ready",
                "False",
                "KubeletNotReady",
                "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
                now,
            )
        };
        let pressures = [
            (
                "MemoryPressure",
                "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available",
            ),
            (
                "DiskPressure",
                "KubeletHasNoDiskPressure",
                "kubelet has no disk pressure",
            ),
            (
                "PIDPressure",
                "KubeletHasSufficientPID",
                "kubelet has sufficient PID available",
            ),
        ];
        let pressures = pressures.map(|(kind, reason, message)| condition(kind, "False", reason, message, now));
        let address = |kind: &str, address: String| NodeAddress {
            type_: kind.to_owned(),
            address,
        };
        NodeStatus {
            addresses: Some(vec![
                address("InternalIP", self.ip.to_string()),
                address("Hostname", self.hostname.clone()),
            ]),
            capacity: Some(self.resources()),
            allocatable: Some(self.resources()),
            conditions: Some(pressures.into_iter().chain([readiness]).collect()),
            node_info: Some(self.system()),
            ..NodeStatus::default()
        }
    }

    /// No real node is smaller than one processor and a gigabyte; one that was ordered without a size is not either.
    fn resources(&self) -> BTreeMap<String, Quantity> {
        [
            ("cpu", self.cpu.max(1).to_string()),
            ("memory", format!("{}Mi", self.memory_mb.max(1024))),
            ("pods", "110".to_owned()),
            ("ephemeral-storage", "40Gi".to_owned()),
        ]
        .map(|(name, amount)| (name.to_owned(), Quantity(amount)))
        .into()
    }

    fn system(&self) -> NodeSystemInfo {
        NodeSystemInfo {
            architecture: "amd64".to_owned(),
            boot_id: self.boot_id.clone(),
            container_runtime_version: format!("containerd://{}", self.system.containerd),
            kernel_version: self.system.kernel.clone(),
            kube_proxy_version: String::new(),
            kubelet_version: self.kubernetes.clone(),
            machine_id: self.boot_id.replace('-', ""),
            operating_system: "linux".to_owned(),
            os_image: self.system.name.clone(),
            swap: None,
            system_uuid: self.boot_id.clone(),
        }
    }
}

/// The status of a node whose kubelet is heard of no more.
pub(super) fn lost_status(now: Timestamp) -> Value {
    let message = "Kubelet stopped posting node status.";
    value(NodeStatus {
        conditions: Some(vec![condition("Ready", "Unknown", "NodeStatusUnknown", message, now)]),
        ..NodeStatus::default()
    })
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, now: Timestamp) -> NodeCondition {
    NodeCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_heartbeat_time: Some(Time(now)),
        last_transition_time: Some(Time(now)),
    }
}
