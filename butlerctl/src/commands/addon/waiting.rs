//! Waiting for an addon with a view of it.

use std::time::Duration;

use butler_tenancy::addons::Target;
use butler_tenancy::addons::wait::{self, Asked, Goal, Sight, Subject, WaitError};
use butler_tenancy::pages;
use butler_terminal::progress::board::Scene;
use butler_terminal::{Exit, Failure};
use kube::ResourceExt as _;
use kube::api::DynamicObject;

use crate::commands::board;
use crate::commands::cluster::waiting::Work;

/// Whether a command waits for what it asked for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct WaitArgs {
    /// Wait until it is done
    #[arg(long)]
    pub wait: bool,
    /// How long to wait, for example 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = butler_api::duration::parse_positive)]
    pub timeout: Duration,
}

/// Waits for an addon, and shows it meanwhile.
pub(super) async fn follow(
    on: &Work<'_>,
    target: &Target,
    subject: Subject,
    goal: Goal,
    timeout: Duration,
) -> Result<Option<DynamicObject>, Failure> {
    let asked = Asked {
        namespace: target.namespace.clone(),
        subject,
        goal,
        timeout,
    };
    let subject = format!("addon {} on {}", target.addon, target.cluster);
    let ended = board::shown(on.account.ui, on.stop, async |show| {
        wait::wait(on.reach, &asked, &mut |sight| show(scene(&subject, sight))).await
    });
    match ended.await {
        Some(Ok(object)) => Ok(object),
        Some(Err(error)) => Err(not_waited(on, target, &asked, &error)),
        None => {
            let words = format!("interrupted; what was asked of {subject} goes on");
            Err(Failure::new(Exit::Interrupted, words).hint(look(on, target)))
        }
    }
}

fn scene(subject: &str, sight: &Sight) -> Scene {
    Scene {
        subject: subject.to_owned(),
        state: sight.phase.clone().unwrap_or_else(|| "new".to_owned()),
        rows: Vec::new(),
        cause: sight.cause.clone(),
        trouble: sight.trouble.clone(),
    }
}

/// The command that shows an addon.
pub(super) fn look(on: &Work<'_>, target: &Target) -> String {
    on.line(&format!("addon get {} {}", target.cluster, target.addon))
}

fn not_waited(on: &Work<'_>, target: &Target, asked: &Asked, error: &WaitError) -> Failure {
    let Target { cluster, addon, .. } = target;
    let caused = |failure: Failure, cause: &Option<String>| match cause {
        Some(cause) => failure.cause(cause.clone()),
        None => failure,
    };
    match error {
        WaitError::Watch(source) => {
            let failure = butler_account::failure::watch(source);
            failure.while_doing(format!("cannot watch addon {addon} of cluster {cluster}"))
        }
        WaitError::Removed => {
            let words = format!("addon {addon} of cluster {cluster} was removed meanwhile");
            Failure::new(Exit::Failed, words).hint(on.line(&format!("addon enable {cluster} {addon}")))
        }
        WaitError::Failed(cause) => {
            let words = format!("addon {addon} of cluster {cluster} has failed");
            let failure = caused(Failure::new(Exit::Failed, words), cause);
            failure.hint(format!("it is tried again; look at it: {}", look(on, target)))
        }
        WaitError::Deadline(cause) => {
            let what = match asked.goal {
                Goal::Installed => "is not installed",
                Goal::Gone => "is not gone",
            };
            let time = butler_terminal::duration::clock(asked.timeout);
            let words = format!("addon {addon} of cluster {cluster} {what} after {time}");
            let failure = caused(Failure::new(Exit::Deadline, words), cause);
            failure.hint(format!("it goes on; look at it: {}", look(on, target)))
        }
    }
}

/// Waits until a TenantAddon is installed where that is wanted; else says how to look at it, where there is anything to see.
pub(super) async fn settle(
    on: &Work<'_>,
    target: &Target,
    object: Box<DynamicObject>,
    waiting: WaitArgs,
    changed: bool,
) -> Result<Box<DynamicObject>, Failure> {
    if !waiting.wait {
        if changed {
            on.account.ui.hint(&format!("see how it goes: {}", look(on, target)));
        }
        return Ok(object);
    }
    let subject = Subject::Addon(object.name_any(), object.metadata.uid.clone());
    let installed = follow(on, target, subject, Goal::Installed, waiting.timeout).await?;
    let Target { cluster, addon, .. } = target;
    on.account
        .ui
        .note(&format!("addon {addon} is installed on cluster {cluster}"));
    Ok(installed.map_or(object, |installed| Box::new(pages::without_managed_fields(installed))))
}
