//! A node of the management cluster: registered, and ready.

use butler_api::{
    config::Deadlines,
    error::StepError,
    event::{Body, CauseLine, Layer},
    view::View,
};
use butler_engine::{Moment, Now, Step, StepId, Verbs};
use butler_kubernetes::Watched;
use futures::FutureExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, ResourceExt as _, runtime::reflector::ObjectRef};

use super::below::{Wait, explained, line};
use crate::bootstrap::{Bootstrap, Looked, Proof, Proved, Report, phases, steps};

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

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(is_so(context, &self.machine, false))
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

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(is_so(context, &self.machine, true))
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

/// Whether the node is registered, or ready.
async fn is_so(context: &Bootstrap, name: &str, to_be_ready: bool) -> Result<Now, StepError> {
    let management = context.management().await?;
    let nodes: Api<Node> = Api::all(management.access.client.clone());
    let node = nodes.get_opt(name).await;
    let node = node.map_err(|e| StepError::retryable(format!("read node {name}"), e))?;
    Ok(match node.as_ref().map(unreadiness) {
        None => Now::Still("it is not registered".to_owned()),
        Some(Some(unready)) if to_be_ready => Now::Still(unready.words()),
        Some(_) if to_be_ready => Now::So(format!("node {name} is Ready")),
        Some(_) => Now::So(format!("node {name} is registered")),
    })
}

/// Waits until the Node object exists.
pub(super) async fn registered(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let management = context.management().await?;
    let key = ObjectRef::<Node>::new(name);
    let wait = Wait::new(report, format!("node {name} to register"));
    let found = management.nodes.until_of(&key, |found, trouble| {
        if found.is_none() {
            wait.cause(trouble.map(ToOwned::to_owned), absent(name, trouble));
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
        match found {
            None => {
                let cause = trouble.unwrap_or("it is not registered").to_owned();
                wait.cause(Some(cause), absent(name, trouble));
            }
            Some(node) => {
                let Some(unready) = unreadiness(&node) else {
                    return Some(());
                };
                wait.cause(Some(unready.words()), vec![unready.line(name, Timestamp::now())]);
            }
        }
        None
    });
    explained(context, &wait, || vec![name.to_owned()], ready.map(Ok)).await?;
    Ok(Proof::of(format!("node {name} is Ready")))
}

/// Why a node is not seen.
fn absent(name: &str, trouble: Option<&str>) -> Vec<CauseLine> {
    let object = line(Layer::Node, format!("node {name}"), "it is not registered", "");
    let watch = trouble.map(|trouble| line(Layer::Network, "the API server", trouble, "watch"));
    [object].into_iter().chain(watch).collect()
}

/// Nodes that are not Ready, some of them.
pub(super) fn unready(nodes: &Watched<Node>, most: usize) -> Vec<String> {
    let mut names: Vec<String> = seen(nodes, |node| unreadiness(node).map(|_| node.name_any()));
    names.sort_unstable();
    names.truncate(most);
    names
}

/// Why this node is not Ready, if so.
pub(super) fn condition_line(nodes: &Watched<Node>, name: &str) -> Option<CauseLine> {
    let of_name = |node: &Node| (node.name_any() == name).then(|| unreadiness(node)).flatten();
    let unready = seen(nodes, of_name).pop()?;
    Some(unready.line(name, Timestamp::now()))
}

/// What the nodes known by now tell.
fn seen<T>(nodes: &Watched<Node>, tell: impl Fn(&Node) -> Option<T>) -> Vec<T> {
    let found = nodes.until(|store, _| Some(store.state().iter().filter_map(|node| tell(node)).collect::<Vec<_>>()));
    // Nothing is waited for: it is there at once.
    found.now_or_never().into_iter().flatten().collect()
}

/// Why a node is not Ready.
struct Unready {
    reason: Option<String>,
    message: Option<String>,
    since: Option<Timestamp>,
}

impl Unready {
    fn words(&self) -> String {
        let parts = [self.reason.as_deref(), self.message.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
    }

    fn line(&self, name: &str, now: Timestamp) -> CauseLine {
        CauseLine {
            age_seconds: self.since.map(|since| now.duration_since(since).as_secs_f64().max(0.0)),
            ..line(Layer::Node, format!("node {name}"), self.words(), "condition Ready")
        }
    }
}

/// Why a node is not Ready; none if it is.
fn unreadiness(node: &Node) -> Option<Unready> {
    let conditions = node.status.as_ref().and_then(|s| s.conditions.as_ref());
    let ready = conditions.into_iter().flatten().find(|c| c.type_ == "Ready");
    match ready {
        None => Some(Unready {
            reason: None,
            message: Some("it has not said yet whether it is ready".to_owned()),
            since: None,
        }),
        Some(condition) if condition.status == "True" => None,
        Some(condition) => Some(Unready {
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time.as_ref().map(|time| time.0),
        }),
    }
}
