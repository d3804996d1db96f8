//! NetworkPool: a range of IPv4 addresses for tenant clusters.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{LocalRef, NamespacedRef},
    wire::{self},
};

/// What is wanted of a NetworkPool.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "NetworkPool",
    plural = "networkpools",
    shortname = "np",
    namespaced,
    status = "NetworkPoolStatus",
    doc = "NetworkPool: a range of IPv4 addresses for tenant clusters.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "CIDR", "jsonPath": ".spec.cidr", "type": "string"}"#,
    printcolumn = r#"{"name": "Available", "jsonPath": ".status.availableIPs", "type": "integer"}"#,
    printcolumn = r#"{"name": "Allocated", "jsonPath": ".status.allocatedIPs", "type": "integer"}"#,
    printcolumn = r#"{"name": "Total", "jsonPath": ".status.totalIPs", "type": "integer"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPoolSpec {
    /// The whole range; it may only grow.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$"))]
    pub cidr: String,
    /// Ranges that are never handed out.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub reserved: Vec<ReservedRange>,
    /// What tenants may get; absent means everything that is not reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_allocation: Option<TenantAllocation>,
}

/// A range that is never handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservedRange {
    /// The network that is kept back.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$"))]
    pub cidr: String,
    /// What it is kept for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What tenants may get of a pool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAllocation {
    /// Addresses per tenant cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<TenantAllocationDefaults>,
    /// Deprecated with `start`; last address, ignored where `ranges` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Sorted, disjoint ranges inside the CIDR.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 16))]
    pub ranges: Vec<PoolRange>,
    /// Deprecated with `end`; first address, ignored where `ranges` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

/// Addresses per tenant cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAllocationDefaults {
    /// For services of type LoadBalancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 8))]
    pub lb_pool_per_tenant: Option<i32>,
    /// For the nodes of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 5))]
    pub nodes_per_tenant: Option<i32>,
}

/// Addresses from first to last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolRange {
    /// Last address of the range.
    pub end: String,
    /// First address of the range.
    pub start: String,
}

/// What was observed of a NetworkPool.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPoolStatus {
    /// Addresses handed out.
    #[serde(rename = "allocatedIPs", skip_serializing_if = "Option::is_none")]
    pub allocated_ips: Option<i32>,
    /// IPAllocations that draw on this pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation_count: Option<i32>,
    /// Addresses that can still be handed out.
    #[serde(rename = "availableIPs", skip_serializing_if = "Option::is_none")]
    pub available_ips: Option<i32>,
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// How scattered the free addresses are: 0 means one block.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub fragmentation_percent: Option<i32>,
    /// Addresses that the platform itself uses.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "map"), extend("x-kubernetes-list-map-keys" = ["ip"]))]
    pub infrastructure_allocations: Vec<InfrastructureAllocation>,
    /// Addresses that the platform itself uses.
    #[serde(rename = "infrastructureConsumedIPs", skip_serializing_if = "Option::is_none")]
    pub infrastructure_consumed_ips: Option<i32>,
    /// Longest run of free addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_free_block: Option<i32>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Addresses of the whole CIDR.
    #[serde(rename = "poolSizeIPs", skip_serializing_if = "Option::is_none")]
    pub pool_size_ips: Option<i32>,
    /// Addresses that are reserved.
    #[serde(rename = "reservedIPs", skip_serializing_if = "Option::is_none")]
    pub reserved_ips: Option<i32>,
    /// Addresses without the reserved ones.
    #[serde(rename = "totalIPs", skip_serializing_if = "Option::is_none")]
    pub total_ips: Option<i32>,
    /// Ranges of the CIDR that are neither reserved nor for tenants.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub unmanaged_ranges: Vec<PoolRange>,
    /// Addresses in the unmanaged ranges.
    #[serde(rename = "unmanagedScopeIPs", skip_serializing_if = "Option::is_none")]
    pub unmanaged_scope_ips: Option<i32>,
}

/// An address that the platform itself uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureAllocation {
    /// The address that is taken.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}$"))]
    pub ip: String,
    /// Cluster API machine that uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_ref: Option<NamespacedRef>,
    /// Node that uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ref: Option<LocalRef>,
    /// Service that uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ref: Option<NamespacedRef>,
    /// Where this is known from: `metallb`, `node`, `machine` or `static`.
    pub source: String,
}
