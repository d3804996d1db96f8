//! Resources of a node, read through COSI.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use butler_talos_proto::cosi::resource::state_client::StateClient;
use butler_talos_proto::cosi::resource::{
    Event, EventType, GetOptions, GetRequest, ListOptions, ListRequest, Resource, WatchOptions, WatchRequest,
    WatchResponse,
};
use butler_talos_proto::talos::resource::definitions::cluster::MemberSpec;
use butler_talos_proto::talos::resource::definitions::enums::{MachineType, NethelpersLinkType, RuntimeMachineStage};
use butler_talos_proto::talos::resource::definitions::network::{AddressStatusSpec, LinkStatusSpec};
use butler_talos_proto::talos::resource::definitions::runtime::{MachineStatusSpec, VersionSpec};
use butler_talos_proto::talos::resource::definitions::v1alpha1::ServiceSpec;
use prost::Message;
use secrecy::SecretString;
use tonic::Streaming;

use super::Address;
use super::channel::{MAX_MESSAGE, Transport, within};
use super::error::{Call, TalosError};
use super::hardware::{Link, clean};
use super::tls::Seen;

const RUNTIME: &str = "runtime";
const MACHINE_STATUS: &str = "MachineStatuses.runtime.talos.dev";
const VERSION: &str = "Versions.runtime.talos.dev";
const SERVICES: &str = "Services.v1alpha1.talos.dev";
const NETWORK: &str = "network";
const LINKS: &str = "LinkStatuses.net.talos.dev";
const ADDRESSES: &str = "AddressStatuses.net.talos.dev";
const MEMBERS: &str = "Members.cluster.talos.dev";
const MACHINE_CONFIG: &str = "MachineConfigs.config.talos.dev";
/// More than any cluster has; a list that is longer is not believed.
const MAX_ITEMS: usize = 10_000;

/// What a node is doing as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No stage was published yet.
    Unknown,
    /// The machine starts its services.
    Booting,
    /// Writing itself to the disk.
    Installing,
    /// Waiting for a configuration.
    Maintenance,
    /// Start-up is over: every service was started.
    Running,
    /// The machine is about to restart.
    Rebooting,
    /// About to power off.
    ShuttingDown,
    /// The machine wipes its disks.
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
    /// Name of the condition, such as `services`.
    pub name: String,
    /// Such as `etcd not running`.
    pub reason: String,
}

/// A member of the cluster, found by discovery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Host name of the member's node.
    pub hostname: String,
    /// Addresses of the member, the best one first.
    pub addresses: Vec<std::net::IpAddr>,
    /// Whether it is a control plane.
    pub control_plane: bool,
    /// Such as `Talos (v1.12.0)`.
    pub operating_system: String,
}

/// State of one service, as far as a watch tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// The node does not have it, or not yet.
    Absent,
    /// It does not run.
    Stopped,
    /// It runs, and its health is not known yet.
    Starting,
    /// It runs and fails its health check.
    Unhealthy,
    /// It runs and is healthy.
    Healthy,
}

/// Changes of one resource, its present state first.
pub struct Watch<T> {
    call: &'static str,
    address: Address,
    seen: Seen,
    events: Streaming<WatchResponse>,
    pending: VecDeque<Event>,
    read: fn(Call<'_>, Option<&Resource>) -> Result<T, TalosError>,
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl<T> Watch<T> {
    /// The next state; none when the node closed the stream.
    pub async fn next(&mut self) -> Result<Option<T>, TalosError> {
        let call = Call {
            address: &self.address,
            action: self.call,
        };
        loop {
            if let Some(event) = self.pending.pop_front() {
                match event.event_type() {
                    EventType::Created | EventType::Updated => {
                        // Without the resource it would read as one that is gone.
                        let resource = event.resource.as_ref().ok_or_else(|| lacking(call, "resource"))?;
                        return (self.read)(call, Some(resource)).map(Some);
                    }
                    EventType::Destroyed => return (self.read)(call, None).map(Some),
                    EventType::Errored => {
                        let cause = event.error.as_deref().unwrap_or("the node does not say why");
                        let failure = call.failure(cause);
                        return Err(TalosError::Other {
                            code: tonic::Code::Unknown,
                            failure,
                        });
                    }
                    EventType::Bootstrapped | EventType::Noop => continue,
                }
            }
            match self
                .events
                .message()
                .await
                .map_err(|status| call.status(&status, &self.seen))?
            {
                // The first one of a stream is empty.
                Some(reply) => self.pending.extend(reply.event),
                None => return Ok(None),
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
        let resource = self.get(call, [RUNTIME, MACHINE_STATUS, "machine"], limit).await?;
        Ok(decode::<MachineStatusSpec>(call, &resource)?.into())
    }

    pub(super) async fn machine_config(&self, limit: Duration) -> Result<SecretString, TalosError> {
        #[derive(Clone, PartialEq, Message)]
        struct MachineConfigSpec {
            #[prost(bytes = "vec", tag = "1")]
            yaml_marshalled: Vec<u8>,
        }
        let call = Call {
            address: &self.address,
            action: "read the machine configuration",
        };
        let resource = self.get(call, ["config", MACHINE_CONFIG, "v1alpha1"], limit).await?;
        let spec: MachineConfigSpec = decode(call, &resource)?;
        String::from_utf8(spec.yaml_marshalled)
            .map(SecretString::from)
            .map_err(|_| TalosError::Other {
                code: tonic::Code::DataLoss,
                failure: call.failure("the machine configuration is no text"),
            })
    }

    async fn get(
        &self,
        call: Call<'_>,
        [namespace, kind, id]: [&str; 3],
        limit: Duration,
    ) -> Result<Resource, TalosError> {
        let request = GetRequest {
            namespace: namespace.to_owned(),
            r#type: kind.to_owned(),
            id: id.to_owned(),
            options: Some(GetOptions {}),
        };
        let mut client = self.client.clone();
        let reply = within(limit, call, &self.seen, client.get(request)).await?;
        reply
            .resource
            .ok_or_else(|| TalosError::NotFound(call.failure("the reply holds no resource")))
    }

    pub(super) async fn watch_machine_status(&self, limit: Duration) -> Result<Watch<MachineStatus>, TalosError> {
        self.watch(
            "watch the machine status",
            MACHINE_STATUS,
            "machine",
            limit,
            |call, resource| {
                // A status that was taken away tells of no stage and of nothing that is ready.
                resource.map_or_else(
                    || Ok(MachineStatusSpec::default().into()),
                    |resource| Ok(decode::<MachineStatusSpec>(call, resource)?.into()),
                )
            },
        )
        .await
    }

    pub(super) async fn watch_service(&self, id: &str, limit: Duration) -> Result<Watch<ServiceState>, TalosError> {
        self.watch("watch a service", SERVICES, id, limit, |call, resource| {
            let spec: Option<ServiceSpec> = resource.map(|resource| decode(call, resource)).transpose()?;
            Ok(spec.map_or(ServiceState::Absent, ServiceState::from))
        })
        .await
    }

    async fn watch<T>(
        &self,
        action: &'static str,
        kind: &str,
        id: &str,
        limit: Duration,
        read: fn(Call<'_>, Option<&Resource>) -> Result<T, TalosError>,
    ) -> Result<Watch<T>, TalosError> {
        let request = WatchRequest {
            namespace: RUNTIME.to_owned(),
            r#type: kind.to_owned(),
            id: Some(id.to_owned()),
            // Nodes crash on a request without.
            options: Some(WatchOptions::default()),
            api_version: 1,
        };
        let mut client = self.client.clone();
        let call = Call {
            address: &self.address,
            action,
        };
        let events = within(limit, call, &self.seen, client.watch(request)).await?;
        let (address, seen) = (self.address.clone(), self.seen.clone());
        Ok(Watch {
            call: action,
            address,
            seen,
            events,
            pending: VecDeque::new(),
            read,
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

    /// The links with their addresses.
    pub(super) async fn links(&self, limit: Duration) -> Result<Vec<Link>, TalosError> {
        let call = Call {
            address: &self.address,
            action: "list the links",
        };
        let (links, addresses) = futures::try_join!(
            self.list(call, NETWORK, LINKS, limit),
            self.list(call, NETWORK, ADDRESSES, limit)
        )?;
        let mut found = Vec::new();
        for resource in &links {
            let name = resource.metadata.as_ref().map_or("", |metadata| metadata.id.as_str());
            found.push(link(clean(name), &decode::<LinkStatusSpec>(call, resource)?));
        }
        for resource in &addresses {
            let spec: AddressStatusSpec = decode(call, resource)?;
            let address = spec.address.as_ref().and_then(|address| ip(&address.ip));
            let holder = found.iter_mut().find(|link| link.name == spec.link_name);
            if let (Some(holder), Some(address)) = (holder, address) {
                holder.addresses.push(address);
            }
        }
        Ok(found)
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
    let spec = resource.spec.as_ref().ok_or_else(|| lacking(call, "spec"))?;
    T::decode(spec.proto_spec.as_slice()).map_err(|error| TalosError::Other {
        code: tonic::Code::DataLoss,
        failure: call.failure(format!("the resource cannot be decoded: {error}")),
    })
}

fn lacking(call: Call<'_>, part: &str) -> TalosError {
    TalosError::Other {
        code: tonic::Code::DataLoss,
        failure: call.failure(format!("the node sent a resource without its {part}")),
    }
}

impl From<MachineStatusSpec> for MachineStatus {
    fn from(spec: MachineStatusSpec) -> Self {
        let stage = Stage::from(spec.stage());
        let ready = spec.status.as_ref().is_some_and(|status| status.ready);
        let unmet = spec.status.into_iter().flat_map(|status| status.unmet_conditions);
        Self {
            stage,
            ready,
            unmet: unmet
                .map(|condition| UnmetCondition {
                    name: condition.name,
                    reason: condition.reason,
                })
                .collect(),
        }
    }
}

impl From<ServiceSpec> for ServiceState {
    fn from(spec: ServiceSpec) -> Self {
        match (spec.running, spec.unknown, spec.healthy) {
            (false, ..) => Self::Stopped,
            (true, true, _) => Self::Starting,
            (true, false, false) => Self::Unhealthy,
            (true, false, true) => Self::Healthy,
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

fn link(name: String, spec: &LinkStatusSpec) -> Link {
    Link {
        name,
        ethernet: spec.r#type() == NethelpersLinkType::LinkEther,
        up: spec.link_state,
        hardware_address: spec.hardware_addr.as_slice().try_into().ok(),
        addresses: Vec::new(),
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
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_a_real_node_in_maintenance_are_understood() {
        let spec = MachineStatusSpec::decode(&[0x08, 0x03, 0x12, 0x02, 0x08, 0x01][..]).unwrap();
        let expected = MachineStatus {
            stage: Stage::Maintenance,
            ready: true,
            unmet: Vec::new(),
        };
        assert_eq!(MachineStatus::from(spec), expected);
    }

    #[test]
    fn a_stage_that_we_do_not_know_is_unknown() {
        let spec = MachineStatusSpec {
            stage: 99,
            status: None,
        };
        assert_eq!(MachineStatus::from(spec).stage, Stage::Unknown);
    }

    #[test]
    fn addresses_of_both_families_are_read_and_others_left_out() {
        assert_eq!(ip(&[10, 5, 0, 2]), Some("10.5.0.2".parse().unwrap()));
        assert_eq!(
            ip(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            Some("fd00::1".parse().unwrap())
        );
        assert_eq!(ip(&[1, 2, 3]), None);
    }
}
