//! What a new tenant cluster is where nobody says otherwise, and which Kubernetes releases tenants can run.
//!
//! The values are those that Butler's server and its console take: a cluster is the same wherever it was asked for.

use std::fmt;

use semver::Version;

use crate::config::is_label;
use crate::config::versions::KUBERNETES_LINES;

/// Kubernetes release.
pub const KUBERNETES: Version = Version::new(1, 32, 2);
/// Workers.
pub const WORKERS: i32 = 1;
/// Processor cores of a worker.
pub const CPU: i32 = 4;
/// Memory of a worker.
pub const MEMORY: &str = "8Gi";
/// Disk of a worker.
pub const DISK: &str = "50Gi";

/// Workers that a cluster can have at most: no server of Butler takes more.
pub const MOST_WORKERS: i32 = 100;
/// Processor cores that a worker can have at most.
pub const MOST_CPU: i32 = 128;
/// The least memory that a worker runs with.
pub const LEAST_MEMORY: &str = "2Gi";
/// The smallest disk that a worker runs with.
pub const LEAST_DISK: &str = "20Gi";
/// Copies of the control plane that can be asked for: etcd needs an odd number to have a majority.
pub const CONTROL_PLANES: [i32; 2] = [1, 3];

/// Why a text is no Kubernetes release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRelease {
    /// It is not three numbers.
    #[error("{0:?} is not a Kubernetes release; one looks like v{KUBERNETES}")]
    Form(String),
    /// A release that nothing here knows.
    #[error("Kubernetes {0} is not known; releases v1.{least} to v1.{most} are", least = lines().0, most = lines().1)]
    Unknown(String),
}

/// A Kubernetes release that a tenant can run. It is written with a `v`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release(Version);

impl Release {
    /// The release of a new cluster.
    pub fn usual() -> Self {
        Self(KUBERNETES)
    }

    /// Reads a release, with or without its `v`.
    pub fn parse(text: &str) -> Result<Self, NoRelease> {
        let form = || NoRelease::Form(text.to_owned());
        let version = Version::parse(text.strip_prefix('v').unwrap_or(text)).map_err(|_| form())?;
        if !version.pre.is_empty() || !version.build.is_empty() {
            return Err(form());
        }
        let (least, most) = lines();
        if version.major != 1 || !(least..=most).contains(&version.minor) {
            return Err(NoRelease::Unknown(format!("v{version}")));
        }
        Ok(Self(version))
    }

    /// The releases to choose from, the newest first.
    pub fn choices() -> Vec<Self> {
        let lines = KUBERNETES_LINES.iter().map(|line| Self(line.release()));
        let mut all: Vec<Self> = lines.chain([Self::usual()]).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all.dedup();
        all
    }

    /// The newest release of a line that is known by name.
    fn newest_of(minor: u64) -> Option<Self> {
        Self::choices().into_iter().find(|release| release.0.minor == minor)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

/// The longest name of a cluster: what is made for it has names that are longer by up to 23 characters.
pub const LONGEST_NAME: usize = 40;

/// A text that no cluster can be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name of a cluster: write 1 to {LONGEST_NAME} lower-case letters, digits and dashes, with a letter or digit at \
     both ends"
)]
pub struct NoName(String);

/// Checks the name of a cluster.
pub fn name(text: &str) -> Result<String, NoName> {
    if text.len() <= LONGEST_NAME && is_label(text) {
        return Ok(text.to_owned());
    }
    Err(NoName(text.to_owned()))
}

/// The oldest and the newest line (minor number) that tenants can run.
fn lines() -> (u64, u64) {
    let [first, .., last] = &KUBERNETES_LINES;
    (first.minor, last.minor)
}

/// Why a cluster cannot go from one release to another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Skew {
    /// Kubernetes does not go back.
    #[error("{to} is a downgrade from {from}; Kubernetes cannot be downgraded")]
    Downgrade {
        /// What it runs, or was asked to run.
        from: Release,
        /// What is asked for.
        to: Release,
    },
    /// Kubernetes goes one line at a time.
    #[error("{from} cannot be upgraded to {to} at once: Kubernetes goes one minor release at a time ({})", shown(.path))]
    Skips {
        /// What it runs, or was asked to run.
        from: Release,
        /// What is asked for.
        to: Release,
        /// The releases on the way, with both ends.
        path: Vec<String>,
    },
}

impl Skew {
    /// The first step of the way.
    pub fn next_step(&self) -> Option<&str> {
        match self {
            Self::Downgrade { .. } => None,
            Self::Skips { path, .. } => path.get(1).map(String::as_str),
        }
    }
}

fn shown(path: &[String]) -> String {
    path.join(" → ")
}

/// Whether a cluster can go from one release to another in one step.
pub fn step(from: &Release, to: &Release) -> Result<(), Skew> {
    if to < from {
        return Err(Skew::Downgrade {
            from: from.clone(),
            to: to.clone(),
        });
    }
    if to.0.minor <= from.0.minor + 1 {
        return Ok(());
    }
    let between = (from.0.minor + 1..to.0.minor).map(|minor| {
        // Any patch of the line does; one that is known is named.
        Release::newest_of(minor).map_or_else(|| format!("v1.{minor}"), |release| release.to_string())
    });
    let ends = [from.to_string()].into_iter().chain(between).chain([to.to_string()]);
    Err(Skew::Skips {
        from: from.clone(),
        to: to.clone(),
        path: ends.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(text: &str) -> Release {
        Release::parse(text).unwrap()
    }

    #[test]
    fn releases_are_three_numbers_of_a_line_that_is_known() {
        assert_eq!(release("1.32.2"), Release::usual());
        assert_eq!(release("v1.36.0").to_string(), "v1.36.0");
        for wrong in ["1.32", "v1.32.2-rc.1", "v1.32.2+k3s1", "latest", "vv1.32.2", ""] {
            assert!(matches!(Release::parse(wrong), Err(NoRelease::Form(_))), "{wrong}");
        }
        for unknown in ["v1.25.9", "v1.37.0", "v2.32.2"] {
            assert!(
                matches!(Release::parse(unknown), Err(NoRelease::Unknown(_))),
                "{unknown}"
            );
        }
        let told = Release::parse("v1.99.0").unwrap_err().to_string();
        assert_eq!(told, "Kubernetes v1.99.0 is not known; releases v1.28 to v1.36 are");
    }

    #[test]
    fn names_are_labels_that_leave_room_for_longer_ones() {
        assert_eq!(name("my-cluster").as_deref(), Ok("my-cluster"));
        for wrong in ["", "My", "a_b", "-a", "a-", "a.b", &"a".repeat(LONGEST_NAME + 1)] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_usual_release_is_one_to_choose_and_the_newest_comes_first() {
        let choices = Release::choices();
        assert!(choices.contains(&Release::usual()));
        assert!(choices.is_sorted_by(|one, other| one > other), "{choices:?}");
    }

    #[test]
    fn a_cluster_goes_up_by_one_line_and_never_down() {
        let step = |from: &str, to: &str| step(&release(from), &release(to));
        assert_eq!(step("v1.32.2", "v1.32.2"), Ok(()));
        assert_eq!(step("v1.32.2", "v1.32.9"), Ok(()));
        assert_eq!(step("v1.32.2", "v1.33.4"), Ok(()));
        let down = step("v1.32.2", "v1.31.9").unwrap_err();
        assert_eq!(
            down.to_string(),
            "v1.31.9 is a downgrade from v1.32.2; Kubernetes cannot be downgraded"
        );
        assert!(matches!(step("v1.32.2", "v1.32.1"), Err(Skew::Downgrade { .. })));
        let far = step("v1.31.0", "v1.33.4").unwrap_err();
        let next = Release::newest_of(32).unwrap().to_string();
        assert_eq!(
            far.to_string(),
            format!(
                "v1.31.0 cannot be upgraded to v1.33.4 at once: Kubernetes goes one minor release at a time (v1.31.0 → {next} → \
                 v1.33.4)"
            )
        );
        assert_eq!(far.next_step(), Some(next.as_str()));
    }
}
