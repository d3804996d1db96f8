//! Why kind could not be used, and what to do about it.

use std::{io, path::PathBuf};

use butler_addons::process::ProcessError;
use butler_files::home::HomeError;
use semver::Version;

use super::plan::{self, OLDEST};

/// Why kind could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KindError {
    /// A program failed; its last lines are in the source.
    #[error("cannot {doing}")]
    Process {
        /// What it was for.
        doing: String,
        /// Why the program could not be run, or how it ended.
        source: ProcessError,
    },
    /// A program printed something unexpected.
    #[error("cannot {doing}: {program} printed {output:?}")]
    Output {
        /// What it was for.
        doing: String,
        /// The program whose output is not understood.
        program: String,
        /// The beginning of what it printed.
        output: String,
    },
    /// kind is too old.
    #[error("kind {found} is too old, {OLDEST} or newer is needed")]
    TooOld {
        /// The version of the program that was found.
        found: Version,
    },
    /// `KIND_EXPERIMENTAL_PROVIDER` names something that we do not drive.
    #[error("KIND_EXPERIMENTAL_PROVIDER names {name}, only docker and podman are supported")]
    UnknownRuntime {
        /// The value of the variable.
        name: String,
    },
    /// Neither docker nor podman answers.
    #[error("no container runtime answers")]
    NoRuntime {
        /// What the last one said.
        source: ProcessError,
    },
    /// A cluster of our name is not ours.
    #[error("kind cluster {name} is not ours: {why}")]
    Foreign {
        /// Name of the kind cluster.
        name: String,
        /// What of it shows that it is not ours.
        why: String,
    },
    /// The cluster is still there after it was deleted.
    #[error("kind cluster {name} is still there after it was deleted")]
    StillThere {
        /// Name of the kind cluster.
        name: String,
    },
    /// A certificate file cannot be used.
    #[error("{} holds no PEM certificate", path.display())]
    NoCertificate {
        /// The file that holds no certificate.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was being done.
        action: &'static str,
        /// The file that it was tried with.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },
    /// A file of the state folder cannot be written.
    #[error("cannot keep the kind cluster's files")]
    Keep {
        /// Why the file could not be kept.
        #[from]
        source: HomeError,
    },
}

impl KindError {
    /// A command, flag or setting to try.
    pub fn hint(&self) -> Option<String> {
        const OTHER: &str = "or use the embedded bootstrap cluster: bootstrapCluster: embedded";
        match self {
            Self::Process {
                source: ProcessError::NotFound { program },
                ..
            } => Some(format!("install {}, {OTHER}", program.display())),
            Self::Process { source, .. } => plan::hint_for(source.last_lines()).map(Into::into),
            Self::TooOld { .. } => Some(format!("install kind {OLDEST} or newer, {OTHER}")),
            Self::NoRuntime { .. } => Some(format!("start docker or podman, {OTHER}")),
            Self::UnknownRuntime { .. } => {
                Some("unset KIND_EXPERIMENTAL_PROVIDER, or set it to docker or podman".into())
            }
            Self::Foreign { name, .. } => Some(format!(
                "look at it with `kind get nodes --name {name}`; nothing was changed"
            )),
            Self::Output { .. }
            | Self::StillThere { .. }
            | Self::NoCertificate { .. }
            | Self::File { .. }
            | Self::Keep { .. } => None,
        }
    }
}
