//! Configuration, environment and files as people get them wrong: what is told, with which exit code, and that nothing hangs.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path};

use clap::{ArgAction, Command as Definition};

use crate::{BUTLERADM, common::Home};

const SINGLE: &str = "provider: inmemory
cluster: {name: demo, topology: single-node, controlPlane: {cpu: 2, memoryMB: 4096, diskGB: 40}}
network: {loadBalancerPool: {start: 127.64.253.10, end: 127.64.253.50}}
";

const STATIC: &str = "provider: static
cluster: {name: demo, topology: single-node, controlPlane: {replicas: 1}}
network: {loadBalancerPool: {start: 192.0.2.10, end: 192.0.2.50}}
bootstrapCluster: embedded
providerConfig: {static: {machines: [{address: '127.0.0.1:9', role: control-plane}]}}
";

/// A home with a configuration.
fn with(text: impl AsRef<[u8]>) -> Home {
    let home = Home::new();
    fs::write(home.path().join("demo.yaml"), text).expect("written");
    home
}

/// A dry run of it.
fn plan(home: &Home, variables: &[(&str, &str)]) -> String {
    let mut command = home.command(Path::new(BUTLERADM));
    command.args(["bootstrap", "--config", "demo.yaml", "--dry-run", "-o", "name"]);
    home.show(command.envs(variables.iter().copied()))
}

/// Every argument of every command that a variable can set, and whether it is a switch.
fn variables(command: &Definition, found: &mut BTreeMap<OsString, bool>) {
    for arg in command.get_arguments() {
        if let Some(name) = arg.get_env() {
            let switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse);
            found.insert(name.to_owned(), switch);
        }
    }
    command.get_subcommands().for_each(|sub| variables(sub, found));
}

#[test]
fn every_variable_of_the_command_line_follows_one_rule() {
    let mut found = BTreeMap::new();
    variables(&butleradm::cli::command(), &mut found);
    assert!(found.len() >= 6 && found.values().any(|switch| *switch), "{found:?}");
    let home = Home::new();
    let run = |name: &OsString, value: &str, arguments: &[&str]| {
        let mut command = home.command(Path::new(BUTLERADM));
        home.show(command.args(arguments).env(name, value))
    };
    let missing = ["bootstrap", "--config", "missing.yaml"];
    let unset = home.run(Path::new(BUTLERADM), &missing);
    for (name, switch) in &found {
        assert_eq!(run(name, "", &missing), unset, "{name:?}");
        if *switch {
            for word in ["1", "0", "true", "FALSE", "Yes", "nO", "on", "OFF"] {
                assert_eq!(run(name, word, &missing), unset, "{name:?}={word}");
            }
            let wrong = run(name, "maybe", &missing);
            assert!(
                wrong.starts_with("exit 2\n") && wrong.contains("write 1, true, yes or on"),
                "{wrong}"
            );
        }
    }
    let required = run(&"BUTLER_CONFIG".into(), "", &["bootstrap"]);
    assert!(required.contains("--config <FILE>"), "{required}");
}

#[test]
fn a_configuration_comes_from_a_file_or_a_pipe() {
    let home = Home::new();
    for file in ["-", "/dev/stdin"] {
        let mut command = home.command(Path::new(BUTLERADM));
        command.args(["bootstrap", "--config", file, "--dry-run", "-o", "name"]);
        let shown = home.show(command.write_stdin(format!("\u{feff}{SINGLE}")));
        assert!(shown.starts_with("exit 0\n"), "{file}: {shown}");
    }
    for (file, words) in [
        ("/dev/zero", "it is a device, not a file"),
        (".", "it is a folder, not a file"),
        ("nothing", "No such file"),
    ] {
        let shown = home.run(Path::new(BUTLERADM), &["bootstrap", "--config", file, "--dry-run"]);
        assert!(
            shown.starts_with("exit 2\n") && shown.contains(words),
            "{file}: {shown}"
        );
    }
    let mut command = home.command(Path::new(BUTLERADM));
    command
        .args(["bootstrap", "--config", "-"])
        .write_stdin(vec![b'#'; 5 << 20]);
    let shown = home.show(&mut command);
    assert!(
        shown.starts_with("exit 2\n") && shown.contains("it is larger than 4 MiB"),
        "{shown}"
    );
}

#[test]
fn text_that_is_no_utf_8_is_told_with_its_place() {
    let wide: Vec<u8> = SINGLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let shown = plan(&with(wide), &[]);
    assert!(
        shown.starts_with("exit 2\n") && shown.contains("UTF-16") && shown.contains("save it as UTF-8"),
        "{shown}"
    );
    let mut bytes = SINGLE.as_bytes().to_vec();
    bytes.extend_from_slice("addons: # ü".as_bytes());
    bytes.push(0xfc);
    let shown = plan(&with(bytes), &[]);
    assert!(
        shown.starts_with("exit 2\n") && shown.contains("demo.yaml:4:12"),
        "{shown}"
    );
}

#[test]
fn home_folders_are_expanded_or_refused_with_one_exit_code() {
    let home = with(SINGLE);
    for (variables, words) in [
        (
            &[("BUTLER_HOME", ""), ("HOME", "relative")][..],
            "is not an absolute path",
        ),
        (&[("BUTLER_HOME", "~somebody/b")][..], "only `~/`"),
        (
            &[("BUTLER_HOME", "~/b"), ("HOME", "relative")][..],
            "is not an absolute path",
        ),
    ] {
        for arguments in [
            &["bootstrap", "--config", "demo.yaml"][..],
            &["inmemory", "status"],
            &["inmemory", "down"],
        ] {
            let mut command = home.command(Path::new(BUTLERADM));
            let shown = home.show(command.args(arguments).envs(variables.iter().copied()));
            assert!(
                shown.starts_with("exit 2\n") && shown.contains(words),
                "{variables:?} {arguments:?}: {shown}"
            );
        }
    }
    let mut command = home.command(Path::new(BUTLERADM));
    let shown = home.show(command.args(["inmemory", "status"]).env("BUTLER_HOME", "~/b"));
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let left: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["demo.yaml"]);
}

#[test]
fn a_bad_world_file_is_a_usage_error_everywhere() {
    let home = with(format!("{SINGLE}providerConfig: {{inmemory: {{world: world.yaml}}}}\n"));
    fs::write(home.path().join("world.yaml"), "network: 127.0.0.0/1\n").unwrap();
    for arguments in [
        &["bootstrap", "--config", "demo.yaml"][..],
        &["bootstrap", "--config", "demo.yaml", "--dry-run"],
        &["inmemory", "up", "--world", "world.yaml"],
    ] {
        let shown = home.run(Path::new(BUTLERADM), arguments);
        assert!(
            shown.starts_with("exit 2\n") && shown.contains("loopback network"),
            "{shown}"
        );
    }
    assert!(!home.path().join("butler").exists() || fs::read_dir(home.path().join("butler")).unwrap().next().is_none());
}

#[test]
fn a_plan_reads_secrets_and_shows_none() {
    let console =
        |secret: &str| format!("{SINGLE}addons: {{console: {{enabled: true, auth: {{adminPassword: {secret}}}}}}}\n");
    for (secret, words) in [
        (
            "{file: nothing}",
            "cannot read $HOME/nothing for addons.console.auth.adminPassword",
        ),
        (
            "{env: NOT_SET}",
            "names the environment variable NOT_SET, which is not set",
        ),
        ("{exec: [sh, -c, 'echo hunter2; echo no key >&2; exit 3']}", "no key"),
        ("{exec: [printf, '\\r\\n']}", "is empty"),
    ] {
        let shown = plan(&with(console(secret)), &[("PATH", "/usr/bin:/bin")]);
        assert!(
            shown.starts_with("exit 2\n") && shown.contains(words),
            "{secret}: {shown}"
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let home = with(console("{file: secret}"));
    fs::write(home.path().join("secret"), "hunter2\r\n").unwrap();
    let shown = plan(&home, &[]);
    assert!(shown.starts_with("exit 0\n") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn proxies_count_where_they_are_used() {
    let proxies = [("HTTPS_PROXY", "http://user:hunter2 @:::"), ("no_proxy", ":::")];
    let shown = plan(&with(SINGLE), &proxies);
    assert!(shown.starts_with("exit 0\n"), "{shown}");
    let shown = plan(&with(STATIC), &proxies);
    assert!(
        shown.starts_with("exit 2\n") && shown.contains("HTTPS_PROXY is no address of a proxy"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn patches_and_certificates_come_from_files_beside_the_configuration() {
    let text = format!(
        "{SINGLE}talos:\n  patches:\n    all: [{{file: patches/a.yaml}}]\n  registries:\n    config:\n      mirror.example.org:\n        \
         tls: {{ca: {{file: ~/ca.pem}}}}\n        auth: {{username: robot, password: {{env: MIRROR}}}}\n"
    );
    let home = Home::new();
    let folder = home.path().join("conf");
    fs::create_dir_all(folder.join("patches")).unwrap();
    fs::write(folder.join("demo.yaml"), text).unwrap();
    let run = |password: &str| {
        let mut command = home.command(Path::new(BUTLERADM));
        command.args(["bootstrap", "--config", "conf/demo.yaml", "--dry-run", "-o", "name"]);
        home.show(command.env("MIRROR", password))
    };
    let shown = run("hunter2");
    assert!(
        shown.contains("patches.all[0].file` cannot be read") && shown.contains("ca.file` cannot be read"),
        "{shown}"
    );
    let changes = folder.join("patches/a.yaml");
    fs::write(&changes, "# why\nmachine:\n  token: hunter2\n").unwrap();
    fs::write(
        home.path().join("ca.pem"),
        "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let shown = run("hunter2");
    assert!(
        shown.contains("may not change `machine.token`") && shown.contains("patches/a.yaml, line 3"),
        "{shown}"
    );
    // What fits by itself, but not into the configuration.
    fs::write(&changes, "machine: {certSANs: {a: hunter2}}\n").unwrap();
    let shown = run("hunter2");
    assert!(
        shown.contains("the authority of mirror.example.org: certificate 1 cannot be read"),
        "{shown}"
    );
    for file in ["ca.pem", "conf/demo.yaml"] {
        let place = home.path().join(file);
        let text = fs::read_to_string(&place).unwrap();
        fs::write(
            &place,
            text.replace("tls: {ca: {file: ~/ca.pem}}", "tls: {insecureSkipVerify: false}"),
        )
        .unwrap();
    }
    let shown = run("hunter2");
    assert!(
        shown.starts_with("exit 2\n") && shown.contains("`talos.patches.all[0]` cannot be applied"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    fs::write(&changes, "machine: {certSANs: [a]}\n").unwrap();
    assert!(run("hunter2").starts_with("exit 0\n"));
    assert!(run("").contains("MIRROR, which is not set"));
}
