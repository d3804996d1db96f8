//! The end: the management cluster says Ready, and every file that was promised is there.

use std::time::Duration;

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    event::Body,
    v1alpha1::ClusterBootstrap,
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_kubernetes::chain;
use tokio::time::Instant;

use super::{
    Pace, kubeconfig,
    pivot::{phase, proof, record_there, says_ready},
    record, secrets,
};
use crate::bootstrap::{Acted, Bootstrap, Looked, Probed, Proof, Proved, Report, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("ready")
}

/// Confirms that the management cluster is ready, after `last`.
pub(in crate::bootstrap) fn step(last: StepId, deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "confirm that the management cluster is ready";
    Step::new(id(), title, phases::READY, deadlines.pivot, Confirm)
        .after([last, steps::secrets::id(), steps::kubeconfig::id()])
        .volatile()
}

/// How long a status that was written may take to show.
const LOST: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct Confirm;

impl Verbs<Bootstrap> for Confirm {
    fn probe<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Probed<'a> {
        Box::pin(is_ready(context, report))
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(declare_ready(context, report))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(ready(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context))
    }
}

/// Writes the final status on the management cluster; the record too, if somebody has deleted it.
pub(super) async fn declare_ready(context: &Bootstrap, report: &Report) -> Result<(), StepError> {
    let client = &context.management().await?.access.client;
    let name = &context.settled.config.cluster.name;
    if record_there(context).await?.is_none() {
        record::restore_record(client, context).await?;
        report.emit(Body::Warning {
            message: format!("ClusterBootstrap {name} was missing on the management cluster and is written again"),
            hint: None,
        });
    }
    let view = context.view.borrow().clone();
    let endpoint = format!(
        "https://{}:6443",
        crate::bootstrap::context::bracketed(&context.endpoint_host()?)
    );
    context
        .mirror(client.clone())
        .declare_ready(&view, &endpoint)
        .await
        .map_err(|e| StepError::retryable(format!("write the status of ClusterBootstrap {name}"), e))
}

/// Whether the management cluster says Ready, and every file that was promised is what it should be.
pub(super) async fn is_ready(context: &Bootstrap, report: &Report) -> Result<Option<Proof>, StepError> {
    if !record_there(context).await?.as_ref().is_some_and(says_ready) {
        return Ok(None);
    }
    settle_files(context, report).await?;
    Ok(Some(proof(context)))
}

/// What the management cluster says of itself.
async fn seen(context: &Bootstrap) -> Result<Now, StepError> {
    let name = &context.settled.config.cluster.name;
    Ok(match record_there(context).await? {
        Some(found) if says_ready(&found) => Now::So(proof(context).evidence),
        Some(found) => Now::Still(format!(
            "ClusterBootstrap {name} on the management cluster says {}",
            phase(&found).unwrap_or("nothing yet")
        )),
        None => Now::Still(format!("ClusterBootstrap {name} is not on the management cluster")),
    })
}

/// Waits until the management cluster says Ready, and every file that was promised is what it should be. A status that does
/// not show after a while was lost on the way, and is written again.
pub(super) async fn ready(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let pace = Pace::new();
    let began = Instant::now();
    let waiting = format!("ClusterBootstrap {} to be Ready", context.settled.config.cluster.name);
    loop {
        let cause = match record_there(context).await {
            Ok(Some(found)) if says_ready(&found) => {
                settle_files(context, report).await?;
                return Ok(proof(context));
            }
            Ok(found) if began.elapsed() > LOST => {
                let there = found.as_ref().map_or("it does not exist".to_owned(), phase_words);
                return Err(StepError::new(
                    Class::Retryable,
                    format!("{waiting}: {there}, though that was written"),
                ));
            }
            Ok(Some(found)) => phase_words(&found),
            Ok(None) => "it does not exist".to_owned(),
            Err(error) if error.class != Class::Retryable => return Err(error),
            Err(error) => chain(&error),
        };
        report.waiting(waiting.clone(), Some(cause));
        pace.pause().await;
    }
}

fn phase_words(found: &ClusterBootstrap) -> String {
    format!("its phase is {}", phase(found).unwrap_or("empty"))
}

/// What a run ends with naming is there when it ends.
async fn settle_files(context: &Bootstrap, report: &Report) -> Result<(), StepError> {
    secrets::secrets_kept(context).await?;
    secrets::secrets_written(context, report).await?;
    kubeconfig::settle(context, report).await
}
