//! Progress as lines, for logs and CI: one line per change, nothing twice, a sign of life in every silent minute.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use butler_api::{
    event::{Body, Event, Level, MachineLine, Outcome},
    view::{View, since},
};
use jiff::Timestamp;

use super::{
    Progress,
    frame::{outcome_tone, phase_words, plural, state_tone},
};
use crate::{
    Ui, duration,
    style::{Line, Tone},
};

/// Waits shorter than this are not worth a line.
const SETTLED: Duration = Duration::from_secs(5);

/// How often open waits are looked through.
const LOOK: Duration = Duration::from_millis(250);

/// A wait whose cause keeps changing is told this often at most.
const CALM: Duration = Duration::from_secs(5);

/// Waits told in each such span at most, the oldest first; hundreds of machines may wait for things of their own.
const WAITS: usize = 5;

/// Silence after which the open waits are told again.
const SILENCE: Duration = Duration::from_mins(1);

/// Open waits that are told again at most.
const REMINDERS: usize = 5;

/// Prints lines.
pub struct Plain {
    ui: Ui,
    view: View,
    /// The wait last told for each open step, and when.
    told: BTreeMap<String, (String, Timestamp)>,
    last_line: Option<Timestamp>,
    last_look: Option<Timestamp>,
    /// Somebody else tells the phases, as headings.
    headings: bool,
}

impl Plain {
    /// A renderer that prints to stderr.
    pub fn new(ui: Ui) -> Self {
        Self {
            ui,
            view: View::default(),
            told: BTreeMap::new(),
            last_line: None,
            last_look: None,
            headings: false,
        }
    }

    /// The same below headings that name the phases.
    pub(super) fn below_headings(ui: Ui) -> Self {
        Self {
            headings: true,
            ..Self::new(ui)
        }
    }

    fn line(&mut self, line: &Line) {
        let mut stamped = Line::new().with(Tone::Faint, &format!("{:>7}  ", duration::clock(self.view.elapsed())));
        stamped.append(line);
        self.ui.lines(&[stamped]);
        self.last_line = self.view.now();
    }

    fn say(&mut self, tone: Tone, label: &str, text: &str) {
        let separator = if label.is_empty() { "" } else { ": " };
        self.line(
            &Line::new()
                .with(tone, label)
                .with(Tone::Plain, &format!("{separator}{text}")),
        );
    }

    fn changed(&mut self, body: &Body, title: Option<String>) {
        match body {
            Body::RunStarted { .. } => self.say(Tone::Strong, &self.view.cluster.clone(), &plan(&self.view)),
            Body::PhaseChanged { .. } if self.headings => {}
            Body::PhaseChanged { phase } => self.say(Tone::Strong, "phase", &phase_words(phase)),
            Body::StepStarted { title, .. } => {
                if self.ui.options().verbose > 0 {
                    self.say(Tone::Faint, "begin", title);
                }
            }
            Body::RunGraph { .. } | Body::RunHeartbeat {} | Body::StepWaiting { .. } | Body::StepEnded { .. } => {}
            Body::Log { level, source, text } => self.log(*level, source, text),
            Body::StepRetried {
                step,
                attempt,
                cause,
                chain: _,
                retry_in_seconds,
            } => {
                // Further attempts are one wait, which is told as such.
                if *attempt > 1 && self.ui.options().verbose == 0 {
                    return;
                }
                let title = title.unwrap_or_else(|| step.clone());
                self.say(
                    Tone::Busy,
                    "retry",
                    &format!("{title}: attempt {attempt} failed: {cause}; next in {retry_in_seconds:.0}s"),
                );
            }
            Body::StepProven {
                step,
                title,
                evidence,
                already,
                ..
            } => self.proven(step, title, evidence, *already),
            Body::StepFailed { step, error, hint, .. } => {
                self.say(
                    Tone::Bad,
                    "failed",
                    &format!("{}: {error}", title.unwrap_or_else(|| step.clone())),
                );
                if let Some(hint) = hint {
                    self.say(Tone::Hint, "hint", hint);
                }
            }
            Body::MachineChanged { machine } => self.line(&machine_line(machine)),
            Body::AddonChanged { addon, state, .. } => {
                let line = Line::new().with(Tone::Plain, &format!("addon {addon}: "));
                self.line(&line.with(state_tone(state), state));
            }
            Body::FileWritten { what, path } => self.say(Tone::Strong, what, path),
            Body::Warning { message, hint } => {
                self.ui.warn(message, hint.as_deref());
                self.last_line = self.view.now();
            }
            Body::RunFinished { outcome, message, .. } => {
                self.say(outcome_tone(*outcome), outcome_word(*outcome), message);
            }
        }
    }

    /// Who asked for details reads every line; else only what may be wrong is one.
    fn log(&mut self, level: Level, source: &str, text: &str) {
        let tone = match level {
            Level::Debug | Level::Info => Tone::Faint,
            Level::Warning => Tone::Busy,
            Level::Error => Tone::Bad,
        };
        if self.ui.options().verbose > 0 || matches!(level, Level::Warning | Level::Error) {
            self.say(tone, source, text);
        }
    }

    /// Machines and addons tell their own story; other steps are told when they are proven.
    fn proven(&mut self, step: &str, title: &str, evidence: &str, already: bool) {
        let told_elsewhere = ["machine/", "node/", "addon/"]
            .iter()
            .any(|kind| step.starts_with(kind));
        if (told_elsewhere || already) && self.ui.options().verbose == 0 {
            return;
        }
        let label = if already { "already" } else { "done" };
        let evidence = if evidence.is_empty() {
            String::new()
        } else {
            format!(" ({evidence})")
        };
        self.say(Tone::Good, label, &format!("{title}{evidence}"));
    }

    fn tell_waits(&mut self) {
        let Some(now) = self.view.now() else { return };
        if self.last_look.is_some_and(|last| since(last, now) < LOOK) {
            return;
        }
        self.last_look = Some(now);
        let open = &self.view.open;
        self.told.retain(|step, _| open.contains_key(step));
        let mut known: HashSet<String> = self.told.values().map(|(text, _)| text.clone()).collect();
        let mut room = WAITS.saturating_sub(self.told.values().filter(|(_, when)| since(*when, now) < CALM).count());
        let mut waits: Vec<_> = open
            .iter()
            .filter_map(|(step, open)| Some((step, open, open.waits_for()?)))
            .collect();
        waits.sort_by_key(|(_, _, (_, began))| *began);
        let mut lines = Vec::new();
        for (step, open, (what, began)) in waits {
            let age = since(began, now);
            let recently = self.told.get(step).is_some_and(|(_, when)| since(*when, now) < CALM);
            if age < SETTLED || recently || room == 0 {
                continue;
            }
            // Many machines wait for the same thing: one line is enough.
            let text = wait_text(what, open.cause.as_deref());
            if known.insert(text.clone()) {
                lines.push(format!("{}: {text}", duration::short(age)));
                self.told.insert(step.clone(), (text, now));
                room -= 1;
            }
        }
        for line in lines {
            self.say(Tone::Busy, "waiting", &line);
        }
    }

    fn break_silence(&mut self) {
        let (Some(now), Some(last)) = (self.view.now(), self.last_line) else {
            return;
        };
        if since(last, now) < SILENCE || self.view.finished.is_some() {
            return;
        }
        let waits = self.view.waits();
        let more = waits.len().saturating_sub(REMINDERS);
        let mut lines: Vec<String> = waits
            .iter()
            .take(REMINDERS)
            .map(|w| {
                let left = duration::short(w.left);
                format!(
                    "{}: {}; gives up in {left}",
                    duration::short(w.age),
                    wait_text(w.what, w.cause)
                )
            })
            .collect();
        if more > 0 {
            lines.push(format!("and for {more} more"));
        }
        for line in lines {
            self.say(Tone::Busy, "still waiting", &line);
        }
    }
}

impl Progress for Plain {
    fn event(&mut self, event: &Event) {
        let title = step_of(&event.body)
            .and_then(|step| self.view.open.get(step))
            .map(|open| open.title.clone());
        // What people see is a change of state; an event that repeats itself is none.
        if self.view.apply(event) {
            self.changed(&event.body, title);
        }
        self.tell_waits();
    }

    fn tick(&mut self, now: Timestamp) {
        self.view.tick(now);
        self.tell_waits();
        self.break_silence();
    }

    fn finish(&mut self) {}
}

fn plan(view: &View) -> String {
    let steps = match (view.resumed, view.proven()) {
        (true, proven) => format!("continuing, {proven} of {} steps proven earlier", view.steps),
        (false, _) => format!("starting, {}", plural(view.steps, "step")),
    };
    format!(
        "{steps}, {}, {}",
        plural(view.machines.len(), "machine"),
        plural(view.addons.len(), "addon")
    )
}

fn machine_line(machine: &MachineLine) -> Line {
    let address = machine
        .address
        .as_ref()
        .map_or_else(String::new, |a| format!(" at {a}"));
    Line::new()
        .with(Tone::Plain, &format!("machine {}: ", machine.name))
        .with(state_tone(&machine.state), &machine.state)
        .with(Tone::Plain, &address)
}

fn wait_text(what: &str, cause: Option<&str>) -> String {
    cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"))
}

pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Deadline => "deadline passed",
        Outcome::Interrupted => "interrupted",
    }
}

fn step_of(body: &Body) -> Option<&String> {
    match body {
        Body::StepRetried { step, .. } | Body::StepFailed { step, .. } => Some(step),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::{Env, UiOptions, ui::Captured};

    /// A moment of the test's run.
    pub(in crate::progress) fn at(seconds: f64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs_f64(1_000_000.0 + seconds)
    }

    /// Events at these moments.
    pub(in crate::progress) fn stream(bodies: Vec<(f64, Body)>) -> Vec<Event> {
        bodies
            .into_iter()
            .zip(1..)
            .map(|((seconds, body), seq)| Event {
                v: butler_api::event::SCHEMA_VERSION,
                seq,
                time: at(seconds),
                run: uuid::Uuid::nil(),
                cluster: "demo".to_owned(),
                body,
            })
            .collect()
    }

    /// One control plane, one worker, two addons.
    pub(in crate::progress) fn started(steps: usize, proven: usize) -> Body {
        let machine = |name: &str, role: &str| MachineLine {
            name: name.to_owned(),
            role: role.to_owned(),
            state: "pending".to_owned(),
            address: None,
            provider_id: None,
        };
        Body::RunStarted {
            resumed: proven > 0,
            steps,
            proven,
            machines: vec![
                machine("demo-cp-0", "control-plane"),
                machine("demo-worker-0", "worker"),
            ],
            addons: vec!["cilium".to_owned(), "longhorn".to_owned()],
        }
    }

    /// A machine in a state.
    pub(in crate::progress) fn machine(name: &str, state: &str) -> Body {
        let role = if name.contains("-cp-") {
            "control-plane"
        } else {
            "worker"
        };
        let address = (state != "creating").then(|| "127.64.0.2".to_owned());
        let machine = MachineLine {
            name: name.to_owned(),
            role: role.to_owned(),
            state: state.to_owned(),
            address,
            provider_id: None,
        };
        Body::MachineChanged { machine }
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

    fn plain() -> (Plain, Captured) {
        let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
        (Plain::new(ui), captured)
    }

    fn shown(bodies: Vec<(f64, Body)>) -> String {
        let (mut plain, captured) = plain();
        for event in stream(bodies) {
            plain.event(&event);
        }
        plain.finish();
        captured.stderr()
    }

    /// A short run with a retry, a wait, a warning and a repeated event.
    fn run() -> Vec<(f64, Body)> {
        let title = |step: &str, title: &str| Body::StepStarted {
            step: step.to_owned(),
            title: title.to_owned(),
            deadline_seconds: 600,
        };
        vec![
            (0.0, started(20, 0)),
            (
                0.0,
                Body::PhaseChanged {
                    phase: "ProvisioningMachines".into(),
                },
            ),
            (0.1, title("machine/demo-cp-0/create", "create machine demo-cp-0")),
            (0.2, machine("demo-cp-0", "creating")),
            (
                1.0,
                Body::StepRetried {
                    step: "machine/demo-cp-0/create".into(),
                    attempt: 1,
                    cause: "429 too many requests".into(),
                    chain: Vec::new(),
                    retry_in_seconds: 2.0,
                },
            ),
            (3.0, machine("demo-cp-0", "booting")),
            (3.0, machine("demo-cp-0", "booting")),
            (
                4.0,
                waiting(
                    "etcd/bootstrap",
                    "etcd on demo-cp-0 is healthy",
                    "connection refused",
                    0.0,
                ),
            ),
            (9.0, machine("demo-cp-0", "ready")),
            (
                9.5,
                Body::StepProven {
                    step: "etcd/bootstrap".into(),
                    title: "bootstrap etcd on demo-cp-0".into(),
                    evidence: "1 member, healthy".into(),
                    seconds: 5.5,
                    already: false,
                },
            ),
            (
                70.0,
                Body::AddonChanged {
                    addon: "cilium".into(),
                    state: "ready".into(),
                    detail: None,
                },
            ),
            (
                71.0,
                Body::Warning {
                    message: "the console has no ingress".into(),
                    hint: Some("set addons.console".into()),
                },
            ),
            (
                72.0,
                Body::FileWritten {
                    what: "kubeconfig".into(),
                    path: "/home/ada/.butler/demo-kubeconfig".into(),
                },
            ),
            (
                72.0,
                Body::RunFinished {
                    outcome: Outcome::Done,
                    seconds: 72.0,
                    message: "management cluster ready".into(),
                },
            ),
        ]
    }

    #[test]
    fn a_run_is_told_line_by_line() {
        insta::assert_snapshot!(shown(run()), @r"
           0:00  demo: starting, 20 steps, 2 machines, 2 addons
           0:00  phase: provisioning machines
           0:00  machine demo-cp-0: creating
           0:01  retry: create machine demo-cp-0: attempt 1 failed: 429 too many requests; next in 2s
           0:03  machine demo-cp-0: booting at 127.64.0.2
           0:09  machine demo-cp-0: ready at 127.64.0.2
           0:09  waiting: 8s: create machine demo-cp-0: 429 too many requests
           0:09  waiting: 5s: etcd on demo-cp-0 is healthy: connection refused
           0:09  done: bootstrap etcd on demo-cp-0 (1 member, healthy)
           1:10  addon cilium: ready
        warning: the console has no ingress
        hint: set addons.console
           1:12  kubeconfig: /home/ada/.butler/demo-kubeconfig
           1:12  done: management cluster ready
        ");
    }

    #[test]
    fn attempts_that_fail_alike_are_one_wait() {
        let (mut plain, captured) = plain();
        let begin = Body::StepStarted {
            step: "etcd/bootstrap".to_owned(),
            title: "bootstrap etcd".to_owned(),
            deadline_seconds: 600,
        };
        let retries = (1..=44).map(|attempt| {
            let body = Body::StepRetried {
                step: "etcd/bootstrap".to_owned(),
                attempt,
                cause: if attempt < 40 {
                    "connection refused"
                } else {
                    "no answer"
                }
                .to_owned(),
                chain: Vec::new(),
                retry_in_seconds: 1.0,
            };
            (f64::from(attempt), body)
        });
        for event in stream(std::iter::once((0.0, begin)).chain(retries).collect()) {
            plain.event(&event);
        }
        insta::assert_snapshot!(captured.stderr(), @r"
           0:01  retry: bootstrap etcd: attempt 1 failed: connection refused; next in 1s
           0:05  waiting: 5s: bootstrap etcd: connection refused
           0:40  waiting: 40s: bootstrap etcd: no answer
        ");
    }

    #[test]
    fn equal_waits_of_many_machines_are_one_line() {
        let (mut plain, captured) = plain();
        let waits = (0..50).map(|i| {
            (
                0.0,
                waiting(
                    &format!("machine/{i}/node"),
                    "the node registers",
                    "API server: refused",
                    0.0,
                ),
            )
        });
        for event in stream(waits.collect()) {
            plain.event(&event);
        }
        plain.tick(at(5.0));
        plain.tick(at(6.0));
        assert_eq!(
            captured.stderr(),
            "   0:05  waiting: 5s: the node registers: API server: refused\n"
        );
    }

    #[test]
    fn hundreds_of_own_waits_do_not_flood_the_log() {
        let (mut plain, captured) = plain();
        let waits = (0..500).map(|i| {
            (
                0.0,
                waiting(
                    &format!("machine/{i}/boot"),
                    &format!("machine {i} boots"),
                    "refused",
                    0.0,
                ),
            )
        });
        for event in stream(waits.collect()) {
            plain.event(&event);
        }
        for second in 0..20 {
            plain.tick(at(f64::from(second)));
        }
        assert_eq!(captured.stderr().lines().count(), 3 * WAITS, "{}", captured.stderr());
    }

    #[test]
    fn a_flapping_cause_does_not_flood_the_log() {
        let (mut plain, captured) = plain();
        let flaps = (0..40).map(|i| {
            (
                f64::from(i),
                waiting("a", "x", if i % 2 == 0 { "refused" } else { "reset" }, f64::from(i)),
            )
        });
        for event in stream(flaps.collect()) {
            plain.event(&event);
        }
        let lines = captured.stderr().lines().count();
        assert!((2..=9).contains(&lines), "{}", captured.stderr());
    }

    #[test]
    fn a_silent_minute_repeats_what_is_waited_for() {
        let (mut plain, captured) = plain();
        for event in stream(vec![(0.0, waiting("a", "etcd is healthy", "no leader", 0.0))]) {
            plain.event(&event);
        }
        plain.tick(at(5.0));
        let before = captured.stderr().len();
        plain.tick(at(64.0));
        assert_eq!(captured.stderr().len(), before);
        plain.tick(at(65.0));
        assert!(captured.stderr()[before..].starts_with("   1:05  still waiting: 1m05s: etcd is healthy: no leader"));
    }

    #[test]
    fn a_continued_run_says_so() {
        assert_eq!(
            shown(vec![(0.0, started(87, 40))]),
            "   0:00  demo: continuing, 40 of 87 steps proven earlier, 2 machines, 2 addons\n"
        );
    }

    #[test]
    fn a_failure_names_the_step_in_words() {
        let text = shown(vec![
            (
                0.0,
                Body::StepStarted {
                    step: "a".into(),
                    title: "create machine demo-cp-0".into(),
                    deadline_seconds: 60,
                },
            ),
            (
                1.0,
                Body::StepFailed {
                    step: "a".into(),
                    error: "quota exceeded".into(),
                    hint: Some("raise it".into()),
                    deadline: false,
                },
            ),
        ]);
        assert_eq!(
            text,
            "   0:01  failed: create machine demo-cp-0: quota exceeded\n   0:01  hint: raise it\n"
        );
    }
}
