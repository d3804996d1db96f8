//! What exists of a cluster: on its platform, on the management cluster, on this computer. Looks only, changes nothing.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use butler_api::{
    config::ProviderKind,
    error::{Class, StepError},
    labels::CLUSTER_ID,
    names::SYSTEM_NAMESPACE,
    v1alpha1::{ClusterBootstrap, TenantCluster},
};
use butler_engine::journal::{self, Unusable};
use butler_files::ClusterFolder;
use butler_infra::{MachineRef, ObjectKind, ObjectRef, Owner, Provider, Scope, UnknownObject};
use butler_kubernetes::{chain, connect};
use jiff::Timestamp;
use kube::{Api, Client, ResourceExt as _, api::ListParams};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    facts::{Deletions, FILE, MACHINE, ObjectId, TENANT},
    target::{self, Evidence, Target, Unclear},
};
use crate::{
    bootstrap::{Known as BootstrapKnown, Learned},
    bootstrap_clusters,
};

/// How long the management cluster has to say what is on it: it may be gone, and nothing waits for it then.
const ANSWER: Duration = Duration::from_secs(5);

/// What is looked for, and where.
pub struct SurveyRequest<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// Its identity, where the user names one.
    pub id: Option<Uuid>,
    /// Whether a configuration of that name was given.
    pub configured: bool,
    /// The platform that is asked.
    pub provider: &'a Arc<dyn Provider>,
    /// Where the cluster's files are.
    pub files: &'a ClusterFolder,
}

/// What exists of a cluster, on the platform and on this machine.
pub struct Survey {
    /// Whose it is; none where nothing of that name exists.
    pub owner: Option<Owner>,
    /// Whether the state folder of that name is this very cluster's.
    pub is_ours: bool,
    /// The platform that was asked.
    pub provider: ProviderKind,
    /// Machines that carry the marker, and those that only a journal knows.
    pub machines: Vec<MachineRef>,
    /// What was made beside the machines and carries the marker, with when it was made where the platform tells.
    pub objects: Vec<(ObjectRef, Option<Timestamp>)>,
    /// What may be the cluster's and does not tell.
    pub unknown: Vec<UnknownObject>,
    /// Tenant clusters on the management cluster, as namespace and name.
    pub tenants: Vec<(String, String)>,
    /// The management cluster, where it answers.
    pub management: Option<Client>,
    /// Files for people that are this cluster's.
    pub files: Vec<PathBuf>,
    /// What stays, and why.
    pub stays: Vec<(ObjectId, String)>,
    /// The configuration that the bootstrap had, without secret values.
    pub config: Option<serde_json::Value>,
    /// Whether an earlier destroy of this very cluster was confirmed.
    pub confirmed: bool,
    /// What is worth knowing.
    pub warnings: Vec<String>,
}

/// Why nobody can tell what exists.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// Which cluster is meant is not clear.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// The platform does not tell.
    #[error("the platform does not say what it holds")]
    Platform(#[from] butler_infra::InfraError),
}

/// What the journals of this home tell.
#[derive(Default)]
struct Journals {
    id: Option<Uuid>,
    bootstrap: BootstrapKnown,
    destroy: Option<super::Known>,
    warnings: Vec<String>,
}

/// Looks in the journals, at the platform and at the management cluster.
pub async fn look(question: &SurveyRequest<'_>) -> Result<Survey, SurveyError> {
    let SurveyRequest { cluster, files, .. } = *question;
    let journals = journals(files);
    let id = question.id.or(journals.id);
    let markers = match id {
        Some(_) => BTreeSet::new(),
        None => markers(question).await?,
    };
    let evidence = Evidence {
        journal: journals.id,
        markers,
        wanted: question.id,
        named: question.configured || files.path().exists(),
    };
    let mut survey = Survey {
        config: journals.bootstrap.config.clone(),
        warnings: journals.warnings,
        ..Survey::empty(question.provider.info().kind)
    };
    let Target::Cluster(cluster_id) = target::decide(cluster, &evidence)? else {
        return Ok(survey);
    };
    let owner = Owner {
        cluster_id,
        cluster_name: cluster.to_owned(),
    };
    let ours = journals.id == Some(cluster_id);
    if ours {
        people_files(files, &mut survey);
    }
    let destroyed = journals.destroy.filter(|_| ours);
    survey.confirmed = destroyed.as_ref().is_some_and(|known| known.runs > 0);
    #[expect(
        clippy::disallowed_methods,
        reason = "without a destroy before this one nothing was deleted yet"
    )]
    let deletions = destroyed.map(|known| known.memory).unwrap_or_default();
    // What an earlier run began to remove has to be seen gone.
    for object in deletions.objects.keys().filter(|object| object.kind == FILE) {
        let path = PathBuf::from(&object.id);
        if !survey.files.contains(&path) {
            survey.files.push(path);
        }
    }
    let learned = if ours {
        journals.bootstrap.memory
    } else {
        Learned::default()
    };
    platform(question, &owner, &learned, &deletions, &mut survey).await?;
    let nothing = survey.machines.is_empty() && survey.objects.is_empty() && survey.unknown.is_empty();
    if !ours && nothing && question.id.is_some() {
        return Err(Unclear::NoSuchId(cluster_id).into());
    }
    tenants(files, cluster, cluster_id, &mut survey).await;
    survey.is_ours = ours;
    survey.owner = Some(owner);
    Ok(survey)
}

/// What the journals of a destroy that was begun remember, without a question to the platform. Objects that are gone by now are
/// among it.
pub(crate) async fn remembered(files: &ClusterFolder, provider: ProviderKind) -> Option<Survey> {
    let journals = journals(files);
    let cluster_id = journals.id?;
    let deletions = journals.destroy?.memory;
    let mut survey = Survey {
        owner: Some(Owner {
            cluster_id,
            cluster_name: files.cluster().to_owned(),
        }),
        is_ours: true,
        config: journals.bootstrap.config.clone(),
        confirmed: true,
        ..Survey::empty(provider)
    };
    people_files(files, &mut survey);
    remembered_machines(&journals.bootstrap.memory, &deletions, &mut survey);
    remembered_objects(&deletions, &mut survey);
    tenants(files, files.cluster(), cluster_id, &mut survey).await;
    for object in deletions.objects.keys() {
        let path = PathBuf::from(&object.id);
        if object.kind == FILE && !survey.files.contains(&path) {
            survey.files.push(path);
        }
        let tenant = object.id.split_once('/').filter(|_| object.kind == TENANT);
        let tenant = tenant.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
        survey
            .tenants
            .extend(tenant.filter(|tenant| !survey.tenants.contains(tenant)));
    }
    Some(survey)
}

/// Reads the journals of bootstrap and destroy. One that is damaged still tells which cluster it was of.
fn journals(files: &ClusterFolder) -> Journals {
    let mut journals = Journals::default();
    match journal::find::<Learned>(&files.journal(), &[]) {
        Ok(found) => journals.bootstrap = BootstrapKnown::of(&found.records),
        Err(unusable) => {
            let Unusable { problem, told, .. } = *unusable;
            let problem = chain(&problem);
            journals
                .warnings
                .push(format!("{problem}: what exists is taken from the platform's markers"));
            journals.bootstrap = told;
        }
    }
    journals.id = journals.bootstrap.cluster.as_ref().map(|(_, id)| *id);
    match journal::find::<Deletions>(&files.destroy_journal(), &[]) {
        Ok(found) => {
            let known = super::Known::of(&found.records);
            journals.id = journals.id.or(known.cluster.as_ref().map(|(_, id)| *id));
            journals.destroy = Some(known);
        }
        Err(unusable) => journals.warnings.push(chain(&unusable.problem)),
    }
    journals
}

/// The identities of all clusters of that name that the platform knows.
async fn markers(question: &SurveyRequest<'_>) -> Result<BTreeSet<Uuid>, SurveyError> {
    // Where machines carry no marker this is an error: nobody may say then that nothing is left.
    let found = question.provider.inventory(Scope::Named(question.cluster)).await?;
    let objects = found.objects.into_iter();
    Ok(objects.map(|object| object.owner.cluster_id).collect())
}

/// Machines of the platform's list, and those that only the journals know: the list may be late.
async fn platform(
    question: &SurveyRequest<'_>,
    owner: &Owner,
    learned: &Learned,
    deletions: &Deletions,
    survey: &mut Survey,
) -> Result<(), SurveyError> {
    let provider = question.provider;
    let found = provider.inventory(Scope::Cluster(owner)).await?;
    survey.machines = found
        .objects
        .iter()
        .filter_map(butler_infra::OwnedObject::machine)
        .collect();
    let beside = found.objects.iter();
    survey.objects = beside
        .filter_map(|found| Some((found.object()?, found.created)))
        .collect();
    survey.unknown = found.unknown;
    remembered_machines(learned, deletions, survey);
    remembered_objects(deletions, survey);
    Ok(())
}

/// Adds what an earlier run began to delete beside the machines: it has to be seen gone.
fn remembered_objects(deletions: &Deletions, survey: &mut Survey) {
    for (id, fate) in deletions.objects.iter().filter(|(_, fate)| fate.begun) {
        let kind = [ObjectKind::Image, ObjectKind::Volume].into_iter();
        let Some(kind) = kind.into_iter().find(|kind| kind.as_str() == id.kind) else {
            continue;
        };
        let object = ObjectRef {
            kind,
            provider: survey.provider,
            id: id.id.clone(),
            name: id.name.clone(),
        };
        if !survey.objects.iter().any(|(listed, _)| *listed == object) {
            survey.objects.push((object, fate.created));
        }
    }
}

/// Adds the machines that only the journals know.
fn remembered_machines(learned: &Learned, deletions: &Deletions, survey: &mut Survey) {
    let kind = survey.provider;
    let mut listed: BTreeSet<String> = survey.machines.iter().map(|machine| machine.id.clone()).collect();
    listed.extend(survey.unknown.iter().map(|object| object.id.clone()));
    let told = learned
        .machines
        .iter()
        .filter_map(|(name, facts)| Some((name.clone(), facts.provider_id.clone()?, None)));
    let begun = deletions
        .objects
        .iter()
        .filter(|(object, _)| object.kind == MACHINE)
        .map(|(object, fate)| (object.name.clone(), object.id.clone(), fate.created));
    for (name, id, created) in begun.chain(told) {
        if listed.insert(id.clone()) {
            survey.machines.push(MachineRef {
                provider: kind,
                id,
                name,
                generation: 1,
                created,
            });
        }
    }
}

/// Files for people that hold what the state folder holds; others are somebody's.
fn people_files(files: &ClusterFolder, survey: &mut Survey) {
    let places = [
        (files.people_kubeconfig(), files.kubeconfig()),
        (files.people_talosconfig(), files.talosconfig()),
    ];
    for (path, own) in places {
        let Ok(text) = std::fs::read(&path) else { continue };
        if std::fs::read(&own).is_ok_and(|own| own == text) {
            survey.files.push(path);
            continue;
        }
        let shown = path.display().to_string();
        let object = ObjectId {
            kind: FILE.to_owned(),
            id: shown.clone(),
            name: shown,
        };
        let reason = "it is not what the bootstrap wrote: it may be another cluster's".to_owned();
        survey.stays.push((object, reason));
    }
}

/// Tenant clusters, if the management cluster answers and is the one that is meant.
async fn tenants(files: &ClusterFolder, cluster: &str, cluster_id: Uuid, survey: &mut Survey) {
    let kubeconfig = [files.kubeconfig(), files.people_kubeconfig()]
        .into_iter()
        .find(|path| path.is_file());
    let Some(kubeconfig) = kubeconfig else { return };
    match timeout(ANSWER, listed_tenants(&kubeconfig, cluster, cluster_id)).await {
        Ok(Ok(Some((client, tenants)))) => {
            survey.management = Some(client);
            survey.tenants = tenants;
        }
        // It is another cluster: its tenants are not concerned.
        Ok(Ok(None)) => {}
        Ok(Err(error)) => survey.warnings.push(unanswered(&chain(&error))),
        Err(_) => survey
            .warnings
            .push(unanswered(&format!("no answer within {} s", ANSWER.as_secs()))),
    }
}

fn unanswered(cause: &str) -> String {
    format!("the management cluster does not say which tenant clusters are on it: {cause}")
}

async fn listed_tenants(
    kubeconfig: &std::path::Path,
    cluster: &str,
    cluster_id: Uuid,
) -> Result<Option<(Client, Vec<(String, String)>)>, StepError> {
    let client = connect::connect_file(kubeconfig, &connect::Options::default())
        .await
        .map_err(|e| StepError::new(Class::Retryable, chain(&e)))?;
    let failed = |e| StepError::retryable("look at the management cluster", e);
    let bootstraps: Api<ClusterBootstrap> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let bootstrap = bootstraps.get_opt(cluster).await.map_err(failed)?;
    let id = cluster_id.to_string();
    if bootstrap.is_none_or(|found| found.labels().get(CLUSTER_ID) != Some(&id)) {
        return Ok(None);
    }
    let tenants: Api<TenantCluster> = Api::all(client.clone());
    let listed = tenants.list_metadata(&ListParams::default()).await.map_err(failed)?;
    let names = listed
        .items
        .iter()
        .map(|tenant| Some((tenant.namespace()?, tenant.name_any())))
        .collect::<Option<_>>();
    let names =
        names.ok_or_else(|| StepError::new(Class::Retryable, "a tenant cluster is listed without its namespace"))?;
    Ok(Some((client, names)))
}

impl Survey {
    /// Nothing of anybody on a platform.
    fn empty(provider: ProviderKind) -> Self {
        Self {
            owner: None,
            is_ours: false,
            provider,
            machines: Vec::new(),
            objects: Vec::new(),
            unknown: Vec::new(),
            tenants: Vec::new(),
            management: None,
            files: Vec::new(),
            stays: Vec::new(),
            config: None,
            confirmed: false,
            warnings: Vec::new(),
        }
    }

    /// The bootstrap cluster that the journal names, where one may be left.
    pub fn bootstrap_cluster(
        &self,
        files: &ClusterFolder,
        tools: bootstrap_clusters::kind::Tools,
        ca_files: Vec<PathBuf>,
    ) -> Option<bootstrap_clusters::Settings> {
        let owner = self.owner.as_ref()?;
        let choice = bootstrap_clusters::outside(self.config.as_ref()?)?;
        Some(bootstrap_clusters::Settings {
            choice,
            cluster: owner.cluster_name.clone(),
            id: owner.cluster_id,
            folder: files.clone(),
            tools,
            ca_files,
        })
    }
}

#[cfg(test)]
mod tests;
