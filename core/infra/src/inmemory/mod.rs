//! Provider `inmemory`: machines of the simulated world, through its control API.

mod client;
mod offers;
mod wire;

use std::{sync::Arc, time::Duration};

use butler_api::config::ProviderKind;
use jiff::Timestamp;
use reqwest::Method;

use self::{
    client::{Call, Client},
    wire::{CreateMachine, Machine, Machines},
};
use crate::{
    Capabilities, Check, CheckStatus, Console, Discovery, ErrorKind, Fut, InfraError, InfraPlan, Inventory, MachineRef,
    MachineSpec, MachineState, OpHandle, OpKind, Owner, Pending, Progress, Provider, ProviderInfo, Retry, Scope,
    WorldAccess, call::Clock, console,
};

pub use self::offers::{choices, kind};

const KIND: ProviderKind = ProviderKind::InMemory;
const DELETE: &str = "delete machine";
const LIST: &str = "list machines";

static INFO: ProviderInfo = ProviderInfo {
    kind: KIND,
    display: "simulated world",
    capabilities: Capabilities {
        creates_machines: true,
        // The world makes any number at once.
        max_parallel_creates: 1000,
    },
};

/// How long the world may hold back its answer about a machine that has no address yet, in seconds.
const OBSERVE_WAIT: u64 = 2;
/// How often a deletion under way is looked at, at first and at last.
const DELETE_POLL: Duration = Duration::from_millis(250);
const LONGEST_DELETE_POLL: Duration = Duration::from_secs(5);

/// The provider `inmemory`: one world, through its control API.
pub struct InMemory {
    client: Client,
}

impl InMemory {
    /// A provider for the given world. Nothing is sent yet.
    pub fn new(world: &WorldAccess, clock: Arc<dyn Clock>) -> Result<Self, InfraError> {
        Ok(Self {
            client: Client::new(world, clock)?,
        })
    }

    /// The machines that the world lists in a scope. The filter is ours too: what has no marker is nobody's to delete.
    async fn list(&self, scope: Scope<'_>, op: &'static str) -> Result<Vec<Machine>, InfraError> {
        let (query, resource) = match scope {
            Scope::Cluster(owner) => (("owner", owner.cluster_id.to_string()), owner.cluster_name.as_str()),
            Scope::Named(name) => (("clusterName", name.to_owned()), name),
            Scope::Everything => (("owned", "any".to_owned()), ""),
        };
        let call = Call {
            query: vec![query],
            ..Call::new(Method::GET, None, op, resource)
        };
        let mut machines = self.client.read::<Machines>(&call).await?.machines;
        machines.retain(|m| !m.is_deleted() && m.owner().is_some_and(|owner| scope.includes(&owner)));
        Ok(machines)
    }

    /// One machine as it is now; none if the world does not know it or keeps only the memory of it.
    async fn find(
        &self,
        machine: &MachineRef,
        wait: Option<u64>,
        op: &'static str,
    ) -> Result<Option<Machine>, InfraError> {
        let call = Call {
            query: wait.map(|seconds| ("wait", seconds.to_string())).into_iter().collect(),
            ..Call::new(Method::GET, Some(&machine.id), op, &machine.name)
        };
        match self.client.read::<Machine>(&call).await {
            Ok(found) => Ok(Some(found).filter(|found| !found.is_deleted())),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One attempt to create. When the reply is lost, looks for the machine before anybody repeats the request.
    async fn create_once(
        &self,
        call: &Call<'_>,
        request: &CreateMachine<'_>,
        owner: &Owner,
    ) -> Result<Machine, InfraError> {
        let error = match self.client.once(call).await {
            Ok(machine) => return Ok(machine),
            Err(error) => error,
        };
        if error.kind == (ErrorKind::Timeout { maybe_applied: true })
            && let Some(made) = self
                .list(Scope::Cluster(owner), call.op)
                .await?
                .into_iter()
                .find(|m| m.is_answer_to(request))
        {
            return Ok(made);
        }
        Err(error)
    }

    async fn ensure(&self, spec: &MachineSpec) -> Result<Progress<MachineRef>, InfraError> {
        let request = CreateMachine::new(spec);
        let call = Call {
            body: Some(&request),
            ..Call::new(Method::POST, None, "create machine", &spec.name)
        };
        let machine = self
            .client
            .repeat(|| self.create_once(&call, &request, &spec.owner))
            .await?;
        accept(spec, machine).map(Progress::Done)
    }

    async fn delete(
        &self,
        owner: &Owner,
        machine: &MachineRef,
        previous: Option<OpHandle>,
    ) -> Result<Progress<()>, InfraError> {
        let Some(found) = self.find(machine, None, DELETE).await? else {
            return Ok(Progress::Done(()));
        };
        refuse_foreign(owner, machine, &found)?;
        if !found.is_being_deleted() && self.request_deletion(owner, machine).await? == Requested::AlreadyGone {
            return Ok(Progress::Done(()));
        }
        // Accepted is not gone: names and addresses are free only when the machine is no longer there. The next look
        // tells.
        let now = Timestamp::now();
        let deletion = previous.filter(|handle| handle.kind == OpKind::MachineDelete);
        let handle = deletion.unwrap_or_else(|| OpHandle {
            kind: OpKind::MachineDelete,
            provider: KIND,
            id: machine.id.clone(),
            started: now,
        });
        Ok(Progress::Pending(Pending {
            poll_after: deletion_poll(handle.age(now)),
            handle,
            note: format!("{} ({}) is being deleted", machine.name, machine.id),
            hint: None,
        }))
    }

    /// Asks for the deletion until it is accepted. The world compares the owner once more, in the same instant.
    async fn request_deletion(&self, owner: &Owner, machine: &MachineRef) -> Result<Requested, InfraError> {
        let call = Call {
            query: vec![("owner", owner.cluster_id.to_string())],
            ..Call::new(Method::DELETE, Some(&machine.id), DELETE, &machine.name)
        };
        self.client.repeat(|| self.delete_once(&call, machine)).await
    }

    /// One attempt to delete. When the reply is lost, looks at the machine before anybody repeats the request.
    async fn delete_once(&self, call: &Call<'_>, machine: &MachineRef) -> Result<Requested, InfraError> {
        let error = match self.client.done_once(call).await {
            Ok(()) => return Ok(Requested::Accepted),
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(Requested::AlreadyGone),
            Err(error) => error,
        };
        if error.kind != (ErrorKind::Timeout { maybe_applied: true }) {
            return Err(error);
        }
        match self.find(machine, None, DELETE).await? {
            None => Ok(Requested::AlreadyGone),
            Some(found) if found.is_being_deleted() => Ok(Requested::Accepted),
            Some(_) => Err(error),
        }
    }

    /// A world that cannot be reached is no finding about the plan: that is an error, which passes or does not.
    async fn preflight_checks(&self, plan: &InfraPlan) -> Result<Vec<Check>, InfraError> {
        let call = Call::new(Method::GET, None, LIST, "");
        match self.client.read::<Machines>(&call).await {
            Ok(found) => Ok(checks(plan, &found)),
            Err(error) if !matches!(error.retry(), Retry::Never) => Err(error),
            Err(error) => Ok(vec![
                Check {
                    id: "inmemory/world",
                    status: CheckStatus::Fail,
                    summary: error.to_string(),
                    hint: error.hint.clone(),
                },
                Check {
                    id: "inmemory/names",
                    status: CheckStatus::Skipped,
                    summary: "machine names were not compared".into(),
                    hint: None,
                },
            ]),
        }
    }
}

impl Provider for InMemory {
    fn info(&self) -> &ProviderInfo {
        &INFO
    }

    fn preflight<'a>(&'a self, plan: &'a InfraPlan) -> Fut<'a, Vec<Check>> {
        Box::pin(self.preflight_checks(plan))
    }

    fn machine_ensure<'a>(
        &'a self,
        spec: &'a MachineSpec,
        _previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<MachineRef>> {
        Box::pin(self.ensure(spec))
    }

    fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState> {
        Box::pin(async move {
            let found = self.find(machine, Some(OBSERVE_WAIT), "read machine").await?;
            // Another creation under the id of ours means that ours is gone.
            let ours = found.filter(|found| found.is_creation_of(machine));
            Ok(ours.map_or_else(wire::absent, Machine::state))
        })
    }

    fn machine_delete<'a>(
        &'a self,
        owner: &'a Owner,
        machine: &'a MachineRef,
        previous: Option<OpHandle>,
    ) -> Fut<'a, Progress<()>> {
        Box::pin(self.delete(owner, machine, previous))
    }

    fn inventory<'a>(&'a self, scope: Scope<'a>) -> Fut<'a, Inventory> {
        Box::pin(async move {
            let machines = self.list(scope, LIST).await?;
            Ok(Inventory {
                objects: machines.into_iter().filter_map(Machine::owned_object).collect(),
                unknown: Vec::new(),
            })
        })
    }

    fn discovery(&self) -> Option<&dyn Discovery> {
        Some(self)
    }

    fn console(&self) -> Option<&dyn Console> {
        Some(self)
    }
}

impl Console for InMemory {
    fn tail<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, Vec<String>> {
        Box::pin(async move {
            let call = Call {
                part: Some("console"),
                ..Call::new(
                    Method::GET,
                    Some(&machine.id),
                    "read the console of machine",
                    &machine.name,
                )
            };
            let text = self.client.text(&call).await?;
            Ok(console::last_lines(&text))
        })
    }
}

/// What became of a request to delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requested {
    /// The world deletes the machine.
    Accepted,
    /// The world does not have the machine.
    AlreadyGone,
}

/// When to look again at a deletion: the longer it takes, the less a look in time is worth.
fn deletion_poll(age: Duration) -> Duration {
    (age / 20).clamp(DELETE_POLL, LONGEST_DELETE_POLL)
}

/// Refuses to delete what does not carry the owner's marker, or is another creation than the one that is meant.
fn refuse_foreign(owner: &Owner, machine: &MachineRef, found: &Machine) -> Result<(), InfraError> {
    let message = if !found.belongs_to(owner) {
        "it does not carry this cluster's marker"
    } else if !found.is_creation_of(machine) {
        "its id belongs to a machine that was made later"
    } else {
        return Ok(());
    };
    Err(InfraError::new(KIND, DELETE, ErrorKind::Foreign, message)
        .about(&machine.name)
        .hint("nothing was deleted"))
}

/// Whether the machine in the answer is the one that was asked for.
fn accept(spec: &MachineSpec, machine: Machine) -> Result<MachineRef, InfraError> {
    let refuse = |kind, message: String| Err(InfraError::new(KIND, "create machine", kind, message).about(&spec.name));
    if !machine.belongs_to(&spec.owner) || machine.name != spec.name {
        return refuse(
            ErrorKind::Foreign,
            format!("the world answered with machine {} of another owner", machine.id),
        );
    }
    if machine.spec_hash.as_ref().is_some_and(|hash| *hash != spec.hash()) {
        return refuse(
            ErrorKind::SpecDrift,
            format!("machine {} was made from other settings", machine.id),
        );
    }
    match machine.stage.as_str() {
        "failed" => refuse(ErrorKind::TaskFailed, format!("machine {} failed", machine.id)),
        "deleting" => refuse(
            ErrorKind::NotReady,
            format!("machine {} is still being deleted", machine.id),
        ),
        "deleted" => refuse(
            ErrorKind::TaskFailed,
            format!(
                "generation {} was made and deleted before; a replacement needs a new generation",
                spec.generation
            ),
        ),
        _ => Ok(MachineRef {
            provider: KIND,
            id: machine.id,
            name: machine.name,
            generation: spec.generation,
            created: machine.created,
        }),
    }
}

/// Preflight: what the world holds against what is planned.
fn checks(plan: &InfraPlan, found: &Machines) -> Vec<Check> {
    let machines = &found.machines;
    let world = Check {
        id: "inmemory/world",
        status: CheckStatus::Ok,
        summary: format!("the simulated world answers and holds {} machines", machines.len()),
        hint: None,
    };
    let planned = |m: &&Machine| plan.machines.iter().any(|spec| spec.name == m.name);
    let (ours, foreign): (Vec<_>, Vec<_>) = machines.iter().filter(planned).partition(|m| m.belongs_to(&plan.owner));
    let names = match foreign.first() {
        Some(machine) => Check {
            id: "inmemory/names",
            status: CheckStatus::Fail,
            summary: format!(
                "machine name {} is taken by {}",
                machine.name,
                machine
                    .owner
                    .as_ref()
                    .map_or("nobody's machine".into(), |o| format!("cluster {}", o.cluster_name)),
            ),
            hint: Some("choose another cluster name, or destroy the other cluster first".into()),
        },
        None => Check {
            id: "inmemory/names",
            status: CheckStatus::Ok,
            summary: format!(
                "machine names are free or ours ({} of {} exist)",
                ours.len(),
                plan.machines.len()
            ),
            hint: None,
        },
    };
    let to_make = plan.machines.len().saturating_sub(ours.len());
    [world, names]
        .into_iter()
        .chain(found.room.map(|room| capacity(room, to_make)))
        .collect()
}

fn capacity(room: usize, to_make: usize) -> Check {
    let enough = room >= to_make;
    Check {
        id: "inmemory/capacity",
        status: if enough { CheckStatus::Ok } else { CheckStatus::Fail },
        summary: format!("the world has room for {room} more machines, {to_make} are to be made"),
        hint: (!enough).then(|| "destroy what is not needed, or give the world a larger `capacity`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_room_for_is_known_before_it_is_made() {
        let status = |room, to_make| capacity(room, to_make).status;
        assert_eq!(
            [status(6, 6), status(0, 0), status(5, 6)],
            [CheckStatus::Ok, CheckStatus::Ok, CheckStatus::Fail]
        );
    }

    #[test]
    fn a_long_deletion_is_looked_at_less_often() {
        let poll = |seconds| deletion_poll(Duration::from_secs(seconds)).as_millis();
        assert_eq!([poll(0), poll(5), poll(60), poll(3600)], [250, 250, 3000, 5000]);
    }
}
