//! ProviderConfig: one infrastructure endpoint with credentials, defaults and limits.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{LocalRef, ProviderType, SecretRef},
    wire::{self, wire_enum},
};

/// ProviderConfigSpec
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "ProviderConfig",
    plural = "providerconfigs",
    shortname = "pc",
    namespaced,
    status = "ProviderConfigStatus",
    doc = "ProviderConfig: one infrastructure endpoint with credentials, defaults and limits.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Provider", "jsonPath": ".spec.provider", "type": "string"}"#,
    printcolumn = r#"{"name": "Scope", "jsonPath": ".spec.scope.type", "type": "string"}"#,
    printcolumn = r#"{"name": "Ready", "jsonPath": ".status.ready", "type": "boolean"}"#,
    printcolumn = r#"{"name": "Validated", "jsonPath": ".status.validated", "type": "boolean"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.provider in ['local', 'inmemory', 'static'] || (has(self.credentialsRef) && self.credentialsRef.name != '')", "message": "this provider needs a credentialsRef that names a Secret"},
]))]
pub struct ProviderConfigSpec {
    /// aws.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsProvider>,
    /// azure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureProvider>,
    /// Needed unless provider is local (CEL); keys in the table below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<SecretRef>,
    /// gcp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gcp: Option<GcpProvider>,
    /// harvester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harvester: Option<HarvesterProvider>,
    /// limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ProviderLimits>,
    /// local.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalProvider>,
    /// network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<ProviderNetwork>,
    /// nutanix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nutanix: Option<NutanixProvider>,
    /// provider.
    pub provider: ProviderType,
    /// proxmox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxmox: Option<ProxmoxProvider>,
    /// scope.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ProviderScope>,
}

/// AwsProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsProvider {
    /// Required inside the block.
    pub region: String,
    /// securityGroupIDs.
    #[serde(
        rename = "securityGroupIDs",
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub security_group_ids: Vec<String>,
    /// subnetIDs.
    #[serde(
        rename = "subnetIDs",
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub subnet_ids: Vec<String>,
    /// vpcID.
    #[serde(rename = "vpcID", skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
}

/// AzureProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureProvider {
    /// URN publisher:offer:sku:version, image id, or gallery image id.
    #[serde(rename = "imageURN", skip_serializing_if = "Option::is_none")]
    pub image_urn: Option<String>,
    /// Optional in schema though every VM needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// resourceGroup.
    pub resource_group: String,
    /// subnetName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_name: Option<String>,
    /// subscriptionID.
    #[serde(rename = "subscriptionID")]
    pub subscription_id: String,
    /// vmSize.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_size: Option<String>,
    /// vnetName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnet_name: Option<String>,
}

/// GcpProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpProvider {
    /// Wins over imageFamily.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// imageFamily.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_family: Option<String>,
    /// imageProject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_project: Option<String>,
    /// machineType.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_type: Option<String>,
    /// network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// projectID.
    #[serde(rename = "projectID")]
    pub project_id: String,
    /// region.
    pub region: String,
    /// E-mail attached to the VMs (not the credential).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// subnetwork.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetwork: Option<String>,
    /// Network tags for firewall rules.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
    /// Empty -> `<region>-a`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// HarvesterProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarvesterProvider {
    /// Empty -> from the kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Namespace/name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "default"))]
    pub namespace: Option<String>,
    /// Namespace/name.
    #[schemars(regex(pattern = r"^[a-z0-9-]+/[a-z0-9-]+$"))]
    pub network_name: String,
    /// storageClassName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
}

/// ProviderLimits
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderLimits {
    /// Per team on this provider; create only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_clusters_per_team: Option<i32>,
    /// Per team on this provider; create only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_nodes_per_team: Option<i32>,
}

/// LocalProvider
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalProvider {
    /// Empty -> derived from the Kubernetes version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_node_image: Option<String>,
}

/// ProviderNetwork
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderNetwork {
    /// dnsServers.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dns_servers: Vec<String>,
    /// gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// loadBalancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerAllocation>,
    /// mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "cloud"))]
    pub mode: Option<NetworkMode>,
    /// poolRefs.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub pool_refs: Vec<PoolRef>,
    /// quotaPerTenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_per_tenant: Option<TenantQuota>,
    /// Network name for VM placement, not a CIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// timeServers.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub time_servers: Vec<String>,
}

/// LoadBalancerAllocation
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerAllocation {
    /// Static: one block of defaultPoolSize; elastic: start small, grow and shrink.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "static"))]
    pub allocation_mode: Option<AllocationMode>,
    /// defaultPoolSize.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 8))]
    pub default_pool_size: Option<i32>,
    /// growthIncrement.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 2))]
    pub growth_increment: Option<i32>,
    /// initialPoolSize.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 2))]
    pub initial_pool_size: Option<i32>,
}

/// PoolRef
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolRef {
    /// name.
    pub name: String,
    /// priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 0))]
    pub priority: Option<i32>,
}

/// TenantQuota
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantQuota {
    /// maxLoadBalancerIPs.
    #[serde(rename = "maxLoadBalancerIPs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_load_balancer_ips: Option<i32>,
    /// maxNodeIPs.
    #[serde(rename = "maxNodeIPs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_node_ips: Option<i32>,
}

/// NutanixProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NutanixProvider {
    /// clusterUUID.
    #[serde(rename = "clusterUUID")]
    pub cluster_uuid: String,
    /// URL; port is a separate field.
    #[schemars(regex(pattern = r"^https?://"))]
    pub endpoint: String,
    /// imageUUID.
    #[serde(rename = "imageUUID", skip_serializing_if = "Option::is_none")]
    pub image_uuid: Option<String>,
    /// insecure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub insecure: Option<bool>,
    /// port.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 9440))]
    pub port: Option<i32>,
    /// storageContainerUUID.
    #[serde(rename = "storageContainerUUID", skip_serializing_if = "Option::is_none")]
    pub storage_container_uuid: Option<String>,
    /// subnetUUID.
    #[serde(rename = "subnetUUID")]
    pub subnet_uuid: String,
}

/// ProxmoxProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxmoxProvider {
    /// endpoint.
    #[schemars(regex(pattern = r"^https?://"))]
    pub endpoint: String,
    /// insecure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub insecure: Option<bool>,
    /// nodes.
    #[schemars(length(min = 1))]
    pub nodes: Vec<String>,
    /// storage.
    pub storage: String,
    /// templateID.
    #[serde(rename = "templateID", skip_serializing_if = "Option::is_none")]
    pub template_id: Option<i32>,
    /// Start <= end not enforced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vmid_range: Option<VmidRange>,
}

/// VmidRange
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VmidRange {
    /// end.
    #[schemars(range(min = 100))]
    pub end: i32,
    /// start.
    #[schemars(range(min = 100))]
    pub start: i32,
}

/// ProviderScope
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderScope {
    /// teamRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_ref: Option<LocalRef>,
    /// type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "platform"))]
    pub r#type: Option<ProviderScopeType>,
}

/// ProviderConfigStatus
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfigStatus {
    /// capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<ProviderCapacity>,
    /// conditions.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// lastProbeTime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_probe_time: Option<Time>,
    /// lastValidationTime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_validation_time: Option<Time>,
    /// providerVersion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_version: Option<String>,
    /// Credentials valid (and pool available in ipam mode).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// Credentials were checked at least once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validated: Option<bool>,
}

/// ProviderCapacity
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderCapacity {
    /// availableIPs.
    #[serde(rename = "availableIPs", skip_serializing_if = "Option::is_none")]
    pub available_ips: Option<i32>,
    /// AvailableIPs / (5 + LB default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_tenants: Option<i32>,
}

wire_enum! {
    /// AllocationMode
    AllocationMode {
        Static = "static",
        Elastic = "elastic",
    }
}

wire_enum! {
    /// NetworkMode
    NetworkMode {
        Ipam = "ipam",
        Cloud = "cloud",
    }
}

wire_enum! {
    /// ProviderScopeType
    ProviderScopeType {
        Platform = "platform",
        Team = "team",
    }
}
