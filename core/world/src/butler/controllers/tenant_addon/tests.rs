//! Each decision by itself: what the controller writes and what it asks of the world.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::butler::controllers::pass::{Memory, Surroundings};
use crate::reconcile::plan::Change;
use crate::world::file::Settings;
use crate::world::tenants::ReleaseFacts;

/// A cluster `c` that is Ready, with an entry `podinfo` of the catalog, and one addon `a` of it.
struct Bench {
    mirror: Mirror,
    memory: Memory,
    settings: Settings,
    tenant: TenantFacts,
    seconds: u64,
}

const KEY: (&str, &str) = ("team", "a");

fn key() -> Key {
    Key::new(Kind::TenantAddon, KEY.0, KEY.1)
}

impl Bench {
    fn new(spec: &Value) -> Self {
        let mut bench = Self {
            mirror: Mirror::default(),
            memory: Memory::default(),
            settings: Settings::default(),
            tenant: TenantFacts::default(),
            seconds: 100,
        };
        bench.put(
            Kind::TenantCluster,
            &json!({
                "metadata": {"namespace": "team", "name": "c", "uid": "12345678-9"},
                "status": {"phase": "Ready"},
            }),
        );
        let name = names::tenant_namespace("c", "12345678-9");
        bench.put(
            Kind::TenantControlPlane,
            &json!({"metadata": {"namespace": name, "name": "c", "uid": "hosted"}}),
        );
        bench.put(Kind::AddonDefinition, &definition("podinfo", &[]));
        bench.addon("a", spec);
        bench
    }

    fn put(&mut self, kind: Kind, object: &Value) {
        self.mirror.put(Key::of(kind, object), object.clone());
    }

    fn addon(&mut self, name: &str, spec: &Value) {
        self.put(
            Kind::TenantAddon,
            &json!({
                "metadata": {
                    "namespace": "team", "name": name, "uid": format!("uid-{name}"), "generation": 1,
                    "finalizers": [FINALIZER_TENANT_ADDON],
                },
                "spec": spec,
            }),
        );
    }

    /// Decides until that changes nothing any more, and does what is asked of the world.
    fn settle(&mut self) -> Value {
        for _ in 0..10 {
            let object = self.mirror.get(&key()).cloned();
            let Some(object) = object else {
                return Value::Null;
            };
            let tenants = BTreeMap::from([("hosted".to_owned(), self.tenant.clone())]);
            let facts = Surroundings {
                now: Duration::from_secs(self.seconds),
                wall: Timestamp::UNIX_EPOCH,
                settings: &self.settings,
                tenants: &tenants,
            };
            let mut pass = Pass::new(&self.mirror, &facts, &mut self.memory, facts.now);
            decide(&key(), &object, &mut pass);
            let (changes, commands) = (pass.changes, pass.commands);
            if changes.is_empty() && commands.is_empty() {
                return object;
            }
            for command in commands {
                self.obey(command);
            }
            for change in changes {
                self.carry_out(change);
            }
        }
        panic!("there is always something to do");
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Install { addon, .. } => {
                let name = (addon.namespace.clone(), addon.release.clone());
                let facts = ReleaseFacts {
                    addon: *addon,
                    problem: None,
                };
                self.tenant.releases.insert(name, facts);
            }
            Command::Uninstall { namespace, release, .. } => drop(self.tenant.releases.remove(&(namespace, release))),
            other => panic!("{other:?}"),
        }
    }

    fn carry_out(&mut self, change: Change) {
        let Change::Patch { patch, .. } = change else {
            assert_eq!(change.resource(), Kind::Event.resource(), "{change:?}");
            return;
        };
        let mut object = self.mirror.get(&key()).cloned().unwrap();
        for (part, patch) in patch.as_object().unwrap() {
            let mut whole = object.get(part).cloned().unwrap_or_else(|| json!({}));
            for (name, value) in patch.as_object().unwrap() {
                let members = whole.as_object_mut().unwrap();
                if value.is_null() {
                    members.remove(name);
                } else {
                    members.insert(name.clone(), value.clone());
                }
            }
            object[part] = whole;
        }
        if object["metadata"]["finalizers"] == json!([]) {
            self.mirror.remove(&key());
        } else {
            self.mirror.put(key(), object);
        }
    }

    /// Looks again after the time of an installation.
    fn later(&mut self) -> Value {
        self.seconds += 60;
        self.settle()
    }

    fn delete(&mut self) -> Value {
        let mut object = self.mirror.get(&key()).cloned().unwrap();
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        self.mirror.put(key(), object);
        self.settle()
    }

    fn ails(&mut self, problem: Option<&str>) {
        for facts in self.tenant.releases.values_mut() {
            facts.problem = problem.map(str::to_owned);
        }
    }

    fn cluster_is(&mut self, phase: &str) {
        let mut cluster = self.mirror.find(Kind::TenantCluster, "team", "c").cloned().unwrap();
        cluster["status"]["phase"] = json!(phase);
        self.put(Kind::TenantCluster, &cluster);
    }
}

fn definition(name: &str, needs: &[&str]) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "category": "other", "chart": {"name": name, "repository": "https://charts.invalid", "defaultVersion": "6.7.0"},
            "defaults": {"namespace": "web", "values": {"ui": {"color": "red", "size": 1}}},
            "dependsOn": needs, "description": name, "displayName": name,
        },
    })
}

fn spec(addon: &str, version: &str) -> Value {
    json!({"addon": addon, "clusterRef": {"name": "c"}, "version": version})
}

fn told(object: &Value) -> (&str, &str) {
    (text(object, "/status/phase"), text(object, "/status/message"))
}

#[test]
fn an_addon_is_installed_after_its_time_and_tells_what_the_real_controller_tells() {
    let mut bench = Bench::new(&json!({
        "addon": "podinfo", "clusterRef": {"name": "c"}, "version": "", "values": {"ui": {"color": "blue"}},
    }));
    assert_eq!(told(&bench.settle()).0, "Installing");
    let object = bench.later();
    assert_eq!(told(&object), ("Installed", ""));
    assert_eq!(object["status"]["installedVersion"], "6.7.0");
    let release = &object["status"]["helmRelease"];
    assert_eq!(
        *release,
        json!({"name": "podinfo", "namespace": "web", "status": "deployed"})
    );
    let values = &bench.tenant.releases.values().next().unwrap().addon.values;
    assert_eq!(values["ui"], json!({"color": "blue", "size": 1}));
}

#[test]
fn another_version_and_other_values_are_upgrades() {
    let mut bench = Bench::new(&spec("podinfo", "6.7.0"));
    bench.settle();
    bench.later();
    for changed in [
        spec("podinfo", "6.8.0"),
        json!({"addon": "podinfo", "clusterRef": {"name": "c"}, "version": "6.8.0", "values": {"a": 1}}),
    ] {
        let mut object = bench.mirror.get(&key()).cloned().unwrap();
        object["spec"] = changed;
        bench.mirror.put(key(), object);
        assert_eq!(told(&bench.settle()).0, "Upgrading");
        assert_eq!(told(&bench.later()).0, "Installed");
    }
    assert_eq!(bench.settle()["status"]["installedVersion"], "6.8.0");
}

#[test]
fn what_is_not_well_any_more_is_degraded_until_it_is() {
    let mut bench = Bench::new(&spec("podinfo", ""));
    bench.settle();
    bench.later();
    bench.ails(Some("Deployment web/podinfo: 0 of 1 pods are ready"));
    let object = bench.settle();
    assert_eq!(
        told(&object),
        ("Degraded", "Deployment web/podinfo: 0 of 1 pods are ready")
    );
    bench.ails(None);
    assert_eq!(told(&bench.settle()), ("Installed", ""));
}

#[test]
fn an_addon_whose_pods_have_never_been_ready_is_still_being_installed() {
    let mut bench = Bench::new(&spec("podinfo", ""));
    bench.settle();
    let name = ("web".to_owned(), "podinfo".to_owned());
    let addon = chart::wanted(&key(), &read(bench.mirror.get(&key()).unwrap()).unwrap(), &bench.mirror).unwrap();
    let problem = Some("no pods yet".to_owned());
    bench.tenant.releases.insert(name, ReleaseFacts { addon, problem });
    assert_eq!(told(&bench.settle()), ("Installing", "no pods yet"));
}

#[test]
fn an_addon_that_the_catalog_lacks_fails_and_a_chart_of_ones_own_does_not() {
    let mut bench = Bench::new(&spec("zz", ""));
    assert_eq!(told(&bench.settle()), ("Failed", "addon definition not found: zz"));
    let mut bench = Bench::new(&json!({
        "clusterRef": {"name": "c"}, "version": "1.0.0",
        "helm": {"chart": "mine", "repository": "https://charts.invalid", "namespace": "own"},
    }));
    bench.settle();
    assert_eq!(told(&bench.later()).0, "Installed");
    assert!(bench.tenant.releases.contains_key(&("own".to_owned(), "a".to_owned())));
}

#[test]
fn an_addon_waits_for_its_cluster() {
    let mut bench = Bench::new(&json!({"addon": "podinfo", "clusterRef": {"name": "other"}, "version": ""}));
    assert_eq!(told(&bench.settle()), ("Pending", "TenantCluster \"other\" not found"));
    let mut bench = Bench::new(&spec("podinfo", ""));
    bench.cluster_is("Provisioning");
    let message = "TenantCluster \"c\" is Provisioning, not Ready";
    assert_eq!(told(&bench.later()), ("Pending", message));
    assert!(bench.tenant.releases.is_empty());
}

#[test]
fn an_addon_waits_for_what_it_names_and_for_what_its_definition_names() {
    let mut bench = Bench::new(&json!({
        "addon": "web", "clusterRef": {"name": "c"}, "version": "", "dependsOn": [{"name": "b"}],
    }));
    bench.put(Kind::AddonDefinition, &definition("web", &["metallb"]));
    let object = bench.later();
    assert_eq!(told(&object), ("Pending", "waiting for b, metallb"));
    let conditions = object["status"]["conditions"].as_array().unwrap();
    let condition = conditions.iter().find(|one| one["type"] == "DependenciesMet").unwrap();
    assert_eq!(
        (&condition["status"], &condition["message"]),
        (&json!("False"), &json!("waiting for b, metallb"))
    );
    bench.put(Kind::TenantAddon, &json!({
        "metadata": {"namespace": "team", "name": "b"}, "spec": spec("podinfo", ""), "status": {"phase": "Installed"},
    }));
    let metallb = Addon {
        release: "metallb".to_owned(),
        namespace: "metallb-system".to_owned(),
        chart: "metallb".to_owned(),
        version: "0.14.9".to_owned(),
        values: serde_json::Map::new(),
    };
    let name = (metallb.namespace.clone(), metallb.release.clone());
    let facts = ReleaseFacts {
        addon: metallb,
        problem: None,
    };
    bench.tenant.releases.insert(name, facts);
    bench.settle();
    assert_eq!(told(&bench.later()).0, "Installed");
}

#[test]
fn a_failing_chart_is_told_in_helms_words_and_tried_again() {
    let mut bench = Bench::new(&spec("podinfo", ""));
    let fault = json!({"faults": {"tenants": {"c": {"failingAddons": {"podinfo": "UPGRADE FAILED: timed out"}}}}});
    bench.settings = bench.settings.patched(&fault).unwrap();
    assert_eq!(told(&bench.later()), ("Failed", "UPGRADE FAILED: timed out"));
    bench.settings = Settings::default();
    assert_eq!(told(&bench.settle()).0, "Installing");
    assert_eq!(told(&bench.later()), ("Installed", ""));
}

#[test]
fn two_addons_of_one_release_do_not_fight_for_it() {
    let mut bench = Bench::new(&spec("podinfo", "6.7.0"));
    bench.put(
        Kind::TenantAddon,
        &json!({
            "metadata": {"namespace": "team", "name": "0-first", "uid": "uid-first"}, "spec": spec("podinfo", "6.8.0"),
        }),
    );
    let object = bench.later();
    assert_eq!(told(&object).0, "Failed");
    assert!(
        told(&object).1.contains("belongs to TenantAddon \"0-first\""),
        "{object}"
    );
}

#[test]
fn a_deleted_addon_is_uninstalled_where_its_cluster_is_ready_and_goes_anyway_where_not() {
    for (phase, uninstalled) in [("Ready", true), ("Deleting", false)] {
        let mut bench = Bench::new(&spec("podinfo", ""));
        bench.settle();
        bench.later();
        bench.cluster_is(phase);
        let object = bench.delete();
        if uninstalled {
            assert_eq!(told(&object).0, "Deleting");
        }
        assert_eq!(bench.later(), Value::Null, "nothing holds it");
        assert_eq!(bench.tenant.releases.is_empty(), uninstalled, "{phase}");
    }
}
