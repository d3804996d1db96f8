//! Which form of the configuration a Talos line reads.

use semver::Version;

/// The forms, oldest first; a line takes the newest form that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contract {
    /// Talos 1.8 to 1.11: everything in one document.
    V1_8,
    /// Talos 1.12: host name, registries and virtual addresses are documents of their own.
    V1_12,
    /// Talos 1.13.
    V1_13,
}

impl Contract {
    /// The form that a version reads, if we can write it.
    pub fn of(talos: &Version) -> Option<Self> {
        match (talos.major, talos.minor) {
            (1, 8..=11) => Some(Self::V1_8),
            (1, 12) => Some(Self::V1_12),
            (1, 13) => Some(Self::V1_13),
            _ => None,
        }
    }
}
