//! IPAllocation: a block of addresses of a NetworkPool for one tenant cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{LocalRef, NamespacedRef},
    wire::{self, wire_enum},
};

/// What is wanted of an IPAllocation.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "IPAllocation",
    plural = "ipallocations",
    shortname = "ipa",
    namespaced,
    status = "IPAllocationStatus",
    doc = "IPAllocation: a block of addresses of a NetworkPool for one tenant cluster.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Pool", "jsonPath": ".spec.poolRef.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Cluster", "jsonPath": ".spec.tenantClusterRef.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Type", "jsonPath": ".spec.type", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Start", "jsonPath": ".status.startAddress", "type": "string"}"#,
    printcolumn = r#"{"name": "End", "jsonPath": ".status.endAddress", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct IPAllocationSpec {
    /// How many addresses; absent means the pool's default for the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub count: Option<i32>,
    /// Exactly these addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_range: Option<PinnedRange>,
    /// The NetworkPool, in the same namespace.
    pub pool_ref: LocalRef,
    /// The tenant cluster that gets them.
    pub tenant_cluster_ref: NamespacedRef,
    /// What the addresses are for.
    pub r#type: AllocationType,
}

/// Exactly these addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinnedRange {
    /// Last address of the block.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}$"))]
    pub end_address: String,
    /// First address of the block.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}$"))]
    pub start_address: String,
}

/// What was observed of an IPAllocation.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IPAllocationStatus {
    /// Every single address.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub addresses: Vec<String>,
    /// When they were assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_at: Option<Time>,
    /// Who assigned them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_by: Option<String>,
    /// How many were assigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_count: Option<i32>,
    /// The block as CIDR where it is one, else as `start-end`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Last address of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_address: Option<String>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<AllocationPhase>,
    /// When they were given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Time>,
    /// First address of the block.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_address: Option<String>,
}

wire_enum! {
    /// What addresses are for.
    AllocationType {
        Nodes = "nodes",
        LoadBalancer = "loadbalancer",
    }
}

wire_enum! {
    /// Phase of an IPAllocation.
    AllocationPhase {
        Pending = "Pending",
        Allocated = "Allocated",
        Released = "Released",
        Failed = "Failed",
    }
}
