//! Waiting for a team, by a watch.

use std::pin::pin;
use std::time::Duration;

use butler_api::v1alpha1::team::TeamPhase;
use futures::StreamExt as _;
use kube::api::DynamicObject;
use kube::runtime::watcher;

use super::list::Row;
use crate::reach::Reach;

/// Pause after an error of the watch.
const PAUSE: Duration = Duration::from_millis(500);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// The team is Ready and has its namespace.
    Ready,
    /// The team is gone.
    Gone,
}

/// How the waiting ended.
#[derive(Debug)]
pub enum Waited {
    /// It is so; the team, if it is there.
    Done(Option<Box<DynamicObject>>),
    /// The team was deleted while it was to become ready.
    Deleted,
    /// The time is over; why it was not so, as last seen.
    Deadline(String),
}

/// Waits for a team, and tells why it is not so whenever that changes.
pub async fn wait(reach: &Reach, team: &str, what: For, limit: Duration, mut tell: impl FnMut(&str)) -> Waited {
    let mut last = "nothing was heard of it yet".to_owned();
    let watch = async {
        let mut seen = pin!(watcher::watch_object(super::api(reach), team));
        loop {
            let cause = match seen.next().await {
                Some(Ok(object)) => match judge(object, what) {
                    Judged::Over(waited) => return waited,
                    Judged::Not(cause) => cause,
                },
                Some(Err(error)) => {
                    tokio::time::sleep(PAUSE).await;
                    butler_kubernetes::chain(&error)
                }
                // The stream is endless.
                None => "the watch has ended".to_owned(),
            };
            if cause != last {
                tell(&cause);
                last = cause;
            }
        }
    };
    match tokio::time::timeout(limit, watch).await {
        Ok(waited) => waited,
        Err(_) => Waited::Deadline(last),
    }
}

enum Judged {
    Over(Waited),
    Not(String),
}

fn judge(object: Option<DynamicObject>, what: For) -> Judged {
    match (object, what) {
        (None, For::Gone) => Judged::Over(Waited::Done(None)),
        (None, For::Ready) => Judged::Over(Waited::Deleted),
        (Some(team), For::Ready) if is_ready(&team) => Judged::Over(Waited::Done(Some(Box::new(team)))),
        (Some(team), _) => Judged::Not(cause(&Row::of(&team), what)),
    }
}

/// Whether Butler's controller has brought about what the team asks for now.
fn is_ready(team: &DynamicObject) -> bool {
    let row = Row::of(team);
    let observed = team
        .data
        .pointer("/status/observedGeneration")
        .and_then(serde_json::Value::as_i64);
    let is_current = observed.is_none() || observed == team.metadata.generation;
    row.phase.as_deref() == Some(TeamPhase::Ready.as_str()) && row.namespace.is_some() && is_current
}

fn cause(row: &Row, what: For) -> String {
    match (&row.message, &row.phase, what) {
        (Some(message), _, _) => message.clone(),
        (None, Some(phase), For::Ready) => format!("its phase is {phase}"),
        (None, None, For::Ready) => "no controller has looked at it yet".to_owned(),
        (None, _, For::Gone) => "it is being deleted".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tests write values where they use them")]
    fn judged(status: Value, what: For) -> String {
        let team = json!({"metadata": {"name": "alpha", "generation": 2}, "status": status});
        match judge(serde_json::from_value(team).ok(), what) {
            Judged::Over(_) => "over".to_owned(),
            Judged::Not(cause) => cause,
        }
    }

    #[test]
    fn a_team_is_ready_with_its_namespace_and_as_it_is_asked_for_now() {
        let status =
            |generation: i64| json!({"phase": "Ready", "namespace": "alpha", "observedGeneration": generation});
        assert_eq!(judged(status(2), For::Ready), "over");
        assert_eq!(judged(status(1), For::Ready), "its phase is Ready");
        assert_eq!(
            judged(json!({"phase": "Ready", "namespace": "alpha"}), For::Ready),
            "over"
        );
        assert_eq!(judged(json!({"phase": "Ready"}), For::Ready), "its phase is Ready");
        assert_eq!(judged(Value::Null, For::Ready), "no controller has looked at it yet");
    }

    #[test]
    fn what_blocks_a_deletion_is_told_in_its_own_words() {
        let conditions =
            json!([{"type": "Ready", "status": "False", "reason": "DeletionBlocked", "message": "3 left"}]);
        assert_eq!(
            judged(json!({"phase": "Terminating", "conditions": conditions}), For::Gone),
            "3 left"
        );
        assert!(matches!(judge(None, For::Gone), Judged::Over(Waited::Done(None))));
        assert!(matches!(judge(None, For::Ready), Judged::Over(Waited::Deleted)));
    }
}
