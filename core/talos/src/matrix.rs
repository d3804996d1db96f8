//! Talos release lines and the Kubernetes versions they run.

use semver::Version;

/// One release line of Talos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Minor version: 12 is Talos 1.12.
    pub minor: u64,
    /// Oldest and newest Kubernetes minor version that it runs.
    pub kubernetes: (u64, u64),
    /// Kubernetes version that its newest patch release installs by itself.
    pub default_kubernetes: Version,
    /// Oldest Talos minor version that can be upgraded to it.
    pub upgrade_from: u64,
}

/// The lines we make configurations for, oldest first.
pub static LINES: [Line; 6] = [
    line(8, (26, 31), (31, 4), 5),
    line(9, (27, 32), (32, 4), 8),
    line(10, (28, 33), (33, 6), 8),
    line(11, (29, 34), (34, 1), 9),
    line(12, (30, 35), (35, 4), 10),
    line(13, (31, 36), (36, 3), 11),
];

/// The line of a Talos version, if we know it.
pub fn line_of(talos: &Version) -> Option<&'static Line> {
    LINES.iter().find(|line| talos.major == 1 && line.minor == talos.minor)
}

/// The Kubernetes version that a Talos version installs by itself.
pub fn default_kubernetes(talos: &Version) -> Option<Version> {
    line_of(talos).map(|line| line.default_kubernetes.clone())
}

/// Whether a Talos version runs a Kubernetes version. Pre-releases count as their release.
pub fn runs(talos: &Version, kubernetes: &Version) -> bool {
    line_of(talos).is_some_and(|line| {
        kubernetes.major == 1 && (line.kubernetes.0..=line.kubernetes.1).contains(&kubernetes.minor)
    })
}

const fn line(minor: u64, kubernetes: (u64, u64), default: (u64, u64), upgrade_from: u64) -> Line {
    Line {
        minor,
        kubernetes,
        default_kubernetes: Version::new(1, default.0, default.1),
        upgrade_from,
    }
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

    #[test]
    fn the_table_agrees_with_the_support_matrix_of_talos() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/reference/talos/support-matrix.json");
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("skipped: {} is absent", path.display());
            return;
        };
        let matrix: serde_json::Value = serde_json::from_str(&text).unwrap();
        let minor =
            |text: &serde_json::Value| -> u64 { text.as_str().unwrap().split('.').nth(1).unwrap().parse().unwrap() };
        for line in &LINES {
            let talos = format!("1.{}", line.minor);
            let entry = matrix["versions"]
                .as_array()
                .unwrap()
                .iter()
                .find(|entry| entry["talos"] == talos.as_str());
            let entry = entry.expect("every line is in the matrix");
            assert_eq!(
                line.kubernetes,
                (minor(&entry["kubernetes_min"]), minor(&entry["kubernetes_max_minor"]))
            );
            assert_eq!(
                line.default_kubernetes.to_string(),
                entry["kubernetes_default"].as_str().unwrap()
            );
            assert_eq!(line.upgrade_from, minor(&entry["upgrade_from_min"]), "{talos}");
        }
    }
}
