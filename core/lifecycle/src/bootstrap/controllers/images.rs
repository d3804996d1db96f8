//! Reconciles ImageSyncs with a [`Provider`]: brings the image to the platform, reports progress and trouble in status.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use butler_api::{
    conditions::{reasons, types},
    config::HttpUrl,
    error::StepError,
    v1alpha1::{
        ImageSync,
        image_sync::{ImageSyncPhase, ImageSyncStatus, TransferMode},
    },
};
use butler_infra::{ErrorKind, ImageRef, ImageSpec, InfraError, Owner, Pending, Progress, Provider, Transfer};
use butler_kubernetes::{Watched, chain, merge_status};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Api, ResourceExt as _};
use tokio::task::JoinSet;

use super::machines::{PAUSES, Said, Trouble, follow, given_up, not_recorded, note, pause, until_told};
use crate::bootstrap::{Entry, Fact, Journal, steps};

/// What the controller works with.
#[derive(Clone)]
pub struct Images {
    /// ImageSyncs of the bootstrap cluster.
    pub api: Api<ImageSync>,
    /// The platform that is given the images.
    pub provider: Arc<dyn Provider>,
    /// For whose machines they are.
    pub owner: Owner,
    /// The Image Factory that makes them.
    pub factory: HttpUrl,
    /// Where effects are recorded.
    pub journal: Journal,
    /// What people are told about each image.
    pub trouble: Trouble,
    /// The image that this run has seen on the platform.
    pub seen: Seen,
}

/// The id of an image, once a run has seen it on the platform. What an earlier run saw may be gone since.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Option<String>>>);

impl Seen {
    fn set(&self, id: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(id.to_owned());
    }

    fn is(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(id)
    }
}

impl Images {
    /// Reconciles until dropped: one task per ImageSync, which looks at the platform even where an earlier run said Ready.
    pub async fn run(self, watched: Arc<Watched<ImageSync>>) {
        let mut tasks: JoinSet<()> = JoinSet::new();
        let mut busy: BTreeSet<String> = BTreeSet::new();
        loop {
            let found = watched.until(|store, _| {
                let open = store.state().into_iter();
                let open = open.filter(|i| i.metadata.deletion_timestamp.is_none() && !busy.contains(&i.name_any()));
                let open: Vec<Arc<ImageSync>> = open.collect();
                (!open.is_empty()).then_some(open)
            });
            tokio::select! {
                open = found => {
                    for image in open {
                        busy.insert(image.name_any());
                        let controller = self.clone();
                        tasks.spawn(async move { controller.reconcile(&image).await });
                    }
                }
                // What is there stays there, and a refusal is final for this run, so the name stays busy.
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    async fn reconcile(&self, image: &ImageSync) {
        let name = image.name_any();
        #[expect(
            clippy::disallowed_methods,
            reason = "nobody else writes it: what this task wrote last is what is there, and before the first time nothing"
        )]
        let mut status = image.status.clone().unwrap_or_default();
        status.observed_generation = image.metadata.generation;
        let mut failures = 0;
        let mut before = None;
        loop {
            match self.bring(image, &mut status, before.as_deref()).await {
                Ok(found) => {
                    self.seen.set(&found.id);
                    is_ready(&mut status, &found);
                    self.write_status(&name, &mut status).await;
                    self.trouble.set(&name, None);
                    return;
                }
                Err(error) => {
                    let said = Said::of_error(&error);
                    let refused = said.refusal.is_some();
                    before = Some(said.message.clone());
                    failed(&mut status, &said);
                    self.write_status(&name, &mut status).await;
                    self.trouble.set(&name, Some(said));
                    if refused {
                        return;
                    }
                    failures += 1;
                    tokio::time::sleep(pause(failures, &error)).await;
                }
            }
        }
    }

    /// Asks for the image until it is there. `before` is what the last try failed of.
    async fn bring(
        &self,
        image: &ImageSync,
        status: &mut ImageSyncStatus,
        before: Option<&str>,
    ) -> Result<ImageRef, InfraError> {
        let name = image.name_any();
        let kind = self.provider.info().kind;
        let images = self.provider.images().ok_or_else(|| {
            let message = format!("the {} takes no images", self.provider.info().display);
            InfraError::new(kind, "bring image", ErrorKind::Unsupported, message).about(&name)
        })?;
        let spec = self.spec(image)?;
        let mut handle = self.journal.known().memory.operations.get(&name).cloned();
        loop {
            let asked = images.image_ensure(&spec, handle.take()).await;
            if let Err(error) = &asked {
                given_up(&self.journal, steps::image::id(), &name, error).await?;
            }
            match asked? {
                Progress::Done(found) => {
                    self.record(&name, &found).await?;
                    return Ok(found);
                }
                Progress::Pending(Pending {
                    handle: next,
                    poll_after,
                    note,
                    hint,
                }) => {
                    follow(&self.journal, steps::image::id(), &name, &next).await?;
                    if status.provider_task_id.as_deref() != Some(next.id.as_str()) {
                        comes(status, &next.id);
                        self.write_status(&name, status).await;
                    }
                    self.trouble
                        .set(&name, Some(Said::of_platform(again(note, before), hint)));
                    handle = Some(next);
                    tokio::time::sleep(poll_after).await;
                }
            }
        }
    }

    /// The id is on disk before a machine is made from the image.
    async fn record(&self, name: &str, image: &ImageRef) -> Result<(), InfraError> {
        let entry = Entry::Effect {
            step: steps::image::id(),
            what: format!("image {name} is on the platform"),
            facts: vec![Fact::Image { id: image.id.clone() }],
        };
        self.journal
            .append(entry)
            .await
            .map_err(|e| not_recorded(image.provider, e))
    }

    fn spec(&self, image: &ImageSync) -> Result<ImageSpec, InfraError> {
        let factory = &image.spec.factory_ref;
        let version = factory.version.trim_start_matches('v').parse();
        let talos = version.map_err(|error| {
            let message = format!(
                "spec.factoryRef.version {:?} of the ImageSync is no release",
                factory.version
            );
            let fields = vec![("spec.factoryRef.version".to_owned(), "is no release".to_owned())];
            InfraError::new(
                self.provider.info().kind,
                "bring image",
                ErrorKind::Invalid { fields },
                message,
            )
            .about(image.name_any())
            .hint("delete the ImageSync and run the same command again: it is made anew")
            .because(error)
        })?;
        Ok(ImageSpec {
            owner: self.owner.clone(),
            factory: self.factory.clone(),
            talos,
            schematic: factory.schematic_id.clone(),
            transfer: match image.spec.transfer_mode {
                Some(TransferMode::Proxy) => Transfer::Proxy,
                // The platform is asked first; what it cannot reach it is brought.
                _ => Transfer::Auto,
            },
        })
    }

    /// Writes status, however long that takes: a step waits for it.
    async fn write_status(&self, name: &str, status: &mut ImageSyncStatus) {
        status.last_updated = Some(Time(Timestamp::now()));
        let mut failures = 0;
        loop {
            match merge_status(&self.api, name, status).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(image = name, error = %chain(&error), "status not written"),
            }
            failures += 1;
            tokio::time::sleep(PAUSES.pause(failures)).await;
        }
    }
}

/// What is worked on, with what an earlier try failed of: that is why it is not there yet, and this try may end the same way.
fn again(note: String, before: Option<&str>) -> String {
    match before {
        Some(before) => format!("{note}, after a try that failed: {before}"),
        None => note,
    }
}

fn comes(status: &mut ImageSyncStatus, task: &str) {
    status.phase = Some(ImageSyncPhase::Downloading);
    status.provider_task_id = Some(task.to_owned());
    let message = "the platform works on it";
    note(
        &mut status.conditions,
        types::PROGRESSING,
        true,
        reasons::CREATING,
        message,
    );
}

fn failed(status: &mut ImageSyncStatus, said: &Said) {
    let goes_on = said.refusal.is_none();
    let (kind, reason) = (types::PROGRESSING, reasons::PROVIDER_ERROR);
    note(&mut status.conditions, kind, goes_on, reason, &said.message);
    if !goes_on {
        status.phase = Some(ImageSyncPhase::Failed);
        status.failure_reason = Some(reason.to_owned());
        status.failure_message = Some(said.message.clone());
    }
}

fn is_ready(status: &mut ImageSyncStatus, image: &ImageRef) {
    status.phase = Some(ImageSyncPhase::Ready);
    status.provider_image_ref = Some(image.id.clone());
    // Empty, not absent: a merge leaves alone what is absent.
    for over in [
        &mut status.provider_task_id,
        &mut status.failure_reason,
        &mut status.failure_message,
    ] {
        *over = over.is_some().then(String::new);
    }
    let message = "the image is on the platform";
    note(
        &mut status.conditions,
        types::READY,
        true,
        reasons::IMAGE_READY,
        message,
    );
    note(
        &mut status.conditions,
        types::PROGRESSING,
        false,
        reasons::IMAGE_READY,
        message,
    );
}

/// Waits until the ImageSync says Ready and this run has seen the image; returns what machines are made from.
pub async fn ready(
    watched: &Watched<ImageSync>,
    trouble: &Trouble,
    name: &str,
    seen: &Seen,
    report: impl FnMut(Said),
) -> Result<String, StepError> {
    let found = |image: &ImageSync| {
        let status = image.status.as_ref()?;
        let id = status.provider_image_ref.clone()?;
        (seen.is(&id) && status.phase == Some(ImageSyncPhase::Ready)).then_some(id)
    };
    until_told(watched, trouble, name, found, report).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_try_failed_of_is_told_while_the_next_one_is_under_way() {
        let note = || "it is being fetched".to_owned();
        assert_eq!(again(note(), None), "it is being fetched");
        assert_eq!(
            again(note(), Some("the transfer ended early")),
            "it is being fetched, after a try that failed: the transfer ended early"
        );
    }
}
