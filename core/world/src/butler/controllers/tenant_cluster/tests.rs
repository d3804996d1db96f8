use std::time::Duration;

use serde_json::json;

use super::super::tests::{Bench, ends_the_same_wherever_it_is_cut_off};
use super::*;

const SYSTEM: &str = "butler-system";
const TENANTS: &str = "butler-tenants";
const A_WHILE: Duration = Duration::from_mins(2);

/// A provider that takes addresses of a pool, and a cluster on it.
fn ask(bench: &mut Bench) {
    ask_with(bench, &json!({}));
}

/// The same, with more about the addresses.
fn ask_with(bench: &mut Bench, more: &serde_json::Value) {
    let mut network = json!({"mode": "ipam", "poolRefs": [{"name": "pool"}]});
    network
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let provider = json!({"spec": {"provider": "inmemory", "network": network}});
    bench.put(Kind::ProviderConfig, SYSTEM, "inmemory", provider);
    bench.put(
        Kind::NetworkPool,
        SYSTEM,
        "pool",
        json!({"spec": {"cidr": "10.0.0.0/24"}}),
    );
    let spec = json!({
        "kubernetesVersion": "v1.34.0", "providerConfigRef": {"name": "inmemory"}, "workers": {"replicas": 2},
    });
    bench.put(Kind::TenantCluster, TENANTS, "web", json!({"spec": spec}));
}

fn phase(bench: &Bench) -> String {
    bench.text(Kind::TenantCluster, TENANTS, "web", "/status/phase")
}

fn change(bench: &mut Bench, spec: &serde_json::Value) {
    bench.change(Kind::TenantCluster, TENANTS, "web", &json!({"spec": spec}));
}

#[test]
fn a_cluster_that_comes_grows_and_is_upgraded_ends_the_same_wherever_it_is_cut_off() {
    ends_the_same_wherever_it_is_cut_off(|bench| {
        ask(bench);
        bench.run(A_WHILE);
        assert_eq!(phase(bench), "Ready");
        change(bench, &json!({"workers": {"replicas": 3}}));
        bench.run(A_WHILE);
        assert_eq!(phase(bench), "Ready");
        change(bench, &json!({"kubernetesVersion": "v1.35.0"}));
        bench.run(A_WHILE);
        let namespace = bench.text(Kind::TenantCluster, TENANTS, "web", "/status/tenantNamespace");
        assert_eq!(
            (phase(bench).as_str(), bench.names(Kind::Machine, &namespace).len()),
            ("Ready", 3)
        );
    });
}

#[test]
fn a_cluster_that_goes_leaves_nothing_wherever_it_is_cut_off() {
    ends_the_same_wherever_it_is_cut_off(|bench| {
        ask(bench);
        bench.run(A_WHILE);
        bench.delete(Kind::TenantCluster, TENANTS, "web");
        bench.run(A_WHILE);
        assert!(bench.find(Kind::TenantCluster, TENANTS, "web").is_none());
        assert_eq!(bench.names(Kind::IpAllocation, SYSTEM), Vec::<&str>::new());
        assert_eq!(bench.names(Kind::Namespace, ""), [SYSTEM, TENANTS]);
        assert_eq!(bench.hosted().count(), 0);
    });
}

#[test]
fn an_addon_of_a_cluster_comes_and_goes_wherever_it_is_cut_off() {
    let addon = |bench: &mut Bench| {
        ask(bench);
        let chart = json!({"name": "podinfo", "repository": "https://charts.example.com", "defaultVersion": "6.7.0"});
        let spec = json!({
            "category": "other", "description": "podinfo", "displayName": "Podinfo", "chart": chart, "defaults": {},
        });
        bench.put(Kind::AddonDefinition, "", "podinfo", json!({"spec": spec}));
        let spec = json!({"clusterRef": {"name": "web"}, "addon": "podinfo", "version": ""});
        bench.put(Kind::TenantAddon, TENANTS, "podinfo-web", json!({"spec": spec}));
        bench.run(A_WHILE);
        let phase = bench.text(Kind::TenantAddon, TENANTS, "podinfo-web", "/status/phase");
        assert_eq!(phase, "Installed");
    };
    ends_the_same_wherever_it_is_cut_off(addon);
    ends_the_same_wherever_it_is_cut_off(|bench| {
        addon(bench);
        bench.delete(Kind::TenantAddon, TENANTS, "podinfo-web");
        bench.run(A_WHILE);
        assert!(bench.names(Kind::TenantAddon, TENANTS).is_empty());
        let releases = bench.hosted().flat_map(|tenant| tenant.releases.keys());
        assert!(releases.into_iter().all(|(_, release)| release != "podinfo"));
    });
}

#[test]
fn a_control_plane_that_runs_stays_ready_when_the_controllers_start_anew() {
    let mut bench = Bench::new();
    ask(&mut bench);
    bench.run(A_WHILE);
    let writes = bench.writes;
    bench.restart();
    bench.run(A_WHILE);
    assert_eq!(bench.writes, writes, "nothing has changed");
}

/// The ranges of the cluster.
fn ranges(bench: &Bench) -> Vec<String> {
    let names = bench.names(Kind::IpAllocation, SYSTEM);
    let ranges = names
        .into_iter()
        .map(|name| bench.text(Kind::IpAllocation, SYSTEM, name, "/status/cidr"));
    ranges.collect()
}

/// A cluster with two addresses that may have five.
fn elastic(bench: &mut Bench) {
    let settings = json!({"allocationMode": "elastic"});
    ask_with(
        bench,
        &json!({"loadBalancer": settings, "quotaPerTenant": {"maxLoadBalancerIPs": 5}}),
    );
    bench.run(A_WHILE);
}

#[test]
fn an_elastic_range_grows_when_services_wait_and_shrinks_when_nobody_uses_it() {
    let mut bench = Bench::new();
    elastic(&mut bench);
    assert_eq!(ranges(&bench), ["10.0.0.0/31"], "it begins small");
    bench.balance(&["10.0.0.0", "10.0.0.1"], 1);
    bench.run(Duration::from_secs(29));
    assert_eq!(ranges(&bench).len(), 1, "a service may wait for a moment");
    bench.run(Duration::from_secs(2));
    assert_eq!(ranges(&bench), ["10.0.0.0/31", "10.0.0.2/31"]);
    bench.run(A_WHILE);
    assert_eq!(
        ranges(&bench),
        ["10.0.0.0/31", "10.0.0.2/31", "10.0.0.4/32"],
        "and no more than it may have"
    );
    let role = &bench
        .find(Kind::IpAllocation, SYSTEM, "butler-tenants-web-lb-1")
        .unwrap()["metadata"]["labels"];
    assert_eq!(role["butler.butlerlabs.dev/allocation-role"], "growth");

    bench.balance(&["10.0.0.0", "10.0.0.3"], 0);
    bench.run(Duration::from_secs(599));
    assert_eq!(ranges(&bench).len(), 3);
    bench.run(Duration::from_secs(2));
    assert_eq!(ranges(&bench), ["10.0.0.0/31", "10.0.0.2/31"], "what is used stays");
    bench.balance(&[], 0);
    bench.run(Duration::from_secs(700));
    assert_eq!(ranges(&bench), ["10.0.0.0/31"], "and so does what it began with");
}

#[test]
fn an_elastic_range_ends_the_same_wherever_it_is_cut_off() {
    ends_the_same_wherever_it_is_cut_off(|bench| {
        elastic(bench);
        bench.balance(&["10.0.0.0", "10.0.0.1"], 1);
        bench.run(Duration::from_mins(5));
        assert_eq!(ranges(bench).len(), 3);
        bench.balance(&["10.0.0.2"], 0);
        bench.run(Duration::from_mins(25));
        assert_eq!(ranges(bench), ["10.0.0.0/31", "10.0.0.2/31"]);
    });
}

#[test]
fn a_release_of_kubernetes_that_does_not_exist_is_told_and_what_runs_goes_on() {
    let mut bench = Bench::new();
    ask(&mut bench);
    bench.run(A_WHILE);
    change(&mut bench, &json!({"kubernetesVersion": "v1.99.4"}));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Updating");
    let words = "control plane: Back-off pulling image \"registry.k8s.io/kube-apiserver:v1.99.4\": not found";
    let condition = bench.condition(Kind::TenantCluster, TENANTS, "web", "Ready");
    assert_eq!(condition, format!("False Updating {words}"));
    let observed = "/status/observedState/kubernetesVersion";
    assert_eq!(bench.text(Kind::TenantCluster, TENANTS, "web", observed), "v1.34.0");
    change(&mut bench, &json!({"kubernetesVersion": "v1.34.1"}));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Ready");
    assert_eq!(bench.text(Kind::TenantCluster, TENANTS, "web", observed), "v1.34.1");
}

#[test]
fn a_cluster_that_names_no_provider_is_made_on_that_of_the_platform() {
    let mut bench = Bench::new();
    ask(&mut bench);
    let spec = json!({"kubernetesVersion": "v1.34.0", "workers": {"replicas": 1}});
    bench.put(Kind::TenantCluster, TENANTS, "plain", json!({"spec": spec}));
    bench.run(A_WHILE);
    let phase = |bench: &Bench| bench.text(Kind::TenantCluster, TENANTS, "plain", "/status/phase");
    assert_eq!(phase(&bench), "Failed", "there is no default");
    let spec = json!({"defaultProviderConfigRef": {"name": "inmemory"}});
    bench.put(Kind::ButlerConfig, "", "butler", json!({"spec": spec}));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Ready");
}

#[test]
fn a_machine_that_goes_waits_for_its_node_but_not_for_ever() {
    let mut bench = Bench::new();
    ask(&mut bench);
    bench.run(A_WHILE);
    let namespace = bench.text(Kind::TenantCluster, TENANTS, "web", "/status/tenantNamespace");
    let machines = |bench: &Bench| -> Vec<String> {
        let names = bench.names(Kind::Machine, &namespace).into_iter();
        names.map(str::to_owned).collect()
    };
    let both = machines(&bench);
    bench.nodes(&both);
    change(&mut bench, &json!({"workers": {"replicas": 1}}));
    bench.run(Duration::from_secs(9));
    assert_eq!((machines(&bench).len(), phase(&bench).as_str()), (2, "Updating"));
    bench.nodes(&[]);
    bench.run(Duration::ZERO);
    assert_eq!((machines(&bench).len(), phase(&bench).as_str()), (1, "Ready"));
    bench.nodes(&both);
    change(&mut bench, &json!({"kubernetesVersion": "v1.34.1"}));
    bench.run(A_WHILE);
    assert_eq!(
        (machines(&bench).len(), phase(&bench).as_str()),
        (1, "Ready"),
        "it is given up"
    );
}
