//! MachineRequest: one virtual machine wanted from a platform.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    schema,
    shared::{ExtraDisk, MachineRole, ProviderRef},
    wire::{self, Credential, wire_enum},
};

/// What is wanted of a MachineRequest.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "butler.butlerlabs.dev",
    version = "v1alpha1",
    kind = "MachineRequest",
    plural = "machinerequests",
    shortname = "mr",
    namespaced,
    status = "MachineRequestStatus",
    doc = "MachineRequest: one virtual machine wanted from a platform.",
    derive = "PartialEq",
    printcolumn = r#"{"name": "Machine", "jsonPath": ".spec.machineName", "type": "string"}"#,
    printcolumn = r#"{"name": "Role", "jsonPath": ".spec.role", "type": "string"}"#,
    printcolumn = r#"{"name": "Phase", "jsonPath": ".status.phase", "type": "string"}"#,
    printcolumn = r#"{"name": "IP", "jsonPath": ".status.ipAddress", "type": "string"}"#,
    printcolumn = r#"{"name": "Age", "jsonPath": ".metadata.creationTimestamp", "type": "date"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct MachineRequestSpec {
    /// Number of processor cores.
    #[schemars(range(min = 1, max = 128))]
    pub cpu: i32,
    /// Root disk in GB.
    #[serde(rename = "diskGB")]
    #[schemars(range(min = 10))]
    pub disk_gb: i32,
    /// Disks beside the system disk.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub extra_disks: Vec<ExtraDisk>,
    /// Image instead of the one of the ProviderConfig; its form depends on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Labels or tags of the virtual machine.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// Name of the virtual machine, unique on the platform.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub machine_name: String,
    /// Memory in MB.
    #[serde(rename = "memoryMB")]
    #[schemars(range(min = 1024))]
    pub memory_mb: i32,
    /// Network configuration for cloud-init.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_data: Option<String>,
    /// The ProviderConfig to use.
    pub provider_ref: ProviderRef,
    /// Part the machine plays in the cluster.
    pub role: MachineRole,
    /// User data for cloud-init, which may be a machine configuration with keys in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Credential>,
}

/// What was observed of a MachineRequest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineRequestStatus {
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
    /// Primary address; the next steps wait for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// All addresses of the machine.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ip_addresses: Vec<String>,
    /// When the status was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Time>,
    /// Hardware address of the primary interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// The `metadata.generation` this status speaks about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the object is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<MachinePhase>,
    /// The platform's id, set as soon as the machine exists.
    #[serde(rename = "providerID", skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

wire_enum! {
    /// Phase of a MachineRequest.
    MachinePhase {
        Pending = "Pending",
        Creating = "Creating",
        Running = "Running",
        Failed = "Failed",
        Deleting = "Deleting",
        Deleted = "Deleted",
        Unknown = "Unknown",
    }
}
