//! ClusterBootstrap: one management cluster to be built from a temporary cluster.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{Exposure, ExtraDisk, ProviderRef, ProviderType, SecretRef},
    wire::{self, Credential, wire_enum},
};

/// ClusterBootstrapSpec
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
    /// addons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addons: Option<AddonsSpec>,
    /// cluster.
    pub cluster: ClusterSpec,
    /// Copied to ButlerConfig at the end; three root CEL rules apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_exposure: Option<Exposure>,
    /// network.
    pub network: NetworkSpec,
    /// Stops reconciliation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Plain string enum; must match the ProviderConfig.
    pub provider: ProviderType,
    /// providerRef.
    pub provider_ref: ProviderRef,
    /// talos.
    pub talos: TalosSpec,
}

/// AddonsSpec
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddonsSpec {
    /// butlerController.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub butler_controller: Option<ButlerControllerAddon>,
    /// capi.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capi: Option<CapiAddon>,
    /// certManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<CertManagerAddon>,
    /// cni.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni: Option<CniAddon>,
    /// console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console: Option<ConsoleAddon>,
    /// controlPlaneHA.
    #[serde(rename = "controlPlaneHA", skip_serializing_if = "Option::is_none")]
    pub control_plane_ha: Option<ControlPlaneHaAddon>,
    /// controlPlaneProvider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_provider: Option<ControlPlaneProviderAddon>,
    /// gitOps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_ops: Option<GitOpsAddon>,
    /// ingress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<IngressAddon>,
    /// loadBalancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerAddon>,
    /// storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageAddon>,
}

/// ButlerControllerAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ButlerControllerAddon {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Image without tag; tag = version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "ghcr.io/butlerdotdev/butler-controller"))]
    pub image: Option<String>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "latest"))]
    pub version: Option<String>,
}

/// CapiAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapiAddon {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Extra providers; the management cluster's own is always added. No `local`.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub infrastructure_providers: Vec<CapiInfrastructureProvider>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "v1.9.4"))]
    pub version: Option<String>,
}

/// CapiInfrastructureProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CapiInfrastructureProvider {
    /// Needed for providers other than the own one (not enforced).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_secret_ref: Option<SecretRef>,
    /// name.
    pub name: CapiProviderName,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// CertManagerAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertManagerAddon {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// CniAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CniAddon {
    /// Value bool in Go: a Go client cannot send `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub hubble_enabled: Option<bool>,
    /// type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "cilium"))]
    pub r#type: Option<CniType>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// ConsoleAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleAddon {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub enabled: Option<bool>,
    /// ingress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<ConsoleIngress>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "latest"))]
    pub version: Option<String>,
}

/// ConsoleIngress
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleIngress {
    /// className.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_name: Option<String>,
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub enabled: Option<bool>,
    /// Empty -> `butler.<cluster>.local`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// tls.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub tls: Option<bool>,
    /// tlsSecretName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_secret_name: Option<String>,
}

/// ControlPlaneHaAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneHaAddon {
    /// type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "kube-vip"))]
    pub r#type: Option<ControlPlaneHaType>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// ControlPlaneProviderAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneProviderAddon {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// `kamaji` accepted by the schema, not implemented.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "steward"))]
    pub r#type: Option<ControlPlaneProviderType>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// GitOpsAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitOpsAddon {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "flux"))]
    pub r#type: Option<GitOpsType>,
}

/// IngressAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngressAddon {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "traefik"))]
    pub r#type: Option<IngressType>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// LoadBalancerAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerAddon {
    /// Deprecated; network.loadBalancerPool wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_pool: Option<String>,
    /// type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "metallb"))]
    pub r#type: Option<LoadBalancerType>,
}

/// StorageAddon
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageAddon {
    /// Forced to 1 for single-node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 3))]
    pub replica_count: Option<i32>,
    /// type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "longhorn"))]
    pub r#type: Option<StorageType>,
    /// version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// ClusterSpec
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSpec {
    /// controlPlane.
    pub control_plane: NodePool,
    /// name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Single-node: 1 control plane, workers ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "ha"))]
    pub topology: Option<Topology>,
    /// Optional; ignored for single-node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<NodePool>,
}

/// NodePool
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodePool {
    /// cpu.
    #[schemars(range(min = 1, max = 128))]
    pub cpu: i32,
    /// diskGB.
    #[serde(rename = "diskGB")]
    #[schemars(range(min = 20))]
    pub disk_gb: i32,
    /// extraDisks.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub extra_disks: Vec<ExtraDisk>,
    /// labels.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// memoryMB.
    #[serde(rename = "memoryMB")]
    #[schemars(range(min = 2048))]
    pub memory_mb: i32,
    /// replicas.
    #[schemars(range(min = 1, max = 10))]
    pub replicas: i32,
}

/// NetworkSpec
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkSpec {
    /// MetalLB range; must not contain the VIP (checked in code, not in schema).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_pool: Option<AddressRange>,
    /// podCIDR.
    #[serde(rename = "podCIDR")]
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$"))]
    pub pod_cidr: String,
    /// serviceCIDR.
    #[serde(rename = "serviceCIDR")]
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$"))]
    pub service_cidr: String,
    /// On-prem: kube-vip address; cloud: LB address or DNS name, may be empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip: Option<String>,
    /// Empty -> auto-detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip_interface: Option<String>,
}

/// AddressRange
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressRange {
    /// end.
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"))]
    pub end: String,
    /// start.
    #[schemars(regex(pattern = r"^([0-9]{1,3}\.){3}[0-9]{1,3}$"))]
    pub start: String,
}

/// TalosSpec
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TalosSpec {
    /// configPatches.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub config_patches: Vec<ConfigPatch>,
    /// installDisk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "/dev/vda"))]
    pub install_disk: Option<String>,
    /// Required even for `local` (schema).
    pub schematic: String,
    /// version.
    #[schemars(regex(pattern = r"^v[0-9]+\.[0-9]+\.[0-9]+$"))]
    pub version: String,
}

/// ConfigPatch
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigPatch {
    /// op.
    pub op: PatchOp,
    /// path.
    pub path: String,
    /// A string even for structured values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// ClusterBootstrapStatus
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterBootstrapStatus {
    /// Progress ledger; keys in the text above.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub addons_installed: BTreeMap<String, bool>,
    /// conditions.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::atomic_conditions")]
    pub conditions: Vec<Condition>,
    /// consoleURL.
    #[serde(rename = "consoleURL", skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
    /// controlPlaneEndpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<String>,
    /// failureMessage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
    /// failureReason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Base64 admin kubeconfig: a credential in status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<Credential>,
    /// lastUpdated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Time>,
    /// machines.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub machines: Vec<MachineStatus>,
    /// observedGeneration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// No enum in the schema; values in the text above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<BootstrapPhase>,
    /// Base64 talosconfig: a credential in status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talosconfig: Option<Credential>,
}

/// MachineStatus
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// ipAddress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// MachineRequest name.
    pub name: String,
    /// Copy of MachineRequest.status.phase.
    pub phase: String,
    /// Node joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// role.
    pub role: String,
    /// talosConfigured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talos_configured: Option<bool>,
}

wire_enum! {
    /// CapiProviderName
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
    /// CniType
    CniType {
        Cilium = "cilium",
        None = "none",
    }
}

wire_enum! {
    /// ControlPlaneHaType
    ControlPlaneHaType {
        KubeVip = "kube-vip",
        None = "none",
    }
}

wire_enum! {
    /// ControlPlaneProviderType
    ControlPlaneProviderType {
        Steward = "steward",
        Kamaji = "kamaji",
        None = "none",
    }
}

wire_enum! {
    /// GitOpsType
    GitOpsType {
        Flux = "flux",
        None = "none",
    }
}

wire_enum! {
    /// IngressType
    IngressType {
        Traefik = "traefik",
        Nginx = "nginx",
        None = "none",
    }
}

wire_enum! {
    /// LoadBalancerType
    LoadBalancerType {
        MetalLb = "metallb",
        None = "none",
    }
}

wire_enum! {
    /// StorageType
    StorageType {
        Longhorn = "longhorn",
        None = "none",
    }
}

wire_enum! {
    /// Topology
    Topology {
        SingleNode = "single-node",
        Ha = "ha",
    }
}

wire_enum! {
    /// PatchOp
    PatchOp {
        Add = "add",
        Remove = "remove",
        Replace = "replace",
    }
}

wire_enum! {
    /// BootstrapPhase
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
