//! What tenant clusters get: exposure, network pool, addresses on the platform.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use super::{Validator, cluster::is_dns_name, net, text};
use crate::config::{
    Exposure, IpRange, Network, NetworkPool, ProviderKind,
    raw::{
        RawAllocationMode, RawConfig, RawControllerType, RawExposure, RawExposureMode, RawNetworkMode, RawNetworkPool,
        RawTenantAllocation,
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
        gateway_ref: gateway_ref.unwrap_or_default(),
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
    let name = text(raw.name.as_ref()).unwrap_or_else(|| format!("{cluster}-underlay"));
    if raw.name.is_some() && !is_dns_name(&name) {
        v.problem(
            "networkPool.name",
            "`networkPool.name` is no object name",
            "lower-case letters, digits, `-` and `.`",
        );
    }
    let cidr = net::cidr(v, raw.cidr.as_ref()?, "networkPool.cidr")?;
    let reserved = reserved(v, raw, cidr);
    let tenants = tenants(v, raw.tenant_allocation.as_ref(), cidr);
    inside_tenants(v, network, tenants.unwrap_or_else(|| net::whole(cidr)), &reserved);
    Some(NetworkPool {
        name,
        spec: pool_spec(raw, cidr),
    })
}

fn reserved(v: &mut Validator<'_>, raw: &RawNetworkPool, cidr: Ipv4Net) -> Vec<Ipv4Net> {
    let mut out = Vec::new();
    for (i, entry) in raw.reserved.iter().enumerate() {
        let path = format!("networkPool.reserved[{i}].cidr");
        let Some(part) = entry.cidr.as_ref().and_then(|text| net::cidr(v, text, &path)) else {
            continue;
        };
        if !cidr.contains(&part) {
            v.problem(&path, format!("{part} is not inside `networkPool.cidr`"), "");
        }
        out.push(part);
    }
    out
}

fn tenants(v: &mut Validator<'_>, raw: Option<&RawTenantAllocation>, cidr: Ipv4Net) -> Option<IpRange> {
    let raw = raw?;
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
fn inside_tenants(v: &mut Validator<'_>, network: &Network, tenants: IpRange, reserved: &[Ipv4Net]) {
    let hint = "add it to `networkPool.reserved`, or narrow `networkPool.tenantAllocation`";
    let covered = |range: IpRange| {
        reserved
            .iter()
            .any(|part| part.contains(&range.start) && part.contains(&range.end))
    };
    if let Some(vip) = network.vip.as_ref().and_then(|vip| vip.parse::<Ipv4Addr>().ok()) {
        let range = IpRange { start: vip, end: vip };
        if net::contains(tenants, vip) && !covered(range) {
            v.problem(
                "network.vip",
                format!("VIP {vip} is among the addresses for tenants"),
                hint,
            );
        }
    }
    if let Some(pool) = network.load_balancer_pool
        && net::ranges_overlap(tenants, pool)
        && !covered(pool)
    {
        v.problem(
            "network.loadBalancerPool",
            "the load balancer pool is among the addresses for tenants",
            hint,
        );
    }
}

fn pool_spec(raw: &RawNetworkPool, cidr: Ipv4Net) -> Value {
    let mut spec = json!({ "cidr": cidr.to_string() });
    let reserved: Vec<Value> = raw
        .reserved
        .iter()
        .map(|entry| {
            object([
                ("cidr", entry.cidr.clone().into()),
                ("description", entry.description.clone().into()),
            ])
        })
        .collect();
    if !reserved.is_empty() {
        spec["reserved"] = reserved.into();
    }
    if let Some(tenants) = &raw.tenant_allocation {
        let defaults = tenants.defaults.as_ref().map_or(Value::Null, |defaults| {
            object([
                ("lbPoolPerTenant", defaults.lb_pool_per_tenant.into()),
                ("nodesPerTenant", defaults.nodes_per_tenant.into()),
            ])
        });
        let (start, end) = (text(tenants.start.as_ref()), text(tenants.end.as_ref()));
        spec["tenantAllocation"] = object([("start", start.into()), ("end", end.into()), ("defaults", defaults)]);
    }
    spec
}

pub(super) fn provider_network(
    v: &mut Validator<'_>,
    raw: &RawConfig,
    kind: ProviderKind,
    pool: Option<&NetworkPool>,
) -> Option<Value> {
    let raw = raw.provider_network.as_ref()?;
    if raw.mode == Some(RawNetworkMode::Ipam) {
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
    if let Some(gateway) = &raw.gateway {
        net::address(v, gateway, "providerNetwork.gateway");
    }
    for (i, server) in raw.dns_servers.iter().enumerate() {
        if server.parse::<std::net::IpAddr>().is_err() {
            let path = format!("providerNetwork.dnsServers[{i}]");
            v.problem(&path, format!("`{path}` is no address"), "");
        }
    }
    let mode = raw.mode.map(|mode| match mode {
        RawNetworkMode::Ipam => "ipam",
        RawNetworkMode::Cloud => "cloud",
    });
    let refs = raw
        .pool_refs
        .iter()
        .map(|pool| object([("name", pool.name.clone().into()), ("priority", pool.priority.into())]));
    let refs: Vec<Value> = refs.collect();
    let allocation = raw.load_balancer.as_ref().map_or(Value::Null, |lb| {
        let mode = lb.allocation_mode.map(|mode| match mode {
            RawAllocationMode::Static => "static",
            RawAllocationMode::Elastic => "elastic",
        });
        object([
            ("allocationMode", mode.into()),
            ("initialPoolSize", lb.initial_pool_size.into()),
            ("defaultPoolSize", lb.default_pool_size.into()),
            ("growthIncrement", lb.growth_increment.into()),
        ])
    });
    let quota = raw.quota_per_tenant.as_ref().map_or(Value::Null, |quota| {
        object([
            ("maxLoadBalancerIPs", quota.max_load_balancer_ips.into()),
            ("maxNodeIPs", quota.max_node_ips.into()),
        ])
    });
    Some(object([
        ("mode", mode.into()),
        ("poolRefs", if refs.is_empty() { Value::Null } else { refs.into() }),
        ("gateway", text(raw.gateway.as_ref()).into()),
        (
            "dnsServers",
            if raw.dns_servers.is_empty() {
                Value::Null
            } else {
                raw.dns_servers.clone().into()
            },
        ),
        ("subnet", text(raw.subnet.as_ref()).into()),
        ("loadBalancer", allocation),
        ("quotaPerTenant", quota),
    ]))
}

/// A JSON object of what is there.
fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let there = entries.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(there.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
