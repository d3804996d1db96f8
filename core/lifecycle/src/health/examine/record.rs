//! What the bootstrap has left: its record, and the machines, images and load balancers that it asked for.

use super::super::finding::{Finding, Id, Severity, Subject};
use super::super::objects::{Bootstrap, Progressing};
use super::super::sight::{Known, Sight};

/// The phase of what could not be done.
const FAILED: &str = "Failed";

/// What is to be said of the record.
pub(super) fn examine(sight: &Sight) -> Vec<Finding> {
    let mut found: Vec<Finding> = sight.bootstraps.all().filter_map(bootstrap).collect();
    let why = sight
        .bootstraps
        .all()
        .next()
        .map(|one| format!("butleradm why {}", one.spec.cluster.name));
    found.extend(failed(
        &sight.machines,
        (Id::MachineFailed, Severity::Error, "MachineRequest"),
        why.as_ref(),
    ));
    found.extend(failed(
        &sight.load_balancers,
        (Id::LoadBalancerFailed, Severity::Error, "LoadBalancerRequest"),
        why.as_ref(),
    ));
    for image in failed(&sight.images, (Id::ImageFailed, Severity::Warning, "ImageSync"), None) {
        let name = image.subject.name.as_deref().unwrap_or("NAME");
        let namespace = image.subject.namespace.as_deref().unwrap_or("NAMESPACE");
        let remedy = format!("butlerctl image status {name} --namespace {namespace}");
        found.push(image.remedy(remedy));
    }
    found
}

fn bootstrap(one: &Bootstrap) -> Option<Finding> {
    let progress = &one.status.progress;
    let (weight, sentence) = match progress.phase.as_str() {
        "Ready" => return None,
        FAILED => (Severity::Error, "the bootstrap has failed".to_owned()),
        "" => (Severity::Warning, "the bootstrap has not begun".to_owned()),
        phase => (Severity::Warning, format!("the bootstrap is not done: it is {phase}")),
    };
    let subject = Subject::one("ClusterBootstrap", &one.metadata.namespace, &one.metadata.name);
    let finding = Finding::new(Id::BootstrapNotReady, weight, subject, sentence);
    let finding = finding.seen(progress.why(), progress.since());
    Some(finding.remedy(format!("butleradm why {}", one.spec.cluster.name)))
}

/// What of a kind has failed.
fn failed(
    known: &Known<Progressing>,
    (id, weight, kind): (Id, Severity, &'static str),
    remedy: Option<&String>,
) -> Vec<Finding> {
    let failed = known.all().filter(|one| one.status.phase == FAILED);
    let finding = |one: &Progressing| {
        let subject = Subject::one(kind, &one.metadata.namespace, &one.metadata.name);
        let finding = Finding::new(id, weight, subject, "it has failed");
        let finding = finding.seen(one.status.why(), one.status.since());
        match remedy {
            Some(remedy) => finding.remedy(remedy),
            None => finding,
        }
    };
    failed.map(finding).collect()
}
