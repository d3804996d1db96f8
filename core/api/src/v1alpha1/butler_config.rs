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

/// ButlerConfigSpec
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
    /// audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditSettings>,
    /// Written by bootstrap from ClusterBootstrap, inherited by every tenant cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_exposure: Option<Exposure>,
    /// Versions used where a TenantCluster names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_addon_versions: Option<DefaultAddonVersions>,
    /// defaultControlPlaneResources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_control_plane_resources: Option<ControlPlaneResources>,
    /// Home of team-less tenant clusters (modes Optional, Disabled).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "butler-tenants"))]
    pub default_namespace: Option<String>,
    /// Name only; looked up in butler-system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_provider_config_ref: Option<LocalRef>,
    /// NOT the same shape as Team.spec.resourceLimits (names and minimums differ).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_team_limits: Option<DefaultTeamLimits>,
    /// NTP for Talos workers; order TenantCluster > ProviderConfig > ButlerConfig > pool.ntp.org.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub default_time_servers: Vec<String>,
    /// gitProvider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_provider: Option<GitProvider>,
    /// imageFactory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_factory: Option<ImageFactory>,
    /// multiTenancy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_tenancy: Option<MultiTenancy>,
    /// notifications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<Notifications>,
    /// observability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
    /// Default public key for non-Talos workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_authorized_key: Option<String>,
}

/// AuditSettings
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditSettings {
    /// In-memory ring buffer of the API server.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 100, max = 100_000), extend("default" = 10_000))]
    pub buffer_size: Option<i32>,
    /// Pointer in Go; absent = true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub enabled: Option<bool>,
    /// Audit events are POSTed here.
    #[serde(rename = "webhookURL", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// DefaultAddonVersions
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultAddonVersions {
    /// certManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<String>,
    /// cilium.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cilium: Option<String>,
    /// fluxcd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fluxcd: Option<String>,
    /// longhorn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longhorn: Option<String>,
    /// metallb.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metallb: Option<String>,
    /// traefik.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traefik: Option<String>,
}

/// DefaultTeamLimits
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefaultTeamLimits {
    /// maxClusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_clusters: Option<i32>,
    /// maxTotalCPU.
    #[serde(rename = "maxTotalCPU", skip_serializing_if = "Option::is_none")]
    pub max_total_cpu: Option<Quantity>,
    /// maxTotalMemory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_memory: Option<Quantity>,
    /// maxTotalStorage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_total_storage: Option<Quantity>,
    /// maxWorkersPerCluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_workers_per_cluster: Option<i32>,
}

/// GitProvider
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitProvider {
    /// Scopes repository listings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// Keys: github/gitlab `token`; bitbucket `username` + `app-password`.
    pub secret_ref: LocalRef,
    /// type.
    pub r#type: GitProviderType,
    /// Default is GitHub even when type is gitlab or bitbucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "https://api.github.com"))]
    pub url: Option<String>,
}

/// ImageFactory
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageFactory {
    /// Pointer in Go; absent = true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub auto_sync: Option<bool>,
    /// Secret key `apiKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<SecretRef>,
    /// Used when a TenantCluster names no schematic.
    #[serde(rename = "defaultSchematicID", skip_serializing_if = "Option::is_none")]
    pub default_schematic_id: Option<String>,
    /// url.
    #[schemars(regex(pattern = r"^https?://"))]
    pub url: String,
}

/// MultiTenancy
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MultiTenancy {
    /// Enforced: teamRef needed; Optional: teams or default namespace; Disabled: default namespace only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Disabled"))]
    pub mode: Option<MultiTenancyMode>,
}

/// Notifications
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notifications {
    /// Notifications are POSTed here.
    #[serde(rename = "webhookURL", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// Observability
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observability {
    /// collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<ObservabilityCollection>,
    /// pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<ObservabilityPipeline>,
}

/// ObservabilityCollection
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityCollection {
    /// autoEnroll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_enroll: Option<AutoEnroll>,
    /// logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logs: Option<LogCollection>,
    /// metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricCollection>,
}

/// AutoEnroll
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoEnroll {
    /// Needs pipeline.traceEndpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otel_collector: Option<bool>,
    /// Needs pipeline.metricEndpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<bool>,
    /// Needs pipeline.logEndpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector_agent: Option<bool>,
}

/// LogCollection
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogCollection {
    /// journald.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub journald: Option<bool>,
    /// kubernetesEvents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes_events: Option<bool>,
    /// podLogs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_logs: Option<bool>,
}

/// MetricCollection
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricCollection {
    /// enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Free text such as `15d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<String>,
}

/// ObservabilityPipeline
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityPipeline {
    /// TenantCluster that hosts the pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_ref: Option<NamespacedRef>,
    /// Http URL of the log aggregator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_endpoint: Option<String>,
    /// metricEndpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_endpoint: Option<String>,
    /// OTLP host:port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_endpoint: Option<String>,
}

/// ButlerConfigStatus
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ButlerConfigStatus {
    /// clusterCount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_count: Option<i32>,
    /// conditions.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Effective mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_exposure_mode: Option<ExposureMode>,
    /// gitProvider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_provider: Option<GitProviderStatus>,
    /// observability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<ObservabilityStatus>,
    /// observedGeneration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// True for Ingress and Gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_proxy_required: Option<bool>,
    /// teamCount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_count: Option<i32>,
}

/// GitProviderStatus
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GitProviderStatus {
    /// connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
    /// lastValidated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_validated: Option<Time>,
    /// message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Account the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// ObservabilityStatus
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservabilityStatus {
    /// Tenant clusters that have agents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enrolled_count: Option<i32>,
    /// pipelineReady.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline_ready: Option<bool>,
    /// totalCount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i32>,
}

wire_enum! {
    /// GitProviderType
    GitProviderType {
        GitHub = "github",
        GitLab = "gitlab",
        Bitbucket = "bitbucket",
    }
}

wire_enum! {
    /// MultiTenancyMode
    MultiTenancyMode {
        Enforced = "Enforced",
        Optional = "Optional",
        Disabled = "Disabled",
    }
}
