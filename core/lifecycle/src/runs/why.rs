//! Why an operation is not further: each unmet wait, from the thing waited for down to the deepest cause. Pure.

use std::time::Duration;

use butler_api::{
    event::{CauseLine, Outcome, Usual},
    view::{Open, StepState, View, since},
};
pub use butler_engine::Now;
use jiff::Timestamp;
use serde::Serialize;

/// Steps that could not begin and are named at most.
const HELD_UP: usize = 5;

/// Why an operation is where it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Why {
    /// Cluster name.
    pub cluster: String,
    /// Whether the operation goes on.
    pub state: State,
    /// Phase, as in `ClusterBootstrap.status.phase`.
    pub phase: String,
    /// Steps that are proven.
    pub proven: usize,
    /// Steps in the graph.
    pub steps: usize,
    /// What is told of how it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What is waited for, the longest first.
    pub waits: Vec<Reason>,
    /// Warnings of the run, which may be what lies behind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Whether an operation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A process works on it.
    Running,
    /// It reached its end.
    Done,
    /// A step failed.
    Failed,
    /// A deadline passed.
    Deadline,
    /// Somebody stopped it.
    Interrupted,
    /// Its process is gone without a word: killed, or its computer lost power.
    Gone,
}

/// Something that is waited for, and why it is not so.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// Id of the step.
    pub step: String,
    /// What the step is for.
    pub title: String,
    /// What it waits for.
    pub waiting_for: String,
    /// For how long, in seconds.
    pub seconds: f64,
    /// The causes from the thing waited for down to the deepest one.
    pub chain: Vec<CauseLine>,
    /// The deepest cause in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What a look after the end of the run found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now: Option<Now>,
    /// How old the last look is, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_seconds_ago: Option<f64>,
    /// How long such a step usually takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usual_seconds: Option<Usual>,
    /// Whether it takes longer than nineteen of twenty.
    pub late: bool,
    /// Whether it failed, and so is not waited for any more.
    pub failed: bool,
    /// When it gives up, in seconds; none where it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gives_up_in_seconds: Option<f64>,
    /// What happens next.
    pub next: String,
    /// What a person can try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How many steps cannot begin before it.
    pub holds_up: usize,
    /// Some of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_up: Vec<String>,
}

/// The reasons in what the events add up to, as of now.
pub fn why(view: &View, running: bool, now: Timestamp) -> Why {
    let state = state(view, running);
    let now = if running { now } else { view.heard.unwrap_or(now) };
    let open = view
        .open
        .iter()
        .map(|(step, open)| waiting(view, step, open, state, now));
    let stopped = view
        .ended
        .iter()
        .map(|(step, open)| waiting(view, step, open, state, now));
    let failed = view.failed.iter().map(|failed| failure(view, failed, state));
    let mut waits: Vec<Reason> = failed.chain(open).chain(stopped).collect();
    // A failure is what it ended by; of the rest, what is waited for longest matters most.
    waits.sort_by(|a, b| b.failed.cmp(&a.failed).then(b.seconds.total_cmp(&a.seconds)));
    Why {
        cluster: view.cluster.clone(),
        state,
        phase: view.phase.clone(),
        proven: view.proven(),
        steps: view.steps,
        message: view.finished.as_ref().map(|(_, _, message)| message.clone()),
        waits,
        warnings: view.warnings.iter().map(|(message, _)| message.clone()).collect(),
    }
}

/// What holds up one step; none of a step that has not begun, or is proven.
pub fn reason(view: &View, step: &str, running: bool, now: Timestamp) -> Option<Reason> {
    let state = state(view, running);
    let now = if running { now } else { view.heard.unwrap_or(now) };
    let open = view.open.get(step).or_else(|| view.ended.get(step));
    open.map(|open| waiting(view, step, open, state, now)).or_else(|| {
        let failed = view.failed.iter().find(|failed| failed.step == step)?;
        Some(failure(view, failed, state))
    })
}

/// Whether an operation goes on, by its last word and by whether a process works on it.
pub fn state(view: &View, running: bool) -> State {
    match (&view.finished, running) {
        (Some((Outcome::Done, ..)), _) => State::Done,
        (Some((Outcome::Failed, ..)), _) => State::Failed,
        (Some((Outcome::Deadline, ..)), _) => State::Deadline,
        (Some((Outcome::Interrupted, ..)), _) => State::Interrupted,
        (None, true) => State::Running,
        (None, false) => State::Gone,
    }
}

fn waiting(view: &View, step: &str, open: &Open, state: State, now: Timestamp) -> Reason {
    let (waiting_for, began) = match open.waits_for() {
        Some((what, began)) => (what.to_owned(), began),
        None => (open.title.clone(), open.started),
    };
    let line = view.graph.get(step).map(|(line, _)| line);
    let usual = line.and_then(|line| line.usual_seconds);
    let took = since(open.started, now);
    let left = (state == State::Running && open.deadline < Timestamp::MAX).then(|| since(now, open.deadline));
    let (holds_up, held_up) = held_up(view, step);
    Reason {
        step: step.to_owned(),
        title: open.title.clone(),
        waiting_for,
        seconds: since(began, now).as_secs_f64(),
        chain: aged(open, now),
        cause: open.cause.clone(),
        now: None,
        seen_seconds_ago: open.seen.map(|seen| since(seen, now).as_secs_f64()),
        usual_seconds: usual,
        late: usual.is_some_and(|usual| took.as_secs_f64() > usual.p95),
        failed: false,
        gives_up_in_seconds: left.map(|left| left.as_secs_f64()),
        next: next(open, state, now),
        hint: open.hint.clone().or_else(|| line.and_then(|line| line.hint.clone())),
        holds_up,
        held_up,
    }
}

/// The causes, as old as they are now.
fn aged(open: &Open, now: Timestamp) -> Vec<CauseLine> {
    let passed = open.seen.map_or(0.0, |seen| since(seen, now).as_secs_f64());
    let age = |cause: &CauseLine| CauseLine {
        age_seconds: cause.age_seconds.map(|age| age + passed),
        ..cause.clone()
    };
    open.chain.iter().map(age).collect()
}

fn failure(view: &View, failed: &butler_api::view::Failed, state: State) -> Reason {
    let none = Open {
        title: failed.title.clone(),
        started: failed.time,
        deadline: Timestamp::MAX,
        waiting: None,
        cause: None,
        chain: Vec::new(),
        seen: None,
        hint: None,
        retry: None,
    };
    let open = failed.open.as_ref().unwrap_or(&none);
    let reason = waiting(view, &failed.step, open, state, failed.time);
    Reason {
        cause: Some(failed.error.clone()),
        hint: failed.hint.clone().or(reason.hint),
        failed: true,
        gives_up_in_seconds: None,
        next: match state {
            State::Running => "the step is not tried again by this run; the others go on".to_owned(),
            _ => next(open, state, failed.time),
        },
        ..reason
    }
}

fn next(open: &Open, state: State, now: Timestamp) -> String {
    match (state, open.retry) {
        (State::Running, Some((attempt, at))) => {
            let seconds = since(now, at).as_secs();
            format!("attempt {} follows in {seconds} s", attempt.saturating_add(1))
        }
        (State::Running, None) => "it is looked at again and again until it is so, or the step gives up".to_owned(),
        (State::Done, _) => "nothing: the operation is done".to_owned(),
        (State::Gone, _) => "nobody works on it; the same command looks at this step first".to_owned(),
        (State::Failed | State::Deadline | State::Interrupted, _) => {
            "the run has ended; the same command goes on from this step".to_owned()
        }
    }
}

fn held_up(view: &View, step: &str) -> (usize, Vec<String>) {
    let direct = view
        .graph
        .iter()
        .filter(|(line, state)| *state == StepState::Pending && (line.needs.iter().any(|need| need == step)));
    let titles = direct.map(|(line, _)| line.title.clone()).take(HELD_UP).collect();
    (view.graph.held_up_by(step), titles)
}

/// The silence after which a run that holds its lock is said to hang.
pub fn is_silent(view: &View, now: Timestamp) -> bool {
    let patience = Duration::from_secs(3 * butler_api::event::HEARTBEAT_SECONDS);
    view.heard.is_some_and(|heard| since(heard, now) > patience)
}

#[cfg(test)]
mod tests {
    use butler_api::event::{Body, Event, Layer, SCHEMA_VERSION, StepLine};
    use jiff::SignedDuration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn view(bodies: Vec<(i64, Body)>) -> View {
        let mut view = View::default();
        for ((seconds, body), seq) in bodies.into_iter().zip(1..) {
            view.apply(&Event {
                v: SCHEMA_VERSION,
                seq,
                time: at(seconds),
                run: uuid::Uuid::nil(),
                cluster: "demo".to_owned(),
                body,
            });
        }
        view
    }

    fn line(id: &str, needs: &[&str]) -> StepLine {
        StepLine {
            id: id.to_owned(),
            title: format!("do {id}"),
            kind: id.to_owned(),
            phase: "Only".to_owned(),
            needs: needs.iter().map(|need| (*need).to_owned()).collect(),
            needs_any: Vec::new(),
            deadline_seconds: 60,
            usual_seconds: Some(Usual {
                p50: 1.0,
                p95: 2.0,
                runs: 3,
            }),
            hint: Some("look at it".to_owned()),
            proven: false,
        }
    }

    fn begun() -> Vec<(i64, Body)> {
        let graph = Body::RunGraph {
            steps: vec![line("a", &[]), line("b", &["a"]), line("c", &["b"])],
        };
        let started = Body::StepStarted {
            step: "a".to_owned(),
            title: "do a".to_owned(),
            deadline_seconds: 60,
        };
        let waiting = Body::StepWaiting {
            step: "a".to_owned(),
            waiting_for: "a pod".to_owned(),
            cause: Some("no such image".to_owned()),
            chain: vec![CauseLine {
                layer: Layer::Pod,
                object: "pod x".to_owned(),
                text: "no such image".to_owned(),
                source: String::new(),
                age_seconds: Some(5.0),
            }],
            hint: None,
            seconds: 1.0,
        };
        vec![(0, graph), (1, started), (3, waiting)]
    }

    #[test]
    fn a_wait_says_what_since_when_why_how_late_and_what_next() {
        let why = why(&view(begun()), true, at(12));
        assert_eq!((why.state, why.waits.len()), (State::Running, 1));
        let reason = &why.waits[0];
        assert_eq!((reason.waiting_for.as_str(), reason.chain.len()), ("a pod", 1));
        assert!((reason.seconds - 10.0).abs() < 1e-9 && reason.late, "{reason:?}");
        assert_eq!(reason.gives_up_in_seconds, Some(49.0));
        assert_eq!(reason.chain[0].age_seconds, Some(14.0));
        assert_eq!(
            (reason.holds_up, reason.held_up.as_slice()),
            (2, ["do b".to_owned()].as_slice())
        );
        assert_eq!(reason.hint.as_deref(), Some("look at it"));
    }

    #[test]
    fn a_run_that_is_gone_is_told_as_it_was_when_it_was_last_heard() {
        let why = why(&view(begun()), false, at(9000));
        assert_eq!(why.state, State::Gone);
        assert_eq!((why.waits[0].seconds, why.waits[0].gives_up_in_seconds), (1.0, None));
        assert!(why.waits[0].next.starts_with("nobody works on it"));
    }

    #[test]
    fn a_failure_keeps_the_chain_that_it_ended_with() {
        let mut bodies = begun();
        bodies.push((
            61,
            Body::StepFailed {
                step: "a".to_owned(),
                error: "not done within 60 s".to_owned(),
                hint: Some("pull it".to_owned()),
                deadline: true,
            },
        ));
        let why = why(&view(bodies), true, at(70));
        let reason = &why.waits[0];
        assert_eq!((reason.chain.len(), reason.hint.as_deref()), (1, Some("pull it")));
        assert_eq!(reason.cause.as_deref(), Some("not done within 60 s"));
    }
}
