//! The timeline beside another one: the run before, or what is usual.

use std::time::Duration;

use butler_api::event::StepLine;
use butler_lifecycle::runs::earlier::Earlier;
use butler_terminal::duration;
use jiff::{Timestamp, tz::TimeZone};

use super::Live;
use crate::{effect::Effect, look::Role, widgets::Line};

/// Columns of a difference.
pub(super) const COLUMNS: usize = 8;

/// Differences below this are none: clocks and scheduling make them.
const NONE: f64 = 0.5;

/// What the bars are compared with.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Against {
    /// Nothing.
    #[default]
    Nothing,
    /// The earlier runs are looked for.
    Asked,
    /// An earlier run on the cluster.
    Run(Earlier),
    /// What is usual.
    Usual,
}

impl Against {
    pub(super) fn is_something(&self) -> bool {
        matches!(self, Self::Run(_) | Self::Usual)
    }

    /// The seconds that a step took there.
    fn seconds(&self, line: &StepLine) -> Option<f64> {
        match self {
            Self::Run(run) => run.steps.get(&line.id).copied(),
            Self::Usual => line.usual_seconds.map(|usual| usual.p50),
            Self::Nothing | Self::Asked => None,
        }
    }

    /// How much longer or shorter a step takes here.
    pub(super) fn difference(&self, line: &StepLine, took: Duration) -> Line {
        let Some(seconds) = self.seconds(line) else {
            return Line::of(Role::Faint, "-");
        };
        let more = took.as_secs_f64() - seconds;
        signed(more)
    }

    /// What it is, in words.
    pub(super) fn words(&self) -> Line {
        match self {
            Self::Nothing => Line::new(),
            Self::Asked => Line::of(Role::Busy, " v: looking for an earlier run"),
            Self::Run(run) => {
                let began = run.started.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC");
                let whole = Duration::try_from_secs_f64(run.whole).unwrap_or(Duration::ZERO);
                let words = format!(" v: against the run of {began}, which took {}", duration::clock(whole));
                Line::of(Role::Hint, &words)
            }
            Self::Usual => Line::of(Role::Hint, " v: against what is usual"),
        }
    }
}

fn signed(more: f64) -> Line {
    let size = Duration::try_from_secs_f64(more.abs()).unwrap_or(Duration::ZERO);
    if size.as_secs_f64() < NONE {
        return Line::of(Role::Faint, "=");
    }
    let words = duration::short(size);
    if more > 0.0 {
        Line::of(Role::Late, &format!("+{words}"))
    } else {
        Line::of(Role::Good, &format!("-{words}"))
    }
}

impl Live {
    /// The next thing to compare with: an earlier run, what is usual, nothing.
    pub(super) fn compare(&mut self) -> Vec<Effect> {
        self.against = match self.against {
            Against::Nothing => Against::Asked,
            Against::Asked | Against::Usual => Against::Nothing,
            Against::Run(_) => Against::Usual,
        };
        if self.against == Against::Asked {
            let cluster = self.name().to_owned();
            return vec![Effect::FindEarlier { cluster }];
        }
        Vec::new()
    }

    /// Takes the runs that are kept: the newest one before this one that did some of its steps.
    pub(super) fn found_earlier(&mut self, runs: Vec<Earlier>) {
        if self.against != Against::Asked {
            return;
        }
        let view = self.picture();
        let before = |run: &Earlier| {
            Some(run.run) != view.run && view.started.is_none_or(|started: Timestamp| run.started < started)
        };
        let alike = |run: &Earlier| view.graph.iter().any(|(line, _)| run.steps.contains_key(&line.id));
        let found = runs.into_iter().filter(before).find(alike);
        if found.is_none() {
            let words = format!("there is no earlier run of {}: against what is usual", self.name());
            self.notice = Some((Role::Plain, words));
        }
        self.against = found.map_or(Against::Usual, Against::Run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign_and_small_ones_are_none() {
        assert_eq!(signed(72.0).text(), "+1m12s");
        assert_eq!(signed(-3.4).text(), "-3s");
        assert_eq!(signed(0.4).text(), "=");
    }
}
