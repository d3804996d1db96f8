//! `network`: what must be well formed, and what must not overlap.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::{Validator, net, node_addresses, text};
use crate::config::{
    BootstrapConfig, Cluster, ControlPlaneEndpoint, IpRange, Network, ProviderKind, Topology,
    address::is_dns_name,
    raw::{RawConfig, RawNetwork, RawRange},
};

/// Every node gets this much of the pod network.
const NODE_PREFIX: u8 = 24;

/// Kubernetes takes no larger service network.
const SERVICE_PREFIX_MIN: u8 = 12;

/// Smaller ones have no room for the services of the addons.
const SERVICE_PREFIX_MAX: u8 = 24;

const JUMBO: u32 = 1500;

pub(super) fn network(v: &mut Validator<'_>, raw: &RawConfig, kind: ProviderKind, cluster: &Cluster) -> Network {
    let empty = RawNetwork::default();
    let written = raw.network.as_ref().unwrap_or(&empty);
    let pod_cidr = cidr_or(v, written.pod_cidr.as_ref(), "network.podCIDR", "10.244.0.0/16");
    let service_cidr = cidr_or(v, written.service_cidr.as_ref(), "network.serviceCIDR", "10.96.0.0/12");
    sizes(v, pod_cidr, service_cidr, cluster);
    let load_balancer_pool = pool(v, raw, written.load_balancer_pool.as_ref(), kind);
    let vip = vip(v, written, kind, cluster, load_balancer_pool, raw.provider.is_some());
    Network {
        pod_cidr,
        service_cidr,
        vip,
        vip_interface: text(written.vip_interface.as_ref()),
        load_balancer_pool,
        node_addresses: node_addresses::node_addresses(v, written.node_addresses.as_ref(), kind),
        mtu: mtu(v, written),
    }
}

fn cidr_or(v: &mut Validator<'_>, value: Option<&String>, path: &str, default: &str) -> Ipv4Net {
    let default = default.parse().expect("the default is a network");
    text(value).map_or(default, |value| net::cidr(v, &value, path).unwrap_or(default))
}

fn sizes(v: &mut Validator<'_>, pods: Ipv4Net, services: Ipv4Net, cluster: &Cluster) {
    if net::whole(pods).overlaps(net::whole(services)) {
        let path = if v.is_written("network.podCIDR") {
            "network.podCIDR"
        } else {
            "network.serviceCIDR"
        };
        v.problem(
            path,
            format!("pod network {pods} and service network {services} overlap"),
            "choose disjoint networks",
        );
    }
    let nodes =
        u64::from(cluster.control_plane.replicas) + cluster.workers.as_ref().map_or(0, |pool| pool.replicas.into());
    let room = NODE_PREFIX
        .checked_sub(pods.prefix_len())
        .map_or(0, |bits| 1_u64 << bits);
    if room < nodes.max(1) {
        let message = format!(
            "pod network {pods} has room for {room} nodes; the cluster has {}",
            nodes.max(1)
        );
        v.problem("network.podCIDR", message, "each node gets a /24 of it");
    }
    if !(SERVICE_PREFIX_MIN..=SERVICE_PREFIX_MAX).contains(&services.prefix_len()) {
        let message =
            format!("service network {services} must be between /{SERVICE_PREFIX_MIN} and /{SERVICE_PREFIX_MAX}");
        v.problem("network.serviceCIDR", message, "");
    }
}

/// The load balancer pool; the Go tool's older `addons.loadBalancer.addressPool` is understood.
fn pool(v: &mut Validator<'_>, raw: &RawConfig, written: Option<&RawRange>, kind: ProviderKind) -> Option<IpRange> {
    let old_path = "addons.loadBalancer.addressPool";
    let old = raw
        .addons
        .as_ref()
        .and_then(|addons| addons.load_balancer.as_ref())
        .and_then(|lb| text(lb.address_pool.as_ref()));
    if old.is_some() {
        let hint = "write `network.loadBalancerPool: {start: FIRST, end: LAST}`";
        v.warn(old_path, format!("`{old_path}` is deprecated"), hint);
    }
    if kind.is_cloud() && (written.is_some() || old.is_some()) {
        v.warn(
            "network.loadBalancerPool",
            format!("`network.loadBalancerPool` is not used on {kind}"),
            "the cloud hands out addresses",
        );
        return None;
    }
    match (written, old) {
        (
            Some(RawRange {
                start: Some(start),
                end: Some(end),
            }),
            _,
        ) => net::range(v, start, end, "network.loadBalancerPool"),
        (None, Some(old)) => {
            let Some((start, end)) = old.split_once('-') else {
                v.problem(
                    old_path,
                    format!("`{old_path}` is no address range"),
                    "write `FIRST-LAST`",
                );
                return None;
            };
            let parsed = start.trim().parse().ok().zip(end.trim().parse().ok());
            let range = parsed
                .map(|(start, end)| IpRange { start, end })
                .filter(|range| range.start <= range.end);
            if range.is_none() {
                v.problem(
                    old_path,
                    format!("`{old_path}` is no address range"),
                    "write `FIRST-LAST`",
                );
            }
            range
        }
        _ => None,
    }
}

fn vip(
    v: &mut Validator<'_>,
    written: &RawNetwork,
    kind: ProviderKind,
    cluster: &Cluster,
    pool: Option<IpRange>,
    kind_is_known: bool,
) -> Option<ControlPlaneEndpoint> {
    let path = "network.vip";
    let Some(vip) = text(written.vip.as_ref()) else {
        // What is unknown or misspelt is reported already; its consequences are not.
        let sure = kind_is_known && !v.is_reported("cluster.topology");
        let needs = cluster.topology == Topology::Ha && !kind.is_cloud() && kind != ProviderKind::Local;
        if sure && needs && (!v.is_written(path) || written.vip.is_some()) {
            let hint = "a free address of the node network that the control planes share";
            v.problem(
                path,
                format!("`{path}` is missing: a highly available cluster on {kind} needs it"),
                hint,
            );
        }
        return None;
    };
    if let Some(net) = net::parse_net(&vip) {
        v.problem(
            path,
            "`network.vip` has a prefix length",
            format!("write `{}`", net.addr()),
        );
        return None;
    }
    let Ok(address) = vip.parse::<Ipv4Addr>() else {
        if !kind.is_cloud() {
            v.problem(path, "`network.vip` is no IPv4 address", "");
        } else if !is_dns_name(&vip.to_lowercase()) {
            v.problem(path, "`network.vip` is neither an IPv4 address nor a host name", "");
        }
        return Some(ControlPlaneEndpoint::Name(vip));
    };
    if let Some(what) = net::never_of_a_host(address.into()) {
        v.problem(
            path,
            format!("`{path}` is {what}"),
            "choose a free address of the node network",
        );
    } else if pool.is_some_and(|pool| pool.contains(address)) {
        let message = format!("VIP {address} is inside `network.loadBalancerPool`");
        v.problem(
            path,
            message,
            "choose one outside: the load balancer would give it to a service",
        );
    }
    Some(ControlPlaneEndpoint::Vip(address))
}

fn mtu(v: &mut Validator<'_>, written: &RawNetwork) -> Option<u16> {
    let mtu = written.mtu.filter(|mtu| *mtu != 0)?;
    if !(576..=9000).contains(&mtu) {
        v.problem(
            "network.mtu",
            format!("`network.mtu` is {mtu}; it must be between 576 and 9000"),
            "0 leaves the MTU alone",
        );
    } else if mtu > JUMBO && written.jumbo_frames != Some(true) {
        let hint = "write `jumboFrames: true` if switches and hypervisors carry them";
        v.problem("network.mtu", format!("an MTU of {mtu} needs jumbo frames"), hint);
    }
    u16::try_from(mtu).ok()
}

/// Addresses of the node network must not lie in the networks inside the cluster, nor in each other.
pub(super) fn outside_the_cluster_networks(v: &mut Validator<'_>, config: &BootstrapConfig) {
    let network = &config.network;
    let inner = [
        ("pod network", network.pod_cidr),
        ("service network", network.service_cidr),
    ];
    let mut outer: Vec<(String, String, IpRange)> = Vec::new();
    let vip = network.vip.as_ref().and_then(ControlPlaneEndpoint::address);
    if let Some(vip) = vip {
        outer.push(("network.vip".to_owned(), format!("VIP {vip}"), IpRange::of(vip)));
    }
    if let Some(pool) = network.load_balancer_pool {
        let name = format!("load balancer pool {} to {}", pool.start, pool.end);
        outer.push(("network.loadBalancerPool".to_owned(), name, pool));
    }
    if let Some(nodes) = &network.node_addresses {
        let name = format!(
            "the range of machine addresses {} to {}",
            nodes.range.start, nodes.range.end
        );
        outer.push(("network.nodeAddresses".to_owned(), name, nodes.range));
    }
    if let Some(cidr) = config.network_pool.as_ref().map(|pool| pool.spec.cidr) {
        outer.push((
            "networkPool.cidr".to_owned(),
            format!("network pool {cidr}"),
            net::whole(cidr),
        ));
    }
    for (path, address) in machine_addresses(config) {
        if vip == Some(address) {
            v.problem(
                &path,
                format!("machine address {address} is also the VIP"),
                "the VIP must be an address of its own",
            );
        }
        if network.load_balancer_pool.is_some_and(|pool| pool.contains(address)) {
            v.problem(
                &path,
                format!("machine address {address} is inside `network.loadBalancerPool`"),
                "",
            );
        }
        outer.push((path, format!("machine address {address}"), IpRange::of(address)));
    }
    for (path, name, range) in outer {
        for (what, net) in inner {
            if range.overlaps(net::whole(net)) {
                v.problem(
                    &path,
                    format!("{name} is inside {what} {net}"),
                    "these networks must be disjoint",
                );
            }
        }
    }
}

/// The IPv4 addresses of listed machines, each with its setting; the networks inside the cluster have no others.
fn machine_addresses(config: &BootstrapConfig) -> Vec<(String, Ipv4Addr)> {
    let numbered = config.static_machines().iter().enumerate();
    numbered
        .filter_map(|(i, machine)| match machine.address.ip {
            IpAddr::V4(ip) => Some((format!("providerConfig.static.machines[{i}].address"), ip)),
            IpAddr::V6(_) => None,
        })
        .collect()
}
