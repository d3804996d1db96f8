//! ManagementAddon: one addon on the management cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    schema,
    shared::HelmReleaseStatus,
    wire::{self, wire_enum},
};

/// What is wanted of a ManagementAddon.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "ManagementAddon",
    plural = "managementaddons",
    shortname = "ma",
    shortname = "maddon",
    status = "ManagementAddonStatus",
    doc = "ManagementAddon: one addon on the management cluster.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Addon", "jsonPath": ".spec.addon", "type": "string"}"#,
    printcolumn = r#"{"name": "Version", "jsonPath": ".spec.version", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Installed", "jsonPath": ".status.installedVersion", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ManagementAddonSpec {
    /// Name of the AddonDefinition.
    #[schemars(length(min = 1))]
    pub addon: String,
    /// While true nothing changes; deletion still uninstalls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Helm values, merged over the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
    /// Chart version; absent means the definition's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What was observed of a ManagementAddon.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagementAddonStatus {
    /// What was last observed; one owner for the whole list.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::atomic_conditions")]
    pub conditions: Vec<Condition>,
    /// The Helm release behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_release: Option<HelmReleaseStatus>,
    /// Chart version that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_version: Option<String>,
    /// Chart version that was last tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_attempted_version: Option<String>,
    /// A sentence about the current state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<ManagementAddonPhase>,
}

wire_enum! {
    /// Phase of a ManagementAddon.
    ManagementAddonPhase {
        Pending = "Pending",
        Installing = "Installing",
        Installed = "Installed",
        Upgrading = "Upgrading",
        Failed = "Failed",
        Uninstalling = "Uninstalling",
    }
}
