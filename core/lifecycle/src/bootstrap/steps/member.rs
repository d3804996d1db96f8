//! The members of etcd, as any control plane lists them.

use std::time::{Duration, Instant};

use butler_api::{
    config::Deadlines,
    error::{Class, StepError},
    event::{Body, Layer},
    view::View,
};
use butler_engine::{Moment, Now, Step, StepId, Verbs};
use butler_kubernetes::chain;
use butler_talos::client::EtcdMember;

use super::{
    Pace,
    below::{Wait, explained, line},
    talos,
};
use crate::bootstrap::{Bootstrap, Looked, Proof, Proved, Report, phases, steps};

/// Id of the step.
pub(in crate::bootstrap) fn id(machine: &str) -> StepId {
    StepId::new(format!("etcd/member/{machine}"))
}

/// Waits until the control plane is a member of etcd.
pub(in crate::bootstrap) fn step(machine: &str, deadlines: &Deadlines) -> Step<Bootstrap> {
    let verbs = Member {
        machine: machine.to_owned(),
    };
    Step::new(
        id(machine),
        format!("{machine} joins etcd"),
        phases::BOOTSTRAPPING,
        deadlines.bootstrap,
        verbs,
    )
    .after([steps::configure::id(machine), steps::etcd::id()])
    .about(machine)
}

#[derive(Debug)]
struct Member {
    machine: String,
}

impl Verbs<Bootstrap> for Member {
    fn prove<'a>(&'a self, context: &'a Bootstrap, report: &'a Report) -> Proved<'a> {
        Box::pin(member(context, &self.machine, report))
    }

    fn look<'a>(&'a self, context: &'a Bootstrap, _: &'a Report) -> Looked<'a> {
        Box::pin(seen(context, &self.machine))
    }

    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let state = match moment {
            Moment::Failed => "failed",
            Moment::Waiting(_) | Moment::Begun | Moment::Proven => return None,
        };
        steps::machine_state(seen, &self.machine, state)
    }
}

/// Whether the node that bootstrapped etcd, or else this one, lists it.
async fn seen(context: &Bootstrap, name: &str) -> Result<Now, StepError> {
    let chosen = context.known().memory.etcd_node.clone();
    let asked = chosen.unwrap_or_else(|| name.to_owned());
    let members = match steps::etcd::listed_by(context, &asked).await? {
        Ok(members) => members,
        Err(cause) => return Ok(Now::Still(cause)),
    };
    Ok(match members.iter().find(|member| member.hostname == name) {
        Some(member) if member.learner => Now::Still(format!("{name} is a learner")),
        Some(_) => Now::So(format!("{asked} lists {name}")),
        None => Now::Still(format!("{asked} does not list {name}")),
    })
}

/// How long the first question waits for its answer. A node whose etcd is not up does not answer, and does not answer later
/// either what it was asked before.
const SHORTEST: Duration = Duration::from_millis(500);
/// How long the last ones wait: a slow node must have its chance.
const LONGEST: Duration = Duration::from_secs(3);

/// How long a question may wait after so long a time.
pub(super) fn patience(waited: Duration) -> Duration {
    (waited / 8).clamp(SHORTEST, LONGEST)
}

/// The members as the first of these control planes lists them that answers, and its name.
pub(super) async fn listed(context: &Bootstrap, names: &[String]) -> Result<(String, Vec<EtcdMember>), StepError> {
    let mut failed = StepError::new(Class::Retryable, "no control plane is configured yet");
    for name in names {
        match talos::members(context, name, LONGEST).await {
            Ok(members) => return Ok((name.clone(), members)),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Waits until the control plane is a voting member. Whoever lists the members is asked: the one that bootstrapped etcd may be
/// gone by now.
pub(super) async fn member(context: &Bootstrap, name: &str, report: &Report) -> Result<Proof, StepError> {
    let wait = Wait::new(report, format!("{name} to be a voting etcd member"));
    let waited = async {
        let (pace, began) = (Pace::new(), Instant::now());
        let mut asked = 0;
        loop {
            // Whoever answered last is asked again; the next one when it did not.
            let names = context.configured_control_planes();
            let asks = names.get(asked % names.len().max(1)).map_or(name, String::as_str);
            let mut short = None;
            let cause = match talos::members(context, asks, patience(began.elapsed())).await {
                Ok(members) => match members.iter().find(|m| m.hostname == name) {
                    Some(member) if !member.learner => {
                        return Ok(Proof::of(format!("{name} is etcd member {:x}", member.id)));
                    }
                    Some(_) => "it is a learner".to_owned(),
                    None => format!("{asks} does not list it"),
                },
                Err(error) => {
                    asked += 1;
                    short = Some(talos::in_short(&error));
                    chain(&error)
                }
            };
            let top = line(
                Layer::Talos,
                format!("etcd on {asks}"),
                short.unwrap_or_else(|| cause.clone()),
                "member list",
            );
            wait.cause(Some(cause), vec![top]);
            pace.pause().await;
        }
    };
    explained(context, &wait, || vec![name.to_owned()], waited).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_short_at_first_and_longer_for_what_is_slow() {
        assert_eq!(patience(Duration::ZERO), SHORTEST);
        assert_eq!(patience(Duration::from_secs(8)), Duration::from_secs(1));
        assert_eq!(patience(Duration::from_mins(5)), LONGEST);
    }
}
