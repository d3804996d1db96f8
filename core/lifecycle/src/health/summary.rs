//! A short overview of a management cluster. What could not be looked at is none.

use std::collections::BTreeMap;

use serde::Serialize;

use super::finding::{Finding, Severity};
use super::objects::Condition;
use super::sight::Sight;
use super::workloads::{self, Owner};

/// How many of something are as they should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Those that are as they should be.
    pub ready: usize,
    /// All of them.
    pub total: usize,
}

impl Count {
    fn of(all: impl Iterator<Item = bool>) -> Self {
        let mut count = Self::default();
        for ready in all {
            count.total += 1;
            count.ready += usize::from(ready);
        }
        count
    }
}

/// Something that was installed, and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// The namespaces of its workloads.
    pub namespaces: Vec<String>,
    /// Its workloads.
    pub workloads: Count,
    /// The tags of its images.
    pub versions: Vec<String>,
}

/// A pool, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolUse {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Addresses in use.
    pub used: u64,
    /// All that may be handed out.
    pub total: u64,
}

/// How many findings there are of each weight.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Weights {
    /// What does not work.
    pub error: usize,
    /// What wants attention.
    pub warning: usize,
    /// What could not be looked at.
    pub unknown: usize,
}

impl Weights {
    /// How many there are of each weight.
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            unknown: count(Severity::Unknown),
        }
    }
}

/// How many run each release.
pub type Releases = BTreeMap<String, usize>;

/// A short overview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The management cluster, as its record names it.
    pub cluster: Option<String>,
    /// How far its bootstrap is.
    pub bootstrap: Option<String>,
    /// The release of the API server.
    pub api_server: Option<String>,
    /// Nodes that are ready.
    pub nodes: Option<Count>,
    /// Releases of the kubelets.
    pub kubelets: Option<Releases>,
    /// Systems of the nodes.
    pub systems: Option<Releases>,
    /// What was installed.
    pub components: Option<Vec<Component>>,
    /// Addons of the management cluster that are installed.
    pub addons: Option<Count>,
    /// Providers that can be used.
    pub providers: Option<Count>,
    /// Pools of addresses.
    pub pools: Option<Vec<PoolUse>>,
    /// Teams that are set up.
    pub teams: Option<Count>,
    /// Tenant clusters by phase.
    pub clusters: Option<BTreeMap<String, usize>>,
    /// Releases of Kubernetes that they are asked to run.
    pub cluster_versions: Option<Releases>,
    /// What was found.
    pub findings: Weights,
}

impl Summary {
    /// The overview of what was seen, with what was found in it.
    pub fn of(sight: &Sight, findings: &[Finding]) -> Self {
        let nodes = sight.nodes.is_known();
        let clusters = sight.clusters.is_known();
        let kubelets = sight.nodes.all().map(|node| &node.status.node_info.kubelet_version);
        let systems = sight.nodes.all().map(|node| &node.status.node_info.os_image);
        let bootstrap = sight.bootstraps.all().next();
        Self {
            cluster: bootstrap.map(|one| one.spec.cluster.name.clone()),
            bootstrap: bootstrap.map(|one| one.status.progress.phase.clone()),
            api_server: sight.server.as_ref().map(|server| server.git_version.clone()),
            nodes: nodes.then(|| {
                Count::of(sight.nodes.all().map(|node| {
                    Condition::find(&node.status.conditions, "Ready").is_some_and(|ready| ready.status == "True")
                }))
            }),
            kubelets: nodes.then(|| counted(kubelets)),
            systems: nodes.then(|| counted(systems)),
            components: components(sight),
            addons: sight
                .addons
                .is_known()
                .then(|| Count::of(sight.addons.all().map(|one| one.status.progress.phase == "Installed"))),
            providers: sight
                .providers
                .is_known()
                .then(|| Count::of(sight.providers.all().map(|one| one.status.validated == Some(true)))),
            pools: sight.pools.is_known().then(|| pools(sight)),
            teams: sight
                .teams
                .is_known()
                .then(|| Count::of(sight.teams.all().map(|one| one.status.progress.phase == "Ready"))),
            clusters: clusters.then(|| counted(phases(sight).values())),
            cluster_versions: clusters.then(|| counted(sight.clusters.all().map(|one| &one.spec.kubernetes_version))),
            findings: Weights::of(findings),
        }
    }
}

/// How often each text is there; the empty one is not known and does not count.
fn counted<'a>(texts: impl Iterator<Item = &'a String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for text in texts.filter(|text| !text.is_empty()) {
        *counted.entry(text.clone()).or_insert(0) += 1;
    }
    counted
}

/// The phases of tenant clusters, by namespace and name.
pub(super) fn phases(sight: &Sight) -> BTreeMap<&(String, String), String> {
    let phase = |cluster: &super::objects::Cluster| {
        if cluster.metadata.deletion_timestamp.is_some() {
            return "Deleting".to_owned();
        }
        match cluster.status.progress.phase.as_str() {
            // As long as no controller has said anything.
            "" => "Pending".to_owned(),
            phase => phase.to_owned(),
        }
    };
    let clusters = sight.clusters.objects.iter();
    clusters.map(|(key, cluster)| (key, phase(cluster))).collect()
}

fn components(sight: &Sight) -> Option<Vec<Component>> {
    let known = sight.deployments.is_known() && sight.daemon_sets.is_known() && sight.stateful_sets.is_known();
    if !known {
        return None;
    }
    let observed = workloads::observed(sight);
    let mut components: BTreeMap<String, Component> = BTreeMap::new();
    for workload in workloads::all(sight) {
        let ready = workloads::lack(&workload, &observed).is_none();
        let Owner::Component(name) = workload.owner else {
            continue;
        };
        let component = components.entry(name.clone()).or_insert_with(|| Component {
            name,
            namespaces: Vec::new(),
            workloads: Count::default(),
            versions: Vec::new(),
        });
        component.workloads.total += 1;
        component.workloads.ready += usize::from(ready);
        let versions = workload.images.iter().filter_map(|image| tag(image)).map(str::to_owned);
        add(&mut component.versions, versions);
        add(&mut component.namespaces, [workload.namespace]);
    }
    Some(components.into_values().collect())
}

/// Adds what is not there yet.
fn add(to: &mut Vec<String>, texts: impl IntoIterator<Item = String>) {
    for text in texts {
        if !to.contains(&text) {
            to.push(text);
        }
    }
}

/// The tag of an image; none where only its digest is named.
fn tag(image: &str) -> Option<&str> {
    let image = image.split('@').next()?;
    let (_, tag) = image.rsplit('/').next()?.split_once(':')?;
    Some(tag)
}

fn pools(sight: &Sight) -> Vec<PoolUse> {
    let pools = sight.pools.all().filter_map(|pool| {
        let (total, available) = (pool.status.total?, pool.status.available?);
        Some(PoolUse {
            namespace: pool.metadata.namespace.clone(),
            name: pool.metadata.name.clone(),
            used: total.saturating_sub(available),
            total,
        })
    });
    pools.collect()
}

#[cfg(test)]
mod tests {
    use super::tag;

    #[test]
    fn a_tag_is_told_from_a_port_and_a_digest() {
        assert_eq!(tag("registry:5000/butler/controller:v0.26.0"), Some("v0.26.0"));
        assert_eq!(tag("registry:5000/butler/controller"), None);
        assert_eq!(tag("controller:v1@sha256:00"), Some("v1"));
        assert_eq!(tag("controller@sha256:00"), None);
    }
}
