//! A machine is deleted, or reset where machines are only claimed.

use std::time::Duration;

use butler_api::{
    error::StepError,
    event::{Body, CauseLine, Layer, MachineLine},
    view::View,
};
use butler_engine::{Moment, Now, Step, StepId, Verbs, Waiting};
use butler_infra::{ErrorKind, MachineRef, Progress};
use jiff::Timestamp;

use crate::{
    bootstrap::platform_failed,
    destroy::{
        Acted, Destroy, Looked, Probed, Proof, Proved, Report,
        facts::{Fact, MACHINE, ObjectId},
        phases,
    },
};

/// Id of the step: by the platform's id, since several machines may have one name.
pub(in crate::destroy) fn id(machine: &MachineRef) -> StepId {
    StepId::new(format!("machine/{}/delete", machine.id))
}

/// Deletes the machine after these steps.
pub(in crate::destroy) fn step(
    machine: &MachineRef,
    needs: impl IntoIterator<Item = StepId>,
    deadline: Duration,
) -> Step<Destroy> {
    let verbs = Delete {
        machine: machine.clone(),
    };
    Step::new(
        id(machine),
        format!("delete machine {}", machine.name),
        phases::MACHINES,
        deadline,
        verbs,
    )
    .after(needs)
    .about(&machine.name)
    .hint("look at the machine on the platform; the same command goes on from here")
    .limited()
}

#[derive(Debug)]
struct Delete {
    machine: MachineRef,
}

impl Verbs<Destroy> for Delete {
    fn probe<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Probed<'a> {
        Box::pin(async { Ok(is_gone(destroy, &self.machine).await?.then(|| absent(&self.machine))) })
    }

    fn act<'a>(&'a self, destroy: &'a Destroy, report: &'a Report) -> Acted<'a> {
        Box::pin(delete(destroy, &self.machine, report))
    }

    fn prove<'a>(&'a self, destroy: &'a Destroy, report: &'a Report) -> Proved<'a> {
        Box::pin(gone(destroy, &self.machine, report))
    }

    fn look<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(destroy, &self.machine))
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let state = match moment {
            Moment::Begun => "deleting",
            Moment::Proven => "deleted",
            Moment::Failed => "failed",
            Moment::Waiting(_) => return None,
        };
        let line = seen.machine(&self.machine.name).filter(|line| line.state != state)?;
        let machine = MachineLine {
            state: state.to_owned(),
            ..line.clone()
        };
        Some(Body::MachineChanged { machine })
    }
}

/// The machine as an object of a receipt.
pub(in crate::destroy) fn object(machine: &MachineRef) -> ObjectId {
    ObjectId {
        kind: MACHINE.to_owned(),
        id: machine.id.clone(),
        name: machine.name.clone(),
    }
}

pub(super) fn absent(machine: &MachineRef) -> Proof {
    let fact = Fact::Absent {
        object: object(machine),
        at: Timestamp::now(),
    };
    Proof {
        evidence: format!("{} ({}) is gone", machine.name, machine.id),
        facts: vec![fact],
    }
}

/// What the platform says of a machine.
fn on_platform(destroy: &Destroy, machine: &MachineRef, text: &str) -> CauseLine {
    CauseLine {
        layer: Layer::Platform,
        object: format!("machine {} ({})", machine.name, machine.id),
        text: text.to_owned(),
        source: destroy.provider.info().display.to_owned(),
        age_seconds: None,
    }
}

/// Whether the platform has nothing of the machine.
pub(super) async fn is_gone(destroy: &Destroy, machine: &MachineRef) -> Result<bool, StepError> {
    let seen = destroy.provider.machine_observe(machine).await;
    let seen = seen.map_err(|e| platform_failed(&format!("look at machine {}", machine.name), e))?;
    Ok(seen.lifecycle.is_gone())
}

/// How the machine is now.
async fn seen(destroy: &Destroy, machine: &MachineRef) -> Result<Now, StepError> {
    let seen = destroy.provider.machine_observe(machine).await;
    let seen = seen.map_err(|e| platform_failed(&format!("look at machine {}", machine.name), e))?;
    Ok(if seen.lifecycle.is_gone() {
        Now::So(absent(machine).evidence)
    } else {
        Now::Still(format!(
            "{} ({}) is there: {}",
            machine.name, machine.id, seen.raw_status
        ))
    })
}

/// Deletes the machine and follows the platform's task to its end. What is about to be deleted is on disk before.
pub(super) async fn delete(destroy: &Destroy, machine: &MachineRef, report: &Report) -> Result<(), StepError> {
    let object = object(machine);
    let found = Fact::Found {
        object: object.clone(),
        created: machine.created,
    };
    report
        .intent(format!("delete machine {}", machine.name), vec![found])
        .await?;
    let mut handle = None;
    loop {
        let asked = destroy
            .provider
            .machine_delete(&destroy.owner, machine, handle.take())
            .await;
        match asked {
            Ok(Progress::Done(())) => break,
            Ok(Progress::Pending(pending)) => {
                report.wait_for(Waiting {
                    chain: vec![on_platform(destroy, machine, &pending.note)],
                    waiting_for: pending.note,
                    cause: None,
                    hint: pending.hint,
                });
                handle = Some(pending.handle);
                tokio::time::sleep(pending.poll_after).await;
            }
            // Another creation under its id: ours is gone, and that one is not ours to touch.
            Err(error) if error.kind == ErrorKind::Foreign => {
                let replaced = Fact::Replaced {
                    object,
                    at: Timestamp::now(),
                };
                let what = format!("{} is gone: {} is another machine now", machine.name, machine.id);
                return report.effect(what, vec![replaced]).await;
            }
            Err(error) => return Err(platform_failed(&format!("delete machine {}", machine.name), error)),
        }
    }
    let deleted = Fact::Deleted {
        object,
        at: Timestamp::now(),
    };
    report
        .effect(format!("machine {} is deleted", machine.name), vec![deleted])
        .await
}

/// Waits until the platform has nothing of the machine.
async fn gone(destroy: &Destroy, machine: &MachineRef, report: &Report) -> Result<Proof, StepError> {
    let fate = destroy.journal.known().memory.objects.get(&object(machine)).copied();
    if fate.is_some_and(|fate| !fate.begun && fate.absent.is_some()) {
        return Ok(Proof::of(format!("another machine has the id of {}", machine.name)));
    }
    loop {
        let seen = destroy.provider.machine_observe(machine).await;
        let seen = seen.map_err(|e| platform_failed(&format!("look at machine {}", machine.name), e))?;
        if seen.lifecycle.is_gone() {
            return Ok(absent(machine));
        }
        let state = on_platform(destroy, machine, &seen.raw_status);
        report.wait_for(Waiting {
            waiting_for: format!("{} to be gone", machine.name),
            cause: Some(seen.raw_status),
            chain: vec![state],
            hint: None,
        });
        tokio::time::sleep(seen.poll_after).await;
    }
}
