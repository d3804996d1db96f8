//! Provider `static` end to end: machines of the simulated world that wait in maintenance mode, the binary, real sockets.
//! Up to where charts would be installed: helm is a stand-in that knows its version.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

const BUTLERADM: &str = env!("CARGO_BIN_EXE_butleradm");
/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A home with a world of static machines.
struct Yard {
    home: TempDir,
    addresses: Vec<String>,
}

impl Yard {
    fn new(world: &str, machines: usize) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut yard = Self {
            home,
            addresses: Vec::new(),
        };
        let helm = yard.path("helm");
        fs::write(&helm, "#!/bin/sh\necho v3.20.0+g0000000\n").expect("a stand-in");
        fs::set_permissions(&helm, fs::Permissions::from_mode(0o755)).expect("a stand-in");
        fs::write(
            yard.path("world.yaml"),
            format!("latencies: {{boot: 50ms, configure: 20ms}}\n{world}"),
        )
        .expect("a file");
        let count = machines.to_string();
        let world = yard.path("world.yaml").display().to_string();
        yard.world(&["up", "--static", &count, "--world", &world]);
        until("machines in maintenance mode", || {
            yard.addresses = yard.machines("maintenance", "address");
            yard.addresses.len() == machines
        });
        yard
    }

    /// `inmemory` with these arguments.
    fn world(&self, arguments: &[&str]) {
        let ran = self.butleradm().arg("inmemory").args(arguments).output();
        let ran = ran.expect("the binary starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn butleradm(&self) -> Command {
        let mut command = Command::new(BUTLERADM);
        let path = format!("{}:/usr/bin:/bin", self.home.path().display());
        command.env_clear().env("PATH", path).env("HOME", self.home.path());
        command.env("BUTLER_HOME", self.path("butler")).stdin(Stdio::null());
        command
    }

    fn status(&self) -> Value {
        let output = self.butleradm().args(["inmemory", "status", "-o", "json"]).output();
        serde_json::from_slice(&output.expect("the binary starts").stdout).expect("JSON")
    }

    /// A field of every machine in a stage, in the order of their names.
    fn machines(&self, stage: &str, field: &str) -> Vec<String> {
        let status = self.status();
        let mut machines: Vec<&Value> = status["machines"].as_array().expect("machines").iter().collect();
        machines.sort_by_key(|machine| machine["name"].as_str().map(str::to_owned));
        let found = machines.into_iter().filter(|machine| machine["stage"] == stage);
        found
            .filter_map(|machine| machine[field].as_str().map(str::to_owned))
            .collect()
    }

    /// Changes the running world.
    fn patch(&self, change: &Value) {
        let record: Value = serde_json::from_str(
            &fs::read_to_string(self.path("butler/state/inmemory/world.json")).expect("the world's record"),
        )
        .expect("JSON");
        let control = record["control"].as_str().expect("a URL");
        let host = control.trim_start_matches("http://");
        let token = record["token"].as_str().expect("a token");
        let body = change.to_string();
        let mut stream = TcpStream::connect(host).expect("the world answers");
        write!(
            stream,
            "PATCH /v1/world HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// One control plane at the first machine's address, with further lines for it and for the file.
    fn configure(&self, machine: &str, further: &str) {
        let address = &self.addresses[0];
        let text = format!(
            "provider: static
cluster: {{name: edge, topology: single-node}}
network:
  loadBalancerPool: {{start: 127.101.0.10, end: 127.101.0.20}}
providerConfig:
  static:
    machines:
      - {{address: {address}, role: control-plane{machine}}}
{further}"
        );
        fs::write(self.path("edge.yaml"), text).expect("a configuration");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.butleradm();
        command
            .arg("bootstrap")
            .arg("--config")
            .arg(self.path("edge.yaml"))
            .arg("--no-progress");
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output: Output = self.command(arguments).output().expect("the binary starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    fn journal(&self) -> String {
        let journal = fs::read_to_string(self.path("butler/state/clusters/edge/journal.ndjson"));
        journal.unwrap_or_else(|_| "none yet".to_owned())
    }

    /// Runs until a line of the output holds one of these words; what was printed until then. Ended as by `kill -9`.
    fn run_until(&self, words: &[&str]) -> String {
        let mut child = self
            .command(&[])
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut seen = String::new();
        for line in BufReader::new(child.stderr.take().expect("piped")).lines() {
            let line = line.expect("text");
            seen.push_str(&line);
            seen.push('\n');
            if words.iter().any(|word| line.contains(word)) {
                break;
            }
        }
        kill(child);
        seen
    }

    /// Begins a run of which nobody reads what it prints.
    fn start(&self) -> Child {
        let mut command = self.command(&[]);
        command.stderr(Stdio::null()).stdout(Stdio::null());
        command.spawn().expect("the binary starts")
    }

    /// Runs until Talos has answered and the configuration was not pushed yet: the Talos secrets take longer. Where they were made
    /// sooner than this looked, it begins anew.
    fn run_until_booted(&self) {
        for _ in 0..10 {
            let child = self.start();
            until("Talos answers", || self.proven("machine/edge-cp-0/boot"));
            kill(child);
            assert_eq!(self.machines("maintenance", "name").len(), self.addresses.len());
            if !self.journal().contains("machine/edge-cp-0/configure") {
                return;
            }
            fs::remove_dir_all(self.path("butler/state/clusters/edge")).expect("a state folder");
        }
        panic!("the secrets are always made sooner than Talos answers");
    }

    fn proven(&self, step: &str) -> bool {
        let is_proof = |line: &str| {
            let record: Value = serde_json::from_str(line).unwrap_or(Value::Null);
            record["type"] == "proof" && record["step"] == step
        };
        self.journal().lines().any(is_proof)
    }

    /// The first machine restarts in maintenance mode; its fingerprints before and after.
    fn restart(&self) -> (String, String) {
        let fingerprint = || self.machines("maintenance", "fingerprint").into_iter().next();
        let before = fingerprint().expect("a fingerprint");
        self.patch(&json!({"faults": {"machines": {"static-1": {"restart": "0s"}}}}));
        let mut after = before.clone();
        until("another certificate", || {
            after = fingerprint().unwrap_or_else(|| before.clone());
            after != before
        });
        (before, after)
    }
}

impl Drop for Yard {
    fn drop(&mut self) {
        drop(self.butleradm().args(["inmemory", "down"]).output());
    }
}

fn kill(mut child: Child) {
    drop(child.kill());
    child.wait().expect("it ends");
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_machine_that_restarted_in_maintenance_mode_is_configured_all_the_same() {
    let yard = Yard::new("", 1);
    yard.configure("", "");
    yard.run_until_booted();
    let (before, after) = yard.restart();
    let said = yard.run_until(&["configured at", "error:"]);
    for part in ["warning:", &before, &after, "taken on trust", "configured at"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    let renewed = yard.journal();
    let line = renewed
        .lines()
        .find(|line| line.contains(&after))
        .expect("the fingerprint is journalled");
    assert!(line.contains("\"type\":\"intent\""), "{line}");
}

#[test]
fn a_pinned_certificate_that_changed_is_refused_with_both_fingerprints_and_the_hint_works() {
    let yard = Yard::new("", 1);
    let pin = yard.machines("maintenance", "fingerprint")[0].clone();
    yard.configure(&format!(", fingerprint: '{pin}'"), "");
    yard.run_until_booted();
    let (before, after) = yard.restart();
    assert_eq!(before, pin);
    let (code, _, said) = yard.run(&[]);
    assert_eq!(code, Some(1), "{said}");
    for part in [before.as_str(), &after, "providerConfig.static.machines[0].fingerprint"] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert_eq!(yard.machines("maintenance", "name"), ["static-1"], "nothing was pushed");
    yard.configure(&format!(", fingerprint: '{after}'"), "");
    let said = yard.run_until(&["configured at", "error:"]);
    assert!(said.contains("configured at"), "{said}");
}

#[test]
fn another_talos_release_is_corrected_as_the_hint_says() {
    let yard = Yard::new("", 1);
    yard.configure("", "talos: {version: v1.11.5}\n");
    let (code, _, said) = yard.run(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("or change talos.version"), "{said}");
    yard.configure("", "talos: {version: v1.12.1}\n");
    let said = yard.run_until(&["configured at", "error:"]);
    for part in [
        "the configuration changed: ",
        "talos.version: was \"v1.11.5\"",
        "configured at",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    // Now it is used.
    yard.configure("", "talos: {version: v1.12.0}\n");
    let (code, _, said) = yard.run(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("talos.version: was \"v1.12.1\", is \"v1.12.0\" (used by step machine/edge-cp-0/configure)"),
        "{said}"
    );
}

#[test]
fn a_wrong_address_is_said_with_a_hint_and_may_be_corrected() {
    let mut yard = Yard::new("", 2);
    let right = yard.addresses[0].clone();
    // A machine that answers, but is not the one that was meant.
    yard.addresses[0] = yard.addresses[1].clone();
    yard.configure("", "");
    yard.run_until_booted();
    // None at all. The secrets take longest to make: they are there before the deadline is short.
    yard.addresses[0] = "127.101.0.200".to_owned();
    yard.configure("", "");
    let child = yard.start();
    until("the secrets are made", || yard.proven("talos/secrets"));
    kill(child);
    yard.configure("", "deadlines: {machine: 6s}\n");
    let (code, _, said) = yard.run(&[]);
    assert_eq!(code, Some(3), "{said}");
    for part in [
        "edge-cp-0 at 127.101.0.200 to answer in Talos maintenance mode",
        "hint: boot it into Talos maintenance mode and open TCP port 50000",
    ] {
        let error = said.split("error:").nth(1).expect("an error");
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    yard.addresses[0] = right;
    yard.configure("", "");
    let said = yard.run_until(&["configured at", "error:"]);
    assert!(said.contains("configured at"), "{said}");
    assert_eq!(
        yard.machines("maintenance", "name"),
        ["static-2"],
        "the other one was left alone"
    );
}

#[test]
fn links_and_disks_that_are_not_there_are_named_before_anything_is_pushed() {
    let faults = "faults: {machines: {static-1: {links: [enp3s0, enp4s0], disks: [/dev/nvme0n1]}}}\n";
    let yard = Yard::new(faults, 1);
    yard.configure("", "");
    let (code, _, said) = yard.run(&[]);
    assert_eq!(code, Some(1), "{said}");
    let disk = "has no disk /dev/vda (talos.installDisk); it has /dev/nvme0n1";
    assert!(said.contains(disk), "{said}");
    yard.configure(", installDisk: /dev/nvme0n1, networkInterface: eth0", "");
    let (code, _, said) = yard.run(&[]);
    assert_eq!(code, Some(1), "{said}");
    let link = "has no link eth0 (providerConfig.static.machines[0].networkInterface); it has enp3s0 (127.";
    assert!(said.contains(link), "{said}");
    assert!(
        !yard.journal().contains("machine/edge-cp-0/configure"),
        "something was pushed"
    );
    yard.configure(", installDisk: /dev/nvme0n1, networkInterface: enp3s0", "");
    let said = yard.run_until(&["configured at", "error:"]);
    assert!(said.contains("configured at"), "{said}");
}

#[test]
fn a_plan_shows_what_is_seen_of_the_machines() {
    let faults = "faults: {machines: {static-1: {links: [enp3s0], disks: []}}}\n";
    let mut yard = Yard::new(faults, 1);
    yard.configure("", "");
    let (code, plan, said) = yard.run(&["--dry-run", "-o", "json"]);
    assert_eq!(code, Some(0), "{said}");
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    let machine = &plan["machines"][0];
    let address = yard.addresses[0].clone();
    assert_eq!(machine["address"], json!(address));
    assert_eq!(machine["seen"]["stage"], "maintenance", "{machine}");
    assert_eq!(
        machine["seen"]["links"],
        json!(format!("enp3s0 ({address}), lo (127.0.0.1)"))
    );
    assert_eq!(machine["seen"]["disks"], "no disks");
    assert_eq!(
        machine["seen"]["fingerprint"],
        json!(yard.machines("maintenance", "fingerprint")[0])
    );
    assert!(machine.get("cpu").is_none(), "sizes that nobody knows: {machine}");
    let (_, table, _) = yard.run(&["--dry-run"]);
    let line = table
        .lines()
        .find(|line| line.starts_with("machine"))
        .expect("a machine");
    assert!(
        line.contains(&format!("control-plane: at {address}; maintenance")),
        "{line}"
    );
    assert!(!line.contains("CPU"), "{line}");
    yard.addresses[0] = "127.101.0.201".to_owned();
    yard.configure("", "");
    let (_, table, _) = yard.run(&["--dry-run"]);
    assert!(
        table.contains("at 127.101.0.201; silent (Connection refused"),
        "{table}"
    );
}

#[test]
fn a_listed_machine_that_was_waited_for_is_looked_at_again() {
    let yard = Yard::new("", 1);
    yard.configure("", "");
    yard.world(&["down"]);
    yard.run_until(&["to answer in Talos maintenance mode"]);
    let now = || -> Value {
        let output = yard.butleradm().args(["why", "edge", "-o", "json"]).output();
        let why: Value = serde_json::from_slice(&output.expect("the binary starts").stdout).expect("JSON");
        let waits = why["waits"].as_array().expect("waits");
        let found = waits.iter().find(|wait| wait["step"] == "machine/edge-cp-0/create");
        found.unwrap_or_else(|| panic!("{why:#}"))["now"].clone()
    };
    let still = now();
    let text = still["text"].as_str().expect("words");
    assert!(still["state"] == "still" && text.contains("does not answer"), "{still}");
    // The machine of a home has the same address in each of its worlds.
    yard.world(&["up", "--static", "1"]);
    let mut so = now();
    until("the machine answers", || {
        so = now();
        so["state"] == "so"
    });
    let text = so["text"].as_str().expect("words");
    assert!(text.contains("is in maintenance mode"), "{so}");
}
