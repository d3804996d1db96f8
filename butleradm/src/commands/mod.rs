//! What each command does: one file per command that does more than print.

pub(crate) mod bootstrap;
pub(crate) mod destroy;
pub(crate) mod embedded;
pub(crate) mod gc;
pub(crate) mod inmemory;

use butler_terminal::{Env, Failure, Ui, generated, version::Version};

use crate::cli::{Command, command};

/// Runs a command.
pub(crate) fn run(ui: &Ui, env: &Env, chosen: Command) -> Result<(), Failure> {
    match chosen {
        Command::Bootstrap(args) => bootstrap::run(ui, env, &args),
        Command::Destroy(args) => destroy::run(ui, env, &args),
        Command::Gc(args) => gc::run(ui, env, &args),
        Command::InMemory(command) => inmemory::run(ui, env, command),
        Command::Embedded(command) => embedded::run(ui, &command),
        Command::Completion(args) => generated::print_completion(ui, &command(), args.shell),
        Command::Version(args) => ui.answer(&Version::of("butleradm"), args.output),
    }
}
