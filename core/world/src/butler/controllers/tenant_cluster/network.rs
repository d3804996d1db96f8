//! Addresses for the load balancers of a cluster: named by it, or allocated from the pools of its provider.

use butler_api::names;
use butler_api::v1alpha1::ip_allocation::AllocationPhase;
use butler_api::v1alpha1::provider_config::NetworkMode;
use butler_api::v1alpha1::shared::LocalRef;
use butler_api::v1alpha1::{IPAllocation, ProviderConfig};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::super::kinds::Kind;
use super::super::mirror::Key;
use super::super::objects::{metadata, value};
use super::super::pass::Pass;
use super::{Cluster, Failure};
use crate::values::text;

/// The cluster that an allocation is for.
pub(super) fn owner(allocation: &Value) -> Option<Key> {
    let reference = allocation.pointer("/spec/tenantClusterRef")?;
    Some(Key::new(
        Kind::TenantCluster,
        text(reference, "/namespace"),
        text(reference, "/name"),
    ))
}

/// Has an allocation where the provider allocates; `false`: it is not there yet.
pub(super) fn ensure(
    cluster: &mut Cluster<'_>,
    provider: &ProviderConfig,
    pass: &mut Pass<'_>,
) -> Result<bool, Failure> {
    let Some(network) = &provider.spec.network else {
        return Ok(true);
    };
    if network.mode != Some(NetworkMode::Ipam) {
        return Ok(true);
    }
    let Some(pool) = network.pool_refs.first() else {
        return Err(Failure {
            reason: "ConfigError",
            message: "the ProviderConfig allocates addresses and names no pool".to_owned(),
        });
    };
    let name = names::load_balancer_allocation(&cluster.key.namespace, &cluster.key.name);
    let asked = cluster
        .object
        .spec
        .networking
        .as_ref()
        .and_then(|networking| networking.lb_pool_size);
    let by_default = network
        .load_balancer
        .as_ref()
        .and_then(|settings| settings.default_pool_size);
    let count = asked.or(by_default).unwrap_or(8);
    pass.ensure(Kind::IpAllocation, names::SYSTEM_NAMESPACE, &name, || {
        let mut metadata = metadata(names::SYSTEM_NAMESPACE, &name);
        label(&mut metadata, cluster, &pool.name);
        json!({
            "metadata": value(&metadata),
            "spec": {
                "poolRef": {"name": pool.name}, "type": "loadbalancer", "count": count,
                "tenantClusterRef": {"name": cluster.key.name, "namespace": cluster.key.namespace},
            },
        })
    });
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
    Ok(allocated)
}

fn label(metadata: &mut ObjectMeta, cluster: &Cluster<'_>, pool: &str) {
    let labels = metadata.labels.get_or_insert_default();
    for (name, value) in [
        ("network-pool", pool),
        ("allocation-type", "loadbalancer"),
        ("allocation-role", "initial"),
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
    let own = of_cluster.filter(|(_, allocation)| owner(allocation).as_ref() == Some(cluster.key));
    let own: Vec<String> = own.map(|(key, _)| key.name.clone()).collect();
    let mut left = None;
    for name in own {
        if !pass.gone(Kind::IpAllocation, names::SYSTEM_NAMESPACE, &name) {
            left = Some("waiting until its addresses are released");
        }
    }
    left
}
