//! A proof is the thing itself: journals and files that were lost, damaged or exchanged, and etcd bootstrapped once.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use butler_api::v1alpha1::{MachineRequest, ProviderConfig};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::Value;

use crate::world::{Run, SHORT, Site};

/// The first control plane comes last, so that etcd is bootstrapped on another one than a later run would choose. The static one
/// boots with the world, which is up some time before the bootstrap begins.
const LATE: &str = "faults: {machines: {demo-cp-0: {bootDelay: 5s}, static-1: {bootDelay: 6s}}}\n";

struct Lost {
    journal: PathBuf,
    backup: PathBuf,
    content: Vec<u8>,
    backed_up: Vec<u8>,
}

impl Lost {
    fn of(site: &Site) -> Self {
        let (journal, backup) = (
            site.state().join("journal.ndjson"),
            site.state().join("journal-backup.ndjson"),
        );
        Self {
            content: fs::read(&journal).unwrap(),
            backed_up: fs::read(&backup).unwrap(),
            journal,
            backup,
        }
    }

    fn lines(&self) -> Vec<&[u8]> {
        self.content.split_inclusive(|b| *b == b'\n').collect()
    }

    /// Index of the line that holds the choice of the etcd node.
    fn choice(&self) -> usize {
        let choice = b"\"fact\":\"etcdNode\"";
        let holds = |line: &&[u8]| line.windows(choice.len()).any(|w| w == choice);
        self.lines().iter().position(holds).expect("a choice")
    }

    /// What somebody or a crash may have made of the journal: none if it is gone.
    fn damages(&self) -> Vec<(&'static str, Option<Vec<u8>>)> {
        let lines = self.lines();
        let choice = self.choice();
        let mut cut = lines.clone();
        // The choice, or what stands before it where it is the last one: an end that was lost comes from the backup.
        cut.remove(choice.min(lines.len() - 2));
        let mut twice = lines.clone();
        twice.insert(choice, lines[choice]);
        let text = String::from_utf8(self.content.clone()).unwrap();
        vec![
            ("deleted", None),
            ("empty", Some(Vec::new())),
            ("zeros", Some(vec![0; self.content.len()])),
            ("a line cut out", Some(cut.concat())),
            ("the first line cut off", Some(lines[1..].concat())),
            ("a line twice", Some(twice.concat())),
            ("version 0", Some(text.replacen("\"v\":2", "\"v\":0", 1).into_bytes())),
        ]
    }

    fn put(&self, journal: Option<&[u8]>, with_backup: bool) {
        drop(fs::remove_file(&self.backup));
        drop(fs::remove_file(&self.journal));
        if let Some(journal) = journal {
            fs::write(&self.journal, journal).unwrap();
        }
        if with_backup {
            fs::write(&self.backup, &self.backed_up).unwrap();
        }
    }
}

/// Starts a bootstrap and kills it as soon as its journal holds this text.
fn killed_at(site: &Site, mut command: Command, text: &str) {
    let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    loop {
        let journal = fs::read_to_string(site.state().join("journal.ndjson"));
        let journal = journal.unwrap_or_else(|error| error.to_string());
        if journal.contains(text) {
            break;
        }
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "ended before {text}: {ended:?}\n{journal}");
        assert!(began.elapsed() < Duration::from_mins(3), "{journal}");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Every damage is refused, names the machines and the way back, and calls nobody.
fn damages_are_refused(site: &Site, again: impl Fn() -> Run, machines: &[&str]) {
    let lost = Lost::of(site);
    for (what, journal) in lost.damages() {
        for with_backup in [true, false] {
            lost.put(journal.as_deref(), with_backup);
            let run = again();
            assert_eq!(run.code, Some(1), "{what}: {}", run.stderr);
            let error = run.stderr.split("error:").nth(1).unwrap_or("");
            let way_back = if with_backup {
                "hint: its backup holds"
            } else {
                "hint: put "
            };
            for words in machines.iter().chain(&["journal.ndjson", way_back, "begin anew"]) {
                assert!(error.contains(words), "{what}: {words:?} is not in {error}");
            }
            assert_eq!(fs::read(&lost.journal).ok(), journal, "{what}: the journal was changed");
        }
    }
    assert!(site.counter("bootstrapsTakenEffect") <= 1);
    // What the hint says.
    lost.put(None, true);
    fs::copy(&lost.backup, &lost.journal).unwrap();
}

#[test]
fn a_journal_that_was_lost_after_the_choice_never_bootstraps_etcd_twice() {
    let site = Site::new(&format!("{SHORT}{LATE}"), 3, 1, "");
    killed_at(&site, site.command(&[]), "\"fact\":\"etcdNode\"");
    assert_ne!(site.etcd_node(), "demo-cp-0");
    damages_are_refused(
        &site,
        || site.bootstrap(&[]),
        &["demo-cp-0", "demo-cp-2", "demo-worker-0"],
    );
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
    assert_eq!(site.counter("machinesCreated"), 4);
}

/// A program that says that it is helm: none of these runs gets as far as a chart.
fn helm(site: &Site) -> PathBuf {
    let folder = site.path("bin");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("helm");
    fs::write(&file, "#!/bin/sh\necho v3.20.0+g0000000\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The worst that was found: on machines that somebody else booted, a lost journal made two clusters of three nodes.
#[test]
fn on_static_machines_a_lost_journal_never_bootstraps_etcd_twice() {
    let site = Site::new(&format!("{SHORT}{LATE}"), 3, 1, "");
    let up = site
        .butleradm()
        .args(["inmemory", "up", "--static", "4", "--world", "world.yaml"])
        .output();
    assert!(up.expect("the binary starts").status.success());
    fs::write(site.config(), static_configuration(&site)).unwrap();
    let path = helm(&site);
    let command = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        command.env("PATH", &path);
        command
    };
    killed_at(&site, command(&[]), "\"fact\":\"etcdNode\"");
    assert_ne!(site.etcd_node(), "demo-cp-0");
    let again = || Run::of(&command(&["--deadline", "8s"]).output().unwrap());
    damages_are_refused(&site, again, &["demo-cp-0 (127.", "demo-cp-2 (127.", "store-1 (127."]);
    killed_at(&site, command(&[]), "etcd/member/demo-cp-2\",\"evidence");
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
    assert_eq!(site.status()["clusters"].as_array().map(Vec::len), Some(1));
}

fn static_configuration(site: &Site) -> String {
    let config = fs::read_to_string(site.config()).unwrap();
    let config = config.split("providerConfig:").next().unwrap();
    let config = config.replace("provider: inmemory", "provider: static");
    let status = site.status();
    let machines = status["machines"].as_array().unwrap().iter().enumerate();
    let lines: Vec<String> = machines
        .map(|(i, machine)| {
            let address = machine["address"].as_str().unwrap();
            match i {
                3 => format!("      - {{address: {address}, role: worker, name: store-1}}\n"),
                _ => format!("      - {{address: {address}, role: control-plane}}\n"),
            }
        })
        .collect();
    format!(
        "{config}bootstrapCluster: embedded\nproviderConfig:\n  static:\n    machines:\n{}",
        lines.concat()
    )
}

/// Without the lines from the choice on, and without backup, only the nodes know that etcd was bootstrapped.
#[test]
fn a_journal_that_lost_its_end_and_its_backup_asks_the_nodes() {
    let site = Site::new(&format!("{SHORT}{LATE}"), 3, 1, "");
    killed_at(&site, site.command(&[]), "\"step\":\"api-server\",\"evidence\"");
    assert_ne!(site.etcd_node(), "demo-cp-0");
    let lost = Lost::of(&site);
    for kept in [lost.choice(), 1] {
        lost.put(Some(&lost.lines()[..kept].concat()), false);
        killed_at(&site, site.command(&[]), "\"step\":\"api-server\",\"evidence\"");
        assert_eq!(site.counter("bootstrapsTakenEffect"), 1, "{kept} lines kept");
        assert_eq!(site.counter("machinesCreated"), 4, "{kept} lines kept");
    }
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("bootstrapCalls"), 1);
}

#[test]
fn an_end_that_the_journal_lost_comes_from_its_backup() {
    let site = Site::new(SHORT, 1, 0, "");
    killed_at(&site, site.command(&[]), "\"step\":\"api-server\",\"evidence\"");
    let lost = Lost::of(&site);
    lost.put(Some(&lost.lines()[..lost.choice()].concat()), true);
    let run = site.bootstrap(&[]);
    run.is_ready();
    assert!(run.stderr.contains("its backup had them"), "{}", run.stderr);
    assert_eq!(site.counter("bootstrapCalls"), 1);
}

#[test]
fn secrets_that_were_lost_half_way_are_missed() {
    let site = Site::new(SHORT, 1, 0, "");
    killed_at(&site, site.command(&[]), "\"fact\":\"etcdNode\"");
    let secrets = site.state().join("secrets.yaml");
    let kept = fs::read(&secrets).unwrap();
    fs::remove_file(&secrets).unwrap();
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for words in [
        "secrets.yaml are lost",
        "demo-cp-0 (127.",
        "hint: put ",
        "talosctl gen secrets",
    ] {
        assert!(run.stderr.contains(words), "{words:?} is not in {}", run.stderr);
    }
    assert!(!secrets.exists());
    fs::write(&secrets, kept).unwrap();
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
}

/// Nodes that lose power in the second after the call have forgotten it.
#[test]
fn a_node_that_forgot_the_bootstrap_is_called_again_in_the_same_run() {
    let faults = "faults: {machines: {demo-cp-0: {powerCutAtBootstrap: 500ms}}}\n";
    let site = Site::new(
        &format!("{}{faults}", SHORT.replace("etcd: 20ms", "etcd: 200ms")),
        1,
        0,
        "",
    );
    site.bootstrap(&[]).is_ready();
    assert_eq!(site.counter("bootstrapCalls"), 2);
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
}

/// What stands at a promised place, whatever it is, and what a run makes of it.
#[test]
fn promised_files_of_a_finished_cluster_are_made_again() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let home = site.butler_home();
    let files = [
        (home.join("demo-kubeconfig"), "current-context: admin@demo"),
        (site.state().join("kubeconfig"), "current-context: admin@demo"),
        (home.join("demo-talosconfig"), "context: demo"),
        (site.state().join("talosconfig"), "context: demo"),
        (site.state().join("secrets.yaml"), "trustdinfo:"),
    ];
    let secrets = fs::read(&files[4].0).unwrap();
    let contents: [(&str, Option<&str>); 3] = [("deleted", None), ("empty", Some("")), ("blank", Some("\n\0\n"))];
    for (what, content) in contents {
        // All at once but the secrets, which come back with the credentials of a talosconfig.
        for (path, _) in &files[..4] {
            fs::remove_file(path).unwrap();
            if let Some(content) = content {
                fs::write(path, content).unwrap();
            }
        }
        let run = site.bootstrap(&[]);
        run.is_ready();
        assert!(run.stderr.contains("demo-kubeconfig"), "{what}: {}", run.stderr);
        holds(&files, what);
        fs::write(&files[4].0, content.unwrap_or("")).unwrap();
        if content.is_none() {
            fs::remove_file(&files[4].0).unwrap();
        }
        let run = site.bootstrap(&[]);
        run.is_ready();
        assert!(
            run.stderr.contains("restored from a control plane"),
            "{what}: {}",
            run.stderr
        );
        assert_eq!(fs::read(&files[4].0).unwrap(), secrets, "{what}");
    }
    let began = Instant::now();
    site.bootstrap(&[]).is_ready();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(site.counter("bootstrapCalls"), 1);
}

fn holds(files: &[(PathBuf, &str)], what: &str) {
    for (path, words) in files {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(words), "{what}: {}", path.display());
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn files_of_another_cluster_are_told_and_replaced_and_links_followed() {
    let (one, two) = (Site::new(SHORT, 1, 0, ""), Site::new(SHORT, 1, 0, ""));
    one.bootstrap(&[]).is_ready();
    two.bootstrap(&[]).is_ready();
    for name in ["demo-kubeconfig", "demo-talosconfig"] {
        let (ours, theirs) = (two.butler_home().join(name), one.butler_home().join(name));
        let good = fs::read(&ours).unwrap();
        let target = two.path(name);
        fs::copy(&theirs, &target).unwrap();
        fs::remove_file(&ours).unwrap();
        symlink(&target, &ours).unwrap();
        let run = two.bootstrap(&[]);
        run.is_ready();
        assert!(run.stderr.contains("was not the "), "{name}: {}", run.stderr);
        assert!(fs::symlink_metadata(&ours).unwrap().is_symlink(), "{name}");
        let written = fs::read(&target).unwrap();
        assert_ne!(written, fs::read(&theirs).unwrap(), "{name}");
        assert!(name != "demo-kubeconfig" || written == good, "the other copy was good");
    }
}

#[test]
fn what_cannot_be_replaced_is_an_error_with_the_reason() {
    let site = Site::new(SHORT, 1, 0, "");
    let kubeconfig = site.butler_home().join("demo-kubeconfig");
    fs::create_dir_all(&kubeconfig).unwrap();
    refused(&site, &kubeconfig);
    assert_eq!(
        site.counter("machinesCreated"),
        0,
        "better known before the first machine"
    );
    fs::remove_dir(&kubeconfig).unwrap();
    site.bootstrap(&[]).is_ready();
    for name in ["demo-kubeconfig", "demo-talosconfig"] {
        let path = site.butler_home().join(name);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        refused(&site, &path);
        fs::remove_dir(&path).unwrap();
    }
    site.bootstrap(&[]).is_ready();
}

fn refused(site: &Site, path: &Path) {
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let words = format!("{} is a folder, where a file has to be", path.display());
    assert!(run.stderr.contains(&words), "{}", run.stderr);
    assert!(run.stderr.contains("hint: move it away"), "{}", run.stderr);
}

/// An older journal never converged, and wrote `Pivoting` over the `Ready` of the management cluster.
#[test]
fn a_finished_cluster_recognises_itself_whatever_the_journal_has_lost() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let lost = Lost::of(&site);
    let lines = lost.lines();
    let at = |text: &str| {
        let holds = |line: &&[u8]| String::from_utf8_lossy(line).contains(text);
        lines.iter().position(holds).expect(text)
    };
    let copied = at("\"step\":\"pivot/copy\",\"evidence\"");
    for kept in [1, at("addon/cilium"), copied, copied + 1] {
        lost.put(Some(&lines[..kept].concat()), false);
        let events = site.path("events.ndjson");
        drop(fs::remove_file(&events));
        let run = site.bootstrap(&["--events", events.to_str().unwrap()]);
        run.is_ready();
        let answer = fs::read_to_string(&events).unwrap();
        let retried = answer.lines().filter(|line| line.contains("\"step.retried\"")).count();
        assert_eq!(retried, 0, "{kept} lines kept: {answer}");
        assert_eq!(phase(&site), "Ready", "{kept} lines kept");
    }
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
    assert_eq!(site.counter("machinesCreated"), 1);
}

/// The record that a finished cluster holds of itself.
#[test]
fn a_record_that_was_deleted_is_written_again() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    on_management(&site, async |client| {
        let all = kube::api::ListParams::default();
        records(&client)
            .delete_collection(&kube::api::DeleteParams::default(), &all)
            .await
            .unwrap();
    });
    let run = site.bootstrap(&[]);
    run.is_ready();
    assert!(run.stderr.contains("is written again"), "{}", run.stderr);
    assert_eq!(phase(&site), "Ready");
}

type Records = kube::Api<butler_api::v1alpha1::ClusterBootstrap>;

fn records(client: &kube::Client) -> Records {
    kube::Api::namespaced(client.clone(), "butler-system")
}

/// Two stood on the management cluster: the record's own, and the one that the controller looks up.
#[test]
fn after_the_pivot_one_provider_config_stands_and_the_record_refers_to_it() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let (configs, referred) = on_management(&site, async |client| {
        let configs: Api<ProviderConfig> = Api::all(client.clone());
        let configs = configs.list(&ListParams::default()).await.unwrap();
        let names: Vec<String> = configs.items.iter().map(ResourceExt::name_any).collect();
        let requests: Api<MachineRequest> = Api::all(client.clone());
        let request = requests.list(&ListParams::default()).await.unwrap().items.remove(0);
        let bootstrap = records(&client).get("demo").await.unwrap();
        (
            names,
            [request.spec.provider_ref.name, bootstrap.spec.provider_ref.name],
        )
    });
    assert_eq!(configs, ["inmemory"]);
    assert_eq!(referred, ["inmemory", "inmemory"]);
}

fn phase(site: &Site) -> String {
    on_management(site, async |client| {
        let found = records(&client).get("demo").await.unwrap();
        let value: Value = serde_json::to_value(found.status).unwrap();
        value["phase"].as_str().unwrap_or("").to_owned()
    })
}

fn on_management<T>(site: &Site, work: impl AsyncFnOnce(kube::Client) -> T) -> T {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let file = site.butler_home().join("demo-kubeconfig");
        let options = butler_kubernetes::connect::Options::default();
        work(butler_kubernetes::connect::connect_file(&file, &options).await.unwrap()).await
    })
}
