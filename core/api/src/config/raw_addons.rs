//! `addons`: one block per addon. `enabled: false` or `type: none` leaves it out.

#![expect(clippy::disallowed_macros, reason = "what derives a schema expands to it")]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::raw_providers::RawSecret;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawAddons {
    /// Where every chart comes from instead of its own repository: `https://`, `oci://` or a folder.
    pub(super) chart_mirror: Option<String>,
    /// Pod network (Cilium).
    pub(super) cni: Option<RawCni>,
    /// Volumes (Longhorn).
    pub(super) storage: Option<RawStorage>,
    /// Addresses for services of type LoadBalancer (MetalLB).
    pub(super) load_balancer: Option<RawLoadBalancer>,
    /// GitOps (Flux); only when this block is there.
    pub(super) git_ops: Option<RawGitOps>,
    /// The shared address of the control planes (kube-vip).
    #[serde(rename = "controlPlaneHA")]
    pub(super) control_plane_ha: Option<RawControlPlaneHa>,
    /// Certificates (cert-manager).
    pub(super) cert_manager: Option<RawSwitch>,
    /// Ingress controller (Traefik); on-prem only.
    pub(super) ingress: Option<RawIngress>,
    /// Control planes of tenant clusters (Steward).
    pub(super) control_plane_provider: Option<RawControlPlaneProvider>,
    /// Cluster API.
    pub(super) capi: Option<RawCapi>,
    /// Butler's controller, with its resource definitions and addon catalog.
    pub(super) butler_controller: Option<RawButlerController>,
    /// Butler's web console.
    pub(super) console: Option<RawConsole>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawCni {
    /// Which one.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "cilium"))]
    pub(super) kind: Option<CniType>,
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
    /// Whether Hubble's relay and UI are installed.
    #[schemars(extend("default" = true))]
    pub(super) hubble_enabled: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CniType {
    Cilium,
    None,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawStorage {
    /// Which one.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "longhorn"))]
    pub(super) kind: Option<StorageType>,
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
    /// Copies of each volume; 1 in a single-node cluster.
    #[schemars(extend("default" = 3), range(min = 1, max = 20))]
    pub(super) replica_count: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StorageType {
    Longhorn,
    None,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawLoadBalancer {
    /// Which one.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "metallb"))]
    pub(super) kind: Option<LoadBalancerType>,
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
    /// Replaced by `network.loadBalancerPool`: `FIRST-LAST`.
    #[schemars(extend("deprecated" = true))]
    pub(super) address_pool: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LoadBalancerType {
    Metallb,
    None,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawGitOps {
    /// Which one.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "flux"))]
    pub(super) kind: Option<GitOpsType>,
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GitOpsType {
    Flux,
    None,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawControlPlaneHa {
    /// Which one.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "kube-vip"))]
    pub(super) kind: Option<ControlPlaneHaType>,
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version; a pinned one by default.
    pub(super) version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ControlPlaneHaType {
    KubeVip,
    None,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawSwitch {
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawIngress {
    /// Which one.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "traefik"))]
    pub(super) kind: Option<IngressType>,
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IngressType {
    Traefik,
    None,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawControlPlaneProvider {
    /// Which one.
    #[serde(rename = "type")]
    #[schemars(extend("default" = "steward"))]
    pub(super) kind: Option<ControlPlaneProviderType>,
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ControlPlaneProviderType {
    Steward,
    None,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawCapi {
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the core provider; a pinned one by default.
    pub(super) version: Option<String>,
    /// Infrastructure providers beside the platform's own.
    #[serde(default)]
    pub(super) infrastructure_providers: Vec<RawCapiProvider>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawCapiProvider {
    /// The platform.
    #[schemars(required)]
    pub(super) name: Option<CapiName>,
    /// Version of the provider; a pinned one by default.
    pub(super) version: Option<String>,
    /// Values of its variables, as its documentation names them; credentials among them.
    #[serde(default)]
    pub(super) variables: BTreeMap<String, RawSecret>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CapiName {
    Harvester,
    Nutanix,
    Proxmox,
    Gcp,
    Aws,
    Azure,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawButlerController {
    /// Whether it is installed.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
    /// Image without tag.
    pub(super) image: Option<String>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawConsole {
    /// Whether it is installed.
    #[schemars(extend("default" = false))]
    pub(super) enabled: Option<bool>,
    /// Version of the chart; a pinned one by default.
    pub(super) version: Option<String>,
    /// How browsers reach it.
    pub(super) ingress: Option<RawConsoleIngress>,
    /// Secrets of the console; made up by default.
    pub(super) auth: Option<RawConsoleAuth>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawConsoleIngress {
    /// Whether there is an ingress.
    #[schemars(extend("default" = false))]
    pub(super) enabled: Option<bool>,
    /// Host name; `butler.<cluster>.local` by default.
    pub(super) host: Option<String>,
    /// Ingress class.
    pub(super) class_name: Option<String>,
    /// Whether TLS is on.
    #[schemars(extend("default" = false))]
    pub(super) tls: Option<bool>,
    /// Secret of the certificate.
    #[schemars(extend("default" = "butler-console-tls"))]
    pub(super) tls_secret_name: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawConsoleAuth {
    /// Password of the first administrator.
    pub(super) admin_password: Option<RawSecret>,
    /// Key that signs sessions.
    pub(super) jwt_secret: Option<RawSecret>,
}
