//! What only the first boot of a machine needed is taken from it: keys may be among it.

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    event::{CauseLine, Layer},
};
use butler_engine::{Now, Step, StepId, Verbs, Waiting};
use butler_infra::{Pending, Progress};

use super::preflight::platform_failed;
use crate::bootstrap::{Acted, Bootstrap, Looked, Proof, Proved, Report, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id(machine: &str) -> StepId {
    StepId::new(format!("machine/{machine}/scrub"))
}

/// Takes the data of its first boot from a machine that has joined the cluster.
pub(in crate::bootstrap) fn step(machine: &str, deadlines: &Deadlines) -> Step<Bootstrap> {
    let verbs = Scrub {
        machine: machine.to_owned(),
    };
    Step::new(
        id(machine),
        format!("take the first-boot data from {machine}"),
        phases::INSTALLING,
        deadlines.machine,
        verbs,
    )
    .after([steps::node::registered_id(machine)])
    .about(machine)
    .hint("look at the machine's drives and tasks on the platform; the same command goes on from here")
    .limited()
}

#[derive(Debug)]
struct Scrub {
    machine: String,
}

impl Verbs<Bootstrap> for Scrub {
    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(async { scrub(context, &self.machine, report).await.map(drop) })
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(scrub(context, &self.machine, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(async { Ok(seen(context, &self.machine)) })
    }
}

/// Nothing but an act tells what a machine still has; the journal tells whether that was done.
fn seen(context: &Bootstrap, name: &str) -> Now {
    if context.is_proven(&id(name)) {
        Now::So(format!("{name} has nothing of its first boot any more"))
    } else {
        Now::Still(format!("{name} may still have the data of its first boot"))
    }
}

/// Takes the data away, and follows that to its end. The platform says that it is done only when it has looked.
async fn scrub(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let provider = &context.links.provider;
    let Some(objects) = provider.objects() else {
        return Ok(Proof::of(format!("the {} keeps no such data", provider.info().display)));
    };
    let machine = steps::machine::find(context, name).await?;
    let machine = machine.ok_or_else(|| {
        let message = format!("the {} has no machine {name} of this cluster", provider.info().display);
        StepError::new(Class::Foreign, message)
    })?;
    let mut handle = None;
    loop {
        let asked = objects.machine_scrub(&context.settled.owner, &machine, handle.take());
        let asked = asked.await;
        match asked.map_err(|e| platform_failed(&format!("take the first-boot data from {name}"), e))? {
            Progress::Done(()) => return Ok(Proof::of(format!("{name} has nothing of its first boot any more"))),
            Progress::Pending(Pending {
                handle: next,
                poll_after,
                note,
                hint,
            }) => {
                let line = CauseLine {
                    layer: Layer::Platform,
                    object: format!("machine {name} ({})", machine.id),
                    text: note.clone(),
                    source: provider.info().display.to_owned(),
                    age_seconds: None,
                };
                report.wait_for(Waiting {
                    waiting_for: note,
                    cause: None,
                    chain: vec![line],
                    hint,
                });
                handle = Some(next);
                tokio::time::sleep(poll_after).await;
            }
        }
    }
}
