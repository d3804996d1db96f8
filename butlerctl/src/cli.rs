//! The command line of `butlerctl`.

use crate::commands::{context::ContextCommand, login::LoginArgs, logout::LogoutArgs, whoami::WhoamiArgs};
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
    /// Choose the server and the team that commands use
    #[command(subcommand)]
    Context(ContextCommand),
    /// Log in to a Butler server
    #[command(
        after_help = "For example: butlerctl login --server https://console.example.com\n\nWithout a terminal: \
                      butlerctl login --server URL --user NAME --password-stdin < FILE"
    )]
    Login(LoginArgs),
    /// Forget the login on a server
    Logout(LogoutArgs),
    /// Print the version, and what new clusters run by default
    Version(OutputArgs),
    /// Show who is logged in, where, and until when
    Whoami(WhoamiArgs),
}

/// The definition that help, completions and man pages come from.
pub fn command() -> clap::Command {
    Cli::command()
}
