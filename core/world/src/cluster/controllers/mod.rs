//! The controllers of a cluster: one file per kind, planned in one pass so that what others wait for is judged first.

#![expect(
    clippy::disallowed_macros,
    reason = "controllers patch parts of objects, and make objects of templates that others wrote: no type of a whole object can"
)]

mod claim;
mod daemon_set;
mod deployment;
mod facts;
mod job;
mod kinds;
mod manifests;
mod memory;
mod mirror;
mod needs;
mod node;
mod node_object;
mod objects;
mod pass;
mod pod;
mod pod_object;
mod scheduling;
mod service;
mod stateful_set;
mod system;
mod talos_manifests;
mod transitions;
mod workload;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use butler_embedded::Seen;

use self::facts::Facts;
use self::kinds::{FOLLOWED, Kind};
use self::memory::{Memory, Note};
use self::mirror::{Mirror, Pod};
use self::pass::{Pass, Report, WorkloadPods};
use crate::live::World;
use crate::reconcile::plan::WritePlan;
use crate::reconcile::planner::{ControllerHost, Planner};
use crate::reconcile::resource::Resource;
use crate::values::text;
use crate::world::state::Moment;

/// The decisions of the controllers of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Controllers {
    memory: Memory,
    mirror: Mirror,
    report: Report,
}

impl Planner for Controllers {
    type Facts = Facts;
    type Note = Note;

    fn follows(&self) -> Vec<Resource> {
        FOLLOWED.map(Kind::resource).into()
    }

    fn observe(&mut self, seen: &Seen, now: Moment) {
        let Some(kind) = Kind::at_path(seen.resource()) else {
            return;
        };
        let object = seen.object();
        if !seen.deleted() {
            self.mirror.apply(kind, object);
            return;
        }
        let name = ["/metadata/namespace", "/metadata/name"].map(|pointer| text(object, pointer).to_owned());
        let name = name.into();
        if kind == Kind::Pod
            && let Some(pod) = self.mirror.pods.get(&name)
        {
            self.memory.losses.insert(pod.owner.clone(), now);
        }
        self.mirror.delete(kind, &name.0, &name.1);
    }

    fn resume(&mut self, since: Moment) {
        self.memory.busy_since = since;
    }

    fn plan(&mut self, facts: &Facts) -> WritePlan<Note> {
        let (plan, report) = reconcile(&mut self.memory, &self.mirror, facts);
        self.report = report;
        plan
    }

    fn took_effect(&mut self, note: &Note) {
        self.memory.remember(note);
    }
}

/// One pass over everything: what is known goes in, what is to be written comes out.
fn reconcile(memory: &mut Memory, mirror: &Mirror, facts: &Facts) -> (WritePlan<Note>, Report) {
    let mut pass = Pass::new(memory, mirror, facts);
    manifests::plan(&mut pass);
    node::register(&mut pass);
    node::collect_garbage(&mut pass);
    let mut owned = pods_by_workload(mirror);
    // What others wait for is judged first, so that one pass is enough when nothing is late.
    let mut all = Vec::new();
    for workload in mirror.workloads.values() {
        let pods = owned.remove(workload.uid.as_str());
        let pods = pods.into_iter().flatten().collect();
        let owned = WorkloadPods::of(mirror, workload, pods);
        pass.report.workloads.insert(owned.key.clone(), owned.up());
        all.push(owned);
    }
    for owned in all.iter().filter(|owned| !owned.workload.deleting) {
        pass.memory.note_template(owned.workload, facts.now);
        match owned.workload.kind {
            Kind::DaemonSet => daemon_set::plan(owned, &mut pass),
            Kind::StatefulSet => stateful_set::plan(owned, &mut pass),
            Kind::Deployment => deployment::plan(owned, &mut pass),
            Kind::Job => job::plan(owned, &mut pass),
            // Other kinds make no pods.
            _ => {}
        }
        pod::plan(owned, &mut pass);
        workload::note_readiness(owned, &mut pass);
    }
    node::readiness(&all, &mut pass);
    service::plan(&mut pass);
    claim::plan(&mut pass);
    pass.memory
        .forget_pods(mirror.pods.values().map(|pod| pod.uid.as_str()));
    let Pass { mut plan, report, .. } = pass;
    plan.sort();
    (plan, report)
}

/// Pods by the UID of their workload, also through ReplicaSets.
fn pods_by_workload(mirror: &Mirror) -> HashMap<&str, Vec<&Pod>> {
    let sets = mirror.replica_sets.values();
    let through: HashMap<&str, &str> = sets.map(|set| (set.uid.as_str(), set.owner.as_str())).collect();
    let mut owned: HashMap<&str, Vec<&Pod>> = HashMap::new();
    for pod in mirror.pods.values().filter(|pod| !pod.deleting) {
        let direct = pod.owner.as_str();
        let workload = through.get(direct).copied().unwrap_or(direct);
        owned.entry(workload).or_default().push(pod);
    }
    owned
}

/// The world around the controllers of one cluster.
pub(crate) struct ClusterHost {
    /// The world that the cluster is in.
    pub world: World,
    /// The number of the cluster.
    pub key: u32,
    /// Since when nobody has looked at the cluster, until its controllers have caught up.
    pub unwatched: Arc<Mutex<Option<Moment>>>,
}

impl ControllerHost<Controllers> for ClusterHost {
    fn now(&self) -> Moment {
        self.world.moment(|_, now| now)
    }

    fn instant(&self, moment: Moment) -> tokio::time::Instant {
        self.world.instant(moment)
    }

    fn facts(&self) -> Option<Facts> {
        let unwatched_since = *self.unwatched.lock().unwrap_or_else(PoisonError::into_inner);
        let facts = self.world.moment(|state, now| Facts::of(state, self.key, now))?;
        Some(Facts {
            unwatched_since,
            ..facts
        })
    }

    fn written(&self, planner: &Controllers, notes: Vec<Note>) {
        let report = planner.report.clone();
        self.world.update(|state, now| {
            // What happens inside a tenant's cluster happens when somebody looks: no path leads over it.
            if state
                .clusters
                .get(&self.key)
                .is_some_and(|cluster| cluster.tenant.is_none())
            {
                state.raise(Some(report.critical));
            }
            for note in notes {
                if let Note::Node(node) = note {
                    state.node_ready(&node.id, node.ready, node.critical, now);
                }
            }
            state.workloads(self.key, report.workloads);
            state.tenant_balances(self.key, report.balancers);
            state.tenant_nodes(self.key, report.nodes);
            if report.announces {
                state.vip(self.key, |vip| vip.announced = true);
            }
        });
    }
}

#[cfg(test)]
mod tests;
