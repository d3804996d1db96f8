//! The pivot: the record moves to the management cluster, is compared there object by object, and only then is the
//! bootstrap cluster removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::Duration,
};

use butler_api::{
    error::{Class, StepError},
    event::Body,
    labels::CLUSTER_ID,
    v1alpha1::ClusterBootstrap,
};
use butler_kubernetes::{MANAGER, chain};
use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use serde_json::{Map, Value, json};

use super::{Pace, groundwork, kubeconfig};
use crate::{
    context::Context,
    driver::{Proof, Report},
    mirror,
    pivot::{self, Difference, KINDS, Moved},
    record::NAMESPACE,
};

/// Objects that are written at the same time.
const AT_ONCE: usize = 16;

/// Copies the record, while addons are still being installed.
pub(super) async fn copy(context: &Context) -> Result<(), StepError> {
    let to = &context.management().await?.access.client;
    groundwork::establish_crds(to).await?;
    groundwork::apply_all(
        to,
        &[json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})],
    )
    .await?;
    let objects = list(&context.bootstrap()?.running.client, context, &KINDS).await?;
    let there = list(to, context, &KINDS).await?;
    put_all(to, &objects, uids(&there)).await
}

/// Writes objects, owners before what they own. `uids` are those of what is there already.
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
pub(super) async fn copied(context: &Context) -> Result<Proof, StepError> {
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
    /// What is missing or different, as it is on the bootstrap cluster.
    fn changed(&self) -> impl Iterator<Item = &Value> {
        let ids: BTreeSet<&str> = self.different.iter().map(|d| d.id.as_str()).collect();
        self.here
            .iter()
            .filter(move |object| ids.contains(pivot::id(object).as_str()))
    }

    /// Reads again what was different on the management cluster. The bootstrap cluster's side must stand still.
    async fn look_again(&mut self, context: &Context) -> Result<(), StepError> {
        let kinds = KINDS
            .into_iter()
            .filter(|k| self.different.iter().any(|d| d.kind == k.kind));
        let kinds: Vec<Moved> = kinds.collect();
        let concerned = |object: &Value| kinds.iter().any(|k| object["kind"] == k.kind);
        self.there.retain(|object| !concerned(object));
        self.there
            .extend(list(&context.management().await?.access.client, context, &kinds).await?);
        let here = pivot::inventory(self.here.iter().filter(|object| concerned(object)));
        let there = pivot::inventory(self.there.iter().filter(|object| concerned(object)));
        self.different = pivot::differences(&here, &there);
        Ok(())
    }

    fn agree(&self) -> Result<(), StepError> {
        if self.different.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = self.different.iter().map(ToString::to_string).collect();
        let message = format!(
            "the record on the management cluster is not the same: {}",
            words.join("; ")
        );
        Err(StepError::new(Class::Retryable, message))
    }
}

async fn compare(context: &Context) -> Result<Compared, StepError> {
    let side = context.bootstrap()?;
    let management = context.management().await?;
    let (here, there) = tokio::try_join!(
        list(&side.running.client, context, &KINDS),
        list(&management.access.client, context, &KINDS),
    )?;
    Ok(Compared {
        different: pivot::differences(&pivot::inventory(&here), &pivot::inventory(&there)),
        here,
        there,
    })
}

/// Every machine of the journal is in the record, with the id the platform gave it.
fn machines_unchanged(context: &Context, objects: &[Value]) -> Result<(), StepError> {
    let objects: BTreeMap<String, &Value> = objects.iter().map(|object| (pivot::id(object), object)).collect();
    for (name, facts) in &context.known().machines {
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
pub(super) async fn commit(context: &Context) -> Result<(), StepError> {
    let side = context.bootstrap()?;
    side.stop_tasks();
    let name = &context.config.cluster.name;
    let view = context.view.borrow().clone();
    mirror::write(&side.running.client, name, &view)
        .await
        .map_err(|e| StepError::retryable(format!("write the status of ClusterBootstrap {name}"), e))?;
    let mut compared = compare(context).await?;
    if !compared.different.is_empty() {
        let changed: Vec<Value> = compared.changed().cloned().collect();
        let to = &context.management().await?.access.client;
        put_all(to, &changed, uids(&compared.there)).await?;
        compared.look_again(context).await?;
    }
    compared.agree()?;
    machines_unchanged(context, &compared.there)
}

/// Removes the bootstrap cluster, also when an earlier run left it behind.
pub(super) async fn remove(context: &Context) -> Result<(), StepError> {
    match context.bootstrap() {
        Ok(side) => context.cluster.remove(&side.running).await?,
        Err(_) => context.cluster.remove_leftover().await?,
    }
    context.set_bootstrap(None);
    Ok(())
}

/// Whether the management cluster has owned the record since an earlier run, of which this journal does not know.
///
/// Only a finished bootstrap says Ready there. Copying an older record over it would take that back.
pub(super) async fn is_finished(context: &Context) -> Result<Option<Proof>, StepError> {
    let found = record_there(context).await?;
    Ok(found.filter(says_ready).map(|_| proof(context)))
}

/// Writes the final status on the management cluster; the record too, if somebody has deleted it.
pub(super) async fn declare_ready(context: &Context, report: &Report) -> Result<(), StepError> {
    let client = &context.management().await?.access.client;
    let name = &context.config.cluster.name;
    if record_there(context).await?.is_none() {
        groundwork::restore_record(client, context).await?;
        report.emit(Body::Warning {
            message: format!("ClusterBootstrap {name} was missing on the management cluster and is written again"),
            hint: None,
        });
    }
    let view = context.view.borrow().clone();
    let endpoint = format!("https://{}:6443", crate::context::bracketed(&context.endpoint_host()?));
    mirror::declare_ready(client, name, &view, &endpoint)
        .await
        .map_err(|e| StepError::retryable(format!("write the status of ClusterBootstrap {name}"), e))
}

/// Whether the management cluster says Ready, and every file that was promised is what it should be.
pub(super) async fn is_ready(context: &Context, report: &Report) -> Result<Option<Proof>, StepError> {
    if !record_there(context).await?.as_ref().is_some_and(says_ready) {
        return Ok(None);
    }
    settle_files(context, report).await?;
    Ok(Some(proof(context)))
}

/// Waits until the management cluster says Ready, and every file that was promised is what it should be.
pub(super) async fn ready(context: &Context, report: &Report) -> Result<Proof, StepError> {
    let pace = Pace::new();
    let waiting = format!("ClusterBootstrap {} to be Ready", context.config.cluster.name);
    loop {
        let cause = match record_there(context).await {
            Ok(Some(found)) if says_ready(&found) => {
                settle_files(context, report).await?;
                return Ok(proof(context));
            }
            Ok(Some(found)) => format!("its phase is {}", phase(&found).unwrap_or("empty")),
            Ok(None) => "it does not exist".to_owned(),
            Err(error) if error.class != Class::Retryable => return Err(error),
            Err(error) => chain(&error),
        };
        report.waiting(waiting.clone(), Some(cause));
        pace.pause().await;
    }
}

/// What a run ends with naming is there when it ends.
async fn settle_files(context: &Context, report: &Report) -> Result<(), StepError> {
    groundwork::secrets_kept(context).await?;
    groundwork::secrets_written(context, report).await?;
    kubeconfig::settle(context, report).await
}

fn proof(context: &Context) -> Proof {
    Proof::of(format!(
        "ClusterBootstrap {} on the management cluster is Ready",
        context.config.cluster.name
    ))
}

fn phase(record: &ClusterBootstrap) -> Option<&str> {
    let phase = record.status.as_ref()?.phase.as_ref()?;
    Some(phase.as_str())
}

fn says_ready(record: &ClusterBootstrap) -> bool {
    phase(record) == Some("Ready")
}

/// This cluster's ClusterBootstrap on the management cluster.
async fn record_there(context: &Context) -> Result<Option<ClusterBootstrap>, StepError> {
    let client = context.management().await?.access.client.clone();
    let api: Api<ClusterBootstrap> = Api::namespaced(client, NAMESPACE);
    let name = &context.config.cluster.name;
    let failed = || format!("read ClusterBootstrap {name} on the management cluster");
    let read = tokio::time::timeout(Duration::from_secs(5), api.get_opt(name)).await;
    let found = read
        .map_err(|e| StepError::retryable(failed(), e))?
        .map_err(|e| StepError::retryable(failed(), e))?;
    let Some(found) = found else { return Ok(None) };
    let id = context.owner.cluster_id.to_string();
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

/// Some kinds of the record on one side, owners before what they own.
async fn list(client: &Client, context: &Context, kinds: &[Moved]) -> Result<Vec<Value>, StepError> {
    let params = ListParams::default().labels(&format!("{CLUSTER_ID}={}", context.owner.cluster_id));
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
    object.insert("apiVersion".to_owned(), json!(version));
    object.insert("kind".to_owned(), json!(kind.kind));
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
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let api = api(to, kind);
    let params = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(&rewritten);
    let mut written = persist(&what, || api.patch(name, &params, &patch)).await?;
    if let Some(status) = object.get("status") {
        let patch = Patch::Merge(json!({"status": status}));
        let params = PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        written = persist(&what, || api.patch_status(name, &params, &patch)).await?;
    }
    let mut value = serde_json::to_value(&written).map_err(|e| StepError::fatal(format!("read {id}"), e))?;
    value["kind"] = json!(kind.kind);
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
