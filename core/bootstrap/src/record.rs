//! The public record of a bootstrap: the objects written to the bootstrap cluster. Pure.

use butler_api::{
    config::{Addons, BootstrapConfig, Exposure, Network, Pool, Provider, ProviderKind, Role, Topology},
    labels::{BUTLER, CLUSTER, CLUSTER_BOOTSTRAP, CLUSTER_ID, GENERATION, MANAGED_BY, ROLE},
    names,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Where the record lives.
pub const NAMESPACE: &str = names::SYSTEM_NAMESPACE;
const API_VERSION: &str = "butler.butlerlabs.dev/v1alpha1";

/// Namespace, ProviderConfig, NetworkPool and ClusterBootstrap, in the order to apply them.
pub fn groundwork(config: &BootstrapConfig, cluster_id: Uuid) -> Vec<Value> {
    let mut objects = vec![
        json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": NAMESPACE, "labels": {MANAGED_BY: BUTLER}},
        }),
        provider_config(config, cluster_id),
    ];
    objects.extend(network_pool(config, cluster_id));
    objects.push(cluster_bootstrap(config, cluster_id));
    objects
}

/// The MachineRequest of one machine; `owner` is the UID of the ClusterBootstrap.
pub fn machine_request(config: &BootstrapConfig, cluster_id: Uuid, name: &str, role: Role, owner: &str) -> Value {
    let pool = match (role, &config.cluster.workers) {
        (Role::Worker, Some(workers)) => workers,
        _ => &config.cluster.control_plane,
    };
    let mut labels = labels(config, cluster_id);
    labels.insert(CLUSTER_BOOTSTRAP.to_owned(), json!(config.cluster.name));
    labels.insert(ROLE.to_owned(), json!(role.as_str()));
    labels.insert(GENERATION.to_owned(), json!("1"));
    let mut spec = json!({
        "machineName": name,
        "role": role.as_str(),
        "providerRef": {"name": provider_config_name(config), "namespace": NAMESPACE},
        "cpu": pool.cpu,
        "memoryMB": pool.memory_mb,
        "diskGB": pool.disk_gb,
    });
    if !pool.extra_disks.is_empty() {
        spec["extraDisks"] = json!(pool.extra_disks);
    }
    if !pool.labels.is_empty() {
        spec["labels"] = json!(pool.labels);
    }
    json!({
        "apiVersion": API_VERSION, "kind": "MachineRequest",
        "metadata": {
            "name": name, "namespace": NAMESPACE, "labels": labels,
            "ownerReferences": [{
                "apiVersion": API_VERSION, "kind": "ClusterBootstrap", "name": config.cluster.name, "uid": owner,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    })
}

/// Name of the ProviderConfig.
pub fn provider_config_name(config: &BootstrapConfig) -> String {
    names::provider_config(&config.cluster.name)
}

fn labels(config: &BootstrapConfig, cluster_id: Uuid) -> Map<String, Value> {
    let mut labels = Map::new();
    labels.insert(MANAGED_BY.to_owned(), json!(BUTLER));
    labels.insert(CLUSTER.to_owned(), json!(config.cluster.name));
    labels.insert(CLUSTER_ID.to_owned(), json!(cluster_id));
    labels
}

fn provider_config(config: &BootstrapConfig, cluster_id: Uuid) -> Value {
    let kind = config.provider_kind();
    let mut spec = json!({"provider": kind.as_str(), "scope": {"type": "platform"}});
    if let Some((key, block)) = provider_block(&config.provider) {
        spec[key] = block;
        let secret = format!("{}-{kind}-credentials", config.cluster.name);
        spec["credentialsRef"] = json!({"name": secret, "namespace": NAMESPACE});
    }
    if let Some(network) = &config.provider_network {
        spec["network"] = network.clone();
    }
    json!({
        "apiVersion": API_VERSION, "kind": "ProviderConfig",
        "metadata": {
            "name": provider_config_name(config), "namespace": NAMESPACE, "labels": labels(config, cluster_id),
        },
        "spec": spec,
    })
}

/// The platform's block of a ProviderConfig; none for platforms that have none.
fn provider_block(provider: &Provider) -> Option<(&'static str, Value)> {
    let block = match provider {
        Provider::Harvester(h) => json!({
            "namespace": h.namespace, "networkName": h.network_name, "imageName": h.image_name,
        }),
        Provider::Nutanix(n) => json!({
            "endpoint": n.endpoint, "port": n.port, "insecure": n.insecure, "clusterUUID": n.cluster_uuid,
            "subnetUUID": n.subnet_uuid, "imageUUID": n.image_uuid, "storageContainerUUID": n.storage_container_uuid,
        }),
        Provider::Proxmox(p) => json!({
            "endpoint": p.endpoint, "insecure": p.insecure, "nodes": p.nodes, "storage": p.storage,
            "templateID": p.template_id, "vmidRange": p.vmid_range.map(|(start, end)| json!({"start": start, "end": end})),
        }),
        Provider::Gcp(g) => json!({
            "projectID": g.project_id, "region": g.region, "zone": g.zone, "network": g.network,
            "subnetwork": g.subnetwork, "machineType": g.machine_type, "imageProject": g.image_project,
            "imageFamily": g.image_family, "image": g.image,
        }),
        Provider::Aws(a) => json!({
            "region": a.region, "vpcID": a.vpc_id, "subnetIDs": a.subnet_id.as_ref().map(|s| vec![s]),
            "securityGroupIDs": a.security_group_id.as_ref().map(|s| vec![s]),
        }),
        Provider::Azure(a) => json!({
            "subscriptionID": a.subscription_id, "resourceGroup": a.resource_group, "location": a.location,
            "vnetName": a.vnet_name, "subnetName": a.subnet_name, "vmSize": a.vm_size, "imageURN": a.image_urn,
        }),
        Provider::Local | Provider::InMemory(_) | Provider::Static(_) => return None,
    };
    let key = match provider {
        Provider::Harvester(_) => "harvester",
        Provider::Nutanix(_) => "nutanix",
        Provider::Proxmox(_) => "proxmox",
        Provider::Gcp(_) => "gcp",
        Provider::Aws(_) => "aws",
        Provider::Azure(_) => "azure",
        Provider::Local | Provider::InMemory(_) | Provider::Static(_) => return None,
    };
    Some((key, without_nulls(block)))
}

fn network_pool(config: &BootstrapConfig, cluster_id: Uuid) -> Option<Value> {
    let pool = config.network_pool.as_ref()?;
    Some(json!({
        "apiVersion": API_VERSION, "kind": "NetworkPool",
        "metadata": {"name": pool.name, "namespace": NAMESPACE, "labels": labels(config, cluster_id)},
        "spec": pool.spec,
    }))
}

fn cluster_bootstrap(config: &BootstrapConfig, cluster_id: Uuid) -> Value {
    let cluster = &config.cluster;
    let mut spec = json!({
        "provider": config.provider_kind().as_str(),
        "providerRef": {"name": provider_config_name(config), "namespace": NAMESPACE},
        "cluster": {
            "name": cluster.name,
            "topology": match cluster.topology { Topology::SingleNode => "single-node", Topology::Ha => "ha" },
            "controlPlane": pool(&cluster.control_plane),
            "workers": cluster.workers.as_ref().map(pool),
        },
        "network": network(&config.network),
        "talos": {
            "version": format!("v{}", config.talos.version),
            "schematic": config.talos.schematic.clone().unwrap_or_default(),
            "installDisk": config.talos.install_disk,
        },
        "addons": addons(&config.addons),
    });
    if let Some(exposure) = &config.exposure {
        spec["controlPlaneExposure"] = self::exposure(exposure);
    }
    json!({
        "apiVersion": API_VERSION, "kind": "ClusterBootstrap",
        "metadata": {"name": cluster.name, "namespace": NAMESPACE, "labels": labels(config, cluster_id)},
        "spec": without_nulls(spec),
    })
}

fn pool(pool: &Pool) -> Value {
    json!({
        "replicas": pool.replicas, "cpu": pool.cpu, "memoryMB": pool.memory_mb, "diskGB": pool.disk_gb,
        "extraDisks": (!pool.extra_disks.is_empty()).then_some(&pool.extra_disks),
        "labels": (!pool.labels.is_empty()).then_some(&pool.labels),
    })
}

fn network(network: &Network) -> Value {
    json!({
        "podCIDR": network.pod_cidr, "serviceCIDR": network.service_cidr,
        "vip": network.vip, "vipInterface": network.vip_interface,
        "loadBalancerPool": network.load_balancer_pool.map(|p| json!({"start": p.start, "end": p.end})),
    })
}

fn addons(addons: &Addons) -> Value {
    let kind = |on: bool, name: &'static str| if on { name } else { "none" };
    json!({
        "cni": {
            "type": kind(addons.cni.is_some(), "cilium"),
            "version": addons.cni.as_ref().and_then(|c| c.version.clone()),
            "hubbleEnabled": addons.cni.as_ref().map(|c| c.hubble),
        },
        "storage": {
            "type": kind(addons.storage.is_some(), "longhorn"),
            "version": addons.storage.as_ref().and_then(|s| s.version.clone()),
            "replicaCount": addons.storage.as_ref().map(|s| s.replica_count),
        },
        "loadBalancer": {"type": kind(addons.load_balancer.is_some(), "metallb")},
        "gitOps": {"type": kind(addons.git_ops.is_some(), "flux"), "enabled": addons.git_ops.is_some()},
        "controlPlaneHA": {
            "type": kind(addons.control_plane_ha.is_some(), "kube-vip"),
            "version": addons.control_plane_ha.as_ref().and_then(|v| v.version.clone()),
        },
        "certManager": {
            "enabled": addons.cert_manager.is_some(),
            "version": addons.cert_manager.as_ref().and_then(|v| v.version.clone()),
        },
        "ingress": {
            "type": kind(addons.ingress.is_some(), "traefik"), "enabled": addons.ingress.is_some(),
            "version": addons.ingress.as_ref().and_then(|v| v.version.clone()),
        },
        "controlPlaneProvider": {
            "type": kind(addons.control_plane_provider.is_some(), "steward"),
            "enabled": addons.control_plane_provider.is_some(),
            "version": addons.control_plane_provider.as_ref().and_then(|v| v.version.clone()),
        },
        "capi": capi(addons),
        "butlerController": {
            "enabled": addons.butler_controller.is_some(),
            "version": addons.butler_controller.as_ref().and_then(|b| b.version.clone()),
            "image": addons.butler_controller.as_ref().and_then(|b| b.image.clone()),
        },
        "console": console(addons),
    })
}

fn capi(addons: &Addons) -> Value {
    let Some(capi) = &addons.capi else { return json!({"enabled": false}) };
    // The CRD knows the platforms that have a Cluster API provider; others have none to name.
    let named = |kind: ProviderKind| {
        !matches!(kind, ProviderKind::Local | ProviderKind::InMemory | ProviderKind::Static)
    };
    let providers: Vec<Value> = capi
        .infrastructure_providers
        .iter()
        .filter(|p| named(p.name))
        .map(|p| json!({"name": p.name.as_str(), "version": p.version}))
        .collect();
    let providers = (!providers.is_empty()).then_some(providers);
    json!({"enabled": true, "version": capi.version, "infrastructureProviders": providers})
}

fn console(addons: &Addons) -> Value {
    let Some(console) = &addons.console else { return json!({"enabled": false}) };
    json!({
        "enabled": true,
        "version": console.version,
        "ingress": console.ingress.as_ref().map(|i| json!({
            "enabled": true, "host": i.host, "className": i.class_name, "tls": i.tls, "tlsSecretName": i.tls_secret_name,
        })),
    })
}

fn exposure(exposure: &Exposure) -> Value {
    match exposure {
        Exposure::LoadBalancer => json!({"mode": "LoadBalancer"}),
        Exposure::Ingress { hostname, ingress_class_name, controller_type } => json!({
            "mode": "Ingress", "hostname": hostname, "ingressClassName": ingress_class_name,
            "controllerType": controller_type,
        }),
        Exposure::Gateway { hostname, gateway_ref } => {
            json!({"mode": "Gateway", "hostname": hostname, "gatewayRef": gateway_ref})
        }
    }
}

/// Optional means absent: drops null members at every depth.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
