//! What decided how long a run took, and how long it will take: chains through the graph of its steps.

use std::time::Duration;

use jiff::Timestamp;

use super::{StepState, Steps, since};

/// How long a run is likely to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// As steps usually go.
    pub usual: Duration,
    /// When they go slowly.
    pub slow: Duration,
}

impl Steps {
    /// The chain that decides how long the run takes, from its first step to the last: each is what the next one had to wait for
    /// longest. While the run goes on it ends in the step that most is expected to come after.
    pub fn critical(&self, now: Timestamp) -> Vec<usize> {
        let mut chain: Vec<usize> = self.last(now).into_iter().collect();
        while let Some(before) = chain.last().and_then(|step| self.waited_for(*step)) {
            chain.push(before);
        }
        chain.reverse();
        chain
    }

    /// How long the run will probably go on; none where too little is known of its steps.
    pub fn estimate(&self, now: Timestamp) -> Option<Estimate> {
        let unproven = || (0..self.states.len()).filter(|at| !self.states[*at].is_proven());
        let known = unproven()
            .filter(|at| self.plan.lines[*at].usual_seconds.is_some())
            .count();
        let all = unproven().count();
        // Where less than half of it is known, a guess would mislead.
        if all == 0 || known * 2 < all {
            return None;
        }
        let longest = self.tails(now).into_iter().reduce(Tail::longer)?;
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        Some(Estimate {
            usual: seconds(longest.usual)?,
            slow: seconds(longest.usual + longest.spread.sqrt())?,
        })
    }

    /// The step that the critical chain ends in.
    fn last(&self, now: Timestamp) -> Option<usize> {
        let open = |at: &usize| matches!(self.states[*at], StepState::Open(_));
        let all = || 0..self.states.len();
        if all().any(|at| open(&at)) {
            let tails = self.tails(now);
            let began = |at: &usize| self.states[*at].interval(now).map(|interval| interval.from);
            // Where nothing tells what comes after, it is the step that is at work longest.
            return all().filter(open).max_by(|a, b| {
                let by_tail = tails[*a].usual.total_cmp(&tails[*b].usual);
                by_tail.then_with(|| began(b).cmp(&began(a)))
            });
        }
        let ended = |at: &usize| self.states[*at].interval(now).map(|interval| interval.to);
        all().filter(|at| ended(at).is_some()).max_by_key(ended)
    }

    /// The need that a step had to wait for longest.
    fn waited_for(&self, step: usize) -> Option<usize> {
        let proven = |at: &usize| match self.states[*at] {
            StepState::Proven(interval) => Some(interval.to),
            _ => None,
        };
        // Of alternatives the first one that was so was enough.
        let first = self.plan.any[step]
            .iter()
            .copied()
            .filter(|at| proven(at).is_some())
            .min_by_key(proven);
        let needs = self.plan.needs[step].iter().copied().filter(|at| proven(at).is_some());
        needs.chain(first).max_by_key(proven)
    }

    /// For each step that is not proven, what is still to come from it to the end of the run.
    fn tails(&self, now: Timestamp) -> Vec<Tail> {
        let mut tails = vec![Tail::default(); self.states.len()];
        let mut after = vec![Tail::default(); self.states.len()];
        for at in (0..tails.len()).rev() {
            if self.states[at].is_proven() {
                continue;
            }
            tails[at] = after[at].and(self.own(at, now));
            for need in self.plan.needs[at].iter().chain(&self.plan.any[at]) {
                after[*need] = after[*need].longer(tails[at]);
            }
        }
        tails
    }

    /// What a step will still take by itself.
    fn own(&self, at: usize, now: Timestamp) -> Tail {
        let Some(usual) = self.plan.lines[at].usual_seconds else {
            return Tail::default();
        };
        let spent = match self.states[at] {
            StepState::Open(began) => since(began, now).as_secs_f64(),
            _ => 0.0,
        };
        let left = (usual.p50 - spent).max(0.0);
        let slow = (usual.p95 - spent).max(left);
        if left.is_finite() && slow.is_finite() {
            Tail {
                usual: left,
                spread: (slow - left).powi(2),
            }
        } else {
            Tail::default()
        }
    }
}

/// Seconds to come, and the sum of the squares of what steps may take beyond the usual: not all of them are slow in one run.
#[derive(Debug, Clone, Copy, Default)]
struct Tail {
    usual: f64,
    spread: f64,
}

impl Tail {
    fn longer(self, other: Self) -> Self {
        if other.usual > self.usual { other } else { self }
    }

    fn and(self, other: Self) -> Self {
        Self {
            usual: self.usual + other.usual,
            spread: self.spread + other.spread,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{StepLine, Usual},
        view::samples::{self, at},
    };

    fn line(id: &str, needs: &[&str], needs_any: &[&str], usual: Option<(f64, f64)>) -> StepLine {
        StepLine {
            usual_seconds: usual.map(|(p50, p95)| Usual { p50, p95, runs: 1 }),
            ..samples::line(id, needs, needs_any)
        }
    }

    fn ids(steps: &Steps, now: i64) -> Vec<&str> {
        let chain = steps.critical(at(now)).into_iter();
        chain
            .filter_map(|place| steps.at(place))
            .map(|(line, _)| line.id.as_str())
            .collect()
    }

    fn run(steps: &mut Steps, id: &str, from: i64, to: i64) {
        steps.begin(id, at(from));
        steps.end(id, at(to), false);
    }

    #[test]
    fn the_critical_chain_goes_over_what_was_waited_for_longest() {
        let mut steps = Steps::of(&[
            line("a", &[], &[], None),
            line("b", &[], &[], None),
            line("c", &["a", "b"], &[], None),
            line("d", &[], &["a", "b"], None),
            line("e", &["c", "d"], &[], None),
        ]);
        assert_eq!(ids(&steps, 0), Vec::<&str>::new());
        run(&mut steps, "a", 0, 2);
        run(&mut steps, "b", 0, 5);
        run(&mut steps, "d", 2, 9);
        run(&mut steps, "c", 5, 8);
        assert_eq!(ids(&steps, 9), ["a", "d"], "of alternatives the first that was so");
        steps.begin("e", at(9));
        assert_eq!(ids(&steps, 10), ["a", "d", "e"]);
    }

    #[test]
    fn while_it_goes_on_it_ends_in_the_step_that_most_comes_after() {
        let mut steps = Steps::of(&[
            line("short", &[], &[], Some((1.0, 2.0))),
            line("long", &[], &[], Some((3.0, 5.0))),
            line("last", &["short"], &[], Some((20.0, 30.0))),
        ]);
        steps.begin("long", at(0));
        steps.begin("short", at(1));
        assert_eq!(ids(&steps, 1), ["short"]);
    }

    #[test]
    fn an_estimate_follows_the_longest_chain_and_not_every_step_is_slow() {
        let mut steps = Steps::of(&[
            line("a", &[], &[], Some((10.0, 13.0))),
            line("b", &["a"], &[], Some((10.0, 14.0))),
            line("c", &["a"], &[], Some((1.0, 100.0))),
        ]);
        let seconds = |steps: &Steps, now| {
            let estimate = steps.estimate(at(now)).unwrap();
            (estimate.usual.as_secs(), estimate.slow.as_secs())
        };
        assert_eq!(seconds(&steps, 0), (20, 25));
        steps.begin("a", at(0));
        assert_eq!(seconds(&steps, 6), (14, 19));
        assert_eq!(
            seconds(&steps, 60),
            (10, 14),
            "what is late takes no time more that is known"
        );
        let unknown = Steps::of(&[
            line("a", &[], &[], Some((1.0, 1.0))),
            line("b", &[], &[], None),
            line("c", &[], &[], None),
        ]);
        assert_eq!(unknown.estimate(at(0)), None);
    }

    #[test]
    fn a_circle_does_no_harm() {
        let mut steps = Steps::of(&[
            line("a", &["b"], &[], None),
            line("b", &["a"], &[], None),
            line("a", &["a"], &[], None),
        ]);
        run(&mut steps, "a", 0, 1);
        run(&mut steps, "b", 1, 2);
        assert!(ids(&steps, 3).len() <= 2);
        assert!(steps.held_up_by("a") <= 2);
    }
}
