//! The `butleradm` command line: parses, calls the shared library, prints.

pub mod cli;
mod commands;
mod confirm;
mod detach;
mod failure;
mod first_login;
mod keyring;
mod remarks;
mod sink;
mod wizard;
mod world;

use std::process::ExitCode;

use butler_account::commands::{context, login, logout, whoami};
use butler_account::complete;
use butler_account::tool::{Account, OwnServer, Tool};
use butler_files::home::Home;
use butler_terminal::completion::{self, Words};
use butler_terminal::env::BUTLER_HOME;
use butler_terminal::{Env, Failure, Ui, args, generated, process, version::ToolVersion};

use self::{
    cli::Command,
    commands::{
        attach, bootstrap, cancel, destroy, doctor, embedded, env as environment, gc, inmemory, provider, replay,
        status, team, tui, user, why,
    },
};

/// This command line, as the commands see it that both have.
const TOOL: Tool = Tool {
    name: "butleradm",
    for_administrators: true,
    own_servers: |state| {
        Box::pin(async move {
            let servers = butler_world::process::butler_servers(&state).await.into_iter();
            servers.map(OwnServer::from).collect()
        })
    },
};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    process::prepare();
    let env = Env::from_process();
    if let Some(exit) = completion::answer(&env, cli::command, values) {
        return exit;
    }
    args::run(
        std::env::args_os(),
        &env,
        |cli: &cli::Cli| cli.global,
        |ui, cli| run(ui, &env, cli.command),
    )
}

/// Values that complete what a person types: here clusters are those that this home has a state folder of.
fn values(kind: &str, words: &Words) -> Option<Vec<String>> {
    if kind != "CLUSTER" {
        return complete::values(TOOL, kind, words);
    }
    let home = Home::resolve(Env::from_process().get(BUTLER_HOME)).ok()?;
    let clusters = home.made_clusters().ok()?.into_iter();
    Some(clusters.map(|folder| folder.cluster().to_owned()).collect())
}

/// What the commands that both command lines have work with.
pub(crate) fn account<'a>(ui: &'a Ui, env: &'a Env) -> Account<'a> {
    Account { tool: TOOL, ui, env }
}

/// Runs a command.
fn run(ui: &Ui, env: &Env, chosen: Command) -> Result<(), Failure> {
    let account = account(ui, env);
    match chosen {
        Command::Bootstrap(args) => bootstrap::run(ui, env, &args),
        Command::Tui(args) => tui::run(ui, env, &args),
        Command::Destroy(args) => destroy::run(ui, env, &args),
        Command::Gc(args) => gc::run(ui, env, &args),
        Command::Attach(args) => attach::run(ui, env, &args),
        Command::Cancel(args) => cancel::run(ui, env, &args),
        Command::Why(args) => why::run(ui, env, &args),
        Command::Replay(args) => replay::run(ui, env, &args),
        Command::Status(args) => status::run(account, &args),
        Command::Doctor(args) => doctor::run(account, &args),
        Command::InMemory(command) => inmemory::run(ui, env, command),
        Command::Embedded(command) => embedded::run(ui, &command),
        Command::Context(chosen) => context::run(account, chosen),
        Command::Login(args) => login::run(account, &args),
        Command::Logout(args) => logout::run(account, &args),
        Command::Env(chosen) => environment::run(account, chosen),
        Command::Provider(chosen) => provider::run(account, chosen),
        Command::Team(chosen) => team::run(account, chosen),
        Command::User(chosen) => user::run(account, chosen),
        Command::Whoami(args) => whoami::run(account, &args),
        Command::Completion(args) => generated::print_completion(ui, &cli::command(), args.shell),
        Command::Version(args) => ui.answer(&ToolVersion::of("butleradm"), args.output),
    }
}
