//! Workspace: a development pod with SSH access in a tenant cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{Dotfiles, EnvFrom, LocalRef, WorkspaceRepository, WorkspaceResources},
    wire::{self, Quantity, wire_enum},
};

/// What is wanted of a Workspace.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "Workspace",
    plural = "workspaces",
    shortname = "ws",
    namespaced,
    status = "WorkspaceStatus",
    doc = "Workspace: a development pod with SSH access in a tenant cluster.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Cluster", "jsonPath": ".spec.clusterRef.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Owner", "jsonPath": ".spec.owner", "type": "string"}"#,
    printcolumn = r#"{"name": "Image", "jsonPath": ".spec.image", "type": "string"}"#,
    printcolumn = r#"{"name": "Connected", "jsonPath": ".status.connected", "type": "boolean"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceSpec {
    /// When the pod stops after the last disconnect, as a Go duration; 0 means never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "8h"))]
    pub auto_stop_after: Option<String>,
    /// The TenantCluster, in the same namespace.
    pub cluster_ref: LocalRef,
    /// Personal settings to install.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dotfiles: Option<Dotfiles>,
    /// What the editor is set to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub editor_config: Option<EditorConfig>,
    /// Workload to copy environment variables from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_from: Option<EnvFrom>,
    /// When the SSH service closes after connecting, as a Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "4h"))]
    pub idle_timeout: Option<String>,
    /// Container image of the workspace.
    pub image: String,
    /// E-mail of the owner.
    #[schemars(length(min = 1))]
    pub owner: String,
    /// Repositories to clone side by side under `/workspace`.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub repositories: Vec<WorkspaceRepository>,
    /// Deprecated; the one repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<WorkspaceRepository>,
    /// Size of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<WorkspaceResources>,
    /// Keys that may log in; empty means those of the owner.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ssh_public_keys: Vec<String>,
    /// Size of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "10Gi"))]
    pub storage_size: Option<Quantity>,
}

/// What the editor is set to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditorConfig {
    /// `tar.gz` in base64; second choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neovim_config_archive: Option<String>,
    /// Repository; first choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neovim_config_repo: Option<String>,
    /// A single `init.lua`; third choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neovim_init_lua: Option<String>,
}

/// What was observed of a Workspace.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceStatus {
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Whether the SSH service exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// When somebody last connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity_time: Option<Time>,
    /// When somebody last disconnected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_disconnect_time: Option<Time>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<WorkspacePhase>,
    /// Name of the workspace's pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<String>,
    /// The volume claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pvc_name: Option<String>,
    /// The SSH service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// `host:port` for SSH.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_endpoint: Option<String>,
}

wire_enum! {
    /// Phase of a Workspace.
    WorkspacePhase {
        Pending = "Pending",
        Creating = "Creating",
        Running = "Running",
        Starting = "Starting",
        Stopped = "Stopped",
        Failed = "Failed",
    }
}
