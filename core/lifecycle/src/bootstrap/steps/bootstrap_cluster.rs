//! The cluster that holds the record until the pivot: started, and removed after it.

use butler_api::{config::Deadlines, error::StepError, event::Body};
use butler_engine::{Now, Step, StepId, Verbs};

use crate::{
    bootstrap::{Acted, Bootstrap, Looked, Probed, Proof, Proved, Report, phases, steps},
    bootstrap_clusters::SetAside,
};

/// Id of the step that starts it.
pub(in crate::bootstrap) fn start_id() -> StepId {
    StepId::new("bootstrap-cluster/start")
}

/// Id of the step that removes it.
pub(in crate::bootstrap) fn remove_id() -> StepId {
    StepId::new("bootstrap-cluster/remove")
}

/// Starts the bootstrap cluster.
pub(in crate::bootstrap) fn start(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "start the bootstrap cluster";
    Step::new(start_id(), title, phases::PROVISIONING, deadlines.machine, Start).volatile()
}

/// Removes the bootstrap cluster after the pivot.
pub(in crate::bootstrap) fn removal(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "remove the bootstrap cluster";
    Step::new(remove_id(), title, phases::PIVOTING, deadlines.pivot, Removal).after([steps::pivot::commit_id()])
}

#[derive(Debug)]
struct Start;

impl Verbs<Bootstrap> for Start {
    fn probe<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Probed<'a> {
        Box::pin(async { Ok(moved(context)) })
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(start_cluster(context, report))
    }

    fn prove<'a>(&'a self, _: &'a Bootstrap, _: &'a Report) -> Proved<'a> {
        Box::pin(async { Ok(Proof::of("the bootstrap cluster answers")) })
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(can_start(context))
    }
}

#[derive(Debug)]
struct Removal;

impl Verbs<Bootstrap> for Removal {
    fn act<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Acted<'a> {
        Box::pin(remove(context))
    }

    fn prove<'a>(&'a self, _: &'a Bootstrap, _: &'a Report) -> Proved<'a> {
        Box::pin(async { Ok(Proof::of("the bootstrap cluster is gone")) })
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(is_left(context))
    }
}

/// After the pivot neither the bootstrap cluster nor the record on it is needed.
pub(super) fn moved(context: &Bootstrap) -> Option<Proof> {
    let moved = context.is_proven(&steps::pivot::commit_id());
    moved.then(|| Proof::of("the record is on the management cluster"))
}

pub(super) async fn start_cluster(context: &Bootstrap, report: &Report) -> Result<(), StepError> {
    report.waiting("the bootstrap cluster to answer", None);
    // Only kind says anything.
    let on_line = |line: &str| {
        report.log(steps::level(line), "kind", line);
        report.waiting("the bootstrap cluster to answer", Some(line.to_owned()));
    };
    let running = context.settled.cluster.start(&on_line).await?;
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

/// Whether a run would find it as it should be. Where it is a part of this program it runs only while a run does.
async fn can_start(context: &Bootstrap) -> Result<Now, StepError> {
    if let Some(proof) = moved(context) {
        return Ok(Now::So(proof.evidence));
    }
    let looked = context.settled.cluster.look().await?;
    let version = looked.client.apiserver_version().await;
    let version = version.map_err(|e| StepError::retryable("reach the bootstrap cluster", e))?;
    Ok(Now::So(format!("{} ({})", looked.place, version.git_version)))
}

/// Whether something of it is left.
async fn is_left(context: &Bootstrap) -> Result<Now, StepError> {
    Ok(match context.settled.cluster.leftover().await? {
        Some(left) => Now::Still(left),
        None => Now::So("nothing of the bootstrap cluster is left".to_owned()),
    })
}

/// Removes the bootstrap cluster, also when an earlier run left it behind.
pub(super) async fn remove(context: &Bootstrap) -> Result<(), StepError> {
    match context.bootstrap() {
        Ok(side) => context.settled.cluster.remove(&side.running).await?,
        Err(_) => context.settled.cluster.remove_leftover().await?,
    }
    context.set_bootstrap(None);
    Ok(())
}
