//! Workloads: what lacks pods, and why; and what was installed and is gone.

use butler_kubernetes::Condition;

use super::super::finding::{Finding, Id, Severity, Subject};
use super::super::sight::Sight;
use super::super::workloads::{self, Owner, Workload};

/// What is to be said of workloads.
pub(super) fn examine(sight: &Sight) -> Vec<Finding> {
    let observed = workloads::observed(sight);
    let all = workloads::all(sight);
    let lacking = all
        .iter()
        .filter_map(|workload| Some((workload, workloads::lack(workload, &observed)?)));
    let mut found: Vec<Finding> = lacking.map(|(workload, lack)| lacks(workload, &lack)).collect();
    found.extend(missing(sight, &all));
    found
}

fn lacks(workload: &Workload, lack: &Condition) -> Finding {
    let Workload {
        kind, namespace, name, ..
    } = workload;
    let own = Subject::one(kind.as_str(), namespace, name);
    let word = kind.as_str().to_lowercase();
    let weight = if workload.serves {
        Severity::Warning
    } else {
        Severity::Error
    };
    // The first cause is the workload's own; the others are below it.
    let mut causes = lack.chain.iter();
    let top = causes.next();
    let top_words = top.map_or("it is not ready", |cause| cause.text.as_str());
    let finding = match &workload.owner {
        Owner::Component(component) => Finding::new(
            Id::ComponentNotReady,
            weight,
            own,
            format!("{component} is not ready: {top_words}"),
        ),
        Owner::Cluster((of, cluster)) => {
            let subject = Subject::one("TenantCluster", of, cluster);
            let sentence = format!("{} {namespace}/{name} is not ready: {top_words}", kind.as_str());
            let finding = Finding::new(Id::ControlPlaneNotReady, weight, subject, sentence);
            return below(finding, causes).remedy(format!("butlerctl cluster get {cluster} --namespace {of}"));
        }
        Owner::Nobody => Finding::new(
            Id::WorkloadNotReady,
            Severity::Warning,
            own,
            format!("it is not ready: {top_words}"),
        ),
    };
    below(finding, causes).remedy(format!("kubectl --namespace {namespace} describe {word} {name}"))
}

/// A finding with the causes below it, the deepest last.
fn below<'a>(finding: Finding, causes: impl Iterator<Item = &'a butler_kubernetes::Cause>) -> Finding {
    causes.fold(finding, |finding, cause| {
        finding.seen(format!("{}: {}", cause.object, cause.text), cause.since)
    })
}

/// Components that somebody has installed and that have no workload any more: those of the bootstrap, by its record, and those
/// of addons, by their releases.
fn missing(sight: &Sight, all: &[Workload]) -> Vec<Finding> {
    if !super::is_known(sight, Id::ComponentMissing) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for bootstrap in sight
        .bootstraps
        .all()
        .filter(|one| one.status.progress.phase == "Ready")
    {
        let cluster = &bootstrap.spec.cluster.name;
        let installed = bootstrap.status.addons_installed.iter().filter(|(_, done)| **done);
        for (name, _) in installed.filter(|(name, _)| runs(name) && !is_there(name, all)) {
            let sentence = "it was installed with the cluster, and has no workload any more";
            let subject = Subject::one("Component", "", name);
            let finding = Finding::new(Id::ComponentMissing, Severity::Error, subject, sentence);
            let seen = format!("ClusterBootstrap {} says that it is installed", bootstrap.metadata.name);
            let remedy = format!("butleradm bootstrap --config FILE (the one of {cluster})");
            found.push(finding.seen(seen, bootstrap.status.progress.since()).remedy(remedy));
        }
    }
    for addon in sight
        .addons
        .all()
        .filter(|addon| addon.status.progress.phase == "Installed")
    {
        let name = &addon.metadata.name;
        let release = &addon.status.helm_release.name;
        let there = is_there(name, all) || (!release.is_empty() && is_there(release, all));
        // What came with the bootstrap is told by its record.
        if !there && !found.iter().any(|finding| finding.subject.name.as_ref() == Some(name)) {
            let subject = Subject::one("ManagementAddon", "", name);
            let sentence = "it is installed, and has no workload any more";
            let finding = Finding::new(Id::ComponentMissing, Severity::Warning, subject, sentence);
            found.push(finding.remedy(format!("kubectl describe managementaddon {name}")));
        }
    }
    found
}

/// What a bootstrap installs that runs nothing.
const RUN_NOTHING: [&str; 8] = [
    "gateway-api",
    "butler-crds",
    "butler-addons",
    "provider-config",
    "butler",
    "butler-config-exposure",
    "node-provider-ids",
    "cloud-lb-backend-pool",
];

fn runs(name: &str) -> bool {
    !RUN_NOTHING.contains(&name)
}

/// Whether a component has a workload: one that was installed for it, or one that bears its name where the installer has left no
/// mark.
fn is_there(name: &str, all: &[Workload]) -> bool {
    let system = format!("{name}-system");
    all.iter().any(|workload| match &workload.owner {
        Owner::Component(component) if component == name => true,
        Owner::Component(_) | Owner::Nobody => {
            workload.namespace == name || workload.namespace == system || workload.name.ends_with(name)
        }
        Owner::Cluster(_) => false,
    })
}
