//! `butleradm bootstrap`: makes a management cluster, or continues an interrupted run.

use std::{path::PathBuf, time::Duration};

use butler_api::config::{self, Loaded};
use butler_terminal::{Env, Exit, Failure, Ui, args::OutputArgs, duration, env};

use crate::failure;

/// Options of `bootstrap`.
#[derive(Debug, clap::Args)]
pub struct BootstrapArgs {
    /// Infrastructure provider; must be the one of the configuration
    #[arg(value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Bootstrap configuration
    #[arg(short, long, value_name = "FILE", env = env::BUTLER_CONFIG, hide_env_values = true)]
    pub config: PathBuf,
    /// Print the plan and touch nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Format of the answer.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Write the event stream (NDJSON) to this file; - is stdout
    #[arg(long, value_name = "FILE", env = env::BUTLER_EVENTS, hide_env_values = true)]
    pub events: Option<PathBuf>,
    /// Stop waiting after this time (90s, 10m, 1h30m); the same command goes on later
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, env = env::BUTLER_DEADLINE, hide_env_values = true)]
    pub deadline: Option<Duration>,
    /// Keep the bootstrap cluster after the pivot
    #[arg(long, visible_alias = "skip-cleanup")]
    pub keep_bootstrap_cluster: bool,
    /// Print lines instead of a live view
    #[arg(long, visible_alias = "no-tui", env = env::BUTLER_NO_PROGRESS, hide_env_values = true)]
    pub no_progress: bool,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, _env: &Env, args: &BootstrapArgs) -> Result<(), Failure> {
    let loaded = load(args)?;
    for warning in &loaded.warnings {
        ui.warn(&warning.render(&args.config.display().to_string()), None);
    }
    Err(Failure::new(Exit::Failed, "this build cannot run a bootstrap"))
}

/// The validated configuration; a provider on the command line must be the same.
fn load(args: &BootstrapArgs) -> Result<Loaded, Failure> {
    let name = args.config.display().to_string();
    let text = std::fs::read_to_string(&args.config).map_err(|e| failure::unreadable_config(&args.config, &e))?;
    let loaded = config::load(&text, &name).map_err(|e| Failure::from_error(Exit::Usage, &e))?;
    let provider = loaded.config.provider_kind().as_str();
    match &args.provider {
        Some(wanted) if wanted != provider => Err(failure::other_provider(wanted, provider, &args.config)),
        _ => Ok(loaded),
    }
}
