//! A node of the management cluster: registered, and ready.

use butler_api::{config::Deadlines, error::StepError, event::Body, view::View};
use butler_engine::{Moment, Step, StepId, Verbs};
use futures::FutureExt as _;
use k8s_openapi::api::core::v1::Node;
use kube::runtime::reflector::ObjectRef;

use super::below::{Wait, explained};
use crate::bootstrap::{Bootstrap, Proof, Proved, Report, phases, steps};

/// Id of the step that waits until it is registered.
pub(in crate::bootstrap) fn registered_id(machine: &str) -> StepId {
    StepId::new(format!("node/{machine}/registered"))
}

/// Id of the step that waits until it is ready.
pub(in crate::bootstrap) fn ready_id(machine: &str) -> StepId {
    StepId::new(format!("node/{machine}/ready"))
}

/// Waits until the node exists.
pub(in crate::bootstrap) fn registration(machine: &str, deadlines: &Deadlines) -> Step<Bootstrap> {
    let title = format!("{machine} registers with Kubernetes");
    let verbs = Registered {
        machine: machine.to_owned(),
    };
    Step::new(
        registered_id(machine),
        title,
        phases::BOOTSTRAPPING,
        deadlines.node,
        verbs,
    )
    .after([steps::configure::id(machine), steps::api_server::id()])
    .about(machine)
}

/// Waits until the node is ready.
pub(in crate::bootstrap) fn readiness(machine: &str, deadlines: &Deadlines) -> Step<Bootstrap> {
    let verbs = NodeReady {
        machine: machine.to_owned(),
    };
    Step::new(
        ready_id(machine),
        format!("{machine} becomes ready"),
        phases::INSTALLING,
        deadlines.node,
        verbs,
    )
    .after([registered_id(machine)])
    .about(machine)
}

#[derive(Debug)]
struct Registered {
    machine: String,
}

impl Verbs<Bootstrap> for Registered {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(registered(context, &self.machine, report))
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let state = match moment {
            Moment::Proven => "joined",
            Moment::Failed => "failed",
            Moment::Waiting(_) | Moment::Begun => return None,
        };
        steps::machine_state(seen, &self.machine, state)
    }
}

#[derive(Debug)]
struct NodeReady {
    machine: String,
}

impl Verbs<Bootstrap> for NodeReady {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(node_ready(context, &self.machine, report))
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let state = match moment {
            Moment::Proven => "ready",
            Moment::Failed => "failed",
            Moment::Waiting(_) | Moment::Begun => return None,
        };
        steps::machine_state(seen, &self.machine, state)
    }
}

/// Waits until the Node object exists.
pub(super) async fn registered(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let management = context.management().await?;
    let key = ObjectRef::<Node>::new(name);
    let wait = Wait::new(report, format!("node {name} to register"));
    let found = management.nodes.until_of(&key, |found, trouble| {
        if found.is_none() {
            wait.cause(trouble.map(ToOwned::to_owned));
        }
        found
    });
    explained(context, &wait, || vec![name.to_owned()], found.map(Ok)).await?;
    Ok(Proof::of(format!("node {name} is registered")))
}

/// Waits until the node says Ready.
pub(super) async fn node_ready(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let management = context.management().await?;
    let key = ObjectRef::<Node>::new(name);
    let wait = Wait::new(report, format!("node {name} to be ready"));
    let ready = management.nodes.until_of(&key, |found, trouble| {
        let cause = match found {
            None => Some(trouble.map_or_else(|| "it is not registered".to_owned(), ToOwned::to_owned)),
            Some(node) => unreadiness(&node),
        };
        let Some(cause) = cause else { return Some(()) };
        wait.cause(Some(cause));
        None
    });
    explained(context, &wait, || vec![name.to_owned()], ready.map(Ok)).await?;
    Ok(Proof::of(format!("node {name} is Ready")))
}

/// Why a node is not Ready; none if it is.
fn unreadiness(node: &Node) -> Option<String> {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|c| c.type_ == "Ready");
    match ready {
        None => Some("it has not said yet whether it is ready".to_owned()),
        Some(condition) if condition.status == "True" => None,
        Some(condition) => Some(
            [condition.reason.as_deref(), condition.message.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(": "),
        ),
    }
}
