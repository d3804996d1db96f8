//! A machine: its MachineRequest, and what the controller made of it.

use std::collections::BTreeMap;

use butler_api::{
    config::Role,
    error::{Class, StepError},
    v1alpha1::MachineRequest,
};
use butler_kubernetes::MANAGER;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, Patch, PatchParams},
};

use super::groundwork::bootstrap_uid;
use crate::{
    context::Context,
    controllers::machines,
    driver::{Proof, Report},
    graph::Kind,
    journal::Fact,
    record::{self, NAMESPACE},
};

pub(super) async fn request(context: &Context, name: &str) -> Result<(), StepError> {
    write(context, &context.bootstrap()?.running.client, name).await
}

/// Makes the requests again of machines that earlier runs have proven and that the record lacks, or knows less of than the
/// journal does. The others are made by their own steps.
pub(super) async fn restore(context: &Context, client: &Client) -> Result<(), StepError> {
    let proven = context.machines_with(Kind::Machine);
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
        let facts = context.known().machines.get(name).cloned().unwrap_or_default();
        let (Some(id), Some(address)) = (facts.provider_id, facts.address) else {
            continue;
        };
        let request = found.get(name);
        if !request.is_some_and(|m| m.owner_references().iter().any(|o| o.uid == owner)) {
            write(context, client, name).await?;
        }
        // Another id than the journal's is for the commit to tell.
        if request
            .and_then(machines::running_as)
            .is_some_and(|(id, _)| !id.is_empty())
        {
            continue;
        }
        let before = request.and_then(|request| request.status.clone());
        machines::restore_status(&api, name, before, (&id, &address))
            .await
            .map_err(|e| StepError::retryable(format!("write the status of MachineRequest {name}"), e))?;
    }
    Ok(())
}

async fn write(context: &Context, client: &Client, name: &str) -> Result<(), StepError> {
    let role = role_of(context, name)?;
    let uid = context.cluster_bootstrap_uid(client).await?;
    let object = record::machine_request(&context.config, context.owner.cluster_id, name, role, &uid)
        .map_err(|e| StepError::fatal(format!("render MachineRequest {name}"), e))?;
    let api: Api<MachineRequest> = Api::namespaced(client.clone(), NAMESPACE);
    api.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object))
        .await
        .map(|_| ())
        .map_err(|e| StepError::retryable(format!("write MachineRequest {name}"), e))
}

pub(super) async fn created(context: &Context, name: &str, report: &Report) -> Result<Proof, StepError> {
    let watched = context.bootstrap()?.machines()?;
    let waiting = match context.config.listed_machine(name) {
        Some((_, machine)) => format!("{name} at {} to answer in Talos maintenance mode", machine.address),
        None => format!("{} to create {name}", context.provider.info().display),
    };
    report.waiting(waiting.clone(), None);
    let (id, address) = machines::running(&watched, &context.trouble, name, |said| {
        report.waiting_with(waiting.clone(), Some(said.message), said.hint);
    })
    .await?;
    let known = context.known().machines.get(name).and_then(|m| m.provider_id.clone());
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

pub(super) fn role_of(context: &Context, name: &str) -> Result<Role, StepError> {
    let role = context.roles.get(name).copied();
    role.ok_or_else(|| StepError::new(Class::Fatal, format!("{name} is not in the plan")))
}

impl Context {
    /// UID of the ClusterBootstrap on the bootstrap cluster, read once.
    pub(super) async fn cluster_bootstrap_uid(&self, client: &kube::Client) -> Result<String, StepError> {
        self.owner_uid
            .get_or_try_init(|| bootstrap_uid(client, &self.config.cluster.name))
            .await
            .cloned()
    }
}
