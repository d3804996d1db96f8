//! Whoever is asked line by line: with a line editor where the terminal has one, else in plain lines.

use std::io::{self, IsTerminal as _, Write as _};

use butler_terminal::{
    Env, Exit, Failure, Ui, env,
    prompt::{self, Prompt},
    style::{Line, Tone},
    text,
};
use secrecy::SecretString;

/// Somebody at a terminal.
#[derive(Clone)]
pub(crate) struct Asker {
    ui: Ui,
    /// None where lines are read as they come: nothing is drawn twice then.
    editor: Option<Prompt>,
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A line, perhaps an empty one.
    Line(String),
    /// Back to the question before.
    Back,
    /// No more will come.
    End,
}

impl Asker {
    /// Whoever sits at the terminal; nobody where there is none.
    pub(crate) fn new(ui: &Ui, env: &Env, accessible: bool) -> Option<Self> {
        let plain = accessible || env.is_on(env::ACCESSIBLE) || env.is_dumb();
        let editor = Prompt::new(ui).filter(|_| !plain);
        let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
        (editor.is_some() || plain && is_there).then(|| Self { ui: ui.clone(), editor })
    }

    /// Prints lines.
    pub(crate) fn say(&self, lines: &[String]) {
        for line in lines {
            print(&self.ui, line);
        }
    }

    /// Asks for a line.
    pub(crate) fn ask(&mut self, words: &str, usual: Option<&str>) -> Result<Typed, Failure> {
        let words = match usual {
            Some(usual) => format!("{words} [{usual}]:"),
            None => format!("{words}:"),
        };
        match &self.editor {
            Some(editor) => Ok(editor.line(&words)?.map_or(Typed::Back, Typed::Line)),
            None => self.read(&words),
        }
    }

    fn read(&mut self, words: &str) -> Result<Typed, Failure> {
        let failed = |e: io::Error| Failure::from_error(Exit::Failed, &e).while_doing("cannot read from this terminal");
        write!(self.ui, "{} ", text::sanitise_line(words)).map_err(failed)?;
        let mut line = String::new();
        match io::stdin().read_line(&mut line).map_err(failed)? {
            0 => Ok(Typed::End),
            _ => Ok(Typed::Line(line.trim_end_matches(['\n', '\r']).to_owned())),
        }
    }

    /// Asks for what is not shown; none at the end of the input.
    pub(super) fn hidden(words: &str) -> Result<Option<SecretString>, Failure> {
        match prompt::hidden(&format!("{words}:")) {
            Ok(typed) => Ok(Some(typed)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(Failure::from_error(Exit::Failed, &error).while_doing("cannot read from this terminal")),
        }
    }

    /// Asks whether to go on.
    pub(crate) fn agrees(&mut self, words: &str, usual: bool) -> Result<bool, Failure> {
        loop {
            let typed = self.ask(&format!("{words}, yes or no"), Some(if usual { "yes" } else { "no" }))?;
            let Typed::Line(typed) = typed else { return Ok(false) };
            match typed.trim() {
                "" => return Ok(usual),
                typed => match butler_terminal::env::switch(typed) {
                    Some(answer) => return Ok(answer),
                    None => self.say(&["  yes or no?".to_owned()]),
                },
            }
        }
    }
}

/// Prints a line although it is no warning: with `--quiet` too, for without it a question makes no sense.
pub(super) fn print(ui: &Ui, line: &str) {
    ui.lines(&[Line::new().with(Tone::Plain, &text::sanitise_line(line))]);
}
