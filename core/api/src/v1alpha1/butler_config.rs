//! ButlerConfig: settings of the whole platform; the only object is called `butler`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{ControlPlaneResources, Exposure, ExposureMode, LocalRef, NamespacedRef, SecretRef},
    wire::{self, Quantity, wire_enum},
};

/// What is wanted of a ButlerConfig.
#[derive(CustomResource, Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "ButlerConfig",
    plural = "butlerconfigs",
    shortname = "bc",
    status = "ButlerConfigStatus",
    doc = "ButlerConfig: settings of the whole platform; the only object is called `butler`.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Mode", "jsonPath": ".spec.multiTenancy.mode", "type": "string"}"#,
    printcolumn = r#"{"name": "Git", "jsonPath": ".spec.gitProvider.type", "type": "string"}"#,
    printcolumn = r#"{"name": "Teams", "jsonPath": ".status.teamCount", "type": "integer"}"#,
    printcolumn = r#"{"name": "Clusters", "jsonPath": ".status.clusterCount", "type": "integer"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ButlerConfigSpec {
    /// Audit events of the API server of the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditSettings>,
    /// How tenant API servers are reached; every tenant cluster inherits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_exposure: Option<Exposure>,
    /// Addon versions where a TenantCluster names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_addon_versions: Option<DefaultAddonVersions>,
    /// Resources of hosted control planes; absent means no requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_control_plane_resources: Option<ControlPlaneResources>,
    /// Home of tenant clusters without a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "butler-tenants"))]
    pub default_namespace: Option<String>,
    /// ProviderConfig in `butler-system` where a TenantCluster names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_provider_config_ref: Option<LocalRef>,
    /// Limits of teams that set none. Not the shape of `Team.spec.resourceLimits`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_team_limits: Option<DefaultTeamLimits>,
    /// Time servers of workers where neither TenantCluster nor ProviderConfig names any.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub default_time_servers: Vec<String>,
    /// Where repositories live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_provider: Option<GitProvider>,
    /// Where system images come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_factory: Option<ImageFactory>,
    /// Whether tenant clusters belong to teams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_tenancy: Option<MultiTenancy>,
    /// Where the platform tells people what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// Logs, metrics and traces of tenant clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
    /// Public key for workers that do not run Talos.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_authorized_key: Option<String>,
}

/// Which audit events are written, and where.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditSettings {
    /// Events kept in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 100_000), extend("default" = 10_000))]
    pub buffer_size: Option<i32>,
    /// Whether events are recorded; absent means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Where events are posted.
    #[serde(rename = "webhookURL", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// Addon versions where a TenantCluster names none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultAddonVersions {
    /// Version of cert-manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<String>,
    /// Version of Cilium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cilium: Option<String>,
    /// Version of Flux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fluxcd: Option<String>,
    /// Version of Longhorn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longhorn: Option<String>,
    /// Version of MetalLB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metallb: Option<String>,
    /// Version of Traefik.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traefik: Option<String>,
}

/// Limits of teams that set none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultTeamLimits {
    /// Clusters per team.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_clusters: Option<i32>,
    /// Processor cores per team.
    #[serde(rename = "maxTotalCPU", skip_serializing_if = "Option::is_none")]
    pub max_total_cpu: Option<Quantity>,
    /// Memory per team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_memory: Option<Quantity>,
    /// Storage per team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_storage: Option<Quantity>,
    /// Workers per cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_workers_per_cluster: Option<i32>,
}

/// Where repositories live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitProvider {
    /// Narrows repository lists to one organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Secret with `token`, or `username` and `app-password` for Bitbucket.
    pub secret_ref: LocalRef,
    /// The Git service that repositories are on.
    pub r#type: GitProviderType,
    /// API endpoint; the default is GitHub's, whatever the type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "https://api.github.com"))]
    pub url: Option<String>,
}

/// Where system images come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageFactory {
    /// Whether images are brought to platforms on their own; absent means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub auto_sync: Option<bool>,
    /// Secret with the key `apiKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<SecretRef>,
    /// Schematic where a TenantCluster names none.
    #[serde(rename = "defaultSchematicID", skip_serializing_if = "Option::is_none")]
    pub default_schematic_id: Option<String>,
    /// URL of the factory.
    #[schemars(regex(pattern = r"^https?://"))]
    pub url: String,
}

/// Whether tenant clusters belong to teams.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MultiTenancy {
    /// Whether teams are required, possible or not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Disabled"))]
    pub mode: Option<MultiTenancyMode>,
}

/// Where the platform tells people what happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    /// Where they are posted.
    #[serde(rename = "webhookURL", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// Logs, metrics and traces of tenant clusters.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observability {
    /// What is collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<ObservabilityCollection>,
    /// Where everything is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<ObservabilityPipeline>,
}

/// What is collected.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityCollection {
    /// Agents that new clusters get on their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_enroll: Option<AutoEnroll>,
    /// Kinds of logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogCollection>,
    /// Which metrics are collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricCollection>,
}

/// Agents that new clusters get on their own.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoEnroll {
    /// Traces; needs `pipeline.traceEndpoint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otel_collector: Option<bool>,
    /// Metrics; needs `pipeline.metricEndpoint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<bool>,
    /// Logs; needs `pipeline.logEndpoint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_agent: Option<bool>,
}

/// Kinds of logs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogCollection {
    /// The journal of the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journald: Option<bool>,
    /// Whether Kubernetes events are collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_events: Option<bool>,
    /// Logs of pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_logs: Option<bool>,
}

/// Which metrics are collected.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricCollection {
    /// Whether they are collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// How long they are kept, for example `15d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
}

/// Where everything is sent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityPipeline {
    /// TenantCluster that hosts the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<NamespacedRef>,
    /// URL for logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_endpoint: Option<String>,
    /// URL for metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_endpoint: Option<String>,
    /// `host:port` for traces (OTLP).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_endpoint: Option<String>,
}

/// What was observed of a ButlerConfig.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ButlerConfigStatus {
    /// Tenant clusters there are.
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
    /// The mode in effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_exposure_mode: Option<ExposureMode>,
    /// Connection to the git service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_provider: Option<GitProviderStatus>,
    /// State of the observability pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<ObservabilityStatus>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether tenants need the TCP proxy (modes Ingress and Gateway).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_proxy_required: Option<bool>,
    /// Teams there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_count: Option<i32>,
}

/// Connection to the git service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitProviderStatus {
    /// Whether the service accepted the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// When that was last checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_validated: Option<Time>,
    /// A sentence about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Account the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// State of the observability pipeline.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityStatus {
    /// Tenant clusters with agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolled_count: Option<i32>,
    /// Whether the pipeline takes data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_ready: Option<bool>,
    /// Tenant clusters there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i32>,
}

wire_enum! {
    /// The Git services that Butler can talk to.
    GitProviderType {
        GitHub = "github",
        GitLab = "gitlab",
        Bitbucket = "bitbucket",
    }
}

wire_enum! {
    /// Whether teams are required, possible or not used.
    MultiTenancyMode {
        Enforced = "Enforced",
        Optional = "Optional",
        Disabled = "Disabled",
    }
}
