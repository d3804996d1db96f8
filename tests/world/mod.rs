//! A bootstrap on a simulated world of its own: a home, a world file, a configuration, the binary.

#[path = "../common/peers.rs"]
mod peers;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

const BUTLERADM: &str = env!("CARGO_BIN_EXE_butleradm");

/// Latencies short enough to run often.
pub(crate) const SHORT: &str = "\
latencies:
  create: 20ms
  boot: 20ms
  configure: 20ms
  etcd: 20ms
  kubernetes: 20ms
  register: 10ms
  cni: 10ms
  delete: 20ms
  workloads: {default: 10ms}
";

/// A home with a world that is ended when it goes out of scope.
pub(crate) struct Site {
    home: TempDir,
    /// Name of the cluster.
    pub(crate) cluster: String,
}

/// What a run printed.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code; none when it was killed.
    pub(crate) code: Option<i32>,
    /// What the program printed to standard output.
    pub(crate) stdout: String,
    /// What the program printed to standard error.
    pub(crate) stderr: String,
}

/// A program that a test has started. It does not outlive the test, however that ends.
pub(crate) struct Running(Child);

impl Running {
    /// Starts it; what it prints is kept.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(child.expect("the program starts"))
    }

    /// One that was started with other pipes.
    pub(crate) fn of(child: Child) -> Self {
        Self(child)
    }

    /// Waits for its end: its exit code and what it wrote to stderr.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut stderr = String::new();
        let mut pipe = self.stderr.take().expect("it was not read before");
        pipe.read_to_string(&mut stderr).expect("text");
        (self.wait().expect("it ends").code(), stderr)
    }

    /// Ends it at once, as losing power would.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.wait().expect("it ends");
    }
}

impl std::ops::Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl std::ops::DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is as well.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Site {
    /// A site with this world file and topology (`3+3`, `1+0`), and further configuration lines.
    pub(crate) fn new(world: &str, control_planes: u32, workers: u32, further: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let site = Self {
            home,
            cluster: "demo".to_owned(),
        };
        fs::write(site.path("world.yaml"), world).expect("a world file");
        fs::write(site.config(), configuration(control_planes, workers, further)).expect("a configuration");
        site
    }

    /// A path in the home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Where the configuration of the run is.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("cluster.yaml")
    }

    /// The folder of everything that is written.
    pub(crate) fn butler_home(&self) -> PathBuf {
        self.path("butler")
    }

    /// The state of the bootstrap.
    pub(crate) fn state(&self) -> PathBuf {
        self.butler_home().join("state/clusters").join(&self.cluster)
    }

    /// The binary in this home.
    pub(crate) fn butleradm(&self) -> Command {
        self.butleradm_in(BUTLERADM)
    }

    /// Another program in this home, which may run the binary.
    pub(crate) fn butleradm_in(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("BUTLER_HOME", self.butler_home());
        command.current_dir(self.home.path()).stdin(Stdio::null());
        command
    }

    /// The bootstrap command with these further arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.butleradm();
        command
            .arg("bootstrap")
            .arg("--config")
            .arg(self.config())
            .arg("--no-progress")
            .args(arguments);
        command
    }

    /// Runs the bootstrap to its end.
    pub(crate) fn bootstrap(&self, arguments: &[&str]) -> Run {
        Run::of(&self.command(arguments).output().expect("the binary starts"))
    }

    /// `inmemory status -o json`.
    pub(crate) fn status(&self) -> Value {
        let output = self
            .butleradm()
            .args(["inmemory", "status", "-o", "json"])
            .output()
            .expect("the binary starts");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// A counter of the world.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.status()["counters"][name].as_u64().expect("a counter")
    }

    /// Fails the test unless a fault that the world was told to have was counted so often at least.
    pub(crate) fn struck(&self, counter: &str, least: u64) {
        let counters = &self.status()["counters"];
        assert!(counters[counter].as_u64() >= Some(least), "{counter}: {counters}");
    }

    /// Changes the settings of the running world (JSON merge patch).
    pub(crate) fn patch(&self, change: &Value) {
        let entry = fs::read_to_string(self.butler_home().join("state/inmemory/world.json")).expect("a world runs");
        let entry: Value = serde_json::from_str(&entry).expect("the record of the world");
        let control = entry["control"].as_str().expect("its address");
        let host = control.trim_start_matches("http://");
        let body = change.to_string();
        let mut stream = TcpStream::connect(host).expect("the world answers");
        write!(
            stream,
            "PATCH /v1/world HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            entry["token"].as_str().expect("its token"),
            body.len()
        )
        .expect("a request");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    }

    /// The node that was chosen to bootstrap etcd.
    pub(crate) fn etcd_node(&self) -> String {
        let journal = self.journal();
        let facts = journal.iter().filter_map(|record| record["facts"].as_array()).flatten();
        let mut chosen = facts.filter(|fact| fact["fact"] == "etcdNode");
        let machine = &chosen.next().expect("a choice")["machine"];
        machine.as_str().expect("a name").to_owned()
    }

    /// The time from the proof of one step to that of another one.
    pub(crate) fn between(&self, first: &str, second: &str) -> Duration {
        let proven = |step: &str| -> jiff::Timestamp {
            let journal = self.journal();
            let mut proofs = journal.iter().filter(|r| r["type"] == "proof" && r["step"] == step);
            let proof = proofs.next().unwrap_or_else(|| panic!("{step} is not proven"));
            serde_json::from_value(proof["time"].clone()).expect("a time")
        };
        let passed = proven(second).duration_since(proven(first));
        Duration::try_from(passed).unwrap_or(Duration::ZERO)
    }

    /// The records of the journal.
    pub(crate) fn journal(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.state().join("journal.ndjson")).ok();
        text.iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.butleradm().args(["inmemory", "down"]).output());
    }
}

impl Run {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the management cluster is ready.
    pub(crate) fn is_ready(&self) {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        assert!(self.stderr.contains("management cluster ready"), "{}", self.stderr);
    }
}

/// A real program built from `tests/peers`; none, saying so, where it is not there.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    peers::peer(name)
}

/// Every configuration has addresses of its own, so that tests can run side by side.
fn configuration(control_planes: u32, workers: u32, further: &str) -> String {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    // Test binaries run at the same time too: the process id keeps them apart.
    let process = u8::try_from(std::process::id() % 250).expect("below 250");
    let block = Ipv4Addr::new(127, 100, process, NEXT.fetch_add(4, Ordering::Relaxed));
    let after = |n: u32| Ipv4Addr::from(u32::from(block) + n);
    let topology = if workers == 0 { "single-node" } else { "ha" };
    let workers = match workers {
        0 => String::new(),
        n => format!("  workers: {{replicas: {n}, cpu: 2, memoryMB: 4096, diskGB: 40}}\n"),
    };
    format!(
        "provider: inmemory
cluster:
  name: demo
  topology: {topology}
  controlPlane: {{replicas: {control_planes}, cpu: 2, memoryMB: 4096, diskGB: 40}}
{workers}network:
  vip: {block}
  loadBalancerPool: {{start: {}, end: {}}}
talos:
  version: v1.12.1
providerConfig:
  inmemory:
    world: world.yaml
{further}",
        after(1),
        after(3),
    )
}

/// Whether the needle is in any file below the folder.
pub(crate) fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if fs::read(&path).is_ok_and(|bytes| contains(&bytes, needle.as_bytes())) {
            found.push(path);
        }
    }
    found
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
