//! What a run waits for, told once however many steps do.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use super::{Open, View, since};
use crate::event::Usual;

/// What some open steps wait for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait<'a> {
    /// What for.
    pub what: &'a str,
    /// The deepest cause observed.
    pub cause: Option<&'a str>,
    /// For how long.
    pub age: Duration,
    /// Time until the deadline.
    pub left: Duration,
    /// Time until the next attempt, if one failed.
    pub retry: Option<(u32, Duration)>,
    /// How many steps wait for this.
    pub steps: usize,
    /// Id of the one that has waited longest.
    pub step: &'a str,
    /// How long such a step usually takes.
    pub usual: Option<Usual>,
    /// Whether one of them takes longer than nineteen of twenty.
    pub late: bool,
}

impl View {
    /// What open steps wait for, each once, the oldest first, as of the latest time seen.
    pub fn waits(&self) -> Vec<Wait<'_>> {
        self.now.map(|now| self.waits_at(now)).into_iter().flatten().collect()
    }

    /// The same as of another moment.
    pub fn waits_at(&self, now: Timestamp) -> Vec<Wait<'_>> {
        let mut waits: Vec<Wait<'_>> = Vec::new();
        let mut places = HashMap::new();
        for (step, open) in &self.open {
            let wait = self.wait_of(step, open, now);
            let place = *places.entry((wait.what, wait.cause)).or_insert(waits.len());
            match waits.get_mut(place) {
                Some(same) => same.join(&wait),
                None => waits.push(wait),
            }
        }
        waits.sort_by_key(|wait| std::cmp::Reverse(wait.age));
        waits
    }

    /// Whether a step takes longer than nineteen of twenty.
    pub fn is_late(&self, step: &str, open: &Open, now: Timestamp) -> bool {
        self.usual_of(step)
            .is_some_and(|usual| since(open.started, now).as_secs_f64() > usual.p95)
    }

    /// How long a step usually takes, where that is known.
    pub fn usual_of(&self, step: &str) -> Option<Usual> {
        self.graph.get(step)?.0.usual_seconds
    }

    fn wait_of<'a>(&'a self, step: &'a str, open: &'a Open, now: Timestamp) -> Wait<'a> {
        let (what, began) = match &open.waiting {
            Some((what, began)) => (what.as_str(), *began),
            None => (open.title.as_str(), open.started),
        };
        let usual = self.usual_of(step);
        Wait {
            what,
            cause: open.cause.as_deref(),
            age: since(began, now),
            left: since(now, open.deadline),
            retry: open.retry.map(|(attempt, at)| (attempt, since(now, at))),
            steps: 1,
            step,
            usual,
            late: usual.is_some_and(|usual| since(open.started, now).as_secs_f64() > usual.p95),
        }
    }
}

impl Wait<'_> {
    /// Takes another step that waits for the same.
    fn join(&mut self, other: &Self) {
        self.steps += 1;
        if other.age > self.age {
            self.age = other.age;
            self.step = other.step;
            self.usual = other.usual;
        }
        self.left = self.left.min(other.left);
        self.retry = self.retry.into_iter().chain(other.retry).min_by_key(|(_, next)| *next);
        self.late |= other.late;
    }
}
