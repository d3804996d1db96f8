//! `butlerctl cluster list -A` with 10,000 clusters, beside `kubectl get tenantclusters -A` and `kubectl get --raw` of the same
//! pages, on the same real kube-apiserver: wall time, and peak memory of ours. Budgets: half the time of the first, and 1.1 times
//! that of the second.
//!
//! `BUTLER_PEERS=target/peers cargo bench -p butlerctl --bench list [-- CLUSTERS]`
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
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Api;
use ground::{ALL, fill, peer};
use serde_json::Value;

/// How often each is measured; the fastest counts.
const ROUNDS: usize = 5;
/// Clusters in one page.
const PAGE: usize = 1000;

fn main() {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let clusters: usize = asked.unwrap_or(10_000);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let Some(real) = runtime.block_on(real::start()) else {
        println!("skipped: kube-apiserver and etcd are not in BUTLER_PEERS");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let ground = Ground {
        kubectl: PathBuf::from(
            std::env::args()
                .find(|argument| argument.ends_with("kubectl"))
                .unwrap_or_else(|| peer("kubectl")),
        ),
        kubeconfig: folder.path().join("kubeconfig"),
        home: folder.path().to_owned(),
    };
    let kubeconfig = real
        .authority
        .kubeconfig(real.api.url(), "admin", Some("system:masters"));
    fs::write(&ground.kubeconfig, kubeconfig.to_string()).expect("a kubeconfig");
    runtime.block_on(fill(&real.api, clusters));
    let pages = runtime.block_on(pages(&real.api));
    assert_eq!(pages.len(), clusters.div_ceil(PAGE));

    let mut best: [Option<Seen>; 5] = [const { None }; 5];
    // Each round has all of them, so that what else the machine does in a minute is the same for all.
    for _ in 0..ROUNDS {
        let all = pages.iter().map(|page| ground.kubectl(&["get", "--raw", page]));
        let seen = [
            ground.ours(&["cluster", "list", "-A"]),
            ground.ours(&["cluster", "list", "-A", "-o", "json"]),
            ground.kubectl(&["get", "tenantclusters", "-A"]),
            all.reduce(|all, next| all.then(&next)).expect("a page"),
            ground.kubectl(&["get", "--raw", ALL]),
        ];
        for (best, seen) in best.iter_mut().zip(seen) {
            if best.as_ref().is_none_or(|best| seen.wall < best.wall) {
                *best = Some(seen);
            }
        }
    }
    let [ours, json, get, raw, whole] = best.map(|best| best.expect("a round"));
    println!("{clusters} clusters, {} pages: seconds, and peak MiB", pages.len());
    for (what, seen) in [
        ("butlerctl cluster list -A", &ours),
        ("butlerctl cluster list -A -o json", &json),
        ("kubectl get tenantclusters -A", &get),
        ("kubectl get --raw of each page", &raw),
        ("kubectl get --raw of all in one page", &whole),
    ] {
        println!("{what:<40} {:>8.3} {:>8.1}", seen.wall.as_secs_f64(), mib(seen.peak));
    }
    let ratio = |other: &Seen| ours.wall.as_secs_f64() / other.wall.as_secs_f64();
    println!("of kubectl get: {:.2} (budget 0.5)", ratio(&get));
    println!("of kubectl get --raw of the pages: {:.2} (budget 1.1)", ratio(&raw));
    println!("of kubectl get --raw in one page: {:.2}", ratio(&whole));
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}

/// Where both programs run.
struct Ground {
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
}

impl Ground {
    fn ours(&self, arguments: &[&str]) -> Seen {
        let mut command = Command::new(env!("CARGO_BIN_EXE_butlerctl"));
        command
            .env_clear()
            .env("BUTLER_HOME", &self.home)
            .env("BUTLER_KUBECONFIG", &self.kubeconfig);
        measured(command.args(arguments))
    }

    fn kubectl(&self, arguments: &[&str]) -> Seen {
        let mut command = Command::new(&self.kubectl);
        command
            .env_clear()
            .env("HOME", &self.home)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig);
        measured(command.args(arguments))
    }
}

/// What was seen of a process.
struct Seen {
    wall: Duration,
    /// In KiB.
    peak: u64,
}

impl Seen {
    fn then(self, next: &Self) -> Self {
        Self {
            wall: self.wall + next.wall,
            peak: self.peak.max(next.peak),
        }
    }
}

fn measured(command: &mut Command) -> Seen {
    let began = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("it starts");
    let peak = peak(&mut child);
    let wall = began.elapsed();
    Seen { wall, peak }
}

/// The peak memory of a process until its end, in KiB.
fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Some(ended) = child.try_wait().expect("a child") {
            assert!(ended.success(), "it failed");
            return peak;
        }
        peak = peak.max(high_water(Path::new(&status)));
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn high_water(status: &Path) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_else(|_| String::new());
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// The paths of all pages. They can be asked for again as long as the API server has their version.
async fn pages(api: &Api) -> Vec<String> {
    let mut pages = vec![format!("{ALL}?limit={PAGE}")];
    loop {
        let last = pages.last().expect("one at least");
        let answer = api.json("GET", last, &Value::Null).await;
        match answer.body["metadata"]["continue"]
            .as_str()
            .filter(|token| !token.is_empty())
        {
            Some(token) => pages.push(format!("{ALL}?limit={PAGE}&continue={token}")),
            None => return pages,
        }
    }
}
