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

/// What is wanted of a ProviderConfig.
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
    /// Settings for Amazon Web Services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsProvider>,
    /// Settings for Microsoft Azure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureProvider>,
    /// Secret with the credentials; needed for every platform that has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<SecretRef>,
    /// Settings for Google Cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gcp: Option<GcpProvider>,
    /// Settings for Harvester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub harvester: Option<HarvesterProvider>,
    /// Limits per team on this platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ProviderLimits>,
    /// Settings for docker or podman on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalProvider>,
    /// Addressing of machines and services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<ProviderNetwork>,
    /// Settings for Nutanix Prism Central.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nutanix: Option<NutanixProvider>,
    /// The platform that this is an endpoint of.
    pub provider: ProviderType,
    /// Settings for Proxmox VE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxmox: Option<ProxmoxProvider>,
    /// Who may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<ProviderScope>,
}

/// Settings for Amazon Web Services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsProvider {
    /// Region of the machines.
    pub region: String,
    /// Security groups of the machines.
    #[serde(
        rename = "securityGroupIDs",
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub security_group_ids: Vec<String>,
    /// Subnets of the machines.
    #[serde(
        rename = "subnetIDs",
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub subnet_ids: Vec<String>,
    /// Id of the virtual network of the machines.
    #[serde(rename = "vpcID", skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
}

/// Settings for Microsoft Azure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AzureProvider {
    /// Image as `publisher:offer:sku:version`, image id or gallery image id.
    #[serde(rename = "imageURN", skip_serializing_if = "Option::is_none")]
    pub image_urn: Option<String>,
    /// Location; every machine needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Resource group of everything that is made.
    pub resource_group: String,
    /// Subnet of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_name: Option<String>,
    /// Id of the subscription that pays for the machines.
    #[serde(rename = "subscriptionID")]
    pub subscription_id: String,
    /// Size of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_size: Option<String>,
    /// Virtual network of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vnet_name: Option<String>,
}

/// Settings for Google Cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GcpProvider {
    /// Image; wins over `imageFamily`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Family of images, of which the newest is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_family: Option<String>,
    /// Project that holds the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_project: Option<String>,
    /// Type of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine_type: Option<String>,
    /// Network of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Project that the machines belong to.
    #[serde(rename = "projectID")]
    pub project_id: String,
    /// Region of the machines.
    pub region: String,
    /// E-mail of the account attached to the machines; not the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Subnetwork of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetwork: Option<String>,
    /// Network tags, for firewall rules.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub tags: Vec<String>,
    /// Zone; absent means `<region>-a`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

/// Settings for Harvester.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HarvesterProvider {
    /// API endpoint; absent means the one in the kubeconfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Image as `namespace/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_name: Option<String>,
    /// Namespace of the virtual machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "default"))]
    pub namespace: Option<String>,
    /// Network as `namespace/name`.
    #[schemars(regex(pattern = r"^[a-z0-9-]+/[a-z0-9-]+$"))]
    pub network_name: String,
    /// Storage class of the disks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class_name: Option<String>,
}

/// Limits per team on a platform.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderLimits {
    /// Clusters per team; checked on creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_clusters_per_team: Option<i32>,
    /// Nodes per team; checked on creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_nodes_per_team: Option<i32>,
}

/// Settings for docker or podman on this machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalProvider {
    /// Node image; absent means derived from the Kubernetes version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind_node_image: Option<String>,
}

/// Addressing of machines and services.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderNetwork {
    /// DNS servers of the machines.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub dns_servers: Vec<String>,
    /// Default gateway of the machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// How addresses for services of type LoadBalancer are handed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancerAllocation>,
    /// Whether addresses come from NetworkPools or from the cloud.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "cloud"))]
    pub mode: Option<NetworkMode>,
    /// NetworkPools to take addresses from.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub pool_refs: Vec<PoolRef>,
    /// Limits per tenant cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_per_tenant: Option<TenantQuota>,
    /// Name of the network the machines are put on; not a CIDR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// Time servers of the machines.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub time_servers: Vec<String>,
}

/// How addresses for services are handed out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancerAllocation {
    /// One block of `defaultPoolSize`, or a small one that grows and shrinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "static"))]
    pub allocation_mode: Option<AllocationMode>,
    /// Addresses per cluster (static).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 8))]
    pub default_pool_size: Option<i32>,
    /// Addresses per growth step (elastic).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 2))]
    pub growth_increment: Option<i32>,
    /// Addresses to begin with (elastic).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("default" = 2))]
    pub initial_pool_size: Option<i32>,
}

/// A NetworkPool in order of priority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolRef {
    /// Name of the NetworkPool.
    pub name: String,
    /// Lower comes first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 0))]
    pub priority: Option<i32>,
}

/// Limits per tenant cluster.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantQuota {
    /// Addresses for services.
    #[serde(rename = "maxLoadBalancerIPs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_load_balancer_ips: Option<i32>,
    /// Addresses for nodes.
    #[serde(rename = "maxNodeIPs", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_node_ips: Option<i32>,
}

/// Settings for Nutanix Prism Central.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NutanixProvider {
    /// Prism Element cluster.
    #[serde(rename = "clusterUUID")]
    pub cluster_uuid: String,
    /// URL of Prism Central without its port.
    #[schemars(regex(pattern = r"^https?://"))]
    pub endpoint: String,
    /// Id of the image that machines boot.
    #[serde(rename = "imageUUID", skip_serializing_if = "Option::is_none")]
    pub image_uuid: Option<String>,
    /// Whether the certificate goes unchecked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub insecure: Option<bool>,
    /// Port of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 9440))]
    pub port: Option<i32>,
    /// Storage container of the disks.
    #[serde(rename = "storageContainerUUID", skip_serializing_if = "Option::is_none")]
    pub storage_container_uuid: Option<String>,
    /// Subnet of the machines.
    #[serde(rename = "subnetUUID")]
    pub subnet_uuid: String,
}

/// Settings for Proxmox VE.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProxmoxProvider {
    /// URL of the API.
    #[schemars(regex(pattern = r"^https?://"))]
    pub endpoint: String,
    /// Whether the certificate goes unchecked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub insecure: Option<bool>,
    /// Hosts that may carry machines.
    #[schemars(length(min = 1))]
    pub nodes: Vec<String>,
    /// Storage of the disks.
    pub storage: String,
    /// Template to clone.
    #[serde(rename = "templateID", skip_serializing_if = "Option::is_none")]
    pub template_id: Option<i32>,
    /// Ids that machines may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vmid_range: Option<VmidRange>,
}

/// Ids from first to last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VmidRange {
    /// Last id of the range.
    #[schemars(range(min = 100))]
    pub end: i32,
    /// First id of the range.
    #[schemars(range(min = 100))]
    pub start: i32,
}

/// Who may use a ProviderConfig.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderScope {
    /// The team, for type team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_ref: Option<LocalRef>,
    /// Everybody or one team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "platform"))]
    pub r#type: Option<ProviderScopeType>,
}

/// What was observed of a ProviderConfig.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderConfigStatus {
    /// What is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<ProviderCapacity>,
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// When the endpoint was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_probe_time: Option<Time>,
    /// When the credentials were last checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_validation_time: Option<Time>,
    /// Version the platform reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_version: Option<String>,
    /// Whether the credentials are valid and, in mode ipam, addresses are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// Whether the credentials were ever checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validated: Option<bool>,
}

/// What a platform has left.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderCapacity {
    /// Addresses that can still be handed out.
    #[serde(rename = "availableIPs", skip_serializing_if = "Option::is_none")]
    pub available_ips: Option<i32>,
    /// Tenant clusters that would still fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_tenants: Option<i32>,
}

wire_enum! {
    /// How addresses for services are handed out.
    AllocationMode {
        Static = "static",
        Elastic = "elastic",
    }
}

wire_enum! {
    /// Where addresses come from.
    NetworkMode {
        Ipam = "ipam",
        Cloud = "cloud",
    }
}

wire_enum! {
    /// Who may use a ProviderConfig.
    ProviderScopeType {
        Platform = "platform",
        Team = "team",
    }
}
