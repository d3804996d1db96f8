//! The validated configuration. A value of these types has passed every rule that needs no network.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr, time::Duration};

use ipnet::Ipv4Net;
use secrecy::SecretString;
use semver::Version;

use super::{Discovery, Patches, Registries};

/// A validated bootstrap configuration.
#[derive(Debug, Clone)]
pub struct BootstrapConfig {
    /// The infrastructure platform and its settings.
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
    pub exposure: Option<Exposure>,
    /// `spec.multiTenancy.mode` of ButlerConfig.
    pub multi_tenancy_mode: Option<MultiTenancyMode>,
    /// The NetworkPool to create, if any.
    pub network_pool: Option<NetworkPool>,
    /// `spec.network` of the ProviderConfig, as the CRD shape.
    pub provider_network: Option<serde_json::Value>,
    /// Limits for each kind of wait.
    pub deadlines: Deadlines,
    /// SHA-256 (hex) over the canonical form of the configuration: secrets replaced by their reference, without deadlines
    /// and world file, which change nothing about the cluster.
    pub digest: String,
    /// The canonical form the digest was made of (no secret value in it); kept to show differences on resume.
    pub canonical: serde_json::Value,
}

/// The kind of infrastructure, as written in `provider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderKind {
    /// Harvester HCI.
    Harvester,
    /// Nutanix Prism Central.
    Nutanix,
    /// Proxmox VE.
    Proxmox,
    /// Google Cloud.
    Gcp,
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Docker or podman on this machine.
    Local,
    /// The simulated world.
    #[serde(rename = "inmemory")]
    InMemory,
    /// Machines that somebody else booted into Talos maintenance mode.
    Static,
}

impl ProviderKind {
    /// The word used in configuration files, labels and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Harvester => "harvester",
            Self::Nutanix => "nutanix",
            Self::Proxmox => "proxmox",
            Self::Gcp => "gcp",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Local => "local",
            Self::InMemory => "inmemory",
            Self::Static => "static",
        }
    }

    /// Whether the control-plane endpoint is a cloud load balancer rather than a VIP.
    pub fn is_cloud(self) -> bool {
        matches!(self, Self::Gcp | Self::Aws | Self::Azure)
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Settings of the chosen platform.
#[derive(Debug, Clone)]
pub enum Provider {
    /// See [`Harvester`].
    Harvester(Harvester),
    /// See [`Nutanix`].
    Nutanix(Nutanix),
    /// See [`Proxmox`].
    Proxmox(Proxmox),
    /// See [`Gcp`].
    Gcp(Gcp),
    /// See [`Aws`].
    Aws(Aws),
    /// See [`Azure`].
    Azure(Azure),
    /// Docker or podman on this machine; no settings.
    Local,
    /// The simulated world.
    InMemory(InMemory),
    /// See [`StaticMachines`].
    Static(StaticMachines),
}

impl Provider {
    /// The kind of infrastructure that these are the settings of.
    pub fn kind(&self) -> ProviderKind {
        match self {
            Self::Harvester(_) => ProviderKind::Harvester,
            Self::Nutanix(_) => ProviderKind::Nutanix,
            Self::Proxmox(_) => ProviderKind::Proxmox,
            Self::Gcp(_) => ProviderKind::Gcp,
            Self::Aws(_) => ProviderKind::Aws,
            Self::Azure(_) => ProviderKind::Azure,
            Self::Local => ProviderKind::Local,
            Self::InMemory(_) => ProviderKind::InMemory,
            Self::Static(_) => ProviderKind::Static,
        }
    }
}

/// Where a secret comes from. The value itself is never part of the configuration's canonical form.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// A file holding the value (one trailing newline is dropped); `~` is not yet expanded.
    File(String),
    /// An environment variable.
    Env(String),
    /// A command (argument vector, no shell) that prints the value.
    Exec(Vec<String>),
    /// Clear text in the configuration file; accepted with a warning.
    Clear(SecretString),
}

/// `providerConfig.inmemory`.
#[derive(Debug, Clone, Default)]
pub struct InMemory {
    /// World file (latencies and faults) for a world that has to be started; relative to the configuration file.
    pub world: Option<String>,
}

/// `providerConfig.static`.
#[derive(Debug, Clone)]
pub struct StaticMachines {
    /// The listed machines, in file order.
    pub machines: Vec<StaticMachine>,
}

/// One machine of `providerConfig.static.machines[]`.
#[derive(Debug, Clone)]
pub struct StaticMachine {
    /// IP address, or `IP:PORT` where the Talos API is not on 50000.
    pub address: String,
    /// Control plane or worker.
    pub role: Role,
    /// Machine name; empty means the name derived from role and position.
    pub name: Option<String>,
    /// Standard base64 of SHA-256 over the maintenance certificate's SubjectPublicKeyInfo.
    pub fingerprint: Option<String>,
    /// Overrides `talos.installDisk`.
    pub install_disk: Option<String>,
    /// The interface that carries the node address (and the VIP).
    pub network_interface: Option<String>,
}

/// `providerConfig.harvester`.
#[derive(Debug, Clone)]
pub struct Harvester {
    /// Kubeconfig of the Harvester cluster.
    pub kubeconfig: SecretSource,
    /// Namespace of the VMs.
    pub namespace: String,
    /// `namespace/name` of the VM network.
    pub network_name: String,
    /// `namespace/name` of the image; empty when it is made from the schematic.
    pub image_name: Option<String>,
}

/// `providerConfig.nutanix`.
#[derive(Debug, Clone)]
pub struct Nutanix {
    /// Prism Central URL with scheme, without port.
    pub endpoint: String,
    /// Prism Central port.
    pub port: u16,
    /// As written; TLS is verified all the same (see the user guide).
    pub insecure: bool,
    /// Login name.
    pub username: SecretSource,
    /// Password.
    pub password: SecretSource,
    /// Prism Element cluster.
    pub cluster_uuid: String,
    /// Subnet of the NIC.
    pub subnet_uuid: String,
    /// Image, when not made from the schematic.
    pub image_uuid: Option<String>,
    /// Storage container of the disks.
    pub storage_container_uuid: Option<String>,
    /// `IP host` lines.
    pub host_aliases: Vec<String>,
}

/// `providerConfig.proxmox`.
#[derive(Debug, Clone)]
pub struct Proxmox {
    /// API URL.
    pub endpoint: String,
    /// Node names that may carry VMs.
    pub nodes: Vec<String>,
    /// As written; TLS is verified all the same (see the user guide).
    pub insecure: bool,
    /// `user@realm` or a token id.
    pub username: Option<SecretSource>,
    /// Password or token secret.
    pub password: Option<SecretSource>,
    /// Storage of the disks.
    pub storage: Option<String>,
    /// Template VM.
    pub template_id: Option<u32>,
    /// First and last VMID to use.
    pub vmid_range: Option<(u32, u32)>,
    /// `IP host` lines.
    pub host_aliases: Vec<String>,
}

/// `providerConfig.gcp`.
#[derive(Debug, Clone)]
pub struct Gcp {
    /// Service account key (JSON).
    pub service_account_key: SecretSource,
    /// Project.
    pub project_id: String,
    /// Region.
    pub region: String,
    /// VPC network.
    pub network: String,
    /// Zone; `<region>-a` when not written.
    pub zone: String,
    /// Subnetwork.
    pub subnetwork: Option<String>,
    /// Machine type.
    pub machine_type: Option<String>,
    /// Project of the image family.
    pub image_project: Option<String>,
    /// Image family.
    pub image_family: Option<String>,
    /// Image; wins over the family.
    pub image: Option<String>,
}

/// `providerConfig.aws`.
#[derive(Debug, Clone)]
pub struct Aws {
    /// Access key id.
    pub access_key_id: SecretSource,
    /// Secret access key.
    pub secret_access_key: SecretSource,
    /// Region.
    pub region: String,
    /// VPC.
    pub vpc_id: Option<String>,
    /// Subnet of the nodes.
    pub subnet_id: Option<String>,
    /// Security group of the nodes.
    pub security_group_id: Option<String>,
    /// Instance type.
    pub instance_type: Option<String>,
    /// AMI, when not the official Talos one.
    pub ami: Option<String>,
}

/// `providerConfig.azure`.
#[derive(Debug, Clone)]
pub struct Azure {
    /// Service principal.
    pub client_id: SecretSource,
    /// Its secret.
    pub client_secret: SecretSource,
    /// Directory.
    pub tenant_id: SecretSource,
    /// Subscription.
    pub subscription_id: String,
    /// Resource group.
    pub resource_group: String,
    /// Location.
    pub location: String,
    /// Virtual network.
    pub vnet_name: Option<String>,
    /// Subnet.
    pub subnet_name: Option<String>,
    /// Network security group.
    pub security_group_name: Option<String>,
    /// VM size.
    pub vm_size: Option<String>,
    /// ARM image resource id.
    pub image_urn: Option<String>,
}

/// Where the objects live until the pivot.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        /// Context to use; the current one when empty.
        context: Option<String>,
    },
}

/// Role of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs etcd and the API server.
    ControlPlane,
    /// Runs workloads only.
    Worker,
}

impl Role {
    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        }
    }
}

/// Shape of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One control plane that also carries workloads.
    SingleNode,
    /// An odd number of control planes, and workers.
    Ha,
}

/// `cluster`.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// DNS-1123 label.
    pub name: String,
    /// Single node or highly available.
    pub topology: Topology,
    /// Control-plane pool; one replica when single-node.
    pub control_plane: Pool,
    /// Worker pool; none when single-node or when it has no replicas.
    pub workers: Option<Pool>,
}

/// A pool of equal machines.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Number of machines.
    pub replicas: u32,
    /// Virtual CPUs.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory_mb: u32,
    /// System disk in GiB.
    pub disk_gb: u32,
    /// Further disks.
    pub extra_disks: Vec<ExtraDisk>,
    /// Kubernetes node labels (and labels of the VM where the platform has them).
    pub labels: BTreeMap<String, String>,
}

/// A further disk of a machine.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExtraDisk {
    /// Size in GiB.
    #[serde(rename = "sizeGB")]
    pub size_gb: u32,
    /// Storage class of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// A closed range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpRange {
    /// First address.
    pub start: Ipv4Addr,
    /// Last address.
    pub end: Ipv4Addr,
}

/// `network`.
#[derive(Debug, Clone)]
pub struct Network {
    /// Pod addresses.
    pub pod_cidr: Ipv4Net,
    /// Service addresses.
    pub service_cidr: Ipv4Net,
    /// The control-plane endpoint host (IP or DNS name) where the user gives one.
    pub vip: Option<String>,
    /// The interface that carries the VIP; the platform's default when empty.
    pub vip_interface: Option<String>,
    /// Addresses for services of type LoadBalancer.
    pub load_balancer_pool: Option<IpRange>,
    /// MTU of the physical interfaces; none leaves it alone.
    pub mtu: Option<u16>,
}

/// `talos`.
#[derive(Debug, Clone)]
pub struct Talos {
    /// Talos release.
    pub version: Version,
    /// Kubernetes release; the line's default when not written.
    pub kubernetes_version: Version,
    /// Image Factory schematic (64 hex digits); none means the plain installer image.
    pub schematic: Option<String>,
    /// Disk that Talos is installed to.
    pub install_disk: String,
    /// NTP servers.
    pub time_servers: Vec<String>,
    /// Where container images come from.
    pub registries: Registries,
    /// Authorities that are trusted besides the usual ones: one or more certificates each, PEM.
    pub trusted_cas: Vec<String>,
    /// How the nodes find each other beside Kubernetes.
    pub discovery: Discovery,
    /// Patches of the machine configurations.
    pub patches: Patches,
}

/// `addons`. `None` or `enabled: false` means it is not installed.
#[derive(Debug, Clone)]
pub struct Addons {
    /// Source of every chart instead of its own repository.
    pub chart_mirror: Option<ChartMirror>,
    /// Cilium.
    pub cni: Option<Cni>,
    /// Longhorn.
    pub storage: Option<Storage>,
    /// MetalLB.
    pub load_balancer: Option<Versioned>,
    /// Flux.
    pub git_ops: Option<Versioned>,
    /// kube-vip.
    pub control_plane_ha: Option<Versioned>,
    /// cert-manager.
    pub cert_manager: Option<Versioned>,
    /// Traefik.
    pub ingress: Option<Versioned>,
    /// Steward.
    pub control_plane_provider: Option<Versioned>,
    /// Cluster API.
    pub capi: Option<Capi>,
    /// Butler's controller (and with it CRDs and the addon catalog).
    pub butler_controller: Option<ButlerController>,
    /// Butler's web console.
    pub console: Option<Console>,
}

/// An addon with nothing but a version.
#[derive(Debug, Clone, Default)]
pub struct Versioned {
    /// Overrides the pin.
    pub version: Option<String>,
}

/// `addons.cni`.
#[derive(Debug, Clone)]
pub struct Cni {
    /// Overrides the pin.
    pub version: Option<String>,
    /// Whether Hubble's relay and UI are installed.
    pub hubble: bool,
}

/// `addons.storage`.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Overrides the pin.
    pub version: Option<String>,
    /// Replicas of a volume.
    pub replica_count: u32,
}

/// `addons.capi`.
#[derive(Debug, Clone)]
pub struct Capi {
    /// Overrides the pin of the core provider.
    pub version: Option<String>,
    /// Infrastructure providers beside the cluster's own.
    pub infrastructure_providers: Vec<CapiProvider>,
}

/// One entry of `addons.capi.infrastructureProviders[]`.
#[derive(Debug, Clone)]
pub struct CapiProvider {
    /// The platform.
    pub name: ProviderKind,
    /// Overrides the pin.
    pub version: Option<String>,
    /// Values of variables of its manifest.
    pub variables: BTreeMap<String, SecretSource>,
}

/// `addons.butlerController`.
#[derive(Debug, Clone)]
pub struct ButlerController {
    /// Overrides the pin.
    pub version: Option<String>,
    /// Image without tag.
    pub image: Option<String>,
}

/// `addons.console`.
#[derive(Debug, Clone)]
pub struct Console {
    /// Overrides the pin.
    pub version: Option<String>,
    /// Ingress, if one is wanted.
    pub ingress: Option<ConsoleIngress>,
    /// Password of the first administrator, if given.
    pub admin_password: Option<SecretSource>,
    /// Key that signs sessions, if given.
    pub jwt_secret: Option<SecretSource>,
}

/// `addons.console.ingress`.
#[derive(Debug, Clone)]
pub struct ConsoleIngress {
    /// Host name; `butler.<cluster>.local` when not written.
    pub host: String,
    /// Ingress class.
    pub class_name: Option<String>,
    /// Whether TLS is on.
    pub tls: bool,
    /// Secret of the certificate; `butler-console-tls` when not written.
    pub tls_secret_name: String,
}

/// `addons.chartMirror`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartMirror {
    /// An `https://` Helm repository.
    Repository(String),
    /// An `oci://` registry prefix.
    Oci(String),
    /// A folder of packaged charts.
    Folder(String),
}

/// How tenant control planes are reached.
#[derive(Debug, Clone)]
pub enum Exposure {
    /// One service of type LoadBalancer each.
    LoadBalancer,
    /// Through an ingress controller with TLS passthrough.
    Ingress {
        /// Wildcard host.
        hostname: String,
        /// Ingress class.
        ingress_class_name: Option<String>,
        /// `haproxy`, `nginx`, `traefik` or `generic`.
        controller_type: Option<String>,
    },
    /// Through a Gateway with TLS passthrough.
    Gateway {
        /// Wildcard host.
        hostname: String,
        /// `namespace/name`.
        gateway_ref: String,
    },
}

/// `multiTenancyMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultiTenancyMode {
    /// Teams are optional.
    Optional,
    /// Every cluster belongs to a team.
    Enforced,
    /// No teams.
    Disabled,
}

/// `networkPool`.
#[derive(Debug, Clone)]
pub struct NetworkPool {
    /// Object name; `<cluster>-underlay` when not written.
    pub name: String,
    /// `spec` of the object, as the CRD shape.
    pub spec: serde_json::Value,
}

/// Limits for each kind of wait, measured from the start of the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    /// Image import.
    pub image: Duration,
    /// Machine created and given an address.
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
    /// Pivot.
    pub pivot: Duration,
    /// Load balancer or VIP.
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

    /// Machine names and roles in order: control planes first.
    pub fn machine_names(&self) -> Vec<(String, Role)> {
        let derived = |role: Role, i: u32| match role {
            Role::ControlPlane => format!("{}-cp-{i}", self.cluster.name),
            Role::Worker => format!("{}-worker-{i}", self.cluster.name),
        };
        let workers = self.cluster.workers.as_ref().map_or(0, |p| p.replicas);
        let pools = [
            (Role::ControlPlane, self.cluster.control_plane.replicas),
            (Role::Worker, workers),
        ];
        let mut names = Vec::new();
        for (role, replicas) in pools {
            let mut listed = self.static_machines().iter().filter(|machine| machine.role == role);
            for i in 0..replicas {
                let given = listed.next().and_then(|machine| machine.name.clone());
                names.push((given.unwrap_or_else(|| derived(role, i)), role));
            }
        }
        names
    }

    /// The machines of provider `static`, in file order; none for every other provider.
    pub fn static_machines(&self) -> &[StaticMachine] {
        match &self.provider {
            Provider::Static(list) => &list.machines,
            _ => &[],
        }
    }
}
