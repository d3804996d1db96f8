//! The log of a run: what was said, and what happened.

use std::sync::Arc;

use jiff::Timestamp;

use super::View;
use crate::event::{Body, Level};

/// Lines of the log that are kept.
const LINES: usize = 10_000;

/// Who says what the run says of itself.
const RUN: &str = "run";

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was said.
    pub time: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// Who says it.
    pub source: String,
    /// What is said.
    pub text: String,
}

impl View {
    /// Writes down what an event means to people. Called before the event changes anything.
    pub(super) fn write_down(&mut self, time: Timestamp, body: &Body) {
        if let Some((level, source, text)) = self.line(body) {
            if self.log.len() == LINES {
                self.log.pop_front();
            }
            self.logged += 1;
            self.log.push_back(Arc::new(LogLine {
                time,
                level,
                source,
                text,
            }));
        }
    }

    fn line(&self, body: &Body) -> Option<(Level, String, String)> {
        let run = |level, text: String| Some((level, RUN.to_owned(), text));
        match body {
            Body::Log { level, source, text } => Some((*level, source.clone(), text.clone())),
            Body::Warning { message, .. } => run(Level::Warning, message.clone()),
            Body::RunStarted { resumed, .. } => {
                let what = if *resumed {
                    "an earlier run is continued"
                } else {
                    "the run begins"
                };
                run(Level::Info, what.to_owned())
            }
            Body::PhaseChanged { phase } => run(Level::Info, format!("phase {phase}")),
            Body::FileWritten { what, path } => run(Level::Info, format!("{what}: {path}")),
            Body::RunFinished { message, .. } => run(Level::Info, message.clone()),
            Body::StepFailed { step, error, .. } => run(Level::Error, format!("{} failed: {error}", self.title(step))),
            // Further attempts are one wait, which is told as such.
            Body::StepRetried {
                step,
                attempt: 0..=1,
                cause,
                ..
            } => run(
                Level::Warning,
                format!("{}: first attempt failed: {cause}", self.title(step)),
            ),
            Body::MachineChanged { machine } => {
                let known = self.machine(&machine.name).map(|known| known.state.as_str());
                let level = if machine.state == "failed" {
                    Level::Error
                } else {
                    Level::Debug
                };
                (known != Some(&machine.state)).then(|| (level, machine.name.clone(), machine.state.clone()))
            }
            Body::AddonChanged { addon, state, .. } => {
                let known = self.addons.iter().find(|known| known.name == *addon);
                let level = if state == "failed" { Level::Error } else { Level::Info };
                let new = known.is_none_or(|known| known.state != *state);
                new.then(|| (level, format!("addon {addon}"), state.clone()))
            }
            _ => None,
        }
    }

    fn title<'a>(&'a self, step: &'a str) -> &'a str {
        self.open.get(step).map_or(step, |open| open.title.as_str())
    }
}
