//! What was seen, judged. Pure: a sight and the time in, findings out.

mod certificates;
mod nodes;
mod platform;
mod record;
mod running;
mod tenants;
#[cfg(test)]
mod tests;
mod webhooks;

use jiff::Timestamp;

use super::finding::{Finding, Id, Severity, Subject};
use super::sight::{Kind, Sight, Unknown};

/// The subject of what is about no single kind.
const API_SERVER: &str = "APIServer";

/// Everything that can be said of a cluster, the worst first. What is well is said once for each [`Id`], where everything that it
/// is about could be looked at.
pub fn examine(sight: &Sight, now: Timestamp) -> Vec<Finding> {
    let mut found = gaps(sight);
    found.extend(nodes::examine(sight));
    found.extend(running::examine(sight));
    found.extend(webhooks::examine(sight));
    found.extend(certificates::examine(sight, now));
    found.extend(record::examine(sight));
    found.extend(platform::examine(sight, now));
    found.extend(tenants::examine(sight, now));
    let well = Id::ALL
        .iter()
        .filter(|id| is_known(sight, **id) && !found.iter().any(|f| f.id == **id));
    let well: Vec<Finding> = well
        .map(|id| Finding::new(*id, Severity::Ok, Subject::all(about(*id)), id.well()))
        .collect();
    found.extend(well);
    found.sort_by(|a, b| (b.severity, a.id, &a.subject).cmp(&(a.severity, b.id, &b.subject)));
    found
}

/// What could not be looked at.
fn gaps(sight: &Sight) -> Vec<Finding> {
    let gaps = sight.gaps();
    let is_ours = |kind: &Kind| kind.group == butler_api::v1alpha1::GROUP;
    let mut ours = gaps.iter().filter(|(kind, ..)| is_ours(kind));
    let managed = ours.any(|(_, unknown, _)| *unknown != Some(&Unknown::NotServed));
    let mut found = Vec::new();
    if !managed {
        let sentence = "the API server serves none of Butler's kinds: it is no management cluster";
        let finding = Finding::new(Id::NotManaged, Severity::Error, Subject::all(API_SERVER), sentence);
        found.push(finding.remedy("butleradm doctor --explain-auth"));
    }
    // Where nothing of ours is served, one sentence is enough.
    let unknown: Vec<(Kind, &Unknown)> = gaps
        .iter()
        .filter(|(kind, ..)| managed || !is_ours(kind))
        .filter_map(|(kind, unknown, _)| Some((*kind, (*unknown)?)))
        .collect();
    found.extend(not_known(&unknown));
    if let Some(why) = &sight.server_unknown {
        let sentence = "the release of the API server is not known";
        let finding = Finding::new(Id::NotKnown, Severity::Unknown, Subject::all("Version"), sentence);
        found.push(finding.seen(why.words(), None));
    }
    for (kind, _, unread) in &gaps {
        for name in *unread {
            let subject = Subject::one(kind.spelled, "", name);
            let sentence = "it is of another shape than this release reads";
            found.push(Finding::new(Id::NotKnown, Severity::Unknown, subject, sentence));
        }
    }
    found
}

/// Kinds that are not known: those that are forbidden together, since one login is the reason, those that are not served together,
/// and each that could not be read by itself.
fn not_known(unknown: &[(Kind, &Unknown)]) -> Vec<Finding> {
    let finding = |subject, sentence: String| Finding::new(Id::NotKnown, Severity::Unknown, subject, sentence);
    let together = |which: fn(&Unknown) -> bool| -> Option<(String, &Unknown)> {
        let mut kinds = unknown.iter().filter(|(_, why)| which(why)).peekable();
        let (_, why) = kinds.peek()?;
        let names: Vec<String> = kinds.map(|(kind, _)| kind.name()).collect();
        Some((names.join(", "), *why))
    };
    let mut found = Vec::new();
    if let Some((names, why)) = together(|why| matches!(why, Unknown::Forbidden(_))) {
        let finding = finding(Subject::all("Login"), format!("it may not look at {names}"));
        found.push(
            finding
                .seen(why.words(), None)
                .remedy("butleradm doctor --kubeconfig FILE"),
        );
    }
    if let Some((names, _)) = together(|why| matches!(why, Unknown::NotServed)) {
        found.push(finding(Subject::all(API_SERVER), format!("it does not serve {names}")));
    }
    for (kind, why) in unknown.iter().filter(|(_, why)| matches!(why, Unknown::Failed(_))) {
        let sentence = format!("{} could not be looked at", kind.name());
        found.push(finding(Subject::all(kind.spelled), sentence).seen(why.words(), None));
    }
    found
}

/// Whether everything that a finding is about could be looked at.
fn is_known(sight: &Sight, id: Id) -> bool {
    let workloads = sight.deployments.is_known() && sight.daemon_sets.is_known() && sight.stateful_sets.is_known();
    match id {
        Id::NotManaged | Id::NotKnown => true,
        Id::VersionSkew => sight.nodes.is_known() && sight.server.is_some(),
        Id::NodeNotReady | Id::NodeUnderPressure => sight.nodes.is_known(),
        Id::ComponentMissing => workloads && sight.bootstraps.is_known() && sight.addons.is_known(),
        Id::ComponentNotReady | Id::WorkloadNotReady => workloads,
        Id::ControlPlaneNotReady => workloads && sight.clusters.is_known(),
        Id::WebhookWithoutEndpoint => {
            workloads && sight.services.is_known() && sight.validating.is_known() && sight.mutating.is_known()
        }
        Id::CertificateEndsSoon => sight.secrets.is_known(),
        Id::ConfigMissing => sight.configs.is_known() && sight.providers.is_known(),
        Id::BootstrapNotReady => sight.bootstraps.is_known(),
        Id::MachineFailed => sight.machines.is_known(),
        Id::LoadBalancerFailed => sight.load_balancers.is_known(),
        Id::ImageFailed => sight.images.is_known(),
        Id::ProviderNotValidated => sight.providers.is_known(),
        Id::PoolNearlyFull => sight.pools.is_known(),
        Id::AllocationFailed => sight.allocations.is_known(),
        Id::AddonFailed => sight.addons.is_known(),
        Id::ClusterFailed | Id::ClusterStuck | Id::ClusterLacksWorkers => sight.clusters.is_known(),
        Id::TenantAddonFailed => sight.tenant_addons.is_known(),
        Id::TeamFailed | Id::TeamOverQuota => sight.teams.is_known(),
        Id::IdentityProviderFailed => sight.identity_providers.is_known(),
        Id::UserLocked => sight.users.is_known(),
    }
}

/// The kind that a finding is about.
fn about(id: Id) -> &'static str {
    match id {
        Id::NotManaged | Id::NotKnown => API_SERVER,
        Id::VersionSkew | Id::NodeNotReady | Id::NodeUnderPressure => "Node",
        Id::ComponentMissing | Id::ComponentNotReady | Id::WorkloadNotReady => "Workload",
        Id::ControlPlaneNotReady | Id::ClusterFailed | Id::ClusterStuck | Id::ClusterLacksWorkers => "TenantCluster",
        Id::WebhookWithoutEndpoint => "Webhook",
        Id::CertificateEndsSoon => "Secret",
        Id::ConfigMissing => "ButlerConfig",
        Id::BootstrapNotReady => "ClusterBootstrap",
        Id::MachineFailed => "MachineRequest",
        Id::LoadBalancerFailed => "LoadBalancerRequest",
        Id::ImageFailed => "ImageSync",
        Id::ProviderNotValidated => "ProviderConfig",
        Id::PoolNearlyFull => "NetworkPool",
        Id::AllocationFailed => "IPAllocation",
        Id::AddonFailed => "ManagementAddon",
        Id::TenantAddonFailed => "TenantAddon",
        Id::TeamFailed | Id::TeamOverQuota => "Team",
        Id::IdentityProviderFailed => "IdentityProvider",
        Id::UserLocked => "User",
    }
}
