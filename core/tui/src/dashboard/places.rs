//! The choice of another management cluster or team.

use butler_terminal::text;
use crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::popups::{Answer, moved};
use crate::{
    board::Choice,
    input::Key,
    look::Role,
    widgets::{Canvas, Line, popup::popup, window, wrap},
};

/// Where one can go.
#[derive(Debug)]
pub(super) struct Places {
    /// Nothing, as long as they are looked up.
    known: Option<Result<Vec<Choice>, String>>,
    at: usize,
}

impl Places {
    /// As long as nothing is known.
    pub(super) fn asked() -> Self {
        Self { known: None, at: 0 }
    }

    pub(super) fn hear(&mut self, known: Result<Vec<Choice>, String>) {
        let here = known
            .as_ref()
            .ok()
            .and_then(|all| all.iter().position(|one| one.is_here));
        self.at = here.unwrap_or(0);
        self.known = Some(known);
    }

    fn all(&self) -> &[Choice] {
        match &self.known {
            Some(Ok(all)) => all,
            _ => &[],
        }
    }

    pub(super) fn key(&mut self, key: Key) -> Answer {
        let count = self.all().len();
        if moved(&mut self.at, count, key) {
            return Answer::Open;
        }
        match key.code {
            KeyCode::Char('j') => self.at = (self.at + 1).min(count.saturating_sub(1)),
            KeyCode::Char('k') => self.at = self.at.saturating_sub(1),
            KeyCode::Char('q' | 'M') => return Answer::Close,
            KeyCode::Enter => {
                return match self.all().get(self.at) {
                    Some(choice) => Answer::Switch(choice.to.clone()),
                    None => Answer::Open,
                };
            }
            _ => {}
        }
        Answer::Open
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let columns = area.width.saturating_sub(8).min(76);
        let title = Line::of(Role::Strong, "work with");
        let words = match &self.known {
            None => vec![Line::of(Role::Busy, "looking up logins, kubeconfigs and teams")],
            Some(Err(error)) => {
                let lines = wrap(error, usize::from(columns));
                lines.iter().map(|line| Line::of(Role::Bad, line)).collect()
            }
            Some(Ok(all)) if all.is_empty() => {
                vec![Line::plain(
                    "No login, no kubeconfig, and no cluster that was made from here.",
                )]
            }
            Some(Ok(_)) => Vec::new(),
        };
        let count = words.len().max(self.all().len());
        let rows = u16::try_from(count)
            .unwrap_or(u16::MAX)
            .min(area.height.saturating_sub(6));
        let inner = popup(canvas, area, &title, columns, rows);
        canvas.lines(inner, &words);
        for (row, index) in window(self.at, self.all().len(), usize::from(inner.height)).enumerate() {
            let choice = &self.all()[index];
            let here = index == self.at;
            let mark = if here { canvas.look().mark(Role::Focus) } else { " " };
            let role = if here { Role::Focus } else { Role::Plain };
            let line = Line::of(role, &format!("{mark} {}", text::sanitise_line(&choice.name)));
            let now = if choice.is_here { ", now" } else { "" };
            let right = Line::of(Role::Faint, &format!("{}{now}", text::sanitise_line(&choice.about)));
            canvas.ends(inner, u16::try_from(row).unwrap_or(u16::MAX), &line, &right);
        }
    }
}
