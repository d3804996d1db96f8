//! Team: people who share tenant clusters, with a namespace, environments and limits.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::LocalRef,
    wire::{self, Quantity, wire_enum},
};

/// What is wanted of a Team.
#[derive(CustomResource, Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "Team",
    plural = "teams",
    shortname = "tm",
    status = "TeamStatus",
    doc = "Team: people who share tenant clusters, with a namespace, environments and limits.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Display Name", "jsonPath": ".spec.displayName", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Namespace", "jsonPath": ".status.namespace", "type": "string"}"#,
    printcolumn = r#"{"name": "Clusters", "jsonPath": ".status.clusterCount", "type": "integer"}"#,
    printcolumn = r#"{"name": "Quota", "jsonPath": ".status.quotaStatus", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TeamSpec {
    /// Who belongs to the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<TeamAccess>,
    /// What new clusters get where they say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_defaults: Option<ClusterDefaults>,
    /// Free text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Name shown to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Stages such as `dev` and `prod`. A new cluster must name one as soon as there are any.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "map"), extend("x-kubernetes-list-map-keys" = ["name"]))]
    pub environments: Vec<Environment>,
    /// ProviderConfig of the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_config_ref: Option<LocalRef>,
    /// Limits of the team; only platform admins may change them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_limits: Option<ResourceLimits>,
}

/// Who belongs to a team or environment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamAccess {
    /// Groups of an identity provider.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub groups: Vec<GroupAccess>,
    /// People who belong to the team, one by one.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub users: Vec<UserAccess>,
}

/// A group with a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupAccess {
    /// Only logins through this IdentityProvider count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_provider: Option<String>,
    /// Group name, raw or normalised.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Role of the members.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "viewer"))]
    pub role: Option<TeamRole>,
}

/// A person with a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserAccess {
    /// E-mail, compared without case.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Role of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "viewer"))]
    pub role: Option<TeamRole>,
}

/// What new clusters get where they say nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDefaults {
    /// Addons to install.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub default_addons: Vec<String>,
    /// Kubernetes release of new clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_version: Option<String>,
    /// Processor cores per worker.
    #[serde(rename = "workerCPU", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub worker_cpu: Option<i32>,
    /// Number of workers of new clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub worker_count: Option<i32>,
    /// Disk per worker, in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10))]
    pub worker_disk_gi: Option<i32>,
    /// Memory per worker, in GiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub worker_memory_gi: Option<i32>,
}

/// One stage of a team.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// Additional rights for people who are team members already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<TeamAccess>,
    /// Wins over the team's defaults, field by field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_defaults: Option<ClusterDefaults>,
    /// Free text for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Limits inside this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<EnvironmentLimits>,
    /// Name, also used as a label value.
    #[schemars(
        length(min = 1, max = 63),
        regex(pattern = r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
    )]
    pub name: String,
}

/// Limits inside an environment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentLimits {
    /// Clusters; 0 means no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_clusters: Option<i32>,
    /// Clusters per owner; 0 means no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_clusters_per_member: Option<i32>,
}

/// Limits of a team.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceLimits {
    /// Addons that may be used; empty means all.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub allowed_addons: Vec<String>,
    /// Kubernetes versions that may be used; empty means all.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub allowed_kubernetes_versions: Vec<String>,
    /// ProviderConfigs that may be used; empty means all.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub allowed_providers: Vec<String>,
    /// Processor cores of a worker where nothing is said.
    #[serde(rename = "defaultCPUPerNode", skip_serializing_if = "Option::is_none")]
    pub default_cpu_per_node: Option<Quantity>,
    /// Memory of a worker where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_memory_per_node: Option<Quantity>,
    /// Workers where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0), extend("default" = 3))]
    pub default_node_count: Option<i32>,
    /// Addons that may not be used; wins over `allowedAddons`.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub denied_addons: Vec<String>,
    /// Processor cores over all clusters.
    #[serde(rename = "maxCPUCores", skip_serializing_if = "Option::is_none")]
    pub max_cpu_cores: Option<Quantity>,
    /// The most clusters that the team may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_clusters: Option<i32>,
    /// Memory over all clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<Quantity>,
    /// Workers per cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_nodes_per_cluster: Option<i32>,
    /// Worker disks over all clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_storage: Option<Quantity>,
    /// Workers over all clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_total_nodes: Option<i32>,
}

/// What was observed of a Team.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TeamStatus {
    /// Clusters there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_count: Option<i32>,
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// People with access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_count: Option<i32>,
    /// Namespace of the team, named as the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<TeamPhase>,
    /// A sentence about the limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_message: Option<String>,
    /// How close the team is to its limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_status: Option<QuotaStatus>,
    /// What the team uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_usage: Option<ResourceUsage>,
}

/// What a team uses.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceUsage {
    /// Clusters, in percent of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub cluster_utilization: Option<i32>,
    /// Clusters that the team has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<i32>,
    /// Processor cores, in percent of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub cpu_utilization: Option<i32>,
    /// Memory, in percent of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub memory_utilization: Option<i32>,
    /// Workers, in percent of the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub node_utilization: Option<i32>,
    /// Processor cores of all workers.
    #[serde(rename = "totalCPU", skip_serializing_if = "Option::is_none")]
    pub total_cpu: Option<Quantity>,
    /// Memory of all workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_memory: Option<Quantity>,
    /// Number of workers of all clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_nodes: Option<i32>,
    /// Disks of all workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_storage: Option<Quantity>,
}

wire_enum! {
    /// Roles in a team.
    TeamRole {
        Admin = "admin",
        Operator = "operator",
        Viewer = "viewer",
    }
}

wire_enum! {
    /// Phase of a Team.
    TeamPhase {
        Pending = "Pending",
        Ready = "Ready",
        Terminating = "Terminating",
        Failed = "Failed",
    }
}

wire_enum! {
    /// How close a team is to its limits.
    QuotaStatus {
        Ok = "OK",
        Warning = "Warning",
        Exceeded = "Exceeded",
    }
}
