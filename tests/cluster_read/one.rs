//! Commands about one cluster: get, describe, why, conditions, nodes, events and watch.

use std::io::{BufRead as _, BufReader, Read as _};

use butler_embedded::At;
use serde_json::json;

use crate::ctl::Ctl;
use crate::ground::{PARTS, condition, demo, event, machine, steady};

const CLUSTERS: At<'_> = At {
    group: "butler.butlerlabs.dev",
    version: "v1alpha1",
    resource: "tenantclusters",
    namespace: "alpha",
};

#[test]
fn a_cluster_is_a_tree_of_what_may_be_read() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    insta::assert_snapshot!(ctl.admin(&["cluster", "get", "demo", "-n", "alpha"]).whole(), @r"
    exit 0
    --- stdout
    demo  Ready  v1.32.2, team alpha
    ├─ control plane  Ready  v1.32.2, 127.99.0.10:6443
    ├─ workers  2 of 2 ready
    │  ├─ machine demo-workers-a  Running  v1.32.2, node node-a
    │  └─ machine demo-workers-b  Running  v1.32.2
    ├─ addons  1 of 1 well
    │  └─ cilium  Healthy  1.17.0
    └─ addresses  127.99.0.10 - 127.99.0.20
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "get", "--name", "demo"]).whole(), @r"
    exit 0
    --- stdout
    demo  Ready  v1.32.2, team alpha
    ├─ control plane  Ready  127.99.0.10:6443
    │  └─ (not allowed to read control planes)
    ├─ workers  2 of 2 ready
    │  └─ (not allowed to read machines)
    ├─ addons  1 of 1 well
    │  └─ cilium  Healthy  1.17.0
    └─ addresses  127.99.0.10 - 127.99.0.20
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "get", "demo", "-o", "name"]).whole(), @r"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/demo
    ");
    let list = ctl.run("alice", &["cluster", "list", "-o", "json"]).json();
    let one = ctl.run("alice", &["cluster", "get", "demo", "-o", "json"]).json();
    assert_eq!(one, list["items"][0]);
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "why", "demo"]).whole(), @r"
    exit 0
    --- stdout
    tenant cluster demo is Ready
    ");
}

/// The way of whoever mends a platform, and of jobs: nothing but a kubeconfig is there, no home and no login.
#[test]
fn a_kubeconfig_that_is_named_needs_no_home() {
    let ctl = Ctl::new();
    let kubeconfig = ctl.admin_kubeconfig();
    let mut command = ctl.command("nobody", &["cluster", "list", "-o", "json", "--kubeconfig"]);
    // A home that is no place is an error for whoever needs one.
    command.arg(kubeconfig).env_remove("BUTLER_HOME").env("HOME", "nowhere");
    let listed = ctl.ran(&command.output().unwrap());
    assert_eq!(listed.code, Some(0), "{listed:?}");
    assert_eq!(listed.json()["items"], json!([]));
}

/// Talos writes the namespace `default` into every kubeconfig; nobody has chosen it.
#[test]
fn the_namespace_that_every_kubeconfig_has_is_not_where_clusters_are() {
    let ctl = Ctl::new();
    let mut kubeconfig = ctl.site.api.as_ref().unwrap().kubeconfig.clone();
    for (namespace, meant) in [("default", "butler-tenants"), ("alpha", "alpha")] {
        kubeconfig["contexts"][0]["context"]["namespace"] = json!(namespace);
        let file = ctl.path("with-namespace.kubeconfig");
        std::fs::write(&file, kubeconfig.to_string()).unwrap();
        let listed = ctl.run("nobody", &["cluster", "list", "--kubeconfig", file.to_str().unwrap()]);
        assert_eq!(listed.code, Some(0), "{listed:?}");
        assert!(listed.stderr.contains(&format!("in namespace {meant}")), "{listed:?}");
    }
}

#[test]
fn a_variable_that_names_no_kubeconfig_is_as_good_as_none() {
    let ctl = Ctl::new();
    let mut command = ctl.command("nobody", &["cluster", "list"]);
    let none = ctl.ran(&command.env("KUBECONFIG", ":").output().unwrap());
    assert_eq!(none.code, Some(4), "{none:?}");
    assert!(none.stderr.contains("there is no cluster to work on"), "{none:?}");
}

#[test]
fn a_missing_cluster_a_forbidden_one_and_none_at_all_are_different() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "get", "nope"]).whole(), @r"
    exit 1
    --- stderr
    error: there is no tenant cluster nope in namespace alpha
    hint: list those that are there: butlerctl cluster list --namespace alpha
    hint: or look elsewhere: --namespace NAME, --team NAME
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "get", "dave", "-n", "beta"]).whole(), @r"
    exit 1
    --- stderr
    error: cannot read tenant cluster dave in namespace beta
    Caused by:
      alice@example.com (system:serviceaccount:butler-system:butler-cli-ff8d9819fc0e) may not get tenantclusters.butler.butlerlabs.dev in namespace beta
    hint: the role viewer in the team of namespace beta allows it
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "get"]).whole(), @r"
    exit 2
    --- stderr
    error: the following required arguments were not provided:
      <CLUSTER>

    Usage: butlerctl cluster get <CLUSTER>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(ctl.run("nobody", &["cluster", "get", "demo"]).whole(), @r"
    exit 4
    --- stderr
    error: there is no cluster to work on: no login, no kubeconfig, and no management cluster that was made here
    hint: log in: butlerctl login --server URL
    hint: or name a kubeconfig: --kubeconfig FILE
    ");
}

#[test]
fn the_deepest_cause_is_told() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let status = json!({"phase": "Provisioning", "workerNodesReady": 2, "conditions": [
        condition("Ready", "False", "Provisioning", "2 of 3 machines have joined"),
        condition("ControlPlaneReady", "True", "Ready", "control plane is ready"),
        condition("WorkersReady", "False", "Reconciling", "2 of 3 nodes are ready"),
    ]});
    ctl.site
        .local
        .patch(CLUSTERS, "demo", true, json!({"status": status}))
        .unwrap();
    ctl.site
        .local
        .patch(CLUSTERS, "demo", false, json!({"spec": {"workers": {"replicas": 3}}}))
        .unwrap();
    ctl.site
        .local
        .patch(CLUSTERS, "demo", true, json!({"status": {"observedGeneration": 2}}))
        .unwrap();
    let ready =
        json!({"type": "Ready", "status": "False", "reason": "WaitingForIP", "message": "no free address in pool lan"});
    machine(
        &ctl,
        "demo-workers-c",
        &json!({"phase": "Provisioning", "conditions": [ready]}),
    );
    insta::assert_snapshot!(ctl.admin(&["cluster", "get", "demo", "-n", "alpha"]).whole(), @r"
    exit 0
    --- stdout
    demo  Provisioning  v1.32.2, team alpha  2 of 3 machines have joined
    ├─ control plane  Ready  v1.32.2, 127.99.0.10:6443
    ├─ workers  2 of 3 ready
    │  ├─ machine demo-workers-a  Running  v1.32.2, node node-a
    │  ├─ machine demo-workers-b  Running  v1.32.2
    │  └─ machine demo-workers-c  Provisioning  v1.32.2  no free address in pool lan
    ├─ addons  1 of 1 well
    │  └─ cilium  Healthy  1.17.0
    └─ addresses  127.99.0.10 - 127.99.0.20
    ");
    insta::assert_snapshot!(ctl.admin(&["cluster", "why", "demo", "-n", "alpha"]).whole(), @r"
    exit 0
    --- stdout
    tenant cluster demo is Provisioning: of its workers 2 of 3 ready: machine demo-workers-c is Provisioning: no free address in pool lan; it goes on when machine demo-workers-c is Running
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "why", "demo"]).whole(), @r"
    exit 0
    --- stdout
    tenant cluster demo is Provisioning: of its workers 2 of 3 ready: 2 of 3 nodes are ready: not allowed to read machines; it goes on when the machines have joined
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "why", "demo", "-o", "json"]).whole(), @r#"
    exit 0
    --- stdout
    {
      "cluster": "demo",
      "ready": false,
      "because": [
        "tenant cluster demo is Provisioning",
        "of its workers 2 of 3 ready",
        "2 of 3 nodes are ready",
        "not allowed to read machines"
      ],
      "until": "it goes on when the machines have joined"
    }
    "#);
}

/// Cluster `demo` of alice's team, to which and to a part of which something has happened.
fn with_events() -> Ctl {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    event(
        &ctl,
        "alpha",
        "one",
        ("TenantCluster", "demo"),
        "2020-01-01T00:00:00Z",
        "from Installing to Ready",
    );
    event(
        &ctl,
        "alpha",
        "other",
        ("TenantCluster", "web"),
        "2020-01-01T00:00:00Z",
        "of another cluster",
    );
    event(
        &ctl,
        PARTS,
        "part",
        ("Machine", "demo-workers-a"),
        "2019-01-01T00:00:00Z",
        "the machine has joined",
    );
    ctl
}

#[test]
fn a_description_has_conditions_and_events() {
    let ctl = with_events();
    insta::assert_snapshot!(steady(&ctl.admin(&["cluster", "describe", "demo", "-n", "alpha"]).whole()), @r"
    exit 0
    --- stdout
    demo  Ready  v1.32.2, team alpha
    ├─ control plane  Ready  v1.32.2, 127.99.0.10:6443
    ├─ workers  2 of 2 ready
    │  ├─ machine demo-workers-a  Running  v1.32.2, node node-a
    │  └─ machine demo-workers-b  Running  v1.32.2
    ├─ addons  1 of 1 well
    │  └─ cilium  Healthy  1.17.0
    └─ addresses  127.99.0.10 - 127.99.0.20

    Conditions
    TYPE  STATUS  REASON  AGE  MESSAGE
    Ready  True  ClusterReady  [AGE]  the cluster is ready
    ControlPlaneReady  True  Ready  [AGE]  control plane is ready

    Events
    LAST SEEN  TYPE  REASON  OBJECT  MESSAGE
    [AGE]  Normal  Told  machine/demo-workers-a  the machine has joined
    [AGE]  Normal  Told  tenantcluster/demo  from Installing to Ready
    ");
    insta::assert_snapshot!(steady(&ctl.run("alice", &["cluster", "describe", "demo"]).whole()), @r"
    exit 0
    --- stdout
    demo  Ready  v1.32.2, team alpha
    ├─ control plane  Ready  127.99.0.10:6443
    │  └─ (not allowed to read control planes)
    ├─ workers  2 of 2 ready
    │  └─ (not allowed to read machines)
    ├─ addons  1 of 1 well
    │  └─ cilium  Healthy  1.17.0
    └─ addresses  127.99.0.10 - 127.99.0.20

    Conditions
    TYPE  STATUS  REASON  AGE  MESSAGE
    Ready  True  ClusterReady  [AGE]  the cluster is ready
    ControlPlaneReady  True  Ready  [AGE]  control plane is ready

    Events
    LAST SEEN  TYPE  REASON  OBJECT  MESSAGE
    [AGE]  Normal  Told  -  the machine has joined
    [AGE]  Normal  Told  tenantcluster/demo  from Installing to Ready
    ");
}

#[test]
fn events_come_from_both_namespaces_of_the_cluster() {
    let ctl = with_events();
    insta::assert_snapshot!(steady(&ctl.run("alice", &["cluster", "events", "demo"]).whole()), @r"
    exit 0
    --- stdout
    LAST SEEN  TYPE  REASON  OBJECT  MESSAGE
    [AGE]  Normal  Told  -  the machine has joined
    [AGE]  Normal  Told  tenantcluster/demo  from Installing to Ready
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "events", "demo", "--limit", "1", "-o", "json"]).whole(), @r#"
    exit 0
    --- stdout
    [
      {
        "lastSeen": "2020-01-01T00:00:00Z",
        "type": "Normal",
        "reason": "Told",
        "object": "tenantcluster/demo",
        "message": "from Installing to Ready",
        "count": 1,
        "source": "butler-controller"
      }
    ]
    "#);
    insta::assert_snapshot!(steady(&ctl.admin(&["cluster", "events", "demo", "-n", "alpha", "-o", "wide"]).whole()), @r"
    exit 0
    --- stdout
    LAST SEEN  TYPE  REASON  OBJECT  MESSAGE  COUNT  SOURCE
    [AGE]  Normal  Told  machine/demo-workers-a  the machine has joined  1  butler-controller
    [AGE]  Normal  Told  tenantcluster/demo  from Installing to Ready  1  butler-controller
    ");
}

#[test]
fn conditions_and_nodes_are_tables_of_their_own() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.cluster("alpha", "new", &json!({"teamRef": {"name": "alpha"}}), &json!(null));
    ctl.log_in("alice");
    insta::assert_snapshot!(steady(&ctl.run("alice", &["cluster", "conditions", "demo"]).whole()), @r"
    exit 0
    --- stdout
    TYPE  STATUS  REASON  AGE  MESSAGE
    Ready  True  ClusterReady  [AGE]  the cluster is ready
    ControlPlaneReady  True  Ready  [AGE]  control plane is ready
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "conditions", "new", "-o", "json"]).whole(), @r"
    exit 0
    --- stdout
    []
    --- stderr
    no controller has said anything about new
    ");
    insta::assert_snapshot!(steady(&ctl.admin(&["cluster", "nodes", "demo", "-n", "alpha"]).whole()), @r"
    exit 0
    --- stdout
    NAME  PHASE  NODE  VERSION  AGE
    demo-workers-a  Running  node-a  v1.32.2  [AGE]
    demo-workers-b  Running  demo-workers-b  v1.32.2  [AGE]
    ");
    let node = json!({
        "name": "node-a", "status": "Ready", "roles": ["worker"], "version": "v1.32.2", "internalIP": "127.64.0.9",
        "os": "Talos (v1.9.3)", "containerRuntime": "containerd://2.0.2", "cpu": "4", "memory": "8Gi", "age": "1h2m3s",
    });
    let nodes = ("GET", "/nodes", 200, json!({"nodes": [node]}));
    ctl.scripted.lock().unwrap().extend([nodes.clone(), nodes]);
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "get", "demo"]).whole(), @r"
    exit 0
    --- stdout
    demo  Ready  v1.32.2, team alpha
    ├─ control plane  Ready  127.99.0.10:6443
    │  └─ (not allowed to read control planes)
    ├─ workers  2 of 2 ready
    │  ├─ node node-a  Ready  v1.32.2, 127.64.0.9
    │  └─ (not allowed to read machines)
    ├─ addons  1 of 1 well
    │  └─ cilium  Healthy  1.17.0
    └─ addresses  127.99.0.10 - 127.99.0.20
    ");
    insta::assert_snapshot!(steady(&ctl.run("alice", &["cluster", "nodes", "demo", "-o", "wide"]).whole()), @r"
    exit 0
    --- stdout
    NAME  STATUS  ROLES  VERSION  AGE  INTERNAL-IP  OS  RUNTIME  CPU  MEMORY
    node-a  Ready  worker  v1.32.2  [AGE]  127.64.0.9  Talos (v1.9.3)  containerd://2.0.2  4  8Gi
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "nodes", "demo", "-o", "name"]).whole(), @r"
    exit 0
    --- stderr
    demo has no nodes
    ");
    insta::assert_snapshot!(ctl.run("alice", &["cluster", "nodes", "new"]).whole(), @r"
    exit 1
    --- stderr
    error: tenant cluster new has no nodes yet: no controller has said anything about it
    hint: wait for it: butlerctl cluster wait new --namespace alpha
    ");
}

#[test]
fn a_watch_ends_when_the_cluster_is_ready_has_failed_or_is_gone() {
    let ctl = Ctl::new();
    demo(&ctl);
    ctl.log_in("alice");
    let steps = [
        json!({"phase": "Ready"}),
        json!({"phase": "Failed", "conditions": [condition("Ready", "False", "ConfigError", "no provider")]}),
    ];
    let mut told = Vec::new();
    for status in steps {
        ctl.site
            .local
            .patch(CLUSTERS, "demo", true, json!({"status": {"phase": "Installing"}}))
            .unwrap();
        let mut child = ctl.command("alice", &["cluster", "watch", "demo"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        ctl.site
            .local
            .patch(CLUSTERS, "demo", true, json!({"status": status}))
            .unwrap();
        lines.read_to_string(&mut first).unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        // The time of day comes first.
        let lines: Vec<&str> = first.lines().map(|line| &line[10..]).collect();
        let code = child.wait().unwrap().code();
        told.push(format!("{}\n{code:?}\n{stderr}", lines.join("\n")));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    phase - -> Installing
    condition Ready - -> True (ClusterReady) the cluster is ready
    condition ControlPlaneReady - -> True (Ready) control plane is ready
    phase Installing -> Ready
    Some(0)

    phase - -> Installing
    condition Ready - -> True (ClusterReady) the cluster is ready
    condition ControlPlaneReady - -> True (Ready) control plane is ready
    phase Installing -> Failed
    condition Ready True -> False (ConfigError) no provider
    Some(1)
    error: tenant cluster demo failed
    Caused by:
      it is Failed: no provider
    hint: butlerctl cluster why demo
    ");
}
