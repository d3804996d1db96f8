//! ImageSync: one factory-built system image brought to one platform.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::ProviderRef,
    wire::{self, wire_enum},
};

/// What is wanted of an ImageSync.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "ImageSync",
    plural = "imagesyncs",
    shortname = "is",
    namespaced,
    status = "ImageSyncStatus",
    doc = "ImageSync: one factory-built system image brought to one platform.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "Schematic", "jsonPath": ".spec.factoryRef.schematicID", "type": "string", "priority": 1}"#,
    printcolumn = r#"{"name": "Version", "jsonPath": ".spec.factoryRef.version", "type": "string"}"#,
    printcolumn = r#"{"name": "Provider", "jsonPath": ".spec.providerConfigRef.name", "type": "string"}"#,
    printcolumn = r#"{"name": "Image Ref", "jsonPath": ".status.providerImageRef", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ImageSyncSpec {
    /// Name of the image on the platform; absent means made from system, version and schematic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The image of the Image Factory that is brought to the platform.
    pub factory_ref: FactoryRef,
    /// File format, for example `qcow2` or `raw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "qcow2"))]
    pub format: Option<String>,
    /// The ProviderConfig to use.
    pub provider_config_ref: ProviderRef,
    /// Whether the platform downloads the image itself or is sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "direct"))]
    pub transfer_mode: Option<TransferMode>,
}

/// One image of the factory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactoryRef {
    /// Processor architecture of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "amd64"))]
    pub arch: Option<Arch>,
    /// Platform word of the factory; not a closed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "nocloud"))]
    pub platform: Option<String>,
    /// Schematic of the factory.
    #[serde(rename = "schematicID")]
    #[schemars(length(min = 8))]
    pub schematic_id: String,
    /// Version of the system.
    pub version: String,
}

/// What was observed of an ImageSync.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageSyncStatus {
    /// SHA-256 of the file.
    #[serde(rename = "artifactSHA256", skip_serializing_if = "Option::is_none")]
    pub artifact_sha256: Option<String>,
    /// Where the file was taken from.
    #[serde(rename = "artifactURL", skip_serializing_if = "Option::is_none")]
    pub artifact_url: Option<String>,
    /// What was last observed, by condition type.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
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
    pub phase: Option<ImageSyncPhase>,
    /// The image on the platform, in the platform's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_image_ref: Option<String>,
    /// Task running on the platform; empty in the end.
    #[serde(rename = "providerTaskID", skip_serializing_if = "Option::is_none")]
    pub provider_task_id: Option<String>,
}

wire_enum! {
    /// Processor architecture of an image.
    Arch {
        Amd64 = "amd64",
        Arm64 = "arm64",
    }
}

wire_enum! {
    /// How an image reaches a platform.
    TransferMode {
        Direct = "direct",
        Proxy = "proxy",
    }
}

wire_enum! {
    /// Phase of an ImageSync.
    ImageSyncPhase {
        Pending = "Pending",
        Building = "Building",
        Downloading = "Downloading",
        Uploading = "Uploading",
        Ready = "Ready",
        Failed = "Failed",
    }
}
