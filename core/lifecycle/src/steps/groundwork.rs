//! Before the first machine: checks, secrets, the bootstrap cluster, the record.

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use butler_api::{
    error::{Class, StepError},
    event::Body,
    labels::{CLUSTER_ID, CONFIG_DIGEST},
    v1alpha1::{ClusterBootstrap, MachineRequest, all_crds},
};
use butler_files::home;
use butler_infra::CheckStatus;
use butler_kubernetes::{MANAGER, Watched, apply, chain};
use butler_talos::{
    client::{Address, Credentials, Node},
    secrets::SecretsBundle,
    talosconfig::Talosconfig,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, TypeMeta},
    runtime::watcher,
};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::machine;
use crate::{
    cluster::SetAside,
    context::{Context, not_written, write_secret},
    controllers::machines::Machines,
    driver::{Proof, Report},
    graph::Kind,
    journal::Fact,
    mirror, plan, promised,
    record::{self, NAMESPACE},
    remains,
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
        if let Some(machine) = line {
            report.emit(Body::MachineChanged { machine });
        }
    }
    let gone: Vec<String> = gone.into_iter().map(|(name, id)| format!("{name} ({id})")).collect();
    let message = format!("the {} no longer has {}", info.display, gone.join(", "));
    let hint = format!(
        "a cluster whose machines are gone cannot go on: remove what is left of it, then {}, and begin anew",
        context.files.folder.display()
    );
    Err(StepError::new(Class::Foreign, message).hint(hint))
}

/// The secrets are there and ours, and what is made from them is too.
pub(super) async fn have_secrets(context: &Context, report: &Report) -> Result<Option<Proof>, StepError> {
    // Better known before the first machine than after.
    for path in [context.files.own_kubeconfig(), context.files.kubeconfig.clone()] {
        home::is_replaceable(&path).map_err(|e| not_written(&e))?;
    }
    match promised::read(&context.files.secrets()) {
        Err(flaw) if [promised::MISSING, promised::EMPTY].contains(&flaw.as_str()) => Ok(None),
        // Reading it again says what is wrong.
        _ => secrets_written(context, report).await.map(Some),
    }
}

/// Makes the secrets, or takes those back that machines have already.
pub(super) async fn make_secrets(context: &Context, report: &Report) -> Result<(), StepError> {
    let in_use = remains::in_use(&context.known());
    let bundle = if in_use {
        restored(context, report).await?
    } else {
        context.new_bundle().await?
    };
    let text = bundle
        .to_yaml()
        .map_err(|e| StepError::fatal("write the Talos secrets", e))?;
    let path = context.files.secrets();
    write_secret(&path, &text)?;
    if in_use {
        report.emit(Body::Warning {
            message: format!("{} was lost and is restored from a control plane", path.display()),
            hint: Some("keep a backup of it: without it nobody reaches the nodes".to_owned()),
        });
    }
    Ok(())
}

/// The secrets out of a control plane, which has all of them, read with the credentials of a talosconfig.
async fn restored(context: &Context, report: &Report) -> Result<SecretsBundle, StepError> {
    let path = context.files.secrets();
    let lost = |cause: String| {
        let hint = format!(
            "put it back from a backup; without it the talosconfig cannot be renewed when it expires, and no machine added: {}",
            path.display()
        );
        StepError::new(
            Class::Retryable,
            format!("{} is lost and no control plane gives it back: {cause}", path.display()),
        )
        .hint(hint)
    };
    let credentials = talosconfig_credentials(context);
    let credentials = credentials.ok_or_else(|| StepError {
        class: Class::Fatal,
        ..lost("no talosconfig of this cluster is left".to_owned())
    })?;
    report.waiting("a control plane to give the Talos secrets back", None);
    let mut cause = "none is known".to_owned();
    for name in context.control_planes() {
        let Ok(address) = context.address(&name) else { continue };
        for credentials in &credentials {
            match bundle_of(&address, credentials).await {
                Ok(bundle) if is_ours(context, &bundle) => return Ok(bundle),
                Ok(_) => cause = format!("{name} ({address}) has those of another cluster"),
                Err(error) => cause = format!("{name} ({address}): {error}"),
            }
        }
    }
    Err(lost(cause))
}

fn is_ours(context: &Context, bundle: &SecretsBundle) -> bool {
    let known = context.known().authority.clone();
    known.is_none_or(|known| known == remains::authority(bundle))
}

async fn bundle_of(address: &Address, credentials: &Credentials) -> Result<SecretsBundle, String> {
    let node = Node::connect(address, credentials).await.map_err(|e| chain(&e))?;
    let text = node.machine_config().await.map_err(|e| chain(&e))?;
    SecretsBundle::from_machine_config(text.expose_secret()).map_err(|e| chain(&e))
}

/// Credentials of our own talosconfig and of people's; none if neither can be used.
fn talosconfig_credentials(context: &Context) -> Option<Vec<Credentials>> {
    let places = [context.files.own_talosconfig(), context.files.talosconfig.clone()];
    let found: Vec<Credentials> = places
        .iter()
        .filter_map(|path| {
            let config = Talosconfig::parse(&promised::read(path).ok()?).ok()?;
            Credentials::from_context(&config.context(None).ok()?).ok()
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

pub(super) async fn secrets_written(context: &Context, report: &Report) -> Result<Proof, StepError> {
    let talos = context.talos().await?;
    if let Some(flaw) = context.write_talosconfig().await? {
        promised_again(context, report, "talosconfig", &context.files.talosconfig, &flaw);
    }
    Ok(Proof {
        evidence: "the Talos secrets are on disk".to_owned(),
        facts: vec![Fact::Authority {
            digest: remains::authority(&talos.bundle),
        }],
    })
}

/// Tells that a file for people was written, and if something else stood there, what was wrong with it.
pub(super) fn promised_again(context: &Context, report: &Report, what: &str, path: &Path, flaw: &str) {
    let shown = path.display().to_string();
    if ![promised::MISSING, promised::ENDPOINTS, ""].contains(&flaw) {
        let cluster = &context.config.cluster.name;
        report.emit(Body::Warning {
            message: format!("{shown} was not the {what} of {cluster} ({flaw}) and is written again"),
            hint: None,
        });
    }
    report.emit(Body::FileWritten {
        what: what.to_owned(),
        path: shown,
    });
}

/// Writes the secrets again if they were lost while this run went on.
pub(super) async fn secrets_kept(context: &Context) -> Result<(), StepError> {
    let path = context.files.secrets();
    let talos = context.talos().await?;
    let kept = promised::read(&path)
        .ok()
        .and_then(|text| SecretsBundle::from_yaml(&text).ok())
        .is_some_and(|bundle| remains::authority(&bundle) == remains::authority(&talos.bundle));
    if kept {
        return Ok(());
    }
    let text = talos.bundle.to_yaml();
    write_secret(
        &path,
        &text.map_err(|e| StepError::fatal("write the Talos secrets", e))?,
    )
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

/// Makes the record again where somebody has deleted it, from the configuration and what is known of the machines.
pub(super) async fn restore_record(to: &Client, context: &Context) -> Result<(), StepError> {
    establish_crds(to).await?;
    let failed = |e: serde_json::Error| StepError::fatal("render the record", e);
    let id = context.owner.cluster_id;
    apply_all(to, &record::groundwork(&context.config, id).map_err(failed)?).await?;
    let owner = bootstrap_uid(to, &context.config.cluster.name).await?;
    let machines = context.config.machine_names().into_iter();
    let objects: Vec<Value> = machines
        .map(|(name, role)| record::machine_request(&context.config, id, &name, role, &owner))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    apply_all(to, &objects).await?;
    let api: Api<MachineRequest> = Api::namespaced(to.clone(), NAMESPACE);
    let known = context.known().machines.clone();
    for (name, facts) in known {
        let status =
            json!({"status": {"phase": "Running", "providerID": facts.provider_id, "ipAddress": facts.address}});
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(status))
            .await
            .map_err(|e| StepError::retryable(format!("write the status of MachineRequest {name}"), e))?;
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
    let names = all_crds().iter().map(ResourceExt::name_any);
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
