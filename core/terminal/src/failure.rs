//! How a command fails: a message, the chain of causes, hints and an exit code.

use std::{error::Error, path::PathBuf, process::ExitCode};

use butler_api::descriptors;

use crate::{
    style::{Line, Tone},
    text,
};

/// Exit codes. Scripts rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for is done.
    Done = 0,
    /// It was tried and did not succeed.
    Failed = 1,
    /// Wrong usage or configuration; nothing was touched.
    Usage = 2,
    /// A deadline passed; the work can go on.
    Deadline = 3,
    /// A login is needed.
    LoginNeeded = 4,
    /// The user stopped it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    remarks: Vec<Remark>,
    exit: Exit,
}

/// One thing that is to be known, for readers who show each of them by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remark {
    /// What it is about, if that is not said by the message.
    pub title: Option<String>,
    /// What is to be known.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The place in a file that has to be changed.
    pub place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1; 0 where only the file is known.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Failure {
    /// A failure with its own message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            remarks: Vec::new(),
            exit,
        }
    }

    /// A failure made of an error and its sources. That no file descriptor was free is said in place of what it led to.
    pub fn from_error(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        let mut failure = Self::new(exit, error.to_string());
        if let Some(exhausted) = descriptors::exhausted(error) {
            return failure.cause(exhausted.to_string()).hint(descriptors::HINT);
        }
        let mut source = error.source();
        while let Some(error) = source {
            failure.push_cause(error.to_string());
            source = error.source();
        }
        failure
    }

    /// Says what was being done; the message so far becomes the first cause.
    #[must_use]
    pub fn while_doing(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }

    /// Adds a cause below the ones there are.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.push_cause(cause.into());
        self
    }

    /// Adds a command, flag or setting to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
        self
    }

    /// Adds one of several things that make up the failure. People read of it in message and causes.
    #[must_use]
    pub fn remark(mut self, remark: Remark) -> Self {
        self.remarks.push(remark);
        self
    }

    /// What makes up the failure, one by one; the failure as a whole where that is not known.
    pub fn remarks(&self) -> Vec<Remark> {
        if !self.remarks.is_empty() {
            return self.remarks.clone();
        }
        let text = std::iter::once(&self.message).chain(&self.causes);
        vec![Remark {
            title: None,
            message: text.map(|text| text.trim_end()).collect::<Vec<_>>().join("\n"),
            hint: (!self.hints.is_empty()).then(|| self.hints.join("\n")),
            place: None,
        }]
    }

    /// The code that the process ends with.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The message without causes and hints.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The lines people see.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = labelled(Tone::Bad, "error", &self.message);
        if !self.causes.is_empty() {
            lines.push(Line::new().with(Tone::Strong, "Caused by:"));
        }
        for cause in &self.causes {
            lines.extend(
                text::sanitise(cause.trim_end())
                    .lines()
                    .map(|l| Line::new().with(Tone::Plain, &format!("  {l}"))),
            );
        }
        for hint in &self.hints {
            lines.extend(labelled(Tone::Hint, "hint", hint));
        }
        lines
    }

    /// Libraries often repeat a source in the message above it; people need it once.
    fn push_cause(&mut self, cause: String) {
        let above = self.causes.last().unwrap_or(&self.message);
        if !cause.is_empty() && !above.contains(&cause) {
            self.causes.push(cause);
        }
    }
}

/// `label: text`, further lines as they are.
pub(crate) fn labelled(tone: Tone, label: &str, text: &str) -> Vec<Line> {
    let text = text::sanitise(text.trim_end());
    let mut lines = text.split('\n');
    let first = Line::new()
        .with(tone, label)
        .with(Tone::Strong, ":")
        .with(Tone::Plain, &format!(" {}", lines.next().unwrap_or("")));
    std::iter::once(first)
        .chain(lines.map(|l| Line::new().with(Tone::Plain, l)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Outer<E: Error + 'static> {
        text: &'static str,
        source: E,
    }

    fn shown(failure: &Failure) -> String {
        failure.lines().iter().map(|l| l.render(false) + "\n").collect()
    }

    #[test]
    fn message_chain_and_hints_are_shown_in_this_order() {
        let error = Outer {
            text: "cannot reach demo-cp-0",
            source: io::Error::other("connection refused"),
        };
        let failure = Failure::from_error(Exit::Failed, &error)
            .while_doing("bootstrap of demo failed")
            .hint("run the same command again to resume")
            .hint("run the same command again to resume");
        insta::assert_snapshot!(shown(&failure), @r"
        error: bootstrap of demo failed
        Caused by:
          cannot reach demo-cp-0
          connection refused
        hint: run the same command again to resume
        ");
    }

    #[test]
    fn a_source_repeated_by_its_parent_is_shown_once() {
        let error = Outer {
            text: "cannot read x: denied",
            source: io::Error::other("denied"),
        };
        assert_eq!(
            shown(&Failure::from_error(Exit::Failed, &error)),
            "error: cannot read x: denied\n"
        );
    }

    #[test]
    fn out_of_descriptors_is_said_in_words_with_what_to_do() {
        let error = Outer {
            text: "cannot connect",
            source: io::Error::from_raw_os_error(24),
        };
        insta::assert_snapshot!(shown(&Failure::from_error(Exit::Failed, &error)), @r"
        error: cannot connect
        Caused by:
          this process has no free file descriptors
        hint: allow more open files and run the same command again: ulimit -n 4096
        ");
    }

    #[test]
    fn text_of_others_cannot_command_the_terminal() {
        let failure = Failure::new(Exit::Usage, "a\x1b]0;x\x07\nb").cause("c\x1b[2J");
        assert_eq!(
            shown(&failure),
            "error: a\u{fffd}]0;x\u{fffd}\nb\nCaused by:\n  c\u{fffd}[2J\n"
        );
    }
}
