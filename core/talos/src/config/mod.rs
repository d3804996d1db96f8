//! Machine configuration: what a node is told once, as the multi-document YAML of its Talos line.
//!
//! Talos reads strictly: a document kind or key that a release does not know makes it refuse the whole
//! configuration. So the form follows the version of the node ([`Contract`]), one module per kind of document.

mod documents;
mod patch;
mod v1alpha1;

use std::collections::BTreeMap;
use std::net::IpAddr;

use butler_api::config::{Discovery, Host, Mirror, Patches, versions};
pub use butler_api::config::{Role, versions::Contract};
use secrecy::SecretString;
use semver::Version;

use crate::secrets::SecretsBundle;
use crate::yaml::{self, YamlError};

/// What all nodes of a cluster have in common.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    /// Name of the cluster.
    pub name: String,
    /// Kubernetes API as nodes and people reach it: `https://HOST:PORT`.
    pub endpoint: String,
    /// Talos release that the nodes run.
    pub talos_version: Version,
    /// Kubernetes release that the nodes run.
    pub kubernetes_version: Version,
    /// Address ranges of pods; Talos's default when empty.
    pub pod_cidrs: Vec<String>,
    /// Address ranges of services; Talos's default when empty.
    pub service_cidrs: Vec<String>,
    /// Disk that Talos is installed to; none leaves the choice to what is installed already.
    pub install_disk: Option<String>,
    /// Installer image; the default of Talos when none.
    pub install_image: Option<String>,
    /// Whether ordinary pods may run on control planes.
    pub allow_scheduling_on_control_planes: bool,
    /// Who brings the pod network.
    pub cni: Cni,
    /// Whether kube-proxy is left out, as for a CNI that replaces it.
    pub proxy_disabled: bool,
    /// NTP servers; Talos's default when empty.
    pub time_servers: Vec<Host>,
    /// MTU of the physical interfaces.
    pub mtu: Option<u16>,
    /// Further names and addresses in the certificates of the Talos API and of the Kubernetes API.
    pub extra_cert_sans: Vec<String>,
    /// Whether `/var/lib/longhorn` is shared with the kubelet, as Longhorn needs.
    pub longhorn_mounts: bool,
    /// Mirrors of container registries, by registry host.
    pub registry_mirrors: BTreeMap<String, Mirror>,
    /// Certificates and logins of registries and mirrors, by host.
    pub registry_hosts: BTreeMap<String, RegistryHost>,
    /// Further authorities that the nodes trust, PEM.
    pub trusted_cas: Vec<String>,
    /// How the nodes find each other beside Kubernetes.
    pub discovery: Discovery,
    /// What is changed after everything else.
    pub patches: Patches,
    /// Kernel parameters that every node sets.
    pub sysctls: BTreeMap<String, String>,
}

impl ClusterSpec {
    /// A cluster with Talos's own defaults in everything else.
    pub fn new(name: impl Into<String>, endpoint: impl Into<String>, talos: Version, kubernetes: Version) -> Self {
        Self {
            name: name.into(),
            endpoint: endpoint.into(),
            talos_version: talos,
            kubernetes_version: kubernetes,
            pod_cidrs: Vec::new(),
            service_cidrs: Vec::new(),
            install_disk: None,
            install_image: None,
            allow_scheduling_on_control_planes: false,
            cni: Cni::Flannel,
            proxy_disabled: false,
            time_servers: Vec::new(),
            mtu: None,
            extra_cert_sans: Vec::new(),
            longhorn_mounts: false,
            registry_mirrors: BTreeMap::new(),
            registry_hosts: BTreeMap::new(),
            trusted_cas: Vec::new(),
            discovery: Discovery::default(),
            patches: Patches::default(),
            sysctls: BTreeMap::new(),
        }
    }
}

/// How one registry or mirror is talked to.
#[derive(Debug, Clone, Default)]
pub struct RegistryHost {
    /// Authorities of its certificate, PEM.
    pub ca: Option<String>,
    /// User name and password at the registry.
    pub login: Option<(SecretString, SecretString)>,
}

/// Who brings the pod network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cni {
    /// Flannel, which Talos installs itself.
    Flannel,
    /// Nobody: it is installed later.
    None,
    /// Manifests at these URLs.
    Custom(Vec<String>),
}

/// What is particular to one node.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    /// What the node does.
    pub role: Role,
    /// Its name; none lets Talos derive a stable one from the hardware.
    pub hostname: Option<String>,
    /// Labels that the node registers with.
    pub labels: BTreeMap<String, String>,
    /// Kubernetes node taints: key to `VALUE:EFFECT` or `EFFECT`.
    pub taints: BTreeMap<String, String>,
    /// Overrides the cluster's install disk.
    pub install_disk: Option<String>,
    /// The interface that carries the node address; every physical one when none.
    pub interface: Option<String>,
    /// The node address; none where the network's DHCP server gives it.
    pub address: Option<StaticAddress>,
    /// A virtual address that the control planes share by themselves, and the interface it sits on.
    pub vip: Option<(IpAddr, String)>,
    /// Addresses that the node takes packets for without announcing them, as behind a load balancer that leaves the
    /// destination address as it is.
    pub loopback: Vec<IpAddr>,
}

/// An address that a node is told, with the way to other networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticAddress {
    /// The address of the node.
    pub address: IpAddr,
    /// The length of its network's prefix.
    pub prefix_length: u8,
    /// Where other networks are reached.
    pub gateway: IpAddr,
    /// Servers that know names.
    pub nameservers: Vec<IpAddr>,
}

impl NodeSpec {
    /// A node without particulars.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            hostname: None,
            labels: BTreeMap::new(),
            taints: BTreeMap::new(),
            install_disk: None,
            interface: None,
            address: None,
            vip: None,
            loopback: Vec::new(),
        }
    }
}

/// Why no configuration could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// We make no configurations for this line.
    #[error(
        "machine configuration for Talos {version} is not supported; supported are {}",
        versions::supported_talos()
    )]
    Unsupported {
        /// The version that was asked for.
        version: Version,
    },
    /// The Talos line does not run the Kubernetes version.
    #[error("Talos {talos} does not run Kubernetes {kubernetes}")]
    Kubernetes {
        /// The Talos release that was asked for.
        talos: Version,
        /// The Kubernetes release that it does not run.
        kubernetes: Version,
    },
    /// The endpoint is not `https://HOST:PORT`.
    #[error("cluster endpoint {endpoint:?} is not of the form https://HOST:PORT")]
    Endpoint {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// A virtual address on a worker.
    #[error("virtual address {address} is only possible on control planes")]
    VipOnWorker {
        /// The shared address that the worker was given.
        address: IpAddr,
    },
    /// What should be certificates is something else.
    #[error("{of}: certificate {number} cannot be read")]
    Certificate {
        /// Whose certificates they are.
        of: String,
        /// Which of them, from 1.
        number: usize,
    },
    /// A patch does not fit.
    #[error("patch `{setting}` cannot be applied to the configuration of a {role}: {problem}")]
    Patch {
        /// Where it is written.
        setting: String,
        /// What the machine does.
        role: &'static str,
        /// Why not; never with a value.
        problem: String,
    },
    /// The documents could not be written.
    #[error("machine configuration cannot be written")]
    Yaml {
        /// What the YAML writer refused.
        source: YamlError,
    },
}

/// The configuration of one node. It holds secrets: every node gets the tokens, control planes all the keys.
pub fn render(cluster: &ClusterSpec, node: &NodeSpec, secrets: &SecretsBundle) -> Result<SecretString, ConfigError> {
    let contract = possible(cluster, node)?;
    let mut documents = vec![v1alpha1::document(contract, cluster, node, secrets)];
    documents.extend(documents::all(contract, cluster, node));
    patch::apply(&mut documents, &cluster.patches, node.role)?;
    let mut text = String::new();
    for document in documents {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        text.push_str(&yaml::write_verbatim(&document).map_err(|source| ConfigError::Yaml { source })?);
    }
    Ok(SecretString::from(text))
}

/// Whether the configuration of a node can be made, without the cluster's secrets: what would fail later fails here.
pub fn check(cluster: &ClusterSpec, node: &NodeSpec) -> Result<(), ConfigError> {
    let hosts = cluster.registry_hosts.iter();
    let hosts = hosts.filter_map(|(name, host)| Some((format!("the authority of {name}"), host.ca.as_ref()?)));
    let trusted = cluster.trusted_cas.iter().enumerate();
    for (of, pem) in hosts.chain(trusted.map(|(i, pem)| (format!("`talos.trustedCAs[{i}]`"), pem))) {
        certificates(&of, pem)?;
    }
    render(cluster, node, &SecretsBundle::placeholder()).map(|_| ())
}

fn certificates(of: &str, pem: &str) -> Result<(), ConfigError> {
    let wrong = |number| ConfigError::Certificate {
        of: of.to_owned(),
        number,
    };
    let blocks = pem::parse_many(pem).map_err(|_| wrong(1))?;
    for (i, block) in blocks.iter().enumerate() {
        let read = x509_parser::parse_x509_certificate(block.contents());
        if !read.is_ok_and(|(rest, _)| rest.is_empty()) {
            return Err(wrong(i + 1));
        }
    }
    if blocks.is_empty() { Err(wrong(1)) } else { Ok(()) }
}

fn possible(cluster: &ClusterSpec, node: &NodeSpec) -> Result<Contract, ConfigError> {
    let contract = Contract::of(&cluster.talos_version).ok_or_else(|| ConfigError::Unsupported {
        version: cluster.talos_version.clone(),
    })?;
    if !versions::runs_kubernetes(&cluster.talos_version, &cluster.kubernetes_version) {
        return Err(ConfigError::Kubernetes {
            talos: cluster.talos_version.clone(),
            kubernetes: cluster.kubernetes_version.clone(),
        });
    }
    if endpoint_host(&cluster.endpoint).is_none() {
        return Err(ConfigError::Endpoint {
            endpoint: cluster.endpoint.clone(),
        });
    }
    if let (Role::Worker, Some((address, _))) = (node.role, &node.vip) {
        return Err(ConfigError::VipOnWorker { address: *address });
    }
    Ok(contract)
}

/// The host of `https://HOST:PORT`, without brackets.
fn endpoint_host(endpoint: &str) -> Option<&str> {
    let authority = endpoint.strip_prefix("https://")?.trim_end_matches('/');
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest
            .split_once("]:")
            .filter(|(host, _)| host.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => authority.rsplit_once(':').filter(|(host, _)| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        })?,
    };
    port.parse::<u16>().is_ok_and(|port| port > 0).then_some(host)
}

#[cfg(test)]
mod tests;
