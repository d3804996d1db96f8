//! Shapes that several kinds share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    wire::{Quantity, wire_enum},
};

/// A Secret, or one key of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Key inside the Secret; absent means the keys usual for the purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Name of the Secret.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its namespace; absent means that of the referring object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// An additional disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtraDisk {
    /// Size in GB.
    #[serde(rename = "sizeGB")]
    #[schemars(range(min = 1))]
    pub size_gb: i32,
    /// Storage class or tier of the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// How tenant API servers are reached.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// Chooses how TLS passes through (mode Ingress).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_type: Option<ExposureController>,
    /// `namespace/name` of the Gateway (mode Gateway).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_ref: Option<String>,
    /// Wildcard such as `*.k8s.example.com`; a cluster gets `<cluster>.<namespace>.k8s.example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Ingress class (mode Ingress).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_class_name: Option<String>,
    /// How tenant API servers are reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "LoadBalancer"))]
    pub mode: Option<ExposureMode>,
}

/// A ProviderConfig by name and, if needed, namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRef {
    /// Name of the ProviderConfig.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Its namespace; absent means that of the referring object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// An object by name, where kind and namespace are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Name of the object.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// An object by name and namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespacedRef {
    /// Name of the object.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Namespace of the object.
    #[schemars(length(min = 1))]
    pub namespace: String,
}

/// Resources of a hosted control plane.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneResources {
    /// Of the API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<ComponentResources>,
    /// Of the controller manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_manager: Option<ComponentResources>,
    /// Of the scheduler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<ComponentResources>,
    /// Of the konnectivity server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub konnectivity: Option<ComponentResources>,
}

/// Resources of one component.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentResources {
    /// The most that the component may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceAmounts>,
    /// What the scheduler reserves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceAmounts>,
}

/// Processor share and memory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// Processor share, for example `500m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Quantity>,
    /// Memory, for example `512Mi`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

/// A Helm release.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmReleaseStatus {
    /// Name of the Helm release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Namespace of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Revision of the Helm release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::integer")]
    pub revision: Option<i64>,
    /// Helm's own word, for example `deployed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Version of the chart that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Personal settings from a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dotfiles {
    /// Command to run; absent means the first of the usual scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install_command: Option<String>,
    /// URL of the repository.
    pub url: String,
}

/// Workload to copy environment variables from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvFrom {
    /// Container; absent means the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Kind of the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Deployment"))]
    pub kind: Option<EnvFromKind>,
    /// Name of the workload.
    pub name: String,
    /// Namespace of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "default"))]
    pub namespace: Option<String>,
}

/// A repository to clone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceRepository {
    /// Branch that is checked out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "main"))]
    pub branch: Option<String>,
    /// Folder under `/workspace`; absent means taken from the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Secret with the credentials, in the team's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<LocalRef>,
    /// URL of the repository.
    pub url: String,
}

/// Size of a workspace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceResources {
    /// Processor cores of the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "2"))]
    pub cpu: Option<String>,
    /// Memory of the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "4Gi"))]
    pub memory: Option<String>,
}

wire_enum! {
    /// Ingress controllers that differ in passing TLS through.
    ExposureController {
        HaProxy = "haproxy",
        Nginx = "nginx",
        Traefik = "traefik",
        Generic = "generic",
    }
}

wire_enum! {
    /// How tenant API servers are reached.
    ExposureMode {
        LoadBalancer = "LoadBalancer",
        Ingress = "Ingress",
        Gateway = "Gateway",
    }
}

wire_enum! {
    /// Platforms, with the two that only this toolkit serves: `inmemory` and `static`.
    ProviderType {
        Harvester = "harvester",
        Nutanix = "nutanix",
        Proxmox = "proxmox",
        Gcp = "gcp",
        Aws = "aws",
        Azure = "azure",
        Local = "local",
        InMemory = "inmemory",
        Static = "static",
    }
}

wire_enum! {
    /// Part a machine plays in a cluster.
    MachineRole {
        ControlPlane = "control-plane",
        Worker = "worker",
    }
}

wire_enum! {
    /// Workloads that environment variables can come from.
    EnvFromKind {
        Deployment = "Deployment",
        StatefulSet = "StatefulSet",
    }
}
