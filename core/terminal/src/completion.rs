//! Completion in shells: a script that calls this program back, and the answers to it.
//!
//! What a value stands for is said by its name in the help (`<CLUSTER>`), and that name chooses who completes it. A shell waits
//! for the answer while a person types: whoever takes too long is not waited for, and what fails says nothing.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{EnvCompleter, Shells};

use crate::Env;

/// The variable by which a script asks; it names the shell.
pub const COMPLETE: &str = "COMPLETE";

/// How long values may take to be found. With what a start and an end take, a person waits for less than 300 ms.
const PATIENCE: Duration = Duration::from_millis(230);

/// What has been typed so far, without the name of the program.
#[derive(Debug, Clone, Default)]
pub struct Words(Vec<String>);

/// Finds values of a kind: the name that a value has in the help, and what has been typed. Nothing where the kind is none of
/// its own.
pub type Values = fn(kind: &str, words: &Words) -> Option<Vec<String>>;

impl Words {
    /// The words of a command line.
    pub fn new(words: impl IntoIterator<Item = OsString>) -> Self {
        Self(
            words
                .into_iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
        )
    }

    /// The value of the first of these options that was typed.
    pub fn option(&self, names: &[&str]) -> Option<&str> {
        let mut words = self.0.iter();
        while let Some(word) = words.next() {
            for name in names {
                if word == name {
                    return words.next().map(String::as_str).filter(|value| !value.is_empty());
                }
                let joined = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
                if joined.is_some_and(|value| !value.is_empty()) && name.starts_with("--") {
                    return joined;
                }
            }
        }
        None
    }

    /// Whether a word was typed.
    pub fn has(&self, word: &str) -> bool {
        self.0.iter().any(|typed| typed == word)
    }
}

/// The script of a shell, which calls the program back.
pub fn script(command: &Command, shell: Shell) -> std::io::Result<String> {
    let name = command.get_name();
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(&shell.to_string());
    let completer = completer.ok_or_else(|| std::io::Error::other(format!("there is no completion for {shell}")))?;
    completer.write_registration(COMPLETE, name, name, name, &mut script)?;
    String::from_utf8(script).map_err(std::io::Error::other)
}

/// Answers a script that calls back; nothing where this is an ordinary call.
pub fn answer(environment: &Env, factory: fn() -> Command, values: Values) -> Option<ExitCode> {
    let shell = environment.text(COMPLETE)?;
    let shells = Shells::builtins();
    let completer = shells.completer(shell)?;
    // A shell that asks can do nothing with an error, and a person who types would see it on the line.
    let answered = respond(completer, std::env::args_os().collect(), factory, values);
    Some(answered.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS))
}

fn respond(
    completer: &dyn EnvCompleter,
    arguments: Vec<OsString>,
    factory: fn() -> Command,
    values: Values,
) -> std::io::Result<()> {
    let words = arguments.iter().skip_while(|word| *word != "--").skip(2);
    let words = &Arc::new(Words::new(words.cloned()));
    let mut command = with_values(factory(), values, words);
    command.build();
    let typed: Vec<OsString> = arguments.into_iter().skip_while(|word| word != "--").skip(1).collect();
    let mut answer = Vec::new();
    if typed.is_empty() {
        let name = command.get_name().to_owned();
        completer.write_registration(COMPLETE, &name, &name, &name, &mut answer)?;
    } else {
        let here = std::env::current_dir().ok();
        completer.write_complete(&mut command, typed, here.as_deref(), &mut answer)?;
    }
    let mut out = std::io::stdout();
    out.write_all(&answer)?;
    out.flush()
}

/// The same command whose values are completed by their names.
fn with_values(command: Command, values: Values, words: &Arc<Words>) -> Command {
    let command = command.mut_args(|arg| with_value(arg, values, words));
    command.mut_subcommands(|command| with_values(command, values, words))
}

fn with_value(arg: Arg, values: Values, words: &Arc<Words>) -> Arg {
    let Some([kind]) = arg.get_value_names() else {
        return arg;
    };
    let (kind, words) = (kind.to_string(), Arc::clone(words));
    if !KINDS.contains(&kind.as_str()) {
        return arg;
    }
    arg.add(ArgValueCompleter::new(move |current: &OsStr| {
        let Some(current) = current.to_str() else {
            return Vec::new();
        };
        let found = in_time(&kind, &words, values).into_iter();
        let fitting = found.filter(|value| value.starts_with(current));
        fitting.map(CompletionCandidate::new).collect::<Vec<_>>()
    }))
}

/// The names of values that somebody may complete.
pub const KINDS: &[&str] = &[
    "ADDON",
    "CLUSTER",
    "CONTEXT",
    "ENVIRONMENT",
    "MACHINE",
    "NAMESPACE",
    "PROVIDER",
    "TEAM",
    "URL",
    "USER",
    "VERSION",
];

/// Values that are found in time; the thread that is too late ends with the process.
fn in_time(kind: &str, words: &Arc<Words>, values: Values) -> Vec<String> {
    let (sender, receiver) = mpsc::channel();
    let (kind, words) = (kind.to_owned(), Arc::clone(words));
    let started = std::thread::Builder::new().spawn(move || {
        // Nobody listens any more when it was too late.
        let _ = sender.send(values(&kind, &words).into_iter().flatten().collect::<Vec<_>>());
    });
    match started {
        Ok(_) => receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| Vec::new()),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Words {
        Words::new(line.split(' ').map(OsString::from))
    }

    #[test]
    fn options_are_found_however_they_are_written() {
        let typed = words("cluster get --namespace=a -n b --team c x");
        assert_eq!(typed.option(&["--namespace", "-n"]), Some("a"));
        assert_eq!(typed.option(&["-n"]), Some("b"));
        assert_eq!(typed.option(&["--team"]), Some("c"));
        assert_eq!(typed.option(&["--context"]), None);
        assert!(typed.has("cluster") && !typed.has("clust"));
    }

    #[test]
    fn who_takes_too_long_is_not_waited_for() {
        fn never(_: &str, _: &Words) -> Option<Vec<String>> {
            std::thread::park();
            None
        }
        assert!(in_time("CLUSTER", &Arc::new(Words::default()), never).is_empty());
    }

    #[test]
    fn every_shell_has_a_script_that_calls_back() {
        use clap::ValueEnum as _;
        for shell in Shell::value_variants() {
            let script = script(&Command::new("butlerctl"), *shell).unwrap();
            assert!(script.contains("COMPLETE") && script.contains("butlerctl"), "{shell}");
        }
    }
}
