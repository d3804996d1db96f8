//! The installer of the simulated world: it writes the records that Helm would write and applies the workloads that the
//! charts would create, so that everything that watches or lists them sees the same as on a real cluster.

#![expect(
    clippy::disallowed_macros,
    reason = "the stand-in of a workload is one object of three kinds; a test reads each into its type"
)]

use butler_api::{helm::StoredRelease, labels::MANAGED_BY};
use butler_kubernetes::WorkloadKind;
use futures::future::{BoxFuture, FutureExt as _};
use jiff::Timestamp;
use kube::Client;
use serde_json::{Value, json};

use crate::{
    Addon, ChartContents, InstallError, Installed, Installer, Manifest, Objects, Release, ReleaseState, Source,
    Workload, catalog,
    direct::{self, Direct},
    release,
};

/// Installs stand-ins into a simulated cluster.
pub struct WorldInstaller {
    direct: Direct,
    now: fn() -> Timestamp,
}

impl WorldInstaller {
    /// For this cluster; `now` dates the records.
    pub fn new(client: Client, now: fn() -> Timestamp) -> Self {
        Self {
            direct: Direct::new(client),
            now,
        }
    }

    async fn history(&self, addon: &Addon, release: &Release) -> Result<Vec<StoredRelease>, InstallError> {
        release::history(&self.direct.client, &release.namespace, &release.release)
            .await
            .map_err(|error| InstallError::kube(&addon.name, "cannot read its release", &error))
    }

    async fn install_chart(&self, addon: &Addon, release: &Release) -> Result<Installed, InstallError> {
        let objects = owned_by_helm(&objects_of(addon, &release.contents), release);
        self.direct
            .plain(addon, &[catalog::namespace(&release.namespace)])
            .await?;
        let history = self.history(addon, release).await?;
        let last = history.last();
        if let Some(last) = last
            && last.status == "deployed"
            && release::is(last, &release.chart, &release.values)
        {
            self.direct.plain(addon, &objects).await?;
            return Ok(Installed {
                revision: last.revision,
                detail: "the release was there already".to_owned(),
            });
        }
        // A revision that was left pending is written again; nobody else works on a simulated cluster.
        let left = last.filter(|last| last.status.starts_with("pending-"));
        let revision = left.map_or_else(|| last.map_or(1, |last| last.revision + 1), |left| left.revision);
        let deployed: Vec<&StoredRelease> = history.iter().filter(|past| past.status == "deployed").collect();
        let (verb, description) = if deployed.is_empty() {
            ("install", "Install")
        } else {
            ("upgrade", "Upgrade")
        };
        let mut record = self.record(release, revision, history.first(), &objects);
        record.status = format!("pending-{verb}");
        record.description = format!("Preparing {verb}");
        self.direct.plain(addon, &[direct::as_value(&record.encode())]).await?;
        self.direct.plain(addon, &objects).await?;
        for past in deployed {
            let past = StoredRelease {
                status: "superseded".to_owned(),
                ..past.clone()
            };
            self.direct.plain(addon, &[direct::as_value(&past.encode())]).await?;
        }
        "deployed".clone_into(&mut record.status);
        record.description = format!("{description} complete");
        self.direct.plain(addon, &[direct::as_value(&record.encode())]).await?;
        Ok(Installed {
            revision,
            detail: format!("revision {revision} of {}", release.chart.version),
        })
    }

    fn record(
        &self,
        release: &Release,
        revision: u32,
        first: Option<&StoredRelease>,
        objects: &[Value],
    ) -> StoredRelease {
        let now = (self.now)();
        let documents: Vec<String> = objects.iter().map(|object| format!("---\n{object}\n")).collect();
        StoredRelease {
            name: release.release.clone(),
            namespace: release.namespace.clone(),
            revision,
            status: String::new(),
            description: String::new(),
            first_deployed: first.and_then(|first| first.first_deployed).or(Some(now)),
            last_deployed: Some(now),
            chart: release.chart.name.clone(),
            chart_version: release.chart.version.clone(),
            app_version: release.chart.app_version.clone(),
            config: release.values.clone(),
            manifest: documents.concat(),
        }
    }

    async fn install_manifest(&self, addon: &Addon, manifest: &Manifest) -> Result<Installed, InstallError> {
        let mut objects: Vec<Value> = manifest
            .privileged_namespaces
            .iter()
            .map(|name| catalog::namespace_object(name, true))
            .collect();
        objects.extend(objects_of(addon, &manifest.contents));
        self.direct.apply(addon, &objects, &manifest_digest(manifest)).await
    }

    async fn install_objects(&self, addon: &Addon, objects: &Objects) -> Result<Installed, InstallError> {
        let all = direct::complete(addon, objects)?;
        self.direct.apply(addon, &all, &objects_digest(objects)).await
    }
}

impl Installer for WorldInstaller {
    fn observe<'a>(&'a self, addon: &'a Addon) -> BoxFuture<'a, Result<ReleaseState, InstallError>> {
        async move {
            match &addon.source {
                Source::Chart(release) => {
                    let history = self.history(addon, release).await?;
                    let state = history
                        .last()
                        .map(|last| release::state(last, &release.chart, &release.values));
                    Ok(state.unwrap_or(ReleaseState::Absent))
                }
                Source::Manifest(manifest) => self.direct.observe(addon, &manifest_digest(manifest), false).await,
                Source::Objects(objects) => {
                    let secrets = !objects.secrets.is_empty();
                    self.direct.observe(addon, &objects_digest(objects), secrets).await
                }
                Source::ProviderIds(ids) => self.direct.observe_ids(addon, ids).await,
            }
        }
        .boxed()
    }

    fn install<'a>(
        &'a self,
        addon: &'a Addon,
        _: &'a (dyn Fn(&str) + Send + Sync),
    ) -> BoxFuture<'a, Result<Installed, InstallError>> {
        async move {
            match &addon.source {
                Source::Chart(release) => self.install_chart(addon, release).await,
                Source::Manifest(manifest) => self.install_manifest(addon, manifest).await,
                Source::Objects(objects) => self.install_objects(addon, objects).await,
                Source::ProviderIds(ids) => self.direct.provider_ids(addon, ids).await,
            }
        }
        .boxed()
    }
}

pub(super) fn objects_digest(objects: &Objects) -> String {
    direct::digest(&objects.plain.iter().collect::<Vec<_>>())
}

pub(super) fn manifest_digest(manifest: &Manifest) -> String {
    direct::digest(&[&json!(manifest.url), &json!(manifest.version)])
}

/// Everything a stand-in of an addon consists of, as objects to apply.
pub fn objects_of(addon: &Addon, contents: &ChartContents) -> Vec<Value> {
    let workloads = contents
        .workloads
        .iter()
        .map(|workload| workload_object(workload, &addon.name));
    contents
        .objects
        .iter()
        .cloned()
        .chain(workloads)
        .map(|object| direct::label(object, &addon.name))
        .collect()
}

/// The marks by which Helm knows its own.
fn owned_by_helm(objects: &[Value], release: &Release) -> Vec<Value> {
    let mark = |object: &Value| {
        let mut object = object.clone();
        object["metadata"]["labels"][MANAGED_BY] = json!("Helm");
        let annotations = &mut object["metadata"]["annotations"];
        annotations["meta.helm.sh/release-name"] = json!(release.release);
        annotations["meta.helm.sh/release-namespace"] = json!(release.namespace);
        object
    };
    objects.iter().map(mark).collect()
}

fn workload_object(workload: &Workload, addon: &str) -> Value {
    let labels = json!({"app.kubernetes.io/name": workload.name, "app.kubernetes.io/instance": addon});
    // No container runs there: a name that no registry has tells so.
    let image = workload
        .image
        .clone()
        .unwrap_or_else(|| format!("stand-in.invalid/{}", workload.name));
    let mut pod = json!({
        "containers": [{"name": workload.name, "image": image}],
        "hostNetwork": workload.host_network,
    });
    if workload.host_network {
        pod["tolerations"] = json!([{"operator": "Exists"}]);
    }
    if workload.control_plane {
        pod["nodeSelector"] = json!({"node-role.kubernetes.io/control-plane": ""});
    }
    let mut spec = json!({
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    });
    if workload.kind != WorkloadKind::DaemonSet {
        spec["replicas"] = json!(workload.replicas);
    }
    if workload.kind == WorkloadKind::StatefulSet {
        spec["serviceName"] = json!(workload.name);
        spec["podManagementPolicy"] = json!("Parallel");
    }
    if let Some(size) = workload.claim {
        spec["template"]["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": "data", "mountPath": "/var/lib/data"}]);
        spec["volumeClaimTemplates"] = json!([{
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
        }]);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": workload.kind.as_str(),
        "metadata": {"name": workload.name, "namespace": workload.namespace, "labels": labels},
        "spec": spec,
    })
}
