//! Read-only checks before the first effect.

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    event::Body,
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_infra::{CheckStatus, InfraError};

use crate::bootstrap::{Bootstrap, Looked, Proof, Proved, Report, controllers::machines::refusal, phases, plan};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("preflight")
}

/// Checks the platform before anything is made.
pub(in crate::bootstrap) fn step(deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = "check the platform and the tools";
    Step::new(id(), title, phases::PROVISIONING, deadlines.machine, Preflight)
}

#[derive(Debug)]
struct Preflight;

impl Verbs<Bootstrap> for Preflight {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(preflight(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Looked<'a> {
        Box::pin(async { Ok(Now::So(preflight(context, report).await?.evidence)) })
    }
}

pub(super) async fn preflight(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let plan = plan::infra(&context.settled.config, context.settled.owner.cluster_id);
    report.waiting("the platform's checks", None);
    let checks = context.links.provider.preflight(&plan).await;
    let checks = checks.map_err(|e| platform_failed("check the platform", e))?;
    let failed: Vec<_> = checks.iter().filter(|c| c.status == CheckStatus::Fail).collect();
    if let Some(first) = failed.first() {
        let all: Vec<String> = failed.iter().map(|c| format!("{} ({})", c.summary, c.id)).collect();
        let mut error = StepError::new(
            Class::Configuration,
            format!("the platform is not ready: {}", all.join("; ")),
        );
        error.hint.clone_from(&first.hint);
        return Err(error);
    }
    for check in checks.iter().filter(|c| c.status == CheckStatus::Warn) {
        report.emit(Body::Warning {
            message: check.summary.clone(),
            hint: check.hint.clone(),
        });
    }
    Ok(Proof::of(format!("{} checks passed", checks.len())))
}

/// A failed question to the platform.
pub(crate) fn platform_failed(what: &str, error: InfraError) -> StepError {
    let class = refusal(&error).unwrap_or(Class::Retryable);
    StepError {
        class,
        hint: error.hint.clone(),
        ..StepError::retryable(what, error)
    }
}
