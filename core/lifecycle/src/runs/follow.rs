//! Follows a run from outside its process: by its file of events, and by the lock that says whether it lives.
//!
//! Whoever follows changes nothing and holds nothing, so any number may, and the run does not know.

use std::time::Duration;

use butler_api::event::{Body, Outcome};
use butler_files::{ClusterFolder, Held, Lock, LockError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::stream::{Item, Stream, StreamError};

/// How often the file is looked at: what happens is seen within a tenth of a second.
const LOOK: Duration = Duration::from_millis(50);

/// Looks at the file between two looks at the lock.
const LOOKS: u32 = 10;

/// How long the events of a run that has just begun may take to appear.
const APPEARANCE: Duration = Duration::from_secs(10);

/// How the following ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The run ended like this.
    To(Outcome),
    /// Its process is gone and never said that it ends.
    Gone,
    /// Whoever followed had enough.
    Left,
}

/// Why a run cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Its events cannot be read.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Nobody can tell whether it lives.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// Passes on what a run has said and says, until it ends or `stop` is cancelled.
pub async fn follow(
    folder: &ClusterFolder,
    stop: &CancellationToken,
    mut on: impl FnMut(Said<'_>),
) -> Result<Followed, FollowError> {
    let mut stream = open(folder, stop).await?;
    let mut run = None;
    let mut looks = 0;
    loop {
        let items = stream.read()?;
        for item in &items {
            if let Item::Event(event) = item {
                run = Some(event.run);
            }
            on(Said::Item(item));
            if let Some(outcome) = end(item) {
                return Ok(Followed::To(outcome));
            }
        }
        if !items.is_empty() {
            continue;
        }
        on(Said::UpToDate);
        // What was written before the lock went is read once more.
        if looks >= LOOKS {
            for item in &stream.rest()? {
                on(Said::Item(item));
            }
            return Ok(Followed::Gone);
        }
        looks = if lives(folder, run)? { 0 } else { LOOKS };
        for _ in 0..LOOKS {
            tokio::select! {
                () = stop.cancelled() => return Ok(Followed::Left),
                () = tokio::time::sleep(LOOK) => {}
            }
            if looks > 0 || stream.has_more()? {
                break;
            }
            on(Said::UpToDate);
        }
    }
}

/// What whoever follows is told.
#[derive(Debug)]
pub enum Said<'a> {
    /// Something in the file.
    Item(&'a Item),
    /// Everything that is written was told; called again and again while nothing happens.
    UpToDate,
}

/// The events of the run that lives, else of the last one.
async fn open(folder: &ClusterFolder, stop: &CancellationToken) -> Result<Stream, FollowError> {
    let patience = tokio::time::Instant::now() + APPEARANCE;
    loop {
        let holder = Lock::holder(&folder.lock())?.and_then(|held| held.run());
        let opened = Stream::open(&folder.events());
        // A run that has just begun may not have put its file in the place of the last one's.
        let right = match (&opened, holder) {
            (Ok(_), Some(holder)) => first_run(folder)? == Some(holder),
            (Ok(_), None) => true,
            (Err(error), _) => !error.is_missing() || holder.is_none(),
        };
        if right || stop.is_cancelled() || tokio::time::Instant::now() > patience {
            return Ok(opened?);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn first_run(folder: &ClusterFolder) -> Result<Option<Uuid>, StreamError> {
    let items = Stream::open(&folder.events())?.read()?;
    let run = |item: &Item| match item {
        Item::Event(event) => Some(event.run),
        _ => None,
    };
    Ok(items.iter().find_map(run))
}

fn lives(folder: &ClusterFolder, run: Option<Uuid>) -> Result<bool, LockError> {
    Ok(match Lock::holder(&folder.lock())? {
        None => false,
        Some(Held::Unknown) => true,
        Some(Held::By(holder)) => run.is_none_or(|run| run == holder.run),
    })
}

fn end(item: &Item) -> Option<Outcome> {
    match item {
        Item::Event(event) => match event.body {
            Body::RunFinished { outcome, .. } => Some(outcome),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use butler_api::event::{Event, SCHEMA_VERSION};
    use butler_files::{
        append,
        home::{Home, private_folder},
    };
    use jiff::Timestamp;

    use super::*;

    fn write(folder: &ClusterFolder, run: Uuid, seq: u64, body: Body) {
        let event = Event {
            v: SCHEMA_VERSION,
            seq,
            time: Timestamp::now(),
            run,
            cluster: "demo".to_owned(),
            body,
        };
        let mut line = serde_json::to_vec(&event).unwrap();
        line.push(b'\n');
        append::whole(&mut append::private(&folder.events()).unwrap(), &line).unwrap();
    }

    fn finished() -> Body {
        Body::RunFinished {
            outcome: Outcome::Deadline,
            seconds: 1.0,
            message: String::new(),
        }
    }

    fn folder(root: &std::path::Path) -> ClusterFolder {
        let folder = Home::below(root).cluster("demo");
        private_folder(folder.path()).unwrap();
        folder
    }

    async fn seen(folder: &ClusterFolder) -> (Followed, usize) {
        let mut count = 0;
        let stop = CancellationToken::new();
        let followed = follow(folder, &stop, |said| {
            count += usize::from(matches!(said, Said::Item(_)));
        })
        .await;
        (followed.unwrap(), count)
    }

    #[tokio::test]
    async fn a_run_is_followed_to_its_end_and_a_dead_one_to_its_last_word() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let run = Uuid::new_v4();
        let lock = Lock::take(&folder.lock(), run, Timestamp::now()).unwrap();
        write(&folder, run, 1, Body::RunHeartbeat {});
        let following = tokio::spawn({
            let folder = folder.clone();
            async move { seen(&folder).await }
        });
        tokio::time::sleep(LOOK * 3).await;
        write(&folder, run, 2, Body::RunHeartbeat {});
        drop(lock);
        assert_eq!(following.await.unwrap(), (Followed::Gone, 2));
        write(&folder, run, 3, finished());
        assert_eq!(seen(&folder).await, (Followed::To(Outcome::Deadline), 3));
    }

    #[tokio::test]
    async fn the_run_that_lives_is_followed_and_not_the_one_before_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
        write(&folder, old, 1, finished());
        let _lock = Lock::take(&folder.lock(), new, Timestamp::now()).unwrap();
        let following = tokio::spawn({
            let folder = folder.clone();
            async move { seen(&folder).await }
        });
        tokio::time::sleep(LOOK * 3).await;
        assert!(!following.is_finished(), "the last run's end is not this one's");
        std::fs::remove_file(folder.events()).unwrap();
        write(&folder, new, 1, Body::RunHeartbeat {});
        write(&folder, new, 2, finished());
        assert_eq!(following.await.unwrap(), (Followed::To(Outcome::Deadline), 2));
    }

    #[tokio::test]
    async fn who_had_enough_leaves() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let run = Uuid::new_v4();
        let _lock = Lock::take(&folder.lock(), run, Timestamp::now()).unwrap();
        write(&folder, run, 1, Body::RunHeartbeat {});
        let stop = CancellationToken::new();
        stop.cancel();
        let left = follow(&folder, &stop, |_| ()).await.unwrap();
        assert_eq!(left, Followed::Left);
    }
}
