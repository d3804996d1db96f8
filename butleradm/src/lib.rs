//! The `butleradm` command line: parses, calls the shared library, prints.

pub mod cli;
mod commands;
mod failure;
mod sink;
mod world;

use std::process::ExitCode;

use butler_terminal::{Env, args, process};

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    process::prepare();
    let env = Env::from_process();
    args::run(
        std::env::args_os(),
        &env,
        |cli: &cli::Cli| cli.global,
        |ui, cli| commands::run(ui, &env, cli.command),
    )
}
