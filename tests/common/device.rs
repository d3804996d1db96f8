//! A login that waits for a person.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command, Output};

/// A device login, and the code that it shows.
pub(crate) struct Device {
    child: Child,
    stderr: BufReader<ChildStderr>,
    pub(crate) code: String,
}

impl Device {
    /// Starts a command whose output is piped, and waits for the code.
    pub(crate) fn begin(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut all) = (String::new(), String::new());
        while !line.starts_with("code:") {
            line.clear();
            assert_ne!(
                stderr.read_line(&mut line).unwrap(),
                0,
                "it ended without a code: {all}"
            );
            all.push_str(&line);
        }
        let code = line.trim_start_matches("code:").trim().to_owned();
        Self { child, stderr, code }
    }

    /// How it ended, with what it printed after the code.
    pub(crate) fn ended(mut self) -> Output {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.stderr.read_to_end(&mut stderr).unwrap();
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        let status = self.child.wait().unwrap();
        Output { status, stdout, stderr }
    }
}
