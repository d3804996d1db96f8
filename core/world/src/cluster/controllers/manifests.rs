//! What Talos itself installs into a cluster, once.

use std::net::Ipv4Addr;

use super::memory::Note;
use super::pass::Pass;
use super::{service, talos_manifests};
use crate::reconcile::plan::Urgency;

/// Makes the manifests that are not there yet.
pub(super) fn plan(pass: &mut Pass<'_>) {
    let facts = pass.facts;
    let left = pass.memory.manifests.get_or_insert_with(|| {
        let cluster = &facts.config.cluster;
        let mut hosts = service::network(facts).hosts();
        let api = hosts.next().unwrap_or(Ipv4Addr::UNSPECIFIED);
        // The tenth address by convention; a network that is smaller has room for one service only.
        let dns = hosts.nth(8).unwrap_or(api);
        let manifests = talos_manifests::all(cluster, &facts.config.kubernetes, api, dns);
        manifests.into_iter().enumerate().collect()
    });
    for (place, (kind, object)) in left {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("");
        pass.plan
            .create(*kind, namespace, object.clone())
            .urgency(Urgency::Now)
            .note(Note::Manifest(*place));
    }
}
