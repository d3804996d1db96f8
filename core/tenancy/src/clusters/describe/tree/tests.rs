//! Trees of clusters in several states, and the answers to why.

use serde_json::{Value, json};

use super::*;
use crate::clusters::describe::why;

fn cluster(metadata: &Value, status: &Value) -> TenantCluster {
    let mut object = json!({
        "metadata": {"name": "demo", "namespace": "alpha", "generation": 2},
        "spec": {"kubernetesVersion": "v1.32.2", "workers": {"replicas": 2}, "teamRef": {"name": "alpha"}},
        "status": status,
    });
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .extend(metadata.as_object().unwrap().clone());
    serde_json::from_value(object).unwrap()
}

fn condition(kind: &str, status: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": "R", "message": message, "lastTransitionTime": "2026-11-21T04:46:00Z",
    })
}

fn nothing() -> Parts {
    Parts {
        control_plane: Ok(None),
        machines: Ok(Vec::new()),
        nodes: None,
        addons: Ok(Vec::new()),
    }
}

fn machine(name: &str, phase: &str, message: &str) -> Machine {
    let object = json!({
        "metadata": {"name": name}, "spec": {"version": "v1.32.2"},
        "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "False", "message": message}]},
    });
    serde_json::from_value(object).unwrap()
}

fn hosted(state: &str) -> ControlPlane {
    let object = json!({"status": {"kubernetesResources": {"version": {"version": "v1.32.2", "status": state}}}});
    serde_json::from_value(object).unwrap()
}

/// The tree as lines.
fn lines(part: &Part, depth: usize) -> String {
    let Part {
        name,
        state,
        word,
        facts,
        cause,
        parts,
        ..
    } = part;
    let cause = cause.as_deref().unwrap_or("");
    let mut text = format!("{}{name}: {word} {state:?} {facts:?} {cause}", "  ".repeat(depth));
    text = text.trim_end().to_owned() + "\n";
    for part in parts {
        text.push_str(&lines(part, depth + 1));
    }
    text
}

#[test]
fn a_ready_cluster_is_good_all_the_way_down() {
    let status = json!({
        "phase": "Ready", "observedGeneration": 2, "workerNodesReady": 2, "controlPlaneEndpoint": "127.99.0.10:6443",
        "conditions": [condition("Ready", "True", "the cluster is ready"), condition("AddonsReady", "True", "")],
        "observedState": {"addons": [{"name": "cilium", "version": "1.17.0", "status": "Healthy", "managedBy": "butler"}]},
    });
    let parts = Parts {
        control_plane: Ok(Some(hosted("Ready"))),
        machines: Ok(vec![
            machine("demo-w-a", "Running", ""),
            machine("demo-w-b", "Running", ""),
        ]),
        ..nothing()
    };
    let tree = of(&cluster(&json!({}), &status), &parts);
    insta::assert_snapshot!(lines(&tree, 0), @r#"
    demo: Ready Good ["v1.32.2", "team alpha"]
      control plane: Ready Good ["v1.32.2", "127.99.0.10:6443"]
      workers: 2 of 2 ready Good []
        demo-w-a: Running Good ["v1.32.2"]
        demo-w-b: Running Good ["v1.32.2"]
      addons: 1 of 1 well Good []
        cilium: Healthy Good ["1.17.0"]
    "#);
    insta::assert_snapshot!(why::of(&tree).sentence(), @"tenant cluster demo is Ready");
}

#[test]
fn the_deepest_cause_is_found_in_a_machine() {
    let status = json!({
        "phase": "Provisioning", "observedGeneration": 2, "workerNodesReady": 0,
        "conditions": [condition("Ready", "False", "0 of 2 machines have joined"), condition("QuotaSatisfied", "True", "")],
    });
    let parts = Parts {
        control_plane: Ok(Some(hosted("Ready"))),
        machines: Ok(vec![
            machine("demo-w-a", "Pending", "waiting for an address"),
            machine("demo-w-b", "Failed", "quota of the platform is exhausted"),
        ]),
        ..nothing()
    };
    let tree = of(&cluster(&json!({}), &status), &parts);
    insta::assert_snapshot!(lines(&tree, 0), @r#"
    demo: Provisioning Waiting ["v1.32.2", "team alpha"] 0 of 2 machines have joined
      control plane: Ready Good ["v1.32.2"]
      workers: 0 of 2 ready Bad []
        demo-w-a: Pending Waiting ["v1.32.2"] waiting for an address
        demo-w-b: Failed Bad ["v1.32.2"] quota of the platform is exhausted
      addons: none known Unknown []
    "#);
    insta::assert_snapshot!(why::of(&tree).sentence(), @r"
    tenant cluster demo is Provisioning: of its workers 0 of 2 ready: machine demo-w-b is Failed: quota of the platform is exhausted; it goes on when machine demo-w-b is mended or replaced
    ");
}

#[test]
fn what_may_not_be_read_says_so_and_is_not_empty() {
    let status = json!({
        "phase": "Updating", "observedGeneration": 2,
        "conditions": [condition("ControlPlaneReady", "True", ""), condition("WorkersReady", "False", "1 of 2 nodes are ready")],
    });
    let unread = |what: &str| Unread(format!("not allowed to read {what}"));
    let parts = Parts {
        control_plane: Err(unread("control planes")),
        machines: Err(unread("machines")),
        nodes: Some(Err(Unread(
            "Butler's server does not tell the nodes: it is down".to_owned(),
        ))),
        addons: Err(unread("addons")),
    };
    let tree = of(&cluster(&json!({}), &status), &parts);
    insta::assert_snapshot!(lines(&tree, 0), @r#"
    demo: Updating Waiting ["v1.32.2", "team alpha"]
      control plane: Ready Good []
        not allowed to read control planes:  Unknown []
      workers: nobody says how many of 2 are ready Waiting [] 1 of 2 nodes are ready
        not allowed to read machines:  Unknown []
        Butler's server does not tell the nodes: it is down:  Unknown []
      addons: none known Unknown []
        not allowed to read addons:  Unknown []
    "#);
    insta::assert_snapshot!(why::of(&tree).sentence(), @r"
    tenant cluster demo is Updating: of its workers nobody says how many of 2 are ready: 1 of 2 nodes are ready: not allowed to read machines: Butler's server does not tell the nodes: it is down; it goes on when the machines have joined
    ");
}

#[test]
fn a_cluster_that_nobody_has_seen_is_not_ready() {
    let tree = of(&cluster(&json!({}), &Value::Null), &nothing());
    insta::assert_snapshot!(lines(&tree, 0), @r#"
    demo: Unknown Waiting ["v1.32.2", "team alpha"] no controller has said anything about it
      control plane: Missing Waiting [] it does not exist yet
      workers: nobody says how many of 2 are ready Unknown []
      addons: none known Unknown []
    "#);
    insta::assert_snapshot!(why::of(&tree).sentence(), @r"
    tenant cluster demo is Unknown: no controller has said anything about it; it goes on when Butler's controller, butler-controller in namespace butler-system, sees it
    ");
}

#[test]
fn a_status_of_before_the_last_change_is_not_ready() {
    let status = json!({"phase": "Ready", "observedGeneration": 1, "workerNodesReady": 2});
    let tree = of(&cluster(&json!({}), &status), &nothing());
    assert_eq!((tree.state, tree.word.as_str()), (State::Waiting, "Ready"));
    assert!(!why::of(&tree).ready);
}

#[test]
fn what_holds_a_deletion_is_named() {
    let metadata =
        json!({"deletionTimestamp": "2026-11-21T04:46:00Z", "finalizers": ["butler.butlerlabs.dev/tenantcluster"]});
    let status = json!({"phase": "Deleting", "observedGeneration": 2, "conditions": [condition("Ready", "False", "machines are being deleted")]});
    let mut parts = nothing();
    parts.control_plane = Ok(Some(hosted("Ready")));
    let tree = of(&cluster(&metadata, &status), &parts);
    insta::assert_snapshot!(why::of(&tree).sentence(), @r"
    tenant cluster demo is Deleting: finalizer butler.butlerlabs.dev/tenantcluster holds it: machines are being deleted; it is gone when the controller of butler.butlerlabs.dev/tenantcluster has cleaned up
    ");
}
