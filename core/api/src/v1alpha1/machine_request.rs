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

/// MachineRequestSpec
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
    /// cpu.
    #[schemars(range(min = 1, max = 128))]
    pub cpu: i32,
    /// diskGB.
    #[serde(rename = "diskGB")]
    #[schemars(range(min = 10))]
    pub disk_gb: i32,
    /// Bootstrap does not fill it.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub extra_disks: Vec<ExtraDisk>,
    /// Overrides the ProviderConfig image; format per provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Labels/tags on the VM.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub labels: BTreeMap<String, String>,
    /// VM name; unique in the provider project/namespace.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub machine_name: String,
    /// memoryMB.
    #[serde(rename = "memoryMB")]
    #[schemars(range(min = 1024))]
    pub memory_mb: i32,
    /// Cloud-init network config.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_data: Option<String>,
    /// providerRef.
    pub provider_ref: ProviderRef,
    /// role.
    pub role: MachineRole,
    /// Cloud-init user data (Talos machine config); bootstrap leaves it empty and pushes config over the Talos API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<Credential>,
}

/// MachineRequestStatus
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MachineRequestStatus {
    /// conditions.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// failureMessage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
    /// failureReason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Primary address; precondition of the next bootstrap step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// All addresses.
    #[serde(
        default,
        deserialize_with = "wire::null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ip_addresses: Vec<String>,
    /// lastUpdated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated: Option<Time>,
    /// macAddress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac_address: Option<String>,
    /// observedGeneration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<MachinePhase>,
    /// Set as soon as the VM exists; format per provider.
    #[serde(rename = "providerID", skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
}

wire_enum! {
    /// MachinePhase
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
