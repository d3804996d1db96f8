//! The `butleradm` command line: parses, calls the shared library, prints.

pub mod cli;
mod commands;
mod detach;
mod failure;
mod remarks;
mod sink;
mod world;

use std::process::ExitCode;

use butler_terminal::{Env, Failure, Ui, args, generated, process, version::ToolVersion};

use self::{
    cli::Command,
    commands::{attach, bootstrap, cancel, destroy, embedded, gc, inmemory, replay, why},
};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    process::prepare();
    let env = Env::from_process();
    args::run(
        std::env::args_os(),
        &env,
        |cli: &cli::Cli| cli.global,
        |ui, cli| run(ui, &env, cli.command),
    )
}

/// Runs a command.
fn run(ui: &Ui, env: &Env, chosen: Command) -> Result<(), Failure> {
    match chosen {
        Command::Bootstrap(args) => bootstrap::run(ui, env, &args),
        Command::Destroy(args) => destroy::run(ui, env, &args),
        Command::Gc(args) => gc::run(ui, env, &args),
        Command::Attach(args) => attach::run(ui, env, &args),
        Command::Cancel(args) => cancel::run(ui, env, &args),
        Command::Why(args) => why::run(ui, env, &args),
        Command::Replay(args) => replay::run(ui, env, &args),
        Command::InMemory(command) => inmemory::run(ui, env, command),
        Command::Embedded(command) => embedded::run(ui, &command),
        Command::Completion(args) => generated::print_completion(ui, &cli::command(), args.shell),
        Command::Version(args) => ui.answer(&ToolVersion::of("butleradm"), args.output),
    }
}
