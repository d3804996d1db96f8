//! What is installed, how tenants are reached, and how people are kept apart.

use butler_api::config::ProviderKind::Local;

use super::{Ask, View, ask};
use crate::{codec::Codec, question::Step::Addons};

const CLUSTER: &str = "Cluster";
const PLATFORM: &str = "Platform";
const CONSOLE: &str = "Console";
const EXPOSURE: &str = "Control planes of tenants";
const TENANCY: &str = "Tenancy";
const CHARTS: &str = "Charts";

pub(super) const ASKS: [Ask; 26] = [
    ask("addons.chartMirror", Addons, CHARTS, "mirror").rare(),
    ask("addons.cni.enabled", Addons, CLUSTER, "Cilium").rare(),
    ask("addons.cni.hubbleEnabled", Addons, CLUSTER, "Hubble")
        .when(|v| v.yes("addons.cni.enabled") || v.is_given("addons.cni.hubbleEnabled"))
        .rare(),
    ask("addons.storage.enabled", Addons, CLUSTER, "Longhorn").writes(|v| {
        // Containers bring a storage class of their own.
        v.on(Local).then(|| "no".to_owned())
    }),
    ask("addons.storage.replicaCount", Addons, CLUSTER, "copies of a volume")
        .when(|v| v.yes("addons.storage.enabled") || v.is_given("addons.storage.replicaCount"))
        .holds(|v| Some(copies(v).to_string()))
        .rare(),
    ask("addons.loadBalancer.enabled", Addons, CLUSTER, "MetalLB")
        .when(|v| v.on_premises() || v.is_given("addons.loadBalancer.enabled")),
    ask("addons.gitOps.enabled", Addons, CLUSTER, "Flux").holds(|v| {
        let wanted = if v.has_kept("addons.gitOps") { "yes" } else { "no" };
        Some(wanted.to_owned())
    }),
    ask("addons.controlPlaneHA.enabled", Addons, CLUSTER, "kube-vip")
        .when(|v| v.on_premises() || v.is_given("addons.controlPlaneHA.enabled"))
        .rare(),
    ask("addons.certManager.enabled", Addons, CLUSTER, "cert-manager").rare(),
    ask("addons.ingress.enabled", Addons, CLUSTER, "Traefik")
        .when(|v| v.on_premises() || v.is_given("addons.ingress.enabled")),
    ask("addons.controlPlaneProvider.enabled", Addons, PLATFORM, "Steward").rare(),
    ask("addons.capi.enabled", Addons, PLATFORM, "Cluster API").rare(),
    ask(
        "addons.butlerController.enabled",
        Addons,
        PLATFORM,
        "Butler's controller",
    )
    .rare(),
    ask("addons.console.enabled", Addons, CONSOLE, "console").writes(|_| Some("yes".to_owned())),
    ask("addons.console.ingress.enabled", Addons, CONSOLE, "by a host name")
        .when(|v| of_console(v, "addons.console.ingress.enabled"))
        .writes(|v| {
            let served = v.on_premises() && v.yes("addons.ingress.enabled");
            Some(if served { "yes" } else { "no" }.to_owned())
        }),
    ask("addons.console.ingress.host", Addons, CONSOLE, "host name")
        .when(|v| of_console_ingress(v, "addons.console.ingress.host"))
        .writes(|v| Some(format!("butler.{}.local", v.text("cluster.name")?))),
    ask("addons.console.ingress.className", Addons, CONSOLE, "ingress class")
        .when(|v| of_console_ingress(v, "addons.console.ingress.className"))
        .writes(|v| v.yes("addons.ingress.enabled").then(|| "traefik".to_owned()))
        .rare(),
    ask("addons.console.ingress.tls", Addons, CONSOLE, "TLS")
        .when(|v| of_console_ingress(v, "addons.console.ingress.tls"))
        .rare(),
    ask("addons.console.ingress.tlsSecretName", Addons, CONSOLE, "its Secret")
        .when(|v| {
            let path = "addons.console.ingress.tlsSecretName";
            of_console_ingress(v, path) && v.yes("addons.console.ingress.tls") || v.is_given(path)
        })
        .rare(),
    ask(
        "addons.console.auth.adminPassword",
        Addons,
        CONSOLE,
        "administrator's password",
    )
    .when(|v| of_console(v, "addons.console.auth.adminPassword"))
    .rare(),
    ask("controlPlaneExposure.mode", Addons, EXPOSURE, "reached by")
        .needed_when(|v| v.is_given("controlPlaneExposure.hostname") || v.is_given("controlPlaneExposure.gatewayRef")),
    ask("controlPlaneExposure.hostname", Addons, EXPOSURE, "wildcard host")
        .when(|v| exposes(v, &["Ingress", "Gateway"], "controlPlaneExposure.hostname"))
        .needed_when(|v| !v.says("controlPlaneExposure.mode", "LoadBalancer")),
    ask(
        "controlPlaneExposure.ingressClassName",
        Addons,
        EXPOSURE,
        "ingress class",
    )
    .when(|v| exposes(v, &["Ingress"], "controlPlaneExposure.ingressClassName"))
    .form(Codec::Text),
    ask(
        "controlPlaneExposure.controllerType",
        Addons,
        EXPOSURE,
        "ingress controller",
    )
    .when(|v| exposes(v, &["Ingress"], "controlPlaneExposure.controllerType")),
    ask("controlPlaneExposure.gatewayRef", Addons, EXPOSURE, "Gateway")
        .when(|v| exposes(v, &["Gateway"], "controlPlaneExposure.gatewayRef"))
        .needed_when(|v| v.says("controlPlaneExposure.mode", "Gateway")),
    ask("multiTenancyMode", Addons, TENANCY, "teams"),
];

/// Copies of each volume where nobody says how many: each needs a node of its own.
fn copies(view: &View<'_>) -> u64 {
    let (control_planes, workers) = view.counts();
    let nodes = if view.is_single() || workers == 0 {
        control_planes
    } else {
        workers
    };
    nodes.clamp(1, 3)
}

fn of_console(view: &View<'_>, path: &str) -> bool {
    view.yes("addons.console.enabled") || view.is_given(path)
}

fn of_console_ingress(view: &View<'_>, path: &str) -> bool {
    view.yes("addons.console.enabled") && view.yes("addons.console.ingress.enabled") || view.is_given(path)
}

fn exposes(view: &View<'_>, modes: &[&str], path: &str) -> bool {
    modes.iter().any(|mode| view.says("controlPlaneExposure.mode", mode)) || view.is_given(path)
}
