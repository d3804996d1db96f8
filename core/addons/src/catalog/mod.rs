//! The addons themselves: charts, manifests and objects with their values. Pure data, one file per subject.

#![expect(
    clippy::disallowed_macros,
    reason = "values of charts have no types, and manifests stand here as their vendors publish them; a test reads those of known kinds into their types"
)]

pub(super) mod butler;
pub(super) mod capi;
pub(super) mod cloud;
mod definitions;
pub(super) mod network;
pub(super) mod platform;
pub(super) mod provider;

use butler_api::{
    config::{
        BootstrapConfig, IpRange, Topology, Versioned,
        versions::{self, Component},
    },
    names,
};
use butler_kubernetes::{Ready, WorkloadKind};
use serde_json::{Value, json};

use crate::{Addon, ChartContents, ChartRef, ClusterFacts, Images, Objects, Release, Repository, Source, Workload};

/// Namespaces whose pods need privileges.
const PRIVILEGED: &[&str] = &["longhorn-system", "metallb-system", names::STEWARD_NAMESPACE];

/// What every catalog function looks at.
pub(super) struct Context<'a> {
    pub(super) config: &'a BootstrapConfig,
    pub(super) facts: &'a ClusterFacts,
    pub(super) nodes: usize,
}

impl<'a> Context<'a> {
    pub(super) fn new(config: &'a BootstrapConfig, facts: &'a ClusterFacts) -> Self {
        Self {
            config,
            facts,
            nodes: config.machine_names().len(),
        }
    }

    fn single_node(&self) -> bool {
        self.config.cluster.topology == Topology::SingleNode
    }

    fn is_cloud(&self) -> bool {
        self.config.provider_kind().is_cloud()
    }

    /// What is installed unless the configuration says otherwise.
    fn pin(&self, component: Component) -> &'static str {
        self.pin_beside(component, None)
    }

    /// The same for what has to fit a release of something else.
    fn pin_beside(&self, component: Component, beside: Option<&str>) -> &'static str {
        let beside = beside.and_then(versions::parse);
        versions::pin(component, &self.config.talos.kubernetes_version, beside.as_ref())
    }

    /// Version of the application in the pinned chart.
    fn app(&self, component: Component) -> &'static str {
        versions::release_of(component, self.pin(component)).map_or("", |release| release.app)
    }
}

/// Addresses for services of type LoadBalancer that MetalLB direct out.
pub(super) fn pool(config: &BootstrapConfig, facts: &ClusterFacts) -> Option<IpRange> {
    config.addons.load_balancer.as_ref()?;
    config.network.load_balancer_pool.or(facts.load_balancer_pool)
}

/// Whether services of type LoadBalancer get an address.
pub(super) fn has_load_balancer(config: &BootstrapConfig, facts: &ClusterFacts) -> bool {
    config.provider_kind().is_cloud() || pool(config, facts).is_some()
}

/// Whether a namespace is ours to make; the others come with the cluster.
pub(crate) fn is_ours(namespace: &str) -> bool {
    namespace != "default" && !namespace.starts_with("kube-")
}

/// A namespace with the pod-security labels it needs. The same object for every addon that uses it.
pub(crate) fn namespace(name: &str) -> Value {
    namespace_object(name, PRIVILEGED.contains(&name))
}

/// A namespace, privileged or not.
pub(crate) fn namespace_object(name: &str, privileged: bool) -> Value {
    let mut labels = serde_json::Map::new();
    if privileged {
        for mode in ["enforce", "warn", "audit"] {
            labels.insert(format!("pod-security.kubernetes.io/{mode}"), json!("privileged"));
            labels.insert(format!("pod-security.kubernetes.io/{mode}-version"), json!("latest"));
        }
    }
    let mut object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    if !labels.is_empty() {
        object["metadata"]["labels"] = Value::Object(labels);
    }
    object
}

/// The configured version, or the pin. `latest` is no version of a chart.
fn version<'a>(wanted: Option<&'a str>, pin: &'a str) -> &'a str {
    wanted
        .filter(|version| !version.is_empty() && *version != "latest")
        .unwrap_or(pin)
}

fn versioned<'a>(wanted: &'a Versioned, pin: &'a str) -> &'a str {
    version(wanted.version.as_deref(), pin)
}

fn https_chart(repository: &str, name: &str, version: &str, app_version: &str) -> ChartRef {
    ChartRef {
        repository: Repository::Https(repository.to_owned()),
        name: name.to_owned(),
        version: version.to_owned(),
        app_version: app_version.to_owned(),
    }
}

fn butler_chart(name: &str, version: &str, app_version: &str) -> ChartRef {
    ChartRef {
        repository: Repository::Oci("oci://ghcr.io/butlerdotdev/charts".to_owned()),
        name: name.to_owned(),
        version: version.to_owned(),
        app_version: app_version.to_owned(),
    }
}

/// A release named like its chart, without secrets, hooks or images beyond those of its workloads.
fn release(namespace: &str, chart: ChartRef, values: Value, contents: ChartContents) -> Release {
    Release {
        release: chart.name.clone(),
        namespace: namespace.to_owned(),
        chart,
        values,
        secret_values: Vec::new(),
        images: images(&contents, &[]),
        install_hooks: false,
        contents,
    }
}

/// The images of the workloads, and those that no workload names.
fn images(contents: &ChartContents, more: &[&str]) -> Images {
    let known = contents.workloads.iter().filter_map(|workload| workload.image.clone());
    Images {
        known: known.chain(more.iter().map(|&image| image.to_owned())).collect(),
        whole: true,
    }
}

impl Release {
    /// With images that no workload names: of hooks, of init containers, of what its pods start.
    fn also_runs(mut self, more: &[&str]) -> Self {
        self.images.known.extend(more.iter().map(|&image| image.to_owned()));
        self
    }

    /// The images are those of the pinned release; of another one they are not all known.
    fn images_of(mut self, pinned: bool) -> Self {
        self.images.whole = pinned;
        self
    }
}

fn addon(name: &str, title: &str, needs: &[&str], source: Source, ready: Vec<Ready>) -> Addon {
    Addon::new(name, &format!("install {title}"), needs, source, ready)
}

fn objects(plain: Vec<Value>) -> Source {
    Source::Objects(Objects {
        plain,
        secrets: Vec::new(),
    })
}

/// Without an image: what the chart or manifest takes is not known here.
fn workload(kind: WorkloadKind, namespace: &str, name: &str) -> Workload {
    Workload {
        kind,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        replicas: 1,
        image: None,
        host_network: false,
        claim: None,
        control_plane: false,
    }
}

fn deployment(namespace: &str, name: &str) -> Workload {
    workload(WorkloadKind::Deployment, namespace, name)
}

fn daemon_set(namespace: &str, name: &str) -> Workload {
    workload(WorkloadKind::DaemonSet, namespace, name)
}

impl Workload {
    /// With the image that it runs.
    fn of(self, image: impl Into<String>) -> Self {
        Self {
            image: Some(image.into()),
            ..self
        }
    }
}

/// The readiness of exactly these workloads.
fn ready_workloads(workloads: &[Workload]) -> Vec<Ready> {
    workloads.iter().map(ready_workload).collect()
}

fn ready_workload(workload: &Workload) -> Ready {
    Ready::Workload {
        kind: workload.kind,
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
    }
}

/// A definition that accepts anything, for kinds whose real schema comes with a chart or manifest.
fn crd(group: &str, version: &str, kind: &str, plural: &str, scope: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.to_lowercase(), "listKind": format!("{kind}List")},
            "versions": [{
                "name": version,
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

fn established(names: &[&str]) -> Vec<Ready> {
    names
        .iter()
        .map(|&name| Ready::CrdEstablished { name: name.to_owned() })
        .collect()
}
