//! TenantCluster: a Kubernetes cluster with a hosted control plane and its own workers.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    schema,
    shared::{ControlPlaneResources, LocalRef, ProviderRef},
    wire::{self, Quantity, wire_enum},
};

/// What is wanted of a TenantCluster.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "TenantCluster",
    plural = "tenantclusters",
    shortname = "tc",
    namespaced,
    status = "TenantClusterStatus",
    doc = "TenantCluster: a Kubernetes cluster with a hosted control plane and its own workers.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "K8s Version", "jsonPath": ".spec.kubernetesVersion", "type": "string"}"#,
    printcolumn = r#"{"name": "Workers", "jsonPath": ".status.observedState.workers.ready", "type": "string"}"#,
    printcolumn = r#"{"name": "Endpoint", "jsonPath": ".status.controlPlaneEndpoint", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TenantClusterSpec {
    /// Addons to begin with; taking a block away does not uninstall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addons: Option<TenantAddons>,
    /// The hosted control plane.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<TenantControlPlane>,
    /// Wins over the ProviderConfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure_override: Option<InfrastructureOverride>,
    /// Kubernetes version, `vX.Y.Z`.
    #[schemars(regex(pattern = r"^v\d+\.\d+\.\d+$"))]
    pub kubernetes_version: String,
    /// Who looks after the addons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// Addresses of pods, services and load balancers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub networking: Option<TenantNetworking>,
    /// The ProviderConfig; its namespace defaults to `butler-system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_config_ref: Option<ProviderRef>,
    /// The team the cluster belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_ref: Option<LocalRef>,
    /// Time servers of the workers.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub time_servers: Vec<String>,
    /// The machines that run the workloads.
    pub workers: WorkerPool,
    /// Development workspaces in this cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<WorkspaceSettings>,
}

/// Addons that a tenant cluster begins with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAddons {
    /// cert-manager, which issues certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<TenantCertManager>,
    /// The network of pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni: Option<TenantCni>,
    /// What keeps the cluster as a Git repository has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gitops: Option<TenantGitOps>,
    /// The ingress controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<TenantIngress>,
    /// Addresses for services of type LoadBalancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<TenantLoadBalancer>,
    /// What gives pods persistent volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<TenantStorage>,
}

/// cert-manager, which issues certificates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantCertManager {
    /// Whether it is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Helm values, merged over the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
    /// Version of the chart.
    pub version: String,
}

/// The network of pods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantCni {
    /// The implementation that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "cilium"))]
    pub provider: Option<TenantCniProvider>,
    /// Helm values, merged over the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
    /// Version of the chart.
    pub version: String,
}

/// What keeps the cluster as a Git repository has it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantGitOps {
    /// The implementation that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<TenantGitOpsProvider>,
    /// Repository with the desired state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<GitRepository>,
    /// Version; absent means the platform's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Repository with desired state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitRepository {
    /// Branch that is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "main"))]
    pub branch: Option<String>,
    /// Folder of the repository that is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Secret with the credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
    /// URL of the repository.
    pub url: String,
}

/// The ingress controller.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantIngress {
    /// Whether it is installed; absent means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// The implementation that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<TenantIngressProvider>,
    /// Helm values, merged over the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
    /// Chart version; absent means the platform's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Addresses for services of type LoadBalancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantLoadBalancer {
    /// The implementation that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "metallb"))]
    pub provider: Option<TenantLoadBalancerProvider>,
    /// Helm values, merged over the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
    /// Version of the chart.
    pub version: String,
}

/// What gives pods persistent volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantStorage {
    /// The implementation that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<TenantStorageProvider>,
    /// Helm values, merged over the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
    /// Version of the chart.
    pub version: String,
}

/// The hosted control plane.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantControlPlane {
    /// Further names on the API server's certificate.
    #[serde(
        rename = "certSANs",
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub cert_sans: Vec<String>,
    /// Steward DataStore; absent means Steward's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_store_ref: Option<LocalRef>,
    /// Whether nodes wait for an external cloud provider; absent means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub external_cloud_provider: Option<bool>,
    /// Copies of the control plane; absent means the host's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3))]
    pub replicas: Option<i32>,
    /// Resources; each component replaces the platform's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ControlPlaneResources>,
    /// Service type of the API server; absent means by the platform's exposure mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
}

/// What wins over the ProviderConfig.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureOverride {
    /// On Google Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gcp: Option<GcpOverride>,
    /// What differs on Harvester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harvester: Option<HarvesterOverride>,
    /// What differs on Nutanix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nutanix: Option<NutanixOverride>,
    /// What differs on Proxmox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxmox: Option<ProxmoxOverride>,
}

/// Overrides on Google Cloud.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpOverride {
    /// Image that the workers boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Family of images, of which the newest is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_family: Option<String>,
    /// Type of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_type: Option<String>,
    /// Subnetwork of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetwork: Option<String>,
    /// Zone of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Overrides on Harvester.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarvesterOverride {
    /// Image as `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// Namespace of the virtual machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Network as `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_name: Option<String>,
}

/// Overrides on Nutanix.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NutanixOverride {
    /// Prism Element cluster.
    #[serde(rename = "clusterUUID", skip_serializing_if = "Option::is_none")]
    pub cluster_uuid: Option<String>,
    /// Id of the image that machines boot.
    #[serde(rename = "imageUUID", skip_serializing_if = "Option::is_none")]
    pub image_uuid: Option<String>,
    /// Id of the storage container of the disks.
    #[serde(rename = "storageContainerUUID", skip_serializing_if = "Option::is_none")]
    pub storage_container_uuid: Option<String>,
    /// Id of the subnet of the machines.
    #[serde(rename = "subnetUUID", skip_serializing_if = "Option::is_none")]
    pub subnet_uuid: Option<String>,
}

/// Overrides on Proxmox.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxmoxOverride {
    /// Host that carries the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Storage of the disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Template to clone.
    #[serde(rename = "templateID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::integer")]
    pub template_id: Option<i64>,
}

/// Who looks after the addons.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagementPolicy {
    /// Butler installs and corrects, Butler only looks, or Git does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Active"))]
    pub mode: Option<ManagementMode>,
}

/// Addresses of pods, services and load balancers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantNetworking {
    /// Addresses for services of type LoadBalancer (mode ipam).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub lb_pool_size: Option<i32>,
    /// Addresses for services of type LoadBalancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_pool: Option<TenantAddressRange>,
    /// Addresses of pods.
    #[serde(rename = "podCIDR", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "10.244.0.0/16"))]
    pub pod_cidr: Option<String>,
    /// Addresses of services.
    #[serde(rename = "serviceCIDR", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "10.96.0.0/12"))]
    pub service_cidr: Option<String>,
}

/// Addresses from first to last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAddressRange {
    /// Last address of the range.
    pub end: String,
    /// First address of the range.
    pub start: String,
}

/// The machines that run the workloads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPool {
    /// What each worker is made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_template: Option<MachineTemplate>,
    /// How many; at least one.
    #[schemars(range(min = 1))]
    pub replicas: i32,
}

/// What each worker is made of.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineTemplate {
    /// Processor cores of a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 4))]
    pub cpu: Option<i32>,
    /// Size of the root disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "100Gi"))]
    pub disk_size: Option<Quantity>,
    /// Memory of a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "16Gi"))]
    pub memory: Option<Quantity>,
    /// Operating system of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<WorkerOs>,
}

/// Operating system of the workers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerOs {
    /// Image on the platform; wins over type and version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_ref: Option<String>,
    /// Schematic of the image factory.
    #[serde(rename = "schematicID", skip_serializing_if = "Option::is_none")]
    pub schematic_id: Option<String>,
    /// Public key for logins; not for Talos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_authorized_key: Option<String>,
    /// Settings for type talos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub talos: Option<WorkerTalos>,
    /// The operating system that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "rocky"))]
    pub r#type: Option<OsType>,
    /// Version; the default fits rocky only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "9.5"))]
    pub version: Option<String>,
}

/// Talos on workers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerTalos {
    /// Disk to install to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "/dev/vda"))]
    pub install_disk: Option<String>,
    /// Image that installs Talos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installer_image: Option<String>,
    /// Talos release of the workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "v1.9.3"))]
    pub version: Option<String>,
}

/// Development workspaces in this cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSettings {
    /// When stopped workspaces are deleted, as a Go duration; 0 means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "720h"))]
    pub auto_delete_after: Option<String>,
    /// Image where a workspace names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "ghcr.io/butlerdotdev/workspace-base:latest"))]
    pub default_image: Option<String>,
    /// Whether workspaces are allowed.
    #[schemars(extend("default" = false))]
    pub enabled: bool,
    /// How many at once; 0 means no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 20))]
    pub max_workspaces: Option<i32>,
    /// What all workspaces may use together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_quota: Option<WorkspaceQuota>,
}

/// What all workspaces may use together.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceQuota {
    /// The most processor cores of a workspace.
    #[serde(rename = "maxCPU", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "16"))]
    pub max_cpu: Option<String>,
    /// The most memory of a workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "32Gi"))]
    pub max_memory: Option<String>,
    /// The most storage of a workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "500Gi"))]
    pub max_storage: Option<String>,
}

/// What was observed of a TenantCluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantClusterStatus {
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Where the API server answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<String>,
    /// ImageSync of the workers' image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_sync_ref: Option<LocalRef>,
    /// IPAllocation for nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_allocation_ref: Option<LocalRef>,
    /// Secret with the kubeconfig, in the tenant namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig_secret_ref: Option<LocalRef>,
    /// When the phase last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// IPAllocation for services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lb_allocation_ref: Option<LocalRef>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What was found in the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_state: Option<ObservedState>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<TenantClusterPhase>,
    /// Namespace with the cluster's own objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_namespace: Option<String>,
    /// How many workers there should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_nodes_desired: Option<i32>,
    /// How many workers are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker_nodes_ready: Option<i32>,
}

/// What was found in the cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedState {
    /// Addons that were found.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub addons: Vec<ObservedAddon>,
    /// Kubernetes version that answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Workers that were found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<ObservedWorkers>,
}

/// An addon found in the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedAddon {
    /// Who installed it.
    pub managed_by: AddonManager,
    /// Name of the addon.
    pub name: String,
    /// How far its installation is.
    pub status: ObservedAddonStatus,
    /// Version that is installed.
    pub version: String,
}

/// Workers found in the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedWorkers {
    /// How many there should be.
    pub desired: i32,
    /// Names of the worker nodes.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub nodes: Vec<String>,
    /// How many are ready.
    pub ready: i32,
}

wire_enum! {
    /// Network implementations of tenant clusters.
    TenantCniProvider {
        Cilium = "cilium",
    }
}

wire_enum! {
    /// GitOps tools of tenant clusters.
    TenantGitOpsProvider {
        FluxCd = "fluxcd",
        ArgoCd = "argocd",
    }
}

wire_enum! {
    /// Ingress controllers of tenant clusters.
    TenantIngressProvider {
        Traefik = "traefik",
        Nginx = "nginx",
    }
}

wire_enum! {
    /// Load balancers of tenant clusters.
    TenantLoadBalancerProvider {
        MetalLb = "metallb",
    }
}

wire_enum! {
    /// Storage of tenant clusters.
    TenantStorageProvider {
        Longhorn = "longhorn",
        Linstor = "linstor",
    }
}

wire_enum! {
    /// Service types of a hosted API server.
    ServiceType {
        LoadBalancer = "LoadBalancer",
        NodePort = "NodePort",
        ClusterIp = "ClusterIP",
    }
}

wire_enum! {
    /// Who looks after the addons of a tenant cluster.
    ManagementMode {
        Active = "Active",
        Observe = "Observe",
        GitOps = "GitOps",
    }
}

wire_enum! {
    /// Systems of workers.
    OsType {
        Rocky = "rocky",
        Flatcar = "flatcar",
        Talos = "talos",
        Kairos = "kairos",
        Bottlerocket = "bottlerocket",
    }
}

wire_enum! {
    /// Who installed an addon.
    AddonManager {
        Butler = "butler",
        Flux = "flux",
        ArgoCd = "argocd",
        Manual = "manual",
    }
}

wire_enum! {
    /// State of an addon found in a cluster.
    ObservedAddonStatus {
        Pending = "Pending",
        Installing = "Installing",
        Healthy = "Healthy",
        Degraded = "Degraded",
        Failed = "Failed",
    }
}

wire_enum! {
    /// Phase of a TenantCluster.
    TenantClusterPhase {
        Pending = "Pending",
        Provisioning = "Provisioning",
        Installing = "Installing",
        Ready = "Ready",
        Updating = "Updating",
        Deleting = "Deleting",
        Failed = "Failed",
    }
}
