//! Which command does what was asked.

use butler_terminal::{Env, Failure, Ui, generated, version::ToolVersion};

use crate::cli::{Command, command};
use crate::commands::{context, login, logout, whoami};

/// Runs a command.
pub(crate) fn run(ui: &Ui, env: &Env, chosen: Command) -> Result<(), Failure> {
    match chosen {
        Command::Completion(args) => generated::print_completion(ui, &command(), args.shell),
        Command::Context(chosen) => context::run(ui, env, chosen),
        Command::Login(args) => login::run(ui, env, &args),
        Command::Logout(args) => logout::run(ui, env, &args),
        Command::Version(args) => ui.answer(&ToolVersion::of("butlerctl"), args.output),
        Command::Whoami(args) => whoami::run(ui, env, &args),
    }
}
