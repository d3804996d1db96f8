//! Machines that were begun before, though the cluster's list may not show them yet: the list is put together from what the
//! nodes tell each other, so it can be late; what a node says about its own machines is not.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::SignedDuration;
use tokio::sync::OnceCell;

use super::{
    Proxmox,
    client::Call,
    cluster::{Cluster, Machine, Place},
    ensure::{OP, Standing, standing},
    task::Upid,
    wire::Resource,
};
use crate::{InfraError, MachineSpec};

/// By how much a task's time may be off: it is cut to seconds, and so is the node's clock in its answers.
const CLOCK_GRAIN: SignedDuration = SignedDuration::from_secs(3);
/// How many nodes are asked at the same time.
const NODES: usize = 6;

/// What the nodes had when this process began its first machine. What it asked for itself it knows.
#[derive(Default)]
pub(super) struct Earlier(OnceCell<Cluster>);

/// A machine that was begun before.
pub(super) enum Begun {
    /// It is there, as far as it was made.
    Machine(Box<Machine>),
    /// A task that makes it, or may be making it.
    Task(String),
    /// Nobody has begun it.
    No,
}

impl Proxmox {
    /// Looks for a machine that the cluster's list did not show.
    pub(super) async fn begun(&self, spec: &MachineSpec, listed: &Cluster) -> Result<Begun, InfraError> {
        if let Some(place) = self.promises.place(spec)
            && let Some(machine) = self.own_at(spec, place).await?
        {
            return Ok(Begun::Machine(machine));
        }
        let earlier = self.earlier(spec, listed).await?;
        for cluster in [listed, earlier] {
            if let Some(upid) = self.earlier_birth(spec, cluster).await? {
                return Ok(Begun::Task(upid));
            }
        }
        // What had the name then may be gone, and its VMID somebody else's: only the machine itself counts. A task may have ended
        // between the list, in which its machine did not yet say whose it is, and the look at tasks.
        let named = earlier.machines().filter(|(row, _)| row.name == spec.name);
        let places = named.map(|(_, place)| place);
        for place in places.chain(listed.unborn()).chain(earlier.unborn()) {
            if let Some(machine) = self.own_at(spec, place).await? {
                return Ok(Begun::Machine(machine));
            }
        }
        Ok(Begun::No)
    }

    /// The machine at a place, where it is the one that is asked for.
    async fn own_at(&self, spec: &MachineSpec, place: Place) -> Result<Option<Box<Machine>>, InfraError> {
        let Some(machine) = self.read(place, OP, &spec.name).await? else {
            return Ok(None);
        };
        Ok(matches!(standing(spec, &machine)?, Standing::Own).then(|| Box::new(machine)))
    }

    /// The lists of the nodes themselves, read once in the life of a process.
    async fn earlier(&self, spec: &MachineSpec, listed: &Cluster) -> Result<&Cluster, InfraError> {
        let read = async {
            let rows: Vec<Vec<Resource>> = stream::iter(listed.online_nodes())
                .map(|node| self.of_node(node, &spec.name))
                .buffer_unordered(NODES)
                .try_collect()
                .await?;
            Ok(Cluster::of(rows.into_iter().flatten().collect()))
        };
        self.earlier.0.get_or_try_init(|| read).await
    }

    async fn of_node(&self, node: String, resource: &str) -> Result<Vec<Resource>, InfraError> {
        let call = Call::new(OP, resource, &["nodes", &node, "qemu"]);
        let mut rows: Vec<Resource> = self.client.get(&call).await?;
        for row in &mut rows {
            // A node's own list does not repeat what it is a list of.
            "qemu".clone_into(&mut row.kind);
            row.node.clone_from(&node);
        }
        Ok(rows)
    }

    /// A task that may be making this very machine: begun by the same user before this process, or with the VMID that it
    /// was promised.
    async fn earlier_birth(&self, spec: &MachineSpec, cluster: &Cluster) -> Result<Option<String>, InfraError> {
        let promised = self.promises.place(spec).map(|place| place.vmid);
        let begin = self.begin + self.client.clock_skew().unwrap_or(SignedDuration::ZERO) + CLOCK_GRAIN;
        for place in cluster.unborn() {
            let mine = promised == Some(place.vmid);
            if self.promises.has(place.vmid) && !mine {
                continue;
            }
            let Some(upid) = self.birth(&place, OP, &spec.name).await? else {
                continue;
            };
            if mine || Upid::parse(&upid).is_none_or(|task| task.started <= begin) {
                return Ok(Some(upid));
            }
        }
        Ok(None)
    }
}
