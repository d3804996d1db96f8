//! `butleradm bootstrap init` without a terminal: a configuration, or the list of what it lacks.

use std::{fs, path::Path};

use butler_api::config;

use crate::common::Home;

const BUTLERADM: &str = env!("CARGO_BIN_EXE_butleradm");

const PROXMOX: [&str; 9] = [
    "--set=providerConfig.proxmox.endpoint=https://pve.example.org:8006",
    "--set=providerConfig.proxmox.username=butler@pve!bootstrap",
    "--set=providerConfig.proxmox.password=env:PROXMOX_TOKEN_SECRET",
    "--set=providerConfig.proxmox.nodes=pve1,pve2",
    "--set=providerConfig.proxmox.storage=local-zfs",
    "--set=network.vip=192.0.2.10",
    "--set=network.loadBalancerPool.start=192.0.2.100",
    "--set=network.loadBalancerPool.end=192.0.2.150",
    "--set=addons.console.enabled=no",
];

fn init(home: &Home, arguments: &[&str]) -> String {
    let all: Vec<&str> = ["bootstrap", "init"].iter().chain(arguments).copied().collect();
    home.run(Path::new(BUTLERADM), &all)
}

#[test]
fn what_is_missing_is_listed_with_what_would_answer_it() {
    let home = Home::new();
    let shown = init(&home, &["--provider", "proxmox", "--set", "network.vip=192.0.2.10"]);
    assert!(shown.starts_with("exit 2\n--- stdout\n--- stderr\n"), "{shown}");
    for key in [
        "endpoint=VALUE",
        "username=VALUE",
        "password=env:NAME",
        "nodes=VALUE,VALUE",
        "storage=VALUE",
    ] {
        assert!(
            shown.contains(&format!("  --set providerConfig.proxmox.{key}\n")),
            "{key}\n{shown}"
        );
    }
    assert!(!shown.contains("network.vip"), "{shown}");
    assert!(
        shown.contains("error: the configuration is not complete: 7 settings are missing or wrong"),
        "{shown}"
    );
}

#[test]
fn a_complete_configuration_is_the_answer_or_a_private_file() {
    let home = Home::new();
    let arguments: Vec<&str> = ["--provider", "proxmox"].into_iter().chain(PROXMOX).collect();
    let shown = init(&home, &arguments);
    let answer = shown
        .split("--- stdout\n")
        .nth(1)
        .and_then(|rest| rest.split("--- stderr\n").next())
        .unwrap();
    let loaded = config::load(answer, "answer").unwrap();
    assert_eq!(loaded.config.cluster.name, "butler");
    let file = home.path().join("new.yaml");
    let file = file.to_str().unwrap();
    let arguments: Vec<&str> = arguments.into_iter().chain(["--output-file", file]).collect();
    let shown = init(&home, &arguments);
    assert!(shown.starts_with("exit 0\n--- stdout\n--- stderr\n"), "{shown}");
    assert_eq!(fs::read_to_string(file).unwrap(), answer);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // What is there stays, unless somebody says otherwise.
    let shown = init(&home, &arguments);
    assert!(
        shown.starts_with("exit 2\n") && shown.contains("is there already"),
        "{shown}"
    );
    let arguments: Vec<&str> = arguments
        .into_iter()
        .chain(["--force", "--set=cluster.name=other"])
        .collect();
    assert!(init(&home, &arguments).starts_with("exit 0\n"));
    assert!(fs::read_to_string(file).unwrap().contains("name: other"));
    // It can be opened again, and what is set wins.
    let shown = init(&home, &["--config", file, "--set", "cluster.name=third"]);
    assert!(shown.contains("  name: third\n"), "{shown}");
}

#[test]
fn wrong_settings_of_the_command_line_are_wrong_usage() {
    let home = Home::new();
    let shown = init(&home, &["--set", "cluster.nmae=x"]);
    for part in [
        "exit 2\n",
        "the configuration has no setting `cluster.nmae`",
        "did you mean cluster.name?",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let shown = init(
        &home,
        &["--provider=proxmox", "--set=providerConfig.proxmox.password=hunter2"],
    );
    assert!(shown.starts_with("exit 2\n") && !shown.contains("hunter2"), "{shown}");
    let shown = init(&home, &["--provider", "prox"]);
    assert!(shown.starts_with("exit 2\n") && shown.contains("provider"), "{shown}");
}
