//! The wizard line by line, and then the run as lines.

use std::{ffi::OsString, path::PathBuf};

use butler_files::home::Home;
use butler_terminal::{Env, Exit, Failure, Ui, env};
use clap::Parser as _;
use secrecy::ExposeSecret as _;

use super::TuiArgs;
use crate::{
    commands::bootstrap::{self, BootstrapArgs},
    failure,
    wizard::{self, Asker, Typed},
};

/// Asks everything, writes the configuration, and makes the cluster if that is wanted.
pub(super) fn wizard(ui: &Ui, env: &Env, args: &TuiArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let Some(mut asker) = Asker::new(ui, env, args.screen.accessible) else {
        return Err(Failure::new(Exit::Usage, "the wizard needs a terminal")
            .hint("without one: butleradm bootstrap init --provider NAME --set PATH=VALUE --output-file FILE"));
    };
    let session = wizard::answered(ui, env, &home, args.begin(), Some(asker.clone()))?;
    let file = session.file();
    let shown: Vec<String> = file.lines.iter().map(|line| format!("  {}", line.shown())).collect();
    asker.say(&[String::new(), "The configuration:".to_owned()]);
    asker.say(&shown);
    let usual = args.config.clone().unwrap_or_else(|| {
        let name = session.cluster().unwrap_or_else(|| "butler".to_owned());
        PathBuf::from(format!("{name}.yaml"))
    });
    let file = loop {
        let typed = asker.ask("write the configuration to", Some(&usual.display().to_string()))?;
        let Typed::Line(typed) = typed else {
            return Err(failure::interrupted());
        };
        let file = match typed.trim() {
            "" => usual.clone(),
            typed => PathBuf::from(typed),
        };
        match wizard::save(&session, &file, false) {
            Ok(()) => break file,
            Err(failure) => ui.failure(&failure),
        }
    };
    let command = format!("butleradm bootstrap --config {}", file.display());
    if !asker.agrees(&format!("make the cluster now, as {command} does"), true)? {
        wizard::tell_secrets(ui, &session);
        return Ok(());
    }
    let secrets = session.secrets().iter();
    let secrets = secrets.map(|(name, value)| (OsString::from(name), OsString::from(value.expose_secret())));
    let env: Env = env.variables().all().chain(secrets).collect();
    let words = ["bootstrap", "--no-progress", "--config"].map(OsString::from);
    let parsed = CommandLine::try_parse_from(words.into_iter().chain([file.into_os_string()]));
    let CommandLine { args } =
        parsed.map_err(|_| Failure::new(Exit::Failed, "the bootstrap cannot be started from here").hint(command))?;
    bootstrap::run(ui, &env, &args)
}

/// The command as somebody would type it.
#[derive(Debug, clap::Parser)]
struct CommandLine {
    #[command(flatten)]
    args: BootstrapArgs,
}
