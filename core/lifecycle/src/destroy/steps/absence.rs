//! Nothing on the platform carries the cluster's marker any more.
//!
//! A run that was killed may have had an order under way when the survey was made: what such an order made is found here, and
//! goes too.

use std::time::Duration;

use butler_api::error::{Class, StepError};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_infra::{MachineRef, ObjectRef, OwnedObject, Scope};

use super::{machine, object};
use crate::{
    bootstrap::platform_failed,
    destroy::{Destroy, Looked, Proof, Proved, Report, phases},
};

/// Pause between looks at a list that is late.
const AGAIN: Duration = Duration::from_millis(500);

/// Id of the step.
pub(in crate::destroy) fn id() -> StepId {
    StepId::new("platform/empty")
}

/// Looks, after all machines went, that nothing is left on the platform.
pub(in crate::destroy) fn step(needs: Vec<StepId>, deadline: Duration) -> Step<Destroy> {
    let title = "check that nothing is left on the platform";
    Step::new(id(), title, phases::VERIFYING, deadline, Absence)
        .after(needs)
        .volatile()
}

#[derive(Debug)]
struct Absence;

impl Verbs<Destroy> for Absence {
    fn prove<'a>(&'a self, destroy: &'a Destroy, report: &'a Report) -> Proved<'a> {
        Box::pin(empty(destroy, report))
    }

    fn look<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Looked<'a> {
        Box::pin(left(destroy))
    }
}

/// What the platform lists of the cluster now.
async fn left(destroy: &Destroy) -> Result<Now, StepError> {
    let found = destroy.provider.inventory(Scope::Cluster(&destroy.owner)).await;
    let found = found.map_err(|e| platform_failed("list what is left on the platform", e))?;
    let unknown = found
        .unknown
        .iter()
        .map(|object| format!("{} ({})", object.name, object.cause));
    let left: Vec<String> = found
        .objects
        .iter()
        .map(|object| object.name.clone())
        .chain(unknown)
        .collect();
    Ok(if left.is_empty() {
        Now::So(nothing(destroy, &[], &[]).evidence)
    } else {
        Now::Still(format!("the platform has {}", left.join(", ")))
    })
}

async fn empty(destroy: &Destroy, report: &Report) -> Result<Proof, StepError> {
    let mut came_late: Vec<MachineRef> = Vec::new();
    let mut late_objects: Vec<ObjectRef> = Vec::new();
    loop {
        let found = destroy.provider.inventory(Scope::Cluster(&destroy.owner)).await;
        let found = found.map_err(|e| platform_failed("list what is left on the platform", e))?;
        if let Some(unknown) = found.unknown.first() {
            let message = format!("nobody can tell whether {} is gone: {}", unknown.name, unknown.cause);
            return Err(StepError::new(Class::Retryable, message));
        }
        let mut left = 0;
        for machine in found.objects.iter().filter_map(OwnedObject::machine) {
            // The list may be late: only the answer about this very machine counts.
            if machine::is_gone(destroy, &machine).await? {
                continue;
            }
            left += 1;
            machine::delete(destroy, &machine, report).await?;
            if !came_late.contains(&machine) {
                came_late.push(machine);
            }
        }
        for found in &found.objects {
            let Some(beside) = found.object() else { continue };
            if !object::is_there(destroy, &beside).await? {
                continue;
            }
            left += 1;
            object::delete(destroy, &beside, found.created, report).await?;
            if !late_objects.contains(&beside) {
                late_objects.push(beside);
            }
        }
        if left == 0 {
            return Ok(nothing(destroy, &came_late, &late_objects));
        }
        let cause = format!("{left} objects came late");
        report.waiting("the platform to list nothing of the cluster", Some(cause));
        tokio::time::sleep(AGAIN).await;
    }
}

fn nothing(destroy: &Destroy, came_late: &[MachineRef], late_objects: &[ObjectRef]) -> Proof {
    let objects = late_objects.iter().flat_map(|object| object::absent(object).facts);
    Proof {
        evidence: format!(
            "nothing on the platform carries the marker of {}",
            destroy.owner.cluster_name
        ),
        facts: came_late
            .iter()
            .flat_map(|machine| machine::absent(machine).facts)
            .chain(objects)
            .collect(),
    }
}
