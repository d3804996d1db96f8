//! The pivot: the record moves to the management cluster and is compared there object by object.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::Duration,
};

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    labels::CLUSTER_ID,
    v1alpha1::ClusterBootstrap,
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_kubernetes::{MANAGER, chain, merge_status};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Pace, record};
use crate::{
    bootstrap::{
        Acted, Bootstrap, Looked, Probed, Proof, Proved, Report,
        facts::MachineFacts,
        phases,
        pivot::{self, Difference, Differs, PROVIDER_CONFIG, ProviderNames},
        record::{NAMESPACE, namespace},
    },
    record_kinds::{KINDS, Moved},
};

/// Id of the step that copies the record.
pub(in crate::bootstrap) fn copy_id() -> StepId {
    StepId::new("pivot/copy")
}

/// Id of the step that hands the record over: its proof is the commit.
pub(in crate::bootstrap) fn commit_id() -> StepId {
    StepId::new("pivot/commit")
}

/// Copies the record to the management cluster after these steps, while addons are still on their way.
pub(in crate::bootstrap) fn copying(needs: Vec<StepId>, deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "copy the record to the management cluster";
    Step::new(copy_id(), title, phases::PIVOTING, deadlines.pivot, Copy).after(needs)
}

/// Hands the record over when everything else is proven.
pub(in crate::bootstrap) fn committing(needs: Vec<StepId>, deadlines: &Deadlines) -> Step<Bootstrap> {
    Step::new(
        commit_id(),
        "hand the record over",
        phases::PIVOTING,
        deadlines.pivot,
        Commit,
    )
    .after(needs)
}

#[derive(Debug)]
struct Copy;

impl Verbs<Bootstrap> for Copy {
    fn probe<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Probed<'a> {
        Box::pin(is_finished(context))
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Acted<'a> {
        Box::pin(copy(context))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Proved<'a> {
        Box::pin(copied(context))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(both_sides(context))
    }
}

#[derive(Debug)]
struct Commit;

impl Verbs<Bootstrap> for Commit {
    fn probe<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Probed<'a> {
        Box::pin(is_finished(context))
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Acted<'a> {
        Box::pin(commit(context))
    }

    fn prove<'a>(&'a self, _: &'a Bootstrap, _: &'a Report) -> Proved<'a> {
        Box::pin(async { Ok(Proof::of("the management cluster owns the record")) })
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(handed_over(context))
    }
}

/// Objects that are written at the same time.
const AT_ONCE: usize = 16;

/// Copies the record, while addons are still being installed.
pub(super) async fn copy(context: &Bootstrap) -> Result<(), StepError> {
    let to = &context.management().await?.access.client;
    record::establish_crds(to).await?;
    record::apply_all(
        to,
        &[namespace([]).map_err(|e| StepError::fatal("render the namespace", e))?],
    )
    .await?;
    let objects = here(context).await?;
    let there = list(to, context.settled.owner.cluster_id, &KINDS).await?;
    put_all(to, &objects, uids(&there)).await
}

/// Writes objects, owners before what they own. `uids` are those of the objects that exist on the other side.
async fn put_all(to: &Client, objects: &[Value], mut uids: BTreeMap<String, String>) -> Result<(), StepError> {
    // Objects of one kind do not own each other.
    for kind in KINDS {
        let of_kind = objects.iter().filter(|object| object["kind"] == kind.kind);
        let writes: Vec<_> = of_kind.map(|object| put(to, kind, object, &uids).boxed()).collect();
        let written: Vec<Value> = futures::stream::iter(writes)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        uids.extend(self::uids(&written));
    }
    Ok(())
}

/// Compares both sides, object by object. What people see of the bootstrap changes until the end and is left to the commit.
pub(super) async fn copied(context: &Bootstrap) -> Result<Proof, StepError> {
    let mut compared = compare(context).await?;
    compared.different.retain(|d| d.kind != CHANGING);
    compared.agree()?;
    Ok(Proof::of(format!("{} objects are on both sides", compared.here.len())))
}

/// The kind whose status shows the progress.
const CHANGING: &str = "ClusterBootstrap";

/// Both sides of the record.
struct Compared {
    /// The objects on the bootstrap cluster.
    here: Vec<Value>,
    /// The objects on the management cluster.
    there: Vec<Value>,
    /// What is missing or different there.
    different: Vec<Difference>,
}

impl Compared {
    fn of(here: Vec<Value>, there: Vec<Value>) -> Self {
        let copied = pivot::without_additions(&here, &there);
        Self {
            different: pivot::differences(&pivot::inventory(&here), &pivot::inventory(&copied)),
            here,
            there,
        }
    }

    /// What is missing or different, as it is on the bootstrap cluster.
    fn changed(&self) -> impl Iterator<Item = &Value> {
        let ids: BTreeSet<&str> = self.different.iter().map(|d| d.id.as_str()).collect();
        self.here
            .iter()
            .filter(move |object| ids.contains(pivot::id(object).as_str()))
    }

    /// Reads again what was different on the management cluster. The bootstrap cluster's side must stand still.
    async fn look_again(&mut self, to: &Client, cluster: Uuid) -> Result<(), StepError> {
        let kinds = KINDS
            .into_iter()
            .filter(|k| self.different.iter().any(|d| d.kind == k.kind));
        let kinds: Vec<Moved> = kinds.collect();
        let concerned = |object: &Value| kinds.iter().any(|k| object["kind"] == k.kind);
        self.there.retain(|object| !concerned(object));
        self.there.extend(list(to, cluster, &kinds).await?);
        let copied = pivot::without_additions(&self.here, &self.there);
        let here = pivot::inventory(self.here.iter().filter(|object| concerned(object)));
        let there = pivot::inventory(copied.iter().filter(|object| concerned(object)));
        self.different = pivot::differences(&here, &there);
        Ok(())
    }

    fn agree(&self) -> Result<(), StepError> {
        if self.different.is_empty() {
            return Ok(());
        }
        let differs = Differs(self.different.clone());
        Err(StepError::retryable(
            "the record on the management cluster is not the same",
            differs,
        ))
    }
}

async fn compare(context: &Bootstrap) -> Result<Compared, StepError> {
    let management = context.management().await?;
    let there = list(&management.access.client, context.settled.owner.cluster_id, &KINDS);
    let (here, there) = tokio::try_join!(here(context), there)?;
    Ok(Compared::of(here, there))
}

/// Whether both sides hold the same, with what is on which.
async fn both_sides(context: &Bootstrap) -> Result<Now, StepError> {
    if let Some(proof) = is_finished(context).await? {
        return Ok(Now::So(proof.evidence));
    }
    let to = context.management().await?.access.client.clone();
    let looked = context.settled.cluster.look().await?;
    let there = list(&to, context.settled.owner.cluster_id, &KINDS);
    let (here, there) = tokio::try_join!(moved_from(context, &looked.client), there)?;
    let mut compared = Compared::of(here, there);
    let (here, there) = (compared.here.len(), compared.there.len());
    let sides = format!("{here} objects are on the bootstrap cluster, {there} on the management cluster");
    compared.different.retain(|d| d.kind != CHANGING);
    Ok(match compared.agree() {
        Ok(()) => Now::So(format!("{sides}, and they are the same")),
        Err(error) => Now::Still(format!("{sides}; {}", chain(&error))),
    })
}

/// Whether the management cluster owns the record. That both sides hold the same is not enough for that.
async fn handed_over(context: &Bootstrap) -> Result<Now, StepError> {
    if let Some(proof) = is_finished(context).await? {
        return Ok(Now::So(proof.evidence));
    }
    Ok(match both_sides(context).await? {
        Now::So(sides) => Now::Still(format!("{sides}; the record is not handed over yet")),
        now => now,
    })
}

/// How many objects of the record a cluster holds.
pub(super) async fn count(context: &Bootstrap, client: &Client) -> Result<usize, StepError> {
    Ok(list(client, context.settled.owner.cluster_id, &KINDS).await?.len())
}

/// Every machine of the journal is in the record, with the id the platform gave it.
fn machines_unchanged(machines: &BTreeMap<String, MachineFacts>, objects: &[Value]) -> Result<(), StepError> {
    let objects: BTreeMap<String, &Value> = objects.iter().map(|object| (pivot::id(object), object)).collect();
    for (name, facts) in machines {
        let object = objects.get(&format!("MachineRequest/{NAMESPACE}/{name}"));
        let found = object
            .and_then(|o| o.pointer("/status/providerID"))
            .and_then(Value::as_str);
        if found != facts.provider_id.as_deref() {
            let (found, known) = (
                found.unwrap_or("nothing"),
                facts.provider_id.as_deref().unwrap_or("nothing"),
            );
            return Err(StepError::new(
                Class::Fatal,
                format!("{name} is {known}, the copied record says {found}"),
            ));
        }
    }
    Ok(())
}

/// From here on the management cluster owns the record; the journal's proof of this step is the commit.
///
/// The writers of the bootstrap cluster are stopped first, so that the record stands still. What has changed since the copy
/// is copied once more; then both sides agree in every object, and every machine has its platform id.
pub(super) async fn commit(context: &Bootstrap) -> Result<(), StepError> {
    let side = context.bootstrap()?;
    side.stop_tasks();
    let name = &context.settled.config.cluster.name;
    let view = context.view.borrow().clone();
    context
        .mirror(side.running.client.clone())
        .write(&view)
        .await
        .map_err(|e| StepError::retryable(format!("write the status of ClusterBootstrap {name}"), e))?;
    let mut compared = compare(context).await?;
    if !compared.different.is_empty() {
        let changed: Vec<Value> = compared.changed().cloned().collect();
        let to = &context.management().await?.access.client;
        put_all(to, &changed, uids(&compared.there)).await?;
        compared.look_again(to, context.settled.owner.cluster_id).await?;
    }
    compared.agree()?;
    machines_unchanged(&context.known().memory.machines, &compared.there)
}

/// Whether the management cluster has owned the record since an earlier run, of which this journal does not know.
///
/// Only a finished bootstrap says Ready there. Copying an older record over it would take that back.
pub(super) async fn is_finished(context: &Bootstrap) -> Result<Option<Proof>, StepError> {
    let found = record_there(context).await?;
    Ok(found.filter(says_ready).map(|_| proof(context)))
}

pub(super) fn proof(context: &Bootstrap) -> Proof {
    Proof::of(format!(
        "ClusterBootstrap {} on the management cluster is Ready",
        context.settled.config.cluster.name
    ))
}

pub(super) fn phase(record: &ClusterBootstrap) -> Option<&str> {
    let phase = record.status.as_ref()?.phase.as_ref()?;
    Some(phase.as_str())
}

pub(super) fn says_ready(record: &ClusterBootstrap) -> bool {
    phase(record) == Some("Ready")
}

/// This cluster's ClusterBootstrap on the management cluster.
pub(super) async fn record_there(context: &Bootstrap) -> Result<Option<ClusterBootstrap>, StepError> {
    let client = context.management().await?.access.client.clone();
    let api: Api<ClusterBootstrap> = Api::namespaced(client, NAMESPACE);
    let name = &context.settled.config.cluster.name;
    let failed = || format!("read ClusterBootstrap {name} on the management cluster");
    let read = tokio::time::timeout(Duration::from_secs(5), api.get_opt(name)).await;
    let found = read
        .map_err(|e| StepError::retryable(failed(), e))?
        .map_err(|e| StepError::retryable(failed(), e))?;
    let Some(found) = found else { return Ok(None) };
    let id = context.settled.owner.cluster_id.to_string();
    match found.labels().get(CLUSTER_ID) {
        Some(label) if *label == id => Ok(Some(found)),
        label => {
            let whose = label.map_or("no cluster", String::as_str);
            let message =
                format!("ClusterBootstrap {name} on the management cluster is of {whose}, this cluster is {id}");
            Err(StepError::new(Class::Foreign, message).hint("look at both before one of them is removed"))
        }
    }
}

/// A list as it comes, without the detour over types that hold less than the objects.
#[derive(serde::Deserialize)]
struct Listed {
    items: Vec<Map<String, Value>>,
}

/// The record as it is on the bootstrap cluster, in the words of the management cluster.
async fn here(context: &Bootstrap) -> Result<Vec<Value>, StepError> {
    moved_from(context, &context.bootstrap()?.running.client).await
}

async fn moved_from(context: &Bootstrap, client: &Client) -> Result<Vec<Value>, StepError> {
    let objects = list(client, context.settled.owner.cluster_id, &KINDS).await?;
    let names = ProviderNames::of(&context.settled.config);
    let moved = objects.iter().filter(|object| object["kind"] != PROVIDER_CONFIG);
    Ok(moved.map(|object| names.on_management(object)).collect())
}

/// Some kinds of the record on one side, owners before what they own.
async fn list(client: &Client, cluster: Uuid, kinds: &[Moved]) -> Result<Vec<Value>, StepError> {
    let params = ListParams::default().labels(&format!("{CLUSTER_ID}={cluster}"));
    let mut objects = Vec::new();
    for kind in kinds {
        let what = format!("list {} of the record", kind.plural);
        let request = kube::core::Request::new(api(client, *kind).resource_url())
            .list(&params)
            .map_err(|e| StepError::fatal(&*what, e))?;
        let listed: Listed = persist(&what, || client.request(request.clone())).await?;
        objects.extend(listed.items.into_iter().map(|object| typed(object, *kind)));
    }
    Ok(objects)
}

/// An object of a list with its type, which lists leave out.
fn typed(mut object: Map<String, Value>, kind: Moved) -> Value {
    let version = match kind.group {
        "" => kind.version.to_owned(),
        group => format!("{group}/{}", kind.version),
    };
    object.insert("apiVersion".to_owned(), version.into());
    object.insert("kind".to_owned(), kind.kind.into());
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    Value::Object(object)
}

fn api(client: &Client, kind: Moved) -> Api<DynamicObject> {
    let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
    let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
    Api::namespaced_with(client.clone(), NAMESPACE, &resource)
}

async fn put(to: &Client, kind: Moved, object: &Value, uids: &BTreeMap<String, String>) -> Result<Value, StepError> {
    let id = pivot::id(object);
    let what = format!("write {id} on the management cluster");
    let rewritten = pivot::rewrite(object, uids).map_err(|e| StepError::new(Class::Fatal, e))?;
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    let name =
        name.ok_or_else(|| StepError::new(Class::Fatal, format!("{id}: an object of the record has no name")))?;
    let api = api(to, kind);
    let params = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(&rewritten);
    let mut written = persist(&what, || api.patch(name, &params, &patch)).await?;
    if let Some(status) = object.get("status") {
        // A controller there may have written its own status already, with fields that ours has not.
        let found = written.data.get("status");
        let whole = found.map_or_else(|| status.clone(), |found| pivot::replacement(found, status));
        written = persist(&what, || merge_status(&api, name, &whole)).await?;
    }
    let mut value = serde_json::to_value(&written).map_err(|e| StepError::fatal(format!("read {id}"), e))?;
    value["kind"] = kind.kind.into();
    Ok(value)
}

/// Tries one call until it succeeds or is refused; the step's deadline bounds it. A step of many calls would otherwise
/// begin again with the first one whenever a later one fails.
async fn persist<T, F>(what: &str, mut call: impl FnMut() -> F) -> Result<T, StepError>
where
    F: Future<Output = Result<T, kube::Error>>,
{
    let pace = Pace::new();
    loop {
        match call().await {
            Ok(value) => return Ok(value),
            Err(error) if !may_pass(&error) => return Err(StepError::fatal(what, error)),
            Err(error) => tracing::debug!(what, error = %chain(&error), "trying again"),
        }
        pace.pause().await;
    }
}

/// Whether an error of the API server, or of the way to it, may be gone the next time.
fn may_pass(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => !matches!(status.code, 400..=408 | 413 | 415 | 422),
        _ => true,
    }
}

fn uids(objects: &[Value]) -> BTreeMap<String, String> {
    let uid = |o: &Value| {
        o.pointer("/metadata/uid")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    objects.iter().filter_map(|o| Some((pivot::id(o), uid(o)?))).collect()
}

#[cfg(test)]
mod tests;
