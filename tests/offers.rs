//! What is shown before there is a run, and of a recorded one: lists of the simulated world, and single pictures.

#[path = "common/mod.rs"]
mod common;

use std::path::Path;

use common::Home;

const BUTLERADM: &str = env!("CARGO_BIN_EXE_butleradm");

fn butleradm() -> &'static Path {
    Path::new(BUTLERADM)
}

fn fixture(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    root.join(path).display().to_string()
}

const WORLD: &str = "network: 127.94.0.0/16
offers:
  nodes: {sim-1: {cpus: 8, memoryGB: 64}, sim-2: {unusable: it is off}}
  storages: {}
faults: {offers: [{path: /images, status: 403, message: you may not list images}]}
";

const CONFIGURATION: &str = "provider: inmemory
cluster:
  name: demo
  topology: single-node
  controlPlane: {replicas: 1, cpu: 2, memoryMB: 4096, diskGB: 40}
network:
  vip: 127.94.255.10
  loadBalancerPool: {start: 127.94.254.10, end: 127.94.254.50}
providerConfig:
  inmemory: {world: world.yaml}
";

#[test]
fn a_world_tells_what_it_has_whether_it_runs_or_not() {
    let home = Home::new();
    std::fs::write(home.path().join("world.yaml"), WORLD).expect("a world file");
    std::fs::write(home.path().join("demo.yaml"), CONFIGURATION).expect("a configuration");
    let list = |kind: &str| home.run(butleradm(), &["provider", kind, "--config", "demo.yaml"]);
    let nodes = list("nodes");
    insta::assert_snapshot!(nodes, @r"
    exit 0
    --- stdout
    NAME   CPUS  MEMORY  FREE    USABLE
    sim-1  8     64 GiB  64 GiB  yes
    sim-2  256   4 TiB   4 TiB   it is off
    --- stderr
    ");
    assert!(
        !home.path().join("butler/state/inmemory/world.json").exists(),
        "a question starts no world"
    );
    let validate = home.run(butleradm(), &["provider", "validate", "--config", "demo.yaml"]);
    assert!(validate.starts_with("exit 0\n"), "{validate}");
    assert!(validate.contains("a bootstrap starts it"), "{validate}");

    let up = home.run(butleradm(), &["inmemory", "up", "--world", "world.yaml"]);
    assert!(up.starts_with("exit 0\n"), "{up}");
    let (there, none, refused) = (list("nodes"), list("storages"), list("images"));
    let down = home.run(butleradm(), &["inmemory", "down"]);
    assert!(down.starts_with("exit 0\n"), "{down}");
    assert_eq!(there, nodes);
    assert!(none.starts_with("exit 0\n"), "{none}");
    assert!(
        refused.starts_with("exit 1\n") && refused.contains("you may not list images"),
        "{refused}"
    );
}

#[test]
fn a_picture_of_a_recorded_run_needs_no_terminal() {
    let home = Home::new();
    let recording = fixture("runs/six-machines.ndjson");
    let picture = |more: &[&str]| {
        let arguments: Vec<&str> = ["tui", "--replay", &recording].iter().chain(more).copied().collect();
        home.run(butleradm(), &arguments)
    };
    let text = picture(&["--at", "1:15", "--size", "100x30", "--snapshot", "text"]);
    assert!(text.starts_with("exit 0\n") && text.contains("prod-worker-1"), "{text}");
    let lines: Vec<&str> = text.split_once("--- stdout\n").expect("an answer").1.lines().collect();
    assert_eq!(lines.iter().position(|line| *line == "--- stderr"), Some(30), "{text}");
    let svg = picture(&["--snapshot", "svg"]);
    assert!(svg.contains("--- stdout\n<svg ") && svg.contains("</svg>\n"), "{svg}");
    let ended = picture(&["--snapshot", "text", "--glyphs", "ascii"]);
    assert!(
        ended.is_ascii() && ended.contains("management cluster ready"),
        "{ended}"
    );
    for wrong in [["--at", "soon"], ["--size", "big"]] {
        let refused = picture(&[&wrong[..], &["--snapshot", "text"]].concat());
        assert!(
            refused.starts_with("exit 2\n") && refused.contains("write"),
            "{refused}"
        );
    }
    assert!(
        picture(&["--at", "1:15"]).starts_with("exit 2\n"),
        "a moment is of a picture"
    );
    assert!(home.is_untouched());
}
