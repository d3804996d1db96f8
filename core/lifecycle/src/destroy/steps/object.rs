//! An object beside the machines is deleted: an image, a volume with the data of a first boot.

use std::time::Duration;

use butler_api::{
    error::{Class, StepError},
    event::{CauseLine, Layer},
};
use butler_engine::{Now, Step, StepId, Verbs, Waiting};
use butler_infra::{ErrorKind, ObjectRef, Objects, Progress};
use jiff::Timestamp;

use crate::{
    bootstrap::platform_failed,
    destroy::{
        Acted, Destroy, Looked, Probed, Proof, Proved, Report,
        facts::{Fact, ObjectId},
        phases,
    },
};

/// Pause between looks at an object that is still listed.
const AGAIN: Duration = Duration::from_millis(500);

/// Id of the step.
pub(in crate::destroy) fn id(object: &ObjectRef) -> StepId {
    StepId::new(format!("{}/{}/delete", object.kind, object.id))
}

/// Deletes the object after these steps.
pub(in crate::destroy) fn step(
    object: &ObjectRef,
    created: Option<Timestamp>,
    needs: impl IntoIterator<Item = StepId>,
    deadline: Duration,
) -> Step<Destroy> {
    let title = format!("delete {} {}", object.kind, object.name);
    let verbs = Delete {
        object: object.clone(),
        created,
    };
    Step::new(id(object), title, phases::OBJECTS, deadline, verbs)
        .after(needs)
        .about(&object.id)
        .hint("look at it on the platform; the same command goes on from here")
        .limited()
}

#[derive(Debug)]
struct Delete {
    object: ObjectRef,
    created: Option<Timestamp>,
}

impl Verbs<Destroy> for Delete {
    fn probe<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Probed<'a> {
        Box::pin(async { Ok((!is_there(destroy, &self.object).await?).then(|| absent(&self.object))) })
    }

    fn act<'a>(&'a self, destroy: &'a Destroy, report: &'a Report) -> Acted<'a> {
        Box::pin(delete(destroy, &self.object, self.created, report))
    }

    fn prove<'a>(&'a self, destroy: &'a Destroy, report: &'a Report) -> Proved<'a> {
        Box::pin(gone(destroy, &self.object, report))
    }

    fn look<'a>(&'a self, destroy: &'a Destroy, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(destroy, &self.object))
    }
}

/// The object as one of a receipt.
pub(in crate::destroy) fn object_id(object: &ObjectRef) -> ObjectId {
    ObjectId {
        kind: object.kind.as_str().to_owned(),
        id: object.id.clone(),
        name: object.name.clone(),
    }
}

pub(super) fn absent(object: &ObjectRef) -> Proof {
    let fact = Fact::Absent {
        object: object_id(object),
        at: Timestamp::now(),
    };
    Proof {
        evidence: format!("{} {} is gone", object.kind, object.id),
        facts: vec![fact],
    }
}

fn objects(destroy: &Destroy) -> Result<&dyn Objects, StepError> {
    let objects = destroy.provider.objects();
    objects.ok_or_else(|| {
        let message = format!("the {} makes nothing beside machines", destroy.provider.info().display);
        StepError::new(Class::Fatal, message)
    })
}

/// Whether the platform has the object.
pub(super) async fn is_there(destroy: &Destroy, object: &ObjectRef) -> Result<bool, StepError> {
    let there = objects(destroy)?.object_exists(object).await;
    there.map_err(|e| platform_failed(&format!("look at {} {}", object.kind, object.name), e))
}

async fn seen(destroy: &Destroy, object: &ObjectRef) -> Result<Now, StepError> {
    Ok(if is_there(destroy, object).await? {
        Now::Still(format!("{} {} is there", object.kind, object.id))
    } else {
        Now::So(absent(object).evidence)
    })
}

/// Deletes the object and follows the platform's task to its end. What is about to be deleted is on disk before.
pub(super) async fn delete(
    destroy: &Destroy,
    object: &ObjectRef,
    created: Option<Timestamp>,
    report: &Report,
) -> Result<(), StepError> {
    let what = format!("{} {}", object.kind, object.name);
    let found = Fact::Found {
        object: object_id(object),
        created,
    };
    report.intent(format!("delete {what}"), vec![found]).await?;
    let objects = objects(destroy)?;
    let mut handle = None;
    loop {
        let asked = objects.object_delete(&destroy.owner, object, handle.take()).await;
        match asked {
            Ok(Progress::Done(())) => break,
            Ok(Progress::Pending(pending)) => {
                let line = CauseLine {
                    layer: Layer::Platform,
                    object: format!("{} {}", object.kind, object.id),
                    text: pending.note.clone(),
                    source: destroy.provider.info().display.to_owned(),
                    age_seconds: None,
                };
                report.wait_for(Waiting {
                    waiting_for: pending.note,
                    cause: None,
                    chain: vec![line],
                    hint: pending.hint,
                });
                handle = Some(pending.handle);
                tokio::time::sleep(pending.poll_after).await;
            }
            Err(error) if error.kind == ErrorKind::Foreign => {
                let replaced = Fact::Replaced {
                    object: object_id(object),
                    at: Timestamp::now(),
                };
                let is_other = format!("{what} is gone: {} is somebody else's now", object.id);
                return report.effect(is_other, vec![replaced]).await;
            }
            Err(error) => return Err(platform_failed(&format!("delete {what}"), error)),
        }
    }
    let deleted = Fact::Deleted {
        object: object_id(object),
        at: Timestamp::now(),
    };
    report.effect(format!("{what} is deleted"), vec![deleted]).await
}

/// Waits until the platform does not have the object.
async fn gone(destroy: &Destroy, object: &ObjectRef, report: &Report) -> Result<Proof, StepError> {
    let fate = destroy.journal.known().memory.objects.get(&object_id(object)).copied();
    if fate.is_some_and(|fate| !fate.begun && fate.absent.is_some()) {
        return Ok(Proof::of(format!("{} is somebody else's now", object.id)));
    }
    while is_there(destroy, object).await? {
        report.waiting(format!("{} {} to be gone", object.kind, object.name), None);
        tokio::time::sleep(AGAIN).await;
    }
    Ok(absent(object))
}
