//! The command line of `butleradm`.

use butler_account::commands::{context::ContextCommand, login::LoginArgs, logout::LogoutArgs, whoami::WhoamiArgs};
use butler_terminal::args::{AFTER_HELP, CompletionArgs, GlobalArgs, OutputArgs, STYLES};
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::commands::{
    attach::AttachArgs, bootstrap::BootstrapArgs, cancel::CancelArgs, destroy::DestroyArgs, doctor::DoctorArgs,
    embedded::EmbeddedCommand, env::EnvCommand, gc::GcArgs, inmemory::InMemoryCommand, provider::ProviderCommand,
    replay::ReplayArgs, status::StatusArgs, team::TeamCommand, tui::TuiArgs, user::UserCommand, why::WhyArgs,
};

/// Bootstraps and operates Butler management clusters
#[derive(Debug, Parser)]
#[command(name = "butleradm", version, styles = STYLES, max_term_width = 100, after_help = AFTER_HELP)]
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
    /// Make a management cluster, or continue where an earlier run stopped
    #[command(
        after_help = "The same command again continues a run that was stopped anywhere; once done, it changes nothing."
    )]
    Bootstrap(BootstrapArgs),
    /// Make a management cluster on the whole terminal: a wizard, then the run as it happens
    #[command(
        after_help = "Leaving stops no run. Without a terminal that can show a screen, and with ACCESSIBLE=1, everything is asked and told line by line."
    )]
    Tui(Box<TuiArgs>),
    /// Take away everything of a management cluster, and prove that it is gone
    #[command(
        after_help = "Only what carries the cluster's marker goes. The same command again continues a run that was stopped anywhere."
    )]
    Destroy(DestroyArgs),
    /// Take away what carries a Butler marker and belongs to no living cluster
    #[command(
        after_help = "Living is what this home has a state folder of, and what runs with some cluster's configuration."
    )]
    Gc(GcArgs),
    /// Show a run that another terminal started, or the last one
    #[command(after_help = "Leaving (Ctrl-C) stops nothing. Ends with the exit code of the run.")]
    Attach(AttachArgs),
    /// End the run that works on a cluster, cleanly
    #[command(after_help = "Nothing is deleted; the command that was running goes on from here when it is run again.")]
    Cancel(CancelArgs),
    /// Tell what an operation waits for, and why it is not so
    #[command(after_help = "Looks at what the run has said; neither the run nor the cluster notices.")]
    Why(WhyArgs),
    /// Show a run again, from its events
    Replay(ReplayArgs),
    /// Show a short overview of a management cluster
    #[command(after_help = "What is wrong, and what helps: butleradm doctor")]
    Status(StatusArgs),
    /// Tell what is wrong with a management cluster, and what helps
    #[command(
        after_help = "Nothing is changed. Ends with 1 if something does not work; what only wants attention, or could not be looked \
                      at, is told and ends with 0."
    )]
    Doctor(DoctorArgs),
    /// The simulated world: machines, Talos and Kubernetes on this computer
    #[command(subcommand, name = "inmemory")]
    InMemory(InMemoryCommand),
    /// The API server that the bootstrap uses, on its own
    #[command(subcommand)]
    Embedded(EmbeddedCommand),
    /// Work with the platforms that clusters are made on
    #[command(subcommand, visible_alias = "providers")]
    Provider(ProviderCommand),
    /// Work with teams, their members and their limits
    #[command(subcommand, visible_alias = "teams")]
    Team(TeamCommand),
    /// Work with the environments of teams
    #[command(subcommand, visible_alias = "environment")]
    Env(EnvCommand),
    /// Work with the accounts of people
    #[command(
        subcommand,
        visible_alias = "users",
        after_help = "The first administrator: butleradm user create EMAIL --platform-role admin --kubeconfig FILE"
    )]
    User(UserCommand),
    /// Choose the server and the team that commands use
    #[command(subcommand)]
    Context(ContextCommand),
    /// Log in to a Butler server as a platform administrator
    #[command(
        after_help = "For example: butleradm login --server https://console.example.com\n\nWithout a terminal: \
                      butleradm login --server URL --user NAME --password-stdin < FILE"
    )]
    Login(LoginArgs),
    /// Forget the login on a server
    Logout(LogoutArgs),
    /// Show who is logged in, where, and until when
    Whoami(WhoamiArgs),
    /// Print a completion script for a shell
    #[command(
        after_help = "For example: butleradm completion bash > ~/.local/share/bash-completion/completions/butleradm"
    )]
    Completion(CompletionArgs),
    /// Print the version, and what new clusters run by default
    Version(OutputArgs),
}

/// The definition that help, completions and man pages come from.
pub fn command() -> clap::Command {
    Cli::command()
}
