//! The driver: performs the scheduler's effects and feeds the results back.
//!
//! Each verb runs in a task of its own. Before an act its intent is on disk, after it its effect; a proof counts when its
//! record is on disk. What a step waits for is remembered, so that its deadline can say why. When the run has to end, no
//! verb is waited for longer than [`GRACE`].

mod wait;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use butler_api::{
    error::StepError,
    event::{Body, Event, MachineLine, Outcome, SCHEMA_VERSION},
    words,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::wait::{Wait, seconds};
use crate::{
    graph::{Kind, Phase, Step, StepId},
    journal::{Entry, Fact, JournalError, Writer},
    scheduler::{Effect, Failure, Input, Scheduler},
    view::View,
};

/// How long acts in flight may take to finish when the run is out of time or was interrupted. What they do not get done is
/// looked at by the next run: each has its intent in the journal.
pub const GRACE: Duration = Duration::from_secs(5);

/// What was observed, and what it teaches later runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// One sentence.
    pub evidence: String,
    /// Ids and addresses.
    pub facts: Vec<Fact>,
}

impl Proof {
    /// Evidence that teaches nothing else.
    pub fn of(evidence: impl Into<String>) -> Self {
        Self {
            evidence: evidence.into(),
            facts: Vec::new(),
        }
    }
}

/// The three verbs of every step. Dropping a returned future aborts the verb.
pub trait Verbs: Send + Sync + 'static {
    /// Is it so already in the real world?
    fn probe<'a>(&'a self, step: &'a Step, report: &'a Report) -> BoxFuture<'a, Result<Option<Proof>, StepError>>;
    /// Makes it so; idempotent.
    fn act<'a>(&'a self, step: &'a Step, report: &'a Report) -> BoxFuture<'a, Result<(), StepError>>;
    /// Waits for the evidence.
    fn prove<'a>(&'a self, step: &'a Step, report: &'a Report) -> BoxFuture<'a, Result<Proof, StepError>>;
}

/// Takes the events of a run, in order.
pub trait Sink: Send {
    /// One event.
    fn emit(&mut self, event: &Event);
}

/// How a running verb speaks to the driver.
#[derive(Debug, Clone)]
pub struct Report {
    step: StepId,
    journal: Writer,
    notices: mpsc::UnboundedSender<Notice>,
}

#[derive(Debug)]
enum Notice {
    Waiting {
        step: StepId,
        waiting_for: String,
        cause: Option<String>,
        hint: Option<String>,
    },
    Body(Body),
}

impl Report {
    /// Says what the step waits for and the deepest cause observed. Words of peers are made fit here, whoever had them.
    pub fn waiting(&self, waiting_for: impl Into<String>, cause: Option<String>) {
        self.waiting_with(waiting_for, cause, None);
    }

    /// The same with what a person can do about it, should it not end.
    pub fn waiting_with(&self, waiting_for: impl Into<String>, cause: Option<String>, hint: Option<String>) {
        let notice = Notice::Waiting {
            step: self.step.clone(),
            waiting_for: words::peer(&waiting_for.into()),
            cause: cause.map(|cause| words::peer(&cause)),
            hint,
        };
        // The driver ends before its reporters only when the run is over.
        drop(self.notices.send(notice));
    }

    /// Emits an event.
    pub fn emit(&self, body: Body) {
        let body = match body {
            Body::Warning { message, hint } => Body::Warning {
                message: words::peer(&message),
                hint,
            },
            body => body,
        };
        drop(self.notices.send(Notice::Body(body)));
    }

    /// Makes an intent durable: a choice, or an effect within a step that deserves its own record.
    pub async fn intent(&self, what: impl Into<String>, facts: Vec<Fact>) -> Result<(), StepError> {
        let entry = Entry::Intent {
            step: self.step.clone(),
            what: what.into(),
            facts,
        };
        self.journal.append(entry).await.map_err(journal_failed)
    }

    /// Makes an effect durable.
    pub async fn effect(&self, what: impl Into<String>, facts: Vec<Fact>) -> Result<(), StepError> {
        let entry = Entry::Effect {
            step: self.step.clone(),
            what: what.into(),
            facts,
        };
        self.journal.append(entry).await.map_err(journal_failed)
    }
}

fn journal_failed(error: JournalError) -> StepError {
    StepError::fatal("nothing may happen that the journal cannot record", error)
        .hint("free space on the disk of the state folder, then run the same command again")
}

/// What a run is given besides its steps.
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// Cluster name.
    pub cluster: String,
    /// Steps that earlier runs have proven.
    pub proven: usize,
    /// Whether an earlier run is continued.
    pub resumed: bool,
    /// What to say at the start.
    pub notices: Vec<Body>,
    /// Limit for the whole run.
    pub deadline: Option<Duration>,
    /// How long acts in flight may go on after that, or after a signal: [`GRACE`].
    pub grace: Duration,
    /// Ends the run cleanly.
    pub cancel: CancellationToken,
}

/// How a run ended, and why if not well.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// The steps that failed, in order.
    pub failures: Vec<FailedStep>,
    /// What was still waited for when the time was up or the run was interrupted, longest first, in words.
    pub unfinished: Vec<String>,
    /// What a person can do about those waits.
    pub hints: Vec<String>,
    /// Machines and addons as they were last seen.
    pub view: View,
    /// How long it took.
    pub took: Duration,
}

/// A step that failed for good.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedStep {
    /// The step.
    pub step: StepId,
    /// Its title.
    pub title: String,
    /// The machine it is about, with its address if known.
    pub machine: Option<String>,
    /// Why, including what it waited for.
    pub failure: Failure,
    /// Whether its deadline passed.
    pub deadline: bool,
}

/// Runs the steps to the end. `view` is what people see: kept up to date here, followed by whoever receives it.
pub async fn drive<V: Verbs>(
    scheduler: Scheduler,
    verbs: Arc<V>,
    journal: Writer,
    sink: &mut dyn Sink,
    view: watch::Sender<View>,
    run: Run,
) -> Result<Ended, JournalError> {
    let (inputs, inbox) = mpsc::unbounded_channel();
    let (notices, said) = mpsc::unbounded_channel();
    let began = Instant::now();
    let driver = Driver {
        scheduler,
        verbs,
        journal,
        sink,
        view,
        inputs,
        notices,
        running: BTreeMap::new(),
        timers: BTreeMap::new(),
        waits: BTreeMap::new(),
        failures: Vec::new(),
        unfinished: Vec::new(),
        hints: Vec::new(),
        seq: 0,
        phase: None,
        began,
        run,
    };
    driver.run(inbox, said).await
}

struct Driver<'a, V> {
    scheduler: Scheduler,
    verbs: Arc<V>,
    journal: Writer,
    sink: &'a mut dyn Sink,
    view: watch::Sender<View>,
    inputs: mpsc::UnboundedSender<Message>,
    notices: mpsc::UnboundedSender<Notice>,
    running: BTreeMap<StepId, AbortHandle>,
    timers: BTreeMap<StepId, (AbortHandle, Instant)>,
    waits: BTreeMap<StepId, Wait>,
    failures: Vec<FailedStep>,
    /// What was under way when the end came, longest first, in words.
    unfinished: Vec<(StepId, String)>,
    hints: Vec<String>,
    seq: u64,
    phase: Option<Phase>,
    began: Instant,
    run: Run,
}

/// From a task to the loop.
#[derive(Debug)]
enum Message {
    Input(Input, Vec<Fact>),
    Journal(JournalError),
    Panicked(StepId, String),
}

impl<V: Verbs> Driver<'_, V> {
    async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Message>,
        mut said: mpsc::UnboundedReceiver<Notice>,
    ) -> Result<Ended, JournalError> {
        self.announce();
        let mut effects = self.scheduler.start();
        let cancel = self.run.cancel.clone();
        let mut cancelled = false;
        let out_of_time = self.run.deadline.map(|d| self.began + d);
        let mut late = false;
        loop {
            if let Some(outcome) = self.perform(effects).await? {
                return self.finish(outcome).await;
            }
            // The end comes first: verbs that say much must not keep it waiting.
            effects = tokio::select! {
                biased;
                () = cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    self.note_what_is_under_way();
                    self.journal.append(Entry::Cancelled).await?;
                    self.scheduler.handle(Input::Cancel)
                }
                () = until(out_of_time), if !late => {
                    late = true;
                    self.note_what_is_under_way();
                    self.scheduler.handle(Input::OutOfTime)
                }
                Some(notice) = said.recv() => { self.notice(notice); Vec::new() }
                Some(message) = inbox.recv() => self.receive(message)?,
            };
        }
    }

    fn announce(&mut self) {
        let steps = self.scheduler.graph().len();
        let (machines, addons, ready) = {
            let view = self.view.borrow();
            (view.machines(), view.addon_names(), view.ready_addons())
        };
        let (resumed, proven) = (self.run.resumed, self.run.proven);
        self.emit(Body::RunStarted {
            resumed,
            steps,
            proven,
            machines,
            addons,
        });
        let notices = std::mem::take(&mut self.run.notices);
        for body in ready.into_iter().chain(notices) {
            self.emit(body);
        }
        self.publish_phase();
    }

    fn receive(&mut self, message: Message) -> Result<Vec<Effect>, JournalError> {
        match message {
            Message::Journal(error) => Err(error),
            Message::Panicked(step, words) => {
                let failure = Failure {
                    retryable: false,
                    message: format!("internal error in step {step}: {words}"),
                    hint: Some("this is a defect of this program; please report it with the journal".to_owned()),
                    refused: false,
                };
                Ok(self
                    .scheduler
                    .handle(Input::Proved(step.clone(), Err(failure.clone())))
                    .into_iter()
                    .chain(self.scheduler.handle(Input::Acted(step.clone(), Err(failure.clone()))))
                    .chain(self.scheduler.handle(Input::Probed(step, Err(failure))))
                    .collect())
            }
            Message::Input(input, facts) => {
                for fact in &facts {
                    if let Some(line) = self.change(|view| view.learn(fact)) {
                        self.emit(Body::MachineChanged { machine: line });
                    }
                }
                Ok(self.scheduler.handle(input))
            }
        }
    }

    async fn perform(&mut self, effects: Vec<Effect>) -> Result<Option<Outcome>, JournalError> {
        for effect in effects {
            match effect {
                Effect::Begin(id) => self.begin(&id),
                Effect::Probe(id) => self.spawn(&id, Verb::Probe),
                Effect::Act(id) => self.spawn(&id, Verb::Act),
                Effect::Prove(id) => self.spawn(&id, Verb::Prove),
                Effect::Pause(id, pause, attempt, failure) => self.pause(id, pause, attempt, failure),
                Effect::Proven {
                    step,
                    evidence,
                    already,
                } => self.proven(&step, evidence, already),
                Effect::Failed(id, failure, deadline) => self.failed(&id, failure, deadline).await?,
                Effect::Abort(id) => self.abort(&id),
                Effect::Grace => self.grace(),
                Effect::CutOff(id) => self.cut_off(&id).await?,
                Effect::Finish(outcome) => return Ok(Some(outcome)),
            }
        }
        self.publish_phase();
        Ok(None)
    }

    fn begin(&mut self, id: &StepId) {
        let Some(step) = self.scheduler.graph().get(id).cloned() else {
            return;
        };
        let (inputs, id, deadline) = (self.inputs.clone(), id.clone(), step.deadline);
        let late = Failure {
            retryable: true,
            message: String::new(),
            hint: None,
            refused: false,
        };
        let timer = {
            let id = id.clone();
            tokio::spawn(async move {
                tokio::time::sleep(deadline).await;
                drop(inputs.send(Message::Input(Input::Expired(id, late), Vec::new())));
            })
        };
        self.timers.insert(id.clone(), (timer.abort_handle(), Instant::now()));
        self.emit(Body::StepStarted {
            step: id.as_str().to_owned(),
            title: step.title.clone(),
            deadline_seconds: deadline.as_secs(),
        });
        if let Some(body) = self.change(|view| view.begun(&step.kind)) {
            self.emit(body);
        }
    }

    fn spawn(&mut self, id: &StepId, verb: Verb) {
        let Some(step) = self.scheduler.graph().get(id).cloned() else {
            return;
        };
        let verbs = Arc::clone(&self.verbs);
        let report = Report {
            step: id.clone(),
            journal: self.journal.clone(),
            notices: self.notices.clone(),
        };
        let inputs = self.inputs.clone();
        let task = tokio::spawn(async move {
            let message = run_verb(&*verbs, &step, verb, &report).await;
            drop(inputs.send(message));
        });
        self.running.insert(id.clone(), task.abort_handle());
        self.watch_for_panic(id, task);
    }

    fn watch_for_panic(
        &self,
        id: &StepId,
        task: impl Future<Output = Result<(), tokio::task::JoinError>> + Send + 'static,
    ) {
        let (inputs, id) = (self.inputs.clone(), id.clone());
        tokio::spawn(async move {
            if let Err(error) = task.await
                && error.is_panic()
            {
                drop(inputs.send(Message::Panicked(id, error.to_string())));
            }
        });
    }

    fn pause(&mut self, id: StepId, pause: Duration, attempt: u32, failure: Failure) {
        self.emit(Body::StepRetried {
            step: id.as_str().to_owned(),
            attempt,
            cause: failure.message.clone(),
            retry_in_seconds: pause.as_secs_f64(),
        });
        let wait = Wait::after_failure(self.waits.get(&id), failure.message, Instant::now());
        self.waits.insert(id.clone(), wait);
        let inputs = self.inputs.clone();
        let task = {
            let id = id.clone();
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                drop(inputs.send(Message::Input(Input::Due(id), Vec::new())));
            })
        };
        self.running.insert(id, task.abort_handle());
    }

    fn proven(&mut self, id: &StepId, evidence: String, already: bool) {
        let seconds = self.clear(id).map_or(0.0, |since| since.elapsed().as_secs_f64());
        let Some(step) = self.scheduler.graph().get(id).cloned() else {
            return;
        };
        self.emit(Body::StepProven {
            step: id.as_str().to_owned(),
            title: step.title,
            evidence,
            seconds,
            already,
        });
        if let Some(body) = self.change(|view| view.proven(&step.kind)) {
            self.emit(body);
        }
    }

    async fn failed(&mut self, id: &StepId, failure: Failure, deadline: bool) -> Result<(), JournalError> {
        let failure = if deadline { self.lateness(id, &failure) } else { failure };
        self.clear(id);
        self.journal
            .append(Entry::Failure {
                step: id.clone(),
                error: failure.message.clone(),
                deadline,
                refused: failure.refused,
            })
            .await?;
        let Some(step) = self.scheduler.graph().get(id).cloned() else {
            return Ok(());
        };
        self.emit(Body::StepFailed {
            step: id.as_str().to_owned(),
            error: failure.message.clone(),
            hint: failure.hint.clone(),
            deadline,
        });
        if let Some(body) = self.change(|view| view.failed(&step.kind)) {
            self.emit(body);
        }
        let machine = step.kind.machine().map(|name| self.view.borrow().describe(name));
        self.failures.push(FailedStep {
            step: id.clone(),
            title: step.title,
            machine,
            failure,
            deadline,
        });
        Ok(())
    }

    /// What to say of a step whose deadline passed: what it waited for, the last cause, for how long.
    fn lateness(&self, id: &StepId, failure: &Failure) -> Failure {
        let step = self.scheduler.graph().get(id);
        let limit = step.map_or(Duration::ZERO, |s| s.deadline);
        let message = match self.waits.get(id) {
            Some(wait) => format!(
                "not done within {}: waited for {}{}",
                seconds(limit),
                wait.waiting_for,
                wait.last_cause(Instant::now())
            ),
            None => format!("not done within {}", seconds(limit)),
        };
        let said = self.waits.get(id).and_then(|wait| wait.hint.clone());
        let hint = said
            .or_else(|| step.and_then(|s| late_hint(&s.kind)))
            .or_else(|| failure.hint.clone());
        Failure {
            retryable: true,
            message,
            hint,
            refused: false,
        }
    }

    /// Remembers what is under way now, and what can be done about it.
    fn note_what_is_under_way(&mut self) {
        self.unfinished = self.under_way();
        let mut hints: Vec<String> = self.waits.values().filter_map(|wait| wait.hint.clone()).collect();
        hints.sort();
        hints.dedup();
        self.hints = hints;
    }

    /// What is waited for or done now, longest first.
    fn under_way(&self) -> Vec<(StepId, String)> {
        let mut steps: Vec<(Instant, StepId, String)> = self
            .timers
            .iter()
            .map(|(id, (_, began))| {
                let since = self.waits.get(id).map_or(*began, |wait| wait.since);
                (since, id.clone(), self.describe(id, *began, false))
            })
            .collect();
        steps.sort_by_key(|(since, ..)| *since);
        steps.into_iter().map(|(_, id, words)| (id, words)).collect()
    }

    /// How far a step is that has not got to its end.
    fn describe(&self, id: &StepId, began: Instant, cut_off: bool) -> String {
        let now = Instant::now();
        if let Some(wait) = self.waits.get(id) {
            return wait.describe(id, cut_off, now);
        }
        let title = self.scheduler.graph().get(id).map_or("", |step| step.title.as_str());
        let cut_off = if cut_off { ", then cut off" } else { "" };
        let spent = seconds(now.saturating_duration_since(began));
        format!("spent {spent} with: {title} (step {id}){cut_off}")
    }

    /// Acts in flight may go on for so long.
    fn grace(&self) {
        let (inputs, grace) = (self.inputs.clone(), self.run.grace);
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            drop(inputs.send(Message::Input(Input::GraceOver, Vec::new())));
        });
    }

    /// Ends an act that had its grace. Its intent stands without an effect, so the next run looks at it first.
    async fn cut_off(&mut self, id: &StepId) -> Result<(), JournalError> {
        let began = self.timers.get(id).map_or(self.began, |(_, began)| *began);
        let words = self.describe(id, began, true);
        self.abort(id);
        self.waits.remove(id);
        let deadline = !self.run.cancel.is_cancelled();
        self.journal
            .append(Entry::Failure {
                step: id.clone(),
                error: words.clone(),
                deadline,
                refused: false,
            })
            .await?;
        self.emit(Body::StepFailed {
            step: id.as_str().to_owned(),
            error: words.clone(),
            hint: Some("run the same command again: it looks at this step first".to_owned()),
            deadline,
        });
        self.unfinished.retain(|(step, _)| step != id);
        self.unfinished.insert(0, (id.clone(), words));
        Ok(())
    }

    fn abort(&mut self, id: &StepId) {
        if let Some(task) = self.running.remove(id) {
            task.abort();
        }
        if let Some((timer, _)) = self.timers.remove(id) {
            timer.abort();
        }
    }

    /// Forgets a step that runs no longer; returns when it began.
    fn clear(&mut self, id: &StepId) -> Option<Instant> {
        self.running.remove(id);
        self.waits.remove(id);
        let (timer, since) = self.timers.remove(id)?;
        timer.abort();
        Some(since)
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Body(body) => {
                if let Body::MachineChanged { machine } = &body {
                    self.change(|view| view.set_machine(machine.clone()));
                }
                self.emit(body);
            }
            Notice::Waiting {
                step,
                waiting_for,
                cause,
                hint,
            } => self.waiting(&step, waiting_for, cause, hint),
        }
    }

    fn waiting(&mut self, step: &StepId, waiting_for: String, cause: Option<String>, hint: Option<String>) {
        if !self.timers.contains_key(step) {
            return;
        }
        let now = Instant::now();
        let known = self.waits.get(step);
        let wait = Wait::after_look(known, waiting_for.clone(), cause, hint, now);
        let told = known.is_some_and(|known| known.says_what(&wait));
        let (since, cause) = (wait.since, wait.cause().map(ToOwned::to_owned));
        self.waits.insert(step.clone(), wait);
        if told {
            return;
        }
        if let Some(name) = step.as_str().strip_prefix("addon/") {
            let detail = Some(cause.clone().unwrap_or_else(|| waiting_for.clone()));
            self.emit(Body::AddonChanged {
                addon: name.to_owned(),
                state: "installing".to_owned(),
                detail,
            });
        }
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        self.emit(Body::StepWaiting {
            step: step.as_str().to_owned(),
            waiting_for,
            cause,
            seconds,
        });
    }

    fn publish_phase(&mut self) {
        let phase = self.scheduler.phase();
        if self.phase == Some(phase) {
            return;
        }
        self.phase = Some(phase);
        self.change(|view| phase.as_str().clone_into(&mut view.phase));
        self.emit(Body::PhaseChanged {
            phase: phase.as_str().to_owned(),
        });
    }

    /// Changes the view in place: it holds every machine, and a copy for each change would cost more than the work.
    fn change<T>(&self, change: impl FnOnce(&mut View) -> T) -> T {
        let mut result = None;
        self.view.send_modify(|view| result = Some(change(view)));
        result.expect("the closure has run")
    }

    fn emit(&mut self, body: Body) {
        self.seq += 1;
        let event = Event {
            v: SCHEMA_VERSION,
            seq: self.seq,
            time: Timestamp::now(),
            run: self.run.id,
            cluster: self.run.cluster.clone(),
            body,
        };
        self.sink.emit(&event);
    }

    async fn finish(mut self, outcome: Outcome) -> Result<Ended, JournalError> {
        for (_, task) in std::mem::take(&mut self.running) {
            task.abort();
        }
        for (_, (timer, _)) in std::mem::take(&mut self.timers) {
            timer.abort();
        }
        self.journal.append(Entry::Finished { outcome }).await?;
        let took = self.began.elapsed();
        let message = match outcome {
            Outcome::Done => "management cluster ready".to_owned(),
            Outcome::Failed | Outcome::Deadline => ended_by(&self.failures, outcome),
            Outcome::Interrupted => "stopped on request, the same command goes on".to_owned(),
        };
        self.emit(Body::RunFinished {
            outcome,
            seconds: took.as_secs_f64(),
            message,
        });
        Ok(Ended {
            outcome,
            failures: self.failures,
            unfinished: self.unfinished.into_iter().map(|(_, words)| words).collect(),
            hints: self.hints,
            view: self.view.borrow().clone(),
            took,
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Verb {
    Probe,
    Act,
    Prove,
}

async fn run_verb<V: Verbs>(verbs: &V, step: &Step, verb: Verb, report: &Report) -> Message {
    let id = step.id.clone();
    match verb {
        Verb::Probe => match verbs.probe(step, report).await {
            Ok(Some(proof)) => prove(id, proof, report, |id, evidence| Input::Probed(id, Ok(Some(evidence)))).await,
            Ok(None) => Message::Input(Input::Probed(id, Ok(None)), Vec::new()),
            Err(error) => Message::Input(Input::Probed(id, Err(Failure::of(&error))), Vec::new()),
        },
        Verb::Act => {
            let intent = Entry::Intent {
                step: id.clone(),
                what: step.title.clone(),
                facts: Vec::new(),
            };
            if let Err(error) = report.journal.append(intent).await {
                return Message::Journal(error);
            }
            match verbs.act(step, report).await {
                Ok(()) => {
                    let effect = Entry::Effect {
                        step: id.clone(),
                        what: step.title.clone(),
                        facts: Vec::new(),
                    };
                    match report.journal.append(effect).await {
                        Ok(()) => Message::Input(Input::Acted(id, Ok(())), Vec::new()),
                        Err(error) => Message::Journal(error),
                    }
                }
                Err(error) => Message::Input(Input::Acted(id, Err(Failure::of(&error))), Vec::new()),
            }
        }
        Verb::Prove => match verbs.prove(step, report).await {
            Ok(proof) => prove(id, proof, report, |id, evidence| Input::Proved(id, Ok(evidence))).await,
            Err(error) => Message::Input(Input::Proved(id, Err(Failure::of(&error))), Vec::new()),
        },
    }
}

async fn prove(id: StepId, proof: Proof, report: &Report, input: impl FnOnce(StepId, String) -> Input) -> Message {
    let Proof { evidence, facts } = proof;
    let evidence = words::peer(&evidence);
    let entry = Entry::Proof {
        step: id.clone(),
        evidence: evidence.clone(),
        facts: facts.clone(),
    };
    match report.journal.append(entry).await {
        Ok(()) => Message::Input(input(id, evidence), facts),
        Err(error) => Message::Journal(error),
    }
}

/// What ended a run that did not reach its end.
fn ended_by(failures: &[FailedStep], outcome: Outcome) -> String {
    let verdict = match outcome {
        Outcome::Deadline => "not done in time",
        _ => "stopped at",
    };
    match failures {
        [] if outcome == Outcome::Deadline => "not done within --deadline".to_owned(),
        [] => "the bootstrap is not done".to_owned(),
        [only] => format!("{verdict}: {}", only.title),
        [first, others @ ..] => format!("{verdict}: {} and {} more", first.title, others.len()),
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// What a person can try when a step of this kind is late.
fn late_hint(kind: &Kind) -> Option<String> {
    let text = match kind {
        Kind::Boot(_) => {
            "look at the machine's console; the Talos API needs TCP 50000 from here. Then run the same command again"
        }
        Kind::Configure(_) => "the machine took its configuration but does not come back; look at its console",
        Kind::Addon(_) => "look at the pods it waits for with kubectl; the same command goes on from here",
        _ => return None,
    };
    Some(text.to_owned())
}

/// A machine's line while nothing is known of it.
pub(crate) fn pending(name: &str, role: &str) -> MachineLine {
    MachineLine {
        name: name.to_owned(),
        role: role.to_owned(),
        state: "pending".to_owned(),
        address: None,
        provider_id: None,
    }
}

#[cfg(test)]
mod tests;
