//! The data that passes between the engine and a provider.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use butler_api::config::{ExtraDisk, ProviderKind, Role};
use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Who a thing on the platform belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The cluster's UUID, made once; this is what counts.
    pub cluster_id: Uuid,
    /// Its name, for people.
    pub cluster_name: String,
}

/// What a provider is and can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The word in the configuration.
    pub kind: ProviderKind,
    /// The name for people.
    pub display: &'static str,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What [`discover`](crate::Provider::discover) can list.
    pub discovers: &'static [DiscoverKind],
}

/// What a provider can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The Talos platform that an image is made for, where images are made.
    pub talos_platform: Option<&'static str>,
    /// Whether machines are made and deleted, or only claimed.
    pub creates_machines: bool,
    /// How much machine configuration fits into the platform's own channel; none means push in maintenance mode.
    pub user_data: Option<UserData>,
    /// Who carries the control-plane endpoint.
    pub endpoint: EndpointKind,
    /// How many machines may be in creation at the same time.
    pub max_parallel_creates: usize,
}

/// Limits of a platform's configuration channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserData {
    /// Largest payload.
    pub max_bytes: usize,
    /// Whether the payload may be gzipped.
    pub gzip: bool,
}

/// Who carries the control-plane endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKind {
    /// The nodes themselves, by a virtual address.
    Vip,
    /// A load balancer of the platform.
    CloudLb,
    /// This machine's loopback interface.
    Loopback,
}

/// Everything that preflight has to know.
#[derive(Debug, Clone)]
pub struct InfraPlan {
    /// Whose machines they will be.
    pub owner: Owner,
    /// The machines, control planes first.
    pub machines: Vec<MachineSpec>,
    /// The Talos release that the nodes shall run.
    pub talos_version: Version,
}

/// A machine as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Whose it is.
    pub owner: Owner,
    /// Its name, which becomes the host name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Increased when the machine is deliberately replaced.
    pub generation: u32,
    /// Virtual CPUs.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory_mb: u32,
    /// System disk in GiB.
    pub disk_gb: u32,
    /// Further disks.
    pub extra_disks: Vec<ExtraDisk>,
    /// Labels for the platform.
    pub labels: BTreeMap<String, String>,
}

impl MachineSpec {
    /// SHA-256 (hex) over what the machine is made from. Owner, name and generation are not part of it.
    pub fn hash(&self) -> String {
        let Self {
            owner: _,
            name: _,
            generation: _,
            role,
            cpu,
            memory_mb,
            disk_gb,
            extra_disks,
            labels,
        } = self;
        let canonical = serde_json::json!({
            "role": role,
            "cpu": cpu,
            "memoryMB": memory_mb,
            "diskGB": disk_gb,
            "extraDisks": extra_disks,
            "labels": labels,
        });
        hex(&Sha256::digest(canonical.to_string()))
    }

    /// The promise that two requests mean the same machine: the same after a restart, another per generation.
    pub fn idempotency_key(&self, provider: ProviderKind) -> Uuid {
        let name = format!("{provider}/machine/create/{}/{}", self.name, self.generation);
        Uuid::new_v5(&self.owner.cluster_id, name.as_bytes())
    }
}

/// A machine that exists. Journalled as soon as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineRef {
    /// The platform.
    pub provider: ProviderKind,
    /// The platform's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Which of its generations it is.
    pub generation: u32,
}

/// One look at a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Its addresses, best first.
    pub addresses: Vec<Addr>,
    /// `spec.providerID` of the Kubernetes node.
    pub provider_id: Option<String>,
    /// SHA-256 (standard base64) over the maintenance certificate's public key, where the platform or the node tells.
    pub fingerprint: Option<String>,
    /// When it booted last.
    pub boot_time: Option<Timestamp>,
    /// The platform's own word for its state.
    pub raw_status: String,
    /// Looking again earlier than this is of no use.
    pub poll_after: Duration,
}

impl MachineState {
    /// The address to speak to the machine on.
    pub fn address(&self) -> Option<&Addr> {
        self.addresses.first()
    }
}

/// Where a machine is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// The platform does not know it.
    Absent,
    /// Being made.
    Creating,
    /// On.
    Running,
    /// Off.
    Stopped,
    /// Only claimed, not made by us, and not answering.
    Silent,
    /// Being deleted.
    Deleting,
    /// The platform gave up on it.
    Failed {
        /// The platform's words.
        reason: String,
    },
}

/// An address of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addr {
    /// The IP address.
    pub ip: IpAddr,
    /// The port of the Talos API, where it is not the usual one.
    pub talos_port: Option<u16>,
    /// Inside or outside.
    pub kind: AddrKind,
    /// How we know.
    pub source: AddrSource,
    /// The hardware address behind it.
    pub mac: Option<String>,
}

impl Addr {
    /// Reads `IP` or `IP:PORT`.
    pub fn parse(text: &str, source: AddrSource) -> Option<Self> {
        let (ip, talos_port) = match text.parse::<IpAddr>() {
            Ok(ip) => (ip, None),
            Err(_) => text
                .parse::<std::net::SocketAddr>()
                .map(|socket| (socket.ip(), Some(socket.port())))
                .ok()?,
        };
        Some(Self {
            ip,
            talos_port,
            kind: AddrKind::Internal,
            source,
            mac: None,
        })
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.talos_port {
            Some(port) => write!(f, "{}", std::net::SocketAddr::new(self.ip, port)),
            None => write!(f, "{}", self.ip),
        }
    }
}

/// Which side of the platform an address is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddrKind {
    /// The machines' own network.
    Internal,
    /// Reachable from outside of it.
    External,
}

/// How we know an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddrSource {
    /// We chose it.
    Assigned,
    /// The platform says so.
    Reported,
    /// We found it.
    Learned,
}

/// The outcome of one step: done, or to be asked again.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<T> {
    /// Nothing is left to do.
    Done(T),
    /// The platform is at it.
    Pending {
        /// What to hand in next time, also from another process.
        handle: OpHandle,
        /// How far it is.
        progress: Option<Progress>,
        /// When to ask again.
        poll_after: Duration,
        /// What it waits for, for people.
        note: String,
        /// What a person can do about it.
        hint: Option<String>,
    },
}

/// An operation under way on the platform; persisted, so that a restart continues it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpHandle {
    /// What is being done.
    pub kind: OpKind,
    /// The platform.
    pub provider: ProviderKind,
    /// The platform's id of the operation or of its object.
    pub id: String,
    /// When it was started.
    pub started: Timestamp,
}

/// Kinds of operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpKind {
    /// An image is imported.
    ImageImport,
    /// An image is deleted.
    ImageDelete,
    /// A machine is made or claimed.
    MachineCreate,
    /// A machine is deleted.
    MachineDelete,
    /// An endpoint is made.
    EndpointCreate,
    /// An endpoint is deleted.
    EndpointDelete,
}

/// How far a long operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Done so far, in the unit of `total`.
    pub done: u64,
    /// The whole.
    pub total: u64,
}

/// One finding of preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable name, for example `inmemory/world`.
    pub id: &'static str,
    /// The verdict.
    pub status: CheckStatus,
    /// What was found.
    pub summary: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Could not be checked.
    Skipped,
    /// Works, but somebody should know.
    Warn,
    /// Would fail.
    Fail,
}

/// Something on the platform that carries our marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedObject {
    /// What it is.
    pub kind: ObjectKind,
    /// The platform's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its generation.
    pub generation: u32,
    /// The platform's own word for its state.
    pub raw_status: String,
    /// When it was made, where the platform tells.
    pub created: Option<Timestamp>,
}

/// Kinds of object that a provider makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// A machine.
    Machine,
    /// An image.
    Image,
    /// A control-plane endpoint.
    Endpoint,
}

/// An image as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSpec {
    /// Whose it is.
    pub owner: Owner,
    /// Talos release.
    pub talos_version: Version,
    /// Image Factory schematic.
    pub schematic: String,
    /// Processor architecture, as in image names.
    pub arch: String,
}

/// An image that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRef {
    /// The platform's id.
    pub id: String,
}

/// A control-plane endpoint as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Whose it is.
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// The address, where the user gives one.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
}

/// A control-plane endpoint that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The platform's id.
    pub id: String,
    /// IP address or name.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverQuery {
    /// Kind of thing.
    pub kind: DiscoverKind,
    /// Only below this one.
    pub parent: Option<String>,
}

/// Kinds of thing that a platform can list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoverKind {
    /// A host of the platform.
    Node,
    /// A namespace.
    Namespace,
    /// A network.
    Network,
    /// Storage for disks.
    Storage,
    /// An image.
    Image,
    /// A machine that can be used.
    Machine,
}

/// One thing found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverItem {
    /// What it is.
    pub kind: DiscoverKind,
    /// The platform's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub parent: Option<String>,
    /// Further facts for people.
    pub detail: BTreeMap<&'static str, String>,
    /// Whether it fits.
    pub usable: Usable,
}

/// Whether a discovered thing fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usable {
    /// It does.
    Yes,
    /// It does not, and why.
    No(String),
}

/// One limit of the account against what the plan needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaLine {
    /// The limit.
    pub name: String,
    /// The whole.
    pub limit: u64,
    /// In use.
    pub used: u64,
    /// What the plan adds.
    pub needed: u64,
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> MachineSpec {
        MachineSpec {
            owner: Owner {
                cluster_id: Uuid::from_u128(7),
                cluster_name: "demo".into(),
            },
            name: "demo-cp-0".into(),
            role: Role::ControlPlane,
            generation: 1,
            cpu: 2,
            memory_mb: 4096,
            disk_gb: 40,
            extra_disks: vec![],
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn the_idempotency_key_survives_a_restart_and_changes_with_the_generation() {
        let key = spec().idempotency_key(ProviderKind::InMemory);
        assert_eq!(key, spec().idempotency_key(ProviderKind::InMemory));
        let next = MachineSpec {
            generation: 2,
            ..spec()
        };
        assert_ne!(key, next.idempotency_key(ProviderKind::InMemory));
        let other = Owner {
            cluster_id: Uuid::from_u128(8),
            cluster_name: "demo".into(),
        };
        assert_ne!(
            key,
            MachineSpec { owner: other, ..spec() }.idempotency_key(ProviderKind::InMemory)
        );
    }

    #[test]
    fn the_hash_sees_settings_and_nothing_else() {
        assert_eq!(
            spec().hash(),
            MachineSpec {
                generation: 9,
                name: "x".into(),
                ..spec()
            }
            .hash()
        );
        assert_ne!(spec().hash(), MachineSpec { cpu: 3, ..spec() }.hash());
        let disk = ExtraDisk {
            size_gb: 10,
            storage_class: None,
        };
        assert_ne!(
            spec().hash(),
            MachineSpec {
                extra_disks: vec![disk],
                ..spec()
            }
            .hash()
        );
    }

    #[test]
    fn addresses_are_read_with_and_without_port() {
        let plain = Addr::parse("127.64.0.7", AddrSource::Reported).unwrap();
        assert_eq!((plain.to_string(), plain.talos_port), ("127.64.0.7".into(), None));
        let port = Addr::parse("127.0.0.1:41000", AddrSource::Reported).unwrap();
        assert_eq!(
            (port.to_string(), port.talos_port),
            ("127.0.0.1:41000".into(), Some(41000))
        );
        assert_eq!(Addr::parse("", AddrSource::Reported), None);
        assert_eq!(Addr::parse("nowhere", AddrSource::Reported), None);
    }
}
