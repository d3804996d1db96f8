//! Clusters to read, with everything that a controller would make for them.

use butler_embedded::At;
use serde_json::{Value, json};

use crate::ctl::Ctl;

/// A kubeconfig that can be used.
pub(crate) const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: demo\n\
    clusters: [{name: demo, cluster: {server: 'https://127.0.0.1:6443', certificate-authority-data: QQ==}}]\n\
    users: [{name: demo-admin, user: {client-certificate-data: QQ==, client-key-data: aHVudGVyMg==}}]\n\
    contexts: [{name: demo, context: {cluster: demo, user: demo-admin}}]\n";

/// The namespace of the parts of cluster `demo`.
pub(crate) const PARTS: &str = "demo-0a1b2c3d";

/// A condition of long ago.
pub(crate) fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2020-01-01T00:00:00Z",
    })
}

/// The status of a cluster that is ready.
pub(crate) fn ready(namespace: &str) -> Value {
    json!({
        "phase": "Ready", "observedGeneration": 1, "tenantNamespace": namespace,
        "controlPlaneEndpoint": "127.99.0.10:6443", "workerNodesDesired": 2, "workerNodesReady": 2,
        "conditions": [
            condition("Ready", "True", "ClusterReady", "the cluster is ready"),
            condition("ControlPlaneReady", "True", "Ready", "control plane is ready"),
        ],
        "observedState": {"addons": [{"name": "cilium", "version": "1.17.0", "status": "Healthy", "managedBy": "butler"}]},
    })
}

/// Cluster `demo` of team alpha, ready and with everything that it consists of.
pub(crate) fn demo(ctl: &Ctl) {
    let spec = json!({
        "teamRef": {"name": "alpha"}, "networking": {"loadBalancerPool": {"start": "127.99.0.10", "end": "127.99.0.20"}},
    });
    ctl.cluster("alpha", "demo", &spec, &ready(PARTS));
    ctl.site.namespace(PARTS);
    kubeconfig(ctl, "demo", PARTS);
    below(ctl);
}

/// The Secret with the kubeconfig of a cluster.
pub(crate) fn kubeconfig(ctl: &Ctl, name: &str, namespace: &str) {
    let secret = format!("{name}-admin-kubeconfig");
    ctl.site.create(
        "",
        "secrets",
        json!({
            "metadata": {"name": secret, "namespace": namespace}, "stringData": {"admin.conf": KUBECONFIG},
        }),
    );
}

/// The kinds of Steward and Cluster API, with the objects of cluster `demo`.
fn below(ctl: &Ctl) {
    define(
        ctl,
        "steward.butlerlabs.dev",
        "v1alpha1",
        "TenantControlPlane",
        "tenantcontrolplanes",
    );
    define(ctl, "cluster.x-k8s.io", "v1beta1", "Machine", "machines");
    let steward = At {
        group: "steward.butlerlabs.dev",
        version: "v1alpha1",
        resource: "tenantcontrolplanes",
        namespace: PARTS,
    };
    let hosted = json!({
        "metadata": {"name": "demo", "namespace": PARTS}, "status": {
            "kubernetesResources": {"version": {"version": "v1.32.2", "status": "Ready"}}, "controlPlaneEndpoint": "127.99.0.10:6443",
        },
    });
    ctl.site.local.created(steward, hosted).unwrap();
    machine(
        ctl,
        "demo-workers-a",
        &json!({"phase": "Running", "nodeRef": {"name": "node-a"}}),
    );
    machine(
        ctl,
        "demo-workers-b",
        &json!({"phase": "Running", "nodeRef": {"name": "demo-workers-b"}}),
    );
}

/// A machine of cluster `demo`.
pub(crate) fn machine(ctl: &Ctl, name: &str, status: &Value) {
    let machines = At {
        group: "cluster.x-k8s.io",
        version: "v1beta1",
        resource: "machines",
        namespace: PARTS,
    };
    let labels = json!({"cluster.x-k8s.io/cluster-name": "demo"});
    let machine = json!({
        "metadata": {"name": name, "namespace": PARTS, "labels": labels},
        "spec": {"version": "v1.32.2", "providerID": format!("inmemory://{name}")}, "status": status,
    });
    ctl.site.local.created(machines, machine).unwrap();
}

fn define(ctl: &Ctl, group: &str, version: &str, kind: &str, plural: &str) {
    let names = json!({"kind": kind, "plural": plural, "singular": kind.to_lowercase()});
    let schema = json!({"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}});
    let version = json!({"name": version, "served": true, "storage": true, "schema": schema});
    let definition = json!({
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    });
    ctl.site
        .create("apiextensions.k8s.io", "customresourcedefinitions", definition);
}

/// Something that happened a while ago.
pub(crate) fn event(ctl: &Ctl, namespace: &str, name: &str, (kind, about): (&str, &str), when: &str, message: &str) {
    ctl.site.create(
        "",
        "events",
        json!({
            "metadata": {"name": name, "namespace": namespace}, "type": "Normal", "reason": "Told", "message": message,
            "involvedObject": {"kind": kind, "name": about, "namespace": namespace}, "count": 1,
            "firstTimestamp": when, "lastTimestamp": when, "source": {"component": "butler-controller"},
        }),
    );
}

/// A text without what depends on the time of day: ages, and the width of their columns.
pub(crate) fn steady(text: &str) -> String {
    let steady = |line: &str| {
        let kept = line.trim_start();
        let indent = &line[..line.len() - kept.len()];
        let cells = kept.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let cells = cells.map(|cell| if is_age(cell) { "[AGE]" } else { cell });
        format!("{indent}{}\n", cells.collect::<Vec<_>>().join("  "))
    };
    text.lines().map(steady).collect()
}

fn is_age(cell: &str) -> bool {
    cell.ends_with(['s', 'm', 'h', 'd', 'y'])
        && cell.starts_with(|letter: char| letter.is_ascii_digit())
        && cell
            .chars()
            .all(|letter| letter.is_ascii_digit() || "smhdy".contains(letter))
}
