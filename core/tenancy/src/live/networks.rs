//! Addresses: what a pool has, what of it is kept back or used by the platform, and what a cluster was given.

use std::net::Ipv4Addr;

use butler_api::v1alpha1::{IPAllocation, NetworkPool};
use ipnet::Ipv4Net;

/// A range of addresses, with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The pool that it is of.
    pub pool: Box<str>,
    /// The first address.
    pub first: Ipv4Addr,
    /// The last address.
    pub last: Ipv4Addr,
    /// What it is for; nothing of a whole pool.
    pub purpose: Box<str>,
    /// Whom it belongs to; nobody for a whole pool.
    pub owner: Box<str>,
    /// Parts of it that nobody can be given.
    pub kept: Vec<Kept>,
}

/// A part of a pool that nobody can be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The first address.
    pub first: Ipv4Addr,
    /// The last address.
    pub last: Ipv4Addr,
    /// Whether the platform itself uses it; else it is reserved.
    pub by_platform: bool,
    /// What it is kept for.
    pub words: Box<str>,
}

/// The addresses of a pool; none where its network cannot be read.
pub(super) fn of_pool(name: &str, pool: &NetworkPool) -> Option<Block> {
    let network: Ipv4Net = pool.spec.cidr.parse().ok()?;
    let reserved = pool.spec.reserved.iter().filter_map(|range| {
        let network: Ipv4Net = range.cidr.parse().ok()?;
        Some(Kept {
            first: network.network(),
            last: network.broadcast(),
            by_platform: false,
            words: range.description.as_deref().unwrap_or("reserved").into(),
        })
    });
    let status = pool.status.iter();
    let used = status.flat_map(|status| &status.infrastructure_allocations);
    let used = used.filter_map(|allocation| {
        let address: Ipv4Addr = allocation.ip.parse().ok()?;
        let by = allocation.node_ref.as_ref().map(|node| node.name.clone());
        let by = by.or_else(|| allocation.service_ref.as_ref().map(|service| service.name.clone()));
        Some(Kept {
            first: address,
            last: address,
            by_platform: true,
            words: by.unwrap_or_else(|| allocation.source.clone()).into(),
        })
    });
    Some(Block {
        pool: name.into(),
        first: network.network(),
        last: network.broadcast(),
        purpose: "".into(),
        owner: "".into(),
        kept: reserved.chain(used).collect(),
    })
}

/// The addresses that a cluster was given; none before it was.
pub(super) fn of_allocation(allocation: &IPAllocation) -> Option<Block> {
    let status = allocation.status.as_ref()?;
    let spec = &allocation.spec;
    Some(Block {
        pool: spec.pool_ref.name.as_str().into(),
        first: status.start_address.as_ref()?.parse().ok()?,
        last: status.end_address.as_ref()?.parse().ok()?,
        purpose: spec.r#type.to_string().into(),
        owner: spec.tenant_cluster_ref.name.as_str().into(),
        kept: Vec::new(),
    })
}
