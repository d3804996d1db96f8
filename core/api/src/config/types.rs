//! The validated configuration. A value of these types has passed every rule that needs no network.
//!
//! Serialised, these types are the canonical form of the configuration (see `canonical`): the words of the file, without secret
//! values.

mod addons;
mod provider;
mod tenancy;

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use ipnet::Ipv4Net;
use semver::Version;
use serde::{Deserialize, Serialize, Serializer};

use super::{ControlPlaneEndpoint, Discovery, Host, HttpUrl, IpRange, Patches, Registries, canonical::fingerprint};
use crate::{names, role::Role};

pub use addons::{
    Addons, ButlerController, Capi, CapiProvider, ChartMirror, Cni, Console, ConsoleIngress, Storage, Versioned,
};
pub use provider::{
    Aws, Azure, ConfigDelivery, Gcp, Harvester, InMemory, Nutanix, Provider, ProviderKind, Proxmox, SecretSource,
    StaticMachine, StaticMachines, USUAL_BRIDGE, VmidRange,
};
pub use tenancy::{
    Exposure, MultiTenancyMode, NetworkPool, NetworkPoolSettings, ProviderNetwork, ReservedNetwork, TenantAllocation,
};

/// A validated bootstrap configuration.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BootstrapConfig {
    /// The infrastructure platform and its settings.
    #[serde(rename = "providerConfig")]
    pub provider: Provider,
    /// Where the objects live until the pivot.
    pub bootstrap_cluster: BootstrapCluster,
    /// Name, topology and machine pools.
    pub cluster: Cluster,
    /// Pod, service and node addressing.
    pub network: Network,
    /// The operating system of every node.
    pub talos: Talos,
    /// What is installed on the management cluster.
    pub addons: Addons,
    /// How tenant control planes are reached.
    #[serde(rename = "controlPlaneExposure")]
    pub exposure: Option<Exposure>,
    /// `spec.multiTenancy.mode` of ButlerConfig.
    pub multi_tenancy_mode: Option<MultiTenancyMode>,
    /// The NetworkPool to create, if any.
    pub network_pool: Option<NetworkPool>,
    /// `spec.network` of the ProviderConfig.
    pub provider_network: Option<ProviderNetwork>,
    /// Limits for each kind of wait. Raising one is a reason to continue, not another cluster.
    #[serde(skip)]
    pub deadlines: Deadlines,
    /// SHA-256 (hex) over the canonical form of the configuration: secrets replaced by their reference, without deadlines
    /// and world file, which change nothing about the cluster.
    #[serde(skip)]
    pub digest: String,
    /// The canonical form the digest was made of (no secret value in it); kept to show differences on resume.
    #[serde(skip)]
    pub canonical: serde_json::Value,
}

/// Where the objects live until the pivot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum BootstrapCluster {
    /// Our in-process API server.
    Embedded,
    /// A kind cluster on docker or podman.
    Kind {
        /// Overrides the pinned node image.
        node_image: Option<String>,
    },
    /// A cluster that exists already.
    Existing {
        /// Path of its kubeconfig.
        kubeconfig: String,
        /// Context to use; the current one when none.
        context: Option<String>,
    },
}

/// Shape of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// One control plane that also carries workloads.
    SingleNode,
    /// An odd number of control planes, and workers.
    Ha,
}

/// Name, shape and machines of the management cluster (`cluster`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Name of the cluster, a DNS-1123 label.
    pub name: String,
    /// Single node or highly available.
    pub topology: Topology,
    /// Control-plane pool; one replica when single-node.
    pub control_plane: Pool,
    /// Worker pool; none when single-node or when it has no replicas.
    pub workers: Option<Pool>,
}

/// A pool of equal machines.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// How many machines the pool has.
    pub replicas: u32,
    /// Virtual CPUs of each machine.
    pub cpu: u32,
    /// Memory of each machine, in MiB.
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
    /// System disk in GiB.
    #[serde(rename = "diskGB")]
    pub disk_gb: u32,
    /// Disks beside the system disk.
    pub extra_disks: Vec<ExtraDisk>,
    /// Kubernetes node labels (and labels of the VM where the platform has them).
    pub labels: BTreeMap<String, String>,
}

/// A disk of a machine beside its system disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraDisk {
    /// Size of the disk, in GiB.
    #[serde(rename = "sizeGB")]
    pub size_gb: u32,
    /// Storage class of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// Addressing of the management cluster (`network`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// Network that pods get their addresses from.
    #[serde(rename = "podCIDR")]
    pub pod_cidr: Ipv4Net,
    /// Network that services get their addresses from.
    #[serde(rename = "serviceCIDR")]
    pub service_cidr: Ipv4Net,
    /// The control-plane endpoint, where the user gives one; otherwise it is the platform's, or the first control plane.
    pub vip: Option<ControlPlaneEndpoint>,
    /// The interface that carries the VIP; none means the machine's own, or [`ProviderKind::default_interface`].
    pub vip_interface: Option<String>,
    /// Addresses for services of type LoadBalancer.
    pub load_balancer_pool: Option<IpRange>,
    /// Addresses that the machines are told at their first boot; none means that the network's DHCP server hands them out.
    pub node_addresses: Option<NodeAddresses>,
    /// MTU of the physical interfaces; none leaves it alone.
    pub mtu: Option<u16>,
}

/// Addresses of the machines of the cluster (`network.nodeAddresses`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeAddresses {
    /// The addresses that are handed out.
    #[serde(flatten)]
    pub range: IpRange,
    /// Length of the node network's prefix.
    pub prefix_length: u8,
    /// Where other networks are reached.
    pub gateway: Ipv4Addr,
    /// Servers that know names.
    pub nameservers: Vec<IpAddr>,
}

impl NodeAddresses {
    /// The network that the machines are in.
    pub fn network(&self) -> Ipv4Net {
        Ipv4Net::new_assert(self.range.start, self.prefix_length).trunc()
    }
}

/// The operating system of every node (`talos`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Talos {
    /// Talos release, of a line that Butler can configure.
    #[serde(serialize_with = "release")]
    pub version: Version,
    /// Kubernetes release; the line's default when not written.
    #[serde(serialize_with = "release")]
    pub kubernetes_version: Version,
    /// Image Factory schematic (64 hex digits); none means the plain installer image.
    pub schematic: Option<String>,
    /// The Image Factory that makes the images of the machines. The public one is left out of the canonical form.
    #[serde(skip_serializing_if = "is_public_factory")]
    pub image_factory: HttpUrl,
    /// Disk that Talos is installed to.
    pub install_disk: String,
    /// Servers that the nodes take the time from.
    pub time_servers: Vec<Host>,
    /// Where container images come from.
    pub registries: Registries,
    /// Authorities that are trusted besides the usual ones: one or more certificates each, PEM.
    #[serde(rename = "trustedCAs", serialize_with = "fingerprints")]
    pub trusted_cas: Vec<String>,
    /// How the nodes find each other beside Kubernetes. What was the only way before it could be set is left out of the
    /// canonical form.
    #[serde(skip_serializing_if = "Discovery::is_default")]
    pub discovery: Discovery,
    /// Patches of the machine configurations.
    pub patches: Patches,
}

/// The Image Factory of the makers of Talos.
pub(super) const PUBLIC_FACTORY: &str = "https://factory.talos.dev";

fn is_public_factory(url: &HttpUrl) -> bool {
    url.to_string() == PUBLIC_FACTORY
}

fn release<S: Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("v{version}"))
}

fn fingerprints<S: Serializer>(certificates: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(certificates.iter().map(|pem| fingerprint(pem)))
}

/// Limits for each kind of wait, measured from the start of the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    /// An image is imported.
    pub image: Duration,
    /// A machine is created and has an address.
    pub machine: Duration,
    /// Talos answers in maintenance mode.
    pub boot: Duration,
    /// Talos answers with the cluster's certificate after the configuration was pushed.
    pub configure: Duration,
    /// etcd healthy, API server ready.
    pub bootstrap: Duration,
    /// A node registered, and ready after the CNI.
    pub node: Duration,
    /// One addon installed and ready.
    pub addon: Duration,
    /// The record moves to the management cluster.
    pub pivot: Duration,
    /// Load balancer or VIP answers.
    pub endpoint: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self {
            image: minutes(30),
            machine: minutes(10),
            boot: minutes(10),
            configure: minutes(10),
            bootstrap: minutes(10),
            node: minutes(10),
            addon: minutes(15),
            pivot: minutes(5),
            endpoint: minutes(10),
        }
    }
}

/// A machine that the configuration asks for.
#[derive(Debug, Clone)]
pub struct Machine<'a> {
    /// Name of the machine, its host and its node.
    pub name: String,
    /// What it does in the cluster.
    pub role: Role,
    /// Its entry on the list of provider `static`, with the position in the file; none for every other provider.
    pub listed: Option<(usize, &'a StaticMachine)>,
}

impl BootstrapConfig {
    /// The kind of infrastructure.
    pub fn provider_kind(&self) -> ProviderKind {
        self.provider.kind()
    }

    /// The pool that a machine of this role belongs to.
    pub fn pool(&self, role: Role) -> &Pool {
        match (role, &self.cluster.workers) {
            (Role::Worker, Some(workers)) => workers,
            _ => &self.cluster.control_plane,
        }
    }

    /// The machines in order: control planes first, each role counted from 0.
    pub fn machines(&self) -> Vec<Machine<'_>> {
        let workers = self.cluster.workers.as_ref().map_or(0, |pool| pool.replicas);
        let pools = [
            (Role::ControlPlane, self.cluster.control_plane.replicas),
            (Role::Worker, workers),
        ];
        let mut machines = Vec::new();
        for (role, replicas) in pools {
            let list = self.static_machines().iter().enumerate();
            let mut listed = list.filter(|(_, machine)| machine.role == role);
            for i in 0..replicas {
                let listed = listed.next();
                let given = listed.and_then(|(_, machine)| machine.name.clone());
                machines.push(Machine {
                    name: given.unwrap_or_else(|| names::machine(&self.cluster.name, role, i)),
                    role,
                    listed,
                });
            }
        }
        machines
    }

    /// Machine names and roles in order: control planes first.
    pub fn machine_names(&self) -> Vec<(String, Role)> {
        let machines = self.machines().into_iter();
        machines.map(|machine| (machine.name, machine.role)).collect()
    }

    /// The machine of this name on the list of provider `static`, and its position in the file.
    pub fn listed_machine(&self, name: &str) -> Option<(usize, &StaticMachine)> {
        if self.static_machines().is_empty() {
            return None;
        }
        self.machines().into_iter().find(|machine| machine.name == name)?.listed
    }

    /// The machines of provider `static`, in file order; none for every other provider.
    pub fn static_machines(&self) -> &[StaticMachine] {
        match &self.provider {
            Provider::Static(list) => &list.machines,
            _ => &[],
        }
    }

    /// The address that a machine is told at its first boot; none where the network's DHCP server gives it one.
    pub fn node_address(&self, name: &str) -> Option<Ipv4Addr> {
        let first = self.network.node_addresses.as_ref()?.range.start;
        let at = self.machine_names().iter().position(|(machine, _)| machine == name)?;
        Some(Ipv4Addr::from_bits(first.to_bits() + u32::try_from(at).ok()?))
    }

    /// Whether the platform has to be given the image that the machines are made from. Where the configuration names one that
    /// the platform has, that is taken.
    pub fn brings_image(&self) -> bool {
        self.provider.brings_image()
    }

    /// Whether the machines find data at their first boot, which is taken from them later.
    pub fn has_first_boot_data(&self) -> bool {
        self.network.node_addresses.is_some() || self.config_delivery() == ConfigDelivery::Cidata
    }

    /// How the machines get their configurations.
    pub fn config_delivery(&self) -> ConfigDelivery {
        match &self.provider {
            Provider::Proxmox(proxmox) => proxmox.config_delivery,
            _ => ConfigDelivery::Maintenance,
        }
    }

    /// The image that installs Talos on the machines.
    pub fn install_image(&self) -> String {
        super::versions::install_image(
            &self.talos.version,
            self.talos.schematic.as_deref(),
            self.provider_kind().talos_platform(),
        )
    }
}
