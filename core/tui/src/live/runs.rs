//! The runs of this home, to look at one of them.

use crossterm::event::{KeyCode, KeyModifiers};
use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use butler_terminal::{duration, progress::plural, text};

use crate::{
    effect::Effect,
    input::{Done, Input, RunLine},
    look::{Look, Role},
    screen::{Hint, Screen},
    widgets::{Canvas, Chrome, Line, scroll::movement, window},
};

/// A list of runs.
#[derive(Debug, Default)]
pub struct Runs {
    found: Option<Vec<RunLine>>,
    /// The cluster that was selected.
    picked: Option<String>,
    notice: Option<String>,
    rows: usize,
}

impl Runs {
    /// A list that is not there yet, and what has to happen for it.
    pub fn new() -> (Self, Vec<Effect>) {
        (Self::default(), vec![Effect::ListRuns])
    }

    fn lines(&self) -> &[RunLine] {
        self.found.as_deref().unwrap_or(&[])
    }

    fn selected(&self) -> Option<usize> {
        let picked = |name: &String| self.lines().iter().position(|run| run.cluster == *name);
        let first = || (!self.lines().is_empty()).then_some(0);
        self.picked.as_ref().and_then(picked).or_else(first)
    }

    fn take(&mut self, mut runs: Vec<RunLine>) {
        // What is worked on is what one comes for; then the latest.
        runs.sort_by(|a, b| {
            b.live
                .cmp(&a.live)
                .then(b.heard.cmp(&a.heard))
                .then_with(|| a.cluster.cmp(&b.cluster))
        });
        self.found = Some(runs);
        self.notice = None;
    }
}

impl Screen for Runs {
    fn update(&mut self, input: Input, _now: Timestamp) -> Vec<Effect> {
        match input {
            Input::Done(Done::Runs(runs)) => self.take(runs),
            Input::Done(Done::Failed { what, error, .. }) => self.notice = Some(format!("cannot {what}: {error}")),
            Input::Resize(_, rows) => self.rows = usize::from(rows),
            Input::Key(key) => {
                let control = key.modifiers.contains(KeyModifiers::CONTROL);
                match key.code {
                    KeyCode::Char('c') if control => return vec![Effect::Leave { words: Vec::new() }],
                    KeyCode::Char('q') if !control => return vec![Effect::Leave { words: Vec::new() }],
                    KeyCode::Char('r') => return vec![Effect::ListRuns],
                    KeyCode::Enter => {
                        let chosen = self.selected().map(|place| self.lines()[place].cluster.clone());
                        return chosen.map(|cluster| Effect::Watch { cluster }).into_iter().collect();
                    }
                    _ => {}
                }
                if let (Some(by), Some(from)) = (movement(key, self.rows.max(6) - 5), self.selected()) {
                    let last = self.lines().len() - 1;
                    let to = from.saturating_add_signed(by).min(last);
                    self.picked = Some(self.lines()[to].cluster.clone());
                }
            }
            _ => {}
        }
        Vec::new()
    }

    fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, now: Timestamp) -> Option<Position> {
        let canvas = &mut Canvas::new(buffer, look);
        let chrome = Chrome::of(area);
        let at_work = self.lines().iter().filter(|run| run.live).count();
        let counts = format!("{}, {at_work} at work ", plural(self.lines().len(), "run"));
        chrome.draw_head(
            canvas,
            &Line::of(Role::Strong, " butleradm | runs of this home"),
            &Line::plain(&counts),
        );
        let name = self
            .lines()
            .iter()
            .map(|run| text::width(&run.cluster))
            .max()
            .unwrap_or(0)
            .clamp(7, 40);
        let titles = Line::plain("   ")
            .with(Role::Strong, "CLUSTER")
            .padded(3 + name + 2)
            .with(Role::Strong, "HEARD   STATE");
        canvas.line(chrome.tabs, 0, &titles);
        if let Some(words) = self.empty() {
            canvas.line(chrome.body, 0, &Line::of(Role::Faint, words));
        }
        let selected = self.selected();
        let mut caret = None;
        let seen = window(
            selected.unwrap_or(0),
            self.lines().len(),
            usize::from(chrome.body.height),
        );
        for (row, place) in (0..).zip(seen) {
            let run = &self.lines()[place];
            let (mark, style) = if selected == Some(place) {
                caret = Some(Position::new(chrome.body.x, chrome.body.y + row));
                (look.mark(Role::Focus), Role::Focus)
            } else {
                (" ", Role::Plain)
            };
            let mut line = Line::of(Role::Focus, &format!(" {mark} "));
            line.append(Line::of(style, &run.cluster).cut(name, look).padded(name + 2));
            let heard = run
                .heard
                .map_or_else(|| "-".to_owned(), |heard| duration::age(heard, now));
            line.append(Line::of(Role::Faint, &heard).padded(8));
            let role = if run.live { Role::Busy } else { Role::Plain };
            line.push(role, &run.state);
            if run.live {
                line.push(role, ", at work");
            }
            canvas.line(chrome.body, row, &line);
        }
        let notice = self.notice.as_deref().unwrap_or("");
        chrome.draw_status(canvas, &Line::plain(" ").with(Role::Bad, notice), &Line::new());
        chrome.draw_keys(canvas, &self.keys());
        caret
    }

    fn keys(&self) -> Vec<Hint> {
        let hint = |key, words: &str, about: &str| Hint {
            key,
            words: words.to_owned(),
            about: about.to_owned(),
            disabled: None,
        };
        vec![
            Hint {
                disabled: self.lines().is_empty().then(|| "there is no run".to_owned()),
                ..hint("enter", "watch", "shows the run: what it does, or how it ended")
            },
            hint("r", "look again", "lists the runs anew"),
            hint("j k", "move", "up and down; g G first and last"),
            hint("q", "leave", "leaves; no run is stopped by that"),
            hint("?", "keys", "all keys of this screen"),
        ]
    }
}

impl Runs {
    fn empty(&self) -> Option<&'static str> {
        match &self.found {
            None => Some("   looking for runs"),
            Some(runs) if runs.is_empty() => Some("   no run yet: butleradm tui begins one"),
            Some(_) => None,
        }
    }
}
