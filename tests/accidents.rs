//! What befalls machines that worked already: they lose their disk or their power, their services fail.

use std::fs;

use serde_json::{Value, json};

use super::world::{Run, SHORT, Site};

fn says(run: &Run, words: &str) {
    assert!(run.stderr.contains(words), "{words:?} is not in {}", run.stderr);
}

/// Nothing listens at the address of this machine: its power is off.
fn is_silent(site: &Site, name: &str) {
    let status = site.status();
    let mut machines = status["machines"].as_array().expect("machines").iter();
    let machine = machines.find(|machine| machine["name"] == name).expect("a machine");
    let address = machine["address"].as_str().expect("an address");
    assert!(
        TcpStream::connect((address, 50000)).is_err(),
        "{name} answers at {address}"
    );
}

/// What the journal says was done, of this kind.
fn noted<'a>(journal: &'a [Value], kind: &str) -> Vec<&'a str> {
    let of_kind = journal.iter().filter(|record| record["type"] == kind);
    of_kind.filter_map(|record| record["what"].as_str()).collect()
}

fn again(site: &Site, machine: &str) {
    let journal = site.journal();
    for kind in ["intent", "effect"] {
        let noted = noted(&journal, kind);
        assert!(
            noted
                .iter()
                .any(|what| what.starts_with(machine) && what.contains("its configuration again")),
            "{kind}: {noted:?}"
        );
    }
}

#[test]
fn a_worker_that_was_wiped_is_recognised_and_gets_its_configuration_again() {
    let faults = "faults: {machines: {demo-worker-0: {wiped: {after: registered}}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 1, "");
    let run = site.bootstrap(&[]);
    run.is_ready();
    says(&run, "is in maintenance mode: it was wiped or replaced");
    again(&site, "demo-worker-0");
}

#[test]
fn a_control_plane_that_was_wiped_joins_etcd_anew_and_nothing_is_bootstrapped_twice() {
    let faults = "faults: {machines: {demo-cp-1: {wiped: {after: registered}}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 1, "");
    let run = site.bootstrap(&[]);
    run.is_ready();
    again(&site, "demo-cp-1");
    assert_eq!(site.counter("bootstrapsTakenEffect"), 1);
}

#[test]
fn a_cluster_whose_only_etcd_member_was_wiped_is_not_given_an_empty_one() {
    let faults = "faults: {machines: {demo-cp-0: {wiped: {after: registered}}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 1, 0, "");
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    says(&run, "and with it the only member of etcd");
    says(&run, "begin anew");
    assert_eq!(site.counter("bootstrapCalls"), 1);
}

#[test]
fn a_kubelet_that_crashes_is_the_cause_while_its_node_is_waited_for_and_at_the_deadline() {
    let faults = "faults: {machines: {demo-worker-0: {services: {kubelet: {fails: crashLoop}}}}}\n";
    // Addons wait for the worker too.
    let deadlines = "deadlines: {node: 12s, addon: 12s}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 1, deadlines);
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let cause = "demo-worker-0: kubelet: Service failed: task \"kubelet\" failed: exit code 1 (Running, unhealthy)";
    says(&run, &format!("node demo-worker-0 to register: {cause}"));
    says(
        &run,
        &format!("waited for node demo-worker-0 to register; last cause: {cause}"),
    );
    site.patch(&json!({"faults": {"machines": null}}));
    let text = fs::read_to_string(site.config()).expect("the configuration");
    fs::write(site.config(), text.replace(deadlines, "")).expect("the configuration");
    site.bootstrap(&[]).is_ready();
}

#[test]
fn an_image_that_cannot_be_pulled_is_the_cause_at_the_deadline() {
    let faults =
        "faults: {machines: {demo-cp-0: {services: {etcd: {fails: imagePull}, kubelet: {fails: imagePull}}}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 1, 0, "deadlines: {bootstrap: 7s}\n");
    let run = site.bootstrap(&[]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let error = run.stderr.split("error:").nth(1).expect("an error");
    let cause =
        "last cause: demo-cp-0: etcd: Failed to run pre stage: failed to pull image \"registry.k8s.io/etcd:v3.6.7\"";
    assert!(error.contains(cause), "{error}");
    assert!(error.contains("not found (Failed)"), "{error}");
}

#[test]
fn without_the_node_that_bootstrapped_etcd_a_later_run_goes_on() {
    let faults = "faults: {workloads: {traefik/Deployment/traefik: {reason: ImagePullBackOff}}}\n";
    let site = Site::new(&format!("{SHORT}{faults}"), 3, 2, "");
    let run = site.bootstrap(&["--deadline", "9s"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    says(&run, "ImagePullBackOff");
    let node = site.etcd_node();
    site.patch(
        &json!({"faults": {"workloads": {"traefik/Deployment/traefik": null}, "machines": {&node: {"powerOff": {}}}}}),
    );
    site.bootstrap(&[]).is_ready();
    is_silent(&site, &node);
    // Nothing is left to do, and that is found out without that node too.
    site.bootstrap(&[]).is_ready();
}

#[test]
fn a_control_plane_that_loses_its_power_during_the_run_is_gone_around() {
    // The others boot later: demo-cp-0 bootstraps etcd. They join it before its node is ready, which takes longer here: without
    // them it would take the quorum away.
    let world = SHORT.replace("cni: 10ms", "cni: 3s");
    let faults = "faults: {machines: {demo-cp-0: {powerOff: {after: ready}}, demo-cp-1: {bootDelay: 1s}, demo-cp-2: {bootDelay: 1s}}}\n";
    let site = Site::new(&format!("{world}{faults}"), 3, 1, "");
    let run = site.bootstrap(&["--deadline", "60s"]);
    assert_eq!(site.etcd_node(), "demo-cp-0");
    run.is_ready();
    is_silent(&site, "demo-cp-0");
}
