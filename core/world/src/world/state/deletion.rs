//! How machines end: their deletion is accepted, takes its time and leaves nothing; or a reset gives them back blank.

use std::time::Duration;

use super::{DeleteError, Moment, OutOfSync, ResetError, State, Timer};
use crate::world::critical::after;
use crate::world::duration::zero_if_none;
use crate::world::machine::{Deletion, Etcd, Listening, Machine, MachineView, Stage};

/// A machine that is gone and that a late list still shows.
#[derive(Debug)]
pub(super) struct Late {
    view: MachineView,
    until: Moment,
}

impl State {
    /// Accepts the deletion of a machine, which takes its time; a second call changes nothing. Where the caller names an
    /// owner, only a machine of that cluster is deleted: an id may have been given to another machine meanwhile.
    pub fn delete(&mut self, id: &str, owner: Option<&str>, now: Moment) -> Result<(), DeleteError> {
        let wall = self.wall(now);
        let latency = self.settings.latencies.delete.0;
        let critical = after(&[Some(self.built)], latency);
        let Some(machine) = self.machines.get_mut(id) else {
            return Err(DeleteError::NotFound(id.to_owned()));
        };
        if let Some(expected) = owner.filter(|owner| machine.owner_id() != Some(owner)) {
            return Err(DeleteError::Foreign {
                id: id.to_owned(),
                owner: machine.owner_words(),
                expected: expected.to_owned(),
            });
        }
        if machine.deletion.is_some() {
            return Ok(());
        }
        machine.log(wall, "deletion requested, power off");
        machine.deletion = Some(Deletion {
            since: now,
            before: machine.stage,
            critical,
        });
        machine.stage = Stage::Deleting;
        machine.listening = Listening::Silent;
        // What was on its way to happen on it does not happen any more.
        self.timers.retain(|_, timer| timer.machine() != Some(id));
        self.held.remove(id);
        self.switch_off(id, now);
        self.plan_end(id, now);
        Ok(())
    }

    /// The machine will be gone after the time that a deletion takes, unless a fault keeps it or that is planned already.
    pub(super) fn plan_end(&mut self, id: &str, now: Moment) {
        let latency = self.settings.latencies.delete.0;
        let Some(machine) = self.machines.get(id) else {
            return;
        };
        let end = Timer::Gone(id.to_owned());
        if !self.faults(&machine.name).undying && !self.timers.values().any(|timer| *timer == end) {
            self.timer(now + latency, end);
        }
    }

    /// The deletion takes effect: nothing is left of the machine, nor of its cluster if it was the last one.
    pub(super) fn gone(&mut self, id: &str, now: Moment) {
        let Some(machine) = self.machines.get(id) else {
            return;
        };
        let Some(deletion) = machine.deletion.filter(|_| !self.faults(&machine.name).undying) else {
            return;
        };
        let Some(machine) = self.machines.remove(id) else {
            return;
        };
        self.counters.machines_deleted += 1;
        self.critical = self.critical.max(deletion.critical);
        if let Some(address) = machine.address.or(machine.reserved) {
            self.addresses.give_back(address);
        }
        self.leave_cluster(&machine, true);
        self.pve_machine_gone(id, now);
        if self.is_unused() {
            self.pve_forget_times();
        }
        if let Some(join) = machine.order.as_ref().and_then(|order| order.join.as_ref()) {
            self.tenant_changed(&join.tenant);
        }
        self.effects.insert(OutOfSync::Node(id.to_owned()));
        self.touched.insert(id.to_owned());
        let lag = self.list_lag();
        if !lag.is_zero() {
            let until = now + lag;
            let view = as_before(&machine, deletion);
            self.late.push(Late { view, until });
            self.timer(until, Timer::Forget);
        }
    }

    /// A machine is part of its cluster no more. Its etcd member stays listed when nobody took it out (`remains`); with the
    /// last machine the cluster goes.
    pub(super) fn leave_cluster(&mut self, machine: &Machine, remains: bool) {
        let Some(key) = machine.cluster else {
            return;
        };
        self.effects.insert(OutOfSync::Cluster(key));
        // A tenant's cluster lives as long as its control plane is hosted.
        if self.clusters.get(&key).is_some_and(|cluster| cluster.tenant.is_some()) {
            return;
        }
        let others = self.machines.values().filter(|other| other.id != machine.id);
        if !others.into_iter().any(|other| other.cluster == Some(key)) {
            self.clusters.remove(&key);
            self.abandon_tenants(key);
        } else if remains
            && machine.etcd.answers()
            && let Some(cluster) = self.clusters.get_mut(&key)
        {
            cluster.lost.push(machine.hostname().to_owned());
        }
    }

    /// Late lists no longer show what was gone by then.
    pub(super) fn forget(&mut self, now: Moment) {
        self.late.retain(|late| late.until > now);
    }

    fn list_lag(&self) -> Duration {
        zero_if_none(self.settings.faults.api.list_lag)
    }

    /// The machines as the platform lists them, oldest first. A late list shows those that were there a while ago.
    pub fn listed(&mut self, now: Moment) -> Vec<MachineView> {
        let there = self.views();
        let lag = self.list_lag();
        if lag.is_zero() {
            return there;
        }
        let mut late = self.listed_late(lag, now);
        in_order(&mut late);
        self.counters.late_lists += u64::from(late != there);
        late
    }

    /// The machines as they are, oldest first.
    pub fn views(&self) -> Vec<MachineView> {
        let mut machines: Vec<MachineView> = self.machines.values().map(MachineView::from).collect();
        in_order(&mut machines);
        machines
    }

    fn listed_late(&self, lag: Duration, now: Moment) -> Vec<MachineView> {
        let shown = |since: Moment| now >= since + lag;
        let there = self.machines.values().filter(|machine| shown(machine.ordered_at));
        let there = there.map(|machine| match machine.deletion {
            Some(deletion) if !shown(deletion.since) => as_before(machine, deletion),
            _ => MachineView::from(machine),
        });
        let late = self.late.iter().filter(|late| late.until > now);
        there.chain(late.map(|late| late.view.clone())).collect()
    }

    /// A node was asked to wipe itself and to start again. The answer goes out before that happens.
    pub fn reset(&mut self, id: &str, graceful: bool, now: Moment) -> Result<(), ResetError> {
        let wall = self.wall(now);
        let latency = self.settings.latencies.boot.0;
        let Some(machine) = self.machines.get(id).filter(|machine| machine.is_configured()) else {
            return Err(ResetError::Gone);
        };
        let member = machine.etcd.answers();
        let others = machine.cluster.into_iter().flat_map(|key| self.members_of(key));
        let mut others = others.filter(|other| other.id != id && other.etcd == Etcd::Member);
        if graceful && member && others.next().is_none() {
            return Err(ResetError::LastMember);
        }
        let timer = Timer::Reset {
            id: id.to_owned(),
            boot: machine.boot_id.clone(),
            graceful,
        };
        if let Some(machine) = self.machines.get_mut(id) {
            machine.log(wall, "reset requested: STATE and EPHEMERAL will be wiped");
        }
        self.timer(now + latency / 8, timer);
        Ok(())
    }

    /// The reset happens, unless the machine has started anew since it was asked for.
    pub(super) fn reset_now(&mut self, id: &str, boot: &str, graceful: bool, now: Moment) {
        let critical = after(&[Some(self.built)], self.settings.latencies.boot.0);
        let Some(machine) = self.machines.get_mut(id).filter(|machine| machine.boot_id == boot) else {
            return;
        };
        machine.reset = Some(critical);
        self.wipe(id, !graceful, now);
    }
}

/// A machine whose deletion nobody knows of yet.
fn as_before(machine: &Machine, deletion: Deletion) -> MachineView {
    MachineView {
        stage: deletion.before,
        ..MachineView::from(machine)
    }
}

fn in_order(machines: &mut [MachineView]) {
    machines.sort_by(|a, b| a.created.cmp(&b.created).then_with(|| a.name.cmp(&b.name)));
}
