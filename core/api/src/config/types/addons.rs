//! `addons`: what is installed on the management cluster.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{ProviderKind, SecretSource};

/// `addons`. `None` or `enabled: false` means it is not installed.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addons {
    /// Source of every chart instead of its own repository.
    pub chart_mirror: Option<ChartMirror>,
    /// The pod network, Cilium.
    #[serde(serialize_with = "installed")]
    pub cni: Option<Cni>,
    /// Volumes, by Longhorn.
    #[serde(serialize_with = "installed")]
    pub storage: Option<Storage>,
    /// Addresses for services of type LoadBalancer, by MetalLB.
    #[serde(serialize_with = "installed")]
    pub load_balancer: Option<Versioned>,
    /// GitOps, by Flux.
    #[serde(serialize_with = "installed")]
    pub git_ops: Option<Versioned>,
    /// The shared address of the control planes, announced by kube-vip.
    #[serde(rename = "controlPlaneHA", serialize_with = "installed")]
    pub control_plane_ha: Option<Versioned>,
    /// Certificates, by cert-manager.
    #[serde(serialize_with = "installed")]
    pub cert_manager: Option<Versioned>,
    /// The ingress controller, Traefik.
    #[serde(serialize_with = "installed")]
    pub ingress: Option<Versioned>,
    /// Control planes of tenant clusters, by Steward.
    #[serde(serialize_with = "installed")]
    pub control_plane_provider: Option<Versioned>,
    /// Cluster API with its infrastructure providers.
    #[serde(serialize_with = "installed")]
    pub capi: Option<Capi>,
    /// Butler's controller (and with it CRDs and the addon catalog).
    #[serde(serialize_with = "installed")]
    pub butler_controller: Option<ButlerController>,
    /// Butler's web console.
    #[serde(serialize_with = "installed")]
    pub console: Option<Console>,
}

/// An installed addon is never an empty mapping: it says that it is enabled.
#[expect(clippy::ref_option, reason = "serde passes the field as it is")]
fn installed<T: Serialize, S: Serializer>(addon: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Installed<'a, T> {
        enabled: bool,
        #[serde(flatten)]
        settings: &'a T,
    }
    let installed = addon.as_ref().map(|settings| Installed {
        enabled: true,
        settings,
    });
    installed.serialize(serializer)
}

/// An addon with nothing but a version.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Versioned {
    /// Overrides the pinned version.
    pub version: Option<String>,
}

/// Settings of Cilium (`addons.cni`).
#[derive(Debug, Clone, Serialize)]
pub struct Cni {
    /// Overrides the pinned version.
    pub version: Option<String>,
    /// Whether Hubble's relay and UI are installed.
    #[serde(rename = "hubbleEnabled")]
    pub hubble: bool,
}

/// Settings of Longhorn (`addons.storage`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Overrides the pinned version.
    pub version: Option<String>,
    /// Replicas of a volume.
    pub replica_count: u32,
}

/// Settings of Cluster API (`addons.capi`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Capi {
    /// Overrides the pinned version of the core provider.
    pub version: Option<String>,
    /// Infrastructure providers beside the cluster's own.
    pub infrastructure_providers: Vec<CapiProvider>,
}

/// One entry of `addons.capi.infrastructureProviders[]`.
#[derive(Debug, Clone, Serialize)]
pub struct CapiProvider {
    /// The platform that it makes machines on.
    pub name: ProviderKind,
    /// Overrides the pinned version.
    pub version: Option<String>,
    /// Values of variables of its manifest.
    pub variables: BTreeMap<String, SecretSource>,
}

/// Settings of Butler's controller (`addons.butlerController`).
#[derive(Debug, Clone, Serialize)]
pub struct ButlerController {
    /// Overrides the pinned version.
    pub version: Option<String>,
    /// Image of the controller, without its tag.
    pub image: Option<String>,
}

/// Settings of Butler's console (`addons.console`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Console {
    /// Overrides the pinned version.
    pub version: Option<String>,
    /// How browsers reach it; none where no ingress is wanted.
    pub ingress: Option<ConsoleIngress>,
    /// Password of the first administrator, if given.
    pub admin_password: Option<SecretSource>,
    /// Key that signs sessions, if given.
    pub jwt_secret: Option<SecretSource>,
}

/// How browsers reach the console (`addons.console.ingress`).
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsoleIngress {
    /// Host name; `butler.<cluster>.local` when not written.
    pub host: String,
    /// Class of the ingress; the cluster's default when none.
    pub class_name: Option<String>,
    /// Whether TLS is on.
    pub tls: bool,
    /// Secret of the certificate; `butler-console-tls` when not written.
    pub tls_secret_name: String,
}

/// Where charts come from instead of their own repositories (`addons.chartMirror`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ChartMirror {
    /// An `https://` Helm repository.
    Repository(String),
    /// An `oci://` registry prefix.
    Oci(String),
    /// A folder of packaged charts.
    Folder(String),
}
