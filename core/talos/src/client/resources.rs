//! Resources of a node, read through COSI.

use std::time::Duration;

use butler_talos_proto::cosi::resource::state_client::StateClient;
use butler_talos_proto::cosi::resource::{
    GetOptions, GetRequest, ListOptions, ListRequest, Resource, WatchOptions, WatchRequest, WatchResponse,
};
use butler_talos_proto::talos::resource::definitions::cluster::MemberSpec;
use butler_talos_proto::talos::resource::definitions::enums::{MachineType, RuntimeMachineStage};
use butler_talos_proto::talos::resource::definitions::runtime::{MachineStatusSpec, VersionSpec};
use prost::Message;
use tonic::Streaming;

use super::Address;
use super::channel::{MAX_MESSAGE, Transport, within};
use super::error::{Call, TalosError};
use super::tls::Seen;

const RUNTIME: &str = "runtime";
const MACHINE_STATUS: &str = "MachineStatuses.runtime.talos.dev";
const VERSION: &str = "Versions.runtime.talos.dev";
const MEMBERS: &str = "Members.cluster.talos.dev";
/// More than any cluster has; a list that is longer is not believed.
const MAX_ITEMS: usize = 10_000;

/// What a node is doing as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Not known yet.
    Unknown,
    /// Starting.
    Booting,
    /// Writing itself to the disk.
    Installing,
    /// Waiting for a configuration.
    Maintenance,
    /// Started.
    Running,
    /// About to restart.
    Rebooting,
    /// About to power off.
    ShuttingDown,
    /// Wiping itself.
    Resetting,
    /// Replacing its own version.
    Upgrading,
}

/// State of a node as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineStatus {
    /// What it is doing.
    pub stage: Stage,
    /// Whether all conditions are met.
    pub ready: bool,
    /// What it still waits for.
    pub unmet: Vec<UnmetCondition>,
}

/// Something a node waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmetCondition {
    /// Such as `services`.
    pub name: String,
    /// Such as `etcd not running`.
    pub reason: String,
}

/// A member of the cluster, found by discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Host name.
    pub hostname: String,
    /// Addresses, best first.
    pub addresses: Vec<std::net::IpAddr>,
    /// Whether it is a control plane.
    pub control_plane: bool,
    /// Such as `Talos (v1.12.0)`.
    pub operating_system: String,
}

/// Changes of the state of a node, the present one first.
pub struct MachineStatusStream {
    address: Address,
    seen: Seen,
    events: Streaming<WatchResponse>,
    pending: std::collections::VecDeque<MachineStatus>,
}

impl MachineStatusStream {
    /// The next state; none when the node closed the stream.
    pub async fn next(&mut self) -> Result<Option<MachineStatus>, TalosError> {
        let call = Call {
            address: &self.address,
            action: "watch the machine status",
        };
        loop {
            if let Some(status) = self.pending.pop_front() {
                return Ok(Some(status));
            }
            let Some(reply) = self
                .events
                .message()
                .await
                .map_err(|status| call.status(&status, &self.seen))?
            else {
                return Ok(None);
            };
            for resource in reply.event.into_iter().filter_map(|event| event.resource) {
                // A resource without contents is one that was deleted.
                if resource.spec.as_ref().is_some_and(|spec| !spec.proto_spec.is_empty()) {
                    self.pending
                        .push_back(MachineStatus::from(decode::<MachineStatusSpec>(call, &resource)?));
                }
            }
        }
    }
}

/// Reads resources over one connection.
#[derive(Clone)]
pub(super) struct Resources {
    client: StateClient<Transport>,
    address: Address,
    seen: Seen,
}

impl Resources {
    pub(super) fn new(transport: Transport, address: Address, seen: Seen) -> Self {
        Self {
            client: StateClient::new(transport).max_decoding_message_size(MAX_MESSAGE),
            address,
            seen,
        }
    }

    pub(super) async fn machine_status(&self, limit: Duration) -> Result<MachineStatus, TalosError> {
        let call = Call {
            address: &self.address,
            action: "read the machine status",
        };
        let request = GetRequest {
            namespace: RUNTIME.to_owned(),
            r#type: MACHINE_STATUS.to_owned(),
            id: "machine".to_owned(),
            options: Some(GetOptions {}),
        };
        let mut client = self.client.clone();
        let reply = within(limit, call, &self.seen, client.get(request)).await?;
        let resource = reply
            .resource
            .ok_or_else(|| TalosError::NotFound(call.failure("the reply holds no resource")))?;
        Ok(decode::<MachineStatusSpec>(call, &resource)?.into())
    }

    pub(super) async fn watch_machine_status(&self, limit: Duration) -> Result<MachineStatusStream, TalosError> {
        let call = Call {
            address: &self.address,
            action: "watch the machine status",
        };
        let request = WatchRequest {
            namespace: RUNTIME.to_owned(),
            r#type: MACHINE_STATUS.to_owned(),
            id: Some("machine".to_owned()),
            options: Some(WatchOptions::default()),
            api_version: 1,
        };
        let mut client = self.client.clone();
        let events = within(limit, call, &self.seen, client.watch(request)).await?;
        Ok(MachineStatusStream {
            address: self.address.clone(),
            seen: self.seen.clone(),
            events,
            pending: std::collections::VecDeque::new(),
        })
    }

    pub(super) async fn talos_version(&self, limit: Duration) -> Result<String, TalosError> {
        let call = Call {
            address: &self.address,
            action: "read the Talos version",
        };
        let versions = self.list(call, RUNTIME, VERSION, limit).await?;
        let first = versions
            .first()
            .ok_or_else(|| TalosError::NotFound(call.failure("the node does not say its version")))?;
        Ok(decode::<VersionSpec>(call, first)?.version)
    }

    pub(super) async fn members(&self, limit: Duration) -> Result<Vec<Member>, TalosError> {
        let call = Call {
            address: &self.address,
            action: "list the members of the cluster",
        };
        let members = self.list(call, "cluster", MEMBERS, limit).await?;
        members
            .iter()
            .map(|resource| decode::<MemberSpec>(call, resource).map(Member::from))
            .collect()
    }

    async fn list(
        &self,
        call: Call<'_>,
        namespace: &str,
        kind: &str,
        limit: Duration,
    ) -> Result<Vec<Resource>, TalosError> {
        let request = ListRequest {
            namespace: namespace.to_owned(),
            r#type: kind.to_owned(),
            options: Some(ListOptions::default()),
        };
        let mut client = self.client.clone();
        let collect = async {
            let mut stream = client.list(request).await?.into_inner();
            let mut items = Vec::new();
            while let Some(reply) = stream.message().await? {
                items.extend(reply.resource);
                if items.len() > MAX_ITEMS {
                    return Err(tonic::Status::resource_exhausted("the list is too long"));
                }
            }
            Ok(tonic::Response::new(items))
        };
        within(limit, call, &self.seen, collect).await
    }
}

fn decode<T: Message + Default>(call: Call<'_>, resource: &Resource) -> Result<T, TalosError> {
    let bytes = resource.spec.as_ref().map_or(&[][..], |spec| &spec.proto_spec);
    T::decode(bytes).map_err(|error| TalosError::Other {
        code: tonic::Code::DataLoss,
        failure: call.failure(format!("the resource cannot be decoded: {error}")),
    })
}

impl From<MachineStatusSpec> for MachineStatus {
    fn from(spec: MachineStatusSpec) -> Self {
        let stage = Stage::from(spec.stage());
        let status = spec.status.unwrap_or_default();
        let unmet = status.unmet_conditions.into_iter();
        Self {
            stage,
            ready: status.ready,
            unmet: unmet
                .map(|condition| UnmetCondition {
                    name: condition.name,
                    reason: condition.reason,
                })
                .collect(),
        }
    }
}

impl From<MemberSpec> for Member {
    fn from(spec: MemberSpec) -> Self {
        Self {
            control_plane: matches!(
                spec.machine_type(),
                MachineType::TypeControlPlane | MachineType::TypeInit
            ),
            addresses: spec.addresses.iter().filter_map(|address| ip(&address.ip)).collect(),
            hostname: spec.hostname,
            operating_system: spec.operating_system,
        }
    }
}

fn ip(bytes: &[u8]) -> Option<std::net::IpAddr> {
    let v4: Result<[u8; 4], _> = bytes.try_into();
    v4.map(Into::into)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(Into::into))
        .ok()
}

impl From<RuntimeMachineStage> for Stage {
    fn from(stage: RuntimeMachineStage) -> Self {
        match stage {
            RuntimeMachineStage::MachineStageUnknown => Self::Unknown,
            RuntimeMachineStage::MachineStageBooting => Self::Booting,
            RuntimeMachineStage::MachineStageInstalling => Self::Installing,
            RuntimeMachineStage::MachineStageMaintenance => Self::Maintenance,
            RuntimeMachineStage::MachineStageRunning => Self::Running,
            RuntimeMachineStage::MachineStageRebooting => Self::Rebooting,
            RuntimeMachineStage::MachineStageShuttingDown => Self::ShuttingDown,
            RuntimeMachineStage::MachineStageResetting => Self::Resetting,
            RuntimeMachineStage::MachineStageUpgrading => Self::Upgrading,
        }
    }
}

/// The words that Talos itself uses.
impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Booting => "booting",
            Self::Installing => "installing",
            Self::Maintenance => "maintenance",
            Self::Running => "running",
            Self::Rebooting => "rebooting",
            Self::ShuttingDown => "shutting down",
            Self::Resetting => "resetting",
            Self::Upgrading => "upgrading",
        })
    }
}
