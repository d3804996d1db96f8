//! A Proxmox VE cluster as plain data: virtual machines, volumes and tasks.
//!
//! The transitions are the state's, because machines, time and the critical path are: see `state/proxmox`.

pub mod drive;
pub mod hardware;
pub mod image;
pub mod iso;
pub mod refusal;
pub mod settings;

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::Ipv4Net;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Serialize;

use self::drive::Drive;
use self::image::Image;
use super::machine::MachineOwner;
use super::node_config::NodeConfig;
use butler_api::labels;

/// The cluster at run time.
#[derive(Debug, Default)]
pub struct Proxmox {
    /// The virtual machines by VMID.
    pub vms: BTreeMap<u32, Vm>,
    /// The volumes.
    pub volumes: BTreeMap<VolumeKey, Volume>,
    /// The tasks, by UPID.
    pub tasks: BTreeMap<String, Task>,
    /// The tasks in the order of their start.
    pub order: VecDeque<String>,
    /// Tickets that were given out.
    pub tickets: Vec<Ticket>,
    /// The address of every node on the bridges.
    pub addresses: BTreeMap<String, Ipv4Addr>,
    /// The network of the bridges.
    pub network: Option<Ipv4Net>,
    /// How many tasks there were.
    pub serial: u32,
    /// How often a virtual machine became a machine of the world.
    pub orders: u64,
}

/// Where a volume is: the node, or nothing where all nodes share it, and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VolumeKey {
    /// The node that has it; none: all of them.
    pub node: Option<String>,
    /// `STORAGE:NAME`.
    pub volid: String,
}

/// A volume of a storage.
#[derive(Debug, Clone)]
pub struct Volume {
    /// `images`, `iso`, `import` or `vztmpl`.
    pub content: String,
    /// `raw`, `qcow2` or `iso`.
    pub format: String,
    /// In bytes, as the storage counts it.
    pub size: u64,
    /// When it was made.
    pub ctime: Timestamp,
    /// The machine whose disk it is.
    pub vmid: Option<u32>,
    /// What a machine finds when it boots from it.
    pub image: Option<Image>,
    /// Its bytes, where a machine reads them.
    pub data: Option<Arc<[u8]>>,
    /// The critical time of its being there.
    pub critical: Duration,
}

/// A virtual machine.
#[derive(Debug, Clone)]
pub struct Vm {
    /// The node that it is on.
    pub node: String,
    /// Its configuration, as it is written.
    pub config: BTreeMap<String, String>,
    /// Somebody works on it.
    pub lock: Option<String>,
    /// It runs.
    pub running: bool,
    /// The pool that it is in.
    pub pool: Option<String>,
    /// The machine of the world that it became when it was started first.
    pub machine: Option<String>,
    /// The configuration that it found at its first boot.
    pub first_config: Option<Arc<NodeConfig>>,
    /// The critical time of its being made.
    pub critical: Duration,
    /// When it was started last.
    pub since: Option<Timestamp>,
}

/// A task.
#[derive(Debug, Clone)]
pub struct Task {
    /// The node on which it runs.
    pub node: String,
    /// Its kind, such as `qmcreate`.
    pub kind: String,
    /// What it works on.
    pub id: String,
    /// Who started it.
    pub user: String,
    /// The process that it would be.
    pub pid: u32,
    /// When that process started, in ticks.
    pub pstart: u32,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How it ended: `OK` or its error.
    pub exit: Option<String>,
    /// What it printed.
    pub log: Vec<String>,
    /// What it does when its time is over.
    pub work: Work,
}

/// What a task does when its time is over.
#[derive(Debug, Clone)]
pub enum Work {
    /// Nothing more: somebody else ends it, or it never ends.
    Nothing,
    /// The machine gets its configuration and its disks.
    Create(u32, BTreeMap<String, String>),
    /// The machine is gone.
    Destroy(u32),
    /// It fails, as a fault says; a machine that it was making is gone then.
    Fail(Option<u32>, String),
    /// A volume is there.
    Store(VolumeKey, Box<Volume>),
}

/// A ticket of somebody who logged in with a password.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// What the cookie holds.
    pub ticket: SecretString,
    /// What the header of a change holds.
    pub csrf: SecretString,
    /// Who it is.
    pub user: String,
    /// It is good until then.
    pub until: Timestamp,
}

/// What a virtual machine is as a machine of the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// The VMID.
    pub vmid: u32,
    /// The critical time of its being made.
    pub critical: Duration,
    /// Hardware addresses of its network devices.
    pub macs: Vec<Vec<u8>>,
    /// It has something to boot from, and a network on which somebody answers.
    pub boots: bool,
    /// Why not, in the words of its console.
    pub trouble: Option<String>,
    /// The address that it takes, where it was told one.
    pub address: Option<Ipv4Addr>,
}

/// What a machine finds at its first boot, read from the volume with the label `cidata`.
#[derive(Debug, Clone, Default)]
pub struct FirstBoot {
    /// The address that it is told to take.
    pub address: Option<Ipv4Addr>,
    /// Its configuration.
    pub config: Option<Arc<NodeConfig>>,
    /// Why it cannot use what it finds.
    pub trouble: Option<String>,
}

/// How `inmemory status` shows a platform. Secrets are in files that only their owner reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformView {
    /// The word in a configuration: `proxmox`.
    pub provider: String,
    /// URL of its API.
    pub endpoint: String,
    /// SHA-256 over its certificate, in pairs of hexadecimal digits.
    pub fingerprint: String,
    /// The authority of that certificate.
    pub ca_file: std::path::PathBuf,
    /// Who may log in with the password.
    pub user: String,
    /// File with that password.
    pub password_file: std::path::PathBuf,
    /// Id of the API token.
    pub token: String,
    /// File with the secret of the token.
    pub token_file: std::path::PathBuf,
    /// Names of its nodes.
    pub nodes: Vec<String>,
    /// The network that machines get addresses from.
    pub network: String,
    /// URL of the image factory.
    pub image_factory: String,
}

impl Vm {
    /// Its name; one that is being made has none of its own.
    pub fn name(&self, vmid: u32) -> String {
        self.config
            .get("name")
            .map_or_else(|| format!("VM {vmid}"), Clone::clone)
    }

    /// It is a template.
    pub fn is_template(&self) -> bool {
        self.config.get("template").is_some_and(|value| value == "1")
    }

    /// How much memory it has, in MiB.
    pub fn memory(&self) -> u64 {
        let text = self.config.get("memory").map_or("512", String::as_str);
        let number = text.rsplit('=').next().unwrap_or(text);
        number.parse().unwrap_or(512)
    }

    /// How many processors it has.
    pub fn cpus(&self) -> u32 {
        let number = |key: &str| {
            self.config
                .get(key)
                .and_then(|value| value.parse::<u32>().ok())
                .unwrap_or(1)
        };
        number("cores") * number("sockets")
    }

    /// Its drives, by key.
    pub fn drives(&self) -> impl Iterator<Item = (&str, Drive)> {
        let drives = self.config.iter().filter(|(key, _)| drive::is_drive(key));
        drives.filter_map(|(key, text)| Some((key.as_str(), Drive::parse(text)?)))
    }

    /// The line of the description with this key.
    pub fn marker(&self, key: &str) -> Option<&str> {
        let lines = self.config.get("description")?.lines();
        lines
            .filter_map(|line| line.split_once(": "))
            .find_map(|(name, value)| (name == key).then_some(value.trim()))
    }

    /// Who it belongs to as a machine of the world: whoever its description names, else nobody but itself.
    pub fn owner(&self, vmid: u32) -> MachineOwner {
        let own = || format!("proxmox/{vmid}");
        MachineOwner {
            cluster_id: self.marker(labels::CLUSTER_ID).map_or_else(own, str::to_owned),
            cluster_name: self.marker(labels::CLUSTER).map_or_else(own, str::to_owned),
        }
    }
}

impl VolumeKey {
    /// A volume that is on one node, or on all where the storage is shared.
    pub fn new(node: &str, shared: bool, volid: impl Into<String>) -> Self {
        Self {
            node: (!shared).then(|| node.to_owned()),
            volid: volid.into(),
        }
    }

    /// The name of the storage.
    pub fn storage(&self) -> &str {
        self.volid.split(':').next().unwrap_or("")
    }
}

impl Proxmox {
    /// A volume as a node sees it.
    pub fn volume(&self, node: &str, volid: &str) -> Option<(&VolumeKey, &Volume)> {
        self.volumes
            .iter()
            .find(|(key, _)| key.volid == volid && key.node.as_deref().is_none_or(|other| other == node))
    }

    /// How much of a storage is in use by volumes, as a node sees it.
    pub fn stored(&self, node: &str, storage: &str) -> u64 {
        let seen = self
            .volumes
            .iter()
            .filter(|(key, _)| key.storage() == storage && key.node.as_deref().is_none_or(|other| other == node));
        seen.map(|(_, volume)| volume.size).sum()
    }

    /// How much memory the running machines of a node use, in MiB.
    pub fn memory_used(&self, node: &str) -> u64 {
        let running = self.vms.values().filter(|vm| vm.running && vm.node == node);
        running.map(Vm::memory).sum()
    }

    /// The smallest VMID that is free.
    pub fn next_id(&self) -> u32 {
        (100..=u32::MAX)
            .find(|id| !self.vms.contains_key(id))
            .unwrap_or(u32::MAX)
    }
}
