//! Releases that go together: what was written, and what is chosen where nothing was.

use semver::Version;

use super::Validator;
use crate::config::{
    Addons, Exposure, ProviderKind, Talos, Versioned,
    versions::{self, Component, Fit},
};

/// A component that is installed.
struct Installed {
    component: Component,
    /// The addon's block; empty where it has none.
    block: &'static str,
    /// The version that was written; none where one is chosen.
    version: Option<String>,
}

/// Refuses what does not fit, and warns of what nobody says anything about.
pub(super) fn fit(
    v: &mut Validator<'_>,
    addons: &Addons,
    kind: ProviderKind,
    talos: &Talos,
    exposure: Option<&Exposure>,
) {
    let kubernetes = &talos.kubernetes_version;
    if v.is_reported("talos.kubernetesVersion") || v.is_reported("talos.version") {
        return;
    }
    for installed in installed(addons) {
        let path = installed.path();
        if v.is_reported(&path) {
            continue;
        }
        let chosen = versions::pin(installed.component, kubernetes, None);
        let version = installed.version.as_deref().unwrap_or(chosen);
        let subject = format!("{} {version}", installed.component);
        match versions::judge(installed.component, version, kubernetes) {
            Fit::Fits => {}
            Fit::Untold(known) => {
                let message = format!("nobody says whether {subject} works on Kubernetes v{kubernetes}");
                v.warn(&path, message, known);
            }
            Fit::Unfit(says) => unfit(v, &installed, &subject, kubernetes, &says, chosen),
        }
    }
    providers(v, addons, kind, kubernetes);
    gateway(v, addons, exposure, kubernetes);
}

impl Installed {
    /// Where a person looks for it: its version, where one was written.
    fn path(&self) -> String {
        match (&self.version, self.block) {
            (_, "") => "talos.kubernetesVersion".to_owned(),
            (Some(_), block) => format!("{block}.version"),
            (None, block) => block.to_owned(),
        }
    }
}

fn unfit(v: &mut Validator<'_>, installed: &Installed, subject: &str, kubernetes: &Version, says: &str, chosen: &str) {
    let path = installed.path();
    let message = format!("{subject} does not go with Kubernetes v{kubernetes}: {says}");
    // A version that was written can be left out, where the chosen one fits.
    let chosen_fits = versions::judge(installed.component, chosen, kubernetes) == Fit::Fits;
    let another = if installed.version.is_some() && chosen_fits {
        format!("leave `{path}` out ({chosen} is installed), or ")
    } else {
        String::new()
    };
    let hint = format!("{another}write another `talos.kubernetesVersion`; docs/releases.md has what goes together");
    v.problem(&path, message, hint);
}

/// What is installed, without what only clouds and single providers have.
fn installed(addons: &Addons) -> Vec<Installed> {
    let of = |addon: Option<&'_ Versioned>| addon.map(|addon| addon.version.clone());
    let console = addons.console.as_ref();
    let all = [
        (
            Component::Cilium,
            "addons.cni",
            addons.cni.as_ref().map(|a| a.version.clone()),
        ),
        (
            Component::Longhorn,
            "addons.storage",
            addons.storage.as_ref().map(|a| a.version.clone()),
        ),
        (
            Component::MetalLb,
            "addons.loadBalancer",
            of(addons.load_balancer.as_ref()),
        ),
        (Component::Flux, "addons.gitOps", of(addons.git_ops.as_ref())),
        (
            Component::KubeVip,
            "addons.controlPlaneHA",
            of(addons.control_plane_ha.as_ref()),
        ),
        (
            Component::CertManager,
            "addons.certManager",
            of(addons.cert_manager.as_ref()),
        ),
        (Component::Traefik, "addons.ingress", of(addons.ingress.as_ref())),
        (
            Component::Steward,
            "addons.controlPlaneProvider",
            of(addons.control_plane_provider.as_ref()),
        ),
        (
            Component::ClusterApi,
            "addons.capi",
            addons.capi.as_ref().map(|a| a.version.clone()),
        ),
        (
            Component::ButlerConsole,
            "addons.console",
            console.map(|a| a.version.clone()),
        ),
        // The controller's version is the tag of its image; its chart and the definitions have no setting.
        (
            Component::ButlerController,
            "addons.butlerController",
            addons.butler_controller.as_ref().map(|_| None),
        ),
        (Component::ButlerCrds, "", Some(None)),
    ];
    let installed = all.into_iter().filter_map(|(component, block, version)| {
        Some(Installed {
            component,
            block,
            version: version?.filter(|version| version != "latest"),
        })
    });
    installed.collect()
}

/// Cluster API's providers beside its core.
fn providers(v: &mut Validator<'_>, addons: &Addons, kind: ProviderKind, kubernetes: &Version) {
    let Some(capi) = &addons.capi else { return };
    let written = capi.version.as_deref().filter(|version| *version != "latest");
    let core = written.unwrap_or_else(|| versions::pin(Component::ClusterApi, kubernetes, None));
    let beside = versions::parse(core);
    let mut judged = |component: Component, version: Option<&str>, path: &str, hint: &str| {
        let chosen = versions::pin(component, kubernetes, beside.as_ref());
        let version = version.filter(|version| *version != "latest").unwrap_or(chosen);
        let alone = versions::judge(component, version, kubernetes);
        let fit = if alone == Fit::Fits {
            versions::judge_against(component, version, core)
        } else {
            alone
        };
        match fit {
            Fit::Fits => {}
            Fit::Untold(known) => {
                let message = format!("nobody says whether {component} {version} works with Cluster API {core}");
                v.warn(path, message, known);
            }
            Fit::Unfit(says) => {
                let message = format!("{component} {version} does not go with Cluster API {core}: {says}");
                v.problem(path, message, hint);
            }
        }
    };
    let choose = "write another `addons.capi.version`, or leave it out; docs/releases.md has what goes together";
    if addons.control_plane_provider.is_some() {
        judged(Component::CapiSteward, None, "addons.capi.version", choose);
    }
    let named = |kind| {
        capi.infrastructure_providers
            .iter()
            .any(|provider| provider.name == kind)
    };
    if let Some(own) = versions::capi_of(kind).filter(|own| *own != Component::ClusterApi && !named(kind)) {
        judged(own, None, "addons.capi.version", choose);
    }
    for (i, provider) in capi.infrastructure_providers.iter().enumerate() {
        if let Some(component) = versions::capi_of(provider.name) {
            let path = format!("addons.capi.infrastructureProviders[{i}].version");
            let pin = versions::pin(component, kubernetes, beside.as_ref());
            let hint = format!("leave `version` out: {pin} is installed; docs/releases.md has what goes together");
            judged(component, provider.version.as_deref(), &path, &hint);
        }
    }
}

/// Cilium serves the release of the Gateway API that it was made for.
fn gateway(v: &mut Validator<'_>, addons: &Addons, exposure: Option<&Exposure>, kubernetes: &Version) {
    let (Some(cni), Some(Exposure::Gateway { .. })) = (&addons.cni, exposure) else {
        return;
    };
    let written = cni.version.as_deref().filter(|version| *version != "latest");
    let cilium = written.unwrap_or_else(|| versions::pin(Component::Cilium, kubernetes, None));
    let gateway = versions::pin(Component::GatewayApi, kubernetes, versions::parse(cilium).as_ref());
    if versions::judge_against(Component::GatewayApi, gateway, cilium) != Fit::Fits {
        let message = format!("Cilium {cilium} is not stated to serve Gateway API {gateway}, which is installed");
        v.warn(
            "addons.cni.version",
            message,
            "leave it out, or look at docs/releases.md",
        );
    }
}
