//! The main document, version `v1alpha1`.

#![expect(
    clippy::disallowed_macros,
    reason = "the machine configuration is a document of Talos' own: no library has types of it"
)]

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{ClusterSpec, Cni, Contract, NodeSpec, Role, endpoint_host};
use crate::pki::CertAndKey;
use crate::secrets::{Encryption, SecretsBundle, to_base64};

const EXCLUDE_FROM_LOAD_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
const LONGHORN_DATA: &str = "/var/lib/longhorn";

pub(super) fn document(contract: Contract, cluster: &ClusterSpec, node: &NodeSpec, secrets: &SecretsBundle) -> Value {
    json!({
        "version": "v1alpha1",
        "debug": false,
        "persist": true,
        "machine": machine(contract, cluster, node, secrets),
        "cluster": cluster_section(contract, cluster, node, secrets),
    })
}

fn machine(contract: Contract, cluster: &ClusterSpec, node: &NodeSpec, secrets: &SecretsBundle) -> Value {
    let mut machine = json!({
        "type": match node.role {
            Role::ControlPlane => "controlplane",
            Role::Worker => "worker",
        },
        "token": secrets.machine_token().expose_secret(),
        "ca": ca(node.role, secrets.os_ca()),
        "certSANs": cluster.extra_cert_sans,
        "kubelet": kubelet(cluster),
        "install": install(contract, cluster, node),
        "features": features(contract),
    });
    let network = network(contract, cluster, node);
    // The newest form leaves an empty section out.
    if contract < Contract::V1_13 || network != json!({}) {
        machine["network"] = network;
    }
    if !cluster.time_servers.is_empty() {
        machine["time"] = json!({ "servers": cluster.time_servers });
    }
    if !cluster.sysctls.is_empty() {
        machine["sysctls"] = json!(cluster.sysctls);
    }
    if contract < Contract::V1_12
        && let Some(registries) = registries(cluster)
    {
        machine["registries"] = registries;
    }
    let labels = labels(cluster, node);
    if !labels.is_empty() {
        machine["nodeLabels"] = json!(labels);
    }
    if !node.taints.is_empty() {
        machine["nodeTaints"] = json!(node.taints);
    }
    machine
}

/// Mirrors and hosts of registries; from 1.12 they are documents.
fn registries(cluster: &ClusterSpec) -> Option<Value> {
    let mirrors = cluster.registry_mirrors.iter().map(|(registry, mirror)| {
        let mut entry = json!({ "endpoints": mirror.endpoints });
        for (key, _) in [
            ("overridePath", mirror.override_path),
            ("skipFallback", mirror.skip_fallback),
        ]
        .iter()
        .filter(|(_, on)| *on)
        {
            entry[*key] = json!(true);
        }
        (registry.clone(), entry)
    });
    let hosts = cluster.registry_hosts.iter().map(|(name, host)| {
        let mut entry = Map::new();
        if let Some(ca) = &host.ca {
            entry.insert("tls".to_owned(), json!({ "ca": STANDARD.encode(ca) }));
        }
        if let Some((username, password)) = &host.login {
            let (username, password) = (username.expose_secret(), password.expose_secret());
            entry.insert("auth".to_owned(), json!({ "username": username, "password": password }));
        }
        (name.clone(), Value::Object(entry))
    });
    let (mirrors, hosts): (Map<_, _>, Map<_, _>) = (mirrors.collect(), hosts.collect());
    let mut registries = Map::new();
    for (key, entries) in [("mirrors", mirrors), ("config", hosts)] {
        if !entries.is_empty() {
            registries.insert(key.to_owned(), Value::Object(entries));
        }
    }
    (!registries.is_empty()).then_some(Value::Object(registries))
}

fn kubelet(cluster: &ClusterSpec) -> Value {
    let mut kubelet = json!({
        "image": image("ghcr.io/siderolabs/kubelet", cluster),
        "defaultRuntimeSeccompProfileEnabled": true,
        "disableManifestsDirectory": true,
    });
    if cluster.longhorn_mounts {
        kubelet["extraMounts"] = json!([{
            "destination": LONGHORN_DATA,
            "type": "bind",
            "source": LONGHORN_DATA,
            "options": ["bind", "rshared", "rw"],
        }]);
    }
    kubelet
}

fn install(contract: Contract, cluster: &ClusterSpec, node: &NodeSpec) -> Value {
    let mut install = json!({ "wipe": false });
    if contract >= Contract::V1_12 {
        install["grubUseUKICmdline"] = json!(true);
    }
    if let Some(disk) = node.install_disk.as_ref().or(cluster.install_disk.as_ref()) {
        install["disk"] = json!(disk);
    }
    if let Some(image) = &cluster.install_image {
        install["image"] = json!(image);
    }
    install
}

fn features(contract: Contract) -> Value {
    let mut features = json!({
        "diskQuotaSupport": true,
        "kubePrism": { "enabled": true, "port": 7445 },
        "hostDNS": { "enabled": true, "forwardKubeDNSToHost": true },
    });
    if contract < Contract::V1_12 {
        features["rbac"] = json!(true);
        features["stableHostname"] = json!(true);
        features["apidCheckExtKeyUsage"] = json!(true);
    }
    features
}

fn network(contract: Contract, cluster: &ClusterSpec, node: &NodeSpec) -> Value {
    let mut network = Map::new();
    // From 1.12 these two are documents.
    let vip = node.vip.as_ref().filter(|_| contract < Contract::V1_12);
    if let Some(hostname) = node.hostname.as_ref().filter(|_| contract < Contract::V1_12) {
        network.insert("hostname".to_owned(), json!(hostname));
    }
    let mut interfaces = Vec::new();
    if cluster.mtu.is_some() || node.address.is_some() {
        interfaces.push(main_interface(cluster, node));
    }
    if let Some(told) = &node.address {
        network.insert("nameservers".to_owned(), json!(told.nameservers));
    }
    if let Some((address, link)) = vip {
        let shared = json!({ "ip": address });
        let carries = interfaces
            .iter_mut()
            .find(|interface| interface["interface"] == link.as_str());
        if let Some(interface) = carries {
            interface["vip"] = shared;
        } else {
            let dhcp = node.address.is_none();
            interfaces.push(json!({ "interface": link, "dhcp": dhcp, "vip": shared }));
        }
    }
    if !node.loopback.is_empty() {
        let whole = |ip: &IpAddr| format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 });
        let addresses: Vec<String> = node.loopback.iter().map(whole).collect();
        interfaces.push(json!({ "interface": "lo", "addresses": addresses }));
    }
    if !interfaces.is_empty() {
        network.insert("interfaces".to_owned(), json!(interfaces));
    }
    Value::Object(network)
}

/// The interface that carries the node address, with what differs from an interface that DHCP tells everything.
fn main_interface(cluster: &ClusterSpec, node: &NodeSpec) -> Value {
    let mut interface = match &node.interface {
        Some(name) => json!({ "interface": name }),
        None => json!({ "deviceSelector": { "physical": true } }),
    };
    interface["dhcp"] = json!(node.address.is_none());
    if let Some(mtu) = cluster.mtu {
        interface["mtu"] = json!(mtu);
    }
    if let Some(told) = &node.address {
        let everywhere = if told.gateway.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
        interface["addresses"] = json!([format!("{}/{}", told.address, told.prefix_length)]);
        interface["routes"] = json!([{ "network": everywhere, "gateway": told.gateway }]);
    }
    interface
}

fn labels(cluster: &ClusterSpec, node: &NodeSpec) -> Map<String, Value> {
    let mut labels: Map<String, Value> = node
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    // Where workloads run, the load balancers must reach them.
    if node.role == Role::ControlPlane && !cluster.allow_scheduling_on_control_planes {
        labels.insert(EXCLUDE_FROM_LOAD_BALANCERS.to_owned(), json!(""));
    }
    labels
}

fn cluster_section(contract: Contract, cluster: &ClusterSpec, node: &NodeSpec, secrets: &SecretsBundle) -> Value {
    let mut section = json!({
        "id": secrets.cluster_id(),
        "secret": secrets.cluster_secret().expose_secret(),
        "controlPlane": { "endpoint": cluster.endpoint },
        "clusterName": cluster.name,
        "network": pod_network(cluster),
        "token": secrets.bootstrap_token().expose_secret(),
        "ca": ca(node.role, secrets.k8s_ca()),
        "discovery": {
            "enabled": cluster.discovery.enabled,
            "registries": { "kubernetes": { "disabled": true }, "service": discovery_service(cluster) },
        },
    });
    if node.role == Role::Worker {
        return section;
    }
    match secrets.encryption() {
        Encryption::Secretbox(key) => section["secretboxEncryptionSecret"] = json!(key.expose_secret()),
        Encryption::AesCbc(key) => section["aescbcEncryptionSecret"] = json!(key.expose_secret()),
    }
    section["aggregatorCA"] = ca(node.role, secrets.aggregator_ca());
    section["serviceAccount"] = json!({ "key": to_base64(secrets.service_account_key()).expose_secret() });
    section["apiServer"] = api_server(contract, cluster);
    section["controllerManager"] = json!({ "image": image("registry.k8s.io/kube-controller-manager", cluster) });
    section["proxy"] = if cluster.proxy_disabled {
        json!({ "disabled": true })
    } else {
        json!({ "image": image("registry.k8s.io/kube-proxy", cluster) })
    };
    section["scheduler"] = json!({ "image": image("registry.k8s.io/kube-scheduler", cluster) });
    section["etcd"] = json!({ "ca": ca(node.role, secrets.etcd_ca()) });
    if cluster.allow_scheduling_on_control_planes {
        section["allowSchedulingOnControlPlanes"] = json!(true);
    }
    section
}

fn discovery_service(cluster: &ClusterSpec) -> Value {
    match &cluster.discovery.endpoint {
        Some(endpoint) => json!({ "endpoint": endpoint }),
        None => json!({}),
    }
}

fn pod_network(cluster: &ClusterSpec) -> Value {
    let or_default = |given: &[String], default: &str| {
        if given.is_empty() {
            json!([default])
        } else {
            json!(given)
        }
    };
    let mut network = json!({
        "dnsDomain": "cluster.local",
        "podSubnets": or_default(&cluster.pod_cidrs, "10.244.0.0/16"),
        "serviceSubnets": or_default(&cluster.service_cidrs, "10.96.0.0/12"),
    });
    match &cluster.cni {
        Cni::Flannel => {}
        Cni::None => network["cni"] = json!({ "name": "none" }),
        Cni::Custom(urls) => network["cni"] = json!({ "name": "custom", "urls": urls }),
    }
    network
}

fn api_server(contract: Contract, cluster: &ClusterSpec) -> Value {
    let mut sans = cluster.extra_cert_sans.clone();
    let mut section = json!({
        "image": image("registry.k8s.io/kube-apiserver", cluster),
        "admissionControl": [{
            "name": "PodSecurity",
            "configuration": {
                "apiVersion": "pod-security.admission.config.k8s.io/v1alpha1",
                "kind": "PodSecurityConfiguration",
                "defaults": {
                    "audit": "restricted",
                    "audit-version": "latest",
                    "enforce": "baseline",
                    "enforce-version": "latest",
                    "warn": "restricted",
                    "warn-version": "latest",
                },
                "exemptions": { "namespaces": ["kube-system"], "runtimeClasses": [], "usernames": [] },
            },
        }],
        "auditPolicy": {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "rules": [{ "level": "Metadata" }],
        },
    });
    if contract < Contract::V1_12 {
        section["disablePodSecurityPolicy"] = json!(true);
        if let Some(host) = endpoint_host(&cluster.endpoint).filter(|host| !sans.iter().any(|san| san == host)) {
            sans.insert(0, host.to_owned());
        }
    }
    if !sans.is_empty() {
        section["certSANs"] = json!(sans);
    }
    section
}

/// A CA as the role sees it: workers verify with it and never sign.
fn ca(role: Role, pair: &CertAndKey) -> Value {
    let key = match role {
        Role::ControlPlane => to_base64(&pair.key).expose_secret().to_owned(),
        Role::Worker => String::new(),
    };
    json!({ "crt": STANDARD.encode(&pair.crt), "key": key })
}

fn image(repository: &str, cluster: &ClusterSpec) -> String {
    format!("{repository}:v{}", cluster.kubernetes_version)
}
