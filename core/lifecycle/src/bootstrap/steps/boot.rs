//! Talos answers on a machine.

use butler_api::{config::Deadlines, error::StepError, event::Body, view::View};
use butler_engine::{Moment, Now, Step, StepId, Verbs};
use butler_talos::client::{Address, Mode, probe};

use super::{
    Pace,
    below::Wait,
    configure::{foreign, refuse_other_fingerprint},
    machine::role_of,
    platform,
    talos::LOOK,
};
use crate::bootstrap::{Bootstrap, Fact, Looked, Probed, Proof, Proved, Report, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id(machine: &str) -> StepId {
    StepId::new(format!("machine/{machine}/boot"))
}

/// Waits until Talos answers on the machine, which may boot `configured` already.
pub(in crate::bootstrap) fn step(machine: &str, configured: bool, deadlines: &Deadlines) -> Step<Bootstrap> {
    let verbs = Boot {
        machine: machine.to_owned(),
        configured,
    };
    Step::new(
        id(machine),
        format!("wait for Talos on {machine}"),
        phases::PROVISIONING,
        deadlines.boot,
        verbs,
    )
    .after([steps::machine::id(machine)])
    .about(machine)
    .hint("look at the machine's console; the Talos API needs TCP 50000 from here. Then run the same command again")
}

#[derive(Debug)]
struct Boot {
    machine: String,
    configured: bool,
}

impl Verbs<Bootstrap> for Boot {
    fn probe<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Probed<'a> {
        Box::pin(answers(context, &self.machine))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(booted(context, &self.machine, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context, &self.machine))
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let state = match moment {
            Moment::Begun => "booting",
            Moment::Proven if !self.configured => "maintenance",
            Moment::Failed => "failed",
            Moment::Waiting(_) | Moment::Proven => return None,
        };
        steps::machine_state(seen, &self.machine, state)
    }
}

/// Who answers on the machine now.
async fn seen(context: &Bootstrap, name: &str) -> Result<Now, StepError> {
    let (address, mode) = mode(context, name).await?;
    Ok(match mode {
        Mode::Maintenance { .. } => Now::So(format!("{address} is in maintenance mode")),
        mode => as_configured(&address, mode),
    })
}

pub(super) async fn mode(context: &Bootstrap, name: &str) -> Result<(Address, Mode), StepError> {
    let address = context.address(name)?;
    let talos = context.talos_if_made().await?;
    let mode = probe(&address, talos.as_ref().map(|t| &t.credentials), LOOK).await;
    Ok((address, mode))
}

/// Whether it has this cluster's configuration.
pub(super) fn as_configured(address: &Address, mode: Mode) -> Now {
    match mode {
        Mode::Maintenance { .. } => Now::Still(format!("{address} is in maintenance mode, without a configuration")),
        Mode::Configured => Now::So(format!("{address} has this cluster's configuration")),
        Mode::Foreign { detail } => Now::Still(format!("{address}: {detail}")),
        Mode::Silent { cause } => Now::Still(format!("{address}: {cause}")),
    }
}

/// One look whether Talos answers.
pub(super) async fn answers(context: &Bootstrap, name: &str) -> Result<Option<Proof>, StepError> {
    let address = context.address(name)?;
    look(context, name, &address).await.map(Result::ok)
}

/// Waits until Talos answers, in maintenance mode or with this cluster's configuration.
pub(super) async fn booted(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let address = context.address(name)?;
    let wait = Wait::new(report, format!("Talos on {name} ({address}) to answer"));
    let pace = Pace::of(role_of(context, name)?);
    let waited = async {
        loop {
            match look(context, name, &address).await? {
                Ok(proof) => return Ok(proof),
                Err(cause) => {
                    let top = platform::unanswered(name, &address, &cause);
                    wait.cause(Some(cause), vec![top]);
                }
            }
            pace.pause().await;
        }
    };
    platform::explained(context, &wait, name, waited).await
}

/// The proof, or the cause why there is none yet.
async fn look(context: &Bootstrap, name: &str, address: &Address) -> Result<Result<Proof, String>, StepError> {
    let talos = context.talos_if_made().await?;
    let credentials = talos.as_ref().map(|t| &t.credentials);
    match probe(address, credentials, LOOK).await {
        Mode::Maintenance { fingerprint } => {
            refuse_other_fingerprint(context, name, address, &fingerprint)?;
            context.unconfigured().insert(name.to_owned());
            let facts = vec![Fact::Fingerprint {
                machine: name.to_owned(),
                fingerprint: fingerprint.clone(),
            }];
            Ok(Ok(Proof {
                evidence: format!("{address} is in maintenance mode, fingerprint {fingerprint}"),
                facts,
            }))
        }
        Mode::Configured => Ok(Ok(Proof::of(format!("{address} has this cluster's configuration")))),
        // A node of ours that was configured a moment ago may still be changing its certificate.
        Mode::Foreign { detail } => Err(foreign(name, address, &detail)),
        Mode::Silent { cause } => Ok(Err(cause)),
    }
}
