//! Images that every node of a Talos release pulls without anybody naming them.

use semver::Version;

/// Versions that a Talos release has built in, from the first release on that has them.
struct Since {
    /// Minor and patch number of the release.
    talos: (u64, u64),
    etcd: &'static str,
    coredns: &'static str,
    pause: &'static str,
}

const fn since(talos: (u64, u64), etcd: &'static str, coredns: &'static str, pause: &'static str) -> Since {
    Since {
        talos,
        etcd,
        coredns,
        pause,
    }
}

/// Releases that changed one of them, oldest first; read from the sources of each release.
const CHANGES: [Since; 24] = [
    since((8, 0), "v3.5.16", "v1.11.3", "3.9"),
    since((8, 3), "v3.5.16", "v1.11.3", "3.10"),
    since((8, 4), "v3.5.17", "v1.11.3", "3.10"),
    since((9, 0), "v3.5.17", "v1.12.0", "3.10"),
    since((9, 3), "v3.5.18", "v1.12.0", "3.10"),
    since((9, 5), "v3.5.19", "v1.12.0", "3.10"),
    since((9, 6), "v3.5.21", "v1.12.0", "3.10"),
    since((10, 0), "v3.5.21", "v1.12.1", "3.10"),
    since((10, 9), "v3.5.26", "v1.12.1", "3.10"),
    since((11, 0), "v3.6.4", "v1.12.2", "3.10"),
    since((11, 1), "v3.6.4", "v1.12.3", "3.10"),
    since((11, 3), "v3.6.5", "v1.12.4", "3.10"),
    since((12, 0), "v3.6.7", "v1.13.2", "3.10"),
    since((12, 5), "v3.6.8", "v1.13.2", "3.10"),
    since((12, 7), "v3.6.9", "v1.13.2", "3.10"),
    since((12, 8), "v3.6.11", "v1.14.3", "3.10.1"),
    since((12, 9), "v3.6.11", "v1.14.2", "3.10.1"),
    since((12, 12), "", "", ""),
    since((13, 0), "v3.6.9", "v1.14.2", "3.10.1"),
    since((13, 1), "v3.6.11", "v1.14.2", "3.10.1"),
    since((13, 4), "v3.6.12", "v1.14.2", "3.10.1"),
    since((13, 7), "v3.6.12", "v1.14.4", "3.10.1"),
    since((13, 8), "v3.6.12", "v1.14.6", "3.10.1"),
    since((13, 10), "", "", ""),
];

/// From this minor release on, etcd comes from the registry of Kubernetes.
const ETCD_OF_KUBERNETES: u64 = 12;

/// From this minor release on, installers of the Image Factory have the platform in their names.
const PLATFORM_IN_NAME: u64 = 10;

/// The images of a Talos release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TalosImages {
    /// The image of etcd, on control planes.
    pub etcd: String,
    /// The image of CoreDNS, the cluster's name server.
    pub coredns: String,
    /// The sandbox of every pod.
    pub pause: String,
    /// Whether this very release was looked at; otherwise they are those of the newest one that was.
    pub known: bool,
}

/// The images of a Talos release, if its line is known.
pub fn talos_images(talos: &Version) -> Option<TalosImages> {
    let line = || CHANGES.iter().filter(|change| change.talos.0 == talos.minor);
    let last = line().rfind(|change| change.talos.1 <= talos.patch)?;
    let known = !last.etcd.is_empty();
    let row = if known {
        last
    } else {
        line().rfind(|change| !change.etcd.is_empty())?
    };
    let repository = if talos.minor < ETCD_OF_KUBERNETES {
        "gcr.io/etcd-development/etcd"
    } else {
        "registry.k8s.io/etcd"
    };
    Some(TalosImages {
        etcd: format!("{repository}:{}", row.etcd),
        coredns: format!("registry.k8s.io/coredns/coredns:{}", row.coredns),
        pause: format!("registry.k8s.io/pause:{}", row.pause),
        known,
    })
}

/// The image that installs a Talos release: with the extensions of an Image Factory schematic, or the plain one. `platform`
/// is the factory's name for what the machines run on, such as `metal` or `nocloud`.
pub fn install_image(talos: &Version, schematic: Option<&str>, platform: &str) -> String {
    match schematic {
        Some(id) if talos.minor >= PLATFORM_IN_NAME => {
            format!("factory.talos.dev/{platform}-installer/{id}:v{talos}")
        }
        Some(id) => format!("factory.talos.dev/installer/{id}:v{talos}"),
        None => format!("ghcr.io/siderolabs/installer:v{talos}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::versions::TALOS_LINES;

    fn of(minor: u64, patch: u64) -> TalosImages {
        talos_images(&Version::new(1, minor, patch)).unwrap_or_else(|| panic!("v1.{minor}.{patch}"))
    }

    #[test]
    fn a_release_has_the_images_that_its_sources_name() {
        let images = of(12, 1);
        assert_eq!(images.etcd, "registry.k8s.io/etcd:v3.6.7");
        assert_eq!(images.coredns, "registry.k8s.io/coredns/coredns:v1.13.2");
        assert_eq!(images.pause, "registry.k8s.io/pause:3.10");
        assert!(images.known);
        assert_eq!(of(12, 11).etcd, "registry.k8s.io/etcd:v3.6.11");
        assert_eq!(of(11, 2).etcd, "gcr.io/etcd-development/etcd:v3.6.4");
        assert_eq!(of(8, 3).pause, "registry.k8s.io/pause:3.10");
    }

    #[test]
    fn a_release_that_nobody_looked_at_has_those_of_the_newest_one_and_says_so() {
        let newest = of(13, 9);
        let images = of(13, 40);
        assert_eq!((&images.etcd, images.known), (&newest.etcd, false));
        assert!(talos_images(&Version::new(1, 99, 0)).is_none());
    }

    #[test]
    fn the_installer_follows_release_schematic_and_platform() {
        let image = |minor, schematic| install_image(&Version::new(1, minor, 1), schematic, "nocloud");
        assert_eq!(image(12, None), "ghcr.io/siderolabs/installer:v1.12.1");
        assert_eq!(
            image(12, Some("abc")),
            "factory.talos.dev/nocloud-installer/abc:v1.12.1"
        );
        assert_eq!(image(9, Some("abc")), "factory.talos.dev/installer/abc:v1.9.1");
    }

    #[test]
    fn every_line_has_images_and_they_are_in_order() {
        for line in &TALOS_LINES {
            assert!(of(line.minor, 0).known, "1.{}", line.minor);
        }
        assert!(CHANGES.is_sorted_by_key(|change| change.talos));
    }
}
