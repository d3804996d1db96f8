//! Short words about what has just happened. They go by themselves, and hold nobody up.

use std::{collections::VecDeque, time::Duration};

use butler_terminal::text;
use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    widgets::{Clear, Widget as _},
};

use super::within;
use crate::look::{Look, Role};

/// How long words stay.
const STAY: Duration = Duration::from_secs(5);

/// The most that is shown at once.
const MOST: usize = 3;

/// What is shown, the newest last.
#[derive(Debug, Default)]
pub(super) struct Toasts(VecDeque<(Timestamp, String)>);

impl Toasts {
    pub(super) fn add(&mut self, words: &str, now: Timestamp) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((now, text::sanitise_line(words)));
    }

    /// Forgets what was shown long enough.
    pub(super) fn pass(&mut self, now: Timestamp) {
        self.0.retain(|(since, _)| within(*since, now, STAY));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Above the two lowest lines, at the right.
    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, now: Timestamp) {
        let shown = self.0.iter().filter(|(since, _)| within(*since, now, STAY)).rev();
        for ((_, words), row) in shown.zip(3u16..) {
            if area.height < row || area.width < 4 {
                return;
            }
            let words = text::cut(words, usize::from(area.width) - 2);
            let width = u16::try_from(text::width(&words) + 2)
                .unwrap_or(area.width)
                .min(area.width);
            let place = Rect::new(area.right() - width, area.bottom() - row, width, 1);
            Clear.render(place, buffer);
            buffer.set_string(place.x, place.y, format!(" {words} "), look.style(Role::Hint));
        }
    }
}
