//! TenantAddon: one addon on one tenant cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    schema,
    shared::{HelmReleaseStatus, LocalRef},
    wire::{self, wire_enum},
};

/// What is wanted of a TenantAddon.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "TenantAddon",
    plural = "tenantaddons",
    shortname = "ta",
    namespaced,
    status = "TenantAddonStatus",
    doc = "TenantAddon: one addon on one tenant cluster.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Cluster", "jsonPath": ".spec.clusterRef.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Addon", "jsonPath": ".spec.addon", "type": "string"}"#,
    printcolumn = r#"{"name": "Version", "jsonPath": ".spec.version", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Installed", "jsonPath": ".status.installedVersion", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TenantAddonSpec {
    /// Name of the AddonDefinition; or set `helm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addon: Option<String>,
    /// The TenantCluster, in the same namespace.
    pub cluster_ref: LocalRef,
    /// TenantAddons to install first.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub depends_on: Vec<LocalRef>,
    /// A chart of one's own, instead of `addon`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmChart>,
    /// Override definition values (deep merge in the newer controller).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
    /// Chart version; empty means the definition's default.
    pub version: String,
}

/// A chart outside the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HelmChart {
    /// Name of the chart in its repository.
    pub chart: String,
    /// Whether the namespace is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub create_namespace: Option<bool>,
    /// Namespace of the release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Release name; absent means the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_name: Option<String>,
    /// URL of the chart's repository.
    pub repository: String,
}

/// What was observed of a TenantAddon.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAddonStatus {
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The Helm release behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_release: Option<HelmReleaseStatus>,
    /// Chart version that is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed_version: Option<String>,
    /// When the phase last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// A sentence about the current state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<TenantAddonPhase>,
}

wire_enum! {
    /// Phase of a TenantAddon.
    TenantAddonPhase {
        Pending = "Pending",
        Installing = "Installing",
        Installed = "Installed",
        Upgrading = "Upgrading",
        Degraded = "Degraded",
        Failed = "Failed",
        Deleting = "Deleting",
    }
}
