//! Lists and texts that are longer than the room for them.

use std::ops::Range;

use crossterm::event::{KeyCode, KeyModifiers};

use super::line::{columns, cut};
use crate::input::Key;

/// Which of the rows of a list are seen, so that the selected one is: in the middle, except near the ends.
pub fn window(selected: usize, rows: usize, height: usize) -> Range<usize> {
    let last = rows.saturating_sub(height);
    let top = selected.saturating_sub(height / 2).min(last);
    top..rows.min(top + height)
}

/// How far one has scrolled in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scroll {
    /// The first row that is seen.
    pub top: usize,
}

impl Scroll {
    /// Moves by a key, in a text of so many rows of which so many are seen; says whether the key was one that moves.
    pub fn key(&mut self, key: Key, rows: usize, height: usize) -> bool {
        let last = rows.saturating_sub(height);
        let top = self.top.min(last);
        let Some(step) = movement(key, height) else {
            return false;
        };
        self.top = top.saturating_add_signed(step).min(last);
        true
    }

    /// Moves by rows; down is positive.
    pub fn turn(&mut self, by: isize, rows: usize, height: usize) {
        let last = rows.saturating_sub(height);
        self.top = self.top.min(last).saturating_add_signed(by).min(last);
    }

    /// The rows that are seen.
    pub fn range(&self, rows: usize, height: usize) -> Range<usize> {
        let top = self.top.min(rows.saturating_sub(height));
        top..rows.min(top + height)
    }
}

/// How far a key moves in something that shows so many rows at once; none where it does not move.
pub fn movement(key: Key, height: usize) -> Option<isize> {
    let rows = isize::try_from(height.max(1)).unwrap_or(isize::MAX);
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    if key.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    match (key.code, control) {
        (KeyCode::Down, _) | (KeyCode::Char('j'), false) => Some(1),
        (KeyCode::Up, _) | (KeyCode::Char('k'), false) => Some(-1),
        (KeyCode::PageDown, _) | (KeyCode::Char('f'), true) => Some(rows),
        (KeyCode::PageUp, _) | (KeyCode::Char('b'), true) => Some(-rows),
        (KeyCode::Char('d'), true) => Some((rows / 2).max(1)),
        (KeyCode::Char('u'), true) => Some(-(rows / 2).max(1)),
        (KeyCode::Home, _) | (KeyCode::Char('g'), false) => Some(isize::MIN),
        (KeyCode::End, _) | (KeyCode::Char('G'), false) => Some(isize::MAX),
        _ => None,
    }
}

/// Breaks a text into lines of at most so many columns, between words where it can.
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for mut word in paragraph.split_inclusive(' ') {
            if columns(&line) + columns(word.trim_end()) > room && !line.trim().is_empty() {
                lines.push(line.trim_end().to_owned());
                line.clear();
            }
            while columns(word.trim_end()) > room {
                let head = cut(word, room);
                // A glyph that is wider than the room goes nowhere.
                if head.is_empty() {
                    word = "";
                    break;
                }
                lines.push(head.to_owned());
                word = &word[head.len()..];
            }
            line.push_str(word);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_is_always_seen() {
        for rows in 0..30 {
            for height in 0..12 {
                for selected in 0..rows {
                    let seen = window(selected, rows, height);
                    assert!(seen.end <= rows && seen.len() == height.min(rows), "{seen:?}");
                    assert!(height == 0 || seen.contains(&selected), "{selected} not in {seen:?}");
                }
            }
        }
    }

    #[test]
    fn a_text_never_scrolls_past_its_end() {
        let key = |code| Key {
            code,
            modifiers: KeyModifiers::NONE,
        };
        let mut scroll = Scroll::default();
        assert!(scroll.key(key(KeyCode::End), 100, 10));
        assert_eq!(scroll.range(100, 10), 90..100);
        assert!(scroll.key(key(KeyCode::Up), 100, 10));
        assert_eq!(scroll.range(100, 10), 89..99);
        assert!(scroll.key(key(KeyCode::Home), 100, 10));
        assert_eq!(scroll.range(100, 10), 0..10);
        assert!(!scroll.key(key(KeyCode::Enter), 100, 10));
        assert_eq!(Scroll { top: 50 }.range(3, 10), 0..3);
    }

    #[test]
    fn words_are_kept_whole_where_they_fit() {
        assert_eq!(wrap("no lease for the machine", 10), ["no lease", "for the", "machine"]);
        assert_eq!(wrap("abcdefghij klm", 4), ["abcd", "efgh", "ij", "klm"]);
        assert_eq!(wrap("世界です", 3), ["世", "界", "で", "す"]);
        assert_eq!(wrap("a\n\nb", 5), ["a", "", "b"]);
        assert_eq!(
            wrap("set `env:NAME`, or `file:PATH`.", 16),
            ["set `env:NAME`,", "or `file:PATH`."]
        );
        assert_eq!(wrap("世", 1), [""]);
        for room in 0..40 {
            for line in wrap("the quick, brown: fox-jumps/over the 世界 lazy dog", room) {
                assert!(columns(&line) <= room.max(1), "{room}: {line}");
            }
        }
    }
}
