//! A machine: its MachineRequest, and what the controller made of it.

use std::collections::BTreeMap;

use butler_api::{
    config::{Deadlines, Role},
    error::{Class, StepError},
    event::Body,
    v1alpha1::MachineRequest,
    view::View,
};
use butler_engine::{Moment, Step, StepId, Verbs, Waiting};
use butler_kubernetes::MANAGER;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};

use super::record::bootstrap_uid;
use crate::bootstrap::{
    Acted, Bootstrap, Fact, Proof, Proved, Report,
    controllers::machines,
    phases,
    record::{self, NAMESPACE},
    steps,
};

/// Id of the step.
pub(in crate::bootstrap) fn id(machine: &str) -> StepId {
    StepId::new(format!("machine/{machine}/create"))
}

/// Creates the machine, or finds it where machines are `listed`. Machines that `announce` the endpoint are not made while
/// somebody else answers on it.
pub(in crate::bootstrap) fn step(
    machine: &str,
    listed: bool,
    announces: bool,
    deadlines: &Deadlines,
) -> Step<Bootstrap> {
    let verb = if listed { "find" } else { "create" };
    let verbs = Machine {
        name: machine.to_owned(),
    };
    Step::new(
        id(machine),
        format!("{verb} machine {machine}"),
        phases::PROVISIONING,
        deadlines.machine,
        verbs,
    )
    .after([steps::record::id()])
    .after(announces.then(steps::endpoint::free_id))
    .about(machine)
    .limited()
}

#[derive(Debug)]
struct Machine {
    name: String,
}

impl Verbs<Bootstrap> for Machine {
    fn act<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Acted<'a> {
        Box::pin(request(context, &self.name))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(created(context, &self.name, report))
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let state = match moment {
            Moment::Begun => "creating",
            Moment::Failed => "failed",
            Moment::Waiting(_) | Moment::Proven => return None,
        };
        steps::machine_state(seen, &self.name, state)
    }
}

pub(super) async fn request(context: &Bootstrap, name: &str) -> Result<(), StepError> {
    write(context, &context.bootstrap()?.running.client, name).await
}

/// Makes the requests again of machines that earlier runs have proven and that the record lacks, or knows less of than the
/// journal does. The others are made by their own steps.
pub(super) async fn restore(context: &Bootstrap, client: &Client) -> Result<(), StepError> {
    let proven = context.machines_with(steps::machine::id);
    if proven.is_empty() {
        return Ok(());
    }
    let api: Api<MachineRequest> = Api::namespaced(client.clone(), NAMESPACE);
    let found = api
        .list(&ListParams::default())
        .await
        .map_err(|e| StepError::retryable("list the MachineRequests of the record", e))?;
    let found: BTreeMap<String, MachineRequest> = found.into_iter().map(|m| (m.name_any(), m)).collect();
    let owner = context.cluster_bootstrap_uid(client).await?;
    for name in &proven {
        let facts = context.known().memory.machines.get(name).cloned();
        let Some((id, address)) = facts.and_then(|facts| Some((facts.provider_id?, facts.address?))) else {
            continue;
        };
        let request = found.get(name);
        if !request.is_some_and(|m| m.owner_references().iter().any(|o| o.uid == owner)) {
            write(context, client, name).await?;
        }
        // Another id than the journal's is for the commit to tell.
        if request.and_then(machines::running_as).is_some() {
            continue;
        }
        let before = request.and_then(|request| request.status.clone());
        machines::restore_status(&api, name, before, (&id, &address))
            .await
            .map_err(|e| StepError::retryable(format!("write the status of MachineRequest {name}"), e))?;
    }
    Ok(())
}

async fn write(context: &Bootstrap, client: &Client, name: &str) -> Result<(), StepError> {
    let role = role_of(context, name)?;
    let uid = context.cluster_bootstrap_uid(client).await?;
    let object = record::machine_request(
        &context.settled.config,
        context.settled.owner.cluster_id,
        name,
        role,
        &uid,
    )
    .map_err(|e| StepError::fatal(format!("render MachineRequest {name}"), e))?;
    let api: Api<MachineRequest> = Api::namespaced(client.clone(), NAMESPACE);
    api.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object))
        .await
        .map(|_| ())
        .map_err(|e| StepError::retryable(format!("write MachineRequest {name}"), e))
}

pub(super) async fn created(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let watched = context.bootstrap()?.machines()?;
    let waiting = match context.settled.config.listed_machine(name) {
        Some((_, machine)) => format!("{name} at {} to answer in Talos maintenance mode", machine.address),
        None => format!("{} to create {name}", context.links.provider.info().display),
    };
    report.waiting(waiting.clone(), None);
    let (id, address) = machines::running(&watched, &context.links.trouble, name, |said| {
        report.wait_for(Waiting {
            waiting_for: waiting.clone(),
            chain: vec![said.line(name, context.links.provider.info())],
            cause: Some(said.message),
            hint: said.hint,
        });
    })
    .await?;
    let known = context
        .known()
        .memory
        .machines
        .get(name)
        .and_then(|m| m.provider_id.clone());
    if let Some(known) = known.filter(|known| *known != id) {
        let message = format!("{name} was {known} and is {id} now: two machines may exist");
        return Err(StepError::new(Class::Foreign, message).hint("look at both machines before going on"));
    }
    let facts = vec![
        Fact::ProviderId {
            machine: name.to_owned(),
            id: id.clone(),
        },
        Fact::Address {
            machine: name.to_owned(),
            address: address.clone(),
        },
    ];
    Ok(Proof {
        evidence: format!("{name} is {id} at {address}"),
        facts,
    })
}

pub(super) fn role_of(context: &Bootstrap, name: &str) -> Result<Role, StepError> {
    let role = context.settled.roles.get(name).copied();
    role.ok_or_else(|| StepError::new(Class::Fatal, format!("{name} is not in the plan")))
}

impl Bootstrap {
    /// UID of the ClusterBootstrap on the bootstrap cluster, read once.
    pub(super) async fn cluster_bootstrap_uid(&self, client: &kube::Client) -> Result<String, StepError> {
        self.links
            .owner_uid
            .get_or_try_init(|| bootstrap_uid(client, &self.settled.config.cluster.name))
            .await
            .cloned()
    }
}
