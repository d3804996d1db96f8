//! Services: addresses in the cluster, and from the load balancer's pools.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use k8s_openapi::api::core::v1::{LoadBalancerIngress, LoadBalancerStatus, ServiceStatus};
use serde_json::json;

use super::facts::Facts;
use super::kinds::Kind;
use super::mirror::Service;
use super::needs;
use super::objects::value;
use super::pass::Pass;

/// The addresses that services have.
struct Taken {
    inside: BTreeSet<String>,
    outside: BTreeSet<String>,
}

/// Gives services their addresses.
pub(super) fn plan(pass: &mut Pass<'_>) {
    let services = pass.mirror.services.values();
    let mut taken = Taken {
        inside: services.clone().map(|service| service.cluster_ip.clone()).collect(),
        outside: services.clone().filter_map(|service| service.address.clone()).collect(),
    };
    for service in services.filter(|service| !service.deleting) {
        if service.cluster_ip.is_empty() && service.kind != "ExternalName" {
            assign(service, &mut taken, pass);
        }
        if service.kind == "LoadBalancer" && service.address.is_none() {
            balance(service, &mut taken, pass);
        }
    }
    pass.report.balancers.used = taken.outside.iter().filter_map(|ip| ip.parse().ok()).collect();
}

/// The network of a cluster's services.
pub(super) fn network(facts: &Facts) -> Ipv4Net {
    let subnet = facts.config.cluster.service_subnet.parse().ok();
    // The configuration may name an IPv6 network, which the simulation does not have.
    subnet.unwrap_or_else(|| Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 12))
}

fn assign(service: &Service, taken: &mut Taken, pass: &mut Pass<'_>) {
    let mut hosts = network(pass.facts).hosts().skip(20).map(|ip| ip.to_string());
    if let Some(ip) = hosts.find(|ip| !taken.inside.contains(ip)) {
        taken.inside.insert(ip.clone());
        let patch = json!({"spec": {"clusterIP": ip, "clusterIPs": [ip]}});
        pass.plan.patch(Kind::Service, &service.namespace, &service.name, patch);
    }
}

/// Gives a service an address of a pool, once the load balancer's controller runs.
fn balance(service: &Service, taken: &mut Taken, pass: &mut Pass<'_>) {
    let mut workloads = pass.report.workloads.iter();
    let Some((controller, _)) = workloads.find(|(key, up)| **up && needs::is_load_balancer(key)) else {
        return;
    };
    let critical = pass.memory.critical_of(controller);
    let pools = &pass.mirror.pools;
    let mut all = pools.values().flatten().flat_map(|range| addresses(range));
    let fits = |ip: &String| service.wanted_ip.as_ref().is_none_or(|wanted| wanted == ip);
    let Some(ip) = all.find(|ip| !taken.outside.contains(ip) && fits(ip)) else {
        let why = if pools.is_empty() {
            "no address pool exists"
        } else {
            // More addresses would help.
            pass.report.balancers.waiting += 1;
            "no available IPs"
        };
        let Service {
            namespace, name, uid, ..
        } = service;
        let message = format!("Failed to allocate IP for \"{namespace}/{name}\": {why}");
        pass.complain(Kind::Service, (namespace, name, uid), "AllocationFailed", &message);
        return;
    };
    taken.outside.insert(ip.clone());
    pass.report.critical = pass.report.critical.max(critical.unwrap_or(std::time::Duration::ZERO));
    let status = value(ServiceStatus {
        load_balancer: Some(LoadBalancerStatus {
            ingress: Some(vec![LoadBalancerIngress {
                ip: Some(ip),
                ip_mode: Some("VIP".to_owned()),
                ..LoadBalancerIngress::default()
            }]),
        }),
        conditions: None,
    });
    pass.plan
        .status(Kind::Service, &service.namespace, &service.name, &status);
}

/// The addresses of a pool's range: `first-last` or a network.
fn addresses(range: &str) -> Box<dyn Iterator<Item = String>> {
    if let Ok(network) = range.trim().parse::<Ipv4Net>() {
        return Box::new(network.hosts().map(|ip| ip.to_string()));
    }
    let ends = range.split_once('-');
    let parsed = ends.and_then(|(first, last)| {
        let first: Ipv4Addr = first.trim().parse().ok()?;
        let last: Ipv4Addr = last.trim().parse().ok()?;
        Some((u32::from(first), u32::from(last)))
    });
    match parsed {
        Some((first, last)) => Box::new((first..=last).map(|ip| Ipv4Addr::from(ip).to_string())),
        None => Box::new(std::iter::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_ranges_or_networks() {
        assert_eq!(
            addresses("10.0.0.9-10.0.0.11").collect::<Vec<_>>(),
            ["10.0.0.9", "10.0.0.10", "10.0.0.11"]
        );
        assert_eq!(addresses("10.0.0.0/30").count(), 2);
        assert_eq!(addresses("nonsense").count(), 0);
    }
}
