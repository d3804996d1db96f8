//! `butlerctl tui` in a terminal with 10,000 clusters of which 200 change every second, beside k9s where it was built, on the same
//! real kube-apiserver. Budgets: a change is on the screen in 100 ms at the 99th of a hundred, 60 MB, and with nothing to do at
//! most 1 % of a core.
//!
//! `BUTLER_PEERS=target/peers cargo bench -p butlerctl --bench board [-- CLUSTERS]`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_macros, reason = "clusters are written as people read them")]

#[path = "../../core/embedded/tests/suite/authority.rs"]
mod authority;
#[path = "../../core/embedded/tests/suite/common.rs"]
#[expect(dead_code, reason = "the tests of the API server use more of it")]
mod common;
mod ground;
#[path = "../../core/embedded/tests/suite/real.rs"]
mod real;

use std::fs;
use std::io::Read as _;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::Api;
use ground::{fill, peer};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::time::{MissedTickBehavior, interval};

/// Changes that are timed until they are seen.
const TIMED: usize = 40;
/// Changes in a second beside them.
const CHANGES: u64 = 200;
/// How long the work is measured.
const SPAN: Duration = Duration::from_secs(15);
/// What has not happened by then never will.
const LONG: Duration = Duration::from_mins(2);
const COLUMNS: u16 = 160;
const ROWS: u16 = 40;

fn main() {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let clusters: usize = asked.unwrap_or(10_000);
    let runtime = Runtime::new().expect("a runtime");
    let Some(real) = runtime.block_on(real::start()) else {
        println!("skipped: kube-apiserver and etcd are not in BUTLER_PEERS");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let kubeconfig = folder.path().join("kubeconfig");
    let text = real
        .authority
        .kubeconfig(real.api.url(), "admin", Some("system:masters"));
    fs::write(&kubeconfig, text.to_string()).expect("a kubeconfig");
    let api = Arc::new(Api::from_kubeconfig(&text));
    runtime.block_on(fill(&api, clusters));
    println!("{clusters} clusters, {CHANGES} changes a second");
    println!(
        "{:<14} {:>9} {:>9} {:>9} {:>8} {:>8} {:>7} {:>6} {:>7}",
        "", "listed s", "seen p50", "seen p99", "busy %", "idle %", "MiB", "lists", "watches"
    );
    let ours = [env!("CARGO_BIN_EXE_butlerctl"), "tui"].map(str::to_owned).to_vec();
    measure("butlerctl tui", &ours, (&runtime, &api), folder.path(), clusters);
    let k9s = peer("k9s");
    if Path::new(&k9s).exists() {
        let words = ["-A", "-c", "tenantclusters", "--kubeconfig"].map(str::to_owned);
        let command = [vec![k9s], words.to_vec(), vec![kubeconfig.display().to_string()]].concat();
        measure("k9s", &command, (&runtime, &api), folder.path(), clusters);
    } else {
        println!("k9s is not in BUTLER_PEERS");
    }
}

fn measure(name: &str, command: &[String], (runtime, api): (&Runtime, &Arc<Api>), home: &Path, clusters: usize) {
    let before = runtime.block_on(lists(api));
    let begun = Instant::now();
    let screen = Screen::start(command, home);
    // The first cluster is seen before the rest is there; how many there are is seen at the end.
    screen.until(|text| text.contains(&clusters.to_string()) && text.contains("cluster-00000"));
    let listed = begun.elapsed();
    thread::sleep(Duration::from_secs(3));
    let idle = screen.busy_for(SPAN);
    let ends = Arc::new(AtomicBool::new(false));
    let changing = runtime.spawn(change(Arc::clone(api), clusters, Arc::clone(&ends)));
    let busy = screen.busy_for(SPAN);
    let mut seen: Vec<Duration> = (0..TIMED).map(|round| timed(round, &screen, runtime, api)).collect();
    ends.store(true, Ordering::Relaxed);
    runtime.block_on(changing).expect("changes");
    seen.sort_unstable();
    let at = |per_cent: usize| seen[(seen.len() * per_cent / 100).min(seen.len() - 1)].as_secs_f64() * 1000.0;
    let (lists, watches) = (runtime.block_on(lists(api)) - before, runtime.block_on(watches(api)));
    println!(
        "{name:<14} {:>9.2} {:>6.0} ms {:>6.0} ms {busy:>8.1} {idle:>8.2} {:>7.1} {lists:>6} {watches:>7}",
        listed.as_secs_f64(),
        at(50),
        at(99),
        screen.memory(),
    );
}

/// How long it takes until a change of the first cluster is seen.
fn timed(round: usize, screen: &Screen, runtime: &Runtime, api: &Api) -> Duration {
    let phase = if round.is_multiple_of(2) { "Updating" } else { "Ready" };
    let begun = Instant::now();
    runtime.block_on(patch(api, 0, phase));
    screen.until(|text| {
        let mut lines = text.lines();
        lines.any(|line| line.contains("cluster-00000") && line.contains(phase))
    });
    begun.elapsed()
}

/// Changes clusters, another one each time, until it is told to end.
async fn change(api: Arc<Api>, clusters: usize, ends: Arc<AtomicBool>) {
    let mut ticks = interval(Duration::from_millis(1000 / CHANGES));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut number = 0;
    while !ends.load(Ordering::Relaxed) {
        ticks.tick().await;
        number += 1;
        let (api, phase) = (
            Arc::clone(&api),
            if (number / clusters).is_multiple_of(2) {
                "Updating"
            } else {
                "Ready"
            },
        );
        tokio::spawn(async move { patch(&api, 1 + number % (clusters - 1), phase).await });
    }
}

async fn patch(api: &Api, number: usize, phase: &str) {
    let namespace = format!("team-{}", number % 10);
    let path = format!(
        "/apis/butler.butlerlabs.dev/v1alpha1/namespaces/{namespace}/tenantclusters/cluster-{number:05}/status"
    );
    let merge = json!({"status": {"phase": phase}});
    let changed = api.send("PATCH", &path, "application/merge-patch+json", &merge).await;
    assert_eq!(changed.status, 200, "{changed:?}");
}

/// Lists of clusters that the API server has answered.
async fn lists(api: &Api) -> u64 {
    sum(api, "apiserver_request_total{", "verb=\"LIST\"").await
}

/// Watches of clusters that are open.
async fn watches(api: &Api) -> u64 {
    sum(api, "apiserver_longrunning_requests{", "verb=\"WATCH\"").await
}

async fn sum(api: &Api, metric: &str, verb: &str) -> u64 {
    let text = api.stream("/metrics").await.text().await.expect("metrics");
    let lines = text
        .lines()
        .filter(|line| line.starts_with(metric) && line.contains("resource=\"tenantclusters\"") && line.contains(verb));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

/// What is on the screen, and word of every change of it.
type Shown = Arc<(Mutex<vt100::Parser>, Condvar)>;

/// A program in a terminal.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    shown: Shown,
}

impl Screen {
    fn start(words: &[String], home: &Path) -> Self {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(&words[0]);
        command.args(&words[1..]);
        command.env_clear();
        for (name, value) in [
            ("HOME", home.to_path_buf()),
            ("BUTLER_HOME", home.join("butler")),
            ("BUTLER_KUBECONFIG", home.join("kubeconfig")),
            ("TERM", "xterm-256color".into()),
            ("LANG", "C.UTF-8".into()),
        ] {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("it starts");
        drop(pair.slave);
        let parser = vt100::Parser::new(
            NonZero::new(ROWS).expect("rows"),
            NonZero::new(COLUMNS).expect("columns"),
            0,
        );
        let shown: Shown = Arc::new((Mutex::new(parser), Condvar::new()));
        let mut output = pair.master.try_clone_reader().expect("its output");
        let seen = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = vec![0; 65_536];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                seen.0.lock().expect("the screen").process(&bytes[..read]);
                seen.1.notify_all();
            }
        });
        Self {
            child,
            _master: pair.master,
            shown,
        }
    }

    fn until(&self, so: impl Fn(&str) -> bool) {
        let end = Instant::now() + LONG;
        let mut shown = self.shown.0.lock().expect("the screen");
        while !so(&shown.screen().contents()) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not seen:\n{}", shown.screen().contents());
            shown = self.shown.1.wait_timeout(shown, left).expect("the screen").0;
        }
    }

    /// Per cent of a core that it takes for a while.
    fn busy_for(&self, span: Duration) -> f64 {
        let before = self.ticks();
        thread::sleep(span);
        // A tick is a hundredth of a second.
        f64::from(self.ticks() - before) / span.as_secs_f64()
    }

    fn ticks(&self) -> u32 {
        let stat = self.file("stat");
        let (_, rest) = stat.rsplit_once(") ").expect("a name");
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| fields[at].parse::<u32>().expect("a number");
        number(11) + number(12)
    }

    /// MiB that it holds.
    fn memory(&self) -> f64 {
        let status = self.file("status");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("its memory");
        let kib: u32 = line.trim().trim_end_matches(" kB").trim().parse().expect("a number");
        f64::from(kib) / 1024.0
    }

    fn file(&self, name: &str) -> String {
        let pid = self.child.process_id().expect("it runs");
        fs::read_to_string(format!("/proc/{pid}/{name}")).expect("the system tells")
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // One that has ended cannot be killed, which is as well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
