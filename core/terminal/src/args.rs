//! Options every command has, and what happens before a command runs.

use std::{ffi::OsString, process::ExitCode};

use clap::{
    ArgAction, Command, Parser,
    builder::{Resettable, styling},
};

use crate::{ColorChoice, Env, Exit, Failure, Format, Ui, UiOptions, ci::Choice, env, logging};

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

/// The CI system that a command writes for.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct CiArgs {
    /// Write sections, annotations and a summary for a CI system: auto, github, gitlab or none
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "SYSTEM",
        env = env::BUTLER_CI,
        hide_env_values = true,
        default_value = "auto"
    )]
    pub ci: Choice,
}

/// The shell of a completion script.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct CompletionArgs {
    /// The shell to write for
    pub shell: clap_complete::Shell,
}

/// Ends the help of both tools.
pub const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 failed; 2 wrong usage or configuration, nothing was touched; \
3 a deadline passed, the work can go on; 4 a login is needed; 130 interrupted.

Environment: BUTLER_HOME is the folder of everything that is written; BUTLER_LOG filters \
diagnostics, for example debug; NO_COLOR turns colour off.";

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
    let parsed = match parse::<P>(arguments, environment) {
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

/// Parses a command line, with variables of the environment by one rule.
fn parse<P: Parser>(arguments: impl IntoIterator<Item = OsString>, environment: &Env) -> Result<P, clap::Error> {
    let mut command = by_one_rule(P::command(), environment);
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    P::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// The same command in which an empty variable is an unset one, and a switch takes the usual words in any case.
pub fn by_one_rule(command: Command, environment: &Env) -> Command {
    let command = command.mut_args(|arg| {
        if arg.get_env().is_none() {
            return arg;
        }
        let arg = match arg.get_action() {
            ArgAction::SetTrue | ArgAction::SetFalse => arg.value_parser(on_or_off),
            _ => arg,
        };
        match arg.get_env() {
            Some(name) if environment.is_blank(name) => arg.env(Resettable::Reset),
            _ => arg,
        }
    });
    command.mut_subcommands(|command| by_one_rule(command, environment))
}

fn on_or_off(text: &str) -> Result<bool, &'static str> {
    env::switch(text).ok_or("write 1, true, yes or on; or 0, false, no or off")
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
