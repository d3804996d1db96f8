//! What each command does: one file per command that does more than print.

pub(crate) mod bootstrap;
pub(crate) mod embedded;

use butler_terminal::{Env, Failure, Ui, generated, output, version::Version};

use crate::cli::{Command, command};

/// Runs a command.
pub(crate) fn run(ui: &Ui, env: &Env, chosen: Command) -> Result<(), Failure> {
    match chosen {
        Command::Bootstrap(args) => bootstrap::run(ui, env, &args),
        Command::Embedded(command) => embedded::run(ui, &command),
        Command::Schema => ui.print(&output::json(&butler_api::config::json_schema())?),
        Command::Completion(args) => generated::print_completion(ui, &command(), args.shell),
        Command::Version(args) => ui.answer(&Version::of("butleradm"), args.output),
    }
}
