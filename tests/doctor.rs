//! `butleradm doctor` and `butleradm status`: a management cluster right after its bootstrap in the simulated world, and one in
//! this process that has every kind of trouble.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/ctl.rs"]
mod ctl;
#[path = "../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
mod support;
#[expect(dead_code, reason = "other tests use more of it")]
mod world;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use butler_embedded::{At, Intercept};
use butler_lifecycle::health::Id;
use ctl::{Ctl, Ran};
use serde_json::{Value, json};

use crate::world::{Run, Running, SHORT, Site};

const BUTLER: &str = "butler.butlerlabs.dev";

/// A management cluster in this process on which all is well.
fn well() -> Ctl {
    let ctl = Ctl::new();
    ctl.site.butler(
        "ButlerConfig",
        "butlerconfigs",
        json!({"metadata": {"name": "butler"}, "spec": {}}),
    );
    ctl.site.butler(
        "ProviderConfig",
        "providerconfigs",
        json!({
            "metadata": {"name": "lab", "namespace": "butler-system"},
            "spec": {"provider": "local"}, "status": {"validated": true, "ready": true},
        }),
    );
    ctl.site.create("", "nodes", json!({"metadata": {"name": "mgmt-cp-0"}}));
    let node = json!({
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        "nodeInfo": {"kubeletVersion": "v1.36.3", "osImage": "Talos (v1.12.1)"},
    });
    status(&ctl, ("", "nodes", ""), "mgmt-cp-0", &node);
    deployment(&ctl, "butler-controller", 2);
    ctl
}

/// Writes the status of an object that is none of Butler's.
fn status(ctl: &Ctl, (group, resource, namespace): (&str, &str, &str), name: &str, status: &Value) {
    let at = At {
        group,
        version: "v1",
        resource,
        namespace,
    };
    ctl.site
        .local
        .patched(at, name, true, json!({"status": status}))
        .unwrap();
}

/// A deployment of two pods in the namespace of Butler, of which so many are available.
fn deployment(ctl: &Ctl, name: &str, available: i32) {
    let labels = json!({"app": name});
    ctl.site.create(
        "apps",
        "deployments",
        json!({
            "metadata": {"name": name, "namespace": "butler-system", "labels": {"butler.butlerlabs.dev/addon": name}},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels}, "spec": {"containers": [{"name": "manager", "image": "ghcr.io/x/y:0.26.0"}]},
            }},
        }),
    );
    serves(ctl, name, available);
}

fn serves(ctl: &Ctl, name: &str, available: i32) {
    let now = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": available});
    status(ctl, ("apps", "deployments", "butler-system"), name, &now);
}

/// Trouble of several kinds.
fn trouble(ctl: &Ctl) {
    let now = "2026-11-21T04:46:00Z";
    let condition = |words: &str| json!([{"type": "Ready", "status": "False", "reason": "R", "message": words, "lastTransitionTime": now}]);
    ctl.site.butler(
        "ProviderConfig",
        "providerconfigs",
        json!({
            "metadata": {"name": "pve", "namespace": "butler-system"},
            "spec": {"provider": "local"},
            "status": {"validated": false, "conditions": condition("the platform answered 401 Unauthorized")},
        }),
    );
    ctl.site.butler(
        "NetworkPool",
        "networkpools",
        json!({
            "metadata": {"name": "lan", "namespace": "butler-system"},
            "spec": {"cidr": "192.0.2.0/28"}, "status": {"totalIPs": 14, "availableIPs": 0, "allocatedIPs": 14},
        }),
    );
    let failed = json!({"phase": "Failed", "conditions": condition("no address is left in pool lan")});
    ctl.cluster("alpha", "shop", &json!({}), &failed);
    serves(ctl, "butler-controller", 0);
    ctl.site.create(
        "",
        "pods",
        json!({
            "metadata": {"name": "butler-controller-1", "namespace": "butler-system", "labels": {"app": "butler-controller"}},
            "spec": {"containers": [{"name": "manager", "image": "ghcr.io/x/y:0.26.0"}]},
        }),
    );
    let waiting = json!({"phase": "Pending", "containerStatuses": [{
        "name": "manager", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}},
    }]});
    status(ctl, ("", "pods", "butler-system"), "butler-controller-1", &waiting);
}

/// Everything that a command printed, without ages.
fn whole(ran: &Ran) -> String {
    let without_age = |line: &str| match line.split_once(" (for ") {
        Some((before, _)) => format!("{before} (for [AGE])"),
        None => line.to_owned(),
    };
    ran.whole().lines().map(|line| without_age(line) + "\n").collect()
}

#[test]
fn what_is_wrong_is_told_with_what_shows_it_and_what_to_type() {
    let ctl = well();
    trouble(&ctl);
    insta::assert_snapshot!(whole(&ctl.admin(&["doctor"])), @r"
    exit 1
    --- stdout
    error: Deployment butler-system/butler-controller: butler-controller is not ready: 0 of 2 pods are available (component-not-ready)
      seen      pod butler-system/butler-controller-1: container manager ImagePullBackOff: no such image
      try       kubectl --namespace butler-system describe deployment butler-controller

    error: ProviderConfig butler-system/pve: it cannot be used (provider-not-validated)
      seen      the platform answered 401 Unauthorized (for [AGE])
      try       butleradm provider validate pve --namespace butler-system

    error: NetworkPool butler-system/lan: it has no address left: new clusters get none (pool-nearly-full)
      seen      14 of 14 addresses are in use
      try       kubectl --namespace butler-system edit networkpool lan

    error: TenantCluster alpha/shop: it has failed (cluster-failed)
      seen      no address is left in pool lan (for [AGE])
      try       butlerctl cluster get shop --namespace alpha

    4 errors, 24 checks are well
    --- stderr
    error: 4 things do not work as they should
    ");
    let names = ctl.admin(&["doctor", "-o", "name"]);
    insta::assert_snapshot!(whole(&names), @r"
    exit 1
    --- stdout
    component-not-ready Deployment butler-system/butler-controller
    provider-not-validated ProviderConfig butler-system/pve
    pool-nearly-full NetworkPool butler-system/lan
    cluster-failed TenantCluster alpha/shop
    --- stderr
    error: 4 things do not work as they should
    ");
    let json = ctl.admin(&["doctor", "-o", "json"]).json();
    let all = json.as_array().unwrap();
    let of = |id: &str| all.iter().find(|finding| finding["id"] == id).unwrap();
    insta::assert_json_snapshot!(of("pool-nearly-full"), @r#"
    {
      "evidence": [
        {
          "seen": "14 of 14 addresses are in use"
        }
      ],
      "id": "pool-nearly-full",
      "remedy": "kubectl --namespace butler-system edit networkpool lan",
      "sentence": "it has no address left: new clusters get none",
      "severity": "error",
      "subject": {
        "kind": "NetworkPool",
        "name": "lan",
        "namespace": "butler-system"
      }
    }
    "#);
    assert_eq!(of("node-not-ready")["severity"], "ok");
    insta::assert_snapshot!(whole(&ctl.admin(&["status"])), @r"
    exit 0
    --- stdout
    api server:  v1.36.3
    nodes:       1 of 1 ready
    kubelets:    1 v1.36.3
    systems:     1 Talos (v1.12.1)
    components:  0 of 1 ready
    addons:      none
    providers:   1 of 2 validated
    pools:       lan: 14 of 14 addresses in use
    teams:       0 of 2 ready
    clusters:    1 Failed
    findings:    4 errors
    --- stderr
    hint: butleradm doctor
    ");
}

#[test]
fn what_only_wants_attention_is_no_failure() {
    let ctl = well();
    let waiting = json!({"phase": "Ready", "workerNodesReady": 1, "workerNodesDesired": 2});
    ctl.cluster("alpha", "shop", &json!({}), &waiting);
    insta::assert_snapshot!(whole(&ctl.admin(&["doctor"])), @r"
    exit 0
    --- stdout
    warning: TenantCluster alpha/shop: 1 of its 2 workers are ready (cluster-lacks-workers)
      try       butlerctl cluster nodes shop --namespace alpha

    1 warning, 27 checks are well
    ");
}

#[test]
fn every_kind_is_asked_for_once_and_pods_only_where_some_are_lacking() {
    let ctl = well();
    let asked: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let seen = Arc::clone(&asked);
    ctl.site.cluster.set_interceptor(Arc::new(move |method, path| {
        *seen.lock().unwrap().entry(format!("{method} {path}")).or_insert(0) += 1;
        Intercept::Pass
    }));
    let begun = Instant::now();
    let ran = ctl.admin(&["doctor"]);
    let took = begun.elapsed();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let requests = std::mem::take(&mut *asked.lock().unwrap());
    // No limit here: how long it takes depends on the machine, and this build is not optimised.
    println!("doctor: {took:?} with {} requests: {requests:?}", requests.len());
    assert!(requests.values().all(|times| *times == 1), "{requests:?}");
    assert!(
        requests.keys().all(|request| request.starts_with("GET ")),
        "{requests:?}"
    );
    assert!(
        !requests.keys().any(|request| request.contains("/pods")),
        "{requests:?}"
    );

    trouble(&ctl);
    ctl.admin(&["doctor"]);
    let more = std::mem::take(&mut *asked.lock().unwrap());
    assert!(more.values().all(|times| *times == 1), "{more:?}");
    let further: Vec<&String> = more.keys().filter(|request| !requests.contains_key(*request)).collect();
    assert_eq!(
        further,
        [
            "GET /api/v1/namespaces/butler-system/events",
            "GET /api/v1/namespaces/butler-system/persistentvolumeclaims",
            "GET /api/v1/namespaces/butler-system/pods",
        ]
    );
}

#[test]
fn what_may_not_be_looked_at_is_told_and_is_no_failure() {
    let ctl = well();
    ctl.site.cluster.set_interceptor(Arc::new(|_, path| {
        if !path.ends_with("/networkpools") {
            return Intercept::Pass;
        }
        let words = format!("networkpools.{BUTLER} is forbidden: User \"eve\" cannot list resource \"networkpools\"");
        Intercept::Status(403, "Forbidden".to_owned(), words)
    }));
    insta::assert_snapshot!(whole(&ctl.admin(&["doctor"])), @r#"
    exit 0
    --- stdout
    unknown: Login: it may not look at networkpools.butler.butlerlabs.dev (not-known)
      seen      networkpools.butler.butlerlabs.dev is forbidden: User "eve" cannot list resource "networkpools"
      try       butleradm doctor --kubeconfig FILE

    1 thing not known, 26 checks are well
    "#);
    let status = ctl.admin(&["status", "-o", "json"]).json();
    assert_eq!(status["pools"], Value::Null, "{status}");
}

#[test]
fn a_login_tells_in_one_sentence_what_it_may_not_look_at() {
    let ctl = well();
    ctl.log_in("root");
    trouble(&ctl);
    insta::assert_snapshot!(whole(&ctl.run("root", &["doctor"])), @r#"
    exit 1
    --- stdout
    error: ProviderConfig butler-system/pve: it cannot be used (provider-not-validated)
      seen      the platform answered 401 Unauthorized (for [AGE])
      try       butleradm provider validate pve --namespace butler-system

    error: NetworkPool butler-system/lan: it has no address left: new clusters get none (pool-nearly-full)
      seen      14 of 14 addresses are in use
      try       kubectl --namespace butler-system edit networkpool lan

    error: TenantCluster alpha/shop: it has failed (cluster-failed)
      seen      no address is left in pool lan (for [AGE])
      try       butlerctl cluster get shop --namespace alpha

    unknown: Login: it may not look at nodes, services, deployments.apps, daemonsets.apps, statefulsets.apps, validatingwebhookconfigurations.admissionregistration.k8s.io, mutatingwebhookconfigurations.admissionregistration.k8s.io, machinerequests.butler.butlerlabs.dev, loadbalancerrequests.butler.butlerlabs.dev, clusterbootstraps.butler.butlerlabs.dev (not-known)
      seen      nodes is forbidden: User "system:serviceaccount:butler-system:butler-cli-7988c5c046ac" cannot list resource "nodes" in API group "" at the cluster scope
      try       butleradm doctor --kubeconfig FILE

    3 errors, 1 thing not known, 13 checks are well
    --- stderr
    error: 3 things do not work as they should
    "#);
    insta::assert_snapshot!(whole(&ctl.run("root", &["status"])), @r"
    exit 0
    --- stdout
    api server:  v1.36.3
    nodes:       not known
    kubelets:    not known
    systems:     not known
    components:  not known
    addons:      none
    providers:   1 of 2 validated
    pools:       lan: 14 of 14 addresses in use
    teams:       0 of 2 ready
    clusters:    1 Failed
    findings:    3 errors, 1 not known
    --- stderr
    hint: butleradm doctor
    ");
}

#[test]
fn an_api_server_that_is_gone_is_told_with_cause_and_hint() {
    let ctl = Ctl::new();
    let mut kubeconfig: Value =
        serde_json::from_str(&std::fs::read_to_string(ctl.admin_kubeconfig()).unwrap()).unwrap();
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1".into();
    std::fs::write(ctl.path("gone"), kubeconfig.to_string()).unwrap();
    let gone = ctl.path("gone");
    for command in ["doctor", "status"] {
        let ran = ctl.run("admin", &[command, "--kubeconfig", gone.to_str().unwrap()]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.stderr.replace("look at", "examine"), @r"
            error: cannot examine the management cluster
            Caused by:
              https://127.0.0.1:1: client error (Connect): tcp connect error: Connection refused (os error 111)
            hint: is the cluster up, and can this computer reach it?
            hint: --explain-auth tells which cluster is used, and why
            ");
        }
    }
}

#[test]
fn what_changes_is_told_in_a_sentence() {
    let ctl = well();
    let mut command = ctl.command("admin", &["status", "--watch"]);
    command.env("BUTLER_KUBECONFIG", ctl.admin_kubeconfig());
    let mut running = Running::start(&mut command);
    let mut lines = BufReader::new(running.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("findings:")));
    let mut next = |what: &str| lines.find(|line| line.contains(what)).unwrap();
    // A watch that begins later than this change brings it all the same.
    serves(&ctl, "butler-controller", 0);
    let told = next("butler-controller");
    let expected =
        "error: Deployment butler-system/butler-controller: butler-controller is not ready: 0 of 2 pods are available";
    assert_eq!(told, expected);
    serves(&ctl, "butler-controller", 2);
    let told = next("butler-controller");
    assert_eq!(
        told,
        "well again: Deployment butler-system/butler-controller (component-not-ready)"
    );
    ctl.cluster("alpha", "shop", &json!({}), &json!({"phase": "Provisioning"}));
    let told = next("shop");
    assert!(told.starts_with("TenantCluster alpha/shop: it is new, and "), "{told}");
    running.kill();
}

#[test]
fn a_cluster_is_well_after_its_bootstrap_and_what_is_taken_away_is_missed() {
    let site = Site::new(SHORT, 1, 0, "");
    site.bootstrap(&[]).is_ready();
    // The management cluster of this home, without naming it.
    let run = |arguments: &[&str]| Run::of(&site.butleradm().args(arguments).output().unwrap());
    let doctor = run(&["doctor"]);
    assert_eq!(
        (doctor.code, doctor.stderr.as_str()),
        (Some(0), ""),
        "{}",
        doctor.stdout
    );
    let findings: Value = serde_json::from_str(&run(&["doctor", "-o", "json"]).stdout).unwrap();
    assert!(
        findings
            .as_array()
            .unwrap()
            .iter()
            .all(|finding| finding["severity"] == "ok"),
        "{findings}"
    );
    let status: Value = serde_json::from_str(&run(&["status", "-o", "json"]).stdout).unwrap();
    assert_eq!(status["bootstrap"], "Ready");
    assert_eq!(status["nodes"], json!({"ready": 1, "total": 1}));
    assert_eq!(status["providers"], json!({"ready": 1, "total": 1}));
    let components = status["components"].as_array().unwrap().iter();
    let components: Vec<&str> = components
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    for name in ["butler-controller", "capi", "cert-manager", "cilium", "steward"] {
        assert!(components.contains(&name), "{components:?}");
    }

    take_away(&site, "butler-controller");
    let doctor = run(&["doctor"]);
    assert_eq!(doctor.code, Some(1), "{}", doctor.stdout);
    assert!(
        doctor
            .stdout
            .contains("error: Component butler-controller: it was installed with the cluster"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn the_documentation_has_every_finding() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/doctor.md")).unwrap();
    let rows: Vec<String> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(str::to_owned)
        .collect();
    let row = |id: &Id| format!("| `{id}` | {} | {} |", id.meaning(), id.helps());
    let expected: Vec<String> = Id::ALL.iter().map(row).collect();
    assert_eq!(rows, expected);
}

/// Deletes a deployment of Butler's.
fn take_away(site: &Site, name: &str) {
    use butler_kubernetes::connect::{self, Options};
    use k8s_openapi::api::apps::v1::Deployment;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let file = site.butler_home().join("demo-kubeconfig");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let client = connect::connect_file(&file, &Options::default()).await.unwrap();
        let deployments: kube::Api<Deployment> = kube::Api::namespaced(client, "butler-system");
        let _ = deployments
            .delete(name, &kube::api::DeleteParams::default())
            .await
            .unwrap();
    });
}
