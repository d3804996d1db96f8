//! What tenant clusters get: exposure, network pool, addresses on the platform.

use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::{Validator, net, or_default, text};
use crate::{
    config::{
        ControlPlaneEndpoint, Exposure, IpRange, Network, NetworkPool, NetworkPoolSettings, ProviderKind,
        ProviderNetwork, ReservedNetwork, TenantAllocation,
        address::is_dns_name,
        raw::{
            RawAllocationMode, RawConfig, RawControllerType, RawExposure, RawExposureMode, RawLbAllocation,
            RawNetworkMode, RawNetworkPool, RawPoolRef, RawProviderNetwork, RawQuota, RawTenantAllocation,
            RawTenantDefaults,
        },
    },
    names,
    v1alpha1::{
        network_pool::TenantAllocationDefaults,
        provider_config::{AllocationMode, LoadBalancerAllocation, NetworkMode, PoolRef, TenantQuota},
    },
};

pub(super) fn exposure(v: &mut Validator<'_>, raw: &RawConfig) -> Option<Exposure> {
    let raw = raw.control_plane_exposure.as_ref()?;
    let mode = raw.mode?;
    foreign_fields(v, raw, mode);
    if mode == RawExposureMode::LoadBalancer {
        return Some(Exposure::LoadBalancer);
    }
    let word = if mode == RawExposureMode::Ingress {
        "Ingress"
    } else {
        "Gateway"
    };
    let hostname = hostname(v, raw, word);
    if mode == RawExposureMode::Ingress {
        let controller_type = raw.controller_type.map(controller);
        return Some(Exposure::Ingress {
            hostname,
            ingress_class_name: text(raw.ingress_class_name.as_ref()),
            controller_type,
        });
    }
    let path = "controlPlaneExposure.gatewayRef";
    let gateway_ref = text(raw.gateway_ref.as_ref());
    let gateway_ref = v.needed(
        gateway_ref.as_ref(),
        path,
        "exposure mode Gateway needs `namespace/name` of a Gateway",
    );
    if gateway_ref.as_deref().is_some_and(|name| {
        !name
            .split_once('/')
            .is_some_and(|(a, b)| is_dns_name(a) && is_dns_name(b))
    }) {
        v.problem(path, format!("`{path}` must be `namespace/name`"), "");
    }
    Some(Exposure::Gateway {
        hostname,
        gateway_ref: or_default(gateway_ref),
    })
}

fn hostname(v: &mut Validator<'_>, raw: &RawExposure, mode: &str) -> String {
    let path = "controlPlaneExposure.hostname";
    let hint = format!("exposure mode {mode} needs a wildcard host such as `*.k8s.example.org`");
    let written = text(raw.hostname.as_ref());
    let Some(host) = v.needed(written.as_ref(), path, &hint) else {
        return String::new();
    };
    if !is_dns_name(host.strip_prefix("*.").unwrap_or(&host)) {
        v.problem(
            path,
            format!("`{path}` is no host name"),
            "write it like `*.k8s.example.org`",
        );
    }
    host
}

fn foreign_fields(v: &mut Validator<'_>, raw: &RawExposure, mode: RawExposureMode) {
    use RawExposureMode::{Gateway, Ingress};
    for (written, key, modes, words) in [
        (
            raw.hostname.is_some(),
            "hostname",
            &[Ingress, Gateway][..],
            "Ingress and Gateway",
        ),
        (
            raw.ingress_class_name.is_some(),
            "ingressClassName",
            &[Ingress],
            "Ingress",
        ),
        (raw.controller_type.is_some(), "controllerType", &[Ingress], "Ingress"),
        (raw.gateway_ref.is_some(), "gatewayRef", &[Gateway], "Gateway"),
    ] {
        if written && !modes.contains(&mode) {
            let path = format!("controlPlaneExposure.{key}");
            v.problem(&path, format!("`{path}` is only for mode {words}"), "");
        }
    }
}

fn controller(kind: RawControllerType) -> String {
    match kind {
        RawControllerType::Haproxy => "haproxy",
        RawControllerType::Nginx => "nginx",
        RawControllerType::Traefik => "traefik",
        RawControllerType::Generic => "generic",
    }
    .to_owned()
}

pub(super) fn network_pool(
    v: &mut Validator<'_>,
    raw: &RawConfig,
    cluster: &str,
    network: &Network,
) -> Option<NetworkPool> {
    let raw = raw.network_pool.as_ref()?;
    let name = text(raw.name.as_ref()).unwrap_or_else(|| names::network_pool(cluster));
    if raw.name.is_some() && !is_dns_name(&name) {
        v.problem(
            "networkPool.name",
            "`networkPool.name` is no object name",
            "lower-case letters, digits, `-` and `.`",
        );
    }
    let cidr = net::cidr(v, raw.cidr.as_ref()?, "networkPool.cidr")?;
    let reserved = reserved(v, raw, cidr);
    let tenant_allocation = raw.tenant_allocation.as_ref().map(|raw| TenantAllocation {
        range: tenants(v, raw, cidr),
        defaults: raw.defaults.as_ref().map(tenant_defaults),
    });
    let tenants = tenant_allocation.as_ref().and_then(|tenants| tenants.range);
    inside_tenants(v, network, tenants.unwrap_or_else(|| net::whole(cidr)), &reserved);
    let spec = NetworkPoolSettings {
        cidr,
        reserved,
        tenant_allocation,
    };
    Some(NetworkPool { name, spec })
}

fn tenant_defaults(raw: &RawTenantDefaults) -> TenantAllocationDefaults {
    TenantAllocationDefaults {
        lb_pool_per_tenant: count(raw.lb_pool_per_tenant),
        nodes_per_tenant: count(raw.nodes_per_tenant),
    }
}

/// A number as the resource definitions have it; the schema of the file allows no larger one.
fn count(value: Option<u32>) -> Option<i32> {
    value.map(|value| i32::try_from(value).unwrap_or(i32::MAX))
}

fn reserved(v: &mut Validator<'_>, raw: &RawNetworkPool, cidr: Ipv4Net) -> Vec<ReservedNetwork> {
    let mut out = Vec::new();
    for (i, entry) in raw.reserved.iter().enumerate() {
        let path = format!("networkPool.reserved[{i}].cidr");
        let Some(part) = entry.cidr.as_ref().and_then(|text| net::cidr(v, text, &path)) else {
            continue;
        };
        if !cidr.contains(&part) {
            v.problem(&path, format!("{part} is not inside `networkPool.cidr`"), "");
        }
        out.push(ReservedNetwork {
            cidr: part,
            description: entry.description.clone(),
        });
    }
    out
}

fn tenants(v: &mut Validator<'_>, raw: &RawTenantAllocation, cidr: Ipv4Net) -> Option<IpRange> {
    let path = "networkPool.tenantAllocation";
    let (start, end) = match (&raw.start, &raw.end) {
        (Some(start), Some(end)) => (start, end),
        (None, None) => return None,
        _ => {
            if !v.is_written(&format!("{path}.start")) || !v.is_written(&format!("{path}.end")) {
                v.problem(
                    path,
                    format!("`{path}.start` and `{path}.end` go together"),
                    "write both or none",
                );
            }
            return None;
        }
    };
    let range = net::range(v, start, end, path)?;
    if !cidr.contains(&range.start) || !cidr.contains(&range.end) {
        v.problem(path, format!("`{path}` reaches outside `networkPool.cidr`"), "");
    }
    Some(range)
}

/// Addresses of the management cluster must not be handed out to tenants.
fn inside_tenants(v: &mut Validator<'_>, network: &Network, tenants: IpRange, reserved: &[ReservedNetwork]) {
    let hint = "add it to `networkPool.reserved`, or narrow `networkPool.tenantAllocation`";
    let reserved: Vec<Ipv4Net> = reserved.iter().map(|part| part.cidr).collect();
    let taken = |range: IpRange| {
        let common = range.common(tenants);
        common.is_some_and(|part| !net::is_covered(part, &reserved))
    };
    if let Some(vip) = network.vip.as_ref().and_then(ControlPlaneEndpoint::address)
        && taken(IpRange::of(vip))
    {
        v.problem(
            "network.vip",
            format!("VIP {vip} is among the addresses for tenants"),
            hint,
        );
    }
    if network.load_balancer_pool.is_some_and(taken) {
        let message = "the load balancer pool is among the addresses for tenants";
        v.problem("network.loadBalancerPool", message, hint);
    }
}

pub(super) fn provider_network(
    v: &mut Validator<'_>,
    raw: &RawConfig,
    kind: ProviderKind,
    pool: Option<&NetworkPool>,
) -> Option<ProviderNetwork> {
    let raw = raw.provider_network.as_ref()?;
    ipam(v, raw, kind, pool);
    let gateway = raw.gateway.as_ref();
    Some(ProviderNetwork {
        mode: raw.mode.map(|mode| match mode {
            RawNetworkMode::Ipam => NetworkMode::Ipam,
            RawNetworkMode::Cloud => NetworkMode::Cloud,
        }),
        pool_refs: raw.pool_refs.iter().filter_map(pool_ref).collect(),
        gateway: gateway.and_then(|text| net::address(v, text, "providerNetwork.gateway")),
        dns_servers: dns_servers(v, &raw.dns_servers),
        subnet: text(raw.subnet.as_ref()),
        load_balancer: raw.load_balancer.as_ref().map(load_balancer),
        quota_per_tenant: raw.quota_per_tenant.as_ref().map(quota),
    })
}

/// Mode `ipam` needs a pool to take addresses from, and a platform that hands out none itself.
fn ipam(v: &mut Validator<'_>, raw: &RawProviderNetwork, kind: ProviderKind, pool: Option<&NetworkPool>) {
    if raw.mode != Some(RawNetworkMode::Ipam) {
        return;
    }
    if kind.is_cloud() {
        v.problem(
            "providerNetwork.mode",
            format!("mode `ipam` does not work on {kind}"),
            "write `mode: cloud`",
        );
    } else if raw.pool_refs.is_empty() && !v.is_written("providerNetwork.poolRefs") {
        let hint = pool.map_or_else(
            || "name a NetworkPool".to_owned(),
            |pool| format!("write `- name: {}`", pool.name),
        );
        v.problem(
            "providerNetwork.poolRefs",
            "`providerNetwork.poolRefs` is missing: mode `ipam` needs it",
            hint,
        );
    }
}

/// One without a name is reported by the schema.
fn pool_ref(raw: &RawPoolRef) -> Option<PoolRef> {
    Some(PoolRef {
        name: raw.name.clone()?,
        priority: raw.priority,
    })
}

fn dns_servers(v: &mut Validator<'_>, servers: &[String]) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    for (i, server) in servers.iter().enumerate() {
        if let Ok(address) = server.parse() {
            addresses.push(address);
        } else {
            let path = format!("providerNetwork.dnsServers[{i}]");
            v.problem(&path, format!("`{path}` is no address"), "");
        }
    }
    addresses
}

fn load_balancer(raw: &RawLbAllocation) -> LoadBalancerAllocation {
    LoadBalancerAllocation {
        allocation_mode: raw.allocation_mode.map(|mode| match mode {
            RawAllocationMode::Static => AllocationMode::Static,
            RawAllocationMode::Elastic => AllocationMode::Elastic,
        }),
        default_pool_size: count(raw.default_pool_size),
        growth_increment: count(raw.growth_increment),
        initial_pool_size: count(raw.initial_pool_size),
    }
}

fn quota(raw: &RawQuota) -> TenantQuota {
    TenantQuota {
        max_load_balancer_ips: count(raw.max_load_balancer_ips),
        max_node_ips: count(raw.max_node_ips),
    }
}
