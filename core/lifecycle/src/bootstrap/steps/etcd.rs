//! etcd: bootstrapped on one node of the cluster, ever.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    event::Layer,
};
use butler_engine::{Now, Step, StepId, Verbs};
use butler_kubernetes::chain;
use butler_talos::client::{BootstrapOutcome, EtcdMember, EtcdStanding, Side, TalosError};
use futures::future::join_all;
use tokio::time::timeout;

use super::{
    Pace,
    below::{Wait, explained, line},
    member::patience,
    talos::{call_failed, connection, in_short, members, node},
};
use crate::bootstrap::{
    Acted, Bootstrap, Fact, Looked, Probed, Proof, Proved, Report,
    etcd::{Calls, Decision, Question, Sight, decide},
    phases, steps,
};

/// Id of the step.
pub(in crate::bootstrap) fn id() -> StepId {
    StepId::new("etcd/bootstrap")
}

/// Bootstraps etcd on one of the control planes, as soon as one is configured.
pub(in crate::bootstrap) fn step(control_planes: &[&str], deadlines: &Deadlines) -> Step<Bootstrap> {
    Step::new(id(), "bootstrap etcd", phases::BOOTSTRAPPING, deadlines.bootstrap, Etcd)
        .after_any(control_planes.iter().map(|name| steps::configure::id(name)))
}

#[derive(Debug)]
struct Etcd;

impl Verbs<Bootstrap> for Etcd {
    fn probe<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Probed<'a> {
        Box::pin(is_bootstrapped(context))
    }

    fn act<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Acted<'a> {
        Box::pin(bootstrap(context, report))
    }

    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(bootstrapped(context, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context))
    }
}

/// Whether the chosen node lists members.
async fn seen(context: &Bootstrap) -> Result<Now, StepError> {
    let chosen = context.known().memory.etcd_node.clone();
    let Some(chosen) = chosen else {
        return Ok(Now::Still("no machine was chosen to bootstrap etcd".to_owned()));
    };
    Ok(match listed_by(context, &chosen).await? {
        Ok(members) if members.is_empty() => Now::Still(format!("{chosen} lists no members")),
        Ok(members) => Now::So(proof(&chosen, members.len()).evidence),
        Err(cause) => Now::Still(cause),
    })
}

/// The members as a control plane lists them, or why it does not. An error where it cannot be asked.
pub(super) async fn listed_by(context: &Bootstrap, name: &str) -> Result<Result<Vec<EtcdMember>, String>, StepError> {
    let unread = |error: StepError| StepError {
        class: Class::Retryable,
        ..error
    };
    context.talos().await.map_err(unread)?;
    context.address(name)?;
    let listed = members(context, name, LOOK).await;
    Ok(listed.map_err(|error| format!("{name}: {}", in_short(&error))))
}

/// How long one look at a control plane may take.
const LOOK: Duration = Duration::from_secs(2);
/// The same for one that no run has configured: it has no etcd, and everything waits for the call.
const GLANCE: Duration = Duration::from_millis(300);
/// How long a node whose etcd runs, or may be about to, has to list its members.
const MEMBERS: Duration = Duration::from_secs(3);
/// How often the chosen node is asked how far its etcd is, while it lists no members.
const STANDING: Duration = Duration::from_secs(1);

/// The node that bootstraps etcd, if the choice was made and it has a member.
pub(super) async fn is_bootstrapped(context: &Bootstrap) -> Result<Option<Proof>, StepError> {
    let chosen = context.known().memory.etcd_node.clone();
    let Some(chosen) = chosen else { return Ok(None) };
    Ok(members(context, &chosen, LOOK)
        .await
        .ok()
        .filter(|m| !m.is_empty())
        .map(|m| proof(&chosen, m.len())))
}

/// Asks every control plane for its etcd; makes the choice durable; then calls Bootstrap on the chosen node and no other.
pub(super) async fn bootstrap(context: &Bootstrap, report: &Report) -> Result<(), StepError> {
    match decided(context).await.0 {
        Decision::Adopt(name) | Decision::Await(name) => choose(context, &name, report).await,
        Decision::Call(name) => {
            choose(context, &name, report).await?;
            call(context, &name).await
        }
        Decision::Hold(cause) => Err(StepError::new(Class::Retryable, cause)
            .hint("bring that machine up: etcd must not be bootstrapped on a second one")),
        Decision::Split(one, two) => Err(split(context, &one, &two)),
    }
}

fn split(context: &Bootstrap, one: &str, two: &str) -> StepError {
    let message = format!("etcd was bootstrapped on {one} and on {two}: these are two clusters");
    let talosconfig = context.files.talosconfig();
    let hint = format!(
        "reset the one that is not wanted, for example: talosctl --talosconfig {} -n {two} reset --graceful=false --reboot",
        talosconfig.display()
    );
    StepError::new(Class::Foreign, message).hint(hint)
}

/// What follows from how all control planes are now, and that.
async fn decided(context: &Bootstrap) -> (Decision, BTreeMap<String, Sight>) {
    let chosen = context.known().memory.etcd_node.clone();
    let configured = configured(context);
    let maybe_called = maybe_called(context);
    let seen = look_at_all(context, &maybe_called).await;
    let decision = decide(&Question {
        chosen: chosen.as_deref(),
        configured: &configured,
        maybe_called: &maybe_called,
        seen: &seen,
    });
    (decision, seen)
}

async fn call(context: &Bootstrap, name: &str) -> Result<(), StepError> {
    let what = format!("bootstrap etcd on {name} at {}", context.address(name)?);
    let node = node(context, name, &what).await?;
    let outcome = node.bootstrap().await;
    match outcome.map_err(|e| call_failed(context, name, what, e))? {
        // "Already has data" is our own earlier call or nothing: the proof asks this node for its members.
        BootstrapOutcome::Accepted | BootstrapOutcome::AlreadyHasData => Ok(()),
    }
}

fn configured(context: &Bootstrap) -> Vec<String> {
    let configured = context.machines_with(steps::configure::id);
    let planes = context.control_planes().into_iter();
    planes.filter(|name| configured.contains(name)).collect()
}

/// Control planes that an earlier run may have called: those it configured, or all where the journal is in doubt.
fn maybe_called(context: &Bootstrap) -> BTreeSet<String> {
    let planes = context.control_planes().into_iter();
    let unsure = context.is_unsure();
    let before = |name: &String| unsure || context.settled.before.contains(&steps::configure::id(name));
    planes.filter(before).collect()
}

/// Looks at every control plane that has an address, all at once.
async fn look_at_all(context: &Bootstrap, maybe_called: &BTreeSet<String>) -> BTreeMap<String, Sight> {
    let looks = context.control_planes().into_iter().map(|name| async move {
        context.address(&name).ok()?;
        let limit = if maybe_called.contains(&name) { LOOK } else { GLANCE };
        // A node that just restarted says that it waits before it finds its data.
        let thorough = context.is_unsure();
        let sight = look(context, &name, limit, thorough).await;
        Some((name, sight))
    });
    join_all(looks).await.into_iter().flatten().collect()
}

async fn look(context: &Bootstrap, name: &str, limit: Duration, thorough: bool) -> Sight {
    let asked = timeout(limit, standing(context, name)).await;
    let standing = match asked {
        Ok(Ok(Ok(standing))) => standing,
        Ok(Ok(Err(TalosError::WrongSide {
            side: Side::Maintenance,
            ..
        }))) => return Sight::Unconfigured,
        Ok(Ok(Err(error))) => return Sight::Silent(chain(&error)),
        Ok(Err(error)) => return Sight::Silent(chain(&error)),
        Err(_) => return Sight::Silent(format!("no answer within {limit:?}")),
    };
    match standing {
        EtcdStanding::Waiting if !thorough => return Sight::Waiting,
        EtcdStanding::Requested => return Sight::Requested,
        EtcdStanding::Failed { requested } => return Sight::Failed { requested },
        EtcdStanding::Waiting | EtcdStanding::Running => {}
    }
    match members(context, name, MEMBERS).await {
        Ok(members) if !members.is_empty() => Sight::Members(members.iter().map(|m| m.id).collect()),
        _ if standing == EtcdStanding::Waiting => Sight::Waiting,
        Ok(_) => Sight::Running("no members yet".to_owned()),
        Err(error) => Sight::Running(chain(&error)),
    }
}

async fn standing(context: &Bootstrap, name: &str) -> Result<Result<EtcdStanding, TalosError>, StepError> {
    let services = match connection(context, name).await? {
        Ok(node) => node.services().await,
        Err(error) => return Ok(Err(error)),
    };
    if services.is_err() {
        context.talos_nodes().remove(name);
    }
    Ok(services.map(|services| EtcdStanding::of(&services)))
}

async fn choose(context: &Bootstrap, name: &str, report: &Report) -> Result<(), StepError> {
    if context.known().memory.etcd_node.is_some() {
        return Ok(());
    }
    let facts = vec![Fact::EtcdNode {
        machine: name.to_owned(),
    }];
    report.intent(format!("{name} bootstraps etcd"), facts).await?;
    context.known().memory.etcd_node = Some(name.to_owned());
    Ok(())
}

/// Waits until the chosen node lists members, or another one does. Calls the chosen one again if it has forgotten that it
/// was called.
pub(super) async fn bootstrapped(context: &Bootstrap, report: &Report) -> Result<Proof, StepError> {
    let chosen = context.known().memory.etcd_node.clone();
    let chosen = chosen.ok_or_else(|| StepError::new(Class::Retryable, "no node was chosen to bootstrap etcd"))?;
    let wait = Wait::new(report, format!("etcd on {chosen} to list its members"));
    // Boxed: what it asks of everybody makes it large.
    let waited = Box::pin(async {
        tokio::select! {
            members = listed(context, &chosen, &wait) => Ok(proof(&chosen, members)),
            proof = remind(context, &chosen, &wait, report) => proof,
        }
    });
    explained(context, &wait, || vec![chosen.clone()], waited).await
}

async fn listed(context: &Bootstrap, chosen: &str, wait: &Wait<'_>) -> usize {
    let (pace, began) = (Pace::new(), Instant::now());
    loop {
        let (cause, short) = match members(context, chosen, patience(began.elapsed())).await {
            Ok(members) if !members.is_empty() => return members.len(),
            Ok(_) => ("no members yet".to_owned(), "no members yet".to_owned()),
            Err(error) => (chain(&error), in_short(&error)),
        };
        let top = line(Layer::Talos, format!("etcd on {chosen}"), short, "member list");
        wait.cause(Some(cause), vec![top]);
        pace.pause().await;
    }
}

/// Looks after the chosen node while it lists nobody. All are asked again before it is called again: it may have been wiped,
/// and what it was called for may live on elsewhere.
async fn remind(context: &Bootstrap, chosen: &str, wait: &Wait<'_>, report: &Report) -> Result<Proof, StepError> {
    let of_etcd = |text: &str| vec![line(Layer::Talos, format!("etcd on {chosen}"), text, "bootstrap")];
    let mut calls = Calls::new();
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(STANDING).await;
        let own = look(context, chosen, LOOK, false).await;
        if matches!(own, Sight::Requested | Sight::Running(_)) {
            continue;
        }
        let (decision, seen) = decided(context).await;
        match decision {
            Decision::Adopt(name) => {
                let members = match seen.get(&name) {
                    Some(Sight::Members(ids)) => ids.len(),
                    _ => 0,
                };
                return Ok(proof(&name, members));
            }
            Decision::Split(one, two) => return Err(split(context, &one, &two)),
            Decision::Call(name) if name == chosen && calls.again(&own, last.elapsed()) => {
                let why = match own {
                    Sight::Failed { .. } => "its etcd has failed; bootstrapping it again",
                    _ => "it has forgotten the bootstrap; bootstrapping it again",
                };
                wait.cause(Some(why.to_owned()), of_etcd(why));
                let what = format!("bootstrap etcd on {chosen} again");
                report.intent(what, Vec::new()).await?;
                last = Instant::now();
                match call(context, chosen).await {
                    Err(error) if error.class == Class::Retryable => {
                        let cause = chain(&error);
                        wait.cause(Some(cause.clone()), of_etcd(&cause));
                    }
                    outcome => outcome?,
                }
            }
            Decision::Call(_) | Decision::Await(_) | Decision::Hold(_) => {}
        }
    }
}

fn proof(node: &str, members: usize) -> Proof {
    Proof::of(format!(
        "etcd on {node} lists {members} member{}",
        if members == 1 { "" } else { "s" }
    ))
}
