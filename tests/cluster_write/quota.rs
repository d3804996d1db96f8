//! What a change takes beyond the quota of its team is told before it is asked for, also where the platform lets it pass at first.

use butler_embedded::At;
use butler_world::butler::admission;
use serde_json::{Value, json};

use crate::ctl::Ctl;
use crate::{Controller as _, at, demo, whole};

/// Cluster `demo` with two workers, of a team with these limits.
fn limited(limits: &Value) -> Ctl {
    let ctl = Ctl::new();
    demo(&ctl);
    let teams = At {
        resource: "teams",
        namespace: "",
        ..at("")
    };
    let limits = json!({"spec": {"resourceLimits": limits}});
    ctl.site.local.patched(teams, "alpha", false, limits).unwrap();
    admission::install(&ctl.site.cluster);
    let provider = json!({
        "metadata": {"name": "inmemory", "namespace": "butler-system"}, "spec": {"provider": "inmemory"},
    });
    ctl.site.butler("ProviderConfig", "providerconfigs", provider);
    ctl.log_in("alice");
    ctl
}

#[test]
fn scaling_beyond_the_quota_is_warned_of() {
    let ctl = limited(&json!({"maxTotalNodes": 4, "maxCPUCores": "10", "maxClusters": 1}));
    let scale = |workers: &str| {
        let ran = ctl.run("alice", &["cluster", "scale", "demo", "-w", workers, "-o", "name"]);
        whole(&ran)
    };
    insta::assert_snapshot!(scale("5"), @r#"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/demo
    --- stderr
    warning: total worker nodes (5) would exceed team "alpha" node quota (4)
    hint: fewer or smaller workers may fit; administrators of the platform can give the team more
    cluster demo is asked for 5 workers
    hint: wait for it: butlerctl cluster wait demo
    "#);
    assert_eq!(ctl.object("alpha", "demo")["spec"]["workers"]["replicas"], 5);
    // Fewer are better, although they are still too many.
    insta::assert_snapshot!(scale("4"), @r"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/demo
    --- stderr
    cluster demo is asked for 4 workers
    hint: wait for it: butlerctl cluster wait demo
    ");
    let edit = ["cluster", "edit", "demo", "--workers-replicas", "6", "-o", "name"];
    insta::assert_snapshot!(whole(&ctl.run("alice", &edit)), @r#"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/demo
    --- stderr
    warning: total worker nodes (6) would exceed team "alpha" node quota (4)
    hint: fewer or smaller workers may fit; administrators of the platform can give the team more
    cluster demo is asked for as edited
    hint: wait for it: butlerctl cluster wait demo
    "#);
}

#[test]
fn a_limit_of_each_cluster_is_no_warning_where_the_rules_refuse_it() {
    let ctl = limited(&json!({"maxNodesPerCluster": 3}));
    let ran = ctl.run("alice", &["cluster", "scale", "demo", "-w", "4"]);
    insta::assert_snapshot!(whole(&ran), @r#"
    exit 1
    --- stderr
    error: cannot change tenant cluster demo
    Caused by:
      admission webhook "vtenantcluster.kb.io" denied the request: spec.workers.replicas: Forbidden: worker replicas (4) exceeds team "alpha" per-cluster node limit (3)
    "#);
}

#[test]
fn a_new_cluster_beyond_the_quota_is_refused_or_warned_of() {
    let ctl = limited(&json!({"maxTotalNodes": 4}));
    let create = |further: &[&str]| {
        let line = [
            "cluster",
            "create",
            "web",
            "-w",
            "3",
            "--lb-pool",
            "10.0.0.1-10.0.0.9",
            "-o",
            "name",
        ];
        whole(&ctl.run("alice", &[&line, further].concat()))
    };
    insta::assert_snapshot!(create(&[]), @r#"
    exit 1
    --- stderr
    error: cannot create cluster web
    Caused by:
      the rules of the platform refuse it
      spec.workers.replicas: Forbidden: total worker nodes (5) would exceed team "alpha" node quota (4)
    "#);
    let spec = json!({"kubernetesVersion": "v1.32.2", "workers": {"replicas": 3}, "teamRef": {"name": "alpha"}});
    let file = ctl.path("web.yaml");
    let object = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster", "metadata": {"name": "web"}, "spec": spec,
    });
    std::fs::write(&file, object.to_string()).unwrap();
    let line = ["cluster", "create", "-f", file.to_str().unwrap(), "-o", "name"];
    insta::assert_snapshot!(whole(&ctl.run("alice", &line)), @r#"
    exit 0
    --- stdout
    tenantcluster.butler.butlerlabs.dev/web
    --- stderr
    warning: total worker nodes (5) would exceed team "alpha" node quota (4)
    hint: fewer or smaller workers may fit; administrators of the platform can give the team more
    cluster web is being created in namespace alpha
    hint: wait for it: butlerctl cluster wait web
    "#);
}
