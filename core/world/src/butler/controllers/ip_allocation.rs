//! IPAllocations: they begin, give their addresses back, and go when their cluster has gone. Who gets which addresses is
//! decided by the pool ([`super::network_pool`]), which alone writes the status of one that waits for them.

use butler_api::conditions::{self, Observation, Status};
use butler_api::labels::FINALIZER_IP_ALLOCATION;
use butler_api::v1alpha1::IPAllocation;
use butler_api::v1alpha1::ip_allocation::{AllocationPhase, IPAllocationStatus};
use serde_json::Value;

use super::Controller;
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::network_pool;
use super::pass::{Pass, is_deleting};
use crate::values::text;

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::IpAllocation,
    decide,
    concerned,
};

/// Those whose cluster has gone, and those whose pool has come or gone. There may be thousands of them, so that nobody asks
/// for them whenever a cluster or a pool changes.
fn concerned(key: &Key, object: &Value, mirror: &Mirror) -> Vec<Key> {
    let is_gone = mirror.get(key).is_none();
    let all = mirror.all(Kind::IpAllocation);
    match key.kind {
        Kind::TenantCluster if is_gone => {
            let own = all.filter(|(_, allocation)| cluster(allocation).as_ref() == Some(key));
            own.map(|(key, _)| key.clone()).collect()
        }
        Kind::NetworkPool if is_gone || object.pointer("/status/observedGeneration").is_none() => {
            let own = all.filter(|(of, allocation)| network_pool::of_allocation(of, allocation) == *key);
            own.map(|(key, _)| key.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// The cluster that an allocation is for.
pub(super) fn cluster(allocation: &Value) -> Option<Key> {
    let reference = allocation.pointer("/spec/tenantClusterRef")?;
    Some(Key::new(
        Kind::TenantCluster,
        text(reference, "/namespace"),
        text(reference, "/name"),
    ))
}

/// What is known of an allocation; nothing of a new one.
pub(super) fn status(allocation: &IPAllocation) -> IPAllocationStatus {
    let known = allocation.status.as_ref();
    known.map_or_else(IPAllocationStatus::default, IPAllocationStatus::clone)
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let Some(allocation) = read::<IPAllocation>(object) else {
        return;
    };
    if is_deleting(object) {
        release(key, &allocation, pass);
        return;
    }
    if cluster(object).is_none_or(|cluster| pass.mirror.get(&cluster).is_none()) {
        pass.gone(key.kind, &key.namespace, &key.name);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_IP_ALLOCATION) {
        return;
    }
    let pool = network_pool::of_allocation(key, object);
    let lost = pass.mirror.get(&pool).is_none();
    let generation = allocation.metadata.generation;
    let mut status = status(&allocation);
    match (&status.phase, lost) {
        (None, _) | (Some(AllocationPhase::Pending | AllocationPhase::Failed), true) => {}
        _ => return,
    }
    status.phase = Some(AllocationPhase::Pending);
    let (reason, message) = if lost {
        ("PoolNotFound", format!("network pool {:?} not found", pool.name))
    } else {
        ("Pending", format!("waiting for network pool {:?}", pool.name))
    };
    observe(&mut status, generation, reason, &message, pass);
    pass.status(key, &status);
}

/// Gives the addresses back, and lets the object go once that is written.
fn release(key: &Key, allocation: &IPAllocation, pass: &mut Pass<'_>) {
    let generation = allocation.metadata.generation;
    let mut status = status(allocation);
    if status.phase != Some(AllocationPhase::Allocated) {
        pass.drop_finalizer(key, FINALIZER_IP_ALLOCATION);
        return;
    }
    status.phase = Some(AllocationPhase::Released);
    status.released_at = Some(pass.time());
    observe(
        &mut status,
        generation,
        "Released",
        "the addresses are given back",
        pass,
    );
    pass.status(key, &status);
}

fn observe(status: &mut IPAllocationStatus, generation: Option<i64>, reason: &str, message: &str, pass: &Pass<'_>) {
    let observation = Observation {
        kind: conditions::types::READY,
        status: Status::False,
        reason,
        message,
        generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall);
}
