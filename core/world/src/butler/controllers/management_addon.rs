//! ManagementAddons: Helm releases on the management cluster itself, each with the record that Helm keeps of it and one
//! Deployment in place of what its chart brings.
//!
//! As with Butler's own controller a release has the name of its object and no values, and a change of values alone does
//! nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use butler_api::helm::StoredRelease;
use butler_api::labels::{FINALIZER_MANAGEMENT_ADDON, MANAGED_BY};
use butler_api::v1alpha1::addon_definition::ChartRef;
use butler_api::v1alpha1::management_addon::{ManagementAddonPhase, ManagementAddonStatus};
use butler_api::v1alpha1::shared::HelmReleaseStatus;
use butler_api::v1alpha1::{AddonDefinition, ManagementAddon};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{Container, Namespace, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use serde_json::{Map, Value, json};

use super::Controller;
use super::kinds::Kind;
use super::mirror::{Key, Mirror, read};
use super::objects::{metadata, value};
use super::pass::{Pass, is_deleting, uid};
use crate::values::text;

/// How long the controller waits before it tries again what failed.
const AGAIN: Duration = Duration::from_mins(1);

/// The annotation by which a record tells the version of its chart: its content is packed.
const VERSION: &str = "inmemory.butlerlabs.dev/chart-version";

pub(super) const CONTROLLER: Controller = Controller {
    kind: Kind::ManagementAddon,
    decide,
    concerned: |key, object, mirror| match key.kind {
        Kind::AddonDefinition => {
            let all = mirror.all(Kind::ManagementAddon);
            let own = all.filter(|(_, addon)| text(addon, "/spec/addon") == key.name);
            own.map(|(key, _)| key.clone()).collect()
        }
        Kind::Deployment => vec![Key::new(Kind::ManagementAddon, "", &key.name)],
        Kind::Secret if text(object, "/metadata/labels/owner") == "helm" => {
            vec![Key::new(
                Kind::ManagementAddon,
                "",
                text(object, "/metadata/labels/name"),
            )]
        }
        _ => Vec::new(),
    },
};

/// The release of an addon.
struct Release<'a> {
    name: &'a str,
    namespace: String,
    chart: ChartRef,
    version: String,
}

impl Release<'_> {
    fn workload(&self) -> Key {
        Key::new(Kind::Deployment, &self.namespace, self.name)
    }
}

fn decide(key: &Key, object: &Value, pass: &mut Pass<'_>) {
    let Some(addon) = read::<ManagementAddon>(object) else {
        return;
    };
    let mut status = addon.status.clone().unwrap_or_else(ManagementAddonStatus::default);
    if is_deleting(object) {
        uninstall(key, status, pass);
        return;
    }
    if !pass.has_finalizer(key, FINALIZER_MANAGEMENT_ADDON) || addon.spec.paused == Some(true) {
        return;
    }
    let name = &addon.spec.addon;
    let definition: Option<AddonDefinition> = pass.mirror.typed(Kind::AddonDefinition, "", name);
    let outcome = match definition {
        None => Err(format!("AddonDefinition {name:?} not found")),
        Some(definition) => {
            let release = release(key, &addon, definition);
            status.helm_release = Some(HelmReleaseStatus {
                name: Some(release.name.to_owned()),
                namespace: Some(release.namespace.clone()),
                ..HelmReleaseStatus::default()
            });
            match pass.facts.settings.faults.management_addons.get(&key.name) {
                Some(words) => Err(format!("failed to install addon {}: {words}", key.name)),
                None => Ok((install(&release, uid(object), pass), release.version)),
            }
        }
    };
    match outcome {
        Ok((None, version)) => {
            status.phase = Some(ManagementAddonPhase::Installed);
            status.installed_version = Some(version);
            status.message = None;
        }
        Ok((Some(waits), _)) => {
            status.phase = Some(ManagementAddonPhase::Installing);
            status.message = Some(waits);
        }
        Err(why) => {
            status.phase = Some(ManagementAddonPhase::Failed);
            status.message = Some(why);
            pass.again_in(AGAIN);
        }
    }
    status.observed_generation = addon.metadata.generation;
    pass.status(key, &status);
}

/// What is to be installed: the version of the addon, else that of its definition.
fn release<'a>(key: &'a Key, addon: &ManagementAddon, definition: AddonDefinition) -> Release<'a> {
    let chart = definition.spec.chart;
    let namespace = definition.spec.defaults.and_then(|defaults| defaults.namespace);
    let version = addon.spec.version.clone().filter(|version| !version.is_empty());
    Release {
        name: &key.name,
        namespace: namespace.unwrap_or_else(|| format!("{}-system", key.name)),
        version: version.unwrap_or_else(|| chart.default_version.clone()),
        chart,
    }
}

/// Helm's records of a release, by revision, with the version of the chart where it is one of ours.
fn records<'a>(namespace: &str, name: &str, mirror: &'a Mirror) -> BTreeMap<u32, (&'a Key, &'a str)> {
    let secrets = mirror.inside(Kind::Secret, namespace).filter(|(_, secret)| {
        let labels = &secret["metadata"]["labels"];
        labels["owner"] == "helm" && labels["name"] == name
    });
    let records = secrets.filter_map(|(key, secret)| {
        let revision = text(secret, "/metadata/labels/version").parse().ok()?;
        let version = secret["metadata"]["annotations"].get(VERSION).and_then(Value::as_str);
        Some((revision, (key, version.unwrap_or(""))))
    });
    records.collect()
}

/// Installs a release where it is not there in its version; what it waits for, in words.
fn install(release: &Release<'_>, uid: &str, pass: &mut Pass<'_>) -> Option<String> {
    let records = records(&release.namespace, release.name, pass.mirror);
    let last = records
        .last_key_value()
        .map(|(revision, (_, version))| (*revision, *version));
    let workload = release.workload();
    if last.is_none_or(|(_, version)| version != release.version) {
        let latency = pass.facts.settings.latencies.management_addon.0;
        if !pass.elapsed(uid, &format!("install {}", release.version), latency) {
            return Some(format!("installing {} {}", release.chart.name, release.version));
        }
        namespace(release, pass);
        deploy(&workload, release, pass);
        record(release, last.map_or(1, |(revision, _)| revision + 1), pass);
        return Some(format!("installing {} {}", release.chart.name, release.version));
    }
    // Helm keeps no more of them here than the last.
    for (key, _) in records.values().rev().skip(1) {
        pass.gone(key.kind, &key.namespace, &key.name);
    }
    if !deploy(&workload, release, pass) || !is_available(&workload, pass.mirror) {
        return Some(format!(
            "waiting for Deployment {}/{}",
            workload.namespace, workload.name
        ));
    }
    None
}

fn namespace(release: &Release<'_>, pass: &mut Pass<'_>) {
    pass.ensure(Kind::Namespace, "", &release.namespace, || {
        value(&Namespace {
            metadata: metadata("", &release.namespace),
            ..Namespace::default()
        })
    });
}

/// Has the workload of a release in its version; `true`: it is so already.
fn deploy(key: &Key, release: &Release<'_>, pass: &mut Pass<'_>) -> bool {
    let containers = vec![Container {
        name: release.chart.name.clone(),
        image: Some(format!("{}:{}", release.chart.name, release.version)),
        ..Container::default()
    }];
    let Some(object) = pass.mirror.get(key) else {
        pass.ensure(key.kind, &key.namespace, &key.name, || {
            value(&workload(release, containers))
        });
        return false;
    };
    let image = containers[0].image.as_deref();
    if image == Some(text(object, "/spec/template/spec/containers/0/image")) {
        return true;
    }
    // What selects its pods stays: it cannot be changed.
    let template = json!({"template": {"spec": {"containers": value(&containers)}}});
    pass.patch(key, false, "spec", template);
    false
}

fn workload(release: &Release<'_>, containers: Vec<Container>) -> Deployment {
    let own = [
        ("app.kubernetes.io/name", release.chart.name.as_str()),
        ("app.kubernetes.io/instance", release.name),
    ];
    let own: BTreeMap<String, String> = own.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let mut labels = own.clone();
    labels.insert(MANAGED_BY.to_owned(), "Helm".to_owned());
    let annotations = [
        ("meta.helm.sh/release-name", release.name),
        ("meta.helm.sh/release-namespace", release.namespace.as_str()),
    ];
    Deployment {
        metadata: ObjectMeta {
            labels: Some(labels),
            annotations: Some(
                annotations
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            ),
            ..metadata(&release.namespace, release.name)
        },
        spec: Some(DeploymentSpec {
            replicas: Some(1),
            selector: LabelSelector {
                match_labels: Some(own.clone()),
                ..LabelSelector::default()
            },
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(own),
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    containers,
                    ..PodSpec::default()
                }),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// Writes Helm's record of a revision.
fn record(release: &Release<'_>, revision: u32, pass: &mut Pass<'_>) {
    let now = pass.facts.wall;
    let stored = StoredRelease {
        name: release.name.to_owned(),
        namespace: release.namespace.clone(),
        revision,
        status: "deployed".to_owned(),
        description: if revision == 1 {
            "Install complete"
        } else {
            "Upgrade complete"
        }
        .to_owned(),
        first_deployed: Some(now),
        last_deployed: Some(now),
        chart: release.chart.name.clone(),
        chart_version: release.version.clone(),
        app_version: release.version.clone(),
        config: Value::Object(Map::new()),
        manifest: String::new(),
    };
    let mut secret = stored.encode();
    secret.metadata.annotations = Some([(VERSION.to_owned(), release.version.clone())].into());
    let Some(name) = secret.metadata.name.clone() else {
        return;
    };
    pass.ensure(Kind::Secret, &release.namespace, &name, || value(&secret));
}

fn is_available(key: &Key, mirror: &Mirror) -> bool {
    let Some(object) = mirror.get(key) else {
        return false;
    };
    let count = |pointer| object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let observed = count("/status/observedGeneration") >= count("/metadata/generation");
    observed && count("/status/updatedReplicas").min(count("/status/availableReplicas")) >= count("/spec/replicas")
}

/// Takes a release away, records last. Its namespace stays, as Helm leaves it.
fn uninstall(key: &Key, mut status: ManagementAddonStatus, pass: &mut Pass<'_>) {
    let namespace = status
        .helm_release
        .as_ref()
        .and_then(|release| release.namespace.clone());
    let Some(namespace) = namespace else {
        pass.drop_finalizer(key, FINALIZER_MANAGEMENT_ADDON);
        return;
    };
    let mut gone = pass.gone(Kind::Deployment, &namespace, &key.name);
    let records = records(&namespace, &key.name, pass.mirror);
    for (record, _) in records.values() {
        gone &= pass.gone(record.kind, &record.namespace, &record.name);
    }
    if gone {
        pass.drop_finalizer(key, FINALIZER_MANAGEMENT_ADDON);
        return;
    }
    status.phase = Some(ManagementAddonPhase::Uninstalling);
    status.message = Some("the release is taken away".to_owned());
    pass.status(key, &status);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Bench, Served, ends_the_same_wherever_it_is_cut_off, phase};
    use super::*;

    const PLACE: &str = "metrics-system";

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn definition() -> Value {
        let chart =
            json!({"name": "metrics-server", "repository": "https://charts.example.com", "defaultVersion": "3.12.0"});
        json!({"spec": {"category": "other", "description": "metrics", "displayName": "Metrics", "chart": chart}})
    }

    fn addon(bench: &mut Bench) {
        bench.put(Kind::AddonDefinition, "", "metrics-server", definition());
        bench.put(
            Kind::ManagementAddon,
            "",
            "metrics",
            json!({"spec": {"addon": "metrics-server"}}),
        );
        bench.run(seconds(5));
    }

    /// The pods of the workload are there.
    fn available(bench: &mut Bench) {
        let generation = bench.find(Kind::Deployment, PLACE, "metrics").unwrap()["metadata"]["generation"].clone();
        let status = json!({"observedGeneration": generation, "updatedReplicas": 1, "availableReplicas": 1});
        bench.change(Kind::Deployment, PLACE, "metrics", &json!({"status": status}));
        bench.run(seconds(5));
    }

    fn status(bench: &Bench) -> ManagementAddonStatus {
        bench
            .get::<ManagementAddon>(Kind::ManagementAddon, "", "metrics")
            .status
            .unwrap()
    }

    fn image(bench: &Bench) -> String {
        bench.text(
            Kind::Deployment,
            PLACE,
            "metrics",
            "/spec/template/spec/containers/0/image",
        )
    }

    #[test]
    fn an_addon_is_installed_when_its_workload_is_there() {
        let mut bench = Bench::new();
        addon(&mut bench);
        assert_eq!(status(&bench).phase, Some(ManagementAddonPhase::Installing));
        assert_eq!(
            status(&bench).message.as_deref(),
            Some("waiting for Deployment metrics-system/metrics")
        );
        available(&mut bench);
        let installed = status(&bench);
        assert_eq!(installed.phase, Some(ManagementAddonPhase::Installed));
        assert_eq!(
            (installed.installed_version.as_deref(), installed.message),
            (Some("3.12.0"), None)
        );
        assert_eq!(bench.names(Kind::Secret, PLACE), ["sh.helm.release.v1.metrics.v1"]);
        let record: k8s_openapi::api::core::v1::Secret =
            bench.get(Kind::Secret, PLACE, "sh.helm.release.v1.metrics.v1");
        let record = StoredRelease::decode(&record).unwrap();
        assert_eq!(
            (record.chart.as_str(), record.chart_version.as_str()),
            ("metrics-server", "3.12.0")
        );
    }

    #[test]
    fn another_version_is_another_revision_unless_the_addon_is_paused() {
        let mut bench = Bench::new();
        addon(&mut bench);
        available(&mut bench);
        let change = |bench: &mut Bench, spec: Value| {
            bench.change(Kind::ManagementAddon, "", "metrics", &json!({"spec": spec}));
            bench.run(seconds(5));
        };
        change(&mut bench, json!({"version": "3.13.0", "paused": true}));
        assert_eq!(image(&bench), "metrics-server:3.12.0");
        change(&mut bench, json!({"paused": false}));
        assert_eq!(image(&bench), "metrics-server:3.13.0");
        assert_eq!(status(&bench).phase, Some(ManagementAddonPhase::Installing));
        available(&mut bench);
        assert_eq!(status(&bench).installed_version.as_deref(), Some("3.13.0"));
        assert_eq!(bench.names(Kind::Secret, PLACE), ["sh.helm.release.v1.metrics.v2"]);
    }

    #[test]
    fn without_a_definition_or_with_a_fault_it_fails_and_is_tried_again() {
        let mut bench = Bench::new();
        bench.put(
            Kind::ManagementAddon,
            "",
            "metrics",
            json!({"spec": {"addon": "metrics-server"}}),
        );
        bench.run(seconds(1));
        assert_eq!(status(&bench).phase, Some(ManagementAddonPhase::Failed));
        assert_eq!(
            status(&bench).message.as_deref(),
            Some("AddonDefinition \"metrics-server\" not found")
        );
        bench.set(&json!({"faults": {"managementAddons": {"metrics": "timed out waiting for the condition"}}}));
        bench.put(Kind::AddonDefinition, "", "metrics-server", definition());
        bench.run(seconds(1));
        let words = "failed to install addon metrics: timed out waiting for the condition";
        assert_eq!(status(&bench).message.as_deref(), Some(words));
        bench.set(&json!({"faults": {"managementAddons": null}}));
        bench.run(seconds(5));
        assert_eq!(status(&bench).phase, Some(ManagementAddonPhase::Installing));
    }

    #[test]
    fn an_addon_ends_the_same_wherever_it_is_cut_off() {
        ends_the_same_wherever_it_is_cut_off(|bench| {
            addon(bench);
            available(bench);
            bench.change(
                Kind::ManagementAddon,
                "",
                "metrics",
                &json!({"spec": {"version": "3.13.0"}}),
            );
            bench.run(seconds(5));
            available(bench);
            assert_eq!(status(bench).phase, Some(ManagementAddonPhase::Installed));
        });
        ends_the_same_wherever_it_is_cut_off(|bench| {
            addon(bench);
            available(bench);
            bench.delete(Kind::ManagementAddon, "", "metrics");
            bench.run(seconds(5));
            assert!(bench.find(Kind::ManagementAddon, "", "metrics").is_none());
            assert!(bench.names(Kind::Secret, PLACE).is_empty() && bench.names(Kind::Deployment, PLACE).is_empty());
        });
    }

    #[tokio::test]
    async fn a_server_takes_the_record_and_the_workload_of_an_addon() {
        let mut served = Served::start("").await;
        served.create(Kind::AddonDefinition, "", "metrics-server", definition());
        served.create(
            Kind::ManagementAddon,
            "",
            "metrics",
            json!({"spec": {"addon": "metrics-server"}}),
        );
        served
            .until(Kind::ManagementAddon, "", "metrics", phase("Installing"))
            .await;
        served
            .until(Kind::Secret, PLACE, "sh.helm.release.v1.metrics.v1", |_| true)
            .await;
        served.until(Kind::Deployment, PLACE, "metrics", |_| true).await;
        served.delete(Kind::ManagementAddon, "", "metrics");
        served.until_gone(Kind::ManagementAddon, "", "metrics").await;
        served
            .until_gone(Kind::Secret, PLACE, "sh.helm.release.v1.metrics.v1")
            .await;
        served.until_gone(Kind::Deployment, PLACE, "metrics").await;
        served.end().await;
    }
}
