//! The workloads of a management cluster: what they belong to, and which of them lack pods.

use std::collections::{BTreeMap, BTreeSet};

use butler_api::labels::ADDON;
use butler_api::names::{STEWARD_NAMESPACE, SYSTEM_NAMESPACE};
use butler_kubernetes::{Condition, Observe, Observed, Ready, WorkloadKind, judge};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::sight::{Key, Sight};

/// The annotation with the release of Helm that brought an object.
const HELM_RELEASE: &str = "meta.helm.sh/release-name";
/// The label of what a provider of Cluster API has brought.
const CAPI_PROVIDER: &str = "cluster.x-k8s.io/provider";
/// The label of what Kubernetes itself has brought.
const KUBERNETES_APP: &str = "k8s-app";
/// The namespace of Kubernetes itself.
const KUBE_SYSTEM: &str = "kube-system";

/// A workload, and what it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Workload {
    /// Its kind.
    pub(super) kind: WorkloadKind,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Whose it is.
    pub(super) owner: Owner,
    /// The labels of its pods.
    pub(super) pods: BTreeMap<String, String>,
    /// Whether at least one pod is available.
    pub(super) serves: bool,
    /// Whether no pod is wanted.
    pub(super) is_off: bool,
    /// The images of its containers.
    pub(super) images: Vec<String>,
}

/// Whose a workload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// An installed component, by its name.
    Component(String),
    /// A tenant cluster, by its namespace and name.
    Cluster(Key),
    /// Nobody that is known.
    Nobody,
}

impl Workload {
    /// What proves that it works.
    pub(super) fn ready(&self) -> Ready {
        Ready::Workload {
            kind: self.kind,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// All workloads, in the order of their namespaces and names.
pub(super) fn all(sight: &Sight) -> Vec<Workload> {
    let tenants = tenants(sight);
    let mut all = Vec::new();
    for (key, object) in &sight.deployments.objects {
        let spec = object.spec.as_ref();
        let template = spec.map(|spec| &spec.template);
        let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let available = object.status.as_ref().and_then(|status| status.available_replicas);
        let of = (WorkloadKind::Deployment, key, &object.metadata);
        all.push(workload(of, template, (wanted, available), &tenants));
    }
    for (key, object) in &sight.daemon_sets.objects {
        let template = object.spec.as_ref().map(|spec| &spec.template);
        let status = object.status.as_ref();
        // One for nodes that this cluster has none of is as one that is off.
        let wanted = status.map_or(1, |status| status.desired_number_scheduled);
        let counts = (wanted, status.and_then(|status| status.number_available));
        all.push(workload(
            (WorkloadKind::DaemonSet, key, &object.metadata),
            template,
            counts,
            &tenants,
        ));
    }
    for (key, object) in &sight.stateful_sets.objects {
        let spec = object.spec.as_ref();
        let template = spec.map(|spec| &spec.template);
        let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let available = object.status.as_ref().and_then(|status| status.available_replicas);
        let of = (WorkloadKind::StatefulSet, key, &object.metadata);
        all.push(workload(of, template, (wanted, available), &tenants));
    }
    all.sort_by(|a, b| (&a.namespace, &a.name, a.kind).cmp(&(&b.namespace, &b.name, b.kind)));
    all
}

/// The tenant clusters by the namespaces of their own objects.
fn tenants(sight: &Sight) -> BTreeMap<&str, &Key> {
    let clusters = sight.clusters.objects.iter();
    let all = clusters.map(|(key, cluster)| (cluster.status.tenant_namespace.as_str(), key));
    all.filter(|(namespace, _)| !namespace.is_empty()).collect()
}

fn workload(
    (kind, (namespace, name), meta): (WorkloadKind, &Key, &ObjectMeta),
    template: Option<&k8s_openapi::api::core::v1::PodTemplateSpec>,
    (wanted, available): (i32, Option<i32>),
    tenants: &BTreeMap<&str, &Key>,
) -> Workload {
    let owner = match tenants.get(namespace.as_str()) {
        Some(cluster) => Owner::Cluster((*cluster).clone()),
        None => component(namespace, name, meta).map_or(Owner::Nobody, Owner::Component),
    };
    let pods = template.and_then(|template| template.metadata.as_ref()?.labels.clone());
    let containers = template.and_then(|template| template.spec.as_ref());
    let containers = containers.into_iter().flat_map(|spec| &spec.containers);
    Workload {
        kind,
        namespace: namespace.clone(),
        name: name.clone(),
        owner,
        pods: pods.into_iter().flatten().collect(),
        serves: available.is_some_and(|available| available > 0),
        is_off: wanted == 0,
        images: containers.filter_map(|container| container.image.clone()).collect(),
    }
}

/// The component that a workload was installed for, by what its installer has left on it.
fn component(namespace: &str, name: &str, meta: &ObjectMeta) -> Option<String> {
    let label = |key: &str| meta.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
    let annotation = |key: &str| meta.annotations.as_ref().and_then(|all| all.get(key)).cloned();
    let installed = label(ADDON).or_else(|| annotation(HELM_RELEASE));
    let installed = installed.or_else(|| label(CAPI_PROVIDER));
    match namespace {
        KUBE_SYSTEM => installed
            .or_else(|| label(KUBERNETES_APP))
            .or_else(|| Some(name.to_owned())),
        SYSTEM_NAMESPACE | STEWARD_NAMESPACE => installed.or_else(|| Some(name.to_owned())),
        _ => installed,
    }
}

/// Everything that readiness is judged by.
pub(super) fn observed(sight: &Sight) -> Observed {
    let mut observed = Observed::default();
    let mut enter =
        |objects: &mut dyn Iterator<Item = &dyn Entering>| objects.for_each(|o| o.enter_into(&mut observed));
    enter(&mut sight.deployments.all().map(|o| o as &dyn Entering));
    enter(&mut sight.daemon_sets.all().map(|o| o as &dyn Entering));
    enter(&mut sight.stateful_sets.all().map(|o| o as &dyn Entering));
    enter(&mut sight.pods.all().map(|o| o as &dyn Entering));
    enter(&mut sight.events.all().map(|o| o as &dyn Entering));
    enter(&mut sight.claims.all().map(|o| o as &dyn Entering));
    observed
}

/// An object of any kind that readiness is judged by.
trait Entering {
    fn enter_into(&self, observed: &mut Observed);
}

impl<K: Observe> Entering for K {
    fn enter_into(&self, observed: &mut Observed) {
        self.enter(observed);
    }
}

/// A workload that lacks pods, and why. One of which no pod is wanted lacks none.
pub(super) fn lack(workload: &Workload, observed: &Observed) -> Option<Condition> {
    let condition = judge(&workload.ready(), observed);
    (!condition.met && !workload.is_off).then_some(condition)
}

/// The namespaces in which a workload lacks pods.
pub(super) fn lacking(sight: &Sight) -> BTreeSet<String> {
    let observed = observed(sight);
    let workloads = all(sight).into_iter();
    let lacking = workloads.filter(|workload| lack(workload, &observed).is_some());
    lacking.map(|workload| workload.namespace).collect()
}
