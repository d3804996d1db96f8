//! Before the first machine: checks, secrets, the bootstrap cluster, the record.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use butler_api::{
    event::Body,
    labels::{CLUSTER_ID, CONFIG_DIGEST},
    v1alpha1::{ClusterBootstrap, MachineRequest, all_crds},
};
use butler_infra::CheckStatus;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, TypeMeta},
    runtime::watcher,
};
use serde_json::Value;

use super::machine;
use crate::{
    addons::{MANAGER, apply},
    cluster::SetAside,
    context::{Context, write_secret},
    controllers::machines::Machines,
    driver::{Proof, Report},
    failure::{Class, StepError},
    graph::Kind,
    mirror, plan,
    record::{self, NAMESPACE},
    watch::Watched,
};

pub(super) async fn preflight(context: &Context, report: &Report) -> Result<Proof, StepError> {
    let plan = plan::infra(&context.config, context.owner.cluster_id);
    report.waiting("the platform's checks", None);
    let checks = context.provider.preflight(&plan).await.map_err(|e| {
        let hint = e.hint.clone();
        let class = crate::controllers::machines::refusal(&e).unwrap_or(Class::Retryable);
        StepError {
            class,
            hint,
            ..StepError::retryable("check the platform", e)
        }
    })?;
    let failed: Vec<_> = checks.iter().filter(|c| c.status == CheckStatus::Fail).collect();
    if let Some(first) = failed.first() {
        let all: Vec<String> = failed.iter().map(|c| format!("{} ({})", c.summary, c.id)).collect();
        let mut error = StepError::new(
            Class::Configuration,
            format!("the platform is not ready: {}", all.join("; ")),
        );
        error.hint.clone_from(&first.hint);
        return Err(error);
    }
    for check in checks.iter().filter(|c| c.status == CheckStatus::Warn) {
        report.emit(Body::Warning {
            message: check.summary.clone(),
            hint: check.hint.clone(),
        });
    }
    Ok(Proof::of(format!("{} checks passed", checks.len())))
}

/// Everything later trusts what earlier runs have proven: a machine that somebody deleted since would be waited for until
/// a deadline, with a cause that does not tell.
pub(super) async fn inventory(context: &Context, report: &Report) -> Result<Proof, StepError> {
    let made = context.machines_with(Kind::Machine);
    let info = context.provider.info();
    if !info.capabilities.creates_machines {
        return Ok(Proof::of(format!("{} machines are others' to keep", made.len())));
    }
    let found = context.provider.inventory(&context.owner).await.map_err(|e| {
        let class = crate::controllers::machines::refusal(&e).unwrap_or(Class::Retryable);
        StepError {
            class,
            hint: e.hint.clone(),
            ..StepError::retryable("list the machines of this cluster", e)
        }
    })?;
    let found: BTreeSet<String> = found.into_iter().map(|object| object.id).collect();
    let known = context.known().machines.clone();
    let id = |name: &String| known.get(name).and_then(|facts| facts.provider_id.clone());
    let gone: Vec<(&String, String)> = made
        .iter()
        .filter_map(|name| Some((name, id(name)?)))
        .filter(|(_, id)| !found.contains(id))
        .collect();
    if gone.is_empty() {
        return Ok(Proof::of(format!("{} machines are there", made.len())));
    }
    for (name, _) in &gone {
        let line = context.view.borrow().with_state(name, "gone");
        line.into_iter()
            .for_each(|machine| report.emit(Body::MachineChanged { machine }));
    }
    let gone: Vec<String> = gone.into_iter().map(|(name, id)| format!("{name} ({id})")).collect();
    let message = format!("the {} no longer has {}", info.display, gone.join(", "));
    let hint = format!(
        "a cluster whose machines are gone cannot go on: remove what is left of it, then {}, and begin anew",
        context.files.folder.display()
    );
    Err(StepError::new(Class::Foreign, message).hint(hint))
}

pub(super) async fn have_secrets(context: &Context) -> Result<Option<Proof>, StepError> {
    if !context.files.secrets().exists() {
        return Ok(None);
    }
    context.talos().await?;
    Ok(Some(Proof::of("the Talos secrets exist")))
}

pub(super) async fn make_secrets(context: &Context) -> Result<(), StepError> {
    let bundle = context.new_bundle().await?;
    let text = bundle
        .to_yaml()
        .map_err(|e| StepError::fatal("write the Talos secrets", e))?;
    write_secret(&context.files.secrets(), &text)
}

pub(super) async fn secrets_written(context: &Context, report: &Report) -> Result<Proof, StepError> {
    if context.write_talosconfig().await? {
        let path = context.files.talosconfig.display().to_string();
        report.emit(Body::FileWritten {
            what: "talosconfig".to_owned(),
            path,
        });
    }
    Ok(Proof::of("the Talos secrets are on disk"))
}

/// After the pivot neither the bootstrap cluster nor the record on it is needed.
pub(super) fn moved(context: &Context) -> Option<Proof> {
    let moved = context.is_proven(&Kind::PivotCommit.id());
    moved.then(|| Proof::of("the record is on the management cluster"))
}

pub(super) async fn start_cluster(context: &Context, report: &Report) -> Result<(), StepError> {
    report.waiting("the bootstrap cluster to answer", None);
    let on_line = |line: &str| report.waiting("the bootstrap cluster to answer", Some(line.to_owned()));
    let running = context.cluster.start(&on_line).await?;
    if let Some(SetAside { path, damage }) = &running.set_aside {
        report.emit(Body::Warning {
            message: format!(
                "what the bootstrap cluster held was damaged ({damage}); it is made again from the journal"
            ),
            hint: Some(format!("the damaged folder is kept as {}", path.display())),
        });
    }
    context.set_bootstrap(Some(running));
    Ok(())
}

pub(super) async fn write_record(context: &Context) -> Result<(), StepError> {
    let side = context.bootstrap()?;
    let client = side.running.client.clone();
    let objects = record::groundwork(&context.config, context.owner.cluster_id)
        .map_err(|e| StepError::fatal("render the record", e))?;
    if !is_written(&client, context).await? || !are_there(&client, &objects).await? {
        establish_crds(&client).await?;
        apply_all(&client, &objects).await?;
    }
    machine::restore(context, &client).await?;
    let api: Api<MachineRequest> = Api::namespaced(client.clone(), NAMESPACE);
    let selector = format!("{CLUSTER_ID}={}", context.owner.cluster_id);
    if context.known().runs > 1 {
        remove_stale_requests(&api, &selector, context).await?;
    }
    let watched = Arc::new(Watched::start(
        api.clone(),
        watcher::Config::default().labels(&selector),
    ));
    let controller = Machines {
        api,
        provider: Arc::clone(&context.provider),
        owner: context.owner.clone(),
        journal: context.journal.clone(),
        trouble: context.trouble.clone(),
    };
    side.stop_tasks();
    let controller = tokio::spawn(controller.run(Arc::clone(&watched)));
    let mirror = tokio::spawn(mirror::run(
        client,
        context.config.cluster.name.clone(),
        context.view.clone(),
    ));
    let mut tasks = side.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tasks.extend([controller.abort_handle(), mirror.abort_handle()]);
    *side.machines.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(watched);
    Ok(())
}

/// Removes the requests of machines that the configuration no longer has, and of those that run as another machine than
/// it means now: of these the journal knows no id.
async fn remove_stale_requests(api: &Api<MachineRequest>, selector: &str, context: &Context) -> Result<(), StepError> {
    let failed = |e| StepError::retryable("look for requests of machines that are no longer wanted", e);
    let found = api
        .list(&kube::api::ListParams::default().labels(selector))
        .await
        .map_err(failed)?;
    for request in found {
        let name = request.name_any();
        let phase = request.status.as_ref().and_then(|status| status.phase.as_ref());
        let running = phase.is_some_and(|phase| phase.as_str() == "Running");
        let known = context.known().machines.get(&name).and_then(|m| m.provider_id.clone());
        if context.roles.contains_key(&name) && (known.is_some() || !running) {
            continue;
        }
        match api.delete(&name, &kube::api::DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

/// Whether an earlier run of this program wrote the same record.
async fn is_written(client: &Client, context: &Context) -> Result<bool, StepError> {
    let api: Api<ClusterBootstrap> = Api::namespaced(client.clone(), NAMESPACE);
    match api.get(&context.config.cluster.name).await {
        Ok(found) => Ok(found.annotations().get(CONFIG_DIGEST) == Some(&record::stamp(&context.config))),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(StepError::retryable("read the record", error)),
    }
}

/// Whether none of the objects is missing, nor a definition that the record needs later.
async fn are_there(client: &Client, objects: &[Value]) -> Result<bool, StepError> {
    let names = all_crds().into_iter().map(|crd| crd.name_any());
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let served = definitions
        .list_metadata(&ListParams::default())
        .await
        .map_err(|e| StepError::retryable("list the definitions of the record", e))?;
    let served: BTreeSet<String> = served.items.iter().map(ResourceExt::name_any).collect();
    if !names.into_iter().all(|name| served.contains(&name)) {
        return Ok(false);
    }
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let types = TypeMeta {
            api_version: text("/apiVersion").to_owned(),
            kind: text("/kind").to_owned(),
        };
        let gvk = GroupVersionKind::try_from(&types).map_err(|e| StepError::fatal("read the record", e))?;
        let resource = ApiResource::from_gvk(&gvk);
        let api: Api<DynamicObject> = match text("/metadata/namespace") {
            "" => Api::all_with(client.clone(), &resource),
            namespace => Api::namespaced_with(client.clone(), namespace, &resource),
        };
        let found = api.get_metadata_opt(text("/metadata/name")).await;
        if found.map_err(|e| StepError::retryable("read the record", e))?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) async fn record_written(context: &Context) -> Result<Proof, StepError> {
    let side = context.bootstrap()?;
    let uid = bootstrap_uid(&side.running.client, &context.config.cluster.name).await?;
    Ok(Proof::of(format!(
        "ClusterBootstrap {} exists ({uid})",
        context.config.cluster.name
    )))
}

/// UID of the ClusterBootstrap.
pub(super) async fn bootstrap_uid(client: &Client, name: &str) -> Result<String, StepError> {
    let api: Api<ClusterBootstrap> = Api::namespaced(client.clone(), NAMESPACE);
    let object = api
        .get(name)
        .await
        .map_err(|e| StepError::retryable(format!("read ClusterBootstrap {name}"), e))?;
    object
        .uid()
        .ok_or_else(|| StepError::new(Class::Fatal, format!("ClusterBootstrap {name} has no uid")))
}

/// Applies our CRDs and waits until they are served.
pub(super) async fn establish_crds(client: &Client) -> Result<(), StepError> {
    let crds: Vec<Value> = all_crds()
        .iter()
        .map(serde_json::to_value)
        .collect::<Result<_, _>>()
        .map_err(|e| StepError::fatal("render the CRDs", e))?;
    apply_all(client, &crds).await?;
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let watched = Watched::start(api, watcher::Config::default());
    let names: Vec<String> = all_crds().iter().map(ResourceExt::name_any).collect();
    let established = watched.until(|store, _| {
        let served = |name: &String| {
            store
                .get(&kube::runtime::reflector::ObjectRef::new(name))
                .is_some_and(|crd| is_established(&crd))
        };
        names.iter().all(served).then_some(())
    });
    tokio::time::timeout(Duration::from_mins(1), established)
        .await
        .map_err(|_| StepError::new(Class::Retryable, "the CRDs are not established after 60 s"))
}

fn is_established(crd: &CustomResourceDefinition) -> bool {
    let conditions = crd.status.as_ref().and_then(|s| s.conditions.as_ref());
    conditions.is_some_and(|c| c.iter().any(|c| c.type_ == "Established" && c.status == "True"))
}

/// Server-side apply of each object in order.
pub(super) async fn apply_all(client: &Client, objects: &[Value]) -> Result<(), StepError> {
    apply(client, objects, MANAGER).await.map(|_| ()).map_err(|e| {
        let class = e.class;
        StepError {
            class,
            ..StepError::retryable("write the record", e)
        }
    })
}
