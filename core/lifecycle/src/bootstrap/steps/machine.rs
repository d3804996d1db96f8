//! A machine: its MachineRequest, and what the controller made of it.

use std::collections::BTreeMap;

use butler_api::{
    config::{Deadlines, Role},
    error::{Class, StepError},
    event::Body,
    v1alpha1::MachineRequest,
    view::View,
};
use butler_engine::{Moment, Now, Step, StepId, Verbs, Waiting};
use butler_infra::{Check, CheckStatus, Lifecycle, MachineRef, OwnedObject, Scope};
use butler_kubernetes::MANAGER;
use butler_talos::client::Address;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};

use super::{preflight::platform_failed, record::bootstrap_uid};
use crate::bootstrap::{
    Acted, Bootstrap, Fact, Looked, Proof, Proved, Report,
    controllers::machines,
    phases, plan,
    record::{self, NAMESPACE},
    steps,
};

/// Id of the step.
pub(in crate::bootstrap) fn id(machine: &str) -> StepId {
    StepId::new(format!("machine/{machine}/create"))
}

/// Creates the machine after these steps, or finds it where machines are `listed`. Machines that `announce` the endpoint are
/// not made while somebody else answers on it.
pub(in crate::bootstrap) fn step(
    machine: &str,
    listed: bool,
    announces: bool,
    needs: impl IntoIterator<Item = StepId>,
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
    .after(needs)
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

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context, &self.name))
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

/// What the platform says of the machine: by the id that the journal has, by its place on the list, or else by our marker.
async fn seen(context: &Bootstrap, name: &str) -> Result<Now, StepError> {
    let provider = &context.links.provider;
    let Some(machine) = find(context, name).await? else {
        let missing = format!("the {} has no machine {name} of this cluster", provider.info().display);
        return Ok(Now::Still(format!("{missing}; {}", room(context, name).await?)));
    };
    let state = provider.machine_observe(&machine).await;
    let state = state.map_err(|e| platform_failed(&format!("look at machine {name}"), e))?;
    let what = format!("{name} ({})", machine.id);
    Ok(match (&state.lifecycle, state.address()) {
        (Lifecycle::Absent, _) => Now::Still(format!("the {} no longer has {what}", provider.info().display)),
        (Lifecycle::Silent, _) => Now::Still(format!("{what} does not answer: {}", state.raw_status)),
        (Lifecycle::Failed { reason }, _) => Now::Still(format!("{what} is {}: {reason}", state.raw_status)),
        (Lifecycle::Deleting, _) => Now::Still(format!("{what} is {}", state.raw_status)),
        (Lifecycle::Creating | Lifecycle::Running | Lifecycle::Off, None) => {
            Now::Still(format!("{what} has no address yet ({})", state.raw_status))
        }
        (Lifecycle::Unclaimed, None) => Now::Still(format!("{what} has no address that a cluster could be told")),
        (Lifecycle::Unclaimed | Lifecycle::Running, Some(_)) if !provider.info().capabilities.creates_machines => {
            claimable(context, name).await?
        }
        (_, Some(address)) => Now::So(format!("{name} is {} at {address} ({})", machine.id, state.raw_status)),
    })
}

pub(super) async fn find(context: &Bootstrap, name: &str) -> Result<Option<MachineRef>, StepError> {
    let provider = &context.links.provider;
    let known = context.known().memory.machines.get(name).cloned();
    let listed = context.settled.config.listed_machine(name);
    let listed = listed.map(|(_, machine)| Address::from(machine.address).to_string());
    if let Some(id) = known.and_then(|facts| facts.provider_id).or(listed) {
        return Ok(Some(MachineRef {
            provider: provider.info().kind,
            id,
            name: name.to_owned(),
            generation: 1,
            created: None,
        }));
    }
    let found = provider.inventory(Scope::Cluster(&context.settled.owner)).await;
    let found = found.map_err(|e| platform_failed("list the machines of this cluster", e))?;
    let named = found.objects.iter().find(|object| object.name == name);
    Ok(named.and_then(OwnedObject::machine))
}

/// What the platform's checks say of this machine alone.
async fn checks(context: &Bootstrap, name: &str) -> Result<Vec<Check>, StepError> {
    let mut plan = plan::infra(&context.settled.config, context.settled.owner.cluster_id);
    plan.machines.retain(|spec| spec.name == name);
    let checks = context.links.provider.preflight(&plan).await;
    checks.map_err(|e| platform_failed("check the platform", e))
}

fn failed(checks: &[Check]) -> Option<String> {
    let failed = checks.iter().filter(|check| check.status == CheckStatus::Fail);
    let words: Vec<&str> = failed.map(|check| check.summary.as_str()).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Whether the platform would make it now.
async fn room(context: &Bootstrap, name: &str) -> Result<String, StepError> {
    let checks = checks(context, name).await?;
    Ok(failed(&checks).unwrap_or_else(|| "its checks name nothing that speaks against making it".to_owned()))
}

/// Whether a machine that is there already can be taken.
async fn claimable(context: &Bootstrap, name: &str) -> Result<Now, StepError> {
    let checks = checks(context, name).await?;
    Ok(match failed(&checks) {
        Some(words) => Now::Still(words),
        None => Now::So(
            checks
                .into_iter()
                .map(|check| check.summary)
                .collect::<Vec<_>>()
                .join("; "),
        ),
    })
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
    let image = context.image();
    let object = record::machine_request(
        &context.settled.config,
        context.settled.owner.cluster_id,
        (name, role),
        image.as_deref(),
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
