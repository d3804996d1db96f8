//! ClusterCreationPolicy: curated choices for creating tenant clusters.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{LocalRef, ProviderType},
    wire::{self, wire_enum},
};

/// What is wanted of a ClusterCreationPolicy.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "ClusterCreationPolicy",
    plural = "clustercreationpolicies",
    shortname = "ccp",
    status = "ClusterCreationPolicyStatus",
    doc = "ClusterCreationPolicy: curated choices for creating tenant clusters.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Team", "jsonPath": ".spec.scope.team.teamRef.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Env", "jsonPath": ".spec.scope.teamAndEnvironment.environmentName", "type": "string"}"#,
    printcolumn = r#"{"name": "Providers", "jsonPath": ".spec.targetProviders", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCreationPolicySpec {
    /// Choices by kind: image, network, cluster, storageContainer.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub options: BTreeMap<String, CreationOption>,
    /// Whom the policy is for; exactly one of the three.
    pub scope: CreationPolicyScope,
    /// Platforms it is for; empty means all.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub target_providers: Vec<ProviderType>,
}

/// Values for one kind of choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreationOption {
    /// The value that is preselected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// How the values bind.
    pub mode: OptionMode,
    /// Text of the badge, for mode recommended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 120))]
    pub recommended_reason: Option<String>,
    /// Ids on the platform.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub values: Vec<String>,
}

/// Whom a policy is for; exactly one of the three.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "(has(self.platformWide)?1:0) + (has(self.team)?1:0) + (has(self.teamAndEnvironment)?1:0) == 1", "message": "set exactly one of platformWide, team and teamAndEnvironment"},
]))]
pub struct CreationPolicyScope {
    /// The policy holds for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform_wide: Option<PlatformWideScope>,
    /// The policy holds for one team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamScope>,
    /// One environment of a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_and_environment: Option<TeamEnvironmentScope>,
}

/// Everybody; an empty object as a marker.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlatformWideScope {}

/// The team that a policy holds for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamScope {
    /// The team, by name.
    pub team_ref: LocalRef,
}

/// One environment of a team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamEnvironmentScope {
    /// The environment of the team, by name.
    #[schemars(length(min = 1, max = 63))]
    pub environment_name: String,
    /// The team, by name.
    pub team_ref: LocalRef,
}

/// What was observed of a ClusterCreationPolicy.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCreationPolicyStatus {
    /// Reserved; nobody sets it.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Values that no longer exist on the platform.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub stale_references: Vec<String>,
}

wire_enum! {
    /// How the values of a policy bind.
    OptionMode {
        Pin = "pin",
        AllowList = "allowList",
        Default = "default",
        Recommended = "recommended",
    }
}
