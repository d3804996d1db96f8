//! What an edited text would come to, before it is sent.

use butler_terminal::text;
use crossterm::event::KeyCode;
use jiff::Timestamp;
use ratatui::layout::Rect;

use super::popups::{Answer, SEEN_AFTER};
use crate::{
    board::{Act, Edited},
    input::Key,
    look::Role,
    widgets::{Canvas, Line, Scroll, popup::popup},
};

/// An edit that somebody looks at.
#[derive(Debug)]
pub(super) struct Edit {
    edited: Box<Edited>,
    scroll: Scroll,
    opened: Timestamp,
}

impl Edit {
    pub(super) fn new(edited: Box<Edited>, now: Timestamp) -> Self {
        Self {
            edited,
            scroll: Scroll::default(),
            opened: now,
        }
    }

    /// Where the text is, for whoever leaves it.
    pub(super) fn kept(&self) -> String {
        format!(
            "nothing was changed; the edited text is kept in {}",
            self.edited.draft.path().display()
        )
    }

    pub(super) fn key(&mut self, key: Key, now: Timestamp) -> Answer {
        // Keys that were meant for the editor confirm nothing.
        if now.duration_since(self.opened) < SEEN_AFTER {
            return Answer::Open;
        }
        match key.code {
            KeyCode::Enter => Answer::Acts(vec![Act::Edit(self.edited.clone())]),
            KeyCode::Char('e') => Answer::EditAgain(self.edited.clone()),
            KeyCode::Char('q') => Answer::Close,
            _ => {
                self.scroll.key(key, self.edited.lines.len(), 10);
                Answer::Open
            }
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let columns = area.width.saturating_sub(8).min(96);
        let count = u16::try_from(self.edited.lines.len()).unwrap_or(u16::MAX);
        let rows = count.saturating_add(2).min(area.height.saturating_sub(6));
        let title = Line::of(
            Role::Strong,
            &format!("edit {}", text::sanitise_line(&self.edited.target.name)),
        );
        let inner = popup(canvas, area, &title, columns, rows);
        let above = Rect {
            height: inner.height.saturating_sub(2),
            ..inner
        };
        let lines: Vec<Line> = self.edited.lines.iter().map(|line| changed(line)).collect();
        let seen = self.scroll.range(lines.len(), usize::from(above.height));
        canvas.lines(above, &lines[seen]);
        let hint = Line::of(Role::Faint, "enter sends it, e edits again, esc leaves it");
        canvas.line(inner, inner.height.saturating_sub(1), &hint);
    }
}

/// A line of a difference, as what it is.
fn changed(line: &str) -> Line {
    let role = match line.as_bytes().first() {
        Some(b'+') => Role::Good,
        Some(b'-') => Role::Bad,
        Some(b'@') => Role::Faint,
        _ => Role::Plain,
    };
    Line::of(role, &text::sanitise_line(line))
}
