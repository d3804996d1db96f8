//! An addon: installed by the installer of the run, proven by what its objects say.

use std::sync::Mutex;

use butler_addons::{Addon, ReleaseState};
use butler_api::error::{Class, StepError};
use butler_kubernetes::wait;

use crate::{
    context::Context,
    driver::{Proof, Report},
};

pub(super) async fn install(context: &Context, name: &str, report: &Report) -> Result<(), StepError> {
    let addon = addon(context, name)?;
    let management = context.management().await?;
    report.waiting(format!("the installer of {}", addon.name), None);
    if let ReleaseState::Deployed { same: true, .. } = management.installer.observe(addon).await? {
        return Ok(());
    }
    let last = Mutex::new(String::new());
    let on_line = |line: &str| {
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last != line {
            line.clone_into(&mut last);
            report.waiting(format!("the installer of {}", addon.name), Some(line.to_owned()));
        }
    };
    management.installer.install(addon, &on_line).await?;
    Ok(())
}

pub(super) async fn ready(context: &Context, name: &str, report: &Report) -> Result<Proof, StepError> {
    let addon = addon(context, name)?;
    let management = context.management().await?;
    let said = |what: &str, cause: Option<&str>| report.waiting(what, cause.map(ToOwned::to_owned));
    let evidence = wait(&management.access.client, &addon.ready, &said)
        .await
        .map_err(|e| StepError {
            class: e.class,
            ..StepError::retryable(format!("watch {}", addon.title), e)
        })?;
    Ok(Proof::of(evidence))
}

fn addon<'a>(context: &'a Context, name: &str) -> Result<&'a Addon, StepError> {
    context
        .addons
        .get(name)
        .ok_or_else(|| StepError::new(Class::Fatal, format!("addon {name} is not in the plan")))
}
