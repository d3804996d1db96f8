//! The main job on Proxmox VE, over its own wire protocol: the binary, the simulated platform with its image factory, the real
//! helm, real sockets.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]
#![expect(clippy::unwrap_used, reason = "what stops a test")]

#[path = "common/charts.rs"]
mod charts;
#[path = "proxmox/seeds.rs"]
mod seeds;
#[expect(dead_code, reason = "other tests use all of it")]
mod world;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::Value;
use world::{Run, SHORT, Site, files_with, peer};

/// The variable that holds the secret of the API token.
const SECRET: &str = "PROXMOX_TOKEN_SECRET";

/// A home with a simulated Proxmox VE, and the configuration of a cluster on it.
struct Ground {
    site: Site,
    /// The real helm, where it installs the addons; else the world does.
    helm: Option<PathBuf>,
    secret: String,
}

/// How the machines get their addresses and configurations.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    /// By DHCP, and pushed.
    Nothing,
    /// All at the first boot.
    Everything,
}

impl Ground {
    /// With charts that the real helm installs; none, saying so, without it.
    fn new(control_planes: u32, workers: u32, told: Told) -> Option<Self> {
        let helm = peer("helm")?;
        let mut ground = Self::played(control_planes, workers, told);
        let site = &ground.site;
        let config = fs::read_to_string(site.config()).unwrap();
        let mirror = site.path("charts");
        let config = format!("{config}addons: {{chartMirror: {}}}\n", mirror.display());
        fs::write(site.config(), &config).unwrap();
        charts::mirror(&helm, &config, &mirror);
        ground.helm = Some(helm);
        Some(ground)
    }

    /// Without charts: the world installs the addons.
    fn played(control_planes: u32, workers: u32, told: Told) -> Self {
        let site = Site::new(SHORT, control_planes, workers, "");
        let up = ["inmemory", "up", "--platform", "proxmox", "--world", "world.yaml"];
        let up = site.butleradm().args(up).output().expect("the binary starts");
        assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
        let platform = site.status()["platforms"][0].clone();
        let secret = fs::read_to_string(text(&platform, "tokenFile"))
            .unwrap()
            .trim()
            .to_owned();
        let config = configuration(&fs::read_to_string(site.config()).unwrap(), &platform, told);
        fs::write(site.config(), &config).unwrap();
        let helm = None;
        Self { site, helm, secret }
    }

    /// A command of the binary that finds helm and the secret.
    fn with_secret(&self, mut command: Command) -> Command {
        if let Some(helm) = &self.helm {
            command.env("PATH", helm.parent().unwrap());
        }
        command.env(SECRET, &self.secret);
        command
    }

    /// Checks the platform of the configuration.
    fn validate(&self) -> Run {
        let mut command = self.with_secret(self.site.butleradm());
        command
            .args(["provider", "validate", "--config"])
            .arg(self.site.config());
        Run::of(&command.output().expect("the binary starts"))
    }

    /// Runs the bootstrap. No process has the secret among its arguments meanwhile.
    fn bootstrap(&self, arguments: &[&str]) -> Run {
        let mut command = self.with_secret(self.site.command(arguments));
        let ended = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    no_argument_is(&self.secret);
                    thread::sleep(Duration::from_millis(50));
                }
            });
            let output = command.output().expect("the binary starts");
            ended.store(true, Ordering::Relaxed);
            Run::of(&output)
        })
    }

    /// Looks for garbage of any age, or takes it away.
    fn gc(&self, arguments: &[&str]) -> Run {
        let mut command = self.with_secret(self.site.butleradm());
        command.args(["gc", "--older-than", "0s", "--no-progress", "-o", "json"]);
        command.arg("--provider-config").arg(self.platform()).args(arguments);
        Run::of(&command.output().expect("the binary starts"))
    }

    /// A file with nothing but the platform of the configuration.
    fn platform(&self) -> PathBuf {
        let config = fs::read_to_string(self.site.config()).unwrap();
        let (_, settings) = config.split_once("providerConfig:").unwrap();
        let settings = settings.split("\naddons:").next().unwrap();
        let platform = self.site.path("platform.yaml");
        fs::write(&platform, format!("provider: proxmox\nproviderConfig:{settings}\n")).unwrap();
        platform
    }

    /// Runs the same command until it ends by itself; it is killed at every record that is a stride after another one, from the
    /// first one on. Returns how often.
    fn killed_from(&self, first: usize) -> usize {
        let mut kills = 0;
        loop {
            let written = self.site.journal().len();
            let next = first + written.saturating_sub(first).next_multiple_of(STRIDE);
            let next = if next > written { next } else { next + STRIDE };
            let mut command = self.with_secret(self.site.command(&[]));
            command.env("BUTLER_TEST_DIE_AFTER_RECORDS", (next - written).to_string());
            let run = Run::of(&command.output().expect("the binary starts"));
            if run.code == Some(0) {
                return kills;
            }
            assert_eq!(run.code, None, "first {first}, at record {next}: {}", run.stderr);
            kills += 1;
            assert!(kills < 30, "no progress: {:?}", self.site.journal().last());
        }
    }

    fn destroy(&self, arguments: &[&str]) -> Run {
        let mut command = self.with_secret(self.site.butleradm());
        let confirmed = [
            "destroy",
            "demo",
            "--yes",
            "--confirm",
            "demo",
            "--no-progress",
            "-o",
            "json",
        ];
        command.args(confirmed).args(arguments);
        Run::of(&command.output().expect("the binary starts"))
    }

    /// What the management cluster has of a kind.
    fn objects(&self, kubectl: &Path, kind: &str) -> Vec<Value> {
        let output = Command::new(kubectl)
            .env_clear()
            .env("HOME", self.site.path(""))
            .arg("--kubeconfig")
            .arg(self.site.butler_home().join("demo-kubeconfig"))
            .args(["get", kind, "-n", "butler-system", "-o", "json"])
            .output()
            .expect("kubectl starts");
        let list: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        list["items"].as_array().unwrap().clone()
    }

    /// Destroys the cluster; the kinds of what went.
    fn leaves_nothing(&self, arguments: &[&str]) -> Vec<String> {
        let gone = self.destroy(arguments);
        assert_eq!(gone.code, Some(0), "{}", gone.stderr);
        let receipt: Value = serde_json::from_str(&gone.stdout).unwrap();
        assert_eq!(receipt["left"], 0, "{receipt}");
        let config = self.site.config().display().to_string();
        let again = self.destroy(&["--config", &config]);
        let nothing: Value = serde_json::from_str(&again.stdout).unwrap();
        assert_eq!(
            (&nothing["left"], &nothing["objects"]),
            (&0.into(), &Value::Array(Vec::new()))
        );
        let machines = self.site.status()["machines"].as_array().unwrap().len();
        assert_eq!(machines, 0, "a machine runs");
        self.keeps_the_secret(&[&gone, &again]);
        let objects = receipt["objects"].as_array().unwrap().iter();
        objects.map(|object| text(object, "kind")).collect()
    }

    /// The secret is in nothing that was printed or written, but where the world keeps it for those who ask.
    fn keeps_the_secret(&self, runs: &[&Run]) {
        for run in runs {
            assert!(!run.stdout.contains(&self.secret) && !run.stderr.contains(&self.secret));
        }
        let state = self.site.butler_home().join("state");
        for folder in ["clusters", "archive"] {
            assert_eq!(files_with(&state.join(folder), &self.secret), Vec::<PathBuf>::new());
        }
    }
}

/// Fails the test if a process of this machine has a text among its arguments.
fn no_argument_is(secret: &str) {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        // It may have ended meanwhile.
        let Ok(arguments) = fs::read(process.path().join("cmdline")) else {
            continue;
        };
        let arguments = String::from_utf8_lossy(&arguments);
        assert!(!arguments.contains(secret), "{}", arguments.replace('\0', " "));
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {value}"))
        .to_owned()
}

/// The site's own configuration, on the platform that its world plays.
fn configuration(config: &str, platform: &Value, told: Told) -> String {
    let config = config.split("providerConfig:").next().unwrap();
    let mut config = config.replace("provider: inmemory", "provider: proxmox").replacen(
        "talos:\n",
        &format!("talos:\n  imageFactory: {}\n", text(platform, "imageFactory")),
        1,
    );
    let mut delivery = "";
    if told == Told::Everything {
        let network = text(platform, "network");
        let net = network.strip_suffix(".0/24").unwrap();
        let addresses = format!(
            "network:\n  nodeAddresses: {{start: {net}.60, end: {net}.69, prefixLength: 24, gateway: {net}.1, \
             nameservers: [{net}.1]}}\n"
        );
        config = config.replacen("network:\n", &addresses, 1);
        delivery = "    configDelivery: cidata\n";
    }
    format!(
        "{config}providerConfig:
  proxmox:
    endpoint: {}
    fingerprint: {}
    nodes: [pve1, pve2, pve3]
    username: {}
    password: {{env: {SECRET}}}
    storage: local-zfs
{delivery}",
        text(platform, "endpoint"),
        text(platform, "fingerprint"),
        text(platform, "token"),
    )
}

#[test]
fn an_ha_cluster_becomes_ready_its_record_says_so_and_it_goes_without_a_trace() {
    let (Some(ground), Some(kubectl)) = (Ground::new(3, 3, Told::Nothing), peer("kubectl")) else {
        return;
    };
    let plan = ground.bootstrap(&["--dry-run"]);
    assert!(plan.stdout.contains("machine-image"), "{}", plan.stdout);
    assert_eq!(ground.site.counter("machinesCreated"), 0);
    let events = ground.site.path("events.ndjson");
    let first = ground.bootstrap(&["--events", &events.display().to_string()]);
    first.is_ready();
    assert_eq!(ground.site.counter("machinesCreated"), 6);
    assert_eq!(ground.site.counter("bootstrapsTakenEffect"), 1);
    let again = ground.bootstrap(&[]);
    again.is_ready();
    assert_eq!(ground.site.counter("machinesCreated"), 6);
    let valid = ground.validate();
    assert_eq!(
        valid.code,
        Some(0),
        "its own machines are in nobody's way: {}",
        valid.stdout
    );
    ground.keeps_the_secret(&[&first, &again, &valid]);
    assert!(!fs::read_to_string(events).unwrap().contains(&ground.secret));

    let provider = &ground.objects(&kubectl, "providerconfigs")[0];
    assert_eq!(provider["metadata"]["name"], "proxmox");
    assert_eq!(provider["spec"]["credentialsRef"]["name"], "proxmox-credentials");
    let secrets = ground.objects(&kubectl, "secrets");
    let secret = secrets
        .iter()
        .find(|secret| secret["metadata"]["name"] == "proxmox-credentials");
    let keys: Vec<&String> = secret.unwrap()["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["fingerprint", "password", "username"]);
    let image = &ground.objects(&kubectl, "imagesyncs")[0];
    assert_eq!(image["status"]["phase"], "Ready");
    assert_eq!(image["spec"]["providerConfigRef"]["name"], "proxmox");
    let machines = ground.objects(&kubectl, "machinerequests");
    assert_eq!(machines.len(), 6);
    for machine in machines {
        assert_eq!(machine["spec"]["image"], image["status"]["providerImageRef"]);
        assert!(machine["status"]["providerID"].is_string(), "{machine}");
        assert!(machine["spec"]["userData"].is_null(), "{machine}");
    }

    let mut kinds = ground.leaves_nothing(&[]);
    kinds.dedup();
    assert_eq!(kinds, ["file", "image", "machine"]);
}

#[test]
fn a_machine_that_is_told_everything_at_its_first_boot_keeps_nothing_of_it() {
    let Some(ground) = Ground::new(1, 0, Told::Everything) else {
        return;
    };
    ground.bootstrap(&[]).is_ready();
    let journal = ground.site.journal();
    let scrubbed = |record: &&Value| record["type"] == "proof" && record["step"] == "machine/demo-cp-0/scrub";
    assert_eq!(journal.iter().filter(scrubbed).count(), 1);
    let address = ground.site.status()["machines"][0]["address"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(address.ends_with(".60"), "{address}");
    // Without a journal and without a configuration, from what the platform says.
    let state = ground.site.state();
    fs::rename(&state, ground.site.path("elsewhere")).unwrap();
    let kinds = ground.leaves_nothing(&["--provider-config", &ground.platform().display().to_string()]);
    assert_eq!(kinds, ["image", "machine"]);
}

/// What a process that died left is garbage once nobody has its state any more; a cluster that runs never is.
#[test]
fn garbage_goes_and_a_cluster_that_runs_stays() {
    let ground = Ground::played(1, 0, Told::Nothing);
    let mut command = ground.with_secret(ground.site.command(&[]));
    command.env("BUTLER_TEST_DIE_AFTER_PROOF", "machine/demo-cp-0/create");
    let died = Run::of(&command.output().expect("the binary starts"));
    assert_eq!(died.code, None, "{}", died.stderr);
    let judged = |run: &Run| -> Vec<(String, String)> {
        let found: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}", run.stderr));
        let objects = found["objects"].as_array().unwrap().iter();
        objects
            .map(|object| (text(object, "kind"), text(object, "verdict")))
            .collect()
    };
    let known = ground.gc(&["--dry-run"]);
    assert!(
        judged(&known).iter().all(|(_, verdict)| verdict == "stays"),
        "{}",
        known.stdout
    );

    fs::rename(ground.site.state(), ground.site.path("elsewhere")).unwrap();
    let unasked = ground.gc(&[]);
    assert_eq!(unasked.code, Some(2), "{}", unasked.stderr);
    let lost = judged(&ground.gc(&["--dry-run"]));
    assert!(lost.contains(&("machine".into(), "goes".into())), "{lost:?}");
    assert!(lost.contains(&("image".into(), "goes".into())), "{lost:?}");
    let gone = ground.gc(&["--yes"]);
    assert_eq!(gone.code, Some(0), "{}", gone.stderr);
    let receipts: Value = serde_json::from_str(&gone.stdout).unwrap();
    assert_eq!(receipts["left"], 0, "{receipts}");
    assert_eq!(judged(&ground.gc(&["--dry-run"])), Vec::new());
    assert_eq!(ground.site.counter("machinesDeleted"), 1);

    ground.bootstrap(&[]).is_ready();
    fs::rename(ground.site.state(), ground.site.path("elsewhere too")).unwrap();
    let running = ground.gc(&["--yes"]);
    assert_eq!(running.code, Some(0), "{}", running.stderr);
    assert!(
        judged(&running).iter().all(|(_, verdict)| verdict == "stays"),
        "{}",
        running.stdout
    );
    assert_eq!(ground.site.counter("machinesDeleted"), 1);
    ground.keeps_the_secret(&[&died, &known, &unasked, &gone, &running]);
}

/// Every so many records a run is killed.
const STRIDE: usize = 28;

/// Kills along the journal, as in `kill.rs`, with another platform below. `BUTLER_TEST_EVERY_RECORD=1` kills at every record of
/// it once, in as many passes, which takes a quarter of an hour.
#[test]
fn killed_along_the_journal_nothing_is_made_twice() {
    let every = std::env::vars_os().any(|(name, _)| name == "BUTLER_TEST_EVERY_RECORD");
    let passes: Vec<usize> = if every { (1..=STRIDE).collect() } else { vec![5, 19] };
    for first in passes {
        let Some(ground) = Ground::new(1, 0, Told::Everything) else {
            return;
        };
        let kills = ground.killed_from(first);
        assert!(kills > 2, "only {kills} kills");
        assert_eq!(ground.site.counter("machinesCreated"), 1, "first {first}");
        assert_eq!(ground.site.counter("bootstrapsTakenEffect"), 1, "first {first}");
        let mut kinds = ground.leaves_nothing(&[]);
        kinds.dedup();
        assert_eq!(kinds, ["file", "image", "machine"], "first {first}");
    }
}
