//! The canonical form of a configuration: what decides whether two files mean the same cluster.
//!
//! It is made of the validated values, so writing down a default changes nothing. No secret value is in it, and no
//! deadline: raising one is a reason to continue, not a different cluster.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::machine::{Discovery, Registries};
use super::patch::Patch;
use super::types::{
    Addons, Aws, Azure, BootstrapCluster, BootstrapConfig, Capi, ChartMirror, Cluster, Exposure, Gcp, Harvester,
    IpRange, MultiTenancyMode, Network, Nutanix, Pool, Provider, Proxmox, SecretSource, StaticMachine, Talos, Topology,
    Versioned,
};

/// One difference between two canonical forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The setting, for example `cluster.workers.replicas`.
    pub path: String,
    /// Value before; none when it was not there.
    pub old: Option<Value>,
    /// Value now; none when it is gone.
    pub new: Option<Value>,
}

/// What changed from one canonical form to another, in the order of the settings' names.
pub fn difference(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", Some(old), Some(new), &mut changes);
    changes
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    match (old, new) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))).collect();
            keys.sort();
            for key in keys {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(&path, a.get(key), b.get(key), changes);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for i in 0..a.len().max(b.len()) {
                compare(&format!("{path}[{i}]"), a.get(i), b.get(i), changes);
            }
        }
        (old, new) if old != new => {
            let path = path.to_owned();
            changes.push(Change {
                path,
                old: old.cloned(),
                new: new.cloned(),
            });
        }
        _ => {}
    }
}

/// SHA-256, in hexadecimal digits, of the canonical form as text with sorted keys.
pub(super) fn digest(canonical: &Value) -> String {
    let mut text = String::new();
    write_sorted(canonical, &mut text);
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (i, (key, value)) in entries.into_iter().enumerate() {
                let comma = if i > 0 { "," } else { "" };
                let _ = write!(out, "{comma}{}:", Value::from(key.as_str()));
                write_sorted(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                write_sorted(item, out);
            }
            out.push(']');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}

/// The canonical form. Settings that are not there are left out.
pub(super) fn canonical(config: &BootstrapConfig) -> Value {
    let BootstrapConfig {
        provider: platform,
        bootstrap_cluster: home,
        cluster: wanted,
        network: addresses,
        talos: system,
        addons: installed,
        exposure: reached,
        multi_tenancy_mode,
        network_pool,
        provider_network,
        deadlines: _,
        digest: _,
        canonical: _,
    } = config;
    let mut whole = json!({
        "provider": config.provider_kind().as_str(),
        "providerConfig": provider(platform),
        "bootstrapCluster": bootstrap_cluster(home),
        "cluster": cluster(wanted),
        "network": network(addresses),
        "talos": talos(system),
        "addons": addons(installed),
        "controlPlaneExposure": reached.as_ref().map(exposure),
        "multiTenancyMode": multi_tenancy_mode.map(multi_tenancy),
        "networkPool": network_pool.as_ref().map(|pool| json!({ "name": pool.name, "spec": pool.spec })),
        "providerNetwork": provider_network,
    });
    prune(&mut whole);
    whole
}

/// Takes away `null`, empty lists and empty mappings, so that new settings do not change old digests.
fn prune(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(prune);
            object.retain(|_, value| !is_nothing(value));
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

fn secret(source: &SecretSource) -> Value {
    match source {
        SecretSource::File(path) => json!({ "file": path }),
        SecretSource::Env(name) => json!({ "env": name }),
        SecretSource::Exec(command) => json!({ "exec": command }),
        SecretSource::Clear(_) => json!("clear text"),
    }
}

fn provider(provider: &Provider) -> Value {
    match provider {
        Provider::Harvester(h) => harvester(h),
        Provider::Nutanix(n) => nutanix(n),
        Provider::Proxmox(p) => proxmox(p),
        Provider::Gcp(g) => gcp(g),
        Provider::Aws(a) => aws(a),
        Provider::Azure(a) => azure(a),
        // A world file says how the simulation behaves, not which cluster is wanted.
        Provider::Local | Provider::InMemory(_) => Value::Null,
        Provider::Static(list) => json!({ "machines": list.machines.iter().map(machine).collect::<Vec<_>>() }),
    }
}

fn harvester(h: &Harvester) -> Value {
    let Harvester {
        kubeconfig,
        namespace,
        network_name,
        image_name,
    } = h;
    json!({
        "kubeconfig": secret(kubeconfig), "namespace": namespace, "networkName": network_name, "imageName": image_name,
    })
}

fn nutanix(n: &Nutanix) -> Value {
    let Nutanix {
        endpoint,
        port,
        insecure: _,
        username,
        password,
        cluster_uuid,
        subnet_uuid,
        image_uuid,
        storage_container_uuid,
        host_aliases,
    } = n;
    json!({
        "endpoint": endpoint, "port": port, "username": secret(username), "password": secret(password),
        "clusterUUID": cluster_uuid, "subnetUUID": subnet_uuid, "imageUUID": image_uuid,
        "storageContainerUUID": storage_container_uuid, "hostAliases": host_aliases,
    })
}

fn proxmox(p: &Proxmox) -> Value {
    let Proxmox {
        endpoint,
        nodes,
        insecure: _,
        username,
        password,
        storage,
        template_id,
        vmid_range,
        host_aliases,
    } = p;
    json!({
        "endpoint": endpoint, "nodes": nodes, "username": username.as_ref().map(secret),
        "password": password.as_ref().map(secret), "storage": storage, "templateID": template_id,
        "vmidStart": vmid_range.map(|(start, _)| start), "vmidEnd": vmid_range.map(|(_, end)| end),
        "hostAliases": host_aliases,
    })
}

fn gcp(g: &Gcp) -> Value {
    let Gcp {
        service_account_key,
        project_id,
        region,
        network,
        zone,
        subnetwork,
        machine_type,
        image_project,
        image_family,
        image,
    } = g;
    json!({
        "serviceAccountKey": secret(service_account_key), "projectID": project_id, "region": region, "network": network,
        "zone": zone, "subnetwork": subnetwork, "machineType": machine_type, "imageProject": image_project,
        "imageFamily": image_family, "image": image,
    })
}

fn aws(a: &Aws) -> Value {
    let Aws {
        access_key_id,
        secret_access_key,
        region,
        vpc_id,
        subnet_id,
        security_group_id,
        instance_type,
        ami,
    } = a;
    json!({
        "accessKeyID": secret(access_key_id), "secretAccessKey": secret(secret_access_key), "region": region,
        "vpcID": vpc_id, "subnetID": subnet_id, "securityGroupID": security_group_id, "instanceType": instance_type,
        "ami": ami,
    })
}

fn azure(a: &Azure) -> Value {
    let Azure {
        client_id,
        client_secret,
        tenant_id,
        subscription_id,
        resource_group,
        location,
        vnet_name,
        subnet_name,
        security_group_name,
        vm_size,
        image_urn,
    } = a;
    json!({
        "clientID": secret(client_id), "clientSecret": secret(client_secret), "tenantID": secret(tenant_id),
        "subscriptionID": subscription_id, "resourceGroup": resource_group, "location": location, "vnetName": vnet_name,
        "subnetName": subnet_name, "securityGroupName": security_group_name, "vmSize": vm_size, "imageURN": image_urn,
    })
}

fn machine(machine: &StaticMachine) -> Value {
    let StaticMachine {
        address,
        role,
        name,
        fingerprint,
        install_disk,
        network_interface,
    } = machine;
    json!({
        "address": address, "role": role.as_str(), "name": name, "fingerprint": fingerprint,
        "installDisk": install_disk, "networkInterface": network_interface,
    })
}

fn bootstrap_cluster(cluster: &BootstrapCluster) -> Value {
    match cluster {
        BootstrapCluster::Embedded => json!({ "type": "embedded" }),
        BootstrapCluster::Kind { node_image } => json!({ "type": "kind", "nodeImage": node_image }),
        BootstrapCluster::Existing { kubeconfig, context } => {
            json!({ "type": "existing", "kubeconfig": kubeconfig, "context": context })
        }
    }
}

fn cluster(cluster: &Cluster) -> Value {
    let Cluster {
        name,
        topology,
        control_plane,
        workers,
    } = cluster;
    let topology = match topology {
        Topology::SingleNode => "single-node",
        Topology::Ha => "ha",
    };
    json!({
        "name": name, "topology": topology, "controlPlane": pool(control_plane), "workers": workers.as_ref().map(pool),
    })
}

fn pool(pool: &Pool) -> Value {
    let Pool {
        replicas,
        cpu,
        memory_mb,
        disk_gb,
        extra_disks,
        labels,
    } = pool;
    json!({
        "replicas": replicas, "cpu": cpu, "memoryMB": memory_mb, "diskGB": disk_gb, "extraDisks": extra_disks,
        "labels": labels,
    })
}

fn range(range: IpRange) -> Value {
    json!({ "start": range.start.to_string(), "end": range.end.to_string() })
}

fn network(network: &Network) -> Value {
    let Network {
        pod_cidr,
        service_cidr,
        vip,
        vip_interface,
        load_balancer_pool,
        mtu,
    } = network;
    json!({
        "podCIDR": pod_cidr.to_string(), "serviceCIDR": service_cidr.to_string(), "vip": vip,
        "vipInterface": vip_interface, "loadBalancerPool": load_balancer_pool.map(range), "mtu": mtu,
    })
}

fn talos(talos: &Talos) -> Value {
    let Talos {
        version,
        kubernetes_version,
        schematic,
        install_disk,
        time_servers,
        registries: images,
        trusted_cas,
        discovery,
        patches,
    } = talos;
    // What was the only way before it could be set is left out.
    let finding = (*discovery != Discovery::default())
        .then(|| json!({ "enabled": discovery.enabled, "endpoint": discovery.endpoint }));
    let digests = |patches: &[Patch]| {
        patches
            .iter()
            .map(|p| format!("sha256:{}", p.digest))
            .collect::<Vec<_>>()
    };
    json!({
        "version": format!("v{version}"), "kubernetesVersion": format!("v{kubernetes_version}"), "schematic": schematic,
        "installDisk": install_disk, "timeServers": time_servers, "registries": registries(images),
        "trustedCAs": trusted_cas.iter().map(|pem| fingerprint(pem)).collect::<Vec<_>>(), "discovery": finding,
        "patches": {
            "all": digests(&patches.all), "controlPlane": digests(&patches.control_plane),
            "workers": digests(&patches.workers),
        },
    })
}

fn registries(registries: &Registries) -> Value {
    let Registries { mirrors, hosts } = registries;
    let mirrors = mirrors.iter().map(|(name, mirror)| {
        let (path, fallback) = (mirror.override_path, mirror.skip_fallback);
        let mirror = json!({
            "endpoints": mirror.endpoints, "overridePath": path.then_some(true), "skipFallback": fallback.then_some(true),
        });
        (name.clone(), mirror)
    });
    let hosts = hosts.iter().map(|(name, host)| {
        let login = host.login.as_ref();
        let host = json!({
            "ca": host.ca.as_deref().map(fingerprint),
            "username": login.map(|login| secret(&login.username)), "password": login.map(|login| secret(&login.password)),
        });
        (name.clone(), host)
    });
    json!({ "mirrors": mirrors.collect::<Map<_, _>>(), "config": hosts.collect::<Map<_, _>>() })
}

/// Stands for certificates: as long as the differences would be if they were written out, nobody would read them.
fn fingerprint(pem: &str) -> String {
    format!("sha256:{}", digest(&Value::from(pem.trim())))
}

fn addons(addons: &Addons) -> Value {
    let Addons {
        chart_mirror,
        cni,
        storage,
        load_balancer,
        git_ops,
        control_plane_ha,
        cert_manager,
        ingress,
        control_plane_provider,
        capi,
        butler_controller,
        console,
    } = addons;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| out.insert(key.to_owned(), value);
    let plain = |addon: &Option<Versioned>| {
        addon
            .as_ref()
            .map_or(Value::Null, |a| with_version(a.version.as_deref(), json!({})))
    };
    put("chartMirror", chart_mirror.as_ref().map_or(Value::Null, mirror));
    put(
        "cni",
        cni.as_ref().map_or(Value::Null, |a| {
            with_version(a.version.as_deref(), json!({ "hubbleEnabled": a.hubble }))
        }),
    );
    put(
        "storage",
        storage.as_ref().map_or(Value::Null, |a| {
            with_version(a.version.as_deref(), json!({ "replicaCount": a.replica_count }))
        }),
    );
    put("loadBalancer", plain(load_balancer));
    put("gitOps", plain(git_ops));
    put("controlPlaneHA", plain(control_plane_ha));
    put("certManager", plain(cert_manager));
    put("ingress", plain(ingress));
    put("controlPlaneProvider", plain(control_plane_provider));
    put("capi", capi.as_ref().map_or(Value::Null, capi_value));
    put(
        "butlerController",
        butler_controller.as_ref().map_or(Value::Null, |a| {
            with_version(a.version.as_deref(), json!({ "image": a.image }))
        }),
    );
    put(
        "console",
        console.as_ref().map_or(Value::Null, |a| {
            let ingress = a.ingress.as_ref().map(|i| {
            json!({ "host": i.host, "className": i.class_name, "tls": i.tls, "tlsSecretName": i.tls_secret_name })
        });
            let admin = a.admin_password.as_ref().map(secret);
            let jwt = a.jwt_secret.as_ref().map(secret);
            with_version(
                a.version.as_deref(),
                json!({ "ingress": ingress, "adminPassword": admin, "jwtSecret": jwt }),
            )
        }),
    );
    Value::Object(out)
}

/// An installed addon is never an empty mapping: it says that it is enabled.
fn with_version(version: Option<&str>, mut value: Value) -> Value {
    value["enabled"] = true.into();
    value["version"] = version.into();
    value
}

fn capi_value(capi: &Capi) -> Value {
    let providers: Vec<Value> = capi
        .infrastructure_providers
        .iter()
        .map(|provider| {
            let variables = provider.variables.iter();
            let variables: Map<String, Value> =
                variables.map(|(name, source)| (name.clone(), secret(source))).collect();
            json!({ "name": provider.name.as_str(), "version": provider.version, "variables": variables })
        })
        .collect();
    with_version(capi.version.as_deref(), json!({ "infrastructureProviders": providers }))
}

fn mirror(mirror: &ChartMirror) -> Value {
    match mirror {
        ChartMirror::Repository(url) | ChartMirror::Oci(url) => url.as_str().into(),
        ChartMirror::Folder(path) => path.as_str().into(),
    }
}

fn exposure(exposure: &Exposure) -> Value {
    match exposure {
        Exposure::LoadBalancer => json!({ "mode": "LoadBalancer" }),
        Exposure::Ingress {
            hostname,
            ingress_class_name,
            controller_type,
        } => json!({
            "mode": "Ingress", "hostname": hostname, "ingressClassName": ingress_class_name,
            "controllerType": controller_type,
        }),
        Exposure::Gateway { hostname, gateway_ref } => {
            json!({ "mode": "Gateway", "hostname": hostname, "gatewayRef": gateway_ref })
        }
    }
}

fn multi_tenancy(mode: MultiTenancyMode) -> &'static str {
    match mode {
        MultiTenancyMode::Optional => "Optional",
        MultiTenancyMode::Enforced => "Enforced",
        MultiTenancyMode::Disabled => "Disabled",
    }
}
