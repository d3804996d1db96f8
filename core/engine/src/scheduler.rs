//! The scheduler: inputs in, effects out. No clock, no IO; timers are effects whose firing is an input.
//!
//! Each step goes probe → act → prove. A retryable failure goes back to the probe after a pause, because the world may
//! have changed meanwhile. A passed deadline ends that step only; everything that does not depend on it goes on. A
//! refusal (anything that trying again cannot cure) lets acts in flight finish and starts nothing new. A signal and the
//! deadline of the run do the same, but the acts get a short grace only: what is cut off then is left to its journal.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use butler_api::{
    backoff::Backoff,
    event::{CauseLine, Outcome},
};

use crate::{Graph, Phase, StepId};

/// What the driver tells the scheduler.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A probe answered: the evidence if it is so already.
    Probed(StepId, Result<Option<String>, Failure>),
    /// The act of a step returned, or failed.
    Acted(StepId, Result<(), Failure>),
    /// The evidence was observed.
    Proved(StepId, Result<String, Failure>),
    /// The pause before the next attempt is over.
    Due(StepId),
    /// The deadline of a step passed.
    Expired(StepId, Failure),
    /// The deadline of the whole run passed.
    OutOfTime,
    /// The user wants it to stop.
    Cancel,
    /// The grace of the acts in flight is over.
    GraceOver,
}

/// What the scheduler wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// A step begins: arm its deadline.
    Begin(StepId),
    /// Waiting whether it is so already.
    Probe(StepId),
    /// Carry the act of the step out.
    Act(StepId),
    /// Observe whether the step's goal is reached.
    Prove(StepId),
    /// Send [`Input::Due`] after this pause.
    Pause(StepId, Duration, u32, Failure),
    /// The step is proven.
    Proven {
        /// The step whose goal was observed.
        step: StepId,
        /// What was observed, as a sentence.
        evidence: String,
        /// Whether nothing had to be done.
        already: bool,
    },
    /// The step failed for good.
    Failed(StepId, Failure, bool),
    /// Abort whatever runs for this step.
    Abort(StepId),
    /// Send [`Input::GraceOver`] after the grace.
    Grace,
    /// Abort the act of this step: whether it took effect is for the next run to find out.
    CutOff(StepId),
    /// Nothing runs any more.
    Finish(Outcome),
}

/// Why a verb failed, reduced to what decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Whether trying again can help.
    pub retryable: bool,
    /// What went wrong, with the peer's own words.
    pub message: String,
    /// The layers of it, down to the deepest one, where they are known.
    pub chain: Vec<CauseLine>,
    /// A command, flag or setting to try.
    pub hint: Option<String>,
    /// Whether what was given was refused, and so nothing was carried out.
    pub refused: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Blocked,
    Queued,
    Probing,
    Acting,
    Proving,
    Paused,
    Proven,
    Failed,
}

impl State {
    fn runs(self) -> bool {
        matches!(self, Self::Probing | Self::Acting | Self::Proving | Self::Paused)
    }
}

#[derive(Debug)]
struct Entry {
    state: State,
    unmet: usize,
    any_met: bool,
    attempts: u32,
    acted: bool,
}

/// Pauses after failures of a step.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// What of a step decides when it runs.
#[derive(Debug)]
struct Shape {
    phase: Phase,
    limited: bool,
    volatile: bool,
}

/// Decides what runs next.
#[derive(Debug)]
pub struct Scheduler {
    shapes: BTreeMap<StepId, Shape>,
    entries: BTreeMap<StepId, Entry>,
    dependants: BTreeMap<StepId, Vec<StepId>>,
    any_dependants: BTreeMap<StepId, Vec<StepId>>,
    ready: VecDeque<StepId>,
    /// Unproven steps of each phase, without those that every run does anew.
    open: BTreeMap<Phase, usize>,
    limit: usize,
    limited_running: usize,
    running: usize,
    ending: Option<Outcome>,
    /// Acts in flight are given a grace only.
    hurried: bool,
    verdict: Option<Outcome>,
    finished: bool,
}

impl Scheduler {
    /// A scheduler over this graph. `proven` are steps that need no new proof; `limit` bounds the limited steps in
    /// flight.
    pub fn new<O>(graph: &Graph<O>, proven: &[StepId], limit: usize) -> Self {
        let shapes = graph.iter().map(|step| {
            let shape = Shape {
                phase: step.phase,
                limited: step.limited,
                volatile: step.volatile,
            };
            (step.id.clone(), shape)
        });
        let mut dependants: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        let mut any_dependants: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
        let mut entries = BTreeMap::new();
        for step in graph.iter() {
            for need in &step.needs {
                dependants.entry(need.clone()).or_default().push(step.id.clone());
            }
            for need in &step.needs_any {
                any_dependants.entry(need.clone()).or_default().push(step.id.clone());
            }
            let any_met = step.needs_any.is_empty();
            let entry = Entry {
                state: State::Blocked,
                unmet: step.needs.len(),
                any_met,
                attempts: 0,
                acted: false,
            };
            entries.insert(step.id.clone(), entry);
        }
        let mut scheduler = Self {
            shapes: shapes.collect(),
            entries,
            dependants,
            any_dependants,
            ready: VecDeque::new(),
            open: BTreeMap::new(),
            limit: limit.max(1),
            limited_running: 0,
            running: 0,
            ending: None,
            hurried: false,
            verdict: None,
            finished: false,
        };
        for id in proven {
            if let Some(entry) = scheduler.entries.get_mut(id) {
                entry.state = State::Proven;
            }
        }
        for step in graph.iter().filter(|s| !s.volatile) {
            if scheduler.entries[&step.id].state != State::Proven {
                *scheduler.open.entry(step.phase).or_default() += 1;
            }
        }
        for id in proven {
            scheduler.release(id);
        }
        for step in graph.iter() {
            scheduler.queue_if_open(&step.id);
        }
        scheduler
    }

    /// What the run begins with: every step that needs nothing else.
    pub fn start(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.launch(&mut effects);
        self.finish_if_idle(&mut effects);
        effects
    }

    /// One input, its effects.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        match input {
            Input::Probed(id, result) => self.probed(&id, result, &mut effects),
            Input::Acted(id, result) => self.acted(&id, result, &mut effects),
            Input::Proved(id, result) => self.proved(&id, result, &mut effects),
            Input::Due(id) => self.due(&id, &mut effects),
            Input::Expired(id, failure) => self.expired(&id, failure, &mut effects),
            Input::OutOfTime => self.hurry(Outcome::Deadline, &mut effects),
            Input::Cancel => self.hurry(Outcome::Interrupted, &mut effects),
            Input::GraceOver => self.cut_off(&mut effects),
        }
        self.launch(&mut effects);
        self.finish_if_idle(&mut effects);
        effects
    }

    /// The phase shown to people: the first one with unproven steps, else the last one. What every run does anew does not
    /// count.
    pub fn phase(&self) -> Option<Phase> {
        let mut open = self.open.iter().filter(|(_, count)| **count > 0);
        let last = || self.shapes.values().map(|shape| shape.phase).max();
        open.next().map(|(phase, _)| *phase).or_else(last)
    }

    /// Whether the step is proven.
    pub fn is_proven(&self, id: &StepId) -> bool {
        self.entries.get(id).is_some_and(|e| e.state == State::Proven)
    }

    fn probed(&mut self, id: &StepId, result: Result<Option<String>, Failure>, effects: &mut Vec<Effect>) {
        if self.state(id) != Some(State::Probing) {
            return;
        }
        match result {
            Ok(Some(evidence)) => {
                let already = !self.entries[id].acted;
                self.prove(id, evidence, already, effects);
            }
            Ok(None) if self.ending.is_some() => self.settle(id, State::Blocked),
            Ok(None) => {
                self.set(id, State::Acting);
                effects.push(Effect::Act(id.clone()));
            }
            Err(failure) => self.failed(id, failure, effects),
        }
    }

    fn acted(&mut self, id: &StepId, result: Result<(), Failure>, effects: &mut Vec<Effect>) {
        if self.state(id) != Some(State::Acting) {
            return;
        }
        if let Some(entry) = self.entries.get_mut(id) {
            entry.acted = true;
        }
        match result {
            Ok(()) if self.ending.is_some() => self.settle(id, State::Blocked),
            Ok(()) => {
                self.set(id, State::Proving);
                effects.push(Effect::Prove(id.clone()));
            }
            Err(failure) => self.failed(id, failure, effects),
        }
    }

    fn proved(&mut self, id: &StepId, result: Result<String, Failure>, effects: &mut Vec<Effect>) {
        if self.state(id) != Some(State::Proving) {
            return;
        }
        match result {
            Ok(evidence) => self.prove(id, evidence, false, effects),
            Err(failure) => self.failed(id, failure, effects),
        }
    }

    fn due(&mut self, id: &StepId, effects: &mut Vec<Effect>) {
        if self.state(id) == Some(State::Paused) {
            self.set(id, State::Probing);
            effects.push(Effect::Probe(id.clone()));
        }
    }

    fn expired(&mut self, id: &StepId, failure: Failure, effects: &mut Vec<Effect>) {
        if !self.state(id).is_some_and(State::runs) {
            return;
        }
        effects.push(Effect::Abort(id.clone()));
        self.settle(id, State::Failed);
        self.verdict.get_or_insert(Outcome::Deadline);
        effects.push(Effect::Failed(id.clone(), failure, true));
    }

    fn failed(&mut self, id: &StepId, failure: Failure, effects: &mut Vec<Effect>) {
        if self.ending.is_some() && failure.retryable {
            return self.settle(id, State::Blocked);
        }
        if !failure.retryable {
            self.settle(id, State::Failed);
            self.verdict = Some(Outcome::Failed);
            effects.push(Effect::Failed(id.clone(), failure, false));
            return self.end(Outcome::Failed, effects);
        }
        let entry = self.entries.get_mut(id).expect("only known steps run");
        entry.attempts += 1;
        let attempts = entry.attempts;
        self.set(id, State::Paused);
        effects.push(Effect::Pause(id.clone(), PAUSES.pause(attempts), attempts, failure));
    }

    fn prove(&mut self, id: &StepId, evidence: String, already: bool, effects: &mut Vec<Effect>) {
        self.settle(id, State::Proven);
        if let Some(step) = self.shapes.get(id).filter(|s| !s.volatile)
            && let Some(count) = self.open.get_mut(&step.phase)
        {
            *count = count.saturating_sub(1);
        }
        effects.push(Effect::Proven {
            step: id.clone(),
            evidence,
            already,
        });
        for dependant in self.release(id) {
            self.queue_if_open(&dependant);
        }
    }

    /// Takes a proven step off the needs of its dependants.
    fn release(&mut self, id: &StepId) -> Vec<StepId> {
        let mut touched = Vec::new();
        for dependant in self.dependants.get(id).into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(dependant) {
                entry.unmet = entry.unmet.saturating_sub(1);
                touched.push(dependant.clone());
            }
        }
        for dependant in self.any_dependants.get(id).into_iter().flatten() {
            if let Some(entry) = self.entries.get_mut(dependant) {
                entry.any_met = true;
                touched.push(dependant.clone());
            }
        }
        touched
    }

    fn queue_if_open(&mut self, id: &StepId) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        if entry.state == State::Blocked && entry.unmet == 0 && entry.any_met {
            entry.state = State::Queued;
            self.ready.push_back(id.clone());
        }
    }

    fn launch(&mut self, effects: &mut Vec<Effect>) {
        if self.ending.is_some() {
            return;
        }
        let mut held = VecDeque::new();
        while let Some(id) = self.ready.pop_front() {
            if self.limited(&id) && self.limited_running >= self.limit {
                held.push_back(id);
                continue;
            }
            if self.limited(&id) {
                self.limited_running += 1;
            }
            self.running += 1;
            self.set(&id, State::Probing);
            effects.push(Effect::Begin(id.clone()));
            effects.push(Effect::Probe(id));
        }
        self.ready = held;
    }

    /// Ends the run: acts in flight finish, everything else is aborted.
    fn end(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(outcome);
        let running: Vec<StepId> = self
            .entries
            .iter()
            .filter(|(_, e)| matches!(e.state, State::Probing | State::Proving | State::Paused))
            .map(|(id, _)| id.clone())
            .collect();
        for id in running {
            self.settle(&id, State::Blocked);
            effects.push(Effect::Abort(id));
        }
    }

    /// Ends the run soon: acts in flight have a grace.
    fn hurry(&mut self, outcome: Outcome, effects: &mut Vec<Effect>) {
        self.end(outcome, effects);
        if self.running > 0 && !self.hurried {
            self.hurried = true;
            effects.push(Effect::Grace);
        }
    }

    /// Ends what still runs.
    fn cut_off(&mut self, effects: &mut Vec<Effect>) {
        if self.ending.is_none() {
            return;
        }
        let running: Vec<StepId> = self
            .entries
            .iter()
            .filter(|(_, e)| e.state.runs())
            .map(|(id, _)| id.clone())
            .collect();
        for id in running {
            self.settle(&id, State::Blocked);
            effects.push(Effect::CutOff(id));
        }
    }

    fn finish_if_idle(&mut self, effects: &mut Vec<Effect>) {
        if self.finished || self.running > 0 {
            return;
        }
        self.finished = true;
        let all = self.entries.values().all(|e| e.state == State::Proven);
        let outcome = match (all, self.ending, self.verdict) {
            (true, ..) => Outcome::Done,
            (false, Some(ending), _) => ending,
            (false, None, Some(verdict)) => verdict,
            (false, None, None) => Outcome::Failed,
        };
        effects.push(Effect::Finish(outcome));
    }

    fn state(&self, id: &StepId) -> Option<State> {
        self.entries.get(id).map(|e| e.state)
    }

    fn set(&mut self, id: &StepId, state: State) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.state = state;
        }
    }

    /// A running step stops running.
    fn settle(&mut self, id: &StepId, state: State) {
        self.set(id, state);
        self.running = self.running.saturating_sub(1);
        if self.limited(id) {
            self.limited_running = self.limited_running.saturating_sub(1);
        }
    }

    fn limited(&self, id: &StepId) -> bool {
        self.shapes.get(id).is_some_and(|s| s.limited)
    }
}

#[cfg(test)]
mod tests;
