//! Destroy end to end: from every state of a bootstrap, killed itself, with and without what it knows, and with a platform that
//! fails.

use std::{fs, process::Command};

use serde_json::Value;

use crate::world::{Run, SHORT, Site};

/// More records than a run of this size writes.
const PLENTY: usize = 250;

impl Site {
    /// The destroy command, confirmed, with JSON as its answer.
    fn destroy_command(&self, arguments: &[&str]) -> Command {
        let mut command = self.butleradm();
        let confirmed = [
            "--yes",
            "--confirm",
            self.cluster.as_str(),
            "--no-progress",
            "-o",
            "json",
        ];
        command
            .args(["destroy", self.cluster.as_str()])
            .args(confirmed)
            .args(arguments);
        command
    }

    fn destroy(&self, arguments: &[&str]) -> Run {
        Run::of(&self.destroy_command(arguments).output().expect("the binary starts"))
    }

    fn with_config(&self) -> Run {
        let config = self.config().display().to_string();
        self.destroy(&["--config", &config])
    }

    /// Machines whose marker has this cluster's name.
    fn owned(&self, cluster: &str) -> usize {
        let status = self.status();
        let machines = status["machines"].as_array().expect("machines");
        machines.iter().filter(|m| m["owner"]["clusterName"] == cluster).count()
    }
}

impl Run {
    fn receipt(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }

    /// Fails the test unless nothing is left; the receipt.
    fn leaves_nothing(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        let receipt = self.receipt();
        assert_eq!(receipt["left"], 0, "{receipt}");
        receipt
    }
}

fn machines(receipt: &Value) -> Vec<&Value> {
    let objects = receipt["objects"].as_array().expect("objects");
    objects.iter().filter(|object| object["kind"] == "machine").collect()
}

#[test]
fn a_ready_cluster_goes_with_a_receipt_and_the_next_bootstrap_begins_anew() {
    let site = Site::new(SHORT, 3, 3, "");
    site.bootstrap(&[]).is_ready();
    let receipt = site.destroy(&[]).leaves_nothing();
    let gone = machines(&receipt);
    assert_eq!(gone.len(), 6);
    for machine in gone {
        assert_eq!(machine["state"], "deleted", "{machine}");
        for time in ["created", "deleted", "verified"] {
            assert!(machine[time].is_string(), "{time}: {machine}");
        }
    }
    let status = site.status();
    assert_eq!(status["machines"].as_array().map(Vec::len), Some(0));
    assert_eq!(status["clusters"].as_array().map(Vec::len), Some(0));
    assert_eq!(status["counters"]["machinesDeleted"], 6);
    for name in ["demo-kubeconfig", "demo-talosconfig"] {
        assert!(!site.butler_home().join(name).exists(), "{name} is still there");
    }
    let id = receipt["clusterId"].as_str().expect("an id");
    let archived = site.butler_home().join(format!("state/archive/demo-{id}/receipt.json"));
    let kept: Value = serde_json::from_str(&fs::read_to_string(archived).unwrap()).unwrap();
    assert_eq!(kept["digest"], receipt["digest"]);
    assert!(!site.state().exists());
    site.bootstrap(&[]).is_ready();
    assert_ne!(site.destroy(&[]).leaves_nothing()["clusterId"], id, "another cluster");
}

/// Bootstraps die at every record of their journals; what each has made goes, with and without the journal that tells of it.
#[test]
fn a_bootstrap_that_was_killed_anywhere_is_destroyed() {
    const LANES: usize = 2;
    std::thread::scope(|scope| {
        for lane in 1..=LANES {
            scope.spawn(move || killed_and_destroyed((lane..PLENTY).step_by(LANES)));
        }
    });
}

fn killed_and_destroyed(deaths: impl Iterator<Item = usize>) {
    let site = Site::new(SHORT, 1, 0, "");
    for records in deaths {
        let run = site
            .command(&[])
            .env("BUTLER_TEST_DIE_AFTER_RECORDS", records.to_string())
            .output()
            .expect("the binary starts");
        if records % 4 < 2 {
            fs::remove_dir_all(site.state()).expect("a state folder");
        }
        site.with_config().leaves_nothing();
        assert_eq!(site.owned("demo"), 0, "after {records} records");
        if run.status.success() {
            assert!(records > 20, "only {records} records");
            return;
        }
    }
    panic!("the bootstrap never got to its end");
}

/// A destroy dies after its second record, the next one after its third, and so on until nothing is left.
#[test]
fn a_destroy_that_is_killed_again_and_again_completes_and_asks_nobody_twice() {
    let site = Site::new(SHORT, 3, 1, "");
    site.bootstrap(&[]).is_ready();
    let mut kills = 0;
    let done = loop {
        let mut command = site.destroy_command(&[]);
        if kills > 0 {
            // Confirmed once, and that is on record.
            command = site.butleradm();
            command.args(["destroy", "demo", "--no-progress", "-o", "json"]);
        }
        let records = (kills + 2).to_string();
        let run = command.env("BUTLER_TEST_DIE_AFTER_RECORDS", records).output().unwrap();
        if run.status.success() {
            break Run::of(&run);
        }
        assert_eq!(run.status.code(), None, "{}", String::from_utf8_lossy(&run.stderr));
        kills += 1;
        assert!(kills < PLENTY, "no progress");
    };
    assert!(kills > 5, "only {kills} kills");
    let receipt = done.leaves_nothing();
    assert_eq!(machines(&receipt).len(), 4, "{receipt}");
    assert_eq!(site.owned("demo"), 0);
}

#[test]
fn another_cluster_and_a_foreign_machine_of_the_same_name_stay() {
    let mut site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let text = fs::read_to_string(site.config()).unwrap();
    let vip = text
        .split("vip: ")
        .nth(1)
        .and_then(|rest| rest.lines().next())
        .unwrap()
        .to_owned();
    let other = vip.replacen("127.100.", "127.101.", 1);
    fs::write(
        site.config(),
        text.replace("name: demo", "name: other").replace(&vip, &other),
    )
    .unwrap();
    "other".clone_into(&mut site.cluster);
    site.bootstrap(&[]).is_ready();
    "demo".clone_into(&mut site.cluster);
    // Only the platform knows now which machines are meant.
    fs::remove_dir_all(site.state()).unwrap();
    fs::write(site.config(), &text).unwrap();
    site.with_config().leaves_nothing();
    assert_eq!((site.owned("demo"), site.owned("other")), (0, 1));
    "other".clone_into(&mut site.cluster);
    site.destroy(&[]).leaves_nothing();
}

#[test]
fn what_is_not_known_is_told_apart_from_what_is_gone() {
    let mut site = Site::new(SHORT, 1, 0, "");
    let run = site.with_config();
    assert_eq!(run.leaves_nothing()["objects"], Value::Array(Vec::new()));
    "typo".clone_into(&mut site.cluster);
    let run = site.destroy(&["--provider-config", &site.config().display().to_string()]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(
        run.stderr.contains("nothing is known of a cluster typo"),
        "{}",
        run.stderr
    );
}

/// A wrong identity, and machines that carry no marker, are no reason to say that nothing is left.
#[test]
fn nobody_says_that_nothing_is_left_who_cannot_know() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    let id = "00000000-0000-4000-8000-000000000000";
    let run = site.destroy(&["--cluster-id", id]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains(id), "{}", run.stderr);
    assert_eq!(site.owned("demo"), 1);
    let listed = site.path("listed.yaml");
    let text = fs::read_to_string(site.config()).expect("a configuration");
    let machines = "  static:\n    machines:\n      - {address: 192.0.2.1, role: control-plane}\n";
    let text = text
        .replace("provider: inmemory", "provider: static")
        .replace("  inmemory:\n    world: world.yaml\n", machines);
    fs::write(&listed, text).expect("a configuration");
    fs::remove_dir_all(site.state()).expect("a state folder");
    let run = site.destroy(&["--config", &listed.display().to_string()]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("state folder"), "{}", run.stderr);
}

#[test]
fn nothing_goes_without_a_confirmation_and_a_dry_run_changes_nothing() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    for arguments in [&["--yes"][..], &["--yes", "--confirm", "dmeo"], &[]] {
        let run = site
            .butleradm()
            .args(["destroy", "demo"])
            .args(arguments)
            .output()
            .unwrap();
        let run = Run::of(&run);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains("--confirm demo"), "{arguments:?}: {}", run.stderr);
    }
    let run = site
        .butleradm()
        .args(["destroy", "demo", "--dry-run"])
        .output()
        .unwrap();
    let run = Run::of(&run);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("demo-cp-0"), "{}", run.stdout);
    assert_eq!(site.owned("demo"), 1);
}

#[test]
fn deletions_survive_lost_replies_errors_and_late_lists() {
    let world =
        format!("{SHORT}faults:\n  api: {{everyNth: 3, kinds: [error, resetAfterApply, throttle], listLag: 3s}}\n");
    let site = Site::new(&world, 3, 1, "");
    site.bootstrap(&[]).is_ready();
    let receipt = site.destroy(&[]).leaves_nothing();
    assert_eq!(machines(&receipt).len(), 4);
    assert_eq!(site.counter("machinesDeleted"), 4);
    site.struck("apiFaults", 4);
    site.struck("lateLists", 1);
}

#[test]
fn a_machine_that_does_not_die_is_named_and_left() {
    let world = format!("{SHORT}faults:\n  machines:\n    demo-cp-1: {{undying: true}}\n");
    let site = Site::new(&world, 3, 1, "");
    site.bootstrap(&[]).is_ready();
    let run = site.destroy(&["--deadline", "3s"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let receipt = run.receipt();
    assert_eq!(receipt["left"], 1, "{receipt}");
    let left: Vec<&Value> = machines(&receipt)
        .into_iter()
        .filter(|m| m["state"] == "left")
        .collect();
    assert_eq!(left[0]["name"], "demo-cp-1");
    assert!(run.stderr.contains("demo-cp-1"), "{}", run.stderr);
    assert!(site.state().join("receipt.json").exists());
}

#[test]
fn tenant_clusters_are_listed_and_not_left_behind_unasked() {
    let Some(kubectl) = crate::world::peer("kubectl") else {
        return;
    };
    let pool = "networkPool: {name: tenants, cidr: 10.200.0.0/24}\nproviderNetwork: {mode: ipam, poolRefs: [{name: \
                tenants}]}\n";
    let site = Site::new(SHORT, 1, 0, pool);
    site.bootstrap(&[]).is_ready();
    let tenant = site.path("tenant.yaml");
    let text = "apiVersion: butler.butlerlabs.dev/v1alpha1\nkind: TenantCluster\nmetadata: {name: shop, namespace: \
                butler-tenants}\nspec: {kubernetesVersion: v1.33.0, providerConfigRef: {name: inmemory}, workers: \
                {replicas: 2}}\n";
    fs::write(&tenant, text).unwrap();
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new(&kubectl);
        command
            .arg("--kubeconfig")
            .arg(site.butler_home().join("demo-kubeconfig"));
        let run = command.args(arguments).output().unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    kubectl(&["apply", "-f", &tenant.display().to_string()]);
    let ready = ["--for=jsonpath={.status.phase}=Ready", "--timeout=120s"];
    kubectl(&[&["wait", "-n", "butler-tenants", "tenantcluster/shop"], &ready[..]].concat());
    assert_eq!(site.owned("shop"), 2, "its workers are machines like others");
    let range = "--for=jsonpath={.status.cidr}=10.200.0.0/29";
    let allocation = ["ipallocation/butler-tenants-shop-lb", range, "--timeout=5s"];
    kubectl(&[&["wait", "-n", "butler-system"], &allocation[..]].concat());
    let run = site.destroy(&[]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("butler-tenants/shop"), "{}", run.stderr);
    assert_eq!(site.owned("demo"), 1);
    site.destroy(&["--with-tenants"]).leaves_nothing();
    assert_eq!(site.owned("shop"), 0, "what the cluster made goes with it");
}
