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

/// Runs like [`killed_in`], and not before `needed` is proven: without the run nobody would do it any more.
fn killed_in_after(site: &Site, needed: &str, step: &str, words: &str) {
    let run = Running::start(&mut site.command(&[]));
    let begun = Instant::now();
    let proof = |record: &Value| record["type"] == "proof" && record["step"] == needed;
    while !site.journal().iter().any(proof) {
        assert!(begun.elapsed() < PATIENCE, "{needed} is not proven: {:#}", why(site));
        thread::sleep(LOOK);
    }
    named(site, step, words);
    run.kill();
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
    killed_in(&site, step, "no address yet");
    told.push(now(&site, step));
    let down = site.butleradm().args(["inmemory", "down"]).output();
    assert!(down.expect("the binary starts").status.success());
    told.push(now(&site, step));
    insta::assert_snapshot!(told.join("\n"), @r"
    still: the simulated world has no machine demo-cp-0 of this cluster; its checks name nothing that speaks against making it
    still: the simulated world has no machine demo-cp-0 of this cluster; the world has room for 0 more machines, 1 are to be made
    still: demo-cp-0 (ID) has no address yet (creating)
    unknown: look at machine demo-cp-0: inmemory: read machine: inmemory: connect: the simulated world is not running
    ");
}

#[test]
fn an_addon_is_looked_at_down_to_its_pods() {
    let site = site("{workloads: {traefik/Deployment/traefik: {reason: ImagePullBackOff, message: no such image}}}");
    let step = "addon/traefik";
    // MetalLB's pool of addresses is part of its step; Traefik's Service waits for an address of it.
    killed_in_after(&site, "addon/metallb", step, "no such image");
    let still = now(&site, step);
    site.patch(&json!({"faults": {"workloads": null}}));
    let told = [still, so(&site, step)];
    insta::assert_snapshot!(told.join("\n"), @r"
    still: 0 of 1 pods are available: pod POD: container traefik ImagePullBackOff: no such image
    so: Deployment traefik/traefik: 1 of 1 pods available; Service traefik/traefik has the address ADDRESS
    ");
    let run = site.bootstrap(&[]);
    run.is_ready();
}

#[test]
fn the_checks_of_a_platform_are_made_again() {
    let site = site("{network: {from: 0s, for: 10m}}");
    killed_in(&site, "preflight", "the connection ended");
    // Whether the platform or the look gives up first depends on the computer.
    let unknown = now(&site, "preflight");
    assert!(
        unknown.starts_with("unknown: ") && unknown.contains("platform"),
        "{unknown}"
    );
    site.patch(&json!({"faults": {"network": null}}));
    assert_eq!(so(&site, "preflight"), "so: 3 checks passed");
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
    let told = told.join("\n").replace(&folder.display().to_string(), "FOLDER");
    insta::assert_snapshot!(told, @r"
    still: 2 objects are on the bootstrap cluster, 2 on the management cluster; the record on the management cluster is not the same: MachineRequest/butler-system/demo-cp-0 differs
    still: the bootstrap cluster holds nothing yet: FOLDER is not there
    ");
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
    insta::assert_snapshot!(told, @r"
    unknown: reach the bootstrap cluster of other.yaml: https://ADDRESS:1: client error (Connect): tcp connect error: Connection refused (os error NUMBER)
    ");
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
    insta::assert_snapshot!(told.join("\n"), @r"
    still: demo-cp-0 (ID) is there: deleting
    so: demo-cp-0 (ID) is gone
    ");
    let again = Run::of(&destroy.output().expect("the binary starts"));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
}
