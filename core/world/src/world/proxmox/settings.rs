//! What a world file says of Proxmox VE: its nodes, storages and networks, and what is wrong with them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The platforms that the world plays, each in its own wire protocol.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Platforms {
    /// Proxmox VE, if it is played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxmox: Option<ProxmoxSettings>,
}

impl Platforms {
    /// What cannot be changed once the world runs.
    pub(in crate::world) fn fixed(&self) -> Option<(&str, &str, Vec<&str>)> {
        let settings = self.proxmox.as_ref()?;
        let nodes = settings.nodes.keys().map(String::as_str).collect();
        Some((&settings.user, &settings.token, nodes))
    }
}

/// A Proxmox VE cluster. Everything but `user`, `token` and the names of nodes can be changed while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ProxmoxSettings {
    /// The release that it says it is.
    pub version: String,
    /// Who may log in with a password, with realm.
    pub user: String,
    /// Name of that user's API token.
    pub token: String,
    /// Its nodes, by name.
    pub nodes: BTreeMap<String, NodeSettings>,
    /// Its storages, by name.
    pub storages: BTreeMap<String, StorageSettings>,
    /// Bridges that every node has, by name.
    pub bridges: BTreeMap<String, BridgeSettings>,
    /// Virtual networks (SDN), by name.
    pub vnets: BTreeMap<String, VnetSettings>,
    /// Its resource pools.
    pub pools: Vec<String>,
    /// The cluster has quorum; without, nothing can be changed.
    pub quorate: bool,
    /// The images hold the guest agent, so that a machine that has booted tells its addresses.
    pub agent: bool,
    /// Privileges that the user lacks.
    pub denied: Vec<Denied>,
    /// Virtual machines of somebody else, by VMID.
    pub guests: BTreeMap<u32, Guest>,
    /// Locks that somebody holds, by VMID: `backup`, `migrate` and so on.
    pub locks: BTreeMap<u32, String>,
}

/// A node of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NodeSettings {
    /// Its memory in GiB.
    #[serde(rename = "memoryGB")]
    pub memory_gb: u64,
    /// What is in use of that before any machine runs, in GiB.
    #[serde(rename = "usedMemoryGB")]
    pub used_memory_gb: u64,
    /// How many processors it has.
    pub cpus: u32,
    /// The others reach it.
    pub online: bool,
}

/// A storage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StorageSettings {
    /// The plugin: `dir`, `nfs`, `zfspool`, `lvmthin` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it may hold.
    pub content: Vec<String>,
    /// Its size in GiB, on every node that has one of its own.
    #[serde(rename = "sizeGB")]
    pub size_gb: u64,
    /// What is in use of that before anything is stored, in GiB.
    #[serde(rename = "usedGB")]
    pub used_gb: u64,
    /// All nodes see the same.
    pub shared: bool,
    /// It is switched on.
    pub enabled: bool,
    /// It can be reached.
    pub active: bool,
    /// The nodes that have it; all where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct BridgeSettings {
    /// It keeps VLAN tags apart.
    pub vlan_aware: bool,
    /// Machines on it are in the world's network; on another one nobody gives them an address.
    pub connected: bool,
    /// The nodes that have it; all where none is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
}

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct VnetSettings {
    /// Its zone.
    pub zone: String,
    /// The zone serves DHCP, so that the platform knows the addresses of machines.
    pub dhcp: bool,
}

/// A privilege that the user lacks on a path, and on everything below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Denied {
    /// The path, such as `/vms` or `/storage/local`.
    pub path: String,
    /// The privilege, such as `VM.Allocate`.
    pub privilege: String,
}

/// A virtual machine that is there before anybody asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Guest {
    /// The node that it is on; the first one where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// It is a template.
    pub template: bool,
    /// It runs.
    pub running: bool,
    /// Its configuration, as the API shows it.
    pub config: BTreeMap<String, String>,
}

impl Default for ProxmoxSettings {
    fn default() -> Self {
        let node = |name: &str| (name.to_owned(), NodeSettings::default());
        let storage = |kind: &str, content: &[&str], shared| StorageSettings {
            kind: kind.to_owned(),
            content: content.iter().map(|&word| word.to_owned()).collect(),
            shared,
            ..StorageSettings::default()
        };
        let unconnected = BridgeSettings {
            connected: false,
            ..BridgeSettings::default()
        };
        Self {
            version: "9.0.10".to_owned(),
            user: "butler@pve".to_owned(),
            token: "bootstrap".to_owned(),
            nodes: ["pve1", "pve2", "pve3"].map(node).into(),
            storages: [
                ("local", storage("dir", &["iso", "import", "vztmpl"], false)),
                ("local-zfs", storage("zfspool", &["images", "rootdir"], false)),
                ("shared", storage("nfs", &["images", "iso", "import"], true)),
            ]
            .map(|(name, storage)| (name.to_owned(), storage))
            .into(),
            bridges: [
                ("vmbr0".to_owned(), BridgeSettings::default()),
                ("vmbr1".to_owned(), unconnected),
            ]
            .into(),
            vnets: BTreeMap::new(),
            pools: Vec::new(),
            quorate: true,
            agent: true,
            denied: Vec::new(),
            guests: BTreeMap::new(),
            locks: BTreeMap::new(),
        }
    }
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            memory_gb: 64,
            used_memory_gb: 4,
            cpus: 16,
            online: true,
        }
    }
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self {
            kind: "dir".to_owned(),
            content: Vec::new(),
            size_gb: 1024,
            used_gb: 16,
            shared: false,
            enabled: true,
            active: true,
            nodes: Vec::new(),
        }
    }
}

impl Default for BridgeSettings {
    fn default() -> Self {
        Self {
            vlan_aware: true,
            connected: true,
            nodes: Vec::new(),
        }
    }
}

impl Default for VnetSettings {
    fn default() -> Self {
        Self {
            zone: "localnetwork".to_owned(),
            dhcp: true,
        }
    }
}

impl ProxmoxSettings {
    /// What is wrong with these settings, in words for people.
    pub fn problem(&self) -> Option<String> {
        if self.nodes.is_empty() {
            return Some("platforms.proxmox.nodes: a cluster has one node at least".to_owned());
        }
        if release(&self.version).is_none() {
            return Some(format!(
                "platforms.proxmox.version {:?} is not of the form 9.0.10",
                self.version
            ));
        }
        if !self.user.contains('@') {
            return Some(format!(
                "platforms.proxmox.user {:?} names no realm: write it like butler@pve",
                self.user
            ));
        }
        let unknown = |nodes: &[String]| nodes.iter().find(|node| !self.nodes.contains_key(*node)).cloned();
        let storages = self
            .storages
            .iter()
            .map(|(name, s)| (format!("storages.{name}"), &s.nodes));
        let bridges = self
            .bridges
            .iter()
            .map(|(name, b)| (format!("bridges.{name}"), &b.nodes));
        storages.chain(bridges).find_map(|(place, nodes)| {
            let node = unknown(nodes)?;
            Some(format!(
                "platforms.proxmox.{place} names node {node:?}, which is not there"
            ))
        })
    }

    /// The release has content `import` (8.4 and later).
    pub fn has_import(&self) -> bool {
        release(&self.version).is_some_and(|release| release >= (8, 4))
    }

    /// The full name of the API token.
    pub fn token_id(&self) -> String {
        format!("{}!{}", self.user, self.token)
    }

    /// The storage, where that node has it.
    pub fn storage_of(&self, node: &str, name: &str) -> Option<&StorageSettings> {
        let storage = self.storages.get(name)?;
        (storage.nodes.is_empty() || storage.nodes.iter().any(|n| n == node)).then_some(storage)
    }
}

/// Major and minor of `9.0.10`.
fn release(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.split('.').map(str::parse::<u64>);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}
