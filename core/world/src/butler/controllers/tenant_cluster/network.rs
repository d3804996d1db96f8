//! Addresses for the load balancers of a cluster: named by it, or allocated from the pools of its provider.

mod elastic;

use butler_api::names;
use butler_api::v1alpha1::ip_allocation::{AllocationPhase, AllocationType, IPAllocationSpec};
use butler_api::v1alpha1::provider_config::{AllocationMode, NetworkMode, ProviderNetwork};
use butler_api::v1alpha1::shared::{LocalRef, NamespacedRef};
use butler_api::v1alpha1::tenant_cluster::TenantNetworking;
use butler_api::v1alpha1::{IPAllocation, ProviderConfig};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::super::ip_allocation;
use super::super::kinds::Kind;
use super::super::objects::{metadata, value};
use super::super::pass::Pass;
use super::{Cluster, Failure};

/// Has an allocation where the provider allocates; `false`: it is not there yet.
pub(super) fn ensure(
    cluster: &mut Cluster<'_>,
    provider: &ProviderConfig,
    pass: &mut Pass<'_>,
) -> Result<bool, Failure> {
    let Some(network) = &provider.spec.network else {
        return Ok(true);
    };
    let networking = cluster.object.spec.networking.as_ref();
    if network.mode != Some(NetworkMode::Ipam) || networking.is_some_and(names_its_own) {
        return Ok(true);
    }
    let Some(pool) = network.pool_refs.first() else {
        return Err(Failure {
            reason: "ConfigError",
            message: "the ProviderConfig allocates addresses and names no pool".to_owned(),
        });
    };
    let name = names::load_balancer_allocation(&cluster.key.namespace, &cluster.key.name);
    let count = size(networking, network);
    allocate(cluster, &name, "initial", &pool.name, count, pass);
    cluster.status.lb_allocation_ref = Some(LocalRef { name: name.clone() });
    let allocation: Option<IPAllocation> = pass.mirror.typed(Kind::IpAllocation, names::SYSTEM_NAMESPACE, &name);
    let status = allocation.and_then(|allocation| allocation.status);
    let phase = status.as_ref().and_then(|status| status.phase.clone());
    let allocated = phase == Some(AllocationPhase::Allocated);
    let range = status.and_then(|status| Some(format!("{}-{}", status.start_address?, status.end_address?)));
    let message = match (&phase, range) {
        (Some(AllocationPhase::Allocated), Some(range)) => format!("load balancers have {range}"),
        (Some(AllocationPhase::Failed), _) => format!("network pool {:?} has no room for {count} addresses", pool.name),
        _ => format!("waiting for IPAllocation {name}"),
    };
    let reason = match phase {
        Some(AllocationPhase::Allocated) => "PoolAvailable",
        Some(AllocationPhase::Failed) => "PoolExhausted",
        _ => "Pending",
    };
    cluster.observe("NetworkReady", allocated, reason, &message, pass);
    if allocated {
        elastic::follow(cluster, network, &pool.name, pass);
    }
    Ok(allocated)
}

/// Asks for a block of addresses.
fn allocate(cluster: &Cluster<'_>, name: &str, role: &str, pool: &str, count: i32, pass: &mut Pass<'_>) {
    pass.ensure(Kind::IpAllocation, names::SYSTEM_NAMESPACE, name, || {
        let mut metadata = metadata(names::SYSTEM_NAMESPACE, name);
        label(&mut metadata, cluster, pool, role);
        let spec = IPAllocationSpec {
            count: Some(count),
            pinned_range: None,
            pool_ref: LocalRef { name: pool.to_owned() },
            tenant_cluster_ref: NamespacedRef {
                name: cluster.key.name.clone(),
                namespace: cluster.key.namespace.clone(),
            },
            r#type: AllocationType::LoadBalancer,
        };
        json!({"metadata": value(&metadata), "spec": value(&spec)})
    });
}

/// A cluster with a range of its own takes none of a pool. An empty one counts for nothing: the console writes it so.
fn names_its_own(networking: &TenantNetworking) -> bool {
    let own = networking.load_balancer_pool.as_ref();
    own.is_some_and(|range| !range.start.is_empty() && !range.end.is_empty())
}

/// How many addresses a cluster begins with: as many as it asks for, else few where its range grows with its needs, else as
/// many as the provider gives; never more than a tenant may have.
fn size(networking: Option<&TenantNetworking>, network: &ProviderNetwork) -> i32 {
    let settings = network.load_balancer.as_ref();
    let mode = settings.and_then(|settings| settings.allocation_mode.as_ref());
    let usual = if mode == Some(&AllocationMode::Elastic) {
        settings.and_then(|settings| settings.initial_pool_size).unwrap_or(2)
    } else {
        settings.and_then(|settings| settings.default_pool_size).unwrap_or(8)
    };
    let asked = networking
        .and_then(|networking| networking.lb_pool_size)
        .unwrap_or(usual);
    let most = network.quota_per_tenant.as_ref();
    let most = most.and_then(|quota| quota.max_load_balancer_ips);
    most.map_or(asked, |most| asked.min(most))
}

/// The ranges whose addresses the load balancers of a cluster get: the one that it names, or all that are allocated to it.
pub(super) fn ranges(cluster: &Cluster<'_>, pass: &Pass<'_>) -> Vec<String> {
    let networking = cluster.object.spec.networking.as_ref();
    let own = networking.filter(|networking| names_its_own(networking));
    if let Some(own) = own.and_then(|networking| networking.load_balancer_pool.as_ref()) {
        return vec![format!("{}-{}", own.start, own.end)];
    }
    let allocated = elastic::blocks(cluster, pass)
        .into_iter()
        .filter_map(|block| block.range);
    allocated
        .map(|range| format!("{}-{}", range.start, range.end))
        .collect()
}

fn label(metadata: &mut ObjectMeta, cluster: &Cluster<'_>, pool: &str, role: &str) {
    let labels = metadata.labels.get_or_insert_default();
    for (name, value) in [
        ("network-pool", pool),
        ("allocation-type", "loadbalancer"),
        ("allocation-role", role),
        ("tenant", &cluster.key.name),
        // Upstream writes the namespace of the cluster here.
        ("team", &cluster.key.namespace),
    ] {
        labels.insert(format!("butler.butlerlabs.dev/{name}"), value.to_owned());
    }
}

/// Gives the addresses back; what is left of them, in words.
pub(super) fn delete(cluster: &Cluster<'_>, pass: &mut Pass<'_>) -> Option<&'static str> {
    let of_cluster = pass.mirror.inside(Kind::IpAllocation, names::SYSTEM_NAMESPACE);
    let own = of_cluster.filter(|(_, allocation)| ip_allocation::cluster(allocation).as_ref() == Some(cluster.key));
    let own: Vec<String> = own.map(|(key, _)| key.name.clone()).collect();
    let mut left = None;
    for name in own {
        if !pass.gone(Kind::IpAllocation, names::SYSTEM_NAMESPACE, &name) {
            left = Some("waiting until its addresses are released");
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of(network: &serde_json::Value, networking: &serde_json::Value) -> i32 {
        let networking: TenantNetworking = serde_json::from_value(networking.clone()).unwrap();
        size(Some(&networking), &serde_json::from_value(network.clone()).unwrap())
    }

    #[test]
    fn the_size_of_a_range_is_that_of_the_cluster_then_of_the_provider_and_has_a_limit() {
        assert_eq!(size_of(&json!({}), &json!({})), 8);
        assert_eq!(size_of(&json!({"loadBalancer": {"defaultPoolSize": 4}}), &json!({})), 4);
        let elastic = json!({"loadBalancer": {"defaultPoolSize": 4, "allocationMode": "elastic"}});
        assert_eq!(size_of(&elastic, &json!({})), 2);
        assert_eq!(size_of(&elastic, &json!({"lbPoolSize": 6})), 6);
        let limited = json!({"quotaPerTenant": {"maxLoadBalancerIPs": 3}});
        assert_eq!(size_of(&limited, &json!({"lbPoolSize": 6})), 3);
    }

    #[test]
    fn an_empty_range_is_none() {
        let own = |start: &str| serde_json::from_value(json!({"loadBalancerPool": {"start": start, "end": start}}));
        assert!(names_its_own(&own("10.0.0.1").unwrap()));
        assert!(!names_its_own(&own("").unwrap()));
    }
}
