//! What is left of a cluster that is being deleted is named, with what holds it: while it is waited for, and in the end.

use butler_embedded::At;
use serde_json::{Value, json};

use crate::ctl::Ctl;
use crate::ground::{self, PARTS};
use crate::{Controller as _, Waiting, at, whole};

const MACHINES: At<'_> = At {
    group: "cluster.x-k8s.io",
    version: "v1beta1",
    resource: "machines",
    namespace: PARTS,
};

const ADDONS: At<'_> = At {
    group: "butler.butlerlabs.dev",
    version: "v1alpha1",
    resource: "tenantaddons",
    namespace: "alpha",
};

fn finalizers(names: &Value) -> Value {
    json!({"metadata": {"finalizers": names}})
}

/// Cluster `demo` with two machines, a control plane, and an addon, which its controller takes away one after the other.
fn deleting(ctl: &Ctl) {
    ground::demo(ctl);
    let addon = json!({
        "metadata": {"name": "loki-demo", "namespace": "alpha", "finalizers": ["butler.butlerlabs.dev/tenantaddon"]},
        "spec": {"addon": "loki", "version": "2.10.2", "clusterRef": {"name": "demo"}},
    });
    ctl.site.butler("TenantAddon", "tenantaddons", addon);
    let other = json!({
        "metadata": {"name": "loki-other", "namespace": "alpha"}, "spec": {"addon": "loki", "version": "2.10.2", "clusterRef": {"name": "other"}},
    });
    ctl.site.butler("TenantAddon", "tenantaddons", other);
    ctl.patch("demo", finalizers(&json!(["butler.butlerlabs.dev/tenantcluster"])));
    let local = &ctl.site.local;
    local.delete(at("alpha"), "demo").unwrap();
    local.delete(ADDONS, "loki-demo").unwrap();
    let held = finalizers(&json!(["machine.cluster.x-k8s.io"]));
    local.patched(MACHINES, "demo-workers-a", false, held).unwrap();
    local.delete(MACHINES, "demo-workers-a").unwrap();
}

/// What a command said from the error on.
fn error(said: &str) -> &str {
    &said[said.find("error:").unwrap()..]
}

#[test]
fn the_deadline_names_what_is_left() {
    let ctl = Ctl::new();
    deleting(&ctl);
    let late = ctl.admin(&["cluster", "delete", "demo", "-n", "alpha", "--yes", "--timeout", "3s"]);
    assert_eq!(late.code, Some(3), "{late:?}");
    insta::assert_snapshot!(error(&late.stderr), @r"
    error: cluster demo is not gone after 3 s
    Caused by:
      held by finalizer butler.butlerlabs.dev/tenantcluster: its controller has not seen the change yet; left: tenantaddon/loki-demo, machine/demo-workers-a, machine/demo-workers-b and 2 more
      tenantaddon/loki-demo: held by finalizer butler.butlerlabs.dev/tenantaddon
      machine/demo-workers-a: held by finalizer machine.cluster.x-k8s.io
      machine/demo-workers-b: not being deleted yet
      tenantcontrolplane/demo: not being deleted yet
      namespace/demo-0a1b2c3d: not being deleted yet
    hint: it goes on; wait on: butlerctl cluster wait --for=deleted demo --namespace alpha
    ");
}

#[test]
fn members_are_told_what_they_may_not_know() {
    let ctl = Ctl::new();
    deleting(&ctl);
    ctl.log_in("alice");
    let late = ctl.run(
        "alice",
        &["cluster", "wait", "demo", "--for", "deleted", "--timeout", "3s"],
    );
    assert_eq!(late.code, Some(3), "{late:?}");
    insta::assert_snapshot!(error(&whole(&late)), @r"
    error: cluster demo is not gone after 3 s
    Caused by:
      held by finalizer butler.butlerlabs.dev/tenantcluster: its controller has not seen the change yet; left: tenantaddon/loki-demo
      tenantaddon/loki-demo: held by finalizer butler.butlerlabs.dev/tenantaddon
      others: not allowed to look for machinedeployment, machine, stewardcontrolplane, tenantcontrolplane, cluster, namespace, ipallocation
    hint: it goes on; wait on: butlerctl cluster wait --for=deleted demo
    ");
}

#[test]
fn a_wait_tells_what_is_left_from_one_moment_to_the_next() {
    let ctl = Ctl::new();
    deleting(&ctl);
    let mut command = ctl.command("admin", &["cluster", "delete", "demo", "-n", "alpha", "--yes"]);
    command.env("BUTLER_KUBECONFIG", ctl.admin_kubeconfig());
    let local = &ctl.site.local;
    let waiting = Waiting::start(
        command,
        "left: tenantaddon/loki-demo, machine/demo-workers-a, machine/demo-workers-b and 2 more",
    );
    local
        .patched(ADDONS, "loki-demo", false, finalizers(&Value::Null))
        .unwrap();
    local
        .patched(MACHINES, "demo-workers-a", false, finalizers(&Value::Null))
        .unwrap();
    local.delete(MACHINES, "demo-workers-b").unwrap();
    let waiting = waiting.until("left: tenantcontrolplane/demo and namespace/demo-0a1b2c3d");
    ctl.patch("demo", finalizers(&Value::Null));
    let (code, said) = waiting.ended();
    assert_eq!((code, said.lines().last()), (Some(0), Some("cluster demo is gone")));
}
