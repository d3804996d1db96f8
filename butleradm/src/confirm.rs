//! Questions before something is deleted: the name has to be typed, unless that was said on the command line.

use std::io::{self, IsTerminal as _, Write as _};

use butler_terminal::{Exit, Failure, Ui};

/// Whether the user means it.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct ConfirmArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

impl ConfirmArgs {
    /// Asks for the name of what is deleted, unless nobody is to be asked.
    pub(crate) fn ask(self, ui: &Ui, what: &str, name: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let doing = format!("deleting {what} {name}");
        asked(ui, &doing, &format!("Type the name of the {what} to delete it"), name)
    }

    /// Asks for the name of the environment that clusters are moved to, unless nobody is to be asked.
    pub(crate) fn ask_moving(self, ui: &Ui, count: usize, environment: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        let doing = format!("moving {count} clusters to environment {environment}");
        asked(
            ui,
            &doing,
            "Type the name of the environment to move them there",
            environment,
        )
    }
}

/// Asks a person; where there is none, what was to be asked has to be said on the command line.
fn asked(ui: &Ui, doing: &str, question: &str, name: &str) -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return typed(ui, question, name);
    }
    Err(Failure::new(Exit::Usage, format!("{doing} has to be confirmed")).hint("add --yes"))
}

/// Has a name typed by a person.
pub(crate) fn typed(ui: &Ui, question: &str, name: &str) -> Result<(), Failure> {
    ui.note(&format!("{question} ({name}):"));
    let mut typed = String::new();
    let read = io::stderr().flush().and_then(|()| io::stdin().read_line(&mut typed));
    read.map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot read the answer"))?;
    if typed.trim() == name {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        format!("that is not {name}; nothing was changed"),
    ))
}
