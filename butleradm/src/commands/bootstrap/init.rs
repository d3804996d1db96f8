//! `butleradm bootstrap init`: the questions of the wizard one by one, for terminals that can do no more and for scripts.

use std::path::PathBuf;

use butler_files::home::{self, Home};
use butler_terminal::{Env, Failure, Ui, env};

use crate::{
    failure,
    wizard::{self, Asker, Begin},
};

/// Options of `bootstrap init`.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// Platform of the new cluster; asked for otherwise
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Begin with the answers of this configuration
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Answer a question: the path of a setting in the configuration, and its value
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Write the configuration to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, requires = "output_file")]
    pub force: bool,
    /// Ask nothing: take what is usual where nothing is said
    #[arg(short, long)]
    pub yes: bool,
    /// Ask in plain lines, as for screen readers
    #[arg(long)]
    pub accessible: bool,
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &InitArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    // Before anybody answers a hundred questions.
    if let Some(file) = args.output_file.as_deref().filter(|_| !args.force) {
        let place = home::expand(file).map_err(|e| failure::home(&e))?;
        if place.exists() {
            return Err(wizard::taken(file));
        }
    }
    let begin = Begin {
        provider: args.provider.as_deref(),
        config: args.config.as_deref(),
        set: &args.set,
    };
    let asker = if args.yes {
        None
    } else {
        Asker::new(ui, env, args.accessible)
    };
    let session = wizard::answered(ui, env, &home, begin, asker)?;
    match &args.output_file {
        Some(file) => {
            wizard::save(&session, file, args.force)?;
            ui.hint(&format!("butleradm bootstrap --config {}", file.display()));
        }
        None => ui.print(session.text())?,
    }
    wizard::tell_secrets(ui, &session);
    Ok(())
}
