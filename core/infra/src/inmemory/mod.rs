//! Provider `inmemory`: machines of the simulated world, through its control API.

mod client;
mod wire;

use std::{sync::Arc, time::Duration};

use butler_api::config::ProviderKind;
use jiff::Timestamp;
use reqwest::Method;

use self::{
    client::{Call, Client, parse},
    wire::{CreateMachine, Machine, Machines},
};
use crate::{
    Capabilities, Check, CheckStatus, Class, EndpointKind, Fut, InfraError, InfraPlan, MachineRef, MachineSpec,
    MachineState, OpHandle, OpKind, OwnedObject, Owner, Provider, ProviderInfo, Retry, Step, World,
    call::{Effect, Pace},
};

const KIND: ProviderKind = ProviderKind::InMemory;

static INFO: ProviderInfo = ProviderInfo {
    kind: KIND,
    display: "simulated world",
    capabilities: Capabilities {
        talos_platform: None,
        creates_machines: true,
        user_data: None,
        endpoint: EndpointKind::Vip,
        // The world makes any number at once.
        max_parallel_creates: 1000,
    },
    discovers: &[],
};

/// How long the world may hold back its answer about a machine that has no address yet, in seconds.
const PATIENCE: u64 = 2;
/// How often a deletion under way is looked at.
const DELETE_POLL: Duration = Duration::from_millis(100);

/// The provider.
pub struct InMemory {
    client: Client,
}

impl InMemory {
    /// A provider for the given world. Nothing is sent yet.
    pub fn new(world: &World, pace: Arc<dyn Pace>) -> Result<Self, InfraError> {
        Ok(Self {
            client: Client::new(world, pace)?,
        })
    }

    async fn owned(&self, owner: &Owner, op: &'static str) -> Result<Vec<Machine>, InfraError> {
        let call = Call::get(
            format!("/v1/machines?owner={}", owner.cluster_id),
            op,
            &owner.cluster_name,
        );
        let mut machines = self.client.read::<Machines>(&call).await?.machines;
        machines.retain(|m| m.belongs_to(owner) && m.stage != "deleted");
        Ok(machines)
    }

    async fn machine(&self, machine: &MachineRef, op: &'static str) -> Result<Option<Machine>, InfraError> {
        self.find(format!("/v1/machines/{}", machine.id), machine, op).await
    }

    async fn find(&self, path: String, machine: &MachineRef, op: &'static str) -> Result<Option<Machine>, InfraError> {
        let call = Call::get(path, op, &machine.name);
        match self.client.read::<Machine>(&call).await {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.class == Class::NotFound => Ok(None),
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
            Ok(body) => return parse(call, &body),
            Err(error) => error,
        };
        if error.class == (Class::Timeout { maybe_applied: true })
            && let Some(made) = self
                .owned(owner, call.op)
                .await?
                .into_iter()
                .find(|m| m.is_answer_to(request))
        {
            return Ok(made);
        }
        Err(error)
    }

    async fn ensure(&self, spec: &MachineSpec) -> Result<Step<MachineRef>, InfraError> {
        let request = CreateMachine::new(spec);
        let body = serde_json::to_value(&request).map_err(|e| {
            InfraError::new(KIND, "create machine", Class::Protocol, "the request cannot be written").because(e)
        })?;
        let call = Call {
            method: Method::POST,
            path: "/v1/machines".into(),
            body: Some(body),
            op: "create machine",
            resource: &spec.name,
        };
        let machine = self
            .client
            .repeat(Effect::Repeatable, || self.create_once(&call, &request, &spec.owner))
            .await?;
        accept(spec, machine).map(Step::Done)
    }

    async fn delete(&self, owner: &Owner, machine: &MachineRef) -> Result<Step<()>, InfraError> {
        let op = "delete machine";
        let Some(found) = self.machine(machine, op).await?.filter(|m| m.stage != "deleted") else {
            return Ok(Step::Done(()));
        };
        if !found.belongs_to(owner) {
            return Err(
                InfraError::new(KIND, op, Class::Foreign, "it does not carry this cluster's marker")
                    .about(&machine.name)
                    .hint("nothing was deleted"),
            );
        }
        let path = format!("/v1/machines/{}", machine.id);
        let call = Call {
            method: Method::DELETE,
            path,
            body: None,
            op,
            resource: &machine.name,
        };
        match self.client.repeat(Effect::Repeatable, || self.client.once(&call)).await {
            Ok(_) => {}
            Err(error) if error.class == Class::NotFound => return Ok(Step::Done(())),
            Err(error) => return Err(error),
        }
        // Accepted is not gone: names and addresses are free only when the machine is no longer there.
        if self.machine(machine, op).await?.is_none_or(|m| m.stage == "deleted") {
            return Ok(Step::Done(()));
        }
        Ok(Step::Pending {
            handle: OpHandle {
                kind: OpKind::MachineDelete,
                provider: KIND,
                id: machine.id.clone(),
                started: Timestamp::now(),
            },
            progress: None,
            poll_after: DELETE_POLL,
            note: format!("{} is being deleted", machine.name),
            hint: None,
        })
    }

    /// A world that cannot be reached is no finding about the plan: that is an error, which passes or does not.
    async fn checks(&self, plan: &InfraPlan) -> Result<Vec<Check>, InfraError> {
        let call = Call::get("/v1/machines", "list machines", "");
        match self.client.read::<Machines>(&call).await {
            Ok(found) => Ok(judge(plan, &found.machines)),
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
        Box::pin(self.checks(plan))
    }

    fn machine_ensure<'a>(&'a self, spec: &'a MachineSpec, _previous: Option<OpHandle>) -> Fut<'a, Step<MachineRef>> {
        Box::pin(self.ensure(spec))
    }

    fn machine_observe<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, MachineState> {
        Box::pin(async move {
            let path = format!("/v1/machines/{}?wait={PATIENCE}", machine.id);
            let found = self.find(path, machine, "read machine").await?;
            Ok(found.map_or_else(wire::absent, Machine::state))
        })
    }

    fn machine_delete<'a>(&'a self, owner: &'a Owner, machine: &'a MachineRef) -> Fut<'a, Step<()>> {
        Box::pin(self.delete(owner, machine))
    }

    fn inventory<'a>(&'a self, owner: &'a Owner) -> Fut<'a, Vec<OwnedObject>> {
        Box::pin(async move {
            let machines = self.owned(owner, "list machines").await?;
            Ok(machines.into_iter().map(Machine::owned_object).collect())
        })
    }

    fn console<'a>(&'a self, machine: &'a MachineRef) -> Fut<'a, String> {
        Box::pin(async move {
            let call = Call::get(
                format!("/v1/machines/{}/console", machine.id),
                "read console",
                &machine.name,
            );
            let bytes = self.client.read_bytes(&call).await?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        })
    }
}

/// Whether the machine in the answer is the one that was asked for.
fn accept(spec: &MachineSpec, machine: Machine) -> Result<MachineRef, InfraError> {
    let refuse =
        |class, message: String| Err(InfraError::new(KIND, "create machine", class, message).about(&spec.name));
    if !machine.belongs_to(&spec.owner) || machine.name != spec.name {
        return refuse(
            Class::Foreign,
            format!("the world answered with machine {} of another owner", machine.id),
        );
    }
    if machine.spec_hash.as_ref().is_some_and(|hash| *hash != spec.hash()) {
        return refuse(
            Class::SpecDrift,
            format!("machine {} was made from other settings", machine.id),
        );
    }
    match machine.stage.as_str() {
        "failed" => refuse(Class::TaskFailed, format!("machine {} failed", machine.id)),
        "deleted" => refuse(
            Class::TaskFailed,
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
        }),
    }
}

/// Preflight: what the world holds against what is planned.
fn judge(plan: &InfraPlan, machines: &[Machine]) -> Vec<Check> {
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
    vec![world, names]
}
