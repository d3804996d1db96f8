//! `butlerctl kubeconfig` and `credential`: the real kubectl with the login, and files that several programs write at once.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/peers.rs"]
mod peers;
#[path = "common/place.rs"]
#[expect(dead_code, reason = "the tests of credentials use all of it")]
mod place;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use butler_world::butler::server::Lifetimes;
use place::support::PASSWORD;
use place::{Place, Ran, mode};
use serde_json::{Value, json};

/// How many entries each process merges, and how many processes do.
const ENTRIES: usize = 200;
const PROCESSES: usize = 2;

fn logged_in(place: &Place) {
    let login = place.by_password(PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
}

/// The command line with kubectl's file at this place.
fn with_file(place: &Place, file: &Path, arguments: &[&str]) -> Ran {
    Ran::of(&place.command(arguments).env("KUBECONFIG", file).output().unwrap())
}

fn kubectl(program: &Path, file: &Path, arguments: &[&str]) -> Ran {
    let output = Command::new(program)
        .env_clear()
        .env("KUBECONFIG", file)
        .env("HOME", file.parent().unwrap())
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    Ran::of(&output.unwrap())
}

/// A file read as kubectl reads it.
fn parsed(file: &Path) -> Value {
    serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn names(file: &Value, list: &str) -> Vec<String> {
    let items = file[list].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_written_holds_no_secret_and_the_context_in_use_stays() {
    let place = Place::new(Lifetimes::default());
    logged_in(&place);
    let printed = place.run(&["kubeconfig"]);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let file = place.home.path().join("kube/config");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "apiVersion: v1\ncurrent-context: other\nextra: 7\n").unwrap();
    let merged = with_file(&place, &file, &["kubeconfig", "--merge"]);
    assert_eq!(merged.code, Some(0), "{merged:?}");
    assert!(merged.stderr.contains("kubectl config use-context"), "{merged:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    for secret in place.secrets() {
        for said in [&printed.stdout, &printed.stderr, &merged.stdout, &merged.stderr, &text] {
            assert!(!said.contains(&secret), "a secret is in {said}");
        }
    }
    let after = parsed(&file);
    assert_eq!(
        (&after["current-context"], &after["extra"]),
        (&json!("other"), &json!(7))
    );
    assert_eq!(after["contexts"][0]["context"]["namespace"], "alpha");
    assert_eq!(mode(&file), 0o600);
    let chosen = with_file(
        &place,
        &file,
        &["kubeconfig", "--merge", "--set-context", "--name", "mine"],
    );
    assert_eq!(chosen.code, Some(0), "{chosen:?}");
    let after = parsed(&file);
    assert_eq!(after["current-context"], "mine");
    assert_eq!(names(&after, "contexts").len(), 2);
}

#[test]
fn who_is_not_logged_in_gets_no_kubeconfig_and_kubectl_says_what_to_do() {
    let place = Place::new(Lifetimes::default());
    let nobody = place.run(&["kubeconfig", "--server", &place.url]);
    assert_eq!(nobody.code, Some(4), "{nobody:?}");
    assert!(nobody.stderr.contains("butlerctl login --server"), "{nobody:?}");
    let Some(program) = peers::peer("kubectl") else {
        return;
    };
    logged_in(&place);
    let file = place.home.path().join("config.yaml");
    std::fs::write(&file, place.run(&["kubeconfig"]).stdout).unwrap();
    place.run(&["logout"]);
    let refused = kubectl(&program, &file, &["get", "tenantclusters"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains("butlerctl login --server"), "{refused:?}");
}

#[test]
fn kubectl_goes_on_when_the_token_has_ended() {
    let Some(program) = peers::peer("kubectl") else {
        return;
    };
    // What the server gives has ended already, so that the first use of it is a renewal.
    let place = Place::behind();
    logged_in(&place);
    place.is_right();
    let file = place.home.path().join("config.yaml");
    let written = place.run(&["kubeconfig", "--namespace", "alpha"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    std::fs::write(&file, written.stdout).unwrap();
    let before = place.refreshes();
    let listed = kubectl(&program, &file, &["get", "tenantclusters", "-o", "name"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let object = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster", "metadata": {"name": "shop"},
        "spec": {"kubernetesVersion": "v1.32.2", "providerConfigRef": {"name": "p"}, "workers": {"replicas": 1}},
    });
    let manifest = place.home.path().join("shop.json");
    std::fs::write(&manifest, object.to_string()).unwrap();
    let created = kubectl(&program, &file, &["create", "-f", manifest.to_str().unwrap()]);
    assert_eq!(created.code, Some(0), "{created:?}");
    let listed = kubectl(&program, &file, &["get", "tenantclusters", "-o", "name"]);
    assert_eq!(
        listed.stdout, "tenantcluster.butler.butlerlabs.dev/shop\n",
        "{listed:?}"
    );
    // Nobody may read all namespaces: it is really alice who asks.
    let refused = kubectl(&program, &file, &["get", "tenantclusters", "-A"]);
    assert!(refused.stderr.contains("Forbidden"), "{refused:?}");
    assert_eq!(place.refreshes(), before, "renewed more than once");
    assert_eq!(before, 1);
}

/// Merges entries one after the other, in a process for each.
fn merge_all(place: &Place, file: &Path, process: usize) {
    for number in 0..ENTRIES {
        let name = format!("entry-{process}-{number}");
        let merged = with_file(
            place,
            file,
            &["kubeconfig", "--merge", "--name", &name, "--namespace", "n"],
        );
        assert_eq!(merged.code, Some(0), "{merged:?}");
    }
}

/// How many contexts kubectl sees, again and again until it is told to end: never fewer than before.
fn watched_by(program: &Path, file: &Path, done: &AtomicBool) -> usize {
    let mut seen = 0;
    while !done.load(Ordering::Relaxed) {
        let listed = kubectl(program, file, &["config", "get-contexts", "-o", "name"]);
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let now = listed.stdout.lines().count();
        assert!(now >= seen, "{seen} contexts became {now}");
        seen = now;
    }
    seen
}

/// kubectl only reads here. When it writes, it reads the file before it takes its lock, and then deletes what came in between:
/// no other program can prevent that.
#[test]
fn no_entry_is_lost_when_several_processes_merge_while_kubectl_reads() {
    let place = Place::new(Lifetimes::default());
    logged_in(&place);
    let file: PathBuf = place.home.path().join("kube/config");
    let program = peers::peer("kubectl");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (place, file, done) = (&place, &file, &done);
        let kubectl = program
            .as_ref()
            .map(|program| scope.spawn(|| watched_by(program, file, done)));
        let processes: Vec<_> = (0..PROCESSES)
            .map(|process| scope.spawn(move || merge_all(place, file, process)))
            .collect();
        for process in processes {
            process.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
        if let Some(kubectl) = kubectl {
            assert!(kubectl.join().unwrap() > 0);
        }
    });
    let contexts = names(&parsed(&file), "contexts");
    for process in 0..PROCESSES {
        for number in 0..ENTRIES {
            let name = format!("entry-{process}-{number}");
            assert!(contexts.contains(&name), "{name} is lost");
        }
    }
    assert!(!file.with_file_name("config.lock").exists());
}
