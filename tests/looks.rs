//! A run that was killed is looked at again by its own steps: `why` says what has changed since, and changes nothing.

use std::{thread, time::Instant};

use serde_json::{Value, json};

use crate::{
    LOOK, PATIENCE, ends, normal, waits, why,
    world::{Run, Running, SHORT, Site},
};

/// Runs until a step waits for something with these words, and kills the run there.
fn killed_in(site: &Site, step: &str, words: &str) {
    let run = Running::start(&mut site.command(&[]));
    named(site, step, words);
    run.kill();
}

/// Waits until the run says so.
fn named(site: &Site, step: &str, words: &str) {
    let begun = Instant::now();
    loop {
        let why = why(site);
        if ends(step, &why).iter().any(|end| end.contains(words)) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{step} does not wait for {words}: {why:#}");
        thread::sleep(LOOK);
    }
}

/// What a look finds of a step.
fn now(site: &Site, step: &str) -> String {
    let why = why(site);
    let wait = waits(&why).find(|wait| wait["step"].as_str().is_some_and(|id| id.starts_with(step)));
    let wait = wait.unwrap_or_else(|| panic!("{step} is not waited for: {why:#}"));
    let text = |key: &str| wait["now"][key].as_str().map_or("", |text| text);
    normal(&format!("{}: {}", text("state"), text("text")))
}

/// What a look finds once it is so.
fn so(site: &Site, step: &str) -> String {
    let begun = Instant::now();
    loop {
        let now = now(site, step);
        if now.starts_with("so: ") {
            return now;
        }
        assert!(begun.elapsed() < PATIENCE, "{step}: {now}");
        thread::sleep(LOOK);
    }
}

fn site(faults: &str) -> Site {
    Site::new(&format!("{SHORT}faults: {faults}\n"), 1, 0, "")
}

#[test]
fn a_machine_that_was_not_made_is_looked_for_and_so_is_the_room_for_it() {
    let site = site("{api: {everyNth: 1, kinds: [throttle], only: [create]}}");
    let step = "machine/demo-cp-0/create";
    killed_in(&site, step, "HTTP 429");
    let mut told = vec![now(&site, step)];
    site.patch(&json!({"capacity": 0}));
    told.push(now(&site, step));
    site.patch(&json!({"capacity": 5, "faults": {"api": null}, "latencies": {"create": "10m"}}));
    let going_on = Running::start(&mut site.command(&[]));
    named(&site, step, "no address yet");
    told.push(now_running(&site, step));
    going_on.kill();
    told.push(now(&site, step));
    let down = site.butleradm().args(["inmemory", "down"]).output();
    assert!(down.expect("the binary starts").status.success());
    told.push(now(&site, step));
    insta::assert_snapshot!(told.join("\n"), @"");
}

/// Beside a run nobody looks: it tells by itself.
fn now_running(site: &Site, step: &str) -> String {
    let why = why(site);
    let wait = waits(&why).find(|wait| wait["step"] == step).expect("a wait");
    format!("running: {}", wait["now"])
}

#[test]
fn an_addon_is_looked_at_down_to_its_pods() {
    let site = site("{workloads: {traefik/Deployment/traefik: {reason: ImagePullBackOff, message: no such image}}}");
    let step = "addon/traefik";
    killed_in(&site, step, "no such image");
    let still = now(&site, step);
    site.patch(&json!({"faults": {"workloads": null}}));
    let told = [still, so(&site, step)];
    insta::assert_snapshot!(told.join("\n"), @"");
    let run = site.bootstrap(&[]);
    run.is_ready();
}

#[test]
fn the_checks_of_a_platform_are_made_again() {
    let site = site("{network: {from: 0s, for: 10m}}");
    killed_in(&site, "preflight", "the connection ended");
    let unknown = now(&site, "preflight");
    site.patch(&json!({"faults": {"network": null}}));
    let told = [unknown, so(&site, "preflight")];
    insta::assert_snapshot!(told.join("\n"), @"");
}

#[test]
fn both_sides_of_a_pivot_are_compared_without_the_run() {
    let site = site("{kubernetesApi: {everyNth: 1, kinds: [lostStatusWrite]}}");
    let step = "pivot/copy";
    killed_in(&site, step, "differs");
    let folder = site.state().join("bootstrap-cluster");
    let still = now(&site, step);
    let away = site.path("away");
    std::fs::rename(&folder, &away).expect("a folder");
    let told = [still, now(&site, step)];
    std::fs::rename(&away, &folder).expect("a folder");
    insta::assert_snapshot!(told.join("\n"), @"");
    site.patch(&json!({"faults": {"kubernetesApi": null}}));
    site.bootstrap(&[]).is_ready();
}

#[test]
fn a_bootstrap_cluster_of_somebody_else_is_asked_whether_it_answers() {
    let site = Site::new(
        SHORT,
        1,
        0,
        "bootstrapCluster: {type: existing, kubeconfig: other.yaml}\n",
    );
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: o\nclusters: [{name: o, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                      contexts: [{name: o, context: {cluster: o, user: o}}]\nusers: [{name: o, user: {}}]\n";
    std::fs::write(site.path("other.yaml"), kubeconfig).expect("a kubeconfig");
    killed_in(&site, "bootstrap-cluster/start", "reach the bootstrap cluster");
    let told = now(&site, "bootstrap-cluster/start");
    let home = site.path("").display().to_string();
    insta::assert_snapshot!(told.replace(&home, "HOME/"), @"");
}

#[test]
fn what_a_destroy_waited_for_is_looked_at_until_it_is_gone() {
    let site = site("{machines: {demo-cp-0: {undying: true, neverAnswers: true}}}");
    killed_in(&site, "machine/demo-cp-0/boot", "no bootable device");
    let name = site.cluster.as_str();
    let mut destroy = site.butleradm();
    destroy.args(["destroy", name, "--yes", "--confirm", name, "--no-progress"]);
    let run = Running::start(&mut destroy);
    named(&site, "machine/", "is being deleted");
    run.kill();
    let still = now(&site, "machine/");
    site.patch(&json!({"faults": {"machines": null}}));
    let told = [still, so(&site, "machine/")];
    insta::assert_snapshot!(told.join("\n"), @"");
    let again = Run::of(&destroy.output().expect("the binary starts"));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}

/// Nothing of a look is left behind, and nothing of it waits for the other looks.
#[test]
fn a_look_is_over_in_time_however_much_is_silent() {
    let silent: Vec<String> = (0..40).map(|n| format!("demo-worker-{n}: {{stall: 10m}}")).collect();
    let site = Site::new(
        &format!("{SHORT}faults: {{machines: {{{}}}}}\n", silent.join(", ")),
        1,
        40,
        "",
    );
    killed_in(&site, "machine/demo-worker-39/boot", "no answer");
    let found = why(&site);
    let answered: Vec<&Value> = waits(&found).filter(|wait| wait["now"].is_object()).collect();
    assert!(answered.len() >= 40, "{}", answered.len());
}
