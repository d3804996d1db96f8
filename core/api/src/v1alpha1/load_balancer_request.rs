//! LoadBalancerRequest: a cloud load balancer in front of the management control plane.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::ProviderRef,
    wire::{self, wire_enum},
};

/// What is wanted of a LoadBalancerRequest.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "LoadBalancerRequest",
    plural = "loadbalancerrequests",
    shortname = "lbr",
    namespaced,
    status = "LoadBalancerRequestStatus",
    doc = "LoadBalancerRequest: a cloud load balancer in front of the management control plane.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Cluster", "jsonPath": ".spec.clusterName", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Endpoint", "jsonPath": ".status.endpoint", "type": "string"}"#,
    printcolumn = r#"{"name": "Targets", "jsonPath": ".status.registeredTargets", "type": "integer"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.clusterName == oldSelf.clusterName", "message": "clusterName cannot change"},
    {"rule": "self.providerConfigRef == oldSelf.providerConfigRef", "message": "providerConfigRef cannot change"},
]))]
pub struct LoadBalancerRequestSpec {
    /// Cluster, the prefix of the platform's names; cannot change. AWS takes 25 characters at most.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub cluster_name: String,
    /// Port of the health check; absent means `port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535))]
    pub health_check_port: Option<i32>,
    /// Port of the API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65_535), extend("default" = 6443))]
    pub port: Option<i32>,
    /// The ProviderConfig to use; cannot change.
    pub provider_config_ref: ProviderRef,
    /// Machines behind the balancer; grows as they get addresses.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub targets: Vec<LoadBalancerTarget>,
}

/// One machine behind a balancer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerTarget {
    /// Id, for groups of instances (AWS).
    #[serde(rename = "instanceID", skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Name, for pools of names (Google Cloud).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// Address of the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
}

/// What was observed of a LoadBalancerRequest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerRequestStatus {
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Address or name of the balancer once it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Why it failed, as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
    /// Why it failed, as a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// When the status was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Time>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<LoadBalancerPhase>,
    /// Targets the platform has accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registered_targets: Option<i32>,
    /// The platform's id, for cleaning up.
    #[serde(rename = "resourceID", skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
}

wire_enum! {
    /// Phase of a LoadBalancerRequest.
    LoadBalancerPhase {
        Pending = "Pending",
        Creating = "Creating",
        Ready = "Ready",
        Failed = "Failed",
        Deleting = "Deleting",
    }
}
