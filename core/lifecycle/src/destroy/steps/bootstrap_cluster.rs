//! What is left of a bootstrap cluster outside of the state folder: a kind cluster, or the record on somebody's cluster.

use std::time::Duration;

use butler_api::error::StepError;
use butler_engine::{Now, Step, StepId, Verbs};

use crate::destroy::{Acted, Destroy, Looked, Proof, Proved, Report, phases};

/// Id of the step.
pub(in crate::destroy) fn id() -> StepId {
    StepId::new("bootstrap-cluster/remove")
}

/// Removes what is left, after these steps.
pub(in crate::destroy) fn step(needs: Vec<StepId>, deadline: Duration) -> Step<Destroy> {
    let title = "remove what is left of the bootstrap cluster";
    Step::new(id(), title, phases::TIDYING, deadline, Removal).after(needs)
}

#[derive(Debug)]
struct Removal;

impl Verbs<Destroy> for Removal {
    fn act<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Acted<'a> {
        Box::pin(remove(destroy))
    }

    fn prove<'a>(&'a self, _: &'a Destroy, _: &'a Report) -> Proved<'a> {
        Box::pin(async { Ok(Proof::of("nothing of the bootstrap cluster is left")) })
    }

    fn look<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Looked<'a> {
        Box::pin(is_left(destroy))
    }
}

async fn is_left(destroy: &Destroy) -> Result<Now, StepError> {
    let left = match &destroy.bootstrap_cluster {
        Some(settings) => settings.leftover().await?,
        None => None,
    };
    Ok(match left {
        Some(left) => Now::Still(left),
        None => Now::So("nothing of the bootstrap cluster is left".to_owned()),
    })
}

async fn remove(destroy: &Destroy) -> Result<(), StepError> {
    match &destroy.bootstrap_cluster {
        Some(settings) => settings.remove_leftover().await,
        None => Ok(()),
    }
}
