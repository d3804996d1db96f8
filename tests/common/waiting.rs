//! Commands that wait for something.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStderr, Command};

/// A command that waits, and has shown what it waits for.
pub(crate) struct Waiting {
    child: Child,
    stderr: BufReader<ChildStderr>,
    shown: String,
}

impl Waiting {
    /// Starts it, and reads until it has shown this.
    pub(crate) fn start(mut command: Command, words: &str) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let waiting = Self {
            child,
            stderr,
            shown: String::new(),
        };
        waiting.until(words)
    }

    /// The same when it has shown this as well.
    pub(crate) fn until(mut self, words: &str) -> Self {
        while !self.shown.contains(words) {
            let read = self.stderr.read_line(&mut self.shown).unwrap();
            assert_ne!(read, 0, "it ended before: {}", self.shown);
        }
        self
    }

    /// How it ended, and what it said at last.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        while self.stderr.read_line(&mut self.shown).unwrap() > 0 {}
        let code = self.child.wait().unwrap().code();
        let last = self.shown.lines().skip_while(|line| line.starts_with(char::is_numeric));
        (code, last.collect::<Vec<_>>().join("\n"))
    }
}
