//! The driver: performs the scheduler's effects and feeds the results back.
//!
//! Each verb runs in a task of its own. Before an act its intent is on disk, after it its effect; a proof counts when its
//! record is on disk. What a step waits for is remembered, so that its deadline can say why. When the run has to end, no
//! verb is waited for longer than [`GRACE`].

mod ended;
mod log;
mod verb;
mod wait;

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use butler_api::{
    event::{Body, Event, HEARTBEAT_SECONDS, Outcome, SCHEMA_VERSION, Usual},
    view::{View, since},
};
use jiff::Timestamp;
use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::ended::{Ended, FailedStep};
use self::{
    ended::ended_by,
    log::Gate,
    verb::Verb,
    wait::{Wait, seconds},
};
use crate::{
    Graph, Moment, Operation, Phase, Report, Step, StepId,
    journal::{Entry, Journal, JournalError},
    operation::FactOf,
    report::{Listener, Notice, Waiting},
    scheduler::{Effect, Failure, Input, Scheduler},
};

/// How long acts in flight may take to finish when the run is out of time or was interrupted. What they do not get done is
/// looked at by the next run: each has its intent in the journal.
pub const GRACE: Duration = Duration::from_secs(5);

/// Takes the events of a run, in order.
pub trait Sink: Send {
    /// One event.
    fn emit(&mut self, event: &Event);

    /// Says something about the stream itself, which is no part of it: that it cannot be kept, for example.
    fn remark(&mut self, message: &str, hint: Option<&str>);
}

/// What a run is given besides its steps.
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// Cluster name.
    pub cluster: String,
    /// Steps that earlier runs have proven and that need no new proof.
    pub proven: Vec<StepId>,
    /// How many of the steps that count against the platform's limit may run at the same time.
    pub limit: usize,
    /// What to say at the start, first of all [`Body::RunStarted`].
    pub opening: Vec<Body>,
    /// How long steps usually take, by their kind ([`Step::kind`]).
    pub usual: BTreeMap<String, Usual>,
    /// Limit for the whole run.
    pub deadline: Option<Duration>,
    /// How long acts in flight may go on after that, or after a signal: [`GRACE`].
    pub grace: Duration,
    /// Ends the run cleanly.
    pub cancel: CancellationToken,
}

/// Runs the steps to the end. `view` is what people see: kept up to date here, followed by whoever receives it.
pub async fn drive<O: Operation>(
    operation: Arc<O>,
    graph: Graph<O>,
    journal: Journal<O::Memory>,
    sink: &mut dyn Sink,
    view: watch::Sender<View>,
    run: Run,
) -> Result<Ended, JournalError> {
    let (inputs, inbox) = mpsc::unbounded_channel();
    let (notices, said) = mpsc::unbounded_channel();
    let driver = Driver {
        scheduler: Scheduler::new(&graph, &run.proven, run.limit),
        operation,
        graph,
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
        gate: Gate::default(),
        seq: 0,
        phase: None,
        began: Instant::now(),
        run,
    };
    driver.run(inbox, said).await
}

struct Driver<'a, O: Operation> {
    scheduler: Scheduler,
    operation: Arc<O>,
    graph: Graph<O>,
    journal: Journal<O::Memory>,
    sink: &'a mut dyn Sink,
    view: watch::Sender<View>,
    inputs: mpsc::UnboundedSender<Message<FactOf<O>>>,
    notices: mpsc::UnboundedSender<Notice>,
    running: BTreeMap<StepId, AbortHandle>,
    timers: BTreeMap<StepId, (AbortHandle, Instant)>,
    waits: BTreeMap<StepId, Wait>,
    failures: Vec<FailedStep>,
    /// What was under way when the end came, longest first, in words.
    unfinished: Vec<(StepId, String)>,
    hints: Vec<String>,
    gate: Gate,
    seq: u64,
    phase: Option<Phase>,
    began: Instant,
    run: Run,
}

/// From a task to the loop.
#[derive(Debug)]
enum Message<F> {
    Input(Input, Vec<F>),
    Journal(JournalError),
    Panicked(StepId, String),
}

impl Listener for mpsc::UnboundedSender<Notice> {
    fn hear(&self, notice: Notice) {
        // The driver ends before its reporters only when the run is over.
        drop(self.send(notice));
    }
}

impl<O: Operation> Driver<'_, O> {
    async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Message<FactOf<O>>>,
        mut said: mpsc::UnboundedReceiver<Notice>,
    ) -> Result<Ended, JournalError> {
        self.announce();
        let mut effects = self.scheduler.start();
        let cancel = self.run.cancel.clone();
        let mut cancelled = false;
        let out_of_time = self.run.deadline.map(|d| self.began + d);
        let mut late = false;
        let mut heartbeat = tokio::time::interval(Duration::from_secs(HEARTBEAT_SECONDS));
        heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        heartbeat.reset();
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
                _ = heartbeat.tick() => { self.emit(Body::RunHeartbeat {}); Vec::new() }
                Some(notice) = said.recv() => { self.notice(notice); Vec::new() }
                Some(message) = inbox.recv() => self.receive(message)?,
            };
        }
    }

    fn announce(&mut self) {
        let mut opening = std::mem::take(&mut self.run.opening).into_iter();
        self.emit_all(opening.next());
        let steps = self.graph.lines(&self.run.proven, &self.run.usual);
        self.emit(Body::RunGraph { steps });
        self.emit_all(opening);
        self.publish_phase();
    }

    fn receive(&mut self, message: Message<FactOf<O>>) -> Result<Vec<Effect>, JournalError> {
        match message {
            Message::Journal(error) => Err(error),
            Message::Panicked(step, words) => {
                let failure = Failure {
                    retryable: false,
                    message: format!("internal error in step {step}: {words}"),
                    chain: Vec::new(),
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
                    let body = O::learnt(fact, &self.view.borrow());
                    self.emit_all(body);
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
        let Some(step) = self.graph.get(id).cloned() else {
            return;
        };
        let (inputs, id, deadline) = (self.inputs.clone(), id.clone(), step.deadline);
        let late = Failure {
            retryable: true,
            message: String::new(),
            chain: Vec::new(),
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
        self.show(&step, Moment::Begun);
    }

    fn spawn(&mut self, id: &StepId, verb: Verb) {
        let Some(step) = self.graph.get(id).cloned() else {
            return;
        };
        let operation = Arc::clone(&self.operation);
        let report = Report::new(id.clone(), self.journal.clone(), Arc::new(self.notices.clone()));
        let inputs = self.inputs.clone();
        let task = tokio::spawn(async move {
            let message = verb::run(&*operation, &step, verb, &report).await;
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
            chain: failure.chain.clone(),
            retry_in_seconds: pause.as_secs_f64(),
        });
        let wait = Wait::after_failure(self.waits.get(&id), failure.message, failure.chain, Instant::now());
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
        let Some(step) = self.graph.get(id).cloned() else {
            return;
        };
        self.emit(Body::StepProven {
            step: id.as_str().to_owned(),
            title: step.title.clone(),
            evidence,
            seconds,
            already,
        });
        self.show(&step, Moment::Proven);
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
        let Some(step) = self.graph.get(id).cloned() else {
            return Ok(());
        };
        self.emit(Body::StepFailed {
            step: id.as_str().to_owned(),
            error: failure.message.clone(),
            hint: failure.hint.clone(),
            deadline,
        });
        self.show(&step, Moment::Failed);
        let about = step.about.as_ref().map(|name| self.view.borrow().describe(name));
        self.failures.push(FailedStep {
            step: id.clone(),
            title: step.title,
            about,
            failure,
            deadline,
        });
        Ok(())
    }

    /// What to say of a step whose deadline passed: what it waited for, the last cause, for how long.
    fn lateness(&self, id: &StepId, failure: &Failure) -> Failure {
        let step = self.graph.get(id);
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
            .or_else(|| step.and_then(|s| s.hint).map(str::to_owned))
            .or_else(|| failure.hint.clone());
        Failure {
            retryable: true,
            message,
            chain: Vec::new(),
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
        let title = self.graph.get(id).map_or("", |step| step.title.as_str());
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
            Notice::Body(body) => self.emit(body),
            Notice::Log { level, source, text } => {
                for body in self.gate.pass(level, source, text, Instant::now()) {
                    self.emit(body);
                }
            }
            Notice::Waiting { step, waiting } => self.waiting(&step, waiting),
        }
    }

    fn waiting(&mut self, step: &StepId, waiting: Waiting) {
        if !self.timers.contains_key(step) {
            return;
        }
        let now = Instant::now();
        let known = self.waits.get(step);
        let waiting_for = waiting.waiting_for.clone();
        let wait = Wait::after_look(known, waiting, now);
        let told = known.is_some_and(|known| known.says_what(&wait));
        let (since, cause) = (wait.since, wait.cause().map(ToOwned::to_owned));
        let (chain, hint) = (wait.chain.clone(), wait.hint.clone());
        self.waits.insert(step.clone(), wait);
        if told {
            return;
        }
        if let Some(known) = self.graph.get(step).cloned() {
            self.show(&known, Moment::Waiting(cause.as_deref().unwrap_or(&waiting_for)));
        }
        let seconds = now.saturating_duration_since(since).as_secs_f64();
        self.emit(Body::StepWaiting {
            step: step.as_str().to_owned(),
            waiting_for,
            cause,
            chain,
            hint,
            seconds,
        });
    }

    fn publish_phase(&mut self) {
        let phase = self.scheduler.phase();
        if self.phase == phase {
            return;
        }
        self.phase = phase;
        self.emit_all(phase.map(|phase| Body::PhaseChanged {
            phase: phase.name.to_owned(),
        }));
    }

    /// Emits what people see change at this moment of a step.
    fn show(&mut self, step: &Step<O>, moment: Moment<'_>) {
        let body = step.verbs.shows(moment, &self.view.borrow());
        self.emit_all(body);
    }

    fn emit_all(&mut self, bodies: impl IntoIterator<Item = Body>) {
        for body in bodies {
            self.emit(body);
        }
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
        // Folded in place: the view holds every machine, and a copy for each event would cost more than the work.
        self.view.send_modify(|view| _ = view.apply(&event));
        self.sink.emit(&event);
    }

    /// Steps that had begun and got neither proof nor failure.
    fn say_what_ended(&mut self) {
        let now = Timestamp::now();
        let open: Vec<(String, Duration)> = {
            let view = self.view.borrow();
            let took = view
                .open
                .iter()
                .map(|(id, open)| (id.clone(), since(open.started, now)));
            took.collect()
        };
        for (step, took) in open {
            let seconds = took.as_secs_f64();
            self.emit(Body::StepEnded { step, seconds });
        }
    }

    async fn finish(mut self, outcome: Outcome) -> Result<Ended, JournalError> {
        for (_, task) in std::mem::take(&mut self.running) {
            task.abort();
        }
        for (_, (timer, _)) in std::mem::take(&mut self.timers) {
            timer.abort();
        }
        self.say_what_ended();
        self.journal.append(Entry::Finished { outcome }).await?;
        let took = self.began.elapsed();
        let message = match outcome {
            Outcome::Done => O::WORDS.done.to_owned(),
            Outcome::Failed | Outcome::Deadline => ended_by(&self.failures, outcome, O::WORDS),
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

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
