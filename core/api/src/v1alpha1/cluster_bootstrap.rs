//! ClusterBootstrap: one management cluster to be built from a temporary cluster.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    schema,
    shared::{Exposure, ExtraDisk, ProviderRef, ProviderType, SecretRef},
    wire::{self, Credential, wire_enum},
};

/// What is wanted of a ClusterBootstrap.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "ClusterBootstrap",
    plural = "clusterbootstraps",
    shortname = "cb",
    namespaced,
    status = "ClusterBootstrapStatus",
    doc = "ClusterBootstrap: one management cluster to be built from a temporary cluster.",
    validation = Rule::new("!has(self.spec.controlPlaneExposure) || self.spec.controlPlaneExposure.mode != 'Ingress' || self.spec.controlPlaneExposure.hostname != ''")
        .message("spec.controlPlaneExposure: mode Ingress needs a hostname"),
    validation = Rule::new("!has(self.spec.controlPlaneExposure) || self.spec.controlPlaneExposure.mode != 'Gateway' || self.spec.controlPlaneExposure.hostname != ''")
        .message("spec.controlPlaneExposure: mode Gateway needs a hostname"),
    validation = Rule::new("!has(self.spec.controlPlaneExposure) || self.spec.controlPlaneExposure.mode != 'Gateway' || self.spec.controlPlaneExposure.gatewayRef != ''")
        .message("spec.controlPlaneExposure: mode Gateway needs a gatewayRef"),
    derive = "PartialEq",
    printcolumn = r#"{"name": "Cluster", "jsonPath": ".spec.cluster.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Topology", "jsonPath": ".spec.cluster.topology", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Endpoint", "jsonPath": ".status.controlPlaneEndpoint", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#,
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterBootstrapSpec {
    /// What is installed on the management cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addons: Option<AddonsSpec>,
    /// Name, topology and machine pools.
    pub cluster: ClusterSpec,
    /// How tenant API servers are reached; copied to ButlerConfig at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_exposure: Option<Exposure>,
    /// Addresses of pods, services and the control-plane endpoint.
    pub network: NetworkSpec,
    /// While true nothing is reconciled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// The platform; must agree with the ProviderConfig.
    pub provider: ProviderType,
    /// The ProviderConfig to use.
    pub provider_ref: ProviderRef,
    /// The operating system.
    pub talos: TalosSpec,
}

/// What is installed on the management cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddonsSpec {
    /// The platform's own controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub butler_controller: Option<ButlerControllerAddon>,
    /// Cluster API, which makes the machines of tenant clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capi: Option<CapiAddon>,
    /// cert-manager, which issues certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<CertManagerAddon>,
    /// The network of pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni: Option<CniAddon>,
    /// The web console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<ConsoleAddon>,
    /// What keeps the VIP on a living control plane.
    #[serde(rename = "controlPlaneHA", skip_serializing_if = "Option::is_none")]
    pub control_plane_ha: Option<ControlPlaneHaAddon>,
    /// What hosts the control planes of tenant clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_provider: Option<ControlPlaneProviderAddon>,
    /// What keeps the cluster as a Git repository has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_ops: Option<GitOpsAddon>,
    /// The ingress controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressAddon>,
    /// Addresses for services of type LoadBalancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerAddon>,
    /// What gives pods persistent volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageAddon>,
    /// Blocks of addons that only newer tools know: whoever reads the object and writes it back keeps them.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: BTreeMap<String, Value>,
}

/// The platform's own controller.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ButlerControllerAddon {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Image without its tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "ghcr.io/butlerdotdev/butler-controller"))]
    pub image: Option<String>,
    /// Tag of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "latest"))]
    pub version: Option<String>,
}

/// Cluster API, which makes the machines of tenant clusters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapiAddon {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Providers besides the management cluster's own, which is always installed.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub infrastructure_providers: Vec<CapiInfrastructureProvider>,
    /// Version of the core components.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "v1.9.4"))]
    pub version: Option<String>,
}

/// One infrastructure provider of Cluster API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapiInfrastructureProvider {
    /// Credentials for a provider other than the own one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// The platform that the provider makes machines on.
    pub name: CapiProviderName,
    /// Version to install; absent means the one the installer pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// cert-manager, which issues certificates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertManagerAddon {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Version to install; absent means the one the installer pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The network of pods.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CniAddon {
    /// Whether Hubble is switched on (Cilium).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub hubble_enabled: Option<bool>,
    /// Which implementation is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "cilium"))]
    pub r#type: Option<CniType>,
    /// Version to install; absent means the one the installer pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The web console.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleAddon {
    /// Whether it is installed. Off when the block is there without this field, on when the block is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub enabled: Option<bool>,
    /// How the console is reached from outside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<ConsoleIngress>,
    /// Tag of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "latest"))]
    pub version: Option<String>,
}

/// How the console is reached from outside.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleIngress {
    /// Class of the ingress; the cluster's default when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// Whether an Ingress is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub enabled: Option<bool>,
    /// Host name; absent means `butler.<cluster>.local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Whether TLS ends at the ingress.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub tls: Option<bool>,
    /// Secret with the certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_secret_name: Option<String>,
}

/// What keeps the VIP on a living control plane.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneHaAddon {
    /// Which implementation is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "kube-vip"))]
    pub r#type: Option<ControlPlaneHaType>,
    /// Version to install; absent means the one the installer pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What hosts the control planes of tenant clusters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneProviderAddon {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Which implementation is installed. `kamaji` passes the schema but nobody installs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "steward"))]
    pub r#type: Option<ControlPlaneProviderType>,
    /// Version to install; absent means the one the installer pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What keeps the cluster as a Git repository has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitOpsAddon {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Which implementation is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "flux"))]
    pub r#type: Option<GitOpsType>,
}

/// The ingress controller.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressAddon {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Which implementation is installed. `nginx` passes the schema but nobody installs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "traefik"))]
    pub r#type: Option<IngressType>,
    /// Version to install; absent means the one the installer pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Addresses for services of type LoadBalancer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerAddon {
    /// Deprecated; `network.loadBalancerPool` wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_pool: Option<String>,
    /// Which implementation is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "metallb"))]
    pub r#type: Option<LoadBalancerType>,
}

/// What gives pods persistent volumes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageAddon {
    /// Copies of each volume; one where the topology is single-node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 3))]
    pub replica_count: Option<i32>,
    /// Which implementation is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "longhorn"))]
    pub r#type: Option<StorageType>,
    /// Version to install; absent means the one the installer pins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Name, topology and machine pools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// Control plane machines.
    pub control_plane: NodePool,
    /// Name of the cluster, the prefix of everything made for it.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Shape of the cluster; `single-node` has one control plane and ignores workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "ha"))]
    pub topology: Option<Topology>,
    /// Worker machines; without them control planes take workloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<NodePool>,
}

/// Machines of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePool {
    /// Processor cores per machine.
    #[schemars(range(min = 1, max = 128))]
    pub cpu: i32,
    /// Root disk per machine, in GB.
    #[serde(rename = "diskGB")]
    #[schemars(range(min = 20))]
    pub disk_gb: i32,
    /// Additional disks per machine.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub extra_disks: Vec<ExtraDisk>,
    /// Labels for the machines and their nodes.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// Memory per machine, in MB.
    #[serde(rename = "memoryMB")]
    #[schemars(range(min = 2048))]
    pub memory_mb: i32,
    /// How many machines. Real platforms take at most 10 (the configuration is checked for it), simulated ones more.
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: i32,
}

/// Addresses of pods, services and the control-plane endpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkSpec {
    /// Addresses for services of type LoadBalancer; must not contain the VIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_pool: Option<AddressRange>,
    /// Addresses of pods.
    #[serde(rename = "podCIDR")]
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$"))]
    pub pod_cidr: String,
    /// Addresses of services.
    #[serde(rename = "serviceCIDR")]
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$"))]
    pub service_cidr: String,
    /// Address of the control plane; on a cloud the balancer's address or name, possibly absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Interface that carries the VIP; absent means detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip_interface: Option<String>,
}

/// Addresses from first to last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressRange {
    /// Last address of the range.
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"))]
    pub end: String,
    /// First address of the range.
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"))]
    pub start: String,
}

/// The operating system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TalosSpec {
    /// JSON patch operations on every machine configuration.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub config_patches: Vec<ConfigPatch>,
    /// Disk to install to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "/dev/vda"))]
    pub install_disk: Option<String>,
    /// Schematic of the image factory.
    pub schematic: String,
    /// Talos release that the nodes run, such as `v1.12.1`.
    #[schemars(regex(pattern = r"^v[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub version: String,
}

/// One JSON patch operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPatch {
    /// What the operation does.
    pub op: PatchOp,
    /// JSON pointer to what it changes.
    pub path: String,
    /// Value as text, for structured values too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// What was observed of a ClusterBootstrap.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterBootstrapStatus {
    /// Which installation steps are through, by name.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub addons_installed: BTreeMap<String, bool>,
    /// What was last observed; one owner for the whole list.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::atomic_conditions")]
    pub conditions: Vec<Condition>,
    /// Where the console answers.
    #[serde(rename = "consoleURL", skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
    /// Where the API server answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<String>,
    /// Why it failed, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
    /// Why it failed, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Admin kubeconfig in base64. A credential: whoever reads it owns the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<Credential>,
    /// When the status was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Time>,
    /// The machines of the cluster.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub machines: Vec<MachineStatus>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// No enum in the schema; values in the text above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<BootstrapPhase>,
    /// Client configuration for the Talos API in base64. A credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talosconfig: Option<Credential>,
}

/// One machine of the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// Address of the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Name of the MachineRequest.
    pub name: String,
    /// Phase of the MachineRequest.
    pub phase: String,
    /// Whether the node has joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// `control-plane` or `worker`.
    pub role: String,
    /// Whether the machine has its configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talos_configured: Option<bool>,
}

wire_enum! {
    /// Infrastructure providers of Cluster API.
    CapiProviderName {
        Harvester = "harvester",
        Nutanix = "nutanix",
        Proxmox = "proxmox",
        Gcp = "gcp",
        Aws = "aws",
        Azure = "azure",
    }
}

wire_enum! {
    /// Network implementations of the management cluster.
    CniType {
        Cilium = "cilium",
        None = "none",
    }
}

wire_enum! {
    /// What keeps the VIP.
    ControlPlaneHaType {
        KubeVip = "kube-vip",
        None = "none",
    }
}

wire_enum! {
    /// What hosts tenant control planes.
    ControlPlaneProviderType {
        Steward = "steward",
        Kamaji = "kamaji",
        None = "none",
    }
}

wire_enum! {
    /// GitOps tools of the management cluster.
    GitOpsType {
        Flux = "flux",
        None = "none",
    }
}

wire_enum! {
    /// Ingress controllers of the management cluster.
    IngressType {
        Traefik = "traefik",
        Nginx = "nginx",
        None = "none",
    }
}

wire_enum! {
    /// Load balancers of the management cluster.
    LoadBalancerType {
        MetalLb = "metallb",
        None = "none",
    }
}

wire_enum! {
    /// Storage of the management cluster.
    StorageType {
        Longhorn = "longhorn",
        None = "none",
    }
}

wire_enum! {
    /// Shapes of a management cluster.
    Topology {
        SingleNode = "single-node",
        Ha = "ha",
    }
}

wire_enum! {
    /// JSON patch operations.
    PatchOp {
        Add = "add",
        Remove = "remove",
        Replace = "replace",
    }
}

wire_enum! {
    /// Phase of a bootstrap; not a closed list.
    open BootstrapPhase {
        Pending = "Pending",
        ProvisioningMachines = "ProvisioningMachines",
        ConfiguringTalos = "ConfiguringTalos",
        BootstrappingCluster = "BootstrappingCluster",
        InstallingAddons = "InstallingAddons",
        Pivoting = "Pivoting",
        Ready = "Ready",
        Failed = "Failed",
    }
}
