//! The environment, read once; every variable the tools know is a constant here.

use std::ffi::{OsStr, OsString};

use butler_files::Environment;
pub use butler_files::environment::{BUTLER_CA_CERT_PATH, BUTLER_HOME, KIND_EXPERIMENTAL_PROVIDER};

/// Configuration file of `butleradm bootstrap`, as `--config`.
pub const BUTLER_CONFIG: &str = "BUTLER_CONFIG";
/// Limit for the whole command, as `--deadline`.
pub const BUTLER_DEADLINE: &str = "BUTLER_DEADLINE";
/// File of the event stream, as `--events`.
pub const BUTLER_EVENTS: &str = "BUTLER_EVENTS";
/// File with the passphrase of an exported cluster, as `--passphrase-file`.
pub const BUTLER_PASSPHRASE_FILE: &str = "BUTLER_PASSPHRASE_FILE";
/// Turns the live view off, as `--no-progress`.
pub const BUTLER_NO_PROGRESS: &str = "BUTLER_NO_PROGRESS";
/// Output format, as `-o`.
pub const BUTLER_OUTPUT: &str = "BUTLER_OUTPUT";
/// When to use colour, as `--color`.
pub const BUTLER_COLOR: &str = "BUTLER_COLOR";
/// A switch: no colour (the name the Go tools know).
pub const BUTLER_NO_COLOR: &str = "BUTLER_NO_COLOR";
/// Log filter for diagnostics on stderr, for example `debug` or `butler_talos=trace`.
pub const BUTLER_LOG: &str = "BUTLER_LOG";
/// Not empty: no colour (<https://no-color.org>).
pub const NO_COLOR: &str = "NO_COLOR";
/// Set by CI systems: no live view.
pub const CI: &str = "CI";
/// The CI system to write for, as `--ci`.
pub const BUTLER_CI: &str = "BUTLER_CI";
/// Where the record lives until the pivot, as `--bootstrap-cluster`.
pub const BUTLER_BOOTSTRAP_CLUSTER: &str = "BUTLER_BOOTSTRAP_CLUSTER";
/// Set in jobs of GitHub Actions.
pub const GITHUB_ACTIONS: &str = "GITHUB_ACTIONS";
/// Folder that a job of GitHub Actions checks its repository out to.
pub const GITHUB_WORKSPACE: &str = "GITHUB_WORKSPACE";
/// File that a step of GitHub Actions appends its summary to.
pub const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// Set in jobs of GitLab CI.
pub const GITLAB_CI: &str = "GITLAB_CI";
/// A switch: only ASCII characters are drawn, or all of them, whatever the locale says.
pub const BUTLER_ASCII: &str = "BUTLER_ASCII";
/// A switch, shared by many programs: everything line by line, for screen readers.
pub const ACCESSIBLE: &str = "ACCESSIBLE";
/// Width of the terminal, where it cannot be asked.
pub const COLUMNS: &str = "COLUMNS";
/// Kind of terminal; `dumb` means neither colour nor live view.
pub const TERM: &str = "TERM";
/// The user's home folder.
pub const HOME: &str = "HOME";

/// What a switch says: `1`, `true`, `yes`, `on` and `0`, `false`, `no`, `off`, in any case; none for every other text.
pub fn switch(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "true" | "yes" | "on" | "y" | "t" => Some(true),
        "0" | "false" | "no" | "off" | "n" | "f" => Some(false),
        _ => None,
    }
}

/// The environment of the process, as it was at the start, with what a terminal reads from it.
#[derive(Debug, Clone, Default)]
pub struct Env(Environment);

impl Env {
    /// Reads the environment of this process.
    pub fn from_process() -> Self {
        std::env::vars_os().collect()
    }

    /// All variables, for what has nothing to do with the terminal.
    pub fn variables(&self) -> &Environment {
        &self.0
    }

    /// A variable; empty counts as unset.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name)
    }

    /// Whether a variable is set to nothing, which counts as unset.
    pub fn is_blank(&self, name: &OsStr) -> bool {
        self.0.is_blank(name)
    }

    /// A variable that is text; empty and not UTF-8 count as unset.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.text(name)
    }

    /// Whether a switch is on: set, not empty, and not one of the words for "off".
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.to_str().and_then(switch) != Some(false))
    }

    /// Whether colour is unwanted or impossible.
    pub fn forbids_color(&self) -> bool {
        self.get(NO_COLOR).is_some() || self.is_on(BUTLER_NO_COLOR) || self.is_dumb()
    }

    /// Whether the terminal cannot move its cursor.
    pub fn is_dumb(&self) -> bool {
        self.text(TERM) == Some("dumb")
    }

    /// The width in [`COLUMNS`], if it is one.
    pub fn columns(&self) -> Option<usize> {
        self.text(COLUMNS)?.parse().ok().filter(|columns| *columns > 0)
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Env {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_know_the_usual_words_in_any_case() {
        for (words, on) in [
            (["1", "true", "YES", "On", "tRUE"], true),
            (["0", "false", "NO", "Off", "fALSE"], false),
        ] {
            for word in words {
                let env: Env = [("A", word)].into_iter().collect();
                assert_eq!((env.is_on("A"), switch(word)), (on, Some(on)), "{word}");
            }
        }
        // CI systems set their own name.
        let env: Env = [("CI", "some-system")].into_iter().collect();
        assert_eq!((env.is_on("CI"), env.is_on("UNSET")), (true, false));
    }

    #[test]
    fn colour_is_a_switch_under_our_name_and_any_text_under_the_common_one() {
        let forbids = |name: &str, value: &str| [(name, value)].into_iter().collect::<Env>().forbids_color();
        assert!(forbids("BUTLER_NO_COLOR", "yes") && !forbids("BUTLER_NO_COLOR", "0"));
        assert!(forbids("NO_COLOR", "0") && !forbids("NO_COLOR", ""));
    }

    #[test]
    fn debug_shows_no_value() {
        let env: Env = [("TOKEN", "hunter2")].into_iter().collect();
        assert_eq!(format!("{env:?}"), r#"Env({"TOKEN"})"#);
    }

    #[test]
    fn a_width_must_be_a_positive_number() {
        let width = |value: &str| [("COLUMNS", value)].into_iter().collect::<Env>().columns();
        assert_eq!((width("80"), width("0"), width("wide")), (Some(80), None, None));
    }
}
