//! An addon: installed by the installer of the run, proven by what its objects say.

use std::sync::Mutex;

use butler_addons::{Addon, ReleaseState, Source};
use butler_api::{
    config::{Deadlines, Role},
    error::{Class, StepError},
    event::Body,
    view::View,
};
use butler_engine::{Moment, Now, Step, StepId, Verbs};

use super::below::{Wait, explained};
use crate::bootstrap::{Acted, Bootstrap, Looked, Proof, Proved, Report, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id(addon: &str) -> StepId {
    StepId::new(format!("addon/{addon}"))
}

/// Installs the addon and waits until it works. One that announces the endpoint is not installed while somebody else answers
/// on it; one that runs pods while it is installed waits for a node.
pub(in crate::bootstrap) fn step(addon: &Addon, machines: &[(String, Role)], deadlines: &Deadlines) -> Step<Bootstrap> {
    let nodes = machines.iter().filter(|_| addon.needs_ready_node);
    let verbs = Install {
        addon: addon.name.clone(),
    };
    Step::new(
        id(&addon.name),
        addon.title.clone(),
        phases::INSTALLING,
        deadlines.addon,
        verbs,
    )
    .after(addon.needs.iter().map(|need| id(need)))
    .after([steps::api_server::id()])
    .after(addon.announces_endpoint.then(steps::endpoint::free_id))
    .after_any(nodes.map(|(name, _)| steps::node::ready_id(name)))
    .hint("look at the pods it waits for with kubectl; the same command goes on from here")
}

#[derive(Debug)]
struct Install {
    addon: String,
}

impl Verbs<Bootstrap> for Install {
    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(install(context, &self.addon, report))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(ready(context, &self.addon, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Looked<'a> {
        Box::pin(async { Ok(Now::So(ready(context, &self.addon, report).await?.evidence)) })
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let (state, detail) = match moment {
            Moment::Begun => ("installing", None),
            Moment::Waiting(cause) => ("installing", Some(cause.to_owned())),
            Moment::Proven => ("ready", None),
            Moment::Failed => ("failed", None),
        };
        let _ = seen;
        Some(Body::AddonChanged {
            addon: self.addon.clone(),
            state: state.to_owned(),
            detail,
        })
    }
}

pub(super) async fn install(context: &Bootstrap, name: &str, report: &Report) -> Result<(), StepError> {
    let addon = addon(context, name)?;
    let installer = context.installer().await?;
    report.waiting(format!("the installer of {}", addon.name), None);
    if let ReleaseState::Deployed { same: true, .. } = installer.observe(addon).await? {
        return Ok(());
    }
    let last = Mutex::new(String::new());
    let source = match &addon.source {
        Source::Chart(_) => format!("helm {}", addon.name),
        Source::Manifest(_) | Source::Objects(_) | Source::ProviderIds(_) => format!("installer {}", addon.name),
    };
    let on_line = |line: &str| {
        let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last != line {
            line.clone_into(&mut last);
            report.log(steps::level(line), &source, line);
            report.waiting(format!("the installer of {}", addon.name), Some(line.to_owned()));
        }
    };
    installer.install(addon, &on_line).await?;
    Ok(())
}

pub(super) async fn ready(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let addon = addon(context, name)?;
    let management = context.management().await?;
    let wait = Wait::for_objects(report, &management.nodes);
    let said = |unmet| wait.unmet(unmet);
    let waited = async {
        let ready = butler_kubernetes::wait(&management.access.client, &addon.ready, &said).await;
        ready.map_err(|e| StepError {
            class: e.class,
            ..StepError::retryable(format!("watch {}", addon.title), e)
        })
    };
    let evidence = explained(context, &wait, || wait.unready(), waited).await?;
    Ok(Proof::of(evidence))
}

fn addon<'a>(context: &'a Bootstrap, name: &str) -> Result<&'a Addon, StepError> {
    context
        .settled
        .addons
        .get(name)
        .ok_or_else(|| StepError::new(Class::Fatal, format!("addon {name} is not in the plan")))
}
