//! What each command does.

use butler_terminal::{Failure, Ui, generated, version::ToolVersion};

use crate::cli::{Command, command};

/// Runs a command.
pub(crate) fn run(ui: &Ui, chosen: &Command) -> Result<(), Failure> {
    match chosen {
        Command::Completion(args) => generated::print_completion(ui, &command(), args.shell),
        Command::Version(args) => ui.answer(&ToolVersion::of("butlerctl"), args.output),
    }
}
