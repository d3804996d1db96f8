//! The objects that Talos itself installs into a cluster.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::kinds::Kind;
use super::node_object::CONTROL_PLANE;
use super::objects::value;
use super::pod_object::exists;
use crate::world::node_config::ClusterConfig;

/// What Talos installs once the API server is up, by what the configuration leaves on.
pub(super) fn all(config: &ClusterConfig, kubernetes: &str, api: Ipv4Addr, dns: Ipv4Addr) -> Vec<(Kind, Value)> {
    let mut all = vec![(Kind::Service, api_service(api))];
    if !config.dns_disabled {
        all.push((Kind::Deployment, coredns()));
        all.push((Kind::Service, dns_service(dns)));
    }
    if !config.proxy_disabled {
        let image = format!("registry.k8s.io/kube-proxy:{kubernetes}");
        all.push((Kind::DaemonSet, host_daemon("kube-proxy", "kube-proxy", &image)));
    }
    if config.cni == "flannel" {
        let image = "ghcr.io/siderolabs/flannel:v0.27.4";
        all.push((Kind::DaemonSet, host_daemon("kube-flannel", "flannel", image)));
    }
    all
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn metadata<const N: usize>(namespace: &str, name: &str, pairs: [(&str, &str); N]) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels(pairs)),
        ..ObjectMeta::default()
    }
}

fn port(name: &str, port: i32, protocol: &str, target: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port,
        protocol: Some(protocol.to_owned()),
        target_port: Some(IntOrString::Int(target)),
        ..ServicePort::default()
    }
}

fn cluster_ip(ip: Ipv4Addr, ports: Vec<ServicePort>) -> ServiceSpec {
    ServiceSpec {
        type_: Some("ClusterIP".to_owned()),
        cluster_ip: Some(ip.to_string()),
        cluster_ips: Some(vec![ip.to_string()]),
        ports: Some(ports),
        ..ServiceSpec::default()
    }
}

fn api_service(ip: Ipv4Addr) -> Value {
    let labels = [("component", "apiserver"), ("provider", "kubernetes")];
    value(Service {
        metadata: metadata("default", "kubernetes", labels),
        spec: Some(cluster_ip(ip, vec![port("https", 443, "TCP", 6443)])),
        status: None,
    })
}

fn dns_service(ip: Ipv4Addr) -> Value {
    let app = [("k8s-app", "kube-dns")];
    let ports = vec![port("dns", 53, "UDP", 53), port("dns-tcp", 53, "TCP", 53)];
    value(Service {
        metadata: metadata("kube-system", "kube-dns", app),
        spec: Some(ServiceSpec {
            selector: Some(labels(app)),
            ..cluster_ip(ip, ports)
        }),
        status: None,
    })
}

fn coredns() -> Value {
    let app = [("k8s-app", "kube-dns")];
    let mut spec = pod_spec("coredns", "registry.k8s.io/coredns/coredns:v1.13.1");
    spec.tolerations = Some(vec![exists(Some(CONTROL_PLANE), Some("NoSchedule"))]);
    value(Deployment {
        metadata: metadata("kube-system", "coredns", app),
        spec: Some(DeploymentSpec {
            replicas: Some(2),
            selector: selector(app),
            template: template(app, spec),
            ..DeploymentSpec::default()
        }),
        status: None,
    })
}

/// A DaemonSet on the network of every node.
fn host_daemon(name: &str, app: &str, image: &str) -> Value {
    let app = [("k8s-app", app)];
    let mut spec = pod_spec(name, image);
    spec.host_network = Some(true);
    spec.tolerations = Some(vec![exists(None, None)]);
    value(DaemonSet {
        metadata: metadata("kube-system", name, app),
        spec: Some(DaemonSetSpec {
            selector: selector(app),
            template: template(app, spec),
            ..DaemonSetSpec::default()
        }),
        status: None,
    })
}

fn selector<const N: usize>(pairs: [(&str, &str); N]) -> LabelSelector {
    LabelSelector {
        match_labels: Some(labels(pairs)),
        ..LabelSelector::default()
    }
}

fn template<const N: usize>(pairs: [(&str, &str); N], spec: PodSpec) -> PodTemplateSpec {
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels(pairs)),
            ..ObjectMeta::default()
        }),
        spec: Some(spec),
    }
}

fn pod_spec(name: &str, image: &str) -> PodSpec {
    PodSpec {
        containers: vec![Container {
            name: name.to_owned(),
            image: Some(image.to_owned()),
            ..Container::default()
        }],
        priority_class_name: Some("system-cluster-critical".to_owned()),
        ..PodSpec::default()
    }
}
