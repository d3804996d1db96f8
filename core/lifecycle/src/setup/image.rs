//! The image of a cluster's machines, brought before any run has begun.

use butler_api::config::ImageSettings;
use butler_infra::{
    ErrorKind, ImageRef, ImageSpec, Images, InfraError, Owner, PLAIN_SCHEMATIC, Pending, Progress, Transfer,
};
use butler_kubernetes::chain;

use super::{SetupError, Surroundings, platform};
use crate::bootstrap::{
    controllers::machines::{pause, refusal},
    identity,
};

/// How often the platform may fail before a person is asked.
const TRIES: u32 = 4;

/// How far an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coming {
    /// What is being done, in the platform's own words.
    pub words: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// Brings the image of a cluster's machines to its platform, and tells how far it is. A run that begins later finds it: the image
/// carries the identity that the run will take. Dropping the future ends what happens here; what the platform does by itself goes
/// on, and is found by whoever asks next.
pub async fn bring_image(
    image: &ImageSettings,
    surroundings: Surroundings<'_>,
    tell: impl FnMut(Coming) + Send,
) -> Result<ImageRef, SetupError> {
    let provider = platform(&image.provider, None, surroundings, false).await?;
    let info = provider.info();
    let images = provider
        .images()
        .filter(|_| image.provider.brings_image())
        .ok_or_else(|| {
            let message = format!("the {} is given no image with these settings", info.display);
            InfraError::new(info.kind, "bring image", ErrorKind::Unsupported, message)
        })?;
    let spec = ImageSpec {
        owner: Owner {
            cluster_id: identity::promise(&surroundings.home.cluster(&image.cluster))?,
            cluster_name: image.cluster.clone(),
        },
        factory: image.factory.clone(),
        talos: image.talos.clone(),
        schematic: image.schematic.clone().unwrap_or_else(|| PLAIN_SCHEMATIC.to_owned()),
        transfer: Transfer::Auto,
    };
    Ok(bring(images, &spec, tell).await?)
}

/// Asks for the image until it is there, at the pace that the platform names.
async fn bring(
    images: &dyn Images,
    spec: &ImageSpec,
    mut tell: impl FnMut(Coming) + Send,
) -> Result<ImageRef, InfraError> {
    let mut handle = None;
    let mut failures = 0;
    loop {
        match images.image_ensure(spec, handle.take()).await {
            Ok(Progress::Done(found)) => return Ok(found),
            Ok(Progress::Pending(Pending {
                handle: next,
                poll_after,
                note,
                hint,
            })) => {
                tell(Coming { words: note, hint });
                handle = Some(next);
                tokio::time::sleep(poll_after).await;
            }
            Err(error) => {
                failures += 1;
                if failures >= TRIES || refusal(&error).is_some() {
                    return Err(error);
                }
                tell(Coming {
                    words: format!("tried again: {}", chain(&error)),
                    hint: error.hint.clone(),
                });
                tokio::time::sleep(pause(failures, &error)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Mutex, PoisonError},
        time::Duration,
    };

    use butler_api::config::{HttpUrl, ProviderKind};
    use butler_infra::{Fut, OpHandle, OpKind};
    use futures::FutureExt as _;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    type Answer = Result<Progress<ImageRef>, InfraError>;

    /// A platform that answers from a list, and remembers what it was handed.
    struct Says {
        answers: Mutex<VecDeque<Answer>>,
        handed: Mutex<Vec<Option<String>>>,
    }

    impl Images for Says {
        fn image_ensure<'a>(&'a self, _: &'a ImageSpec, previous: Option<OpHandle>) -> Fut<'a, Progress<ImageRef>> {
            let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
            handed.push(previous.map(|handle| handle.id));
            let next = self.answers.lock().unwrap().pop_front();
            async move { next.expect("it is not asked any more") }.boxed()
        }
    }

    fn pending(id: &str, note: &str) -> Progress<ImageRef> {
        Progress::Pending(Pending {
            handle: OpHandle {
                kind: OpKind::ImageCreate,
                provider: ProviderKind::Proxmox,
                id: id.to_owned(),
                started: Timestamp::UNIX_EPOCH,
            },
            poll_after: Duration::from_mins(1),
            note: note.to_owned(),
            hint: None,
        })
    }

    fn error(kind: ErrorKind) -> Answer {
        Err(InfraError::new(ProviderKind::Proxmox, "bring image", kind, "no luck"))
    }

    async fn brought(answers: Vec<Answer>) -> (Result<ImageRef, InfraError>, Vec<String>, Vec<Option<String>>) {
        let says = Says {
            answers: Mutex::new(answers.into()),
            handed: Mutex::default(),
        };
        let spec = ImageSpec {
            owner: Owner {
                cluster_id: Uuid::nil(),
                cluster_name: "demo".to_owned(),
            },
            factory: HttpUrl::parse("https://factory.example.org").unwrap(),
            talos: "1.12.1".parse().unwrap(),
            schematic: PLAIN_SCHEMATIC.to_owned(),
            transfer: Transfer::Auto,
        };
        let mut told = Vec::new();
        let ended = bring(&says, &spec, |coming| told.push(coming.words)).await;
        (ended, told, says.handed.into_inner().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_for_until_it_is_there_and_each_word_is_told() {
        let there = ImageRef {
            provider: ProviderKind::Proxmox,
            id: "local:import/talos.qcow2".to_owned(),
        };
        let answers = vec![
            Ok(pending("one", "built")),
            error(ErrorKind::NotReady),
            Ok(pending("two", "fetched (40 %)")),
            Ok(Progress::Done(there.clone())),
        ];
        let (ended, told, handed) = brought(answers).await;
        assert_eq!(ended.unwrap(), there);
        assert_eq!(told[0], "built");
        assert!(
            told[1].starts_with("tried again: ") && told[1].contains("no luck"),
            "{told:?}"
        );
        assert_eq!(told[2], "fetched (40 %)");
        assert_eq!(handed, [None, Some("one".to_owned()), None, Some("two".to_owned())]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_trying_again_cannot_mend_ends_at_once_and_the_rest_after_some_tries() {
        let (ended, told, _) = brought(vec![error(ErrorKind::Unauthenticated)]).await;
        assert!(ended.is_err() && told.is_empty(), "{told:?}");
        // A task that begins each time and fails each time is no progress.
        let answers = (0..TRIES).flat_map(|_| [Ok(pending("one", "begun")), error(ErrorKind::Server)]);
        let (ended, told, _) = brought(answers.collect()).await;
        assert!(ended.is_err());
        assert_eq!(told.len(), 7, "{told:?}");
    }
}
