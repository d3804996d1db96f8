//! What is the same for everything that makes pods: which nodes they can be on, their names, status and readiness.

use std::cell::OnceCell;

use serde_json::{Value, json};

use super::kinds::Kind;
use super::memory::{Memory, Note, PodProgress, Readiness};
use super::mirror::{Mirror, Pod, Workload};
use super::objects::PodOwner;
use super::pass::{Pass, WorkloadPods};
use super::scheduling::Demand;
use super::{needs, objects, pod_object, transitions};
use crate::reconcile::plan::{Urgency, Write};

impl<'a> WorkloadPods<'a> {
    /// How many pods a workload has, and how many it should have.
    pub(super) fn of(mirror: &'a Mirror, workload: &'a Workload, pods: Vec<&'a Pod>) -> Self {
        let mut owned = Self {
            workload,
            key: workload.key(),
            pods,
            wanted: workload.replicas as usize,
            nodes: OnceCell::new(),
        };
        if workload.kind == Kind::DaemonSet {
            owned.wanted = owned.eligible(mirror).len();
        }
        owned
    }

    /// The nodes that its pods can be on.
    pub(super) fn eligible(&self, mirror: &'a Mirror) -> &[&'a str] {
        let demand = self.demand();
        self.nodes.get_or_init(|| {
            let nodes = mirror.nodes.iter();
            nodes
                .filter(|(_, node)| node.ready.as_deref() != Some("Unknown"))
                .filter(|(_, node)| demand.fits(node).is_ok())
                .map(|(name, _)| name.as_str())
                .collect()
        })
    }

    /// What its pods ask of a node.
    pub(super) fn demand(&self) -> Demand<'a> {
        Demand::of(spec(self.workload), self.workload.kind == Kind::DaemonSet)
    }

    /// Its pods need no pod network.
    pub(super) fn on_host(&self) -> bool {
        self.workload.host_network || needs::is_network(&self.key)
    }

    /// All its pods run, or have done their work.
    pub(super) fn up(&self) -> bool {
        let done = |pod: &Pod| match self.workload.kind {
            Kind::Job => pod.done,
            _ => pod.ready,
        };
        let current = self.pods.iter().filter(|pod| pod.hash == self.workload.hash);
        self.wanted > 0 && current.filter(|pod| done(pod)).count() >= self.wanted
    }

    /// How many of its pods are so.
    pub(super) fn count(&self, which: impl Fn(&Pod) -> bool) -> usize {
        self.pods.iter().filter(|pod| which(pod)).count()
    }

    /// How many of its pods were made of the template that it has now.
    pub(super) fn updated(&self) -> usize {
        self.count(|pod| pod.hash == self.workload.hash)
    }
}

/// The spec of a workload's pods.
pub(super) fn spec(workload: &Workload) -> &Value {
    workload.template.get("spec").unwrap_or(&Value::Null)
}

/// Makes a pod under its own name.
pub(super) fn create_pod<'p>(
    workload: &Workload,
    name: &str,
    owner: &PodOwner<'_>,
    node: Option<&str>,
    pass: &'p mut Pass<'_>,
) -> &'p mut Write<Note> {
    let pod = pod_object::pod(workload, name, owner, node);
    pass.plan.create(Kind::Pod, &workload.namespace, pod)
}

/// Makes a pod under a name that no other has.
pub(super) fn create_numbered_pod<'p>(
    workload: &Workload,
    owner: &PodOwner<'_>,
    node: Option<&str>,
    pass: &'p mut Pass<'_>,
) -> &'p mut Write<Note> {
    let name = format!("{}-{}", owner.name, pass.pod_suffix(owner.uid));
    create_pod(workload, &name, owner, node, pass)
}

/// Writes a workload's status when it differs from the one written last. Conditions get their times only when they are
/// written, so that the passing of time is no difference.
pub(super) fn write_status(owned: &WorkloadPods<'_>, mut status: Value, pass: &mut Pass<'_>) {
    let workload = owned.workload;
    if pass.memory.statuses.get(&workload.uid) == Some(&status) {
        return;
    }
    let note = Note::Status(workload.uid.clone(), status.clone());
    let now = json!(objects::stamp(pass.facts.wall));
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        condition["lastTransitionTime"] = now.clone();
        if workload.kind == Kind::Deployment {
            condition["lastUpdateTime"] = now.clone();
        }
    }
    transitions::keep(&mut status, &workload.conditions);
    // Counts on their way up interest nobody as long as there is something better to do.
    let urgency = if owned.up() { Urgency::Now } else { Urgency::Later };
    pass.plan
        .status(workload.kind, &workload.namespace, &workload.name, &status)
        .urgency(urgency)
        .note(note);
}

/// Notes the critical time of a workload that became ready.
pub(super) fn note_readiness(owned: &WorkloadPods<'_>, pass: &mut Pass<'_>) {
    let key = &owned.key;
    if !pass.report.is_ready(key) || pass.memory.workloads.contains_key(key) {
        return;
    }
    let ready = latest_of(pass.memory, &owned.pods);
    pass.report.critical = pass.report.critical.max(ready.critical);
    pass.memory.workloads.insert(key.clone(), ready);
}

fn latest_of(memory: &Memory, pods: &[&Pod]) -> Readiness {
    let progress = pods.iter().filter_map(|pod| memory.pods.get(&pod.uid));
    progress.fold(Readiness::default(), |latest, pod: &PodProgress| Readiness {
        critical: latest.critical.max(pod.ready.critical),
        at: latest.at.max(pod.ready.at),
    })
}
