//! The command line of `butlerctl` from outside: what is printed where, and the exit codes.

mod common;

use std::path::Path;

use common::Home;

const BUTLERCTL: &str = env!("CARGO_BIN_EXE_butlerctl");

fn run(arguments: &[&str]) -> String {
    let home = Home::new();
    let shown = home.run(Path::new(BUTLERCTL), arguments);
    assert!(home.is_untouched(), "{arguments:?} wrote to the home folder");
    shown
}

#[test]
fn every_variable_of_the_command_line_follows_one_rule() {
    fn variables(command: &clap::Command, found: &mut Vec<std::ffi::OsString>) {
        found.extend(
            command
                .get_arguments()
                .filter_map(|arg| arg.get_env())
                .map(ToOwned::to_owned),
        );
        command.get_subcommands().for_each(|sub| variables(sub, found));
    }
    let mut found = Vec::new();
    variables(&butlerctl::cli::command(), &mut found);
    assert!(found.len() >= 2, "{found:?}");
    let home = Home::new();
    let unset = home.run(Path::new(BUTLERCTL), &["version"]);
    for name in found {
        let mut command = home.command(Path::new(BUTLERCTL));
        assert_eq!(home.show(command.arg("version").env(&name, "")), unset, "{name:?}");
    }
}

#[test]
fn help_is_an_answer() {
    insta::assert_snapshot!(run(&["--help"]), @r"
    exit 0
    --- stdout
    Works with Butler clusters and addons

    Usage: butlerctl [OPTIONS] <COMMAND>

    Commands:
      access      Show and change who may do what in a team
      addon       Work with addons of tenant clusters [alias: addons]
      cluster     Work with tenant clusters [alias: clusters]
      completion  Print a completion script for a shell
      context     Choose the server and the team that commands use
      credential  Print the credentials of the login, for kubectl
      env         Show the environments of a team [aliases: environment, envs]
      image       Work with system images and their way to a platform [alias: images]
      kubeconfig  Let kubectl use the login, by a kubeconfig without secrets
      login       Log in to a Butler server
      logout      Forget the login on a server
      template    Show what workspaces can be made of [alias: templates]
      tui         Show clusters, addons and teams on the whole terminal, as they change
      version     Print the version, and what new clusters run by default
      whoami      Show who is logged in, where, and until when
      workspace   Work with workspaces: development pods in tenant clusters [aliases: workspaces, ws]
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
          --color <WHEN>  When to use colour: auto, always or never [env: BUTLER_COLOR] [default: auto]
      -q, --quiet         Print the answer, warnings and errors only
      -v, --verbose...    Print diagnostics to stderr (-vv: more)

    Exit codes: 0 done; 1 failed; 2 wrong usage or configuration, nothing was touched; 3 a deadline
    passed, the work can go on; 4 a login is needed; 130 interrupted.

    Environment: BUTLER_HOME is the folder of everything that is written; BUTLER_LOG filters
    diagnostics, for example debug; NO_COLOR turns colour off.
    --- stderr
    ");
}

#[test]
fn version_tells_the_defaults() {
    insta::assert_snapshot!(run(&["version"]), @r"
    exit 0
    --- stdout
    butlerctl:           0.1.0
    default Talos:       v1.12.1
    default Kubernetes:  v1.35.4
    --- stderr
    ");
    insta::assert_snapshot!(run(&["version", "-o", "json"]), @r#"
    exit 0
    --- stdout
    {
      "name": "butlerctl",
      "version": "0.1.0",
      "defaultTalos": "v1.12.1",
      "defaultKubernetes": "v1.35.4"
    }
    --- stderr
    "#);
    insta::assert_snapshot!(run(&["version", "-o", "yaml"]), @r#"
    exit 0
    --- stdout
    name: butlerctl
    version: "0.1.0"
    defaultTalos: v1.12.1
    defaultKubernetes: v1.35.4
    --- stderr
    "#);
    insta::assert_snapshot!(run(&["version", "-o", "name"]), @r"
    exit 0
    --- stdout
    0.1.0
    --- stderr
    ");
    insta::assert_snapshot!(run(&["--version"]), @r"
    exit 0
    --- stdout
    butlerctl 0.1.0
    --- stderr
    ");
}

#[test]
fn completion_is_a_script_on_stdout() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let shown = run(&["completion", shell]);
        assert!(
            shown.starts_with("exit 0\n") && shown.ends_with("--- stderr\n"),
            "{shown}"
        );
        assert!(shown.contains("butlerctl"), "{shown}");
    }
}

#[test]
fn wrong_usage_is_exit_2_on_stderr() {
    insta::assert_snapshot!(run(&["completion", "tcsh"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["verison"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: unrecognized subcommand 'verison'

      tip: a similar subcommand exists: 'version'

    Usage: butlerctl [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(run(&["version", "-q", "-v"]), @r"
    exit 2
    --- stdout
    --- stderr
    error: the argument '--quiet' cannot be used with '--verbose...'

    Usage: butlerctl version --quiet

    For more information, try '--help'.
    ");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::new();
    let mut child = std::process::Command::new(BUTLERCTL)
        .args(["completion", "bash"])
        .env("BUTLER_HOME", home.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
        (Some(0), "")
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let home = Home::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = std::process::Command::new(BUTLERCTL)
        .arg("version")
        .env("BUTLER_HOME", home.path())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r"
    error: cannot write to standard output
    Caused by:
      No space left on device (os error 28)
    ");
}
