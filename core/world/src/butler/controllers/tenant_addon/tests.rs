//! Addons of one cluster, among all controllers.

use std::time::Duration;

use serde_json::json;

use super::super::tests::Bench;
use super::*;

const TENANTS: &str = "butler-tenants";
const A_WHILE: Duration = Duration::from_mins(2);

/// A Ready cluster `web`, and `podinfo` in the catalog.
fn bench() -> Bench {
    let mut bench = Bench::new();
    ask(&mut bench);
    bench.run(A_WHILE);
    bench
}

fn ask(bench: &mut Bench) {
    let provider = json!({"spec": {"provider": "inmemory"}});
    bench.put(Kind::ProviderConfig, "butler-system", "inmemory", provider);
    let spec = json!({
        "kubernetesVersion": "v1.34.0", "providerConfigRef": {"name": "inmemory"}, "workers": {"replicas": 1},
    });
    bench.put(Kind::TenantCluster, TENANTS, "web", json!({"spec": spec}));
    define(bench, "podinfo", &[]);
}

fn define(bench: &mut Bench, name: &str, needs: &[&str]) {
    let spec = json!({
        "category": "other", "chart": {"name": name, "repository": "https://charts.invalid", "defaultVersion": "6.7.0"},
        "defaults": {"namespace": "apps", "values": {"ui": {"color": "red", "size": 1}}},
        "dependsOn": needs, "description": name, "displayName": name,
    });
    bench.put(Kind::AddonDefinition, "", name, json!({"spec": spec}));
}

fn add(bench: &mut Bench, name: &str, spec: &Value) {
    bench.put(Kind::TenantAddon, TENANTS, name, json!({"spec": spec}));
}

fn spec(addon: &str, version: &str) -> Value {
    json!({"addon": addon, "clusterRef": {"name": "web"}, "version": version})
}

/// Phase and message of an addon.
fn told(bench: &Bench, name: &str) -> (String, String) {
    let text = |pointer: &str| bench.text(Kind::TenantAddon, TENANTS, name, pointer);
    (text("/status/phase"), text("/status/message"))
}

fn phase(bench: &Bench) -> String {
    told(bench, "a").0
}

fn release(bench: &Bench, name: &str) -> Option<Addon> {
    let all = bench.hosted().flat_map(|tenant| &tenant.releases);
    let mut named = all.filter(|((_, release), _)| release == name);
    named.next().map(|(_, facts)| facts.addon.clone())
}

/// Charts of that name fail, with these words; or none does.
fn fail(bench: &mut Bench, failing: &Value) {
    bench.set(&json!({"faults": {"tenants": {"web": {"failingAddons": failing}}}}));
}

#[test]
fn an_addon_is_installed_after_its_time_and_tells_what_the_real_controller_tells() {
    let mut bench = bench();
    let values = json!({"ui": {"color": "blue"}});
    add(
        &mut bench,
        "a",
        &json!({"addon": "podinfo", "clusterRef": {"name": "web"}, "version": "", "values": values}),
    );
    bench.run(Duration::from_millis(100));
    assert_eq!(phase(&bench), "Installing");
    bench.run(A_WHILE);
    assert_eq!(told(&bench, "a"), ("Installed".to_owned(), String::new()));
    let status: TenantAddon = bench.get(Kind::TenantAddon, TENANTS, "a");
    let status = status.status.unwrap();
    assert_eq!(status.installed_version.as_deref(), Some("6.7.0"));
    let recorded = serde_json::to_value(status.helm_release).unwrap();
    assert_eq!(
        recorded,
        json!({"name": "podinfo", "namespace": "apps", "status": "deployed"})
    );
    let values = release(&bench, "podinfo").unwrap().values;
    assert_eq!(values["ui"], json!({"color": "blue", "size": 1}));
}

#[test]
fn another_version_and_other_values_are_upgrades() {
    let mut bench = bench();
    add(&mut bench, "a", &spec("podinfo", "6.7.0"));
    bench.run(A_WHILE);
    for change in [json!({"version": "6.8.0"}), json!({"values": {"a": 1}})] {
        bench.change(Kind::TenantAddon, TENANTS, "a", &json!({"spec": change}));
        bench.run(Duration::from_millis(100));
        assert_eq!(phase(&bench), "Upgrading");
        bench.run(A_WHILE);
        assert_eq!(phase(&bench), "Installed");
    }
    let version = bench.text(Kind::TenantAddon, TENANTS, "a", "/status/installedVersion");
    assert_eq!(version, "6.8.0");
}

#[test]
fn what_is_not_well_any_more_is_degraded_until_it_is() {
    let mut bench = bench();
    add(&mut bench, "a", &spec("podinfo", ""));
    bench.run(A_WHILE);
    let problem = "Deployment apps/podinfo: 0 of 1 pods are ready";
    bench.ails("podinfo", Some(problem));
    bench.run(Duration::ZERO);
    assert_eq!(told(&bench, "a"), ("Degraded".to_owned(), problem.to_owned()));
    bench.ails("podinfo", None);
    bench.run(Duration::ZERO);
    assert_eq!(told(&bench, "a"), ("Installed".to_owned(), String::new()));
}

#[test]
fn what_has_never_been_well_is_still_on_its_way() {
    for (before, after) in [
        (None, Phase::Installing),
        (Some(Phase::Installing), Phase::Installing),
        (Some(Phase::Upgrading), Phase::Upgrading),
        (Some(Phase::Installed), Phase::Degraded),
        (Some(Phase::Degraded), Phase::Degraded),
    ] {
        let status = TenantAddonStatus {
            phase: before,
            ..TenantAddonStatus::default()
        };
        assert_eq!(installed(&status, Some("no pods yet")).phase, after);
        assert_eq!(installed(&status, None).phase, Phase::Installed);
    }
}

#[test]
fn an_addon_that_the_catalog_lacks_fails_and_a_chart_of_ones_own_does_not() {
    let mut bench = bench();
    add(&mut bench, "a", &spec("zz", ""));
    let helm = json!({"chart": "mine", "repository": "https://charts.invalid", "namespace": "own"});
    add(
        &mut bench,
        "b",
        &json!({"clusterRef": {"name": "web"}, "version": "1.0.0", "helm": helm}),
    );
    bench.run(A_WHILE);
    let expected = ("Failed".to_owned(), "addon definition not found: zz".to_owned());
    assert_eq!(told(&bench, "a"), expected);
    assert_eq!(told(&bench, "b").0, "Installed");
    assert_eq!(release(&bench, "b").unwrap().namespace, "own");
    define(&mut bench, "zz", &[]);
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Installed", "it is in the catalog now");
}

#[test]
fn an_addon_waits_for_its_cluster() {
    let mut bench = Bench::new();
    bench.set(&json!({"faults": {"tenants": {"web": {"controlPlaneStuck": true}}}}));
    add(&mut bench, "a", &spec("podinfo", ""));
    ask(&mut bench);
    add(
        &mut bench,
        "b",
        &json!({"addon": "podinfo", "clusterRef": {"name": "other"}, "version": ""}),
    );
    bench.run(A_WHILE);
    let message = "TenantCluster \"web\" is Provisioning, not Ready";
    assert_eq!(told(&bench, "a"), ("Pending".to_owned(), message.to_owned()));
    let message = "TenantCluster \"other\" not found";
    assert_eq!(told(&bench, "b"), ("Pending".to_owned(), message.to_owned()));
    assert!(release(&bench, "podinfo").is_none());
    bench.set(&json!({"faults": {"tenants": null}}));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Installed");
}

#[test]
fn an_addon_waits_for_what_it_names_and_for_what_its_definition_names() {
    let mut bench = bench();
    define(&mut bench, "base", &[]);
    define(&mut bench, "site", &["metallb", "base"]);
    let after = json!([{"name": "b"}]);
    add(
        &mut bench,
        "a",
        &json!({"addon": "site", "clusterRef": {"name": "web"}, "version": "", "dependsOn": after}),
    );
    bench.run(A_WHILE);
    // Every cluster has MetalLB.
    let expected = ("Pending".to_owned(), "waiting for b, base".to_owned());
    assert_eq!(told(&bench, "a"), expected);
    let condition = bench.condition(Kind::TenantAddon, TENANTS, "a", "DependenciesMet");
    assert_eq!(condition, "False WaitingForDependencies waiting for b, base");
    add(&mut bench, "b", &spec("base", ""));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Installed");
    let condition = bench.condition(Kind::TenantAddon, TENANTS, "a", "DependenciesMet");
    assert!(condition.starts_with("True"), "{condition}");
}

#[test]
fn a_failing_chart_is_told_in_helms_words_and_tried_again() {
    let mut bench = bench();
    fail(&mut bench, &json!({"podinfo": "UPGRADE FAILED: timed out"}));
    add(&mut bench, "a", &spec("podinfo", ""));
    bench.run(A_WHILE);
    let expected = ("Failed".to_owned(), "UPGRADE FAILED: timed out".to_owned());
    assert_eq!(told(&bench, "a"), expected);
    fail(&mut bench, &Value::Null);
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Installed");
}

#[test]
fn a_version_that_the_repository_lacks_is_told_in_helms_words_and_leaves_what_is_installed() {
    let mut bench = bench();
    let listed = json!({"spec": {"chart": {"availableVersions": ["6.7.0", "v6.6.0"]}}});
    bench.change(Kind::AddonDefinition, "", "podinfo", &listed);
    add(&mut bench, "a", &spec("podinfo", "6.6.0"));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Installed");
    let words = "chart \"podinfo\" matching VERSION not found in butler-podinfo index. (try 'helm repo update'): ";
    for (version, why) in [
        ("9.9.9", "no chart version found for podinfo-9.9.9"),
        ("latest", "improper constraint: \"latest\""),
        ("^6", "ranges of versions are not simulated"),
    ] {
        let change = json!({"spec": {"version": version}});
        bench.change(Kind::TenantAddon, TENANTS, "a", &change);
        bench.run(A_WHILE);
        let expected = words.replace("VERSION", version) + why;
        assert_eq!(told(&bench, "a"), ("Failed".to_owned(), expected));
        assert_eq!(release(&bench, "podinfo").unwrap().version, "6.6.0");
    }
    bench.change(Kind::TenantAddon, TENANTS, "a", &json!({"spec": {"version": "6.7.0"}}));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Installed");
}

#[test]
fn an_addon_that_makes_no_namespace_needs_one_that_is_there() {
    let mut bench = bench();
    let guest = json!({"spec": {"defaults": {"createNamespace": false}}});
    bench.change(Kind::AddonDefinition, "", "podinfo", &guest);
    add(&mut bench, "a", &spec("podinfo", ""));
    bench.run(A_WHILE);
    let words = "create: failed to create: namespaces \"apps\" not found";
    assert_eq!(told(&bench, "a"), ("Failed".to_owned(), words.to_owned()));
    define(&mut bench, "host", &[]);
    add(&mut bench, "b", &spec("host", ""));
    bench.run(A_WHILE);
    assert_eq!(phase(&bench), "Installed", "another addon has made it");
}

#[test]
fn two_addons_of_one_release_do_not_fight_for_it() {
    let mut bench = bench();
    add(&mut bench, "a", &spec("podinfo", "6.7.0"));
    bench.run(A_WHILE);
    add(&mut bench, "0-late", &spec("podinfo", "6.8.0"));
    bench.run(A_WHILE);
    let (late, message) = told(&bench, "0-late");
    assert_eq!((phase(&bench).as_str(), late.as_str()), ("Installed", "Failed"));
    assert!(message.contains("belongs to TenantAddon \"a\""), "{message}");
    bench.delete(Kind::TenantAddon, TENANTS, "a");
    bench.run(A_WHILE);
    assert_eq!(told(&bench, "0-late").0, "Installed", "it is its turn");
    assert_eq!(release(&bench, "podinfo").unwrap().version, "6.8.0");
}

#[test]
fn an_addon_takes_over_what_every_cluster_gets_and_gives_it_back() {
    let mut bench = bench();
    let chart = json!({"chart": "traefik", "repository": "https://charts.invalid", "namespace": "traefik"});
    add(
        &mut bench,
        "traefik",
        &json!({"clusterRef": {"name": "web"}, "version": "35.0.0", "helm": chart}),
    );
    bench.run(A_WHILE);
    assert_eq!(release(&bench, "traefik").unwrap().version, "35.0.0");
    bench.delete(Kind::TenantAddon, TENANTS, "traefik");
    bench.run(A_WHILE);
    assert_eq!(release(&bench, "traefik").unwrap().version, "34.3.0");
}

#[test]
fn a_deleted_addon_whose_cluster_is_not_ready_goes_without_being_uninstalled() {
    let mut bench = bench();
    add(&mut bench, "a", &spec("podinfo", ""));
    bench.run(A_WHILE);
    bench.set(&json!({"faults": {"tenants": {"web": {"controlPlaneStuck": true}}}}));
    let upgrade = json!({"spec": {"kubernetesVersion": "v1.35.0"}});
    bench.change(Kind::TenantCluster, TENANTS, "web", &upgrade);
    bench.run(A_WHILE);
    assert_eq!(
        bench.text(Kind::TenantCluster, TENANTS, "web", "/status/phase"),
        "Updating"
    );
    bench.delete(Kind::TenantAddon, TENANTS, "a");
    bench.run(Duration::ZERO);
    assert!(bench.names(Kind::TenantAddon, TENANTS).is_empty(), "nothing holds it");
    assert!(release(&bench, "podinfo").is_some());
}
