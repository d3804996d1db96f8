//! Options every command has, and what happens before a command runs.

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgAction, Parser, builder::styling};

use crate::{ColorChoice, Env, Exit, Failure, Format, Ui, UiOptions, env, logging};

/// Options of every command.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// When to use colour: auto, always or never
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        value_name = "WHEN",
        env = env::BUTLER_COLOR,
        hide_env_values = true,
        default_value = "auto"
    )]
    pub color: ColorChoice,
    /// Print the answer, warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print diagnostics to stderr (-vv: more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

impl From<GlobalArgs> for UiOptions {
    fn from(args: GlobalArgs) -> Self {
        Self {
            color: args.color,
            quiet: args.quiet,
            verbose: args.verbose,
        }
    }
}

/// The format of a command's answer.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct OutputArgs {
    /// Format of the answer on stdout: table, wide, json, yaml or name
    #[arg(
        short,
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        env = env::BUTLER_OUTPUT,
        hide_env_values = true,
        default_value = "table"
    )]
    pub output: Format,
}

/// The shell of a completion script.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct CompletionArgs {
    /// The shell to write for
    pub shell: clap_complete::Shell,
}

/// Ends the long help of both tools.
pub const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage or configuration, nothing was touched; \
3 a deadline passed, the work can go on; 4 a login is needed; 130 interrupted.";

/// The look of help pages.
pub const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default())
    .error(styling::AnsiColor::Red.on_default().bold());

/// Parses a command line, runs it, tells why it failed, and gives the exit code.
pub fn run<P: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    environment: &Env,
    global: impl FnOnce(&P) -> GlobalArgs,
    command: impl FnOnce(&Ui, P) -> Result<(), Failure>,
) -> ExitCode {
    let parsed = match P::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return unparsed(&Ui::from_process(UiOptions::default(), environment), &error),
    };
    let ui = Ui::from_process(global(&parsed).into(), environment);
    let result = logging::start(&ui, environment).and_then(|()| command(&ui, parsed));
    match result {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit().into()
        }
    }
}

/// Help and version are answers; anything else is a usage error.
fn unparsed(ui: &Ui, error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        ui.note_styled(&error.render());
        return Exit::Usage.into();
    }
    match ui.print_styled(&error.render()) {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            ui.failure(&failure);
            failure.exit().into()
        }
    }
}
