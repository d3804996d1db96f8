//! Options that several commands have.

use std::{path::PathBuf, time::Duration};

use butler_api::duration;
use butler_files::home;
use butler_lifecycle::destroy::prepare::PlatformSource;
use butler_terminal::{Failure, args::CiArgs, env};

use crate::failure;

/// Where the settings of a platform are.
#[derive(Debug, Clone, clap::Args)]
pub struct PlatformArgs {
    /// Bootstrap configuration; without it the journal of the bootstrap tells the platform
    #[arg(short, long, value_name = "FILE", env = env::BUTLER_CONFIG, hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// File with `provider` and `providerConfig` only
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    pub provider_config: Option<PathBuf>,
}

/// How a run is shown, and how long it may take.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Write the event stream (NDJSON) to this file; - is stdout
    #[arg(long, value_name = "FILE", env = env::BUTLER_EVENTS, hide_env_values = true)]
    pub events: Option<PathBuf>,
    /// Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive, env = env::BUTLER_DEADLINE, hide_env_values = true)]
    pub deadline: Option<Duration>,
    /// Print lines instead of a live view
    #[arg(long, visible_alias = "no-tui", env = env::BUTLER_NO_PROGRESS, hide_env_values = true)]
    pub no_progress: bool,
    /// The CI system to write for.
    #[command(flatten)]
    pub ci: CiArgs,
}

impl PlatformArgs {
    /// Where to look, with `~/` read as people mean it.
    pub(crate) fn source(&self) -> Result<PlatformSource, Failure> {
        let expand = |path: &PathBuf| home::expand(path).map_err(|e| failure::home(&e));
        Ok(match (&self.config, &self.provider_config) {
            (Some(path), _) => PlatformSource::Config(expand(path)?),
            (None, Some(path)) => PlatformSource::ProviderConfig(expand(path)?),
            (None, None) => PlatformSource::Journal,
        })
    }
}
