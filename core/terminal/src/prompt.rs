//! Questions to whoever sits before the terminal. Every answer has a flag, which the question names; without a terminal nobody
//! is asked.

use std::fmt;
use std::io::{self, IsTerminal as _};

use crossterm::terminal;
use inquire::ui::RenderConfig;
use inquire::validator::Validation;
use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};
use secrecy::SecretString;

use crate::{Exit, Failure, Ui, text};

/// Somebody who can be asked.
#[derive(Clone)]
pub struct Prompt {
    color: bool,
}

/// What is asked, and the flag that would have answered it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The question.
    pub words: &'a str,
    /// The flag.
    pub flag: &'a str,
}

/// Something to choose: what is shown, and what it stands for.
struct Choice<T> {
    shown: String,
    value: T,
}

impl<T> fmt::Display for Choice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl Prompt {
    /// Whoever sits before the terminal; nobody where standard input or standard error is none.
    pub fn new(ui: &Ui) -> Option<Self> {
        (io::stdin().is_terminal() && ui.is_shown()).then(|| Self { color: ui.has_color() })
    }

    fn looks(&self) -> RenderConfig<'static> {
        if self.color {
            RenderConfig::default_colored()
        } else {
            RenderConfig::empty()
        }
    }

    /// Asks for a text that `read` can make something of. Enter alone takes the usual answer, where there is one.
    pub fn text<T>(
        &self,
        question: Question<'_>,
        usual: Option<&str>,
        read: impl Fn(&str) -> Result<T, String> + Clone + 'static,
    ) -> Result<T, Failure> {
        let words = question.to_string();
        let check = read.clone();
        let mut asked = Text::new(&words)
            .with_render_config(self.looks())
            .with_validator(move |typed: &str| {
                Ok(match check(typed.trim()) {
                    Ok(_) => Validation::Valid,
                    Err(reason) => Validation::Invalid(text::sanitise_line(&reason).into()),
                })
            });
        if let Some(usual) = usual {
            asked = asked.with_default(usual);
        }
        let typed = asked.prompt().map_err(unanswered)?;
        read(typed.trim()).map_err(|reason| Failure::new(Exit::Usage, reason))
    }

    /// Asks for a line, whatever it says. None where somebody presses escape, and at the end of the input.
    pub fn line(&self, words: &str) -> Result<Option<String>, Failure> {
        let words = text::sanitise_line(words);
        let asked = Text::new(&words).with_render_config(self.looks());
        match asked.prompt() {
            Ok(typed) => Ok(Some(typed)),
            Err(InquireError::OperationCanceled | InquireError::IO(_)) => Ok(None),
            Err(error) => Err(unanswered(error)),
        }
    }

    /// Lets somebody choose. Enter alone takes the usual answer.
    pub fn choose<T>(&self, question: Question<'_>, choices: Vec<(String, T)>, usual: usize) -> Result<T, Failure> {
        let choices = choices.into_iter().map(|(shown, value)| Choice {
            shown: text::sanitise_line(&shown),
            value,
        });
        let words = question.to_string();
        let chosen = Select::new(&words, choices.collect())
            .with_render_config(self.looks())
            .with_starting_cursor(usual)
            .prompt();
        Ok(chosen.map_err(unanswered)?.value)
    }

    /// Asks for what nobody may see.
    pub fn password(&self, question: Question<'_>) -> Result<SecretString, Failure> {
        let words = question.to_string();
        let asked = Password::new(&words)
            .with_render_config(self.looks())
            .without_confirmation()
            .with_display_mode(PasswordDisplayMode::Hidden);
        asked.prompt().map(SecretString::from).map_err(unanswered)
    }

    /// Asks whether to go on.
    pub fn confirm(&self, question: Question<'_>, usual: bool) -> Result<bool, Failure> {
        let words = question.to_string();
        let asked = Confirm::new(&words)
            .with_render_config(self.looks())
            .with_default(usual);
        asked.prompt().map_err(unanswered)
    }
}

impl fmt::Display for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", text::sanitise_line(self.words), self.flag)
    }
}

/// The terminal as it was before a question that nobody answers any more.
pub fn restore() {
    if terminal::is_raw_mode_enabled().unwrap_or(false) {
        // What cannot be restored cannot be told either.
        let _ = terminal::disable_raw_mode();
    }
}

/// Why there is no answer. Who leaves a question has changed nothing.
fn unanswered(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::new(Exit::Interrupted, "interrupted; nothing was changed")
        }
        error => Failure::from_error(Exit::Failed, &error).while_doing("cannot ask on this terminal"),
    }
}

/// Asks for a line that is not shown, without any editor. What is typed is hidden before the question is seen: whoever answers at
/// once, such as a script, is not shown either.
pub fn hidden(words: &str) -> io::Result<SecretString> {
    terminal::enable_raw_mode()?;
    let typed = rpassword::prompt_password(text::sanitise_line(words) + " ");
    restore();
    typed.map(SecretString::from)
}
