//! The command line of `butlerctl`.

use crate::commands::access::AccessCommand;
use crate::commands::addon::AddonCommand;
use crate::commands::cluster::ClusterCommand;
use crate::commands::env::EnvCommand;
use crate::commands::image::ImageCommand;
use crate::commands::template::TemplateCommand;
use crate::commands::workspace::WorkspaceCommand;
use butler_account::commands::{
    context::ContextCommand, credential::CredentialArgs, kubeconfig::KubeconfigArgs, login::LoginArgs,
    logout::LogoutArgs, tui::TuiArgs, whoami::WhoamiArgs,
};
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
    /// Show and change who may do what in a team
    #[command(subcommand)]
    Access(AccessCommand),
    /// Work with addons of tenant clusters
    #[command(subcommand, visible_alias = "addons")]
    Addon(AddonCommand),
    /// Work with tenant clusters
    #[command(subcommand, visible_alias = "clusters")]
    Cluster(ClusterCommand),
    /// Print a completion script for a shell
    #[command(
        after_help = "For example: butlerctl completion bash > ~/.local/share/bash-completion/completions/butlerctl"
    )]
    Completion(CompletionArgs),
    /// Choose the server and the team that commands use
    #[command(subcommand)]
    Context(ContextCommand),
    /// Print the credentials of the login, for kubectl
    #[command(
        after_help = "A kubeconfig that `butlerctl kubeconfig` wrote calls this; it renews the login where that is needed."
    )]
    Credential(CredentialArgs),
    /// Show the environments of a team
    #[command(subcommand, visible_aliases = ["environment", "envs"])]
    Env(EnvCommand),
    /// Work with system images and their way to a platform
    #[command(subcommand, visible_alias = "images")]
    Image(ImageCommand),
    /// Let kubectl use the login, by a kubeconfig without secrets
    #[command(after_help = "For example: butlerctl kubeconfig --merge && kubectl --context HOST get tenantclusters")]
    Kubeconfig(KubeconfigArgs),
    /// Log in to a Butler server
    #[command(
        after_help = "For example: butlerctl login --server https://console.example.com\n\nWithout a terminal: \
                      butlerctl login --server URL --user NAME --password-stdin < FILE"
    )]
    Login(LoginArgs),
    /// Forget the login on a server
    Logout(LogoutArgs),
    /// Show what workspaces can be made of
    #[command(subcommand, visible_alias = "templates")]
    Template(TemplateCommand),
    /// Show clusters, addons and teams on the whole terminal, as they change
    Tui(TuiArgs),
    /// Print the version, and what new clusters run by default
    Version(OutputArgs),
    /// Show who is logged in, where, and until when
    Whoami(WhoamiArgs),
    /// Work with workspaces: development pods in tenant clusters
    #[command(subcommand, visible_aliases = ["workspaces", "ws"])]
    Workspace(WorkspaceCommand),
}

/// The definition that help, completions and man pages come from.
pub fn command() -> clap::Command {
    Cli::command()
}
