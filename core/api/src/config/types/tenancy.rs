//! What tenant clusters get: exposure of their control planes, addresses, whether teams own them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::{
    config::IpRange,
    v1alpha1::{
        network_pool::TenantAllocationDefaults,
        provider_config::{LoadBalancerAllocation, NetworkMode, PoolRef, TenantQuota},
    },
};

/// How tenant control planes are reached.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "mode", rename_all_fields = "camelCase")]
pub enum Exposure {
    /// One service of type LoadBalancer each.
    LoadBalancer,
    /// Through an ingress controller with TLS passthrough.
    Ingress {
        /// Wildcard host that all tenants share.
        hostname: String,
        /// Class of the ingresses; the cluster's default when none.
        ingress_class_name: Option<String>,
        /// `haproxy`, `nginx`, `traefik` or `generic`.
        controller_type: Option<String>,
    },
    /// Through a Gateway with TLS passthrough.
    Gateway {
        /// Wildcard host that all tenants share.
        hostname: String,
        /// `namespace/name` of the Gateway.
        gateway_ref: String,
    },
}

/// Whether clusters belong to teams (`multiTenancyMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MultiTenancyMode {
    /// Clusters may belong to a team or to nobody.
    Optional,
    /// Every cluster belongs to a team.
    Enforced,
    /// There are no teams.
    Disabled,
}

/// `networkPool`: the NetworkPool that the bootstrap creates.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkPool {
    /// Object name; `<cluster>-underlay` when not written.
    pub name: String,
    /// What the object asks for.
    pub spec: NetworkPoolSettings,
}

/// The addresses of a NetworkPool.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPoolSettings {
    /// The network that the pool covers.
    pub cidr: Ipv4Net,
    /// Parts of it that are never handed out.
    pub reserved: Vec<ReservedNetwork>,
    /// What tenants may get; none means everything that is not reserved.
    pub tenant_allocation: Option<TenantAllocation>,
}

/// A part of a NetworkPool that is never handed out.
#[derive(Debug, Clone, Serialize)]
pub struct ReservedNetwork {
    /// The addresses of the part.
    pub cidr: Ipv4Net,
    /// What it is reserved for.
    pub description: Option<String>,
}

/// What tenants may get of a NetworkPool.
#[derive(Debug, Clone, Serialize)]
pub struct TenantAllocation {
    /// Addresses for tenants; none means all that are not reserved.
    #[serde(flatten)]
    pub range: Option<IpRange>,
    /// How many addresses a tenant gets.
    pub defaults: Option<TenantAllocationDefaults>,
}

/// `providerNetwork`: how tenant clusters on this platform get addresses.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderNetwork {
    /// Whether addresses come from network pools or from the platform.
    pub mode: Option<NetworkMode>,
    /// Network pools to take addresses from.
    pub pool_refs: Vec<PoolRef>,
    /// Gateway of the node network.
    pub gateway: Option<Ipv4Addr>,
    /// DNS servers of the nodes.
    pub dns_servers: Vec<IpAddr>,
    /// Name of the platform's network for tenant machines.
    pub subnet: Option<String>,
    /// How load balancer addresses are handed out.
    pub load_balancer: Option<LoadBalancerAllocation>,
    /// Limits for each tenant.
    pub quota_per_tenant: Option<TenantQuota>,
}
