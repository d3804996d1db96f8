//! Teams, their clusters and the addons of these.

use jiff::{SignedDuration, Timestamp};

use super::super::finding::{Finding, Id, Severity, Subject};
use super::super::objects::{Addon, Cluster, Team};
use super::super::sight::Sight;

/// How long a cluster may be on its way.
const LONG: SignedDuration = SignedDuration::from_mins(30);

/// What is to be said of teams and their clusters.
pub(super) fn examine(sight: &Sight, now: Timestamp) -> Vec<Finding> {
    let mut found: Vec<Finding> = sight.teams.all().flat_map(team).collect();
    found.extend(sight.clusters.all().filter_map(|one| cluster(one, now)));
    found.extend(sight.tenant_addons.all().filter_map(addon));
    found
}

fn team(one: &Team) -> Vec<Finding> {
    let name = &one.metadata.name;
    let subject = || Subject::one("Team", "", name);
    let progress = &one.status.progress;
    let mut found = Vec::new();
    if progress.phase == "Failed" {
        let finding = Finding::new(Id::TeamFailed, Severity::Error, subject(), "it could not be set up");
        let finding = finding.seen(progress.why(), progress.since());
        found.push(finding.remedy(format!("kubectl describe team {name}")));
    }
    if one.status.quota_status == "Exceeded" {
        let sentence = "it has more than it may have";
        let finding = Finding::new(Id::TeamOverQuota, Severity::Warning, subject(), sentence);
        let finding = finding.seen(&one.status.quota_message, None);
        found.push(finding.remedy(format!("butleradm team get {name}")));
    }
    found
}

fn cluster(one: &Cluster, now: Timestamp) -> Option<Finding> {
    let (namespace, name) = (&one.metadata.namespace, &one.metadata.name);
    let subject = Subject::one("TenantCluster", namespace, name);
    let progress = &one.status.progress;
    let deleting = one.metadata.deletion_timestamp;
    let phase = if deleting.is_some() {
        "Deleting"
    } else {
        progress.phase.as_str()
    };
    let at = format!("{name} --namespace {namespace}");
    if phase == "Failed" {
        let finding = Finding::new(Id::ClusterFailed, Severity::Error, subject, "it has failed");
        let finding = finding.seen(progress.why(), progress.since());
        return Some(finding.remedy(format!("butlerctl cluster get {at}")));
    }
    if phase == "Ready" {
        let (ready, wanted) = (one.status.worker_nodes_ready?, one.status.worker_nodes_desired?);
        let sentence = format!("{ready} of its {wanted} workers are ready");
        let finding = Finding::new(Id::ClusterLacksWorkers, Severity::Warning, subject, sentence);
        return (ready < wanted).then(|| finding.remedy(format!("butlerctl cluster nodes {at}")));
    }
    // As long as no controller has seen it, its age counts.
    let since = deleting.or(progress.since()).or(one.metadata.creation_timestamp)?;
    if now.duration_since(since) < LONG {
        return None;
    }
    let sentence = match phase {
        "" => "no controller has looked at it".to_owned(),
        phase => format!("it is still {phase}"),
    };
    let why = if progress.why().is_empty() {
        &sentence
    } else {
        progress.why()
    };
    let finding = Finding::new(Id::ClusterStuck, Severity::Warning, subject, &*sentence);
    Some(
        finding
            .seen(why, Some(since))
            .remedy(format!("butlerctl cluster get {at}")),
    )
}

fn addon(one: &Addon) -> Option<Finding> {
    let progress = &one.status.progress;
    let sentence = match progress.phase.as_str() {
        "Failed" => "it has failed",
        "Degraded" => "it does not work as it should",
        _ => return None,
    };
    let (namespace, name) = (&one.metadata.namespace, &one.metadata.name);
    let subject = Subject::one("TenantAddon", namespace, name);
    let finding = Finding::new(Id::TenantAddonFailed, Severity::Warning, subject, sentence);
    let finding = finding.seen(progress.why(), progress.since());
    let cluster = &one.spec.cluster_ref.name;
    Some(finding.remedy(format!(
        "butlerctl addon list --cluster {cluster} --namespace {namespace}"
    )))
}
