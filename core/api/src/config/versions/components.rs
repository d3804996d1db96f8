//! What is installed beside Kubernetes: releases, and what each of them goes together with.

use std::fmt;

use semver::Version;

use super::parse;

/// Something with versions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// kube-vip, which announces the VIP.
    KubeVip,
    /// Cilium, the pod network (chart).
    Cilium,
    /// Gateway API (definitions only).
    GatewayApi,
    /// MetalLB, which hands out load balancer addresses (chart).
    MetalLb,
    /// Traefik, the ingress controller (chart).
    Traefik,
    /// cert-manager, which issues certificates (chart).
    CertManager,
    /// Longhorn, which makes volumes (chart).
    Longhorn,
    /// Flux, the GitOps tooling (chart).
    Flux,
    /// Steward, which runs control planes of tenant clusters.
    Steward,
    /// Cluster API: core, kubeadm providers and the docker provider.
    ClusterApi,
    /// Cluster API's Steward control-plane provider.
    CapiSteward,
    /// Cluster API's in-cluster IPAM provider.
    CapiIpam,
    /// Cluster API's KubeVirt provider (Harvester).
    Capk,
    /// Cluster API's Nutanix provider.
    Capx,
    /// Cluster API's Proxmox provider.
    Capmox,
    /// Cluster API's Google provider.
    Capg,
    /// Cluster API's AWS provider.
    Capa,
    /// Cluster API's Azure provider.
    Capz,
    /// The cloud controller manager of AWS (chart).
    AwsCcm,
    /// The cloud controller manager of Google.
    GcpCcm,
    /// The cloud controller manager of Azure.
    AzureCcm,
    /// Butler's resource definitions (chart).
    ButlerCrds,
    /// Butler's addon catalog (chart).
    ButlerAddons,
    /// Butler's controller (chart).
    ButlerController,
    /// Butler's console (chart).
    ButlerConsole,
}

impl Component {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KubeVip => "kube-vip",
            Self::Cilium => "Cilium",
            Self::GatewayApi => "Gateway API",
            Self::MetalLb => "MetalLB",
            Self::Traefik => "Traefik (chart)",
            Self::CertManager => "cert-manager",
            Self::Longhorn => "Longhorn",
            Self::Flux => "Flux (chart)",
            Self::Steward => "Steward",
            Self::ClusterApi => "Cluster API",
            Self::CapiSteward => "Cluster API provider Steward",
            Self::CapiIpam => "Cluster API provider IPAM in-cluster",
            Self::Capk => "Cluster API provider KubeVirt",
            Self::Capx => "Cluster API provider Nutanix",
            Self::Capmox => "Cluster API provider Proxmox",
            Self::Capg => "Cluster API provider Google",
            Self::Capa => "Cluster API provider AWS",
            Self::Capz => "Cluster API provider Azure",
            Self::AwsCcm => "AWS cloud controller manager (chart)",
            Self::GcpCcm => "Google cloud controller manager",
            Self::AzureCcm => "Azure cloud controller manager",
            Self::ButlerCrds => "Butler CRDs (chart)",
            Self::ButlerAddons => "Butler addon catalog (chart)",
            Self::ButlerController => "Butler controller (chart)",
            Self::ButlerConsole => "Butler console (chart)",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What it means that a table has no entry there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// It does not go together.
    Unfit,
    /// Nobody says anything about it.
    Untold,
}

/// A range of minor versions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The lowest minor version of the range.
    pub min: u64,
    /// The highest minor version of the range; none for no end.
    pub max: Option<u64>,
    /// What holds for releases below the range.
    pub below: Outside,
    /// What holds for releases above the range.
    pub above: Outside,
}

impl Range {
    /// These and no others.
    const fn only(min: u64, max: u64) -> Self {
        Self {
            min,
            max: Some(max),
            below: Outside::Unfit,
            above: Outside::Unfit,
        }
    }

    /// Not below; above, the table has no rows yet.
    const fn so_far(min: u64, max: u64) -> Self {
        Self {
            above: Outside::Untold,
            ..Self::only(min, max)
        }
    }

    /// Tested with these; others are neither promised nor excluded.
    const fn tested(min: u64, max: u64) -> Self {
        Self {
            below: Outside::Untold,
            ..Self::so_far(min, max)
        }
    }

    /// All from this one on.
    const fn from(min: u64) -> Self {
        Self {
            min,
            max: None,
            below: Outside::Unfit,
            above: Outside::Untold,
        }
    }

    fn holds(&self, minor: u64) -> Option<Outside> {
        if minor < self.min {
            return Some(self.below);
        }
        self.max.is_some_and(|max| minor > max).then_some(self.above)
    }

    /// `1.30 to 1.35` of a thing whose major version is this.
    pub fn words(&self, major: u64) -> String {
        match self.max {
            Some(max) if max == self.min => format!("{major}.{max}"),
            Some(max) => format!("{major}.{} to {major}.{max}", self.min),
            None => format!("{major}.{} and newer", self.min),
        }
    }
}

/// One line of releases of a component.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseLine {
    /// The component that is released.
    pub component: Component,
    /// How its versions begin, without `v`.
    pub line: &'static str,
    /// The release that is installed where this line is chosen; none when it is known and never chosen.
    pub pin: Option<&'static str>,
    /// Version of the application in the pinned chart, where it has one of its own.
    pub app: &'static str,
    /// Kubernetes releases (1.x) of the management cluster that it works on; none where nobody says.
    pub kubernetes: Option<Range>,
    /// First patch release of the line that works with a Kubernetes minor release.
    pub patches: &'static [(u64, u64)],
    /// What else it has to fit: releases of Cluster API (1.x) or Cilium (1.x).
    pub with: Option<(Component, Range)>,
    /// First patch release of the line that can be installed at all.
    pub first: u64,
    /// The page that states it.
    pub source: &'static str,
}

const fn row(component: Component, line: &'static str, source: &'static str) -> ReleaseLine {
    ReleaseLine {
        component,
        line,
        pin: None,
        app: "",
        kubernetes: None,
        patches: &[],
        with: None,
        first: 0,
        source,
    }
}

impl ReleaseLine {
    const fn pin(self, pin: &'static str) -> Self {
        Self { pin: Some(pin), ..self }
    }

    const fn app(self, app: &'static str) -> Self {
        Self { app, ..self }
    }

    const fn on(self, kubernetes: Range) -> Self {
        Self {
            kubernetes: Some(kubernetes),
            ..self
        }
    }

    const fn patches(self, patches: &'static [(u64, u64)]) -> Self {
        Self { patches, ..self }
    }

    const fn with(self, component: Component, range: Range) -> Self {
        Self {
            with: Some((component, range)),
            ..self
        }
    }

    const fn first(self, first: u64) -> Self {
        Self { first, ..self }
    }

    fn covers(&self, version: &Version) -> bool {
        let numbers = [version.major, version.minor, version.patch];
        let mut parts = self.line.split('.').zip(numbers);
        parts.all(|(part, number)| part.parse() == Ok(number))
    }
}

const CAPI_TABLE: &str = "Cluster API book, page Version Support (of v1.9, v1.12 and v1.14)";
const CERT_MANAGER_TABLE: &str = "cert-manager.io, page Supported Releases";
const CILIUM_TABLE: &str = "docs.cilium.io of that line, page Kubernetes Compatibility: tested with these, others depend on Kubernetes' own compatibility";
const CHART: &str = "kubeVersion of the chart";
const NONE: &str = "no table is published";
const CONTRACT_1: &str =
    "contract v1beta1 (its metadata.yaml), which Cluster API takes until v1.15 (Cluster API book, Contract versions)";
const CONTRACT_2: &str = "contract v1beta2 (its metadata.yaml), from Cluster API v1.11 on";
const CAPMOX_TABLE: &str = "README of the provider, Compatibility with Cluster API";
const GATEWAY: &str = "docs.cilium.io of that line, page Gateway API Support";

/// Cluster API releases that take providers of contract v1beta1.
const V1BETA1: Range = Range::only(0, 15);
/// Cluster API releases that take providers of contract v1beta2.
const V1BETA2: Range = Range::so_far(11, 14);

/// Every component's lines; the first one that fits is chosen.
pub const COMPONENTS: &[ReleaseLine] = &[
    row(Component::KubeVip, "0.8", NONE).pin("v0.8.7"),
    row(Component::Cilium, "1.19", CILIUM_TABLE)
        .pin("1.19.4")
        .on(Range::tested(32, 35)),
    row(Component::Cilium, "1.18", CILIUM_TABLE).on(Range::tested(30, 33)),
    row(Component::Cilium, "1.17", CILIUM_TABLE)
        .pin("1.17.0")
        .on(Range::tested(29, 32)),
    row(Component::GatewayApi, "1.4", GATEWAY)
        .pin("v1.4.1")
        .with(Component::Cilium, Range::only(19, 19)),
    row(Component::GatewayApi, "1.2", GATEWAY)
        .pin("v1.2.1")
        .with(Component::Cilium, Range::only(17, 17)),
    row(Component::MetalLb, "0.14", CHART).pin("0.14.9").on(Range::from(19)),
    row(Component::MetalLb, "0.15", CHART).on(Range::from(19)),
    row(Component::Traefik, "34", CHART)
        .pin("34.3.0")
        .app("v3.3.3")
        .on(Range::from(22)),
    row(Component::CertManager, "1.21", CERT_MANAGER_TABLE)
        .pin("v1.21.1")
        .on(Range::so_far(33, 36)),
    row(Component::CertManager, "1.20", CERT_MANAGER_TABLE)
        .pin("v1.20.2")
        .on(Range::only(32, 35)),
    row(Component::CertManager, "1.19", CERT_MANAGER_TABLE).on(Range::only(31, 35)),
    row(Component::CertManager, "1.18", CERT_MANAGER_TABLE).on(Range::only(29, 33)),
    row(Component::CertManager, "1.17", CERT_MANAGER_TABLE).on(Range::only(29, 33)),
    row(Component::CertManager, "1.16", CERT_MANAGER_TABLE)
        .pin("v1.16.2")
        .on(Range::only(25, 32)),
    row(Component::CertManager, "1.15", CERT_MANAGER_TABLE).on(Range::only(25, 32)),
    row(Component::Longhorn, "1.7", CHART).pin("1.7.2").on(Range::from(21)),
    row(
        Component::Flux,
        "2.14",
        "kubernetesConstraints of `flux check` 2.4, which the chart's hook runs",
    )
    .pin("2.14.1")
    .app("2.4.0")
    .on(Range::from(28)),
    row(Component::Steward, "0.4", CHART).pin("0.4.0").on(Range::from(21)),
    row(Component::ClusterApi, "1.12", CAPI_TABLE)
        .pin("v1.12.11")
        .on(Range::so_far(31, 36))
        .patches(&[(35, 1), (36, 8)]),
    row(Component::ClusterApi, "1.14", CAPI_TABLE).on(Range::so_far(33, 36)),
    row(Component::ClusterApi, "1.13", CAPI_TABLE)
        .on(Range::so_far(32, 36))
        .patches(&[(36, 1)]),
    row(Component::ClusterApi, "1.11", CAPI_TABLE)
        .on(Range::only(30, 34))
        .patches(&[(34, 1)]),
    row(Component::ClusterApi, "1.10", CAPI_TABLE)
        .on(Range::only(29, 33))
        .patches(&[(33, 1)]),
    row(Component::ClusterApi, "1.9", CAPI_TABLE)
        .pin("v1.9.4")
        .on(Range::only(28, 32))
        .patches(&[(32, 1)]),
    row(
        Component::CapiSteward,
        "0.3",
        "label cluster.x-k8s.io/v1beta1 of its definitions, which Cluster API takes until v1.15",
    )
    .pin("v0.3.0")
    .with(Component::ClusterApi, V1BETA1),
    row(Component::CapiIpam, "1.1", CONTRACT_2)
        .pin("v1.1.0")
        .with(Component::ClusterApi, V1BETA2),
    row(Component::CapiIpam, "1.0", CONTRACT_1)
        .pin("v1.0.3")
        .with(Component::ClusterApi, V1BETA1),
    row(Component::Capk, "0.1", CONTRACT_1)
        .pin("v0.1.9")
        .with(Component::ClusterApi, V1BETA1),
    row(Component::Capk, "0.10", CONTRACT_1).with(Component::ClusterApi, V1BETA1),
    row(Component::Capk, "0.11", CONTRACT_2).with(Component::ClusterApi, V1BETA2),
    row(Component::Capx, "1", CONTRACT_1)
        .pin("v1.4.0")
        .with(Component::ClusterApi, V1BETA1),
    row(Component::Capmox, "0.9", CAPMOX_TABLE)
        .pin("v0.9.0")
        .with(Component::ClusterApi, Range::so_far(11, 12)),
    row(Component::Capmox, "0.8", CAPMOX_TABLE).with(Component::ClusterApi, Range::only(11, 11)),
    // Definitions of v0.7.4 and older repeat entries of a list that must not; the API server refuses them.
    row(Component::Capmox, "0.7", CAPMOX_TABLE)
        .pin("v0.7.7")
        .with(Component::ClusterApi, Range::only(8, 10))
        .first(5),
    row(Component::Capmox, "0.6", CAPMOX_TABLE)
        .with(Component::ClusterApi, Range::only(7, 8))
        .first(u64::MAX),
    row(Component::Capg, "1", CONTRACT_1)
        .pin("v1.8.0")
        .with(Component::ClusterApi, V1BETA1),
    row(Component::Capa, "2", CONTRACT_1)
        .pin("v2.7.0")
        .with(Component::ClusterApi, V1BETA1),
    row(Component::Capz, "1", CONTRACT_1)
        .pin("v1.17.0")
        .with(Component::ClusterApi, V1BETA1),
    row(Component::AwsCcm, "0.0", NONE).pin("0.0.8").app("v1.27.1"),
    row(Component::GcpCcm, "30", NONE).pin("v30.0.0"),
    row(Component::AzureCcm, "1.31", NONE).pin("v1.31.0"),
    row(Component::ButlerCrds, "0.22", CHART)
        .pin("0.22.0")
        .app("v1alpha1")
        .on(Range::from(28)),
    row(Component::ButlerAddons, "0.8", NONE).pin("0.8.4").app("v1alpha1"),
    row(Component::ButlerController, "0.27", CHART)
        .pin("0.27.0")
        .app("0.26.0")
        .on(Range::from(28)),
    row(Component::ButlerConsole, "0.13", CHART)
        .pin("0.13.1")
        .app("0.14.1")
        .on(Range::from(28)),
];

/// Whether two things go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// They do, as far as anybody says.
    Fits,
    /// They do not: what would.
    Unfit(String),
    /// Nobody says: what is known.
    Untold(String),
}

fn lines(component: Component) -> impl Iterator<Item = &'static ReleaseLine> {
    COMPONENTS.iter().filter(move |release| release.component == component)
}

/// The line that a version belongs to. It may have a `v` or not.
pub fn release_of(component: Component, version: &str) -> Option<&'static ReleaseLine> {
    let version = parse(version)?;
    // `0.10` begins like `0.1`, as a number it does not.
    lines(component).find(|release| release.covers(&version))
}

/// What is installed on this Kubernetes release, beside this release of what it has to fit.
pub fn pin(component: Component, kubernetes: &Version, beside: Option<&Version>) -> &'static str {
    let pinned = || lines(component).filter_map(|release| Some((release, release.pin?)));
    let fits = |release: &ReleaseLine| {
        let on = release
            .kubernetes
            .is_none_or(|range| range.holds(kubernetes.minor).is_none());
        let with = match (release.with, beside) {
            (Some((_, range)), Some(beside)) => range.holds(beside.minor).is_none(),
            _ => true,
        };
        on && with
    };
    let may = |release: &ReleaseLine| {
        let on = release
            .kubernetes
            .is_none_or(|range| range.holds(kubernetes.minor) != Some(Outside::Unfit));
        let with = match (release.with, beside) {
            (Some((_, range)), Some(beside)) => range.holds(beside.minor) != Some(Outside::Unfit),
            _ => true,
        };
        on && with
    };
    // Where no table has an entry, what is nearest: the oldest line for what is older than all of them.
    let older = |release: &ReleaseLine| release.kubernetes.is_some_and(|range| kubernetes.minor < range.min);
    let fitting = pinned().find(|(release, _)| fits(release));
    let allowed = || pinned().filter(|(release, _)| may(release));
    let nearest = || {
        allowed()
            .find(|(release, _)| !older(release))
            .or_else(|| allowed().last())
    };
    let chosen = fitting.or_else(nearest).or_else(|| pinned().last());
    // Every component has a pinned line; a test looks.
    chosen.map_or("", |(_, pin)| pin)
}

/// Whether a version of a component goes with a Kubernetes release.
pub fn judge(component: Component, version: &str, kubernetes: &Version) -> Fit {
    let Some(parsed) = parse(version) else {
        return Fit::Untold(format!("{version} is no version that a table could have"));
    };
    let Some(release) = release_of(component, version) else {
        return unknown(component);
    };
    if parsed.patch < release.first {
        return Fit::Unfit(match release.first {
            u64::MAX => format!("no release of {} can be installed", release.line),
            first => format!("v{}.{first} and newer can be installed", release.line),
        });
    }
    let Some(range) = release.kubernetes else {
        return Fit::Fits;
    };
    let says = format!("it works on Kubernetes {}", range.words(1));
    match range.holds(kubernetes.minor) {
        Some(Outside::Unfit) => Fit::Unfit(says),
        Some(Outside::Untold) => Fit::Untold(format!("stated for Kubernetes {} only", range.words(1))),
        None => {
            let least = release.patches.iter().find(|(minor, _)| *minor == kubernetes.minor);
            match least {
                Some((minor, patch)) if parsed.patch < *patch => {
                    Fit::Unfit(format!("Kubernetes 1.{minor} needs v{}.{patch} or newer", release.line))
                }
                _ => Fit::Fits,
            }
        }
    }
}

/// Whether a version of a component goes with a version of what it has to fit.
pub fn judge_against(component: Component, version: &str, beside: &str) -> Fit {
    let Some(release) = release_of(component, version) else {
        return unknown(component);
    };
    let Some((other, range)) = release.with else {
        return Fit::Fits;
    };
    let Some(beside) = parse(beside) else {
        return Fit::Untold(format!("{beside} is no version of {other} that a table could have"));
    };
    let says = format!("{} goes with {other} {}", release.line, range.words(1));
    match range.holds(beside.minor) {
        Some(Outside::Unfit) => Fit::Unfit(says),
        Some(Outside::Untold) => Fit::Untold(format!("it is stated for {other} {} only", range.words(1))),
        None => Fit::Fits,
    }
}

fn unknown(component: Component) -> Fit {
    let known: Vec<&str> = lines(component).map(|release| release.line).collect();
    Fit::Untold(format!("only releases {} are in the table", known.join(", ")))
}

/// The infrastructure provider of Cluster API for a platform, if there is one. `local` is part of Cluster API itself.
pub const fn capi_of(kind: crate::config::ProviderKind) -> Option<Component> {
    use crate::config::ProviderKind;
    match kind {
        ProviderKind::Harvester => Some(Component::Capk),
        ProviderKind::Nutanix => Some(Component::Capx),
        ProviderKind::Proxmox => Some(Component::Capmox),
        ProviderKind::Gcp => Some(Component::Capg),
        ProviderKind::Aws => Some(Component::Capa),
        ProviderKind::Azure => Some(Component::Capz),
        ProviderKind::Local => Some(Component::ClusterApi),
        ProviderKind::InMemory | ProviderKind::Static => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::versions::TALOS_LINES;

    fn kubernetes(minor: u64) -> Version {
        Version::new(1, minor, 0)
    }

    #[test]
    fn every_component_has_a_pin_that_belongs_to_its_line() {
        for release in COMPONENTS {
            assert!(!release.source.is_empty());
            if let Some(pin) = release.pin {
                let found = release_of(release.component, pin).map(|found| found.line);
                assert_eq!(found, Some(release.line), "{} {pin}", release.component);
            }
            assert!(
                lines(release.component).any(|line| line.pin.is_some()),
                "{}",
                release.component
            );
        }
    }

    #[test]
    fn the_defaults_of_every_talos_line_go_together() {
        for line in &TALOS_LINES {
            let kubernetes = line.default_kubernetes();
            let capi = parse(pin(Component::ClusterApi, &kubernetes, None));
            for release in COMPONENTS {
                let beside = release.with.and_then(|(other, _)| match other {
                    Component::ClusterApi => capi.clone(),
                    other => parse(pin(other, &kubernetes, None)),
                });
                let pin = pin(release.component, &kubernetes, beside.as_ref());
                let subject = format!("{} {pin} on Kubernetes {kubernetes}", release.component);
                let fit = judge(release.component, pin, &kubernetes);
                // Cilium tests four releases, and no table of it has 1.36 yet.
                let known_gap = release.component == Component::Cilium && kubernetes.minor > 35;
                assert!(
                    fit == Fit::Fits || known_gap && matches!(fit, Fit::Untold(_)),
                    "{subject}: {fit:?}"
                );
                if let Some(beside) = &beside {
                    let fit = judge_against(release.component, pin, &beside.to_string());
                    assert_eq!(fit, Fit::Fits, "{subject} beside {beside}");
                }
            }
        }
    }

    #[test]
    fn what_is_chosen_follows_kubernetes_and_cluster_api() {
        let chosen = |component, minor| pin(component, &kubernetes(minor), None);
        assert_eq!(chosen(Component::ClusterApi, 35), "v1.12.11");
        assert_eq!(chosen(Component::ClusterApi, 30), "v1.9.4");
        assert_eq!(chosen(Component::CertManager, 31), "v1.16.2");
        assert_eq!(chosen(Component::CertManager, 32), "v1.20.2");
        assert_eq!(chosen(Component::CertManager, 37), "v1.21.1");
        assert_eq!(chosen(Component::Cilium, 28), "1.17.0");
        assert_eq!(chosen(Component::Cilium, 37), "1.19.4");
        let beside = |component, capi: &str| pin(component, &kubernetes(31), parse(capi).as_ref());
        assert_eq!(beside(Component::Capmox, "v1.12.11"), "v0.9.0");
        assert_eq!(beside(Component::Capmox, "v1.9.4"), "v0.7.7");
        assert_eq!(beside(Component::CapiIpam, "v1.9.4"), "v1.0.3");
        assert_eq!(beside(Component::GatewayApi, "1.17.6"), "v1.2.1");
    }

    #[test]
    fn pairs_are_judged_by_the_tables() {
        let judged = |component, version, minor| judge(component, version, &kubernetes(minor));
        let fits = [
            (Component::ClusterApi, "v1.9.4", 32),
            (Component::ClusterApi, "1.12.8", 36),
            (Component::CertManager, "v1.16.5", 25),
            (Component::Longhorn, "1.7.2", 35),
            (Component::Capk, "v0.10.4", 35),
            (Component::KubeVip, "v0.8.0", 35),
        ];
        for (component, version, minor) in fits {
            assert_eq!(judged(component, version, minor), Fit::Fits, "{component} {version}");
        }
        let unfit = [
            (
                Component::ClusterApi,
                "v1.9.4",
                35,
                "it works on Kubernetes 1.28 to 1.32",
            ),
            (
                Component::ClusterApi,
                "v1.9.0",
                32,
                "Kubernetes 1.32 needs v1.9.1 or newer",
            ),
            (
                Component::ClusterApi,
                "v1.12.7",
                36,
                "Kubernetes 1.36 needs v1.12.8 or newer",
            ),
            (
                Component::CertManager,
                "v1.16.2",
                33,
                "it works on Kubernetes 1.25 to 1.32",
            ),
            (
                Component::ButlerCrds,
                "0.22.0",
                27,
                "it works on Kubernetes 1.28 and newer",
            ),
            (Component::Capmox, "v0.7.4", 31, "v0.7.5 and newer can be installed"),
            (Component::Capmox, "v0.6.0", 31, "no release of 0.6 can be installed"),
        ];
        for (component, version, minor, says) in unfit {
            assert_eq!(
                judged(component, version, minor),
                Fit::Unfit(says.to_owned()),
                "{component} {version}"
            );
        }
        for (component, version, minor) in [
            (Component::Cilium, "1.17.0", 35),
            (Component::Cilium, "1.40.0", 35),
            (Component::CertManager, "v1.21.1", 37),
            (Component::ClusterApi, "main", 35),
        ] {
            let fit = judged(component, version, minor);
            assert!(matches!(fit, Fit::Untold(_)), "{component} {version}: {fit:?}");
        }
        let unfit = |text: &str| Fit::Unfit(text.to_owned());
        assert_eq!(
            judge_against(Component::Capmox, "v0.9.0", "v1.9.4"),
            unfit("0.9 goes with Cluster API 1.11 to 1.12")
        );
        assert_eq!(judge_against(Component::Capa, "v2.11.1", "v1.12.11"), Fit::Fits);
        assert!(matches!(
            judge_against(Component::Capmox, "v0.9.0", "v1.14.0"),
            Fit::Untold(_)
        ));
    }
}
