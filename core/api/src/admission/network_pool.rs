//! NetworkPools: ranges that fit together, and that keep the addresses which have been handed out.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::{Change, Facts, FieldError, Need};
use crate::v1alpha1::{
    IPAllocation, NetworkPool,
    ip_allocation::{AllocationPhase, IPAllocationStatus},
    network_pool::{NetworkPoolSpec, PoolRange},
};

/// Warnings about a pool, and what is wrong with it or with its deletion.
pub(super) fn review(change: &Change<NetworkPool>, facts: &Facts) -> Result<(Vec<String>, Vec<FieldError>), Need> {
    let (old, new) = match change {
        Change::Create(new) => return Ok((warnings(&new.spec), errors_of_spec(&new.spec))),
        Change::Update { old, new } => (old, new),
        Change::Delete(old) => return Ok((Vec::new(), errors_of_deletion(old, facts)?)),
    };
    let errors = errors_of_spec(&new.spec);
    if !errors.is_empty() {
        return Ok((warnings(&new.spec), errors));
    }
    // Like the controller, warn of nothing that has been admitted before.
    if let Some(error) = error_of_new_network(&old.spec, &new.spec) {
        return Ok((Vec::new(), vec![error]));
    }
    Ok((Vec::new(), errors_of_narrowing(new, facts)?))
}

/// The old way to name one range is still read.
fn warnings(spec: &NetworkPoolSpec) -> Vec<String> {
    let Some(tenants) = &spec.tenant_allocation else {
        return Vec::new();
    };
    let (Some(start), Some(end)) = (given(tenants.start.as_ref()), given(tenants.end.as_ref())) else {
        return Vec::new();
    };
    if !tenants.ranges.is_empty() {
        return vec!["Start/End are ignored when Ranges is present; remove them".to_owned()];
    }
    vec![format!(
        "Start/End fields are deprecated; migrate to Ranges. Equivalent configuration:\n  tenantAllocation:\n    ranges:\n    \
         - start: {start}\n      end: {end}"
    )]
}

fn given(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}

/// The ranges that tenants get addresses from; none means the whole network.
fn ranges(spec: &NetworkPoolSpec) -> Vec<PoolRange> {
    let Some(tenants) = &spec.tenant_allocation else {
        return Vec::new();
    };
    if !tenants.ranges.is_empty() {
        return tenants.ranges.clone();
    }
    match (given(tenants.start.as_ref()), given(tenants.end.as_ref())) {
        (Some(start), Some(end)) => vec![PoolRange {
            start: start.clone(),
            end: end.clone(),
        }],
        _ => Vec::new(),
    }
}

fn errors_of_spec(spec: &NetworkPoolSpec) -> Vec<FieldError> {
    let faults = match network(&spec.cidr) {
        Err(why) => vec![format!("invalid pool CIDR: {why}")],
        Ok(pool) => {
            let ranges = ranges(spec);
            let mut faults = faults_of_reserved(spec, pool);
            faults.extend(faults_of_ranges(spec, pool, &ranges));
            faults.extend(straddling(spec, &ranges));
            faults
        }
    };
    let shown = spec.cidr.as_str().into();
    let errors = faults.into_iter();
    errors.map(|fault| FieldError::invalid("spec", &shown, fault)).collect()
}

fn faults_of_reserved(spec: &NetworkPoolSpec, pool: Ipv4Net) -> Vec<String> {
    let cidrs = spec.reserved.iter().map(|reserved| &reserved.cidr);
    let faults = cidrs.filter_map(|cidr| match network(cidr) {
        Err(why) => Some(format!(
            "invalid reserved CIDR {cidr:?}: invalid inner CIDR {cidr:?}: {why}"
        )),
        Ok(reserved) if !pool.contains(&reserved) => Some(format!(
            "reserved CIDR {cidr:?} is not within pool CIDR {:?}",
            spec.cidr
        )),
        Ok(_) => None,
    });
    faults.collect()
}

fn faults_of_ranges(spec: &NetworkPoolSpec, pool: Ipv4Net, ranges: &[PoolRange]) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, range) in ranges.iter().enumerate() {
        let PoolRange { start, end } = range;
        let Some(first) = address(start) else {
            faults.push(format!("ranges[{at}].start {start:?} is not a valid IPv4 address"));
            continue;
        };
        let Some(last) = address(end) else {
            faults.push(format!("ranges[{at}].end {end:?} is not a valid IPv4 address"));
            continue;
        };
        if first > last {
            faults.push(format!("ranges[{at}] start {start} is after end {end}"));
            continue;
        }
        if !pool.contains(&first) || !pool.contains(&last) {
            faults.push(format!(
                "ranges[{at}] ({start}-{end}) falls outside pool CIDR {}",
                spec.cidr
            ));
        }
        let before = at.checked_sub(1).map(|before| (before, &ranges[before].end));
        if let Some((before, end)) = before
            && address(end).is_some_and(|end| first <= end)
        {
            faults.push(format!(
                "ranges must be sorted by start IP and non-overlapping; ranges[{at}].start ({start}) must be greater than \
                 ranges[{before}].end ({end})"
            ));
        }
    }
    faults
}

/// What is reserved lies inside a range or outside, but not half in it.
fn straddling(spec: &NetworkPoolSpec, ranges: &[PoolRange]) -> Vec<String> {
    let mut faults = Vec::new();
    for cidr in spec.reserved.iter().map(|reserved| &reserved.cidr) {
        let Ok(reserved) = network(cidr) else { continue };
        for (at, range) in ranges.iter().enumerate() {
            let Some(bounds) = bounds(range) else { continue };
            if bounds.contains(&reserved.network()) != bounds.contains(&reserved.broadcast()) {
                let PoolRange { start, end } = range;
                faults.push(format!(
                    "reserved CIDR {cidr} straddles ranges[{at}] boundary ({start}-{end})"
                ));
            }
        }
    }
    faults
}

/// A pool may grow, not shrink.
fn error_of_new_network(old: &NetworkPoolSpec, new: &NetworkPoolSpec) -> Option<FieldError> {
    const FIELD: &str = "spec.cidr";
    if old.cidr == new.cidr {
        return None;
    }
    match (network(&new.cidr), network(&old.cidr)) {
        (Ok(outer), Ok(inner)) if outer.contains(&inner) => None,
        (Ok(_), Ok(_)) => {
            let detail = format!(
                "new CIDR {:?} does not contain the previous CIDR {:?}; shrinking a pool may orphan existing allocations",
                new.cidr, old.cidr
            );
            Some(FieldError::forbidden(FIELD, detail))
        }
        (Err(why), _) => Some(unclear(
            FIELD,
            new,
            &format!("invalid outer CIDR {:?}: {why}", new.cidr),
        )),
        (_, Err(why)) => Some(unclear(
            FIELD,
            new,
            &format!("invalid inner CIDR {:?}: {why}", old.cidr),
        )),
    }
}

fn unclear(field: &str, new: &NetworkPoolSpec, why: &str) -> FieldError {
    let detail = format!("failed to validate CIDR containment: {why}");
    FieldError::invalid(field, &new.cidr.as_str().into(), detail)
}

/// No address that has been handed out may fall out of the ranges.
fn errors_of_narrowing(pool: &NetworkPool, facts: &Facts) -> Result<Vec<FieldError>, Need> {
    let ranges = ranges(&pool.spec);
    let Some(bounds) = ranges.iter().map(bounds).collect::<Option<Vec<_>>>() else {
        return Ok(Vec::new());
    };
    if bounds.is_empty() {
        return Ok(Vec::new());
    }
    let within = |address: Ipv4Addr| bounds.iter().any(|bounds| bounds.contains(&address));
    let allocations = facts.allocations(pool.metadata.name.as_deref().unwrap_or(""))?;
    let errors = allocations.iter().filter_map(|allocation| {
        let outside = outside(allocated(allocation)?, within)?;
        let name = allocation.metadata.name.as_deref().unwrap_or("");
        let detail = format!(
            "cannot narrow tenant allocation ranges: IPAllocation {name:?} has {outside} outside the proposed ranges. Migrate \
             or delete affected allocations first"
        );
        Some(FieldError::forbidden("spec.tenantAllocation", detail))
    });
    Ok(errors.collect())
}

/// The addresses of an allocation that are outside of what `within` tells, in words.
fn outside(status: &IPAllocationStatus, within: impl Fn(Ipv4Addr) -> bool) -> Option<String> {
    let lost = |text: &&String| address(text).is_some_and(|address| !within(address));
    if !status.addresses.is_empty() {
        return status.addresses.iter().find(lost).map(|text| format!("address {text}"));
    }
    let (start, end) = (status.start_address.as_ref()?, status.end_address.as_ref()?);
    address(start).and(address(end))?;
    (lost(&start) || lost(&end)).then(|| format!("addresses {start}-{end}"))
}

fn errors_of_deletion(pool: &NetworkPool, facts: &Facts) -> Result<Vec<FieldError>, Need> {
    let name = pool.metadata.name.as_deref().unwrap_or("");
    let mut allocations = facts.allocations(name)?.iter();
    let error = allocations.find(|a| allocated(a).is_some()).map(|allocation| {
        let metadata = &allocation.metadata;
        let detail = format!(
            "cannot delete NetworkPool {name:?}: IPAllocation {:?} in namespace {:?} is still in phase Allocated",
            metadata.name.as_deref().unwrap_or(""),
            metadata.namespace.as_deref().unwrap_or("")
        );
        FieldError::forbidden("metadata.name", detail)
    });
    Ok(error.into_iter().collect())
}

/// The status of an allocation that holds addresses.
fn allocated(allocation: &IPAllocation) -> Option<&IPAllocationStatus> {
    let status = allocation.status.as_ref()?;
    (status.phase == Some(AllocationPhase::Allocated)).then_some(status)
}

fn network(cidr: &str) -> Result<Ipv4Net, String> {
    let invalid = |_| format!("invalid CIDR notation: invalid CIDR address: {cidr}");
    cidr.parse::<Ipv4Net>().map_err(invalid)
}

fn address(text: &str) -> Option<Ipv4Addr> {
    match text.parse().ok()? {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(address) => address.to_ipv4_mapped(),
    }
}

fn bounds(range: &PoolRange) -> Option<std::ops::RangeInclusive<Ipv4Addr>> {
    Some(address(&range.start)?..=address(&range.end)?)
}
