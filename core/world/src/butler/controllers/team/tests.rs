use std::time::Duration;

use serde_json::json;

use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off, phase};
use super::*;

const A_WHILE: Duration = Duration::from_secs(5);

fn access(users: &[(&str, &str)]) -> Value {
    let users: Vec<Value> = users
        .iter()
        .map(|(name, role)| json!({"name": name, "role": role}))
        .collect();
    json!({"users": users, "groups": [{"name": "Ops Team", "role": "operator"}]})
}

fn team(bench: &mut Bench, users: &[(&str, &str)]) {
    let spec = json!({"description": "what they do", "access": access(users)});
    bench.put(Kind::Team, "", "alpha", json!({"spec": spec}));
    bench.run(A_WHILE);
}

fn cluster(bench: &mut Bench, name: &str, workers: &Value) {
    let spec = json!({"kubernetesVersion": "v1.34.0", "workers": workers, "providerConfigRef": {"name": "none"}});
    bench.put(Kind::TenantCluster, "alpha", name, json!({"spec": spec}));
}

/// The role and the subject of a binding.
fn binding(bench: &Bench, name: &str) -> String {
    let parts = ["/roleRef/name", "/subjects/0/kind", "/subjects/0/name"];
    parts
        .map(|part| bench.text(Kind::RoleBinding, "alpha", name, part))
        .join(" ")
}

fn condition(bench: &Bench, which: &str) -> String {
    bench.condition(Kind::Team, "", "alpha", which)
}

#[test]
fn a_team_gets_its_namespace_and_its_members_a_way_into_it() {
    let mut bench = Bench::new();
    team(
        &mut bench,
        &[
            ("Ann@example.com", "admin"),
            ("bob@example.com", "operator"),
            ("eve@example.com", "viewer"),
        ],
    );
    assert_eq!(bench.text(Kind::Team, "", "alpha", "/status/phase"), "Ready");
    assert_eq!(bench.text(Kind::Team, "", "alpha", "/status/namespace"), "alpha");
    assert_eq!(
        condition(&bench, "RBACReady"),
        "True Ready RBAC configured: 3 user(s), 1 group(s)"
    );
    assert_eq!(
        condition(&bench, "NamespaceReady"),
        "True Ready namespace \"alpha\" is ready"
    );
    let namespace = bench.find(Kind::Namespace, "", "alpha").unwrap();
    assert_eq!(namespace["metadata"]["labels"][labels::TEAM], "alpha");
    assert_eq!(
        namespace["metadata"]["annotations"][labels::DESCRIPTION],
        "what they do"
    );
    let bindings = [
        ("butler-team-user-ann-example-com", "cluster-admin User Ann@example.com"),
        ("butler-team-user-bob-example-com", "edit User bob@example.com"),
        ("butler-team-user-eve-example-com", "edit User eve@example.com"),
        ("butler-team-group-ops-team", "edit Group Ops Team"),
    ];
    for (name, expected) in bindings {
        assert_eq!(binding(&bench, name), expected);
    }
}

#[test]
fn a_role_that_changes_gets_a_new_binding_and_who_is_removed_loses_his() {
    let mut bench = Bench::new();
    team(
        &mut bench,
        &[("ann@example.com", "viewer"), ("bob@example.com", "operator")],
    );
    // Somebody else's binding in the same namespace is none of the team's business.
    bench.put(
        Kind::RoleBinding,
        "alpha",
        "butler-team-user-x",
        json!({"roleRef": {"name": "view"}}),
    );
    let before = bench.text(
        Kind::RoleBinding,
        "alpha",
        "butler-team-user-ann-example-com",
        "/metadata/uid",
    );
    bench.change(
        Kind::Team,
        "",
        "alpha",
        &json!({"spec": {"access": access(&[("ann@example.com", "admin")])}}),
    );
    bench.run(A_WHILE);
    assert_eq!(
        binding(&bench, "butler-team-user-ann-example-com"),
        "cluster-admin User ann@example.com"
    );
    let after = bench.text(
        Kind::RoleBinding,
        "alpha",
        "butler-team-user-ann-example-com",
        "/metadata/uid",
    );
    assert_ne!(before, after, "the role of a binding cannot be changed");
    let expected = [
        "butler-team-group-ops-team",
        "butler-team-user-ann-example-com",
        "butler-team-user-x",
    ];
    assert_eq!(bench.names(Kind::RoleBinding, "alpha"), expected);
    assert_eq!(bench.text(Kind::Team, "", "alpha", "/status/phase"), "Ready");
}

#[test]
fn members_whose_names_look_alike_have_bindings_of_their_own_and_who_is_named_twice_has_one() {
    let mut bench = Bench::new();
    let users = [("a.b@x.org", "viewer"), ("a-b@x.org", "admin"), ("A-B@x.org", "viewer")];
    team(&mut bench, &users);
    let names = bench.names(Kind::RoleBinding, "alpha");
    let of_users: Vec<&str> = names.into_iter().filter(|name| name.starts_with(OF_USER)).collect();
    assert_eq!(of_users.len(), 2, "{of_users:?}");
    let mut all: Vec<String> = of_users.iter().map(|name| binding(&bench, name)).collect();
    all.sort();
    assert_eq!(all, ["cluster-admin User a-b@x.org", "edit User a.b@x.org"]);
}

#[test]
fn what_its_clusters_take_is_summed_and_held_against_its_limits() {
    let mut bench = Bench::new();
    team(&mut bench, &[]);
    cluster(
        &mut bench,
        "web",
        &json!({"replicas": 3, "machineTemplate": {"cpu": 2, "memory": "4Gi", "diskSize": "50Gi"}}),
    );
    cluster(&mut bench, "db", &json!({"replicas": 1}));
    bench.run(A_WHILE);
    let status = |bench: &Bench| bench.get::<Team>(Kind::Team, "", "alpha").status.unwrap();
    let usage = status(&bench).resource_usage.unwrap();
    assert_eq!((usage.clusters, usage.total_nodes), (Some(2), Some(4)));
    let total = |quantity: Option<butler_api::v1alpha1::wire::Quantity>| quantity.unwrap().0;
    assert_eq!(total(usage.total_cpu), "10");
    assert_eq!(total(usage.total_memory), "28Gi");
    assert_eq!(total(usage.total_storage), "250Gi");
    assert_eq!(status(&bench).quota_status, None, "no limits");

    let limits = json!({"maxClusters": 3, "maxMemory": "32Gi"});
    bench.change(Kind::Team, "", "alpha", &json!({"spec": {"resourceLimits": limits}}));
    bench.run(A_WHILE);
    let warned = status(&bench);
    let usage = warned.resource_usage.unwrap();
    assert_eq!(
        (usage.cluster_utilization, usage.memory_utilization),
        (Some(66), Some(87))
    );
    assert_eq!(warned.quota_message.as_deref(), Some("memory 28Gi of 32Gi"));
    bench.change(
        Kind::Team,
        "",
        "alpha",
        &json!({"spec": {"resourceLimits": {"maxClusters": 1}}}),
    );
    bench.run(A_WHILE);
    assert_eq!(condition(&bench, "QuotaExceeded"), "True QuotaExceeded clusters 2 of 1");
    assert_eq!(
        status(&bench).resource_usage.unwrap().cluster_utilization,
        Some(100),
        "there is no more than all"
    );
}

#[test]
fn a_team_with_clusters_stays() {
    let mut bench = Bench::new();
    team(&mut bench, &[("ann@example.com", "admin")]);
    cluster(&mut bench, "web", &json!({"replicas": 1}));
    bench.run(A_WHILE);
    bench.delete(Kind::Team, "", "alpha");
    bench.run(A_WHILE);
    assert_eq!(bench.text(Kind::Team, "", "alpha", "/status/phase"), "Terminating");
    assert_eq!(
        condition(&bench, "Ready"),
        "False DeletionBlocked Cannot delete Team: 1 TenantCluster(s) still exist"
    );
    bench.delete(Kind::TenantCluster, "alpha", "web");
    bench.run(A_WHILE);
    assert!(bench.find(Kind::Team, "", "alpha").is_none());
    assert!(bench.find(Kind::Namespace, "", "alpha").is_none());
}

#[test]
fn no_team_gets_a_namespace_of_the_platform() {
    let mut bench = Bench::new();
    bench.put(Kind::Team, "", "butler-system", json!({"spec": {}}));
    bench.run(A_WHILE);
    let ready = bench.condition(Kind::Team, "", "butler-system", "Ready");
    assert_eq!(
        ready,
        "False NamespaceError namespace \"butler-system\" belongs to the platform"
    );
    bench.delete(Kind::Team, "", "butler-system");
    bench.run(A_WHILE);
    assert!(bench.find(Kind::Team, "", "butler-system").is_none());
    assert!(bench.find(Kind::Namespace, "", "butler-system").is_some());
}

#[test]
fn a_team_ends_the_same_wherever_it_is_cut_off() {
    ends_the_same_wherever_it_is_cut_off(|bench| {
        team(bench, &[("ann@example.com", "viewer"), ("bob@example.com", "operator")]);
        bench.change(
            Kind::Team,
            "",
            "alpha",
            &json!({"spec": {"access": access(&[("ann@example.com", "admin")])}}),
        );
        bench.run(A_WHILE);
        // A namespace that somebody deletes comes again, with everything in it.
        bench.delete(Kind::Namespace, "", "alpha");
        bench.run(A_WHILE);
        assert_eq!(bench.names(Kind::RoleBinding, "alpha").len(), 2);
    });
    ends_the_same_wherever_it_is_cut_off(|bench| {
        team(bench, &[("ann@example.com", "viewer")]);
        bench.delete(Kind::Team, "", "alpha");
        bench.run(A_WHILE);
        assert!(bench.names(Kind::Namespace, "").iter().all(|name| *name != "alpha"));
    });
}

#[tokio::test]
async fn a_server_gives_a_team_its_namespace_and_takes_it_away_with_all_that_is_in_it() {
    let mut served = Served::start("").await;
    let spec = |role| json!({"spec": {"access": {"users": [{"name": "ann@example.com", "role": role}]}}});
    served.create(Kind::Team, "", "alpha", spec("viewer"));
    served.until(Kind::Team, "", "alpha", phase("Ready")).await;
    let binding = "butler-team-user-ann-example-com";
    served
        .until(Kind::RoleBinding, "alpha", binding, |object| {
            object["roleRef"]["name"] == "edit"
        })
        .await;
    served.change(Kind::Team, "", "alpha", spec("admin"));
    served
        .until(Kind::RoleBinding, "alpha", binding, |object| {
            object["roleRef"]["name"] == "cluster-admin"
        })
        .await;
    served.delete(Kind::Team, "", "alpha");
    served.until_gone(Kind::Team, "", "alpha").await;
    served.until_gone(Kind::RoleBinding, "alpha", binding).await;
    served.until_gone(Kind::Namespace, "", "alpha").await;
    served.end().await;
}
