//! Why an operation cannot be set up.

use std::path::PathBuf;

use butler_addons::{HELM_HINT, InstallError, PlanError, process::ProcessError};
use butler_files::{ClusterFolder, home::HomeError};
use butler_infra::{BoxError, InfraError};
use butler_talos::config::ConfigError;

use crate::{
    bootstrap::run::RunError,
    setup::{AuthoritiesError, SecretError},
};

/// Why an operation cannot be set up. Nothing was changed on the platform.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A path that cannot be made out.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A secret that the configuration refers to.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// Certificate authorities of the environment.
    #[error(transparent)]
    Authorities(#[from] AuthoritiesError),
    /// Patches or certificates that do not fit.
    #[error("the machine configurations cannot be made")]
    MachineConfig(#[source] ConfigError),
    /// A variable that names no proxy. Its value may hold a password and is not kept.
    #[error("{variable} is no address of a proxy")]
    Proxy {
        /// Name of the variable.
        variable: &'static str,
    },
    /// There is no helm, or it does not run.
    #[error("cannot run helm, which installs the addons")]
    NoHelm(#[source] ProcessError),
    /// A helm of the wrong version.
    #[error("this helm cannot install the addons: {why}")]
    UnfitHelm {
        /// What is wrong with it.
        why: String,
    },
    /// The addons do not fit together.
    #[error(transparent)]
    Addons(#[from] PlanError),
    /// A folder of charts lacks some.
    #[error("{first}{}", and_more(*more))]
    Mirror {
        /// The first thing that it lacks.
        first: InstallError,
        /// How many further things it lacks.
        more: usize,
    },
    /// Earlier runs left what cannot be continued.
    #[error("what earlier runs left in {} cannot be continued", folder.path().display())]
    Remains {
        /// The folder that the remains are in.
        folder: Box<ClusterFolder>,
        /// What is wrong with it.
        source: Box<RunError>,
    },
    /// The Talos secrets of an earlier run.
    #[error("cannot use the Talos secrets {}", path.display())]
    TalosSecrets {
        /// The file that holds them.
        path: PathBuf,
        /// Why they cannot be read or used.
        source: BoxError,
    },
    /// The simulated world, as the binary that knows it says.
    #[error(transparent)]
    World(BoxError),
    /// The platform refuses its settings, or is not there.
    #[error(transparent)]
    Platform(#[from] InfraError),
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
    /// The time was up.
    #[error("the {operation} had not begun when --deadline passed; nothing was changed on the platform")]
    TooLate {
        /// What was to be done, for example `bootstrap of demo`.
        operation: String,
    },
}

fn and_more(more: usize) -> String {
    match more {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    }
}

impl SetupError {
    /// What a person can do about it, where that is not told by the error below.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Secret(error) => error.hint(),
            Self::Authorities(_) => Some("BUTLER_CA_CERT_PATH names a PEM file, or a folder of .crt and .pem files"),
            Self::Proxy { .. } => {
                Some("write it like http://HOST:PORT, with special characters of a password as %XX; or unset it")
            }
            Self::NoHelm(_) | Self::UnfitHelm { .. } => Some(HELM_HINT),
            Self::Mirror { .. } => Some("`--dry-run` lists everything that addons.chartMirror has to hold"),
            Self::TooLate { .. } => Some("run the same command again, with more time"),
            Self::Home(_)
            | Self::MachineConfig(_)
            | Self::Addons(_)
            | Self::Remains { .. }
            | Self::TalosSecrets { .. }
            | Self::World(_)
            | Self::Platform(_)
            | Self::Interrupted => None,
        }
    }
}
