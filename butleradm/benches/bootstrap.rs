//! Wall time of a bootstrap, and of the destroy after it, against the world's own critical path, processor time and peak memory of `butleradm`, at 6, 50
//! and 500 machines; at 500 also with latencies of minutes, as real platforms have.
//!
//! With the default latencies 500 simulated nodes do in seconds what takes a real cluster minutes, and the world, which
//! runs on the same processors, falls behind its own clock; that is part of the wall time.
//!
//! `cargo bench -p butleradm --bench bootstrap [-- MACHINES...]`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const BUTLERADM: &str = env!("CARGO_BIN_EXE_butleradm");

fn main() {
    let asked: Vec<u32> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![6, 50, 500] } else { asked };
    println!("machines   latencies   wall s   critical s   ratio   budget s    cpu s   peak MiB");
    for machines in sizes {
        measure(machines, "seconds", "{}");
        if machines >= MANY {
            measure(machines, "minutes", MINUTES);
        }
    }
}

/// From so many machines on another budget holds.
const MANY: u32 = 500;

/// The default latencies, eight times as long.
const MINUTES: &str = "\
latencies:
  create: 8s
  boot: 16s
  configure: 8s
  etcd: 8s
  kubernetes: 16s
  register: 8s
  cni: 8s
  workloads:
    default: 8s
    longhorn-system/DaemonSet/longhorn-manager: 16s
    steward-system/StatefulSet/steward-etcd: 16s
";

fn measure(machines: u32, latencies: &str, world: &str) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let config = home.path().join("cluster.yaml");
    fs::write(&config, configuration(machines)).expect("a configuration");
    let file = home.path().join("world.yaml");
    fs::write(&file, world).expect("a world file");
    run(butleradm(home.path()).args(["inmemory", "up", "--world"]).arg(&file));
    let began = Instant::now();
    let mut bootstrap = butleradm(home.path());
    bootstrap
        .arg("bootstrap")
        .arg("--config")
        .arg(&config)
        .args(["--no-progress", "-q"]);
    let log = fs::File::create(home.path().join("log")).expect("a log file");
    let mut child = bootstrap
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the binary starts");
    let Seen { peak, cpu, success } = watch(&mut child);
    let wall = began.elapsed().as_secs_f64();
    let output = butleradm(home.path())
        .args(["inmemory", "status", "-o", "json"])
        .output()
        .expect("the binary starts");
    let status: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    let destroyed = success.then(|| destroy(home.path()));
    run(butleradm(home.path()).args(["inmemory", "down"]));
    if !success {
        println!(
            "{machines:>8}   failed: {}",
            fs::read_to_string(home.path().join("log")).expect("the log can be read")
        );
        return;
    }
    let critical = status["criticalPathSeconds"].as_f64().unwrap_or(f64::NAN);
    let budget = if machines >= MANY {
        critical * 1.05
    } else {
        critical * 1.03 + 1.0
    };
    let ratio = wall / critical;
    println!(
        "{machines:>8} {latencies:>11} {wall:>8.2} {critical:>12.2} {ratio:>7.3} {budget:>10.2} {cpu:>8.2} {:>10.1}",
        mib(peak)
    );
    if let Some(seconds) = destroyed {
        println!(
            "{machines:>8}     destroy {seconds:>8.2} {DELETE:>12.2} {:>7.3} {:>10.2}",
            seconds / DELETE,
            DELETE * 1.05 + 1.0
        );
    }
}

/// The world's time for a deletion, whatever the number of machines, in seconds.
const DELETE: f64 = 1.0;

/// Wall time of the destroy of that cluster, in seconds.
fn destroy(home: &Path) -> f64 {
    let name = cluster(&home.join("cluster.yaml"));
    let began = Instant::now();
    run(butleradm(home).args(["destroy", &name, "--yes", "--confirm", &name, "--no-progress", "-q"]));
    began.elapsed().as_secs_f64()
}

/// Name of the cluster in a configuration.
fn cluster(config: &Path) -> String {
    let text = fs::read_to_string(config).expect("a configuration");
    let name = text.lines().find_map(|line| line.trim().strip_prefix("name: "));
    name.expect("a name").to_owned()
}

/// What was seen of a process.
struct Seen {
    /// Highest resident size, in KiB.
    peak: u32,
    /// Processor time, in seconds.
    cpu: f64,
    success: bool,
}

/// Waits for the end.
fn watch(child: &mut Child) -> Seen {
    let (mut peak, mut cpu) = (0, 0.0);
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        let line = status
            .iter()
            .flat_map(|text| text.lines())
            .find_map(|l| l.strip_prefix("VmHWM:"));
        let seen = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(seen.unwrap_or(0));
        cpu = processor_time(child.id()).unwrap_or(cpu);
        if let Some(status) = child.try_wait().expect("the child can be waited for") {
            let success = status.success();
            return Seen { peak, cpu, success };
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// User and system time of a process, in seconds. The kernel tells hundredths (proc(5), `stat`).
fn processor_time(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    let spent = (ticks()? + ticks()?) / 100.0;
    // A process that has ended and was not waited for has no times any more.
    (spent > 0.0).then_some(spent)
}

fn mib(kib: u32) -> f64 {
    f64::from(kib) / 1024.0
}

fn butleradm(home: &Path) -> Command {
    let mut command = Command::new(BUTLERADM);
    command
        .env_clear()
        .env("HOME", home)
        .env("BUTLER_HOME", home.join("butler"))
        .stdin(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let status = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the binary starts");
    assert!(status.success(), "{command:?}");
}

fn configuration(machines: u32) -> String {
    format!(
        "provider: inmemory
cluster:
  name: bench
  topology: ha
  controlPlane: {{replicas: 3, cpu: 2, memoryMB: 4096, diskGB: 40}}
  workers: {{replicas: {}, cpu: 2, memoryMB: 4096, diskGB: 40}}
network:
  podCIDR: 10.128.0.0/12
  vip: 127.101.0.10
  loadBalancerPool: {{start: 127.101.1.10, end: 127.101.1.50}}
",
        machines.saturating_sub(3).max(1)
    )
}
