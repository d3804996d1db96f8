//! Looks at the cluster: which machines there are, on which nodes, and what works on them.

use std::collections::HashMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Proxmox,
    client::Call,
    marker::{self, Marker},
    placement::Load,
    wire::{Config, Resource, Status, TaskRow},
};
use crate::{ErrorKind, InfraError};

/// How many configurations are read at the same time.
const READS: usize = 6;

/// One virtual machine by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) node: String,
    pub(super) vmid: u32,
}

/// A virtual machine with its configuration.
pub(super) struct Machine {
    pub(super) place: Place,
    pub(super) config: Config,
    pub(super) marker: Option<Marker>,
}

/// Everything that the cluster lists, as far as we may see it.
pub(super) struct Cluster {
    rows: Vec<Resource>,
}

impl Cluster {
    /// A cluster with these rows.
    pub(super) fn of(rows: Vec<Resource>) -> Self {
        Self { rows }
    }

    /// Virtual machines, without containers.
    pub(super) fn machines(&self) -> impl Iterator<Item = (&Resource, Place)> {
        self.rows.iter().filter(|row| row.is_machine()).filter_map(|row| {
            let place = Place {
                node: row.node.clone(),
                vmid: row.vmid()?,
            };
            Some((row, place))
        })
    }

    /// Where a virtual machine is.
    pub(super) fn place(&self, vmid: u32) -> Option<Place> {
        self.machines().map(|(_, place)| place).find(|place| place.vmid == vmid)
    }

    /// Whether something has this VMID, be it a container.
    pub(super) fn takes(&self, vmid: u32) -> bool {
        self.rows.iter().any(|row| row.vmid() == Some(vmid))
    }

    /// The nodes that are online.
    pub(super) fn online_nodes(&self) -> Vec<String> {
        let nodes = self.rows.iter().filter(|row| row.is_online_node());
        nodes.map(|row| row.node.clone()).collect()
    }

    /// The nodes that may carry machines: the named ones, or all where none is named, as far as they are online.
    pub(super) fn loads(&self, nodes: &[String], cluster_tag: &str) -> Vec<Load> {
        let mib = |bytes: u64| i64::try_from(bytes >> 20).unwrap_or(i64::MAX);
        let mut siblings: HashMap<&str, usize> = HashMap::new();
        for row in self.rows.iter().filter(|row| row.is_machine()) {
            if row
                .tags
                .as_deref()
                .is_some_and(|tags| marker::has_tag(tags, cluster_tag))
            {
                *siblings.entry(&row.node).or_insert(0) += 1;
            }
        }
        self.rows
            .iter()
            .filter(|row| row.is_online_node())
            .filter(|row| nodes.is_empty() || nodes.contains(&row.node))
            .map(|row| Load {
                node: row.node.clone(),
                free_mb: mib(row.maxmem.0) - mib(row.mem.0),
                siblings: siblings.get(row.node.as_str()).copied().unwrap_or(0),
            })
            .collect()
    }

    /// Machines that are just being made and say not yet whose they are: their description is written when their disks are.
    pub(super) fn unborn(&self) -> impl Iterator<Item = Place> {
        self.machines()
            .filter(|(row, _)| is_unborn(row))
            .map(|(_, place)| place)
    }
}

/// Whether a machine is just being made and says not yet whose it is.
pub(super) fn is_unborn(row: &Resource) -> bool {
    row.lock.as_deref() == Some("create") && row.tags.is_none()
}

impl Proxmox {
    /// Lists the cluster, as the node that answers knows it.
    pub(super) async fn cluster(&self, op: &'static str, resource: &str) -> Result<Cluster, InfraError> {
        let rows = self
            .client
            .get(&Call::new(op, resource, &["cluster", "resources"]))
            .await?;
        Ok(Cluster { rows })
    }

    /// Reads a virtual machine's configuration; none where the node does not have it.
    pub(super) async fn read(
        &self,
        place: Place,
        op: &'static str,
        resource: &str,
    ) -> Result<Option<Machine>, InfraError> {
        let vmid = place.vmid.to_string();
        let call = Call::new(op, resource, &["nodes", &place.node, "qemu", &vmid, "config"]);
        match self.client.get::<Config>(&call).await {
            Ok(config) => Ok(Some(Machine {
                marker: config.get("description").and_then(Marker::parse),
                place,
                config,
            })),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads several configurations, in any order. Machines that went meanwhile are left out.
    pub(super) async fn read_all(
        &self,
        places: Vec<Place>,
        op: &'static str,
        resource: &str,
    ) -> Result<Vec<Machine>, InfraError> {
        stream::iter(places.into_iter().map(|place| self.read(place, op, resource)))
            .buffer_unordered(READS)
            .try_filter_map(|found| async { Ok(found) })
            .try_collect()
            .await
    }

    /// Reads how a virtual machine is; none where the node does not have it.
    pub(super) async fn status(
        &self,
        place: &Place,
        op: &'static str,
        resource: &str,
    ) -> Result<Option<Status>, InfraError> {
        let vmid = place.vmid.to_string();
        let call = Call::new(
            op,
            resource,
            &["nodes", &place.node, "qemu", &vmid, "status", "current"],
        );
        match self.client.get(&call).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tasks about a virtual machine that its node remembers, newest first.
    pub(super) async fn tasks(
        &self,
        place: &Place,
        op: &'static str,
        resource: &str,
    ) -> Result<Vec<TaskRow>, InfraError> {
        let call = Call::new(op, resource, &["nodes", &place.node, "tasks"])
            .with("vmid", place.vmid.to_string())
            .with("source", "all")
            .with("limit", "100");
        self.client.get(&call).await
    }

    /// The task that works on a virtual machine, where one does.
    pub(super) async fn running_task(
        &self,
        place: &Place,
        op: &'static str,
        resource: &str,
    ) -> Result<Option<TaskRow>, InfraError> {
        let tasks = self.tasks(place, op, resource).await?;
        Ok(tasks.into_iter().find(TaskRow::is_running))
    }

    /// The task of ours that makes a machine which does not say yet whose it is; none where it is not ours, or has ended.
    pub(super) async fn birth(
        &self,
        place: &Place,
        op: &'static str,
        resource: &str,
    ) -> Result<Option<String>, InfraError> {
        let task = self.running_task(place, op, resource).await?;
        let ours = task.filter(|task| task.kind == "qmcreate" && task.is_by(self.client.user()));
        Ok(ours.map(|task| task.upid))
    }

    /// Finds a virtual machine by its VMID, wherever it has moved.
    pub(super) async fn find(
        &self,
        vmid: u32,
        op: &'static str,
        resource: &str,
    ) -> Result<Option<Machine>, InfraError> {
        if let Some(node) = self.places.get(vmid) {
            let found = self.read(Place { node, vmid }, op, resource).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let Some(place) = self.cluster(op, resource).await?.place(vmid) else {
            return Ok(None);
        };
        self.places.put(&place);
        self.read(place, op, resource).await
    }

    /// Whether nothing in the cluster has a VMID. A list shows only what we may see; this is asked of the cluster's own
    /// book, so it is a proof.
    pub(super) async fn is_free(&self, vmid: u32, op: &'static str, resource: &str) -> Result<bool, InfraError> {
        let call = Call::new(op, resource, &["cluster", "nextid"]).with("vmid", vmid.to_string());
        match self.client.get::<serde::de::IgnoredAny>(&call).await {
            Ok(_) => Ok(true),
            Err(error) => match &error.kind {
                ErrorKind::Invalid { fields } if fields.iter().any(|(name, _)| name == "vmid") => Ok(false),
                ErrorKind::AlreadyExists => Ok(false),
                _ => Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::wire::Number;

    fn node(name: &str, status: &str, gib: u64, used: u64) -> Resource {
        Resource {
            kind: "node".into(),
            node: name.into(),
            status: status.into(),
            maxmem: Number(gib << 30),
            mem: Number(used << 30),
            ..Resource::default()
        }
    }

    fn guest(kind: &str, vmid: u64, node: &str, tags: Option<&str>, lock: Option<&str>) -> Resource {
        Resource {
            kind: kind.into(),
            vmid: Some(Number(vmid)),
            node: node.into(),
            tags: tags.map(Into::into),
            lock: lock.map(Into::into),
            ..Resource::default()
        }
    }

    #[test]
    fn nodes_are_weighed_by_memory_and_by_what_is_on_them() {
        let cluster = Cluster {
            rows: vec![
                node("pve1", "online", 64, 10),
                node("pve2", "offline", 64, 0),
                node("pve3", "online", 32, 1),
                guest("qemu", 100, "pve1", Some("butler;butler-x"), None),
                guest("qemu", 101, "pve3", Some("butler;butler-y"), None),
            ],
        };
        let loads = cluster.loads(&[], "butler-x");
        let shown: Vec<_> = loads.iter().map(|l| (l.node.as_str(), l.free_mb, l.siblings)).collect();
        assert_eq!(shown, [("pve1", 54 << 10, 1), ("pve3", 31 << 10, 0)]);
        assert_eq!(cluster.loads(&["pve3".into()], "butler-x").len(), 1);
    }

    #[test]
    fn containers_take_vmids_and_are_no_machines() {
        let rows = vec![
            guest("lxc", 100, "pve1", None, None),
            guest("qemu", 101, "pve1", None, Some("create")),
            guest("qemu", 102, "pve1", Some("butler"), Some("create")),
            guest("qemu", 103, "pve1", None, None),
        ];
        let cluster = Cluster { rows };
        assert!(cluster.takes(100) && cluster.place(100).is_none());
        assert_eq!(cluster.unborn().map(|place| place.vmid).collect::<Vec<_>>(), [101]);
    }
}
