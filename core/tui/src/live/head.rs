//! The head: which run, how far, how long, and how it stands.

use std::time::Duration;

use butler_api::view::{Estimate, StepState, View};
use butler_lifecycle::runs::why::{self as reasons, State};
use butler_terminal::{
    duration,
    progress::{phase_words, plural},
    style::Tone,
};
use jiff::Timestamp;

use super::{Live, Source, words};
use crate::{
    look::Role,
    widgets::{Canvas, Chrome, Line},
};

/// Between the parts of a line.
const BAR: &str = " | ";

/// The role of what the lines give a tone.
pub(super) fn role(tone: Tone) -> Role {
    match tone {
        Tone::Plain => Role::Plain,
        Tone::Strong => Role::Strong,
        Tone::Faint => Role::Faint,
        Tone::Good => Role::Good,
        Tone::Busy => Role::Busy,
        Tone::Bad => Role::Bad,
        Tone::Hint => Role::Hint,
    }
}

/// A line of the lines' kind as screens draw it.
pub(super) fn toned(line: &butler_terminal::style::Line) -> Line {
    let mut out = Line::new();
    for (tone, text) in line.spans() {
        out.push(role(*tone), text);
    }
    out
}

impl Live {
    pub(super) fn draw_head(&self, canvas: &mut Canvas<'_>, chrome: &Chrome, at: Timestamp) {
        chrome.draw_head(canvas, &self.head(at), &self.standing(at));
        canvas.line(chrome.tabs, 0, &phases(self.picture()));
    }

    fn head(&self, at: Timestamp) -> Line {
        let view = self.picture();
        let mut line = Line::of(Role::Strong, &format!(" {}", self.name()));
        if view.resumed {
            line.push(Role::Plain, ", resumed");
        }
        line.push(Role::Plain, BAR);
        line.push(Role::Plain, &self.doing());
        if view.steps > 0 {
            let steps = format!("{BAR}{} of {}", view.proven(), plural(view.steps, "step"));
            line.push(Role::Plain, &steps);
        }
        line.push(Role::Plain, &format!("{BAR}{}", duration::clock(elapsed(view, at))));
        if self.state() == State::Running
            && let Some(estimate) = view.graph.estimate(at)
        {
            line.push(Role::Faint, &format!("{BAR}{}", estimate_words(estimate)));
        }
        line
    }

    pub(super) fn name(&self) -> &str {
        let view = self.picture();
        if view.cluster.is_empty() {
            &self.cluster
        } else {
            &view.cluster
        }
    }

    fn doing(&self) -> String {
        let view = self.picture();
        match &view.finished {
            Some((_, _, message)) => message.clone(),
            None if view.phase.is_empty() => "starting".to_owned(),
            None => phase_words(&view.phase),
        }
    }

    /// How it stands, for the right end.
    fn standing(&self, at: Timestamp) -> Line {
        let (tone, word) = words::state(self.state());
        let mut line = Line::of(role(tone), word);
        if self.held.is_some() {
            let missed = self.view.logged - self.picture().logged;
            line = Line::of(Role::Late, "frozen").with(
                Role::Plain,
                &format!(", {} since, * changed", plural(count(missed), "line")),
            );
        } else if let Source::Run(run) = &self.source {
            if run.trouble.is_some() {
                line = Line::of(Role::Bad, "not heard any more");
            } else if !run.up_to_date && self.view.finished.is_none() && !run.gone {
                line = Line::of(Role::Busy, "reading what has happened");
            } else if self.is_running() && reasons::is_silent(&self.view, at) {
                let silent = self
                    .view
                    .heard
                    .map_or(Duration::ZERO, |heard| butler_api::view::since(heard, at));
                line = Line::of(Role::Late, &format!("silent for {}", duration::short(silent)));
            }
        }
        line.push(Role::Plain, " ");
        line
    }
}

/// Time that the run took, or takes until a moment.
pub(super) fn elapsed(view: &View, at: Timestamp) -> Duration {
    match (&view.finished, view.started) {
        (Some((_, took, _)), _) => *took,
        (None, Some(started)) => butler_api::view::since(started, at),
        (None, None) => Duration::ZERO,
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn estimate_words(estimate: Estimate) -> String {
    // What is guessed is not told to the second.
    let (step, scale, unit) = match estimate.slow.as_secs() {
        0..20 => (1, 1, "s"),
        20..120 => (10, 1, "s"),
        _ => (60, 60, "min"),
    };
    let round = |span: Duration| (span.as_secs() + step / 2) / step * step / scale;
    match (round(estimate.usual), round(estimate.slow)) {
        (0, 0) => "nearly done".to_owned(),
        (0, slow) => format!("up to {slow} {unit} left"),
        (usual, slow) if usual == slow => format!("about {usual} {unit} left"),
        (usual, slow) => format!("{usual} to {slow} {unit} left"),
    }
}

/// The phases in order, and how far each is.
fn phases(view: &View) -> Line {
    let mut phases: Vec<(&str, usize, usize)> = Vec::new();
    for (step, state) in view.graph.iter() {
        let place = phases.iter().position(|(name, ..)| *name == step.phase);
        let place = place.unwrap_or_else(|| {
            phases.push((&step.phase, 0, 0));
            phases.len() - 1
        });
        phases[place].1 += usize::from(StepState::is_proven(state));
        phases[place].2 += 1;
    }
    let mut line = Line::plain(" ");
    for (index, (name, proven, all)) in phases.iter().enumerate() {
        if index > 0 {
            line.push(Role::Faint, " > ");
        }
        let word = last_word(name);
        let here = view.phase == *name && view.finished.is_none();
        let (role, text) = match (proven == all, *proven) {
            (true, _) => (Role::Good, format!("{word} ok")),
            (false, _) if here => (Role::Strong, format!("{} {proven}/{all}", word.to_uppercase())),
            (false, 0) => (Role::Faint, word),
            (false, _) => (Role::Plain, format!("{word} {proven}/{all}")),
        };
        line.push(role, &text);
    }
    line
}

/// `InstallingAddons` in one word: `addons`.
fn last_word(phase: &str) -> String {
    let words = phase_words(phase);
    words.rsplit(' ').next().unwrap_or(&words).to_owned()
}
