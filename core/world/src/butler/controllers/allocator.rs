//! Which addresses of a pool go to whom: the smallest free block that is large enough gives them, from its start, so that
//! large blocks stay whole as long as they can.

use std::net::Ipv4Addr;

use butler_api::config::IpRange;
use butler_api::v1alpha1::network_pool::{NetworkPoolSpec, PoolRange};
use ipnet::Ipv4Net;

/// A pool with more addresses is not served.
const LARGEST: u64 = 1_048_576;

/// The addresses of a NetworkPool. All lists are ordered, and nothing is in one of them twice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pool {
    whole: IpRange,
    reserved: Vec<IpRange>,
    /// What tenants may get; without what is reserved.
    tenants: Vec<IpRange>,
    /// What is neither reserved nor for tenants.
    unmanaged: Vec<IpRange>,
}

/// What is left of a pool.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Free {
    blocks: Vec<IpRange>,
}

/// Why addresses cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No free block is large enough.
    NoRoom,
    /// The range that is asked for is not within one range of the pool.
    OutsidePool,
    /// Somebody else has addresses of the range that is asked for.
    Taken,
}

impl Pool {
    /// Reads the ranges of a pool: ranges where it has any, else the pair of start and end, else the whole network.
    pub(super) fn of(spec: &NetworkPoolSpec) -> Result<Self, String> {
        let whole = network(&spec.cidr).map_err(|why| format!("invalid pool CIDR: {why}"))?;
        if size(&[whole]) > LARGEST {
            let addresses = size(&[whole]);
            return Err(format!(
                "pool CIDR {:?} has {addresses} addresses; a pool has {LARGEST} at most",
                spec.cidr
            ));
        }
        let reserved = spec.reserved.iter().map(|reserved| network(&reserved.cidr));
        let reserved: Vec<IpRange> = reserved
            .collect::<Result<_, _>>()
            .map_err(|why| format!("invalid reserved CIDR: {why}"))?;
        let reserved = joined(reserved.iter().filter_map(|range| range.common(whole)).collect());
        let asked = tenant_ranges(spec)?.unwrap_or_else(|| vec![whole]);
        let asked = joined(asked.iter().filter_map(|range| range.common(whole)).collect());
        let tenants = without(&asked, &reserved);
        let unmanaged = without(&without(&[whole], &reserved), &asked);
        Ok(Self {
            whole,
            reserved,
            tenants,
            unmanaged,
        })
    }

    /// How many addresses the network of the pool has.
    pub(super) fn whole(&self) -> u64 {
        size(&[self.whole])
    }

    /// How many addresses are reserved.
    pub(super) fn reserved(&self) -> u64 {
        size(&self.reserved)
    }

    /// How many addresses tenants may get.
    pub(super) fn total(&self) -> u64 {
        size(&self.tenants)
    }

    /// Ranges that are neither reserved nor for tenants.
    pub(super) fn unmanaged(&self) -> &[IpRange] {
        &self.unmanaged
    }

    /// How many addresses of them a machine could have: all but the first and the last of the network.
    pub(super) fn unmanaged_hosts(&self) -> u64 {
        let ends = [self.whole.start, self.whole.end].map(IpRange::of);
        size(&without(&self.unmanaged, &joined(ends.to_vec())))
    }

    /// What is left when these are taken.
    pub(super) fn free(&self, taken: &[IpRange]) -> Free {
        Free {
            blocks: without(&self.tenants, &joined(taken.to_vec())),
        }
    }

    /// Takes exactly these addresses.
    pub(super) fn pinned(&self, range: IpRange, free: &mut Free) -> Result<IpRange, Refusal> {
        let within = |outer: &IpRange| outer.contains(range.start) && outer.contains(range.end);
        if range.start > range.end || !self.tenants.iter().any(within) {
            return Err(Refusal::OutsidePool);
        }
        if !free.blocks.iter().any(within) {
            return Err(Refusal::Taken);
        }
        free.take(range);
        Ok(range)
    }
}

impl Free {
    /// Takes so many addresses: from the start of the smallest block that has them.
    pub(super) fn best_fit(&mut self, count: u32) -> Result<IpRange, Refusal> {
        let fits = |block: &&IpRange| count > 0 && size(&[**block]) >= u64::from(count);
        let smallest = self
            .blocks
            .iter()
            .filter(fits)
            .min_by_key(|block| (size(&[**block]), block.start));
        let block = *smallest.ok_or(Refusal::NoRoom)?;
        let range = IpRange {
            start: block.start,
            end: Ipv4Addr::from(u32::from(block.start) + (count - 1)),
        };
        self.take(range);
        Ok(range)
    }

    /// How many addresses are left.
    pub(super) fn size(&self) -> u64 {
        size(&self.blocks)
    }

    /// How many addresses the largest block has.
    pub(super) fn largest(&self) -> u64 {
        self.blocks.iter().map(|block| size(&[*block])).max().unwrap_or(0)
    }

    /// How scattered they are, in percent: nothing for one block.
    pub(super) fn fragmentation(&self) -> u64 {
        (self.largest() * 100)
            .checked_div(self.size())
            .map_or(0, |part| 100 - part)
    }

    fn take(&mut self, range: IpRange) {
        self.blocks = without(&self.blocks, &[range]);
    }
}

/// How many addresses these ranges have.
pub(super) fn size(ranges: &[IpRange]) -> u64 {
    let sizes = ranges
        .iter()
        .map(|range| u64::from(u32::from(range.end)) + 1 - u64::from(u32::from(range.start)));
    sizes.sum()
}

/// Every single address of a range.
pub(super) fn addresses(range: IpRange) -> impl Iterator<Item = Ipv4Addr> {
    (u32::from(range.start)..=u32::from(range.end)).map(Ipv4Addr::from)
}

/// A range as people write it: as a network where it is one, else by its ends.
pub(super) fn written(range: IpRange) -> String {
    let bits = 32 - size(&[range]).ilog2();
    let network = u8::try_from(bits)
        .ok()
        .and_then(|bits| Ipv4Net::new(range.start, bits).ok());
    match network.filter(|network| (network.network(), network.broadcast()) == (range.start, range.end)) {
        Some(network) => network.to_string(),
        None => format!("{}-{}", range.start, range.end),
    }
}

/// A range by its ends; `None` where an end is no address, or they are the wrong way round.
pub(super) fn range(start: &str, end: &str) -> Option<IpRange> {
    let range = IpRange {
        start: start.parse().ok()?,
        end: end.parse().ok()?,
    };
    (range.start <= range.end).then_some(range)
}

fn network(cidr: &str) -> Result<IpRange, String> {
    let network: Ipv4Net = cidr
        .parse()
        .map_err(|_| format!("invalid CIDR notation: invalid CIDR address: {cidr}"))?;
    Ok(IpRange {
        start: network.network(),
        end: network.broadcast(),
    })
}

/// The ranges that a pool names for tenants.
fn tenant_ranges(spec: &NetworkPoolSpec) -> Result<Option<Vec<IpRange>>, String> {
    let Some(tenants) = &spec.tenant_allocation else {
        return Ok(None);
    };
    let bad = |start: &str, end: &str| format!("tenantAllocation range {start}-{end} is no range of IPv4 addresses");
    if !tenants.ranges.is_empty() {
        let all = tenants.ranges.iter();
        let all = all.map(|PoolRange { start, end }| range(start, end).ok_or_else(|| bad(start, end)));
        return all.collect::<Result<_, _>>().map(Some);
    }
    match (tenants.start.as_deref(), tenants.end.as_deref()) {
        (Some(start), Some(end)) if !start.is_empty() && !end.is_empty() => range(start, end)
            .map(|range| Some(vec![range]))
            .ok_or_else(|| bad(start, end)),
        _ => Ok(None),
    }
}

/// The same ranges in order, those that overlap as one. Neighbours stay apart: a block never reaches over the end of a range.
fn joined(mut ranges: Vec<IpRange>) -> Vec<IpRange> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut all: Vec<IpRange> = Vec::new();
    for range in ranges {
        match all.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => all.push(range),
        }
    }
    all
}

/// What of these ranges is not in the others. Both are ordered, and so is what comes out.
fn without(ranges: &[IpRange], others: &[IpRange]) -> Vec<IpRange> {
    let mut all = Vec::new();
    for range in ranges {
        // The first address that is not dealt with yet; none after the last one there is.
        let mut start = Some(u32::from(range.start));
        for other in others.iter().filter_map(|other| other.common(*range)) {
            let (first, last) = (u32::from(other.start), u32::from(other.end));
            if let Some(begin) = start.filter(|begin| *begin < first) {
                all.push(between(begin, first - 1));
            }
            start = last.checked_add(1);
        }
        if let Some(begin) = start.filter(|begin| *begin <= u32::from(range.end)) {
            all.push(between(begin, u32::from(range.end)));
        }
    }
    all
}

fn between(first: u32, last: u32) -> IpRange {
    IpRange {
        start: Ipv4Addr::from(first),
        end: Ipv4Addr::from(last),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pool(spec: &serde_json::Value) -> Pool {
        Pool::of(&serde_json::from_value(spec.clone()).unwrap()).unwrap()
    }

    fn texts(ranges: &[IpRange]) -> Vec<String> {
        ranges.iter().map(|range| written(*range)).collect()
    }

    #[test]
    fn the_smallest_block_that_fits_gives_its_first_addresses() {
        let pool = pool(&json!({"cidr": "10.0.0.0/24"}));
        let taken = ["10.0.0.0-10.0.0.9", "10.0.0.20-10.0.0.99", "10.0.0.104-10.0.0.199"];
        let taken = taken.map(|text| text.split_once('-').and_then(|(a, b)| range(a, b)).unwrap());
        let mut free = pool.free(&taken);
        assert_eq!((free.size(), free.largest(), free.fragmentation()), (70, 56, 20));
        assert_eq!(
            written(free.best_fit(4).unwrap()),
            "10.0.0.100/30",
            "four are left exactly there"
        );
        assert_eq!(written(free.best_fit(4).unwrap()), "10.0.0.10-10.0.0.13");
        assert_eq!(written(free.best_fit(7).unwrap()), "10.0.0.200-10.0.0.206");
        assert_eq!(free.best_fit(50), Err(Refusal::NoRoom));
        assert_eq!(free.best_fit(0), Err(Refusal::NoRoom));
    }

    #[test]
    fn ranges_win_over_start_and_end_and_both_over_the_network() {
        let ends = json!({"start": "10.0.0.10", "end": "10.0.0.19"});
        let both =
            json!({"start": "10.0.0.10", "end": "10.0.0.19", "ranges": [{"start": "10.0.0.2", "end": "10.0.0.3"}]});
        let total =
            |tenants: serde_json::Value| pool(&json!({"cidr": "10.0.0.0/28", "tenantAllocation": tenants})).total();
        assert_eq!(total(json!({})), 16);
        assert_eq!(total(ends), 6, "what is outside the network does not count");
        assert_eq!(total(both), 2);
    }

    #[test]
    fn what_is_reserved_is_never_handed_out_and_the_rest_is_unmanaged() {
        let pool = pool(&json!({
            "cidr": "10.0.0.0/28", "reserved": [{"cidr": "10.0.0.8/30"}, {"cidr": "10.0.0.10/31"}],
            "tenantAllocation": {"ranges": [{"start": "10.0.0.4", "end": "10.0.0.9"}]},
        }));
        assert_eq!((pool.whole(), pool.reserved(), pool.total()), (16, 4, 4));
        assert_eq!(texts(pool.unmanaged()), ["10.0.0.0/30", "10.0.0.12/30"]);
        assert_eq!(
            pool.unmanaged_hosts(),
            6,
            "neither the network nor the broadcast address"
        );
    }

    #[test]
    fn a_pinned_range_lies_in_one_range_that_nobody_has() {
        let pool = pool(&json!({"cidr": "10.0.0.0/28", "tenantAllocation": {"ranges": [
            {"start": "10.0.0.1", "end": "10.0.0.4"}, {"start": "10.0.0.5", "end": "10.0.0.9"},
        ]}}));
        let mut free = pool.free(&[]);
        let mut pin = |start, end| pool.pinned(range(start, end).unwrap(), &mut free);
        assert_eq!(pin("10.0.0.4", "10.0.0.5"), Err(Refusal::OutsidePool));
        assert!(pin("10.0.0.6", "10.0.0.7").is_ok());
        assert_eq!(pin("10.0.0.7", "10.0.0.8"), Err(Refusal::Taken));
        assert!(pin("10.0.0.8", "10.0.0.9").is_ok());
    }

    #[test]
    fn what_is_no_pool_says_why() {
        let why = |spec| Pool::of(&serde_json::from_value(spec).unwrap()).unwrap_err();
        assert!(why(json!({"cidr": "999.1.1.1/99"})).contains("invalid CIDR address: 999.1.1.1/99"));
        assert!(why(json!({"cidr": "10.0.0.0/8"})).contains("16777216 addresses"));
        let backwards = json!({"cidr": "10.0.0.0/24", "tenantAllocation": {"start": "10.0.0.9", "end": "10.0.0.1"}});
        assert!(why(backwards).contains("10.0.0.9-10.0.0.1"));
        let (first, last) = (
            pool(&json!({"cidr": "0.0.0.0/12"})),
            pool(&json!({"cidr": "255.240.0.0/12"})),
        );
        assert_eq!(
            (first.total(), last.total()),
            (LARGEST, LARGEST),
            "the ends of all addresses are no trouble"
        );
    }

    /// A pool of 10.0.0.0/24 with tenant ranges and reserved networks, by numbers of addresses.
    fn any_pool() -> impl Strategy<Value = serde_json::Value> {
        let ranges = prop::collection::vec((0_u8..=255, 0_u8..60), 0..4);
        let reserved = prop::collection::vec((0_u8..=255, 26_u8..=32), 0..4);
        (ranges, reserved).prop_map(|(ranges, reserved)| {
            let ranges: Vec<_> = ranges.into_iter().map(|(start, more)| {
                json!({"start": format!("10.0.0.{start}"), "end": format!("10.0.0.{}", start.saturating_add(more))})
            }).collect();
            let reserved: Vec<_> = reserved
                .into_iter()
                .map(|(at, bits)| json!({"cidr": format!("10.0.0.{at}/{bits}")}))
                .collect();
            json!({"cidr": "10.0.0.0/24", "reserved": reserved, "tenantAllocation": {"ranges": ranges}})
        })
    }

    fn set(ranges: &[IpRange]) -> BTreeSet<Ipv4Addr> {
        ranges.iter().flat_map(|range| addresses(*range)).collect()
    }

    proptest! {
        #[test]
        fn every_address_of_a_pool_is_of_one_sort(spec in any_pool()) {
            let pool = pool(&spec);
            let sorts = [set(&pool.reserved), set(&pool.tenants), set(&pool.unmanaged)];
            let counted: usize = sorts.iter().map(BTreeSet::len).sum();
            let all: BTreeSet<_> = sorts.iter().flatten().collect();
            prop_assert_eq!((counted, all.len()), (256, 256));
            prop_assert_eq!(pool.total() + pool.reserved() + size(pool.unmanaged()), pool.whole());
        }

        /// Hands out and takes back at random, beside the simplest bookkeeping that there is: a set of addresses.
        #[test]
        fn nobody_gets_what_another_has_and_nothing_is_lost(
            spec in any_pool(),
            acts in prop::collection::vec((1_u32..24, any::<bool>(), any::<prop::sample::Index>()), 0..60),
        ) {
            let pool = pool(&spec);
            let mut held: Vec<IpRange> = Vec::new();
            for (count, give_back, which) in acts {
                if give_back && !held.is_empty() {
                    held.swap_remove(which.index(held.len()));
                    continue;
                }
                let mut free = pool.free(&held);
                let before = free.blocks.clone();
                match free.best_fit(count) {
                    Ok(range) => {
                        prop_assert_eq!(size(&[range]), u64::from(count));
                        prop_assert!(held.iter().all(|other| !other.overlaps(range)));
                        let block = before.iter().find(|block| block.start == range.start).unwrap();
                        let smaller = before.iter().any(|other| {
                            size(&[*other]) >= u64::from(count) && size(&[*other]) < size(&[*block])
                        });
                        prop_assert!(!smaller, "another block fits better");
                        held.push(range);
                    }
                    Err(why) => {
                        prop_assert_eq!(why, Refusal::NoRoom);
                        prop_assert!(before.iter().all(|block| size(&[*block]) < u64::from(count)));
                    }
                }
                // What was taken step by step is what comes out when it is counted anew.
                prop_assert_eq!(&pool.free(&held), &free);
                let left: BTreeSet<_> = set(&pool.tenants).difference(&set(&held)).copied().collect();
                prop_assert_eq!(set(&free.blocks), left);
                prop_assert!(free.fragmentation() <= 100);
            }
            held.clear();
            prop_assert_eq!(pool.free(&held).size(), pool.total());
        }
    }
}
