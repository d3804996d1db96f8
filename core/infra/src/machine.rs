//! Machines: as they should be, as they are named, and as they are seen.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use butler_api::config::{ExtraDisk, NodeAddress, ProviderKind, Role};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{ImageRef, Owner, hardware};

/// A machine as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// The cluster that the machine is made for.
    pub owner: Owner,
    /// Its name, which becomes the host name.
    pub name: String,
    /// What the cluster uses it for.
    pub role: Role,
    /// Increased when the machine is deliberately replaced.
    pub generation: u32,
    /// The number of virtual CPUs.
    pub cpu: u32,
    /// The size of its memory in MiB.
    pub memory_mb: u32,
    /// The size of its system disk in GiB.
    pub disk_gb: u32,
    /// Disks beside the system disk.
    pub extra_disks: Vec<ExtraDisk>,
    /// Labels for the platform.
    pub labels: BTreeMap<String, String>,
    /// Which existing machine it takes; none where the platform makes machines.
    pub claim: Option<Claim>,
    /// What it is made from; none where the platform needs no image.
    pub image: Option<ImageRef>,
    /// How it gets its address.
    pub addressing: Addressing,
    /// The machine configuration that it finds at its first boot; none where it waits in maintenance mode for one.
    pub user_data: Option<UserData>,
}

/// How a machine gets its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Addressing {
    /// From the network's DHCP server.
    Dhcp,
    /// It is told at its first boot.
    Static {
        /// Its address.
        address: IpAddr,
        /// The length of the network's prefix.
        prefix_length: u8,
        /// Where other networks are reached.
        gateway: Option<IpAddr>,
        /// Servers that know names.
        nameservers: Vec<IpAddr>,
    },
}

/// A machine configuration. It holds keys, so it is compared and shown by its digest alone.
#[derive(Clone)]
pub struct UserData(SecretString);

impl UserData {
    /// Takes a machine configuration.
    pub fn new(text: SecretString) -> Self {
        Self(text)
    }

    /// The configuration.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose_secret()).into()
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserData([REDACTED])")
    }
}

impl PartialEq for UserData {
    fn eq(&self, other: &Self) -> bool {
        self.digest() == other.digest()
    }
}

impl Eq for UserData {}

/// An existing machine that a planned one takes, and what it must be for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The machine's address, as the provider's settings have it.
    pub address: NodeAddress,
    /// The Talos release that the cluster shall run; the machine has to run one of the same line.
    pub talos: Version,
    /// The links and disks that the configuration names for it.
    pub hardware: hardware::Named,
}

/// What a machine is made from, in the order in which it is hashed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Hashed<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    addressing: Option<&'a Addressing>,
    cpu: u32,
    #[serde(rename = "diskGB")]
    disk_gb: u32,
    extra_disks: &'a [ExtraDisk],
    labels: &'a BTreeMap<String, String>,
    #[serde(rename = "memoryMB")]
    memory_mb: u32,
    role: Role,
}

impl MachineSpec {
    /// SHA-256 (hex) over what the machine is made from. Owner, name and generation are not part of it, nor is a claim:
    /// it says which machine is taken, not how one is made; image and configuration change in a machine's life.
    pub fn hash(&self) -> String {
        let Self {
            owner: _,
            name: _,
            generation: _,
            claim: _,
            image: _,
            user_data: _,
            addressing,
            role,
            cpu,
            memory_mb,
            disk_gb,
            extra_disks,
            labels,
        } = self;
        let hashed = Hashed {
            addressing: Some(addressing).filter(|how| **how != Addressing::Dhcp),
            cpu: *cpu,
            disk_gb: *disk_gb,
            extra_disks,
            labels,
            memory_mb: *memory_mb,
            role: *role,
        };
        let canonical = serde_json::to_vec(&hashed).expect("numbers, text and maps with text keys are always JSON");
        format!("{:x}", Sha256::digest(canonical))
    }

    /// The promise that two requests mean the same machine: the same after a restart, another per generation.
    pub fn idempotency_key(&self, provider: ProviderKind) -> Uuid {
        let name = format!("{provider}/machine/create/{}/{}", self.name, self.generation);
        Uuid::new_v5(&self.owner.cluster_id, name.as_bytes())
    }
}

/// A machine that exists. It is written down as soon as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineRef {
    /// The platform it is on.
    pub provider: ProviderKind,
    /// Id that the platform gave the machine.
    pub id: String,
    /// Name of the machine on the platform.
    pub name: String,
    /// Which of its generations it is.
    pub generation: u32,
    /// When it was made, where the platform tells: what tells it from a later machine under a reused id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
}

/// What one look at a machine shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// Its addresses, best first.
    pub addresses: Vec<NodeAddress>,
    /// The platform's own word for its state.
    pub raw_status: String,
    /// Looking again earlier than this is of no use.
    pub poll_after: Duration,
}

impl MachineState {
    /// The address to speak to the machine on.
    pub fn address(&self) -> Option<&NodeAddress> {
        self.addresses.first()
    }
}

/// Where a machine is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// The platform does not know it.
    Absent,
    /// It is being made.
    Creating,
    /// It is switched on.
    Running,
    /// It exists and has no power.
    Off,
    /// It exists, waits in maintenance mode and has no configuration: where machines are claimed.
    Unclaimed,
    /// It exists, as somebody says, and does not answer: where machines are claimed.
    Silent,
    /// It is being deleted.
    Deleting,
    /// The platform gave up on it.
    Failed {
        /// Why, in the words of the platform.
        reason: String,
    },
}

impl Lifecycle {
    /// Whether nothing of ours is left of it: it does not exist, or has nothing of our configuration.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Absent | Self::Unclaimed)
    }
}

/// A machine that exists before any plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMachine {
    /// Its address, as the provider's settings have it.
    pub address: NodeAddress,
    /// What was seen of it: `stage`, and `talos`, `fingerprint`, `links`, `disks` in maintenance mode, `cause` of silence.
    pub facts: BTreeMap<&'static str, String>,
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
            claim: None,
            image: None,
            addressing: Addressing::Dhcp,
            user_data: None,
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

    /// A world that runs compares the hash with the one it was given before.
    #[test]
    fn the_hash_stays_what_it_was() {
        let disk = ExtraDisk {
            size_gb: 10,
            storage_class: Some("fast".into()),
        };
        let spec = MachineSpec {
            extra_disks: vec![disk],
            labels: BTreeMap::from([("b".into(), "1".into()), ("a".into(), "2".into())]),
            ..spec()
        };
        let canonical = r#"{"cpu":2,"diskGB":40,"extraDisks":[{"sizeGB":10,"storageClass":"fast"}],"labels":{"a":"2","b":"1"},"memoryMB":4096,"role":"control-plane"}"#;
        assert_eq!(spec.hash(), format!("{:x}", Sha256::digest(canonical)));
    }
}
