//! DaemonSets: one pod on every node that takes it.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::DaemonSetStatus;

use super::kinds::Kind;
use super::objects::{PodOwner, count, value};
use super::pass::{Pass, WorkloadPods};
use super::workload::{create_numbered_pod, write_status};
use crate::reconcile::plan::Urgency;

/// Plans the pods of a DaemonSet and its status.
pub(super) fn plan<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    place(owned, pass);
    let ready = count(owned.count(|pod| pod.ready));
    let wanted = count(owned.wanted);
    let status = value(DaemonSetStatus {
        observed_generation: Some(owned.workload.generation),
        current_number_scheduled: count(owned.pods.len()),
        desired_number_scheduled: wanted,
        number_misscheduled: 0,
        number_ready: ready,
        number_available: Some(ready),
        number_unavailable: Some((wanted - ready).max(0)),
        updated_number_scheduled: Some(count(owned.updated())),
        ..DaemonSetStatus::default()
    });
    write_status(owned, status, pass);
}

fn place<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    let WorkloadPods { workload, pods, .. } = owned;
    let wanted: BTreeSet<&str> = owned.eligible(pass.mirror).iter().copied().collect();
    let mut covered = BTreeSet::new();
    for pod in pods {
        let node = pod.node.as_deref();
        let is_lost = |node: &str| {
            let found = pass.mirror.nodes.get(node);
            found.is_none_or(|node| node.ready.as_deref() == Some("Unknown"))
        };
        if node.is_some_and(is_lost) {
            // Whether it runs there nobody knows; where the node is gone, the garbage collector takes it.
            continue;
        }
        let fits = node.filter(|node| wanted.contains(node) && pod.hash == workload.hash);
        if fits.is_none_or(|node| !covered.insert(node)) {
            pass.plan.delete(Kind::Pod, &pod.namespace, &pod.name);
        }
    }
    // Those that need no pod network can start at once.
    let urgency = if owned.on_host() { Urgency::Now } else { Urgency::Soon };
    let maker = PodOwner::of(workload);
    for node in wanted.difference(&covered) {
        if !pass.plan.room(urgency) {
            return;
        }
        create_numbered_pod(workload, &maker, Some(node), pass).urgency(urgency);
    }
}
