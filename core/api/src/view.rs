//! What people see of a run: the fold of its events, used by the live view, plain lines, the status mirror, `why` and replay
//! alike. No clock, no drawing.

mod log;
mod path;
#[cfg(test)]
mod samples;
mod steps;
mod waits;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub use self::log::LogLine;
pub use self::path::Estimate;
pub use self::steps::{Interval, StepState, Steps};
pub use self::waits::Wait;
use crate::event::{Body, CauseLine, Event, MachineLine, Outcome};

/// Warnings that are kept.
const WARNINGS: usize = 100;

/// State of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// Cluster name.
    pub cluster: String,
    /// Phase as in `ClusterBootstrap.status.phase`.
    pub phase: String,
    /// Whether an earlier run is continued.
    pub resumed: bool,
    /// Steps in the graph.
    pub steps: usize,
    /// Machines in the plan.
    pub machines: Vec<MachineLine>,
    /// Addons in the plan.
    pub addons: Vec<Addon>,
    /// Steps that have begun and not ended.
    pub open: BTreeMap<String, Open>,
    /// Files for people: what and where.
    pub files: Vec<(String, String)>,
    /// Steps that failed, in the order in which they did.
    pub failed: Vec<Failed>,
    /// The graph of the run, and how far each step is.
    pub graph: Steps,
    /// What was under way when the run ended, by step.
    pub ended: BTreeMap<String, Open>,
    /// The last lines of the log: what was said, and what happened in the words of the run.
    pub log: VecDeque<Arc<LogLine>>,
    /// How many lines the log ever had.
    pub logged: u64,
    /// The first warnings, each once, with what to do about them.
    pub warnings: Vec<(String, Option<String>)>,
    /// The run.
    pub run: Option<Uuid>,
    /// When the run began.
    pub started: Option<Timestamp>,
    /// When the last event happened.
    pub heard: Option<Timestamp>,
    /// How the run ended: outcome, duration, sentence.
    pub finished: Option<(Outcome, Duration, String)>,
    /// Place of each machine in `machines`.
    places: HashMap<String, usize>,
    /// Steps proven by earlier runs.
    earlier: usize,
    /// Steps found proven, and steps proven by doing.
    found: usize,
    made: usize,
    now: Option<Timestamp>,
}

/// An addon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// Its name.
    pub name: String,
    /// `pending`, `waiting`, `installing`, `ready` or `failed`.
    pub state: String,
    /// What it waits for.
    pub detail: Option<String>,
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failed {
    /// Id of the step.
    pub step: String,
    /// A sentence for people.
    pub title: String,
    /// What went wrong, with the peer's own words.
    pub error: String,
    /// A command, flag or setting to try.
    pub hint: Option<String>,
    /// Whether the deadline passed (rather than a refusal).
    pub deadline: bool,
    /// When.
    pub time: Timestamp,
    /// How far it was.
    pub open: Option<Open>,
}

/// A step at work.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// A sentence for people.
    pub title: String,
    /// When it began.
    pub started: Timestamp,
    /// When it gives up.
    pub deadline: Timestamp,
    /// What it waits for, since when.
    pub waiting: Option<(String, Timestamp)>,
    /// The deepest cause observed.
    pub cause: Option<String>,
    /// The causes from the thing waited for down to `cause`.
    pub chain: Vec<CauseLine>,
    /// When cause and chain were observed.
    pub seen: Option<Timestamp>,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// The attempt that failed, and when the next one follows.
    pub retry: Option<(u32, Timestamp)>,
}

impl View {
    /// The view of a run that has not begun: what it is to make.
    pub fn planned(machines: &[MachineLine], addons: &[String]) -> Self {
        let mut view = Self::default();
        view.plan(machines, addons);
        view
    }

    fn plan(&mut self, machines: &[MachineLine], addons: &[String]) {
        self.machines = machines.to_vec();
        self.places = machines.iter().enumerate().map(|(i, m)| (m.name.clone(), i)).collect();
        self.addons = addons.iter().map(|name| Addon::new(name, "pending", None)).collect();
    }

    /// Takes a change of a machine or an addon, whenever it happened; tells whether people see something change.
    pub fn change(&mut self, body: &Body) -> bool {
        match body {
            Body::MachineChanged { machine } => self.change_machine(machine),
            Body::AddonChanged { addon, state, detail } => self.change_addon(addon, state, detail.as_deref()),
            _ => false,
        }
    }

    /// Takes an event; tells whether it changed anything people see.
    pub fn apply(&mut self, event: &Event) -> bool {
        self.tick(event.time);
        self.run = Some(event.run);
        self.heard = self.heard.max(Some(event.time));
        if self.started.is_none() {
            self.started = Some(event.time);
        }
        if self.cluster.is_empty() {
            self.cluster.clone_from(&event.cluster);
        }
        self.write_down(event.time, &event.body);
        match &event.body {
            Body::RunStarted {
                resumed,
                steps,
                proven,
                machines,
                addons,
            } => {
                self.started = Some(event.time);
                self.resumed = *resumed;
                self.steps = *steps;
                self.earlier = *proven;
                self.plan(machines, addons);
                true
            }
            Body::RunGraph { steps } => {
                self.graph = Steps::of(steps);
                false
            }
            Body::RunHeartbeat {} => false,
            Body::PhaseChanged { phase } => replace(&mut self.phase, phase.clone()),
            Body::StepStarted {
                step,
                title,
                deadline_seconds,
            } => self.start_step(event.time, step, title, *deadline_seconds),
            Body::StepWaiting { step, .. } => self.look(event.time, step, &event.body),
            Body::StepRetried {
                step,
                attempt,
                cause,
                chain,
                retry_in_seconds,
            } => self.retry(event.time, step, *attempt, (cause, chain), *retry_in_seconds),
            Body::StepProven { step, already, .. } => {
                *(if *already { &mut self.found } else { &mut self.made }) += 1;
                self.graph.end(step, event.time, *already);
                self.open.remove(step);
                true
            }
            Body::StepFailed { step, .. } => self.fail(event.time, step, &event.body),
            Body::StepEnded { step, .. } => {
                self.graph.stop(step, event.time);
                self.ended.extend(self.open.remove_entry(step));
                false
            }
            Body::MachineChanged { .. } | Body::AddonChanged { .. } => self.change(&event.body),
            Body::FileWritten { what, path } => self.write_file(what, path),
            Body::Warning { message, hint } => self.warn(message, hint.as_deref()),
            Body::Log { .. } => true,
            Body::RunFinished {
                outcome,
                seconds,
                message,
            } => {
                if *outcome == Outcome::Done {
                    self.settle();
                }
                self.finished = Some((*outcome, seconds_of(*seconds).unsigned_abs(), message.clone()));
                true
            }
        }
    }

    /// The machine of this name.
    pub fn machine(&self, name: &str) -> Option<&MachineLine> {
        self.machines.get(*self.places.get(name)?)
    }

    /// A machine's name with its address, as messages show it; any other name as it is.
    pub fn describe(&self, name: &str) -> String {
        match self.machine(name).and_then(|m| m.address.as_deref()) {
            Some(address) => format!("{name} ({address})"),
            None => name.to_owned(),
        }
    }

    /// Whether the addon of this name is ready.
    pub fn has_addon(&self, name: &str) -> bool {
        self.addons
            .iter()
            .any(|addon| addon.name == name && addon.state == "ready")
    }

    /// Lets time pass; it never goes back.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(Some(now));
    }

    /// The latest time seen.
    pub fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// Time since the run began.
    pub fn elapsed(&self) -> Duration {
        match (self.started, self.now) {
            (Some(started), Some(now)) => since(started, now),
            _ => Duration::ZERO,
        }
    }

    /// Steps that are proven, by whichever run.
    pub fn proven(&self) -> usize {
        // A resumed run may or may not repeat what earlier ones have proven.
        (self.earlier.max(self.found) + self.made).min(self.steps)
    }

    fn warn(&mut self, message: &str, hint: Option<&str>) -> bool {
        let warning = (message.to_owned(), hint.map(ToOwned::to_owned));
        if self.warnings.len() < WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
        true
    }

    fn start_step(&mut self, time: Timestamp, step: &str, title: &str, deadline_seconds: u64) -> bool {
        self.graph.begin(step, time);
        let limit = SignedDuration::from_secs(deadline_seconds.try_into().unwrap_or(i64::MAX));
        let open = self.open_step(time, step);
        title.clone_into(&mut open.title);
        open.started = time;
        open.deadline = time.saturating_add(limit).unwrap_or(Timestamp::MAX);
        true
    }

    fn fail(&mut self, time: Timestamp, step: &str, body: &Body) -> bool {
        let Body::StepFailed {
            error, hint, deadline, ..
        } = body
        else {
            return false;
        };
        self.graph.fail(step, time);
        let open = self.open.remove(step);
        self.failed.push(Failed {
            step: step.to_owned(),
            title: open.as_ref().map_or_else(|| step.to_owned(), |open| open.title.clone()),
            error: error.clone(),
            hint: hint.clone(),
            deadline: *deadline,
            time,
            open,
        });
        true
    }

    /// Takes what a look at the thing waited for found.
    fn look(&mut self, time: Timestamp, step: &str, body: &Body) -> bool {
        let Body::StepWaiting {
            waiting_for,
            cause,
            chain,
            hint,
            seconds,
            ..
        } = body
        else {
            return false;
        };
        let changed = self.wait(time, step, waiting_for, cause.as_deref(), *seconds);
        let open = self.open_step(time, step);
        open.chain.clone_from(chain);
        open.hint.clone_from(hint);
        open.seen = Some(time);
        changed
    }

    fn wait(&mut self, time: Timestamp, step: &str, what: &str, cause: Option<&str>, seconds: f64) -> bool {
        let open = self.open_step(time, step);
        let same = open.waiting.as_ref().is_some_and(|(w, _)| w == what) && open.cause.as_deref() == cause;
        let began = time.saturating_sub(seconds_of(seconds)).unwrap_or(time);
        open.waiting = Some((what.to_owned(), began));
        open.cause = cause.map(ToOwned::to_owned);
        let retried = open.retry.take().is_some();
        !same || retried
    }

    /// A run that found everything done says little about each addon; done means that all are ready.
    fn settle(&mut self) {
        for addon in self.addons.iter_mut().filter(|addon| addon.state == "pending") {
            "ready".clone_into(&mut addon.state);
        }
    }

    fn retry(
        &mut self,
        time: Timestamp,
        step: &str,
        attempt: u32,
        (cause, chain): (&str, &[CauseLine]),
        seconds: f64,
    ) -> bool {
        let next = time.saturating_add(seconds_of(seconds)).unwrap_or(time);
        let open = self.open_step(time, step);
        open.cause = Some(cause.to_owned());
        // Without layers of its own an attempt leaves those that it told while it went on.
        if !chain.is_empty() {
            chain.clone_into(&mut open.chain);
        }
        open.seen = Some(time);
        open.retry = Some((attempt, next));
        true
    }

    fn write_file(&mut self, what: &str, path: &str) -> bool {
        let file = (what.to_owned(), path.to_owned());
        let new = !self.files.contains(&file);
        if new {
            self.files.push(file);
        }
        new
    }

    /// The step; one that is heard of for the first time begins now.
    fn open_step(&mut self, time: Timestamp, step: &str) -> &mut Open {
        self.open.entry(step.to_owned()).or_insert_with(|| Open {
            title: step.to_owned(),
            started: time,
            deadline: Timestamp::MAX,
            waiting: None,
            cause: None,
            chain: Vec::new(),
            seen: None,
            hint: None,
            retry: None,
        })
    }

    fn change_machine(&mut self, machine: &MachineLine) -> bool {
        if let Some(place) = self.places.get(&machine.name) {
            let before = std::mem::replace(&mut self.machines[*place], machine.clone());
            // An id or an address alone is no event for people; the next line carries it.
            return before.state != machine.state;
        }
        self.places.insert(machine.name.clone(), self.machines.len());
        self.machines.push(machine.clone());
        true
    }

    fn change_addon(&mut self, name: &str, state: &str, detail: Option<&str>) -> bool {
        let addon = Addon::new(name, state, detail);
        if let Some(known) = self.addons.iter_mut().find(|a| a.name == name) {
            let before = std::mem::replace(known, addon);
            // What it waits for is told by its step.
            return before.state != state;
        }
        self.addons.push(addon);
        true
    }
}

impl Addon {
    fn new(name: &str, state: &str, detail: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            state: state.to_owned(),
            detail: detail.map(ToOwned::to_owned),
        }
    }
}

impl Open {
    /// What it waits for, since when; that it succeeds, where attempts of it fail.
    pub fn waits_for(&self) -> Option<(&str, Timestamp)> {
        match (&self.waiting, &self.cause) {
            (Some((what, began)), _) => Some((what, *began)),
            (None, Some(_)) => Some((&self.title, self.started)),
            (None, None) => None,
        }
    }
}

/// Time from one moment to a later one; zero the other way round.
pub fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or(Duration::ZERO)
}

/// Seconds from outside; what is no span is none.
fn seconds_of(seconds: f64) -> SignedDuration {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|d| d.try_into().ok())
        .unwrap_or(SignedDuration::ZERO)
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let differs = *place != value;
    *place = value;
    differs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(1_000_000.0 + seconds)
    }

    fn stream(bodies: Vec<(f64, Body)>) -> Vec<Event> {
        let event = |((seconds, body), seq)| Event {
            v: crate::event::SCHEMA_VERSION,
            seq,
            time: at(seconds),
            run: uuid::Uuid::nil(),
            cluster: "demo".to_owned(),
            body,
        };
        bodies.into_iter().zip(1..).map(event).collect()
    }

    fn line(name: &str, role: &str, state: &str) -> MachineLine {
        MachineLine {
            name: name.to_owned(),
            role: role.to_owned(),
            state: state.to_owned(),
            address: None,
            provider_id: None,
        }
    }

    /// One control plane, one worker, two addons.
    fn started(steps: usize, proven: usize) -> Body {
        Body::RunStarted {
            resumed: proven > 0,
            steps,
            proven,
            machines: vec![
                line("demo-cp-0", "control-plane", "pending"),
                line("demo-worker-0", "worker", "pending"),
            ],
            addons: vec!["cilium".to_owned(), "longhorn".to_owned()],
        }
    }

    fn machine(name: &str, state: &str) -> Body {
        Body::MachineChanged {
            machine: line(name, "control-plane", state),
        }
    }

    fn view(bodies: Vec<(f64, Body)>) -> View {
        let mut view = View::default();
        for event in stream(bodies) {
            view.apply(&event);
        }
        view
    }

    fn waiting(step: &str, what: &str, cause: &str, seconds: f64) -> Body {
        Body::StepWaiting {
            step: step.to_owned(),
            waiting_for: what.to_owned(),
            cause: Some(cause.to_owned()),
            chain: Vec::new(),
            hint: None,
            seconds,
        }
    }

    fn proven(step: &str, already: bool) -> Body {
        Body::StepProven {
            step: step.into(),
            title: String::new(),
            evidence: String::new(),
            seconds: 0.0,
            already,
        }
    }

    #[test]
    fn waits_grow_older_and_are_told_once() {
        let mut view = view(vec![
            (0.0, started(3, 0)),
            (4.0, waiting("a", "the API server answers", "connection refused", 1.0)),
            (5.0, waiting("b", "the API server answers", "connection refused", 0.5)),
            (6.0, waiting("c", "etcd is healthy", "no leader", 0.0)),
        ]);
        view.tick(at(13.0));
        let waits: Vec<_> = view
            .waits()
            .iter()
            .map(|w| (w.what, w.cause, w.age.as_secs(), w.steps))
            .collect();
        assert_eq!(
            waits,
            [
                ("the API server answers", Some("connection refused"), 10, 2),
                ("etcd is healthy", Some("no leader"), 7, 1)
            ]
        );
    }

    #[test]
    fn time_never_goes_back() {
        let mut view = view(vec![
            (0.0, started(1, 0)),
            (
                9.0,
                Body::PhaseChanged {
                    phase: "Pivoting".into(),
                },
            ),
        ]);
        view.tick(at(3.0));
        assert_eq!(view.elapsed(), Duration::from_secs(9));
    }

    #[test]
    fn a_repeated_event_changes_nothing() {
        let mut view = view(vec![(0.0, started(1, 0)), (1.0, machine("demo-cp-0", "booting"))]);
        let [again, other] = [machine("demo-cp-0", "booting"), machine("demo-cp-0", "maintenance")]
            .map(|body| stream(vec![(2.0, body)]).remove(0));
        assert!(!view.apply(&again));
        assert!(view.apply(&other));
    }

    #[test]
    fn an_id_or_a_detail_alone_is_no_change_to_see() {
        let mut view = view(vec![(0.0, started(1, 0)), (1.0, machine("demo-cp-0", "creating"))]);
        let Body::MachineChanged { machine: mut line } = machine("demo-cp-0", "creating") else {
            panic!("a machine")
        };
        line.provider_id = Some("inmemory://1".to_owned());
        let event = stream(vec![(2.0, Body::MachineChanged { machine: line })]).remove(0);
        assert!(!view.apply(&event));
        assert_eq!(view.machines[0].provider_id.as_deref(), Some("inmemory://1"));
        let addon = |detail: &str| Body::AddonChanged {
            addon: "cilium".to_owned(),
            state: "installing".to_owned(),
            detail: Some(detail.to_owned()),
        };
        let changes = stream(vec![(3.0, addon("0 of 6 pods")), (4.0, addon("1 of 6 pods"))]);
        assert_eq!(
            changes.iter().map(|event| view.apply(event)).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn a_resumed_run_counts_earlier_proofs_once() {
        let silent = view(vec![(0.0, started(5, 3)), (1.0, proven("d", false))]);
        let repeating = view(vec![
            (0.0, started(5, 3)),
            (1.0, proven("a", true)),
            (1.0, proven("b", true)),
            (1.0, proven("c", true)),
            (2.0, proven("d", false)),
        ]);
        assert_eq!((silent.proven(), repeating.proven()), (4, 4));
    }

    #[test]
    fn a_run_that_is_done_has_no_pending_addon() {
        let end = |outcome| Body::RunFinished {
            outcome,
            seconds: 1.0,
            message: String::new(),
        };
        let states = |outcome| -> Vec<String> {
            view(vec![(0.0, started(3, 3)), (1.0, end(outcome))])
                .addons
                .into_iter()
                .map(|a| a.state)
                .collect()
        };
        assert_eq!(states(Outcome::Done), ["ready", "ready"]);
        assert_eq!(states(Outcome::Failed), ["pending", "pending"]);
    }

    #[test]
    fn a_failed_step_is_no_longer_open() {
        let failed = Body::StepFailed {
            step: "a".into(),
            error: "no".into(),
            hint: None,
            deadline: false,
        };
        let start = Body::StepStarted {
            step: "a".into(),
            title: "create machine".into(),
            deadline_seconds: 60,
        };
        let view = view(vec![(0.0, start), (1.0, failed)]);
        assert!(view.open.is_empty());
        let told: Vec<_> = view
            .failed
            .iter()
            .map(|f| (f.title.as_str(), f.error.as_str()))
            .collect();
        assert_eq!(told, [("create machine", "no")]);
    }

    #[test]
    fn numbers_that_are_no_spans_do_no_harm() {
        let mut view = view(vec![
            (0.0, waiting("a", "x", "y", f64::NAN)),
            (0.0, waiting("b", "x", "z", -1e300)),
        ]);
        view.tick(at(1.0));
        assert_eq!(view.waits().len(), 2);
    }
}
