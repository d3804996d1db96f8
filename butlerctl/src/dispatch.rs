//! Which command does what was asked.

use butler_account::commands::{context, credential, kubeconfig, login, logout, tui, whoami};
use butler_account::complete;
use butler_account::tool::{Account, OwnServer, Tool};
use butler_terminal::completion::Words;
use butler_terminal::{Env, Failure, Ui, generated, version::ToolVersion};
use butler_world::process;

use crate::cli::{Command, command};
use crate::commands::{access, addon, cluster, env as environments, image, template, workspace};

/// This command line.
const TOOL: Tool = Tool {
    name: "butlerctl",
    for_administrators: false,
    own_servers: |state| {
        Box::pin(async move {
            let servers = process::butler_servers(&state).await.into_iter();
            servers.map(OwnServer::from).collect()
        })
    },
};

/// Values that complete what a person types.
pub(crate) fn values(kind: &str, words: &Words) -> Option<Vec<String>> {
    complete::values(TOOL, kind, words)
}

/// Runs a command.
pub(crate) fn run(ui: &Ui, env: &Env, chosen: Command) -> Result<(), Failure> {
    let account = Account { tool: TOOL, ui, env };
    match chosen {
        Command::Access(chosen) => access::run(account, chosen),
        Command::Addon(chosen) => addon::run(account, chosen),
        Command::Cluster(chosen) => cluster::run(account, chosen),
        Command::Completion(args) => generated::print_completion(ui, &command(), args.shell),
        Command::Context(chosen) => context::run(account, chosen),
        Command::Credential(args) => credential::run(account, &args),
        Command::Env(chosen) => environments::run(account, chosen),
        Command::Image(chosen) => image::run(account, chosen),
        Command::Kubeconfig(args) => kubeconfig::run(account, &args),
        Command::Login(args) => login::run(account, &args),
        Command::Logout(args) => logout::run(account, &args),
        Command::Template(chosen) => template::run(account, chosen),
        Command::Tui(args) => tui::run(account, &args),
        Command::Version(args) => ui.answer(&ToolVersion::of("butlerctl"), args.output),
        Command::Whoami(args) => whoami::run(account, &args),
        Command::Workspace(chosen) => workspace::run(account, chosen),
    }
}
