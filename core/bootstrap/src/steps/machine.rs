//! A machine: its MachineRequest, and what the controller made of it.

use butler_api::{config::Role, v1alpha1::MachineRequest};
use kube::{
    Api,
    api::{Patch, PatchParams},
};

use super::groundwork::bootstrap_uid;
use crate::{
    addons::MANAGER,
    context::Context,
    controllers::machines,
    driver::{Proof, Report},
    failure::{Class, StepError},
    journal::Fact,
    record::{self, NAMESPACE},
};

pub(super) async fn request(context: &Context, name: &str) -> Result<(), StepError> {
    let side = context.bootstrap()?;
    let role = role_of(context, name)?;
    let uid = context.cluster_bootstrap_uid(&side.running.client).await?;
    let object = record::machine_request(&context.config, context.owner.cluster_id, name, role, &uid)
        .map_err(|e| StepError::fatal(format!("render MachineRequest {name}"), e))?;
    let api: Api<MachineRequest> = Api::namespaced(side.running.client.clone(), NAMESPACE);
    api.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object))
        .await
        .map(|_| ())
        .map_err(|e| StepError::retryable(format!("write MachineRequest {name}"), e))
}

pub(super) async fn created(context: &Context, name: &str, report: &Report) -> Result<Proof, StepError> {
    let watched = context.bootstrap()?.machines()?;
    let waiting = match crate::plan::static_machine(&context.config, name) {
        Some(machine) => format!("{name} at {} to answer in Talos maintenance mode", machine.address),
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
