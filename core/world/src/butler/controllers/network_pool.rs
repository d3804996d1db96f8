//! NetworkPools: they assign addresses to the IPAllocations that draw on them, in order of creation, and count what is left.

use butler_api::conditions::{self, Observation, Status};
use butler_api::config::IpRange;
use butler_api::labels::FINALIZER_NETWORK_POOL;
use butler_api::v1alpha1::ip_allocation::{AllocationPhase, AllocationType, IPAllocationSpec, IPAllocationStatus};
use butler_api::v1alpha1::network_pool::{NetworkPoolStatus, PoolRange, TenantAllocationDefaults};
use butler_api::v1alpha1::{IPAllocation, NetworkPool};
use serde_json::Value;

use super::allocator::{self, Free, Pool, Refusal};
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::pass::{Pass, is_deleting};
use super::{Controller, ip_allocation};
use crate::values::text;

/// Who assigns addresses, as allocations tell it.
const ASSIGNED_BY: &str = "networkpool-controller";

/// An allocation that is larger than this does not list its addresses one by one.
const LISTED: u64 = 65_536;

/// From how many percent on a pool says that it is used up, by condition.
const THRESHOLDS: [(&str, u64); 3] = [
    ("CapacityWarning", 70),
    ("CapacityCritical", 85),
    ("CapacityExhausted", 95),
];

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::NetworkPool,
    decide,
    concerned: |key, object, _| match key.kind {
        Kind::IpAllocation => vec![of_allocation(key, object)],
        _ => Vec::new(),
    },
};

/// The pool that an allocation draws on: one of its own namespace.
pub(super) fn of_allocation(key: &Key, allocation: &Value) -> Key {
    Key::new(
        Kind::NetworkPool,
        &key.namespace,
        text(allocation, "/spec/poolRef/name"),
    )
}

/// The addresses that an allocation holds.
fn held(allocation: &Value) -> Option<IpRange> {
    if text(allocation, "/status/phase") != AllocationPhase::Allocated.as_str() {
        return None;
    }
    allocator::range(
        text(allocation, "/status/startAddress"),
        text(allocation, "/status/endAddress"),
    )
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let Some(pool) = read::<NetworkPool>(object) else {
        return;
    };
    let mirror = pass.mirror;
    let of_pool = mirror
        .inside(Kind::IpAllocation, &key.namespace)
        .filter(|(of, allocation)| of_allocation(of, allocation) == *key);
    let allocations: Vec<(&Key, &Value)> = of_pool.collect();
    let mut status = pool.status.clone().unwrap_or_else(NetworkPoolStatus::default);
    if is_deleting(object) {
        if allocations.is_empty() {
            pass.drop_finalizer(key, FINALIZER_NETWORK_POOL);
            return;
        }
        let message = format!("waiting until its {} allocations are gone", allocations.len());
        observe(&mut status, &pool, "Ready", false, ("Deleting", &message), pass);
        pass.status(key, &status);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_NETWORK_POOL) {
        return;
    }
    match Pool::of(&pool.spec) {
        Ok(addresses) => serve(&pool, &addresses, &allocations, &mut status, pass),
        Err(why) => observe(&mut status, &pool, "Ready", false, ("InvalidConfiguration", &why), pass),
    }
    status.observed_generation = pool.metadata.generation;
    pass.status(key, &status);
}

/// Assigns what can be assigned, and counts.
fn serve(
    pool: &NetworkPool,
    addresses: &Pool,
    allocations: &[(&Key, &Value)],
    status: &mut NetworkPoolStatus,
    pass: &mut Pass<'_>,
) {
    let taken: Vec<IpRange> = allocations
        .iter()
        .filter_map(|(_, allocation)| held(allocation))
        .collect();
    let mut free = addresses.free(&taken);
    let mut allocated = allocator::size(&taken);
    let defaults = pool
        .spec
        .tenant_allocation
        .as_ref()
        .and_then(|tenants| tenants.defaults.as_ref());
    for (key, allocation) in waiting(allocations) {
        allocated += assign(key, &allocation, addresses, defaults, &mut free, pass);
    }
    count(status, addresses, &free, allocated, allocations.len());
    observe(status, pool, "Ready", true, ("Ready", "addresses are assigned"), pass);
    // What is left counts: addresses of others that lie in the pool are used as well.
    let used = addresses.total() - free.size();
    let percent = (used * 100).checked_div(addresses.total()).unwrap_or(100);
    for (kind, threshold) in THRESHOLDS {
        let reached = percent >= threshold;
        let reason = if reached { "ThresholdReached" } else { "BelowThreshold" };
        let message = format!(
            "{used} of {} addresses ({percent} %) are allocated, the threshold is {threshold} %",
            addresses.total()
        );
        observe(status, pool, kind, reached, (reason, &message), pass);
    }
}

/// The allocations that have no addresses yet, the oldest first. Those that failed are among them: there may be room now.
fn waiting<'a>(allocations: &[(&'a Key, &'a Value)]) -> Vec<(&'a Key, IPAllocation)> {
    let open = allocations.iter().filter(|(_, allocation)| {
        let phase = AllocationPhase::from(text(allocation, "/status/phase"));
        let is_open = matches!(phase, AllocationPhase::Pending | AllocationPhase::Failed);
        is_open && !is_deleting(allocation)
    });
    let mut open: Vec<_> = open.collect();
    open.sort_by_key(|(key, allocation)| (text(allocation, "/metadata/creationTimestamp"), &key.name));
    let typed = open
        .into_iter()
        .filter_map(|(key, allocation)| Some((*key, read(allocation)?)));
    typed.collect()
}

/// Gives an allocation its addresses, or tells it why not. Says how many it got.
fn assign(
    key: &Key,
    allocation: &IPAllocation,
    pool: &Pool,
    defaults: Option<&TenantAllocationDefaults>,
    free: &mut Free,
    pass: &mut Pass<'_>,
) -> u64 {
    let mut status = ip_allocation::status(allocation);
    let name = &allocation.spec.pool_ref.name;
    let generation = allocation.metadata.generation;
    status.observed_generation = generation;
    let found = find(&allocation.spec, pool, defaults, free);
    let (ready, reason, message) = match &found {
        Ok(range) => {
            fill(&mut status, *range, pass);
            let message = format!("{} of network pool {name:?}", allocator::written(*range));
            (true, "PoolAvailable", message)
        }
        Err(refused) => {
            status.phase = Some(AllocationPhase::Failed);
            (false, refused.reason(), refused.message(name, free))
        }
    };
    let observation = Observation {
        kind: conditions::types::READY,
        status: Status::from(ready),
        reason,
        message: &message,
        generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall);
    pass.status(key, &status);
    found.map_or(0, |range| allocator::size(&[range]))
}

/// What an allocation cannot have.
enum Refused {
    /// So many addresses in one block.
    Count(u32),
    /// A range that it names.
    Pinned { range: String, why: Refusal },
}

impl Refused {
    fn reason(&self) -> &'static str {
        match self {
            Self::Count(_) => "PoolExhausted",
            Self::Pinned { .. } => "AllocationFailed",
        }
    }

    fn message(&self, pool: &str, free: &Free) -> String {
        match self {
            Self::Count(count) => format!(
                "network pool {pool:?} has no block of {count} addresses: {} are free, {} of them in the largest block",
                free.size(),
                free.largest()
            ),
            Self::Pinned { range, why } => {
                let why = match why {
                    Refusal::Taken => "is taken",
                    Refusal::OutsidePool | Refusal::NoRoom => "is not within one range of it",
                };
                format!("pinned range {range} of network pool {pool:?} {why}")
            }
        }
    }
}

/// The addresses for an allocation: those that it names, else as many as it asks for, else as many as the pool gives by
/// default.
fn find(
    spec: &IPAllocationSpec,
    pool: &Pool,
    defaults: Option<&TenantAllocationDefaults>,
    free: &mut Free,
) -> Result<IpRange, Refused> {
    if let Some(pinned) = &spec.pinned_range {
        let refused = |why| Refused::Pinned {
            range: format!("{}-{}", pinned.start_address, pinned.end_address),
            why,
        };
        let range = allocator::range(&pinned.start_address, &pinned.end_address);
        let range = range.ok_or_else(|| refused(Refusal::OutsidePool))?;
        return pool.pinned(range, free).map_err(refused);
    }
    let by_default = match spec.r#type {
        AllocationType::Nodes => defaults.and_then(|defaults| defaults.nodes_per_tenant).unwrap_or(5),
        _ => defaults.and_then(|defaults| defaults.lb_pool_per_tenant).unwrap_or(8),
    };
    let count = u32::try_from(spec.count.unwrap_or(by_default)).unwrap_or(0);
    free.best_fit(count).map_err(|_| Refused::Count(count))
}

fn fill(status: &mut IPAllocationStatus, range: IpRange, pass: &Pass<'_>) {
    let size = allocator::size(&[range]);
    status.phase = Some(AllocationPhase::Allocated);
    status.start_address = Some(range.start.to_string());
    status.end_address = Some(range.end.to_string());
    status.cidr = Some(allocator::written(range));
    status.addresses = match size {
        0..=LISTED => allocator::addresses(range).map(|address| address.to_string()).collect(),
        _ => Vec::new(),
    };
    status.allocated_count = Some(number(size));
    status.allocated_at = Some(pass.time());
    status.allocated_by = Some(ASSIGNED_BY.to_owned());
    status.released_at = None;
}

/// Writes down what there is, and leaves what another writes: the addresses that the platform itself uses.
fn count(status: &mut NetworkPoolStatus, pool: &Pool, free: &Free, allocated: u64, allocations: usize) {
    let ranges = pool.unmanaged().iter().map(|range| PoolRange {
        start: range.start.to_string(),
        end: range.end.to_string(),
    });
    status.allocated_ips = Some(number(allocated));
    status.allocation_count = Some(i32::try_from(allocations).unwrap_or(i32::MAX));
    status.available_ips = Some(number(free.size()));
    status.fragmentation_percent = Some(number(free.fragmentation()));
    status.largest_free_block = Some(number(free.largest()));
    status.pool_size_ips = Some(number(pool.whole()));
    status.reserved_ips = Some(number(pool.reserved()));
    status.total_ips = Some(number(pool.total()));
    status.unmanaged_ranges = ranges.collect();
    status.unmanaged_scope_ips = Some(number(pool.unmanaged_hosts()));
}

/// A number as objects have it. No pool that is served has more addresses than fit.
fn number(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn observe(
    status: &mut NetworkPoolStatus,
    pool: &NetworkPool,
    kind: &str,
    so: bool,
    (reason, message): (&str, &str),
    pass: &Pass<'_>,
) {
    let observation = Observation {
        kind,
        status: Status::from(so),
        reason,
        message,
        generation: pool.metadata.generation,
    };
    conditions::set(&mut status.conditions, &observation, pass.facts.wall);
}

/// How many addresses a pool has left, once it has counted them.
pub(super) fn available(mirror: &Mirror, namespace: &str, name: &str) -> Option<i32> {
    let pool: NetworkPool = mirror.typed(Kind::NetworkPool, namespace, name)?;
    pool.status?.available_ips
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off, phase};
    use super::*;

    const SYSTEM: &str = "butler-system";
    const A_WHILE: Duration = Duration::from_secs(1);

    /// A pool of 16 addresses, of which tenants may have 12.
    fn pool(bench: &mut Bench) {
        let spec = json!({"cidr": "10.0.0.0/28", "tenantAllocation": {"start": "10.0.0.2", "end": "10.0.0.13"}});
        bench.put(Kind::NetworkPool, SYSTEM, "pool", json!({"spec": spec}));
    }

    /// A cluster that is paused, so that nothing is made for it, and an allocation for it.
    fn allocation(bench: &mut Bench, cluster: &str, more: &Value) {
        let spec = json!({"kubernetesVersion": "v1.32.0", "workers": {"replicas": 1}});
        bench.put(Kind::TenantCluster, "butler-tenants", cluster, json!({"spec": spec}));
        bench.put(Kind::IpAllocation, SYSTEM, cluster, allocated_for(cluster, more));
    }

    fn allocated_for(cluster: &str, more: &Value) -> Value {
        let mut spec = json!({
            "poolRef": {"name": "pool"}, "type": "loadbalancer",
            "tenantClusterRef": {"namespace": "butler-tenants", "name": cluster},
        });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"spec": spec})
    }

    fn cidr(bench: &Bench, name: &str) -> String {
        bench.text(Kind::IpAllocation, SYSTEM, name, "/status/cidr")
    }

    fn ready(bench: &Bench, name: &str) -> String {
        bench.condition(Kind::IpAllocation, SYSTEM, name, "Ready")
    }

    #[test]
    fn addresses_are_assigned_counted_and_given_back() {
        let mut bench = Bench::new();
        pool(&mut bench);
        allocation(&mut bench, "a", &json!({"count": 4}));
        allocation(&mut bench, "b", &json!({}));
        bench.run(A_WHILE);
        assert_eq!(
            (cidr(&bench, "a"), cidr(&bench, "b")),
            ("10.0.0.2-10.0.0.5".into(), "10.0.0.6-10.0.0.13".into())
        );
        let allocation: IPAllocation = bench.get(Kind::IpAllocation, SYSTEM, "a");
        let status = allocation.status.unwrap();
        assert_eq!(status.addresses, ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]);
        assert_eq!(
            (status.allocated_count, status.allocated_by.as_deref()),
            (Some(4), Some(ASSIGNED_BY))
        );
        let pool: NetworkPool = bench.get(Kind::NetworkPool, SYSTEM, "pool");
        let status = pool.status.unwrap();
        assert_eq!(
            (status.pool_size_ips, status.total_ips, status.reserved_ips),
            (Some(16), Some(12), Some(0))
        );
        assert_eq!(
            (status.allocated_ips, status.available_ips, status.allocation_count),
            (Some(12), Some(0), Some(2))
        );
        assert_eq!(status.unmanaged_ranges.len(), 2);
        let exhausted = bench.condition(Kind::NetworkPool, SYSTEM, "pool", "CapacityExhausted");
        assert!(exhausted.starts_with("True ThresholdReached 12 of 12"), "{exhausted}");

        bench.delete(Kind::IpAllocation, SYSTEM, "a");
        bench.run(A_WHILE);
        assert!(bench.find(Kind::IpAllocation, SYSTEM, "a").is_none());
        let pool: NetworkPool = bench.get(Kind::NetworkPool, SYSTEM, "pool");
        let status = pool.status.unwrap();
        assert_eq!((status.available_ips, status.largest_free_block), (Some(4), Some(4)));
        let warning = |kind| bench.condition(Kind::NetworkPool, SYSTEM, "pool", kind);
        assert!(warning("CapacityWarning").starts_with("False BelowThreshold 8 of 12 addresses (66 %)"));
    }

    #[test]
    fn one_that_finds_no_room_is_tried_again_when_there_is_some() {
        let mut bench = Bench::new();
        pool(&mut bench);
        allocation(&mut bench, "large", &json!({"count": 9}));
        allocation(&mut bench, "late", &json!({"count": 8}));
        allocation(&mut bench, "small", &json!({"count": 3}));
        bench.run(A_WHILE);
        let why = "False PoolExhausted network pool \"pool\" has no block of 8 addresses: 0 are free, 0 of them in the largest block";
        assert_eq!(ready(&bench, "late"), why);
        assert_eq!(
            cidr(&bench, "small"),
            "10.0.0.11-10.0.0.13",
            "what fits does not wait for what does not"
        );
        bench.delete(Kind::IpAllocation, SYSTEM, "large");
        bench.run(A_WHILE);
        assert_eq!(cidr(&bench, "late"), "10.0.0.2-10.0.0.9");
    }

    #[test]
    fn a_pinned_range_is_taken_as_it_is_or_not_at_all() {
        let pin = |start: &str, end: &str| json!({"pinnedRange": {"startAddress": start, "endAddress": end}});
        let mut bench = Bench::new();
        pool(&mut bench);
        allocation(&mut bench, "a", &pin("10.0.0.8", "10.0.0.9"));
        allocation(&mut bench, "b", &pin("10.0.0.9", "10.0.0.10"));
        allocation(&mut bench, "c", &pin("10.0.0.1", "10.0.0.2"));
        bench.run(A_WHILE);
        assert_eq!(cidr(&bench, "a"), "10.0.0.8/31");
        assert_eq!(
            ready(&bench, "b"),
            "False AllocationFailed pinned range 10.0.0.9-10.0.0.10 of network pool \"pool\" is taken"
        );
        assert!(ready(&bench, "c").ends_with("is not within one range of it"));
    }

    #[test]
    fn without_its_pool_an_allocation_waits_and_without_its_cluster_it_goes() {
        let mut bench = Bench::new();
        allocation(&mut bench, "a", &json!({"count": 1}));
        bench.run(A_WHILE);
        assert_eq!(ready(&bench, "a"), "False PoolNotFound network pool \"pool\" not found");
        pool(&mut bench);
        bench.run(A_WHILE);
        assert_eq!(cidr(&bench, "a"), "10.0.0.2/32");
        bench.delete(Kind::TenantCluster, "butler-tenants", "a");
        bench.run(A_WHILE);
        assert!(bench.names(Kind::IpAllocation, SYSTEM).is_empty());
    }

    #[test]
    fn a_pool_stays_as_long_as_somebody_draws_on_it() {
        let mut bench = Bench::new();
        pool(&mut bench);
        allocation(&mut bench, "a", &json!({"count": 1}));
        bench.run(A_WHILE);
        bench.delete(Kind::NetworkPool, SYSTEM, "pool");
        bench.run(A_WHILE);
        let ready = bench.condition(Kind::NetworkPool, SYSTEM, "pool", "Ready");
        assert_eq!(ready, "False Deleting waiting until its 1 allocations are gone");
        bench.delete(Kind::IpAllocation, SYSTEM, "a");
        bench.run(A_WHILE);
        assert!(bench.find(Kind::NetworkPool, SYSTEM, "pool").is_none());
    }

    #[test]
    fn a_pool_that_makes_no_sense_says_so() {
        let mut bench = Bench::new();
        bench.put(
            Kind::NetworkPool,
            SYSTEM,
            "pool",
            json!({"spec": {"cidr": "999.1.1.1/99"}}),
        );
        bench.run(A_WHILE);
        let ready = bench.condition(Kind::NetworkPool, SYSTEM, "pool", "Ready");
        assert!(
            ready.starts_with("False InvalidConfiguration invalid pool CIDR"),
            "{ready}"
        );
    }

    #[test]
    fn pools_and_allocations_end_the_same_wherever_they_are_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            pool(bench);
            for name in ["a", "b", "c", "d"] {
                allocation(bench, name, &json!({"count": 4}));
            }
            bench.run(A_WHILE);
            bench.delete(Kind::IpAllocation, SYSTEM, "b");
            bench.delete(Kind::TenantCluster, "butler-tenants", "c");
            bench.run(A_WHILE);
            assert_eq!(cidr(bench, "d"), "10.0.0.6-10.0.0.9");
        });
    }

    #[tokio::test]
    async fn a_server_takes_what_is_written_and_nothing_is_left() {
        let mut served = Served::start("").await;
        served.create(Kind::Namespace, "", "butler-tenants", json!({}));
        let spec = json!({"cidr": "10.0.0.0/28"});
        served.create(Kind::NetworkPool, SYSTEM, "pool", json!({"spec": spec}));
        let cluster = json!({"spec": {"kubernetesVersion": "v1.32.0", "workers": {"replicas": 1}}});
        served.create(Kind::TenantCluster, "butler-tenants", "a", cluster);
        served.create(
            Kind::IpAllocation,
            SYSTEM,
            "a",
            allocated_for("a", &json!({"count": 4})),
        );
        served.until(Kind::IpAllocation, SYSTEM, "a", phase("Allocated")).await;
        let counted = |pool: &Value| pool["status"]["availableIPs"] == 12;
        served.until(Kind::NetworkPool, SYSTEM, "pool", counted).await;
        served.delete(Kind::NetworkPool, SYSTEM, "pool");
        served.delete(Kind::IpAllocation, SYSTEM, "a");
        served.until(Kind::IpAllocation, SYSTEM, "a", phase("Released")).await;
        served.until_gone(Kind::NetworkPool, SYSTEM, "pool").await;
        served.until_gone(Kind::IpAllocation, SYSTEM, "a").await;
        served.end().await;
    }
}
