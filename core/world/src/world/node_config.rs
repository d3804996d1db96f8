//! What the simulation needs of a machine configuration that a node accepted.

use std::collections::BTreeMap;
use std::net::IpAddr;

use secrecy::SecretString;

/// What a node is to its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineType {
    /// Runs etcd and the API server.
    ControlPlane,
    /// A machine that runs pods only.
    Worker,
}

/// A certificate authority of the configuration.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The certificate as PEM.
    pub certificate: String,
    /// The key, PEM; absent on workers.
    pub key: Option<SecretString>,
}

/// Where the cluster's API server is meant to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address of the host.
    pub host: String,
    /// Port of the API server.
    pub port: u16,
}

/// The part of the configuration that all nodes of a cluster share.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// `cluster.id`: what makes nodes members of one cluster.
    pub id: String,
    /// `cluster.clusterName`: the name for people and kubeconfigs.
    pub name: String,
    /// `cluster.controlPlane.endpoint`: the address of the Kubernetes API.
    pub endpoint: Endpoint,
    /// `cluster.ca`: the authority of Kubernetes.
    pub authority: Authority,
    /// The CNI that Talos installs: `flannel`, `none` or `custom`.
    pub cni: String,
    /// kube-proxy is not deployed.
    pub proxy_disabled: bool,
    /// CoreDNS is not deployed.
    pub dns_disabled: bool,
    /// Members find each other.
    pub discovery: bool,
    /// Control planes take ordinary pods.
    pub schedule_on_control_planes: bool,
    /// The network of the pods (the first one of the list).
    pub pod_subnet: String,
    /// The network of the services (the first one of the list).
    pub service_subnet: String,
    /// Further names of the API server.
    pub api_names: Vec<String>,
}

impl ClusterConfig {
    /// The URL of the cluster's API server.
    pub fn server(&self) -> String {
        let Endpoint { host, port } = &self.endpoint;
        if host.contains(':') {
            format!("https://[{host}]:{port}")
        } else {
            format!("https://{host}:{port}")
        }
    }
}

/// A configuration that a node accepted.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// What the node is.
    pub machine_type: MachineType,
    /// Hostname set by the configuration.
    pub hostname: Option<String>,
    /// `machine.ca`: the authority of the Talos API.
    pub authority: Authority,
    /// `machine.certSANs`: further names in apid's certificate.
    pub names: Vec<String>,
    /// `machine.nodeLabels`: labels of the Node object.
    pub labels: BTreeMap<String, String>,
    /// `machine.nodeTaints`: key to `value:Effect`.
    pub taints: BTreeMap<String, String>,
    /// Kubernetes version of the kubelet, such as `v1.35.4`.
    pub kubernetes: String,
    /// Virtual addresses announced by Talos itself, with the link that each is on.
    pub virtual_addresses: Vec<(IpAddr, String)>,
    /// `machine.install.disk`: where Talos is installed to, if the configuration says so.
    pub install_disk: Option<String>,
    /// The part of the configuration that all nodes of a cluster share.
    pub cluster: ClusterConfig,
    /// The configuration as it was pushed.
    pub text: SecretString,
}

/// The configuration of a node of cluster `demo`, as the tests of transitions and planners use it.
#[cfg(test)]
pub(crate) fn sample(machine_type: MachineType) -> NodeConfig {
    let control_plane = machine_type == MachineType::ControlPlane;
    let authority = Authority {
        certificate: "certificate".to_owned(),
        key: control_plane.then(|| SecretString::from("key".to_owned())),
    };
    NodeConfig {
        machine_type,
        hostname: None,
        authority: authority.clone(),
        names: Vec::new(),
        labels: BTreeMap::new(),
        taints: BTreeMap::new(),
        kubernetes: "v1.35.0".to_owned(),
        virtual_addresses: Vec::new(),
        install_disk: None,
        cluster: ClusterConfig {
            id: "one".to_owned(),
            name: "demo".to_owned(),
            endpoint: Endpoint {
                host: "127.64.255.1".to_owned(),
                port: 6443,
            },
            authority,
            cni: "none".to_owned(),
            proxy_disabled: true,
            dns_disabled: true,
            discovery: true,
            schedule_on_control_planes: false,
            pod_subnet: "10.244.0.0/16".to_owned(),
            service_subnet: "10.96.0.0/12".to_owned(),
            api_names: Vec::new(),
        },
        text: SecretString::from(String::new()),
    }
}
