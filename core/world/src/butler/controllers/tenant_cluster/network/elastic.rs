//! Ranges that follow what a cluster needs: further blocks while services wait for addresses, and fewer when nobody uses them.

use std::time::Duration;

use butler_api::config::IpRange;
use butler_api::names;
use butler_api::v1alpha1::ip_allocation::AllocationPhase;
use butler_api::v1alpha1::provider_config::{AllocationMode, ProviderNetwork};
use serde_json::Value;

use super::super::super::kinds::Kind;
use super::super::super::pass::{Pass, is_deleting, uid};
use super::super::super::{allocator, control_plane, ip_allocation};
use super::super::Cluster;
use super::allocate;
use crate::values::text;
use crate::world::tenants::Balancers;

/// How long a service waits for an address before the range grows.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a further block is kept that nobody uses.
const GRACE: Duration = Duration::from_mins(10);

/// What is measured while services wait.
const WAITING: &str = "waits for addresses";

/// A block of addresses of a cluster.
pub(super) struct Block {
    name: String,
    /// Its addresses, once it has any.
    pub(super) range: Option<IpRange>,
    deleting: bool,
}

/// Lets the range of a cluster grow and shrink, where the provider says so.
pub(super) fn follow(cluster: &Cluster<'_>, network: &ProviderNetwork, pool: &str, pass: &mut Pass<'_>) {
    let settings = network.load_balancer.as_ref();
    let mode = settings.and_then(|settings| settings.allocation_mode.as_ref());
    if mode != Some(&AllocationMode::Elastic) {
        return;
    }
    let hosted = control_plane::of_cluster(pass.mirror, &cluster.namespace, &cluster.key.name).map(uid);
    let facts = hosted.and_then(|hosted| pass.facts.tenants.get(hosted));
    let Some(balancers) = facts.map(|facts| facts.balancers.clone()) else {
        return;
    };
    let blocks = blocks(cluster, pass);
    let increment = settings.and_then(|settings| settings.growth_increment).unwrap_or(2);
    let quota = network.quota_per_tenant.as_ref();
    let most = quota.and_then(|quota| quota.max_load_balancer_ips);
    grow(cluster, &blocks, &balancers, (increment, most), pool, pass);
    shrink(cluster, &blocks, &balancers, pass);
}

/// The blocks of a cluster, the first one included.
pub(super) fn blocks(cluster: &Cluster<'_>, pass: &Pass<'_>) -> Vec<Block> {
    let all = pass.mirror.inside(Kind::IpAllocation, names::SYSTEM_NAMESPACE);
    let own = all.filter(|(_, allocation)| ip_allocation::cluster(allocation).as_ref() == Some(cluster.key));
    let block = |allocation: &Value| {
        let is_allocated = text(allocation, "/status/phase") == AllocationPhase::Allocated.as_str();
        let ends = ["/status/startAddress", "/status/endAddress"].map(|end| text(allocation, end));
        Block {
            name: text(allocation, "/metadata/name").to_owned(),
            range: allocator::range(ends[0], ends[1]).filter(|_| is_allocated),
            deleting: is_deleting(allocation),
        }
    };
    own.map(|(_, allocation)| block(allocation)).collect()
}

/// Asks for another block when services have waited, one at a time and no more than the tenant may have.
fn grow(
    cluster: &Cluster<'_>,
    blocks: &[Block],
    balancers: &Balancers,
    (increment, most): (i32, Option<i32>),
    pool: &str,
    pass: &mut Pass<'_>,
) {
    if balancers.waiting == 0 {
        pass.restart(&cluster.uid, WAITING);
        return;
    }
    if blocks.iter().any(|block| block.range.is_none()) || !pass.elapsed(&cluster.uid, WAITING, PATIENCE) {
        return;
    }
    pass.restart(&cluster.uid, WAITING);
    let ranges: Vec<IpRange> = blocks.iter().filter_map(|block| block.range).collect();
    let has = i32::try_from(allocator::size(&ranges)).unwrap_or(i32::MAX);
    let count = most.map_or(increment, |most| increment.min(most.saturating_sub(has)));
    let (namespace, name) = (&cluster.key.namespace, &cluster.key.name);
    let free = (1..).map(|number| names::load_balancer_growth(namespace, name, number));
    let taken = |name: &String| blocks.iter().any(|block| block.name == *name);
    let mut free = free.skip_while(taken);
    if let Some(name) = free.next().filter(|_| count > 0) {
        allocate(cluster, &name, "growth", pool, count, pass);
    }
}

/// Gives further blocks back of which nobody has had an address for a while.
fn shrink(cluster: &Cluster<'_>, blocks: &[Block], balancers: &Balancers, pass: &mut Pass<'_>) {
    let first = names::load_balancer_allocation(&cluster.key.namespace, &cluster.key.name);
    for block in blocks.iter().filter(|block| block.name != first && !block.deleting) {
        let Some(range) = block.range else {
            continue;
        };
        let what = format!("nobody uses {}", block.name);
        let is_used = balancers.used.iter().any(|address| range.contains(*address));
        if is_used || balancers.waiting > 0 {
            pass.restart(&cluster.uid, &what);
        } else if pass.elapsed(&cluster.uid, &what, GRACE) {
            pass.gone(Kind::IpAllocation, names::SYSTEM_NAMESPACE, &block.name);
        }
    }
}
