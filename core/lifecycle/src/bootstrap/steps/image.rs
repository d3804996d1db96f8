//! The image that the machines are made from: its ImageSync, and what the controller made of it.

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    names,
    v1alpha1::{
        ImageSync,
        image_sync::{ImageSyncPhase, ImageSyncStatus},
    },
};
use butler_engine::{Now, Step, StepId, Verbs, Waiting};
use butler_infra::{ObjectKind, Scope};
use butler_kubernetes::{MANAGER, merge_status};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};

use super::preflight::platform_failed;
use crate::bootstrap::{
    Acted, Bootstrap, Fact, Looked, Probed, Proof, Proved, Report,
    controllers::images,
    phases,
    record::{self, NAMESPACE},
    steps,
};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("image/talos")
}

/// Brings the image to the platform. As long as a machine may be made from it, every run looks at it again.
pub(in crate::bootstrap) fn step(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "bring the Talos image to the platform";
    Step::new(id(), title, phases::PROVISIONING, deadlines.image, Image)
        .after([steps::record::id()])
        .about("talos")
        .hint("look at the platform's tasks and at talos.imageFactory; deadlines.image says how long it may take")
        .volatile()
}

#[derive(Debug)]
struct Image;

impl Verbs<Bootstrap> for Image {
    fn probe<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Probed<'a> {
        Box::pin(async { Ok(no_longer_needed(context)) })
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Acted<'a> {
        Box::pin(request(context))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(brought(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context))
    }
}

/// Once all machines exist nothing is made from the image any more.
fn no_longer_needed(context: &Bootstrap) -> Option<Proof> {
    let made = context.machines_with(steps::machine::id).len();
    let all = context.settled.roles.len();
    (made == all).then(|| Proof::of(format!("all {made} machines are made")))
}

/// Name of the ImageSync.
fn name(context: &Bootstrap) -> String {
    let config = &context.settled.config;
    let version = config.talos.version.to_string();
    names::image_sync(&config.cluster.name, record::schematic(config), &version)
}

async fn request(context: &Bootstrap) -> Result<(), StepError> {
    let client = context.bootstrap()?.running.client.clone();
    let owner = context.cluster_bootstrap_uid(&client).await?;
    let (config, id) = (&context.settled.config, context.settled.owner.cluster_id);
    let name = name(context);
    let object = record::image_sync(config, id, &owner);
    let object = object.map_err(|e| StepError::fatal(format!("render ImageSync {name}"), e))?;
    let api: Api<ImageSync> = Api::namespaced(client, NAMESPACE);
    api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&object))
        .await
        .map(drop)
        .map_err(|e| StepError::retryable(format!("write ImageSync {name}"), e))
}

async fn brought(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let watched = context.bootstrap()?.images()?;
    let info = context.links.provider.info();
    let name = name(context);
    let waiting = format!("{} to have the Talos image", info.display);
    report.waiting(waiting.clone(), None);
    let links = &context.links;
    let id = images::ready(&watched, &links.trouble, &name, &links.image_seen, |said| {
        report.wait_for(Waiting {
            waiting_for: waiting.clone(),
            chain: vec![said.line(&name, info)],
            cause: Some(said.message),
            hint: said.hint,
        });
    })
    .await?;
    Ok(Proof {
        evidence: format!("{name} is {id}"),
        facts: vec![Fact::Image { id }],
    })
}

/// Whether the platform has an image of this cluster.
async fn seen(context: &Bootstrap) -> Result<Now, StepError> {
    let provider = &context.links.provider;
    let found = provider.inventory(Scope::Cluster(&context.settled.owner)).await;
    let found = found.map_err(|e| platform_failed("list the images of this cluster", e))?;
    let images = found.objects.iter().filter(|object| object.kind == ObjectKind::Image);
    let images: Vec<String> = images
        .map(|image| format!("{} ({})", image.name, image.raw_status))
        .collect();
    Ok(if images.is_empty() {
        Now::Still(format!("the {} has no image of this cluster", provider.info().display))
    } else {
        Now::So(format!("{} has {}", provider.info().display, images.join(", ")))
    })
}

/// Writes what the journal knows of the image into the status of its ImageSync.
pub(super) async fn restore_status(context: &Bootstrap, client: &Client, image: &str) -> Result<(), StepError> {
    let name = name(context);
    let api: Api<ImageSync> = Api::namespaced(client.clone(), NAMESPACE);
    let failed = |e| StepError::retryable(format!("write the status of ImageSync {name}"), e);
    let object = api.get_opt(&name).await.map_err(failed)?;
    let Some(object) = object else {
        let message = format!("ImageSync {name} was written and is not there");
        return Err(StepError::new(Class::Retryable, message));
    };
    let status = ImageSyncStatus {
        phase: Some(ImageSyncPhase::Ready),
        provider_image_ref: Some(image.to_owned()),
        observed_generation: object.metadata.generation,
        ..ImageSyncStatus::default()
    };
    merge_status(&api, &name, &status).await.map(drop).map_err(failed)
}
