//! Talos release lines and the Kubernetes versions they run, as the one table of versions has them.

use butler_api::config::versions;
use semver::Version;

pub use butler_api::config::versions::{TALOS_LINES as LINES, TalosLine as Line, talos_line as line_of};

/// The Kubernetes version that a Talos version is given when none is asked for.
pub fn default_kubernetes(talos: &Version) -> Option<Version> {
    versions::default_kubernetes(talos)
}

/// Whether a Talos version runs a Kubernetes version. Pre-releases count as their release.
pub fn runs(talos: &Version, kubernetes: &Version) -> bool {
    versions::runs_kubernetes(talos, kubernetes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_ignore_patch_and_pre_release() {
        let talos = Version::new(1, 12, 3);
        for (kubernetes, expected) in [
            ("1.29.9", false),
            ("1.30.0", true),
            ("1.35.99", true),
            ("1.36.0-rc.0", false),
            ("2.31.0", false),
        ] {
            assert_eq!(runs(&talos, &kubernetes.parse().unwrap()), expected, "{kubernetes}");
        }
        assert!(
            !runs(&Version::new(1, 7, 0), &Version::new(1, 30, 0)),
            "unknown lines run nothing"
        );
    }
}
