//! The command line of `butlerctl`.

use butler_terminal::args::{AFTER_HELP, CompletionArgs, GlobalArgs, OutputArgs, STYLES};
use clap::{CommandFactory as _, Parser, Subcommand};

/// Works with Butler clusters and addons
#[derive(Debug, Parser)]
#[command(name = "butlerctl", version, styles = STYLES, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One variant for each command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a completion script for a shell
    #[command(
        after_help = "For example: butlerctl completion bash > ~/.local/share/bash-completion/completions/butlerctl"
    )]
    Completion(CompletionArgs),
    /// Print the version, and what new clusters run by default
    Version(OutputArgs),
}

/// The definition that help, completions and man pages come from.
pub fn command() -> clap::Command {
    Cli::command()
}
