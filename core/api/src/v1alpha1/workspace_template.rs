//! WorkspaceTemplate: a preset for a Workspace.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    shared::{Dotfiles, EnvFrom, WorkspaceRepository, WorkspaceResources},
    wire::{self, Quantity, wire_enum},
};

/// What is wanted of a WorkspaceTemplate.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "WorkspaceTemplate",
    plural = "workspacetemplates",
    shortname = "wst",
    namespaced,
    doc = "WorkspaceTemplate: a preset for a Workspace.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Display Name", "jsonPath": ".spec.displayName", "type": "string"}"#,
    printcolumn = r#"{"name": "Image", "jsonPath": ".spec.template.image", "type": "string"}"#,
    printcolumn = r#"{"name": "Category", "jsonPath": ".spec.category", "type": "string"}"#,
    printcolumn = r#"{"name": "Scope", "jsonPath": ".spec.scope", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceTemplateSpec {
    /// Group in listings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "custom"))]
    pub category: Option<TemplateCategory>,
    /// Free text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name shown to people.
    #[schemars(length(min = 1))]
    pub display_name: String,
    /// Icon name or URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Who sees it; cluster templates live in `butler-system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "team"))]
    pub scope: Option<TemplateScope>,
    /// What a workspace gets; owner and cluster are added.
    pub template: WorkspacePreset,
}

/// What a workspace gets from a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspacePreset {
    /// Personal settings to install.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dotfiles: Option<Dotfiles>,
    /// Workload to copy environment variables from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_from: Option<EnvFrom>,
    /// Container image of the workspace.
    pub image: String,
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
    /// Size of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_size: Option<Quantity>,
}

wire_enum! {
    /// What a workspace template is for.
    TemplateCategory {
        Backend = "backend",
        Frontend = "frontend",
        Data = "data",
        DevOps = "devops",
        Custom = "custom",
    }
}

wire_enum! {
    /// Who sees a workspace template.
    TemplateScope {
        Cluster = "cluster",
        Team = "team",
    }
}
