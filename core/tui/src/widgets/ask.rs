//! A question in a box: a few words, a few answers.

use crossterm::event::{KeyCode, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::{Position, Rect};

use super::{canvas::Canvas, line::Line, popup::popup, scroll::wrap};
use crate::{
    input::Key,
    look::{Look, Role},
};

/// A key that is held or was pressed before the question was seen must not answer it.
const SEEN_AFTER: SignedDuration = SignedDuration::from_millis(300);

/// A question in a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    title: String,
    text: Vec<Line>,
    answers: Vec<(char, String)>,
    selected: usize,
    opened: Timestamp,
    at_once: bool,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It stays.
    Open,
    /// It was closed without an answer.
    Closed,
    /// This answer was chosen.
    Chosen(usize),
}

impl Ask {
    /// A question with answers, each with the letter that chooses it. The first one is selected.
    pub fn new(title: &str, text: Vec<Line>, answers: &[(char, &str)], now: Timestamp) -> Self {
        Self {
            title: title.to_owned(),
            text,
            answers: answers.iter().map(|(key, words)| (*key, (*words).to_owned())).collect(),
            selected: 0,
            opened: now,
            at_once: false,
        }
    }

    /// The same, but answered by a key that comes as soon as it is shown: for questions that confirm nothing dangerous.
    #[must_use]
    pub fn at_once(mut self) -> Self {
        self.at_once = true;
        self
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, now: Timestamp) -> Outcome {
        if key.code == KeyCode::Esc {
            return Outcome::Closed;
        }
        if !self.at_once && now.duration_since(self.opened) < SEEN_AFTER {
            return Outcome::Open;
        }
        let count = self.answers.len().max(1);
        match key.code {
            KeyCode::Left | KeyCode::Up | KeyCode::BackTab => self.selected = (self.selected + count - 1) % count,
            KeyCode::Right | KeyCode::Down | KeyCode::Tab => self.selected = (self.selected + 1) % count,
            KeyCode::Enter if self.answers.is_empty() => return Outcome::Closed,
            KeyCode::Enter => return Outcome::Chosen(self.selected),
            KeyCode::Char(letter) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                let letter = letter.to_ascii_lowercase();
                if let Some(index) = self.answers.iter().position(|(key, _)| *key == letter) {
                    return Outcome::Chosen(index);
                }
            }
            _ => {}
        }
        Outcome::Open
    }

    /// The answers: the letter and the words of each.
    pub fn answers(&self) -> &[(char, String)] {
        &self.answers
    }

    /// Draws it in the middle of an area; says where the caret is: at the answer that is selected.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let widest = self
            .text
            .iter()
            .map(Line::width)
            .chain([self.title.len() + 4, 40])
            .max();
        let room = usize::from(area.width.saturating_sub(4)).max(1);
        let columns = widest.unwrap_or(40).min(room).min(96);
        let mut rows: Vec<Line> = self.text.iter().flat_map(|line| wrapped(line, columns)).collect();
        rows.push(Line::new());
        let (buttons, selected) = self.buttons(columns, canvas.look());
        let height = u16::try_from(rows.len() + buttons.len()).unwrap_or(u16::MAX);
        let title = Line::of(Role::Strong, &self.title);
        let inner = popup(canvas, area, &title, u16::try_from(columns).unwrap_or(u16::MAX), height);
        // The answers are seen, whatever of the text must go for them.
        rows.truncate(usize::from(inner.height).saturating_sub(buttons.len()));
        let (row, column) = (rows.len() + selected.0, selected.1);
        rows.extend(buttons);
        canvas.lines(inner, &rows);
        let at = Position {
            x: inner.x.saturating_add(u16::try_from(column).ok()?),
            y: inner.y.saturating_add(u16::try_from(row).ok()?),
        };
        Some(at).filter(|at| inner.contains(*at))
    }

    /// The answers in rows, and the row and the column of the one that is selected.
    fn buttons(&self, columns: usize, look: Look) -> (Vec<Line>, (usize, usize)) {
        let mut lines = vec![Line::new()];
        let mut at = (0, 0);
        for (index, (key, words)) in self.answers.iter().enumerate() {
            let selected = index == self.selected;
            let button = if selected {
                Line::of(Role::Focus, &format!("{} {words} <", look.mark(Role::Focus)))
            } else {
                Line::of(Role::Hint, &format!("  {key}")).with(Role::Plain, &format!(" {words}"))
            };
            let last = lines.len() - 1;
            if !lines[last].is_empty() {
                if lines[last].width() + 3 + button.width() > columns {
                    lines.push(Line::new());
                } else {
                    lines[last].push(Role::Plain, "   ");
                }
            }
            let last = lines.len() - 1;
            if selected {
                at = (last, lines[last].width());
            }
            lines[last].append(button);
        }
        (lines, at)
    }
}

/// A line broken to the room that there is; each part keeps the role of its beginning.
fn wrapped(line: &Line, columns: usize) -> Vec<Line> {
    if line.width() <= columns {
        return vec![line.clone()];
    }
    let role = line.spans().first().map_or(Role::Plain, |(role, _)| *role);
    wrap(&line.text(), columns)
        .iter()
        .map(|part| Line::of(role, part))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode) -> Key {
        Key {
            code,
            modifiers: KeyModifiers::NONE,
        }
    }

    #[test]
    fn a_held_key_answers_nothing() {
        let opened = Timestamp::UNIX_EPOCH;
        let mut ask = Ask::new("stop", Vec::new(), &[('k', "keep"), ('d', "destroy")], opened);
        assert_eq!(ask.key(key(KeyCode::Enter), opened), Outcome::Open);
        assert_eq!(ask.key(key(KeyCode::Char('d')), opened), Outcome::Open);
        let later = opened + SEEN_AFTER;
        assert_eq!(ask.key(key(KeyCode::Right), later), Outcome::Open);
        assert_eq!(ask.key(key(KeyCode::Enter), later), Outcome::Chosen(1));
        assert_eq!(ask.key(key(KeyCode::Char('K')), later), Outcome::Chosen(0));
        assert_eq!(ask.key(key(KeyCode::Esc), opened), Outcome::Closed);
    }
}
