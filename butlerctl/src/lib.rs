//! The `butlerctl` command line: parses, calls the shared library, prints.

pub mod cli;
mod commands;
mod dispatch;

use std::process::ExitCode;

use butler_terminal::{Env, args, completion};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let env = Env::from_process();
    if let Some(exit) = completion::answer(&env, cli::command, dispatch::values) {
        return exit;
    }
    args::run(
        std::env::args_os(),
        &env,
        |cli: &cli::Cli| cli.global,
        |ui, cli| dispatch::run(ui, &env, cli.command),
    )
}
