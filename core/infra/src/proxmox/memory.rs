//! What one process knows beyond what the platform answers: where machines were seen, and what it has promised to whom.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    cluster::{Cluster, Place},
    marker,
    placement::{self, Load},
};
use crate::MachineSpec;

/// On which node a VMID was seen last: saves a list per look.
#[derive(Default)]
pub(super) struct Places(Mutex<HashMap<u32, String>>);

impl Places {
    pub(super) fn get(&self, vmid: u32) -> Option<String> {
        self.lock().get(&vmid).cloned()
    }

    pub(super) fn put(&self, place: &Place) {
        self.lock().insert(place.vmid, place.node.clone());
    }

    pub(super) fn forget(&self, vmid: u32) {
        self.lock().remove(&vmid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u32, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node and VMIDs for machines that the platform does not show yet: so many are made at the same time.
#[derive(Default)]
pub(super) struct Promises(Mutex<HashMap<String, Promise>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Promise {
    node: String,
    vmid: Option<u32>,
    memory_mb: u32,
    cluster_tag: String,
}

impl Promises {
    /// Chooses a node for a machine and promises it. What was promised before is kept.
    pub(super) fn node(&self, cluster: &Cluster, nodes: &[String], spec: &MachineSpec) -> Option<String> {
        let tag = marker::cluster_tag(&spec.owner);
        let mut promises = self.lock();
        let mut loads = cluster.loads(nodes, &tag);
        if let Some(promise) = promises.get(&key(spec))
            && loads.iter().any(|load| load.node == promise.node)
        {
            return Some(promise.node.clone());
        }
        for promise in promises.values() {
            // What the platform shows already counts there.
            let shown = promise.vmid.is_some_and(|vmid| cluster.takes(vmid));
            deduct(&mut loads, promise, &tag, shown);
        }
        let node = placement::choose(&loads, spec.role, spec.memory_mb)?.node.clone();
        let promise = Promise {
            node: node.clone(),
            vmid: None,
            memory_mb: spec.memory_mb,
            cluster_tag: tag,
        };
        promises.insert(key(spec), promise);
        Some(node)
    }

    /// Promises the first VMID that nobody else was promised.
    pub(super) fn vmid(&self, spec: &MachineSpec, candidates: impl Iterator<Item = u32>) -> Option<u32> {
        let mut promises = self.lock();
        let mine = key(spec);
        let vmid = {
            let taken = |vmid: u32| promises.iter().any(|(key, p)| *key != mine && p.vmid == Some(vmid));
            candidates.into_iter().find(|vmid| !taken(*vmid))?
        };
        promises.get_mut(&mine)?.vmid = Some(vmid);
        Some(vmid)
    }

    /// Where a machine was asked for.
    pub(super) fn place(&self, spec: &MachineSpec) -> Option<Place> {
        let promises = self.lock();
        let promise = promises.get(&key(spec))?;
        Some(Place {
            node: promise.node.clone(),
            vmid: promise.vmid?,
        })
    }

    /// Whether this process makes the machine with this VMID.
    pub(super) fn has(&self, vmid: u32) -> bool {
        self.lock().values().any(|promise| promise.vmid == Some(vmid))
    }

    /// Takes back everything that was promised to a machine that is gone.
    pub(super) fn forget(&self, vmid: u32) {
        self.lock().retain(|_, promise| promise.vmid != Some(vmid));
    }

    /// Takes back the VMID that a machine could not have.
    pub(super) fn withdraw(&self, spec: &MachineSpec) {
        if let Some(promise) = self.lock().get_mut(&key(spec)) {
            promise.vmid = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Promise>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(spec: &MachineSpec) -> String {
    format!("{}/{}/{}", spec.owner.cluster_id, spec.name, spec.generation)
}

/// Takes from the loads what a promise holds. Memory stays promised: a machine takes it only little by little.
fn deduct(loads: &mut [Load], promise: &Promise, tag: &str, shown: bool) {
    for load in loads.iter_mut().filter(|load| load.node == promise.node) {
        load.free_mb -= i64::from(promise.memory_mb);
        if !shown && promise.cluster_tag == tag {
            load.siblings += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use butler_api::config::Role;

    use super::*;
    use crate::proxmox::{tests::spec, wire::Resource};

    fn cluster() -> Cluster {
        let text = r#"[{"type":"node","node":"pve1","status":"online","maxmem":68719476736,"mem":0},
            {"type":"node","node":"pve2","status":"online","maxmem":34359738368,"mem":0},
            {"type":"node","node":"pve3","status":"online","maxmem":17179869184,"mem":0}]"#;
        Cluster::of(serde_json::from_str::<Vec<Resource>>(text).unwrap())
    }

    fn named(name: &str, role: Role) -> MachineSpec {
        MachineSpec {
            name: name.into(),
            role,
            ..spec()
        }
    }

    #[test]
    fn machines_that_are_made_at_once_are_spread_and_get_different_vmids() {
        let promises = Promises::default();
        let mut nodes = vec![];
        let mut vmids = vec![];
        for name in ["a", "b", "c"] {
            let spec = named(name, Role::ControlPlane);
            nodes.push(promises.node(&cluster(), &[], &spec).unwrap());
            vmids.push(promises.vmid(&spec, 100..).unwrap());
        }
        nodes.sort();
        assert_eq!(nodes, ["pve1", "pve2", "pve3"]);
        assert_eq!(vmids, [100, 101, 102]);
        assert!(promises.has(101) && !promises.has(103));
    }

    #[test]
    fn a_promise_is_kept_until_it_is_taken_back() {
        let promises = Promises::default();
        let worker = named("w", Role::Worker);
        let first = promises.node(&cluster(), &[], &worker);
        assert_eq!(first.as_deref(), Some("pve1"));
        assert_eq!(promises.node(&cluster(), &[], &worker), first);
        assert_eq!(promises.vmid(&worker, 100..), Some(100));
        promises.withdraw(&worker);
        assert!(!promises.has(100));
    }

    #[test]
    fn promised_memory_is_not_free() {
        let promises = Promises::default();
        let large = |name: &str| MachineSpec {
            memory_mb: 40 << 10,
            ..named(name, Role::Worker)
        };
        assert_eq!(promises.node(&cluster(), &[], &large("a")).as_deref(), Some("pve1"));
        assert_eq!(
            promises.node(&cluster(), &[], &named("b", Role::Worker)).as_deref(),
            Some("pve2")
        );
    }
}
