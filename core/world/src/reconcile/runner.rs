//! Runs a controller beside its API server: what happens there is observed, a plan is made and written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use butler_embedded::{Follow, Local, Refused};
use tokio::sync::{Notify, oneshot};

use super::plan::{Change, Write};
use super::planner::{ControllerHost, Planner};
use super::resource::Resource;
use crate::net::RETRY;
use crate::world::state::Moment;

struct Runner<P, S> {
    planner: P,
    surroundings: S,
    local: Local,
    follow: Follow,
    /// What the last plan took to make.
    took: Duration,
}

/// How a controller begins.
#[derive(Debug, Default)]
pub(crate) struct Begin {
    /// Since when there has been something to do, where that is not from now on: nobody looked until now.
    pub since: Option<Moment>,
    /// Told when everything is done that there is to do at first.
    pub settled: Option<oneshot::Sender<()>>,
}

/// Runs until it is dropped or the server has gone. A `facts_changed` says that the facts have changed.
pub(crate) async fn run<P: Planner, S: ControllerHost<P>>(
    planner: P,
    surroundings: S,
    local: Local,
    facts_changed: Arc<Notify>,
    begin: Begin,
) {
    let followed: Vec<&str> = planner.follows().iter().map(|resource| resource.path).collect();
    let follow = local.follow(&followed);
    let mut runner = Runner {
        planner,
        surroundings,
        local,
        follow,
        took: Duration::ZERO,
    };
    let Begin { since, mut settled } = begin;
    runner.resume(since);
    loop {
        let wake = runner.work().await;
        if let Some(settled) = settled.take() {
            // Whoever waited may be gone.
            let _ = settled.send(());
        }
        // However often something happens, planning takes half of a processor at most.
        tokio::time::sleep(runner.took).await;
        let seen = tokio::select! {
            seen = runner.follow.next() => match seen {
                Some(seen) => Some(seen),
                None => return,
            },
            () = facts_changed.notified() => None,
            () = sleep_until(&runner.surroundings, wake) => None,
        };
        runner.resume(wake);
        if let Some(seen) = seen {
            let now = runner.surroundings.now();
            runner.planner.observe(&seen, now);
        }
    }
}

async fn sleep_until<P: Planner>(surroundings: &impl ControllerHost<P>, wake: Option<Moment>) {
    match wake {
        Some(moment) => tokio::time::sleep_until(surroundings.instant(moment)).await,
        None => std::future::pending().await,
    }
}

/// How the writes of a plan went.
struct Written<N> {
    changed: bool,
    failed: bool,
    notes: Vec<N>,
}

impl<P: Planner, S: ControllerHost<P>> Runner<P, S> {
    /// There is something to do again: since it was due, or since now.
    fn resume(&mut self, wake: Option<Moment>) {
        let now = self.surroundings.now();
        self.planner.resume(wake.map_or(now, |wake| wake.min(now)));
    }

    /// Plans and writes until nothing is left to do now. Tells when to plan again.
    async fn work(&mut self) -> Option<Moment> {
        loop {
            while let Some(seen) = self.follow.try_next() {
                let now = self.surroundings.now();
                self.planner.observe(&seen, now);
            }
            let began = Instant::now();
            let facts = self.surroundings.facts()?;
            let plan = self.planner.plan(&facts);
            self.took = began.elapsed();
            let Written { changed, failed, notes } = self.write(plan.writes);
            self.surroundings.written(&self.planner, notes);
            if !changed && (failed || !plan.full) {
                let retry = failed.then(|| self.surroundings.now() + RETRY);
                return plan.wake.into_iter().chain(retry).min();
            }
            tokio::task::yield_now().await;
        }
    }

    fn write(&mut self, writes: Vec<Write<P::Note>>) -> Written<P::Note> {
        let mut written = Written {
            changed: false,
            failed: false,
            notes: Vec::new(),
        };
        for write in writes {
            match carry_out(&self.local, write.change) {
                Outcome::Written { changed } => {
                    written.changed |= changed || write.note.is_some();
                    if let Some(note) = write.note {
                        self.planner.took_effect(&note);
                        written.notes.push(note);
                    }
                }
                Outcome::Gone => {}
                Outcome::Failed => written.failed = true,
            }
        }
        written
    }
}

enum Outcome {
    /// It is as it should be; `changed`: it was not before. What changes nothing must not lead to another plan, which would
    /// write the same again, for ever.
    Written { changed: bool },
    /// There is no such object any more.
    Gone,
    /// It was refused, which may pass.
    Failed,
}

fn carry_out(local: &Local, change: Change) -> Outcome {
    match change {
        Change::Create {
            resource,
            namespace,
            object,
        } => {
            let name = object["metadata"]["name"].to_string();
            match local.create(resource.at(&namespace), object) {
                Err(refused) if refused.code == 409 => Outcome::Written { changed: false },
                result => outcome(resource, &name, result.map(|()| true)),
            }
        }
        Change::Patch {
            resource,
            namespace,
            name,
            status,
            patch,
        } => {
            let patched = local.patch(resource.at(&namespace), &name, status, patch);
            unless_gone(resource, &name, patched)
        }
        Change::Delete {
            resource,
            namespace,
            name,
        } => {
            let deleted = local.delete(resource.at(&namespace), &name);
            unless_gone(resource, &name, deleted.map(|()| true))
        }
    }
}

fn unless_gone(resource: Resource, name: &str, result: Result<bool, Refused>) -> Outcome {
    match result {
        Err(refused) if refused.code == 404 => Outcome::Gone,
        result => outcome(resource, name, result),
    }
}

fn outcome(resource: Resource, name: &str, result: Result<bool, Refused>) -> Outcome {
    match result {
        Ok(changed) => Outcome::Written { changed },
        Err(error) => {
            tracing::warn!(kind = resource.kind, name, %error, "write failed");
            Outcome::Failed
        }
    }
}
