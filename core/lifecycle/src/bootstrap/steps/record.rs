//! The public record of the bootstrap on the bootstrap cluster.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    labels::{CLUSTER_ID, CONFIG_DIGEST},
    v1alpha1::{
        ClusterBootstrap, ImageSync, MachineRequest, all_crds,
        machine_request::{MachinePhase, MachineRequestStatus},
    },
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_infra::hardware;
use butler_kubernetes::{MANAGER, Watched, apply, merge_status};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, TypeMeta},
    runtime::watcher,
};
use serde_json::Value;
use tokio::task::AbortHandle;

use crate::bootstrap::{
    Acted, Bootstrap, Looked, Probed, Proof, Proved, Report,
    context::BootstrapSide,
    controllers::{images::Images, machines::Machines},
    first_boot::FirstBoot,
    phases,
    pivot::{PROVIDER_CONFIG, ProviderNames},
    record::{self, NAMESPACE},
    steps,
};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("record")
}

/// Writes the record of the bootstrap to the bootstrap cluster, and starts what follows it there.
pub(in crate::bootstrap) fn step(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "write the record of the bootstrap";
    Step::new(id(), title, phases::PROVISIONING, deadlines.machine, Record)
        .after([steps::bootstrap_cluster::start_id(), steps::preflight::id()])
        .volatile()
}

#[derive(Debug)]
struct Record;

impl Verbs<Bootstrap> for Record {
    fn probe<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Probed<'a> {
        Box::pin(async { Ok(steps::bootstrap_cluster::moved(context)) })
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Acted<'a> {
        Box::pin(write_record(context))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Proved<'a> {
        Box::pin(record_written(context))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(on_bootstrap_cluster(context))
    }
}

/// Whether the record is on the bootstrap cluster, or was handed over already.
async fn on_bootstrap_cluster(context: &Bootstrap) -> Result<Now, StepError> {
    if let Some(proof) = steps::bootstrap_cluster::moved(context) {
        return Ok(Now::So(proof.evidence));
    }
    let looked = context.settled.cluster.look().await?;
    let name = &context.settled.config.cluster.name;
    let api: Api<ClusterBootstrap> = Api::namespaced(looked.client.clone(), NAMESPACE);
    let found = match api.get_opt(name).await {
        Ok(found) => found,
        // Before the first record the bootstrap cluster does not know its kinds.
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(error) => return Err(StepError::retryable(format!("read ClusterBootstrap {name}"), error)),
    };
    if found.is_none() {
        return Ok(Now::Still(format!(
            "ClusterBootstrap {name} is not there: {}",
            looked.place
        )));
    }
    let objects = steps::pivot::count(context, &looked.client).await?;
    Ok(Now::So(format!(
        "{objects} objects of the record are there: {}",
        looked.place
    )))
}

pub(super) async fn write_record(context: &Bootstrap) -> Result<(), StepError> {
    let side = context.bootstrap()?;
    let client = side.running.client.clone();
    let objects = record::groundwork(&context.settled.config, context.settled.owner.cluster_id)
        .map_err(|e| StepError::fatal("render the record", e))?;
    if !is_written(&client, context).await? || !are_there(&client, &objects).await? {
        establish_crds(&client).await?;
        apply_all(&client, &objects).await?;
    }
    steps::machine::restore(context, &client).await?;
    let api: Api<MachineRequest> = Api::namespaced(client.clone(), NAMESPACE);
    let selector = format!("{CLUSTER_ID}={}", context.settled.owner.cluster_id);
    if context.known().runs > 1 {
        remove_stale_requests(&api, &selector, context).await?;
    }
    let watched = Arc::new(Watched::start(
        api.clone(),
        watcher::Config::default().labels(&selector),
    ));
    let controller = Machines {
        api,
        provider: Arc::clone(&context.links.provider),
        owner: context.settled.owner.clone(),
        first_boot: Arc::new(FirstBoot {
            config: context.settled.config.clone(),
            files: context.files.clone(),
        }),
        claims: Arc::new(hardware::claims(&context.settled.config)),
        journal: context.journal.clone(),
        trouble: context.links.trouble.clone(),
    };
    side.stop_tasks();
    let controller = tokio::spawn(controller.run(Arc::clone(&watched)));
    let images = context
        .settled
        .config
        .brings_image()
        .then(|| follow_images(context, &side, &selector));
    let mirror = context.mirror(client).run(context.view.clone());
    let mirror = tokio::spawn(mirror);
    let mut tasks = side.tasks.lock().unwrap_or_else(PoisonError::into_inner);
    tasks.extend([controller.abort_handle(), mirror.abort_handle()]);
    tasks.extend(images);
    *side.machines.lock().unwrap_or_else(PoisonError::into_inner) = Some(watched);
    Ok(())
}

/// Starts what brings images to the platform.
fn follow_images(context: &Bootstrap, side: &BootstrapSide, selector: &str) -> AbortHandle {
    let api: Api<ImageSync> = Api::namespaced(side.running.client.clone(), NAMESPACE);
    let watched = Arc::new(Watched::start(api.clone(), watcher::Config::default().labels(selector)));
    let controller = Images {
        api,
        provider: Arc::clone(&context.links.provider),
        owner: context.settled.owner.clone(),
        factory: context.settled.config.talos.image_factory.clone(),
        journal: context.journal.clone(),
        trouble: context.links.trouble.clone(),
        seen: context.links.image_seen.clone(),
    };
    *side.images.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&watched));
    tokio::spawn(controller.run(watched)).abort_handle()
}

/// Removes the requests of machines that the configuration no longer has, and of those that run as another machine than
/// it means now: of these the journal knows no id.
async fn remove_stale_requests(
    api: &Api<MachineRequest>,
    selector: &str,
    context: &Bootstrap,
) -> Result<(), StepError> {
    let failed = |e| StepError::retryable("look for requests of machines that are no longer wanted", e);
    let found = api
        .list(&kube::api::ListParams::default().labels(selector))
        .await
        .map_err(failed)?;
    for request in found {
        let name = request.name_any();
        let phase = request.status.as_ref().and_then(|status| status.phase.as_ref());
        let running = phase.is_some_and(|phase| phase.as_str() == "Running");
        let known = context
            .known()
            .memory
            .machines
            .get(&name)
            .and_then(|m| m.provider_id.clone());
        if context.settled.roles.contains_key(&name) && (known.is_some() || !running) {
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
pub(super) async fn restore_record(to: &Client, context: &Bootstrap) -> Result<(), StepError> {
    establish_crds(to).await?;
    let failed = |e: serde_json::Error| StepError::fatal("render the record", e);
    let id = context.settled.owner.cluster_id;
    let names = ProviderNames::of(&context.settled.config);
    for object in record::groundwork(&context.settled.config, id).map_err(failed)? {
        let object = names.on_management(&object);
        // The addon of the platform has made it, with more than the record knows.
        let kept = object["kind"] == PROVIDER_CONFIG && are_there(to, std::slice::from_ref(&object)).await?;
        if !kept {
            apply_all(to, &[object]).await?;
        }
    }
    let owner = bootstrap_uid(to, &context.settled.config.cluster.name).await?;
    let machines = context.settled.config.machine_names().into_iter();
    let image = context.image();
    let config = &context.settled.config;
    let mut objects: Vec<Value> = machines
        .map(|(name, role)| record::machine_request(config, id, (&name, role), image.as_deref(), &owner))
        .map(|object| Ok(names.on_management(&object?)))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if image.is_some() {
        let object = record::image_sync(config, id, &owner).map_err(failed)?;
        objects.push(names.on_management(&object));
    }
    apply_all(to, &objects).await?;
    let api: Api<MachineRequest> = Api::namespaced(to.clone(), NAMESPACE);
    let known = context.known().memory.machines.clone();
    for (name, facts) in known {
        // A machine that the journal has no id or address of was never Running.
        let (Some(_), Some(_)) = (&facts.provider_id, &facts.address) else {
            continue;
        };
        let status = MachineRequestStatus {
            phase: Some(MachinePhase::Running),
            provider_id: facts.provider_id,
            ip_address: facts.address,
            ..MachineRequestStatus::default()
        };
        merge_status(&api, &name, &status)
            .await
            .map_err(|e| StepError::retryable(format!("write the status of MachineRequest {name}"), e))?;
    }
    match image {
        Some(image) => steps::image::restore_status(context, to, &image).await,
        None => Ok(()),
    }
}

/// Whether an earlier run of this program wrote the same record.
async fn is_written(client: &Client, context: &Bootstrap) -> Result<bool, StepError> {
    let api: Api<ClusterBootstrap> = Api::namespaced(client.clone(), NAMESPACE);
    match api.get(&context.settled.config.cluster.name).await {
        Ok(found) => Ok(found.annotations().get(CONFIG_DIGEST) == Some(&record::stamp(&context.settled.config))),
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
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or("");
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

pub(super) async fn record_written(context: &Bootstrap) -> Result<Proof, StepError> {
    let side = context.bootstrap()?;
    let uid = bootstrap_uid(&side.running.client, &context.settled.config.cluster.name).await?;
    Ok(Proof::of(format!(
        "ClusterBootstrap {} exists ({uid})",
        context.settled.config.cluster.name
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bootstrap::context::tests::new_bootstrap;

    #[tokio::test]
    async fn the_record_is_looked_for_without_a_run() {
        let home = tempfile::tempdir().unwrap();
        let context = new_bootstrap(home.path());
        let before = on_bootstrap_cluster(&context).await.unwrap_err();
        assert!(before.message.contains("holds nothing yet"), "{before}");
        let running = context.settled.cluster.start(&|_| {}).await.unwrap();
        let empty = on_bootstrap_cluster(&context).await.unwrap();
        assert!(
            matches!(&empty, Now::Still(words) if words.starts_with("ClusterBootstrap demo is not there")),
            "{empty:?}"
        );
        establish_crds(&running.client).await.unwrap();
        let objects = record::groundwork(&context.settled.config, context.settled.owner.cluster_id).unwrap();
        apply_all(&running.client, &objects).await.unwrap();
        drop(running);
        let there = on_bootstrap_cluster(&context).await.unwrap();
        assert!(
            matches!(&there, Now::So(words) if words.contains("objects of the record are there")),
            "{there:?}"
        );
    }
}
