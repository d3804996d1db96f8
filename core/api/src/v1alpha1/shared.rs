//! Shapes that several kinds share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wire::{Quantity, wire_enum};

/// SecretRef
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// ExtraDisk
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExtraDisk {
    /// sizeGB.
    #[serde(rename = "sizeGB")]
    #[schemars(range(min = 1))]
    pub size_gb: i32,
    /// storageClass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}

/// Exposure
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exposure {
    /// controllerType.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_type: Option<ExposureController>,
    /// gatewayRef.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_ref: Option<String>,
    /// hostname.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// ingressClassName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress_class_name: Option<String>,
    /// mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "LoadBalancer"))]
    pub mode: Option<ExposureMode>,
}

/// ProviderRef
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRef {
    /// name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// LocalRef
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// name.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// NamespacedRef
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamespacedRef {
    /// name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// namespace.
    #[schemars(length(min = 1))]
    pub namespace: String,
}

/// ControlPlaneResources
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlPlaneResources {
    /// apiServer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_server: Option<ComponentResources>,
    /// controllerManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller_manager: Option<ComponentResources>,
    /// scheduler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<ComponentResources>,
}

/// ComponentResources
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentResources {
    /// limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceAmounts>,
    /// requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceAmounts>,
}

/// ResourceAmounts
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceAmounts {
    /// cpu.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Quantity>,
    /// memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Quantity>,
}

wire_enum! {
    /// ExposureController
    ExposureController {
        HaProxy = "haproxy",
        Nginx = "nginx",
        Traefik = "traefik",
        Generic = "generic",
    }
}

wire_enum! {
    /// ExposureMode
    ExposureMode {
        LoadBalancer = "LoadBalancer",
        Ingress = "Ingress",
        Gateway = "Gateway",
    }
}

wire_enum! {
    /// ProviderType
    ProviderType {
        Harvester = "harvester",
        Nutanix = "nutanix",
        Proxmox = "proxmox",
        Gcp = "gcp",
        Aws = "aws",
        Azure = "azure",
        Local = "local",
        InMemory = "inmemory",
        Static = "static",
    }
}

wire_enum! {
    /// MachineRole
    MachineRole {
        ControlPlane = "control-plane",
        Worker = "worker",
    }
}
