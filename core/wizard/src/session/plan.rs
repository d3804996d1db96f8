//! The address plan of the answers, and what would mend its conflicts.

use std::net::Ipv4Addr;

use butler_api::config::IpRange;

use super::room;
use crate::{
    addresses::{AddressPlan, Taken, Use},
    codec,
    finding::{Finding, Severity},
    topic::View,
};

const VIP: &str = "network.vip";
const POOL: &str = "network.loadBalancerPool";
const NODES: &str = "network.nodeAddresses";

/// The plan that the answers make; none where they name no address of the node network.
pub(crate) fn plan(view: &View<'_>) -> Option<AddressPlan> {
    let mut ranges = ranges(view);
    let (prefix, first) = picture(view, &ranges)?;
    let shown = IpRange {
        start: first,
        end: last(first, prefix),
    };
    let (tenants, outside) = tenants(view, shown);
    ranges.extend(tenants);
    ranges.sort_by_key(|taken| (taken.start, taken.end, taken.purpose));
    let mut beside = outside;
    for (purpose, path) in [
        (Use::Pods, "network.podCIDR"),
        (Use::ClusterServices, "network.serviceCIDR"),
    ] {
        beside.extend(view.text(path).map(|text| (purpose, text)));
    }
    Some(AddressPlan {
        first,
        prefix,
        ranges,
        beside,
    })
}

/// What of the node network is used by the management cluster.
fn ranges(view: &View<'_>) -> Vec<Taken> {
    let mut ranges = Vec::new();
    let mut single = |path: &str, purpose: Use| {
        if let Some(at) = address(view, path) {
            ranges.push(taken(at, at, purpose, path));
        }
    };
    single(&format!("{NODES}.gateway"), Use::Gateway);
    single(VIP, Use::Endpoint);
    for index in 0_u64.. {
        let path = format!("providerConfig.static.machines[{index}].address");
        let Some(text) = view.text(&path) else { break };
        let (control_planes, workers) = view.counts();
        if index >= control_planes + workers {
            break;
        }
        let host = text.split_once(':').map_or(text.as_str(), |(host, _)| host);
        if let Ok(at) = host.parse() {
            ranges.push(taken(at, at, Use::Nodes, &path));
        }
    }
    for (block, purpose) in [(POOL, Use::Services), (NODES, Use::Nodes)] {
        if let Some(range) = range(view, block) {
            ranges.push(taken(range.start, range.end, purpose, &format!("{block}.start")));
        }
    }
    ranges
}

fn taken(start: Ipv4Addr, end: Ipv4Addr, purpose: Use, path: &str) -> Taken {
    Taken {
        start,
        end,
        purpose,
        path: path.to_owned(),
    }
}

fn address(view: &View<'_>, path: &str) -> Option<Ipv4Addr> {
    view.text(path)?.trim().parse().ok()
}

fn range(view: &View<'_>, block: &str) -> Option<IpRange> {
    let start = address(view, &format!("{block}.start"))?;
    let end = address(view, &format!("{block}.end"))?;
    (start <= end).then_some(IpRange { start, end })
}

/// The network that is drawn: the node network where it is known, else the smallest that holds everything, at least a /24.
fn picture(view: &View<'_>, ranges: &[Taken]) -> Option<(u8, Ipv4Addr)> {
    let start = ranges.iter().map(|taken| taken.start).min()?;
    let end = ranges.iter().map(|taken| taken.end).max()?;
    let common = (start.to_bits() ^ end.to_bits()).leading_zeros();
    let common = u8::try_from(common).unwrap_or(32).min(24);
    let known = view.number(&format!("{NODES}.prefixLength"));
    let known = known
        .and_then(|length| u8::try_from(length).ok())
        .filter(|length| (1..=30).contains(length));
    // What lies outside of the node network has to be seen as well.
    let prefix = known.map_or(common, |known| known.min(common));
    Some((prefix, network(start, prefix)))
}

fn network(address: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(address.to_bits() & mask)
}

fn last(first: Ipv4Addr, prefix: u8) -> Ipv4Addr {
    let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    Ipv4Addr::from_bits(first.to_bits() | hosts)
}

/// `a.b.c.d/n` as a range.
fn cidr(text: &str) -> Option<IpRange> {
    let (address, prefix) = text.trim().split_once('/')?;
    let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    let start = network(address.parse().ok()?, prefix);
    Some(IpRange {
        start,
        end: last(start, prefix),
    })
}

/// What tenants get, where it is in the picture, and what of it is beside.
fn tenants(view: &View<'_>, shown: IpRange) -> (Vec<Taken>, Vec<(Use, String)>) {
    let Some(text) = view.text("networkPool.cidr") else {
        return (Vec::new(), Vec::new());
    };
    let Some(whole) = cidr(&text) else {
        return (Vec::new(), Vec::new());
    };
    if !whole.overlaps(shown) {
        return (Vec::new(), vec![(Use::Tenants, text)]);
    }
    let reserved = view.text("networkPool.reserved");
    let reserved = reserved.as_deref().into_iter().flat_map(codec::items);
    let mut reserved: Vec<IpRange> = reserved
        .filter_map(|item| cidr(item.split_whitespace().next()?))
        .collect();
    reserved.sort_by_key(|range| range.start);
    let handed_out = range(view, "networkPool.tenantAllocation").unwrap_or(whole);
    let mut found: Vec<Taken> = free_of(handed_out, &reserved)
        .into_iter()
        .map(|part| taken(part.start, part.end, Use::Tenants, "networkPool.cidr"))
        .collect();
    found.extend(
        reserved
            .iter()
            .map(|part| taken(part.start, part.end, Use::Reserved, "networkPool.reserved")),
    );
    (found, Vec::new())
}

/// The parts of a range that none of the others has.
fn free_of(range: IpRange, others: &[IpRange]) -> Vec<IpRange> {
    let mut others: Vec<IpRange> = others.iter().filter_map(|other| range.common(*other)).collect();
    others.sort_by_key(|other| other.start);
    let mut free = Vec::new();
    let mut next = Some(range.start);
    for other in others {
        let Some(from) = next else { break };
        if from < other.start {
            let end = Ipv4Addr::from_bits(other.start.to_bits() - 1);
            free.push(IpRange { start: from, end });
        }
        let after = other.end.to_bits().checked_add(1).map(Ipv4Addr::from_bits);
        next = after.map(|after| after.max(from));
    }
    if let Some(from) = next.filter(|from| *from <= range.end) {
        free.push(IpRange {
            start: from,
            end: range.end,
        });
    }
    free
}

/// Adds what would mend conflicts of addresses: the largest part of a range that nobody else has.
pub(crate) fn mend(view: &View<'_>, findings: &mut [Finding]) {
    if findings.iter().all(|finding| finding.severity != Severity::Error) {
        return;
    }
    let Some(plan) = plan(view) else { return };
    for block in [POOL, NODES] {
        let Some(mine) = range(view, block) else { continue };
        let is_mine = |taken: &&Taken| taken.path.starts_with(block) && taken.purpose != Use::Gateway;
        let others: Vec<IpRange> = plan
            .ranges
            .iter()
            .filter(|taken| !is_mine(taken))
            .map(|Taken { start, end, .. }| IpRange {
                start: *start,
                end: *end,
            })
            .collect();
        let size = |range: &IpRange| u64::from(range.end.to_bits() - range.start.to_bits()) + 1;
        let free = free_of(mine, &others).into_iter().max_by_key(size);
        let Some(free) = free.filter(|free| *free != mine) else {
            continue;
        };
        let needed = if block == NODES { room::totals(view).machines } else { 1 };
        if size(&free) < needed {
            continue;
        }
        // The conflict is told at the range or at what lies in it.
        let meets = |finding: &Finding| {
            finding.path.starts_with(block)
                || finding.path == VIP && address(view, VIP).is_some_and(|vip| mine.contains(vip))
                || finding.path.ends_with(".address")
                    && address(view, &finding.path).is_some_and(|at| mine.contains(at))
        };
        let conflicts = findings
            .iter_mut()
            .filter(|finding| finding.severity == Severity::Error && finding.fix.is_empty() && meets(finding));
        for finding in conflicts {
            finding.fix = vec![
                (format!("{block}.start"), free.start.to_string()),
                (format!("{block}.end"), free.end.to_string()),
            ];
            let words = format!("{} to {} are free of conflicts", free.start, free.end);
            finding.hint = Some(match finding.hint.take() {
                Some(hint) => format!("{hint}; {words}"),
                None => words,
            });
        }
    }
}
