//! AddonDefinition: a catalog entry, that is a Helm chart with defaults.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    schema,
    wire::{self, wire_enum},
};

/// What is wanted of an AddonDefinition.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "AddonDefinition",
    plural = "addondefinitions",
    shortname = "ad",
    shortname = "adddef",
    doc = "AddonDefinition: a catalog entry, that is a Helm chart with defaults.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Display Name", "jsonPath": ".spec.displayName", "type": "string"}"#,
    printcolumn = r#"{"name": "Category", "jsonPath": ".spec.category", "type": "string"}"#,
    printcolumn = r#"{"name": "Chart", "jsonPath": ".spec.chart.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Version", "jsonPath": ".spec.chart.defaultVersion", "type": "string"}"#,
    printcolumn = r#"{"name": "Platform", "jsonPath": ".spec.platform", "type": "boolean"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct AddonDefinitionSpec {
    /// Group in listings.
    pub category: AddonCategory,
    /// The Helm chart.
    pub chart: ChartRef,
    /// How the chart is installed unless an addon says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<ReleaseDefaults>,
    /// Addons to install first.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub depends_on: Vec<String>,
    /// What it does.
    #[schemars(length(min = 1, max = 512))]
    pub description: String,
    /// Name shown to people.
    #[schemars(length(min = 1, max = 64))]
    pub display_name: String,
    /// Emoji or short icon name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8))]
    pub icon: Option<String>,
    /// SVG in base64; wins over `icon`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 131_072))]
    pub icon_data: Option<String>,
    /// Where to read more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<AddonLinks>,
    /// Who looks after the chart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintainer: Option<Maintainer>,
    /// Whether it comes with the platform and cannot be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub platform: Option<bool>,
    /// Folder in GitOps exports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<AddonTier>,
}

/// A Helm chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChartRef {
    /// Versions to offer; others work too.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub available_versions: Vec<String>,
    /// Version where an addon names none.
    pub default_version: String,
    /// Name of the chart in its repository.
    #[schemars(length(min = 1))]
    pub name: String,
    /// Repository URL (http or https).
    #[schemars(regex(pattern = r"^https?://"))]
    pub repository: String,
}

/// How a chart is installed unless an addon says otherwise.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReleaseDefaults {
    /// Whether the namespace is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = true))]
    pub create_namespace: Option<bool>,
    /// Namespace; absent means derived from the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Release name; absent means the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_name: Option<String>,
    /// How long an installation may take, as a Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "10m"))]
    pub timeout: Option<String>,
    /// Helm values that addons are merged over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::free_form")]
    pub values: Option<Map<String, Value>>,
}

/// Where to read more about an addon.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddonLinks {
    /// URL of the documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// URL of the home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// URL of the source code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Who looks after a chart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Maintainer {
    /// E-mail address of the maintainer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Name of the maintainer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

wire_enum! {
    /// What an addon is about.
    AddonCategory {
        Cni = "cni",
        LoadBalancer = "loadbalancer",
        Storage = "storage",
        CertManager = "certmanager",
        Ingress = "ingress",
        Observability = "observability",
        Backup = "backup",
        GitOps = "gitops",
        Security = "security",
        Dns = "dns",
        Database = "database",
        Messaging = "messaging",
        ServiceMesh = "service-mesh",
        Miscellaneous = "other",
    }
}

wire_enum! {
    /// Folder in GitOps exports.
    AddonTier {
        Infrastructure = "infrastructure",
        Apps = "apps",
    }
}
