//! The graph of a run as its events tell it, and how far each step is.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::since;
use crate::event::StepLine;

/// The steps of a run, needs before dependants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Steps {
    /// What never changes, shared by all copies: a replay keeps many.
    pub(super) plan: Arc<Plan>,
    pub(super) states: Vec<StepState>,
}

/// The steps as they were planned.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    pub(super) lines: Vec<StepLine>,
    /// For each step the places of its needs, all of which come before it.
    pub(super) needs: Vec<Vec<usize>>,
    /// The same for those of which one is enough.
    pub(super) any: Vec<Vec<usize>>,
    places: HashMap<String, usize>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StepState {
    /// Some of its needs are not proven.
    #[default]
    Pending,
    /// An earlier run has proven it.
    Earlier,
    /// It is at work since then.
    Open(Timestamp),
    /// It is proven.
    Proven(Interval),
    /// It failed.
    Failed(Interval),
    /// The run ended before it did.
    Stopped(Interval),
}

/// When a step was at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub to: Timestamp,
    /// Whether nothing had to be done.
    pub already: bool,
}

impl Interval {
    /// How long it took.
    pub fn took(&self) -> Duration {
        since(self.from, self.to)
    }
}

impl Steps {
    /// The steps of a run that begins.
    pub(super) fn of(lines: &[StepLine]) -> Self {
        let state = |line: &StepLine| {
            if line.proven {
                StepState::Earlier
            } else {
                StepState::Pending
            }
        };
        let places: HashMap<String, usize> = lines
            .iter()
            .enumerate()
            .map(|(at, line)| (line.id.clone(), at))
            .collect();
        // A stream from outside may hold a circle; what does not come before is no need that anything waits for.
        let before = |ids: &[String], at: usize| -> Vec<usize> {
            let known = ids.iter().filter_map(|id| places.get(id).copied());
            known.filter(|place| *place < at).collect()
        };
        let edges = |ids: fn(&StepLine) -> &[String]| -> Vec<Vec<usize>> {
            let lines = lines.iter().enumerate();
            lines.map(|(at, line)| before(ids(line), at)).collect()
        };
        Self {
            states: lines.iter().map(state).collect(),
            plan: Arc::new(Plan {
                needs: edges(|line| &line.needs),
                any: edges(|line| &line.needs_any),
                lines: lines.to_vec(),
                places,
            }),
        }
    }

    /// Whether no graph was told.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// The step at a place, in the order of [`Self::iter`].
    pub fn at(&self, place: usize) -> Option<(&StepLine, StepState)> {
        Some((self.plan.lines.get(place)?, *self.states.get(place)?))
    }

    /// Where a step is in the order of [`Self::iter`].
    pub fn place(&self, id: &str) -> Option<usize> {
        self.plan.places.get(id).copied()
    }

    /// Every step with its state.
    pub fn iter(&self) -> impl Iterator<Item = (&StepLine, StepState)> {
        self.plan.lines.iter().zip(self.states.iter().copied())
    }

    /// The step of this id.
    pub fn get(&self, id: &str) -> Option<(&StepLine, StepState)> {
        self.at(self.place(id)?)
    }

    /// Needs of a step that are not proven.
    pub fn unmet<'a>(&'a self, line: &'a StepLine) -> impl Iterator<Item = &'a StepLine> {
        let unproven = |id: &&String| self.get(id).is_some_and(|(_, state)| !state.is_proven());
        let none_of_any = !line.needs_any.is_empty() && line.needs_any.iter().all(|id| unproven(&id));
        let any = line.needs_any.iter().filter(move |_| none_of_any);
        let needs = line.needs.iter().filter(unproven).chain(any);
        needs.filter_map(|id| self.get(id)).map(|(line, _)| line)
    }

    /// Steps that cannot begin before this one is proven, directly or through others.
    pub fn held_up_by(&self, id: &str) -> usize {
        let Some(this) = self.place(id) else { return 0 };
        let mut held = vec![false; self.states.len()];
        for at in this + 1..held.len() {
            let waits = |need: &usize| *need == this || held[*need];
            let any = &self.plan.any[at];
            let all_of_any = !any.is_empty() && any.iter().all(waits);
            held[at] = !self.states[at].is_proven() && (self.plan.needs[at].iter().any(waits) || all_of_any);
        }
        held.into_iter().filter(|held| *held).count()
    }

    pub(super) fn begin(&mut self, id: &str, time: Timestamp) {
        self.set(id, |_| StepState::Open(time));
    }

    pub(super) fn end(&mut self, id: &str, to: Timestamp, already: bool) {
        self.set(id, |state| {
            StepState::Proven(Interval {
                from: state.began().unwrap_or(to),
                to,
                already,
            })
        });
    }

    pub(super) fn fail(&mut self, id: &str, to: Timestamp) {
        self.set(id, |state| StepState::Failed(state.until(to)));
    }

    pub(super) fn stop(&mut self, id: &str, to: Timestamp) {
        self.set(id, |state| StepState::Stopped(state.until(to)));
    }

    fn set(&mut self, id: &str, next: impl FnOnce(StepState) -> StepState) {
        if let Some(place) = self.place(id) {
            self.states[place] = next(self.states[place]);
        }
    }
}

impl StepState {
    /// Whether it is proven, by whichever run.
    pub fn is_proven(self) -> bool {
        matches!(self, Self::Earlier | Self::Proven(_))
    }

    fn began(self) -> Option<Timestamp> {
        match self {
            Self::Open(since) => Some(since),
            _ => None,
        }
    }

    /// When it was at work; a step that still is, until now.
    pub fn interval(self, now: Timestamp) -> Option<Interval> {
        match self {
            Self::Pending | Self::Earlier => None,
            Self::Open(from) => Some(Interval {
                from,
                to: now.max(from),
                already: false,
            }),
            Self::Proven(interval) | Self::Failed(interval) | Self::Stopped(interval) => Some(interval),
        }
    }

    fn until(self, to: Timestamp) -> Interval {
        Interval {
            from: self.began().unwrap_or(to),
            to,
            already: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::samples::{at, line};

    #[test]
    fn a_step_is_held_up_by_any_of_its_needs_and_by_all_of_its_alternatives() {
        let mut steps = Steps::of(&[
            line("a", &[], &[]),
            line("b", &[], &[]),
            line("c", &["a"], &[]),
            line("d", &[], &["a", "b"]),
            line("e", &["c", "d"], &[]),
        ]);
        assert_eq!((steps.held_up_by("a"), steps.held_up_by("b")), (2, 0));
        let unmet = |steps: &Steps, id: &str| -> Vec<String> {
            let (line, _) = steps.get(id).unwrap();
            steps.unmet(line).map(|line| line.id.clone()).collect()
        };
        assert_eq!(unmet(&steps, "d"), ["a", "b"]);
        steps.begin("b", at(1));
        steps.end("b", at(3), false);
        assert_eq!(unmet(&steps, "d"), Vec::<String>::new());
        assert_eq!(unmet(&steps, "e"), ["c", "d"]);
    }

    #[test]
    fn a_step_keeps_when_it_was_at_work() {
        let mut steps = Steps::of(&[line("a", &[], &[]), line("b", &[], &[])]);
        steps.begin("a", at(1));
        assert_eq!(steps.get("a").unwrap().1, StepState::Open(at(1)));
        steps.stop("a", at(4));
        let StepState::Stopped(interval) = steps.get("a").unwrap().1 else {
            panic!("it was stopped")
        };
        assert_eq!(interval.took(), Duration::from_secs(3));
        steps.end("b", at(5), true);
        assert!(steps.get("b").unwrap().1.is_proven());
        steps.end("unheard of", at(6), false);
    }
}
