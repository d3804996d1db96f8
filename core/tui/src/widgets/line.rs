//! A line of text whose pieces mean something.

use butler_terminal::text;
use unicode_segmentation::UnicodeSegmentation as _;

use crate::look::{Look, Role};

/// A line of text in roles. What goes in is made safe for a terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Role, String)>,
}

impl Line {
    /// A line without any text yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of one piece.
    pub fn of(role: Role, text: &str) -> Self {
        Self::new().with(role, text)
    }

    /// A line of ordinary text.
    pub fn plain(text: &str) -> Self {
        Self::of(Role::Plain, text)
    }

    /// The line with text of this role at its end.
    #[must_use]
    pub fn with(mut self, role: Role, text: &str) -> Self {
        self.push(role, text);
        self
    }

    /// Appends text of this role.
    pub fn push(&mut self, role: Role, text: &str) {
        if !text.is_empty() {
            self.spans.push((role, safe(text)));
        }
    }

    /// Appends the pieces of another line.
    pub fn append(&mut self, other: Self) {
        self.spans.extend(other.spans);
    }

    /// Appends spaces until the line takes so many columns.
    #[must_use]
    pub fn padded(mut self, columns: usize) -> Self {
        let missing = columns.saturating_sub(self.width());
        if missing > 0 {
            self.spans.push((Role::Plain, " ".repeat(missing)));
        }
        self
    }

    /// Whether there is nothing to see.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| columns(text)).sum()
    }

    /// The words without their roles.
    pub fn text(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Its pieces.
    pub fn spans(&self) -> &[(Role, String)] {
        &self.spans
    }

    /// The line cut to a number of columns; a cut one says so at its end.
    #[must_use]
    pub fn cut(&self, room: usize, look: Look) -> Self {
        if self.width() <= room {
            return self.clone();
        }
        let mark = look.more();
        let mut left = room.saturating_sub(columns(mark));
        let mut out = Self::new();
        for (role, text) in &self.spans {
            let piece = cut(text, left);
            left -= columns(piece);
            let whole = piece.len() == text.len();
            out.spans.push((*role, piece.to_owned()));
            if !whole {
                break;
            }
        }
        let role = out.spans.last().map_or(Role::Plain, |(role, _)| *role);
        out.spans.push((role, cut(mark, room).to_owned()));
        out
    }
}

/// Columns that a text takes, glyph by glyph, as it is drawn.
pub(super) fn columns(text: &str) -> usize {
    // Every character of a text without control characters takes one column then.
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(text::width).sum()
}

/// As much of the beginning of a text as fits.
pub(super) fn cut(text: &str, room: usize) -> &str {
    if text.is_ascii() {
        return &text[..text.len().min(room)];
    }
    let mut used = 0;
    let end = text
        .grapheme_indices(true)
        .find(|(_, glyph)| {
            used += text::width(glyph);
            used > room
        })
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// Text from elsewhere as it can be drawn. The selector that asks for a picture instead of a sign is dropped, since terminals do
/// not agree on how wide that makes it.
pub(super) fn safe(text: &str) -> String {
    let mut text = text::sanitise_inline(text);
    text.retain(|c| c != '\u{fe0f}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_line_says_so_and_fits() {
        let line = Line::of(Role::Bad, "世界").with(Role::Plain, " of machines");
        assert_eq!(line.width(), 16);
        for room in 0..=20 {
            assert!(line.cut(room, Look::default()).width() <= room, "{room}");
        }
        assert_eq!(line.cut(7, Look::default()).text(), "世界 o…");
        assert_eq!(line.cut(16, Look::default()), line);
        let ascii = Look {
            ascii: true,
            ..Look::default()
        };
        assert_eq!(line.cut(9, ascii).text(), "世界 o...");
    }

    #[test]
    fn what_comes_from_elsewhere_cannot_command_the_terminal() {
        assert_eq!(
            Line::plain("a\x1b[2Jb\u{202e}c\u{fe0f}").text(),
            "a\u{fffd}[2Jb\u{fffd}c"
        );
    }
}
