//! Runs a binary in an empty home and shows everything it printed.

use std::path::Path;

use assert_cmd::Command;
use tempfile::TempDir;

/// A home of its own for each test.
pub(crate) struct Home(TempDir);

impl Home {
    /// A home in which nothing is yet.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// The folder that stands for the home.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary with nothing in its environment but this home.
    pub(crate) fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("HOME", self.path())
            .env("BUTLER_HOME", self.path().join("butler"));
        command.current_dir(self.path());
        command
    }

    /// Exit code, stdout and stderr of a run, with the home's path replaced.
    pub(crate) fn run(&self, binary: &Path, arguments: &[&str]) -> String {
        self.show(self.command(binary).args(arguments))
    }

    /// The same for a prepared command.
    pub(crate) fn show(&self, command: &mut Command) -> String {
        let output = command.output().expect("the binary starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&self.path().display().to_string(), "$HOME");
        format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            output
                .status
                .code()
                .map_or("by signal".to_owned(), |code| code.to_string()),
            text(&output.stdout),
            text(&output.stderr)
        )
    }

    /// Whether nothing was written.
    pub(crate) fn is_untouched(&self) -> bool {
        std::fs::read_dir(self.path())
            .expect("the home folder")
            .next()
            .is_none()
    }
}
