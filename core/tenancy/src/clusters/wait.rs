//! Waiting until a cluster is as it should be, by watching it. The API server may be restarted meanwhile, and a watch may end.

mod goal;
mod left;
mod sight;
mod state;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Duration;

use kube::api::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, Client};
use tokio::sync::Notify;
use tokio::time::Instant;

pub use self::goal::{BadGoal, Goal};
pub use self::sight::{Row, RowState, Sight};
use self::state::{State, Verdict};
use super::change;
use super::read::ReadError;
use crate::follow;
use crate::reach::Reach;

/// What is waited for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The namespace of the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it should be.
    pub goal: Goal,
    /// Which cluster of that name, where that is known: another one may take its place.
    pub uid: Option<String>,
    /// How long to wait.
    pub timeout: Duration,
}

/// Why a wait ended without what it waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// It cannot be read.
    #[error(transparent)]
    Read(Box<ReadError>),
    /// Somebody deleted it meanwhile.
    #[error("cluster {0} was deleted meanwhile")]
    Deleted(String),
    /// Somebody deletes it.
    #[error("cluster {0} is being deleted")]
    Deleting(String),
    /// It failed, and nothing says that it will mend by itself.
    #[error("cluster {name} has failed")]
    Failed {
        /// The name.
        name: String,
        /// The reason, in one word.
        reason: String,
        /// What its controller says.
        message: String,
        /// How long it was given to mend by itself.
        after: Duration,
    },
    /// Time is up; what is waited for goes on.
    #[error("{what} after {}", shown(*.after))]
    Deadline {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// What held it up at the end.
        cause: Option<String>,
        /// What was left of it, if it was to be gone.
        left: Vec<String>,
    },
}

impl From<ReadError> for WaitError {
    fn from(error: ReadError) -> Self {
        Self::Read(Box::new(error))
    }
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 60, seconds % 60) {
        (0, _) if seconds == 0 => format!("{} ms", time.as_millis()),
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

/// Waits, and reports what there is to be seen whenever that changes. It gives the object as it was at the end; nothing where it
/// is gone, which may be what was waited for.
pub async fn wait(
    reach: &Reach,
    asked: &Asked,
    report: &mut dyn FnMut(&Sight),
) -> Result<Option<DynamicObject>, WaitError> {
    wait_in(change::clusters(reach, &asked.namespace), asked, report).await
}

async fn wait_in(
    clusters: Api<DynamicObject>,
    asked: &Asked,
    report: &mut dyn FnMut(&Sight),
) -> Result<Option<DynamicObject>, WaitError> {
    let deadline = Instant::now() + asked.timeout;
    let client = clusters.clone().into_client();
    let state = RefCell::new(State::new(asked));
    let report = RefCell::new(report);
    let seen_more = Notify::new();
    let only = watcher::Config::default().fields(&format!("metadata.name={}", asked.name));
    let watched = follow::follow(clusters, only, |step| {
        let verdict = state.borrow_mut().step(step, Instant::now());
        seen_more.notify_one();
        match verdict {
            Verdict::Met(object) => ControlFlow::Break(Ok(*object)),
            Verdict::Ended(error) => ControlFlow::Break(Err(error)),
            Verdict::Changed(sight) => {
                (report.borrow_mut())(&sight);
                ControlFlow::Continue(())
            }
            Verdict::Same => ControlFlow::Continue(()),
        }
    });
    let aside = async {
        if asked.goal == Goal::Deleted {
            watch_remains(&client, &state, &seen_more, &report).await;
        }
        impatience(&state, &seen_more).await
    };
    tokio::select! {
        ended = watched => ended.unwrap_or_else(|error| Err(not_shown(error, asked))),
        error = aside => Err(error),
        () = tokio::time::sleep_until(deadline) => Err(state.borrow().late(asked.timeout)),
    }
}

/// Ends when a cluster has said the same failure for too long.
async fn impatience(state: &RefCell<State<'_>>, seen_more: &Notify) -> WaitError {
    loop {
        let moment = state.borrow().gives_up();
        let patience = async {
            match moment {
                Some(moment) => tokio::time::sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = patience => {
                if let Verdict::Ended(error) = state.borrow_mut().give_up() {
                    return error;
                }
            }
            () = seen_more.notified() => {}
        }
    }
}

/// Whoever is told what there is to be seen.
type Report<'a> = RefCell<&'a mut dyn FnMut(&Sight)>;

/// Watches what is left of a cluster, as soon as it is known to be on its way out.
async fn watch_remains(client: &Client, state: &RefCell<State<'_>>, seen_more: &Notify, report: &Report<'_>) {
    let whose = loop {
        if let Some(whose) = state.borrow().deleted() {
            break whose;
        }
        seen_more.notified().await;
    };
    left::follow(client, &whose, |left| {
        if let Verdict::Changed(sight) = state.borrow_mut().left(left) {
            (report.borrow_mut())(&sight);
        }
    })
    .await;
}

fn not_shown(error: watcher::Error, asked: &Asked) -> WaitError {
    let source = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => error,
        watcher::Error::WatchError(status) => kube::Error::Api(status),
        error @ watcher::Error::NoResourceVersion => kube::Error::Service(Box::new(error)),
    };
    let what = format!("tenant cluster {} in namespace {}", asked.name, asked.namespace);
    WaitError::from(ReadError::Kubernetes {
        what,
        source: Box::new(source),
        needs: None,
    })
}
