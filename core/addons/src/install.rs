//! The door to whatever puts addons into a cluster.

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::{Addon, InstallError};

/// Puts addons into a cluster. Every call may be repeated after any failure, also after the process was killed.
pub trait Installer: Send + Sync {
    /// What the cluster says about the addon.
    fn observe<'a>(&'a self, addon: &'a Addon) -> BoxFuture<'a, Result<ReleaseState, InstallError>>;

    /// Installs or upgrades it; a change interrupted earlier is cleaned up first. `on_line` gets the peer's own lines.
    ///
    /// Done means that everything was handed to the cluster, not that it works: see [`wait`](butler_kubernetes::wait).
    fn install<'a>(
        &'a self,
        addon: &'a Addon,
        on_line: &'a (dyn Fn(&str) + Send + Sync),
    ) -> BoxFuture<'a, Result<Installed, InstallError>>;
}

/// An addon in a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseState {
    /// It was never installed, or is gone.
    Absent,
    /// The last change of it succeeded.
    Deployed {
        /// Whether with the same chart and values as planned.
        same: bool,
        /// Revision of the release; 0 for what has none.
        revision: u32,
    },
    /// Somebody is changing it, or was killed while doing so.
    Pending {
        /// When the change began, if that is on record.
        since: Option<Timestamp>,
    },
    /// The last change failed.
    Failed {
        /// What Helm noted down.
        description: String,
    },
}

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Revision of the release; 0 for what has none.
    pub revision: u32,
    /// What was done, as a sentence.
    pub detail: String,
}
