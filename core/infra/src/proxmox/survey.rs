//! What is read of Proxmox VE before anything is made: the answers behind preflight and discovery, as far as they are used.

use serde::{Deserialize, Deserializer, de};

use super::client::{Call, Client};
use crate::InfraError;

/// A yes or no of Proxmox VE, which writes it as a number, and sometimes as a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(bool);

impl Flag {
    /// Whether it is a yes.
    pub(super) fn is_set(self) -> bool {
        self.0
    }
}

impl From<bool> for Flag {
    fn from(set: bool) -> Self {
        Self(set)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bool(bool),
            Number(i64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Bool(set) => Ok(Self(set)),
            Written::Number(number) => Ok(Self(number != 0)),
            Written::Text(text) => match text.as_str() {
                "1" | "on" | "yes" | "true" => Ok(Self(true)),
                "" | "0" | "off" | "no" | "false" => Ok(Self(false)),
                other => Err(de::Error::custom(format!("{other:?} is neither yes nor no"))),
            },
        }
    }
}

/// `GET /version`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Version {
    /// The whole version, such as `9.0.10`.
    pub(super) version: String,
}

impl Version {
    /// Major and minor number; none where they cannot be read.
    pub(super) fn release(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.split(['.', '-']).map(str::parse);
        let major = numbers.next()?.ok()?;
        let minor = numbers.next().and_then(Result::ok).unwrap_or(0);
        Some((major, minor))
    }

    /// Whether storages can hold images that disks are imported from.
    pub(super) fn imports(&self) -> bool {
        self.release().is_none_or(|release| release >= (8, 4))
    }
}

/// An entry of `GET /cluster/status`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Status {
    /// `cluster` or `node`.
    pub(super) r#type: String,
    /// Whether the cluster has a quorum.
    pub(super) quorate: Option<Flag>,
}

/// An entry of `GET /nodes`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
pub(super) struct Node {
    /// Its name.
    pub(super) node: String,
    /// `online`, `offline` or `unknown`.
    pub(super) status: String,
    /// Memory in bytes; only for those who may see it.
    pub(super) maxmem: Option<u64>,
    /// Used memory in bytes.
    pub(super) mem: Option<u64>,
    /// Processors.
    pub(super) maxcpu: Option<u64>,
}

impl Node {
    /// Whether it answers.
    pub(super) fn is_online(&self) -> bool {
        self.status == "online"
    }

    /// Free memory in bytes, where it is told.
    pub(super) fn free(&self) -> Option<u64> {
        Some(self.maxmem?.saturating_sub(self.mem?))
    }
}

/// An entry of `GET /nodes/{node}/storage`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
pub(super) struct Storage {
    /// Its name.
    pub(super) storage: String,
    /// Its kind, such as `lvmthin`.
    pub(super) r#type: String,
    /// What it may hold, with commas between.
    #[serde(default)]
    pub(super) content: String,
    /// Whether the administrator has it switched on.
    pub(super) enabled: Option<Flag>,
    /// Whether the node reaches it.
    pub(super) active: Option<Flag>,
    /// Whether all nodes see the same.
    #[serde(default)]
    pub(super) shared: Flag,
    /// Free space in bytes.
    pub(super) avail: Option<u64>,
    /// Whole space in bytes.
    pub(super) total: Option<u64>,
}

impl Storage {
    /// Whether it may hold such content.
    pub(super) fn holds(&self, content: &str) -> bool {
        self.content.split(',').any(|word| word.trim() == content)
    }

    /// Whether it is switched on. A storage that does not say so is.
    pub(super) fn is_enabled(&self) -> bool {
        self.enabled.is_none_or(Flag::is_set)
    }

    /// Whether the node reaches it. A storage that does not say so is reached.
    pub(super) fn is_active(&self) -> bool {
        self.active.is_none_or(Flag::is_set)
    }

    /// Whether disks take their whole size at once.
    pub(super) fn is_thick(&self) -> bool {
        matches!(self.r#type.as_str(), "lvm" | "iscsi" | "iscsidirect" | "zfs")
    }
}

/// An entry of `GET /nodes/{node}/network`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Interface {
    /// Its name.
    pub(super) iface: String,
    /// `bridge`, `OVSBridge` or `vnet`.
    #[serde(default)]
    pub(super) r#type: String,
    /// Whether it is up.
    pub(super) active: Option<Flag>,
    /// Whether a bridge passes VLAN tags on.
    pub(super) bridge_vlan_aware: Option<Flag>,
    /// The node's own address on it.
    pub(super) cidr: Option<String>,
    /// What the administrator wrote about it.
    pub(super) comments: Option<String>,
}

impl Interface {
    /// Whether network cards of machines can be connected to it: all that was asked for, where the node keeps to the question.
    pub(super) fn takes_machines(&self) -> bool {
        matches!(self.r#type.as_str(), "bridge" | "OVSBridge" | "vnet" | "")
    }
}

/// An entry of `GET /cluster/sdn/vnets`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the API calls it so")]
pub(super) struct Vnet {
    /// Its name.
    pub(super) vnet: String,
    /// The zone it belongs to.
    pub(super) zone: Option<String>,
    /// Its tag.
    pub(super) tag: Option<u32>,
    /// Another name for people.
    pub(super) alias: Option<String>,
}

/// An entry of `GET /pools`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Pool {
    /// Its name.
    pub(super) poolid: String,
    /// What the administrator wrote about it.
    pub(super) comment: Option<String>,
}

/// An entry of `GET /cluster/resources?type=vm`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Guest {
    /// Its id.
    pub(super) vmid: u32,
    /// Its name.
    pub(super) name: Option<String>,
    /// `qemu` or `lxc`.
    #[serde(default)]
    pub(super) r#type: String,
    /// The node that carries it.
    #[serde(default)]
    pub(super) node: String,
    /// `running` or `stopped`.
    #[serde(default)]
    pub(super) status: String,
    /// Whether it is a template.
    #[serde(default)]
    pub(super) template: Flag,
    /// Its tags, with semicolons between.
    pub(super) tags: Option<String>,
}

impl Guest {
    /// Whether it is switched on.
    pub(super) fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// Whether it carries a tag.
    pub(super) fn is_tagged(&self, tag: &str) -> bool {
        let tags = self.tags.as_deref().unwrap_or("");
        tags.split([';', ',', ' ']).any(|word| word == tag)
    }
}

/// An entry of `GET /nodes/{node}/storage/{storage}/content`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Volume {
    /// Its id, such as `local:import/talos.qcow2`.
    pub(super) volid: String,
    /// Its size in bytes.
    pub(super) size: Option<u64>,
    /// Its format.
    pub(super) format: Option<String>,
}

/// The release.
pub(super) async fn version(client: &Client) -> Result<Version, InfraError> {
    client.get(&Call::new("read the version", "", &["version"])).await
}

/// All nodes.
pub(super) async fn nodes(client: &Client) -> Result<Vec<Node>, InfraError> {
    client.get(&Call::new("list nodes", "", &["nodes"])).await
}

/// The storages of a node.
pub(super) async fn storages(client: &Client, node: &str) -> Result<Vec<Storage>, InfraError> {
    client
        .get(&Call::new("list storages of node", node, &["nodes", node, "storage"]))
        .await
}

/// Bridges and SDN networks of a node.
pub(super) async fn networks(client: &Client, node: &str) -> Result<Vec<Interface>, InfraError> {
    let call = Call::new("list networks of node", node, &["nodes", node, "network"]);
    client.get(&call.with("type", "any_bridge")).await
}

/// SDN networks.
pub(super) async fn vnets(client: &Client) -> Result<Vec<Vnet>, InfraError> {
    client
        .get(&Call::new("list SDN networks", "", &["cluster", "sdn", "vnets"]))
        .await
}

/// Pools.
pub(super) async fn pools(client: &Client) -> Result<Vec<Pool>, InfraError> {
    client.get(&Call::new("list pools", "", &["pools"])).await
}

/// Virtual machines and containers of the whole cluster.
pub(super) async fn guests(client: &Client) -> Result<Vec<Guest>, InfraError> {
    let call = Call::new("list machines", "", &["cluster", "resources"]);
    client.get(&call.with("type", "vm")).await
}

/// The files of one kind on a storage.
pub(super) async fn volumes(
    client: &Client,
    node: &str,
    storage: &str,
    content: &str,
) -> Result<Vec<Volume>, InfraError> {
    let path = ["nodes", node, "storage", storage, "content"];
    let call = Call::new("list images of storage", storage, &path);
    client.get(&call.with("content", content)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_and_no_are_numbers_truths_and_texts() {
        let flags: Vec<Flag> = serde_json::from_str(r#"[1, 0, true, false, "1", "0"]"#).unwrap();
        let flags: Vec<bool> = flags.into_iter().map(Flag::is_set).collect();
        assert_eq!(flags, [true, false, true, false, true, false]);
        assert!(serde_json::from_str::<Flag>(r#""perhaps""#).is_err());
    }

    #[test]
    fn releases_are_compared_by_their_numbers() {
        let imports = |version: &str| {
            Version {
                version: version.into(),
            }
            .imports()
        };
        assert!(imports("8.4.1") && imports("9.0.10") && imports("10.0") && imports("9"));
        assert!(!imports("8.3.5") && !imports("7.4-3"));
    }
}
