//! How much of a log passes: an installer or a node that floods must fill neither disk nor screen. Pure.

use std::{collections::HashMap, time::Duration};

use butler_api::event::{Body, Level};
use tokio::time::Instant;

/// Lines that a source may say at once.
const BURST: u32 = 40;

/// A source may say one line more in each such span.
const ONE_LINE: Duration = Duration::from_millis(200);

/// Lets lines through, per source.
#[derive(Debug, Default)]
pub(super) struct Gate {
    sources: HashMap<String, Source>,
}

#[derive(Debug)]
struct Source {
    room: u32,
    counted: Instant,
    left_out: u64,
    last: String,
}

impl Gate {
    /// What is emitted when a source says a line: nothing where it repeats its last line or says too much; after that, first
    /// how much was left out.
    pub(super) fn pass(&mut self, level: Level, source: String, text: String, now: Instant) -> Vec<Body> {
        let state = self.sources.entry(source.clone()).or_insert_with(|| Source {
            room: BURST,
            counted: now,
            left_out: 0,
            last: String::new(),
        });
        if text.is_empty() || state.last == text {
            return Vec::new();
        }
        state.last.clone_from(&text);
        if !state.take(now) {
            return Vec::new();
        }
        let left_out = std::mem::take(&mut state.left_out);
        let gap = (left_out > 0).then(|| Body::Log {
            level: Level::Debug,
            source: source.clone(),
            text: format!("{left_out} lines are left out"),
        });
        gap.into_iter().chain([Body::Log { level, source, text }]).collect()
    }
}

impl Source {
    fn take(&mut self, now: Instant) -> bool {
        let spans = now.saturating_duration_since(self.counted).as_millis() / ONE_LINE.as_millis();
        if let Ok(spans @ 1..) = u32::try_from(spans) {
            self.room = self.room.saturating_add(spans).min(BURST);
            self.counted = now;
        }
        if self.room == 0 {
            self.left_out += 1;
            return false;
        }
        self.room -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(gate: &mut Gate, source: &str, text: String, now: Instant) -> Vec<String> {
        let texts = gate.pass(Level::Info, source.to_owned(), text, now).into_iter();
        let text = |body| match body {
            Body::Log { text, .. } => text,
            other => panic!("{other:?}"),
        };
        texts.map(text).collect()
    }

    #[test]
    fn a_source_that_floods_is_cut_and_the_others_are_heard() {
        let mut gate = Gate::default();
        let start = Instant::now();
        let heard: usize = (0..1000)
            .map(|n| say(&mut gate, "helm", format!("line {n}"), start).len())
            .sum();
        assert_eq!(heard, 40);
        assert_eq!(say(&mut gate, "kind", "one".to_owned(), start), ["one"]);
        let later = start + Duration::from_secs(1);
        assert_eq!(
            say(&mut gate, "helm", "last".to_owned(), later),
            ["960 lines are left out", "last"]
        );
    }

    #[test]
    fn a_line_that_repeats_itself_is_said_once() {
        let mut gate = Gate::default();
        let now = Instant::now();
        assert_eq!(say(&mut gate, "helm", "waiting".to_owned(), now), ["waiting"]);
        assert!(say(&mut gate, "helm", "waiting".to_owned(), now).is_empty());
        assert_eq!(say(&mut gate, "helm", "done".to_owned(), now), ["done"]);
    }
}
