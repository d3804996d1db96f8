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

/// NetworkPoolSpec
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
    /// cidr.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$"))]
    pub cidr: String,
    /// CIDRs never handed out.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub reserved: Vec<ReservedRange>,
    /// Absent -> whole CIDR minus reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_allocation: Option<TenantAllocation>,
}

/// ReservedRange
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReservedRange {
    /// cidr.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$"))]
    pub cidr: String,
    /// description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// TenantAllocation
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAllocation {
    /// defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<TenantAllocationDefaults>,
    /// Deprecated pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// ranges.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(length(max = 16))]
    pub ranges: Vec<PoolRange>,
    /// Deprecated pair; ignored if ranges set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
}

/// TenantAllocationDefaults
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAllocationDefaults {
    /// lbPoolPerTenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 8))]
    pub lb_pool_per_tenant: Option<i32>,
    /// nodesPerTenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 5))]
    pub nodes_per_tenant: Option<i32>,
}

/// PoolRange
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolRange {
    /// No IP pattern in the schema.
    pub end: String,
    /// No IP pattern in the schema.
    pub start: String,
}

/// NetworkPoolStatus
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkPoolStatus {
    /// allocatedIPs.
    #[serde(rename = "allocatedIPs", skip_serializing_if = "Option::is_none")]
    pub allocated_ips: Option<i32>,
    /// Number of IPAllocation objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocation_count: Option<i32>,
    /// availableIPs.
    #[serde(rename = "availableIPs", skip_serializing_if = "Option::is_none")]
    pub available_ips: Option<i32>,
    /// conditions.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// 100 - largest free block / free * 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub fragmentation_percent: Option<i32>,
    /// infrastructureAllocations.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "map"), extend("x-kubernetes-list-map-keys" = ["ip"]))]
    pub infrastructure_allocations: Vec<InfrastructureAllocation>,
    /// infrastructureConsumedIPs.
    #[serde(rename = "infrastructureConsumedIPs", skip_serializing_if = "Option::is_none")]
    pub infrastructure_consumed_ips: Option<i32>,
    /// largestFreeBlock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_free_block: Option<i32>,
    /// observedGeneration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whole CIDR.
    #[serde(rename = "poolSizeIPs", skip_serializing_if = "Option::is_none")]
    pub pool_size_ips: Option<i32>,
    /// reservedIPs.
    #[serde(rename = "reservedIPs", skip_serializing_if = "Option::is_none")]
    pub reserved_ips: Option<i32>,
    /// Usable = without reserved.
    #[serde(rename = "totalIPs", skip_serializing_if = "Option::is_none")]
    pub total_ips: Option<i32>,
    /// Inside the CIDR, neither reserved nor in a tenant range.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub unmanaged_ranges: Vec<PoolRange>,
    /// Size of the unmanaged ranges without network and broadcast address.
    #[serde(rename = "unmanagedScopeIPs", skip_serializing_if = "Option::is_none")]
    pub unmanaged_scope_ips: Option<i32>,
}

/// InfrastructureAllocation
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureAllocation {
    /// ip.
    #[schemars(regex(pattern = r"^(\d{1,3}\.){3}\d{1,3}$"))]
    pub ip: String,
    /// CAPI Machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_ref: Option<NamespacedRef>,
    /// nodeRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_ref: Option<LocalRef>,
    /// serviceRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_ref: Option<NamespacedRef>,
    /// Metallb, node, machine, static (free text).
    pub source: String,
}
