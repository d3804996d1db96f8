//! The one matrix of versions: which Talos releases there are and which Kubernetes releases each of them runs, what is
//! installed beside them, and which of it goes together. `docs/releases.md` is this table in words.

mod components;
mod images;
mod page;

use semver::Version;

pub use components::{
    COMPONENTS, Component, Fit, Outside, Range, ReleaseLine, capi_of, judge, judge_against, pin, release_of,
};
pub use images::{TalosImages, install_image, talos_images};
pub use page::page;

/// Which form of the machine configuration a Talos line reads, oldest first; a line takes the newest form that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contract {
    /// Everything in one document.
    V1_8,
    /// Host name, registries and virtual addresses are documents of their own.
    V1_12,
    /// An empty section of the main document is left out, and more kinds of documents are known.
    V1_13,
}

impl Contract {
    /// The form that a release reads, if we can write it.
    pub fn of(talos: &Version) -> Option<Self> {
        talos_line(talos).map(|line| line.contract)
    }
}

/// A Talos line (`1.12`) and what goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TalosLine {
    /// Minor number of the line; the major number is 1.
    pub minor: u64,
    /// Lowest Kubernetes minor number (of 1.x).
    pub kubernetes_min: u64,
    /// Highest Kubernetes minor number (of 1.x).
    pub kubernetes_max: u64,
    /// Kubernetes release that is used when none is asked for, as minor and patch (of 1.x).
    pub kubernetes_default: (u64, u64),
    /// Oldest Talos minor number that can be upgraded to it.
    pub upgrade_from: u64,
    /// The form of the machine configuration that it reads.
    pub contract: Contract,
}

const fn line(
    minor: u64,
    kubernetes_min: u64,
    kubernetes_max: u64,
    kubernetes_default: (u64, u64),
    upgrade_from: u64,
    contract: Contract,
) -> TalosLine {
    TalosLine {
        minor,
        kubernetes_min,
        kubernetes_max,
        kubernetes_default,
        upgrade_from,
        contract,
    }
}

/// Every line that Butler can configure, oldest first.
pub const TALOS_LINES: [TalosLine; 6] = [
    line(8, 26, 31, (31, 4), 5, Contract::V1_8),
    line(9, 27, 32, (32, 4), 8, Contract::V1_8),
    line(10, 28, 33, (33, 6), 8, Contract::V1_8),
    line(11, 29, 34, (34, 1), 9, Contract::V1_8),
    line(12, 30, 35, (35, 4), 10, Contract::V1_12),
    line(13, 31, 36, (36, 3), 11, Contract::V1_13),
];

/// A Kubernetes line (`1.33`) that tenant clusters can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KubernetesLine {
    /// Minor number of the line; the major number is 1.
    pub minor: u64,
    /// Patch number of the newest release that is known here. There is a release for every number up to it.
    pub newest: u64,
}

impl KubernetesLine {
    /// Its newest release that is known here.
    pub fn release(&self) -> Version {
        Version::new(1, self.minor, self.newest)
    }
}

const fn kubernetes(minor: u64, newest: u64) -> KubernetesLine {
    KubernetesLine { minor, newest }
}

/// Every line of Kubernetes that is known here, oldest first: what is offered for tenant clusters. Servers take others, too.
pub const KUBERNETES_LINES: [KubernetesLine; 9] = [
    kubernetes(28, 15),
    kubernetes(29, 15),
    kubernetes(30, 14),
    kubernetes(31, 14),
    kubernetes(32, 13),
    kubernetes(33, 13),
    kubernetes(34, 4),
    kubernetes(35, 4),
    kubernetes(36, 3),
];

/// Whether there is such a release of Kubernetes, as far as that is known here.
pub fn is_kubernetes_release(version: &Version) -> bool {
    let known = KUBERNETES_LINES.iter().find(|line| line.minor == version.minor);
    version.major == 1 && version.pre.is_empty() && known.is_some_and(|line| version.patch <= line.newest)
}

/// The line of a Talos release, if it is one that Butler can configure.
pub fn talos_line(talos: &Version) -> Option<&'static TalosLine> {
    TALOS_LINES
        .iter()
        .find(|line| talos.major == 1 && talos.minor == line.minor)
}

/// The releases that Butler can configure, in words.
pub fn supported_talos() -> String {
    let [first, .., last] = &TALOS_LINES;
    format!("v1.{}.x to v1.{}.x", first.minor, last.minor)
}

/// The Kubernetes release that a Talos release runs when none is asked for.
pub fn default_kubernetes(talos: &Version) -> Option<Version> {
    talos_line(talos).map(TalosLine::default_kubernetes)
}

/// Whether a Talos release runs a Kubernetes release. Pre-releases count as their release.
pub fn runs_kubernetes(talos: &Version, kubernetes: &Version) -> bool {
    talos_line(talos).is_some_and(|line| line.runs(kubernetes))
}

impl TalosLine {
    /// Whether it runs a Kubernetes release.
    pub fn runs(&self, kubernetes: &Version) -> bool {
        kubernetes.major == 1 && (self.kubernetes_min..=self.kubernetes_max).contains(&kubernetes.minor)
    }

    /// The Kubernetes release that is used when none is asked for.
    pub fn default_kubernetes(&self) -> Version {
        let (minor, patch) = self.kubernetes_default;
        Version::new(1, minor, patch)
    }
}

/// Parses `v1.12.1` (the `v` may be missing).
pub fn parse(text: &str) -> Option<Version> {
    Version::parse(text.strip_prefix('v').unwrap_or(text)).ok()
}
