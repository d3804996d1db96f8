//! The operating systems of nodes, as kubelets tell of them.

/// What a node runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct System {
    /// Its name with its version.
    pub name: String,
    /// The version of its kernel.
    pub kernel: String,
    /// The version of its containerd.
    pub containerd: &'static str,
}

/// Kernel and containerd by how the name of a system begins.
const KNOWN: [(&str, &str, &str); 5] = [
    ("Rocky Linux", "5.14.0-503.14.1.el9_5.x86_64", "1.7.24"),
    ("Flatcar", "6.6.60-flatcar", "1.7.21"),
    ("Kairos", "6.8.0-51-generic", "1.7.24"),
    ("Bottlerocket", "6.1.119", "1.7.24+bottlerocket"),
    ("Talos", "6.12.11-talos", "2.0.2"),
];

impl System {
    /// Talos of this version, as the machines run it that Talos' own API makes members of a cluster.
    pub(super) fn talos(version: &str) -> Self {
        Self {
            name: format!("Talos ({version})"),
            kernel: "6.18.0-talos".to_owned(),
            containerd: "2.1.5",
        }
    }

    /// The system of that name, with a kernel that goes with it.
    pub(super) fn named(name: &str) -> Self {
        let known = KNOWN.iter().find(|(begin, _, _)| name.starts_with(begin));
        let (_, kernel, containerd) = known.unwrap_or(&("", "6.12.0", "2.0.2"));
        Self {
            name: name.to_owned(),
            kernel: (*kernel).to_owned(),
            containerd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_goes_with_the_system_that_was_asked_for() {
        let rocky = System::named("Rocky Linux 9.5 (Blue Onyx)");
        assert!(rocky.kernel.contains("el9"), "{rocky:?}");
        assert_eq!(
            System::named("Flatcar Container Linux 4081.2.0").kernel,
            "6.6.60-flatcar"
        );
        assert_eq!(System::named("Plan 9").name, "Plan 9");
    }
}
