//! `network.nodeAddresses`: addresses that the machines are told at their first boot.

use super::{Validator, net, or_default};
use crate::config::{
    BootstrapConfig, ConfigDelivery, ControlPlaneEndpoint, IpRange, NodeAddresses, ProviderKind, raw::RawNodeAddresses,
};

const PATH: &str = "network.nodeAddresses";

pub(super) fn node_addresses(
    v: &mut Validator<'_>,
    raw: Option<&RawNodeAddresses>,
    kind: ProviderKind,
) -> Option<NodeAddresses> {
    let raw = raw?;
    if !kind.tells_addresses() {
        let hint = match kind {
            ProviderKind::Static => "its machines have their addresses already",
            ProviderKind::InMemory => "the simulated world hands them out",
            _ => "the platform hands them out",
        };
        v.problem(PATH, format!("`{PATH}` cannot be used with provider {kind}"), hint);
        return None;
    }
    let range = net::range(v, raw.start.as_deref()?, raw.end.as_deref()?, PATH)?;
    let gateway = net::address(v, raw.gateway.as_deref()?, &format!("{PATH}.gateway"))?;
    let prefix_length = raw.prefix_length.filter(|length| (1..=30).contains(length))?;
    let addresses = NodeAddresses {
        range,
        prefix_length,
        gateway,
        nameservers: nameservers(v, &or_default(raw.nameservers.clone())),
    };
    in_one_network(v, &addresses);
    Some(addresses)
}

fn nameservers(v: &mut Validator<'_>, written: &[String]) -> Vec<std::net::IpAddr> {
    let mut servers = Vec::new();
    for (i, server) in written.iter().enumerate() {
        if let Ok(address) = server.trim().parse() {
            servers.push(address);
        } else {
            let at = format!("{PATH}.nameservers[{i}]");
            v.problem(&at, format!("`{at}` is no IP address"), "");
        }
    }
    servers
}

fn in_one_network(v: &mut Validator<'_>, addresses: &NodeAddresses) {
    let NodeAddresses { range, gateway, .. } = addresses;
    let nodes = addresses.network();
    if !nodes.contains(&range.end) {
        v.problem(
            PATH,
            format!("{} is in the network {nodes}, {} is not", range.start, range.end),
            "all machines are in one network: `prefixLength` says how large it is",
        );
    } else if range.contains(nodes.network()) || range.contains(nodes.broadcast()) {
        v.problem(
            PATH,
            format!("`{PATH}` has the first or the last address of the network {nodes} in it"),
            "no machine can have these",
        );
    }
    let at = format!("{PATH}.gateway");
    if !nodes.contains(gateway) {
        v.problem(
            &at,
            format!("the gateway {gateway} is outside of the node network {nodes}"),
            "",
        );
    } else if range.contains(*gateway) {
        v.problem(&at, format!("the gateway {gateway} is among `{PATH}`"), "");
    }
}

/// Whether the addresses are enough and nobody else's.
pub(super) fn fit(v: &mut Validator<'_>, config: &BootstrapConfig) {
    let Some(addresses) = &config.network.node_addresses else {
        needed(v, config);
        return;
    };
    let range = addresses.range;
    let room = u64::from(range.end.to_bits() - range.start.to_bits()) + 1;
    let machines = config.machine_names().len() as u64;
    if room < machines {
        v.problem(
            PATH,
            format!("{room} addresses are not enough for {machines} machines"),
            "",
        );
    }
    let vip = config.network.vip.as_ref().and_then(ControlPlaneEndpoint::address);
    if let Some(vip) = vip {
        if range.contains(vip) {
            let message = format!("VIP {vip} is inside `{PATH}`");
            v.problem("network.vip", message, "choose one outside: a machine would get it too");
        } else if !addresses.network().contains(&vip) {
            v.warn(
                "network.vip",
                format!("VIP {vip} is outside of the node network {}", addresses.network()),
                "control planes announce it there: nobody else may hear of it",
            );
        }
    }
    for (name, taken) in others(config) {
        if let Some(common) = range.common(taken) {
            let message = format!("{} to {} are inside `{name}` too", common.start, common.end);
            v.problem(PATH, message, "machines and services must not get the same address");
        }
    }
}

fn others(config: &BootstrapConfig) -> Vec<(&'static str, IpRange)> {
    let pool = config.network.load_balancer_pool;
    let mut others: Vec<_> = pool
        .map(|pool| ("network.loadBalancerPool", pool))
        .into_iter()
        .collect();
    let tenants = config.network_pool.as_ref();
    let tenants = tenants.and_then(|pool| pool.spec.tenant_allocation.as_ref()?.range);
    others.extend(tenants.map(|range| ("networkPool.tenantAllocation", range)));
    others
}

/// A machine that finds its configuration at its first boot cannot be asked for its address first. It is the network's block that
/// lacks something: the settings of the platform are whole, and are read without it where there is no cluster any more.
fn needed(v: &mut Validator<'_>, config: &BootstrapConfig) {
    if config.config_delivery() != ConfigDelivery::Cidata || v.is_written(PATH) {
        return;
    }
    v.problem(
        PATH,
        format!("`{PATH}` is missing: `configDelivery: cidata` needs it"),
        "write the addresses of the machines there, or leave `configDelivery` out",
    );
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ipnet::Ipv4Net;

    use super::*;

    #[test]
    fn the_network_is_that_of_the_first_address() {
        let addresses = NodeAddresses {
            range: IpRange::of(Ipv4Addr::new(10, 1, 2, 200)),
            prefix_length: 22,
            gateway: Ipv4Addr::new(10, 1, 0, 1),
            nameservers: Vec::new(),
        };
        assert_eq!(addresses.network(), "10.1.0.0/22".parse::<Ipv4Net>().unwrap());
    }
}
