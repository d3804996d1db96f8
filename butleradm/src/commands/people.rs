//! What the commands about people and teams share.

use std::time::Duration;

use butler_api::duration;
use butler_tenancy::change::Writer;

/// The field manager of what this command line writes.
const MANAGER: &str = "butleradm";

/// A writer of this command line.
pub(crate) fn writer(dry_run: bool) -> Writer {
    Writer {
        manager: MANAGER,
        dry_run,
    }
}

/// Whether something is only tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DryRun {
    /// Print the object; send nothing.
    Client,
    /// Have the API server check it; keep nothing.
    Server,
}

/// Whether it is waited, and how long.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct WaitArgs {
    /// Wait until it is so
    #[arg(long)]
    pub wait: bool,
    /// How long to wait (90s, 10m)
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = duration::parse_positive,
        default_value = "5m",
        requires = "wait"
    )]
    pub timeout: Duration,
}
