//! A line of text that is edited.

use std::fmt;

use butler_terminal::text;
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::{Position, Rect};
use tui_input::{Input, InputRequest};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    canvas::Canvas,
    line::{Line, columns, cut, safe},
};
use crate::{input::Key, look::Role};

/// A text that is edited in one line.
#[derive(Clone, Default)]
pub struct Field {
    input: Input,
    secret: bool,
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.secret { "(secret)" } else { self.text() };
        f.debug_struct("Field").field("text", &text).finish_non_exhaustive()
    }
}

impl Field {
    /// Begins with a text; the caret is behind it.
    pub fn new(text: &str) -> Self {
        Self {
            input: Input::new(one_line(text)),
            secret: false,
        }
    }

    /// An empty one whose text is never shown.
    pub fn secret() -> Self {
        Self {
            secret: true,
            ..Self::default()
        }
    }

    /// What it holds.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Whether its text is never shown.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// Takes a key; says whether it was one for a text. A change can be told by comparing the text.
    pub fn key(&mut self, key: Key) -> bool {
        let Some(request) = request(key) else {
            return false;
        };
        self.input.handle(request);
        true
    }

    /// Takes a text as it was pasted: only its first line that says something, without the spaces around it.
    pub fn paste(&mut self, pasted: &str) {
        let pasted = one_line(pasted.lines().find(|line| !line.trim().is_empty()).unwrap_or(""));
        let caret = self.caret_byte();
        let text = self.text();
        let joined = format!("{}{pasted}{}", &text[..caret], &text[caret..]);
        let cursor = self.input.cursor() + pasted.chars().count();
        self.input = Input::new(joined).with_cursor(cursor);
    }

    /// Draws it into the first row of an area, scrolled so that the caret is seen; says where the caret is.
    pub fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, role: Role) -> Option<Position> {
        if area.width == 0 || area.height == 0 {
            return None;
        }
        let shown = |text: &str| {
            if self.secret {
                "*".repeat(text.chars().count())
            } else {
                safe(text)
            }
        };
        let caret = self.caret_byte();
        let before = shown(&self.text()[..caret]);
        let after = shown(&self.text()[caret..]);
        let room = usize::from(area.width) - 1;
        let over = columns(&before).saturating_sub(room);
        let mut skipped = 0;
        let start = before
            .grapheme_indices(true)
            .find(|(_, glyph)| {
                let enough = skipped >= over;
                skipped += text::width(glyph);
                enough
            })
            .map_or(before.len(), |(at, _)| at);
        let seen = format!("{}{after}", &before[start..]);
        // No mark of a cut here: the text goes on under the caret.
        canvas.line(area, 0, &Line::of(role, cut(&seen, usize::from(area.width))));
        let column = columns(&before[start..]).min(room);
        Some(Position {
            x: area.x + u16::try_from(column).unwrap_or(0),
            y: area.y,
        })
    }

    fn caret_byte(&self) -> usize {
        let text = self.text();
        text.char_indices()
            .nth(self.input.cursor())
            .map_or(text.len(), |(at, _)| at)
    }
}

fn one_line(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).collect()
}

fn request(key: Key) -> Option<InputRequest> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    Some(match (key.code, control, alt) {
        (KeyCode::Char(c), false, false) if !c.is_control() => InputRequest::InsertChar(c),
        (KeyCode::Left, false, false) => InputRequest::GoToPrevChar,
        (KeyCode::Right, false, false) => InputRequest::GoToNextChar,
        (KeyCode::Left, ..) | (KeyCode::Char('b'), false, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, ..) | (KeyCode::Char('f'), false, true) => InputRequest::GoToNextWord,
        (KeyCode::Home, ..) | (KeyCode::Char('a'), true, false) => InputRequest::GoToStart,
        (KeyCode::End, ..) | (KeyCode::Char('e'), true, false) => InputRequest::GoToEnd,
        (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, false) => InputRequest::DeletePrevChar,
        (KeyCode::Backspace, ..) | (KeyCode::Char('w'), true, false) => InputRequest::DeletePrevWord,
        (KeyCode::Delete, false, false) | (KeyCode::Char('d'), true, false) => InputRequest::DeleteNextChar,
        (KeyCode::Delete, ..) | (KeyCode::Char('d'), false, true) => InputRequest::DeleteNextWord,
        (KeyCode::Char('u'), true, false) => InputRequest::DeleteLine,
        (KeyCode::Char('k'), true, false) => InputRequest::DeleteTillEnd,
        (KeyCode::Char('y'), true, false) => InputRequest::Yank,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::look::Look;

    fn press(field: &mut Field, code: KeyCode, modifiers: KeyModifiers) -> bool {
        field.key(Key { code, modifiers })
    }

    fn seen(field: &Field, width: u16) -> (String, u16) {
        let area = Rect::new(0, 0, width, 1);
        let mut buffer = Buffer::empty(area);
        let caret = field.draw(&mut Canvas::new(&mut buffer, Look::default()), area, Role::Plain);
        let text = (0..width).map(|x| buffer[(x, 0)].symbol()).collect::<String>();
        (text.trim_end().to_owned(), caret.unwrap().x)
    }

    #[test]
    fn text_is_edited_anywhere() {
        let mut field = Field::new("one three");
        press(&mut field, KeyCode::Left, KeyModifiers::CONTROL);
        for c in "two ".chars() {
            press(&mut field, KeyCode::Char(c), KeyModifiers::NONE);
        }
        assert_eq!(field.text(), "one two three");
        press(&mut field, KeyCode::Char('w'), KeyModifiers::CONTROL);
        press(&mut field, KeyCode::End, KeyModifiers::NONE);
        press(&mut field, KeyCode::Backspace, KeyModifiers::NONE);
        assert_eq!(field.text(), "one thre");
        assert!(!press(&mut field, KeyCode::Enter, KeyModifiers::NONE));
        assert!(!press(&mut field, KeyCode::Char('n'), KeyModifiers::CONTROL));
    }

    #[test]
    fn a_paste_is_one_line() {
        let mut field = Field::new("a@b");
        press(&mut field, KeyCode::Home, KeyModifiers::NONE);
        field.paste("\r\n  https://pve:8006 \r\nrm -rf\r\n");
        assert_eq!(field.text(), "https://pve:8006a@b");
        press(&mut field, KeyCode::Char('!'), KeyModifiers::NONE);
        assert_eq!(field.text(), "https://pve:8006!a@b");
    }

    #[test]
    fn the_caret_is_always_seen() {
        // A wide character has a blank cell behind it.
        let mut field = Field::new("0123456789");
        assert_eq!(seen(&field, 5), ("6789".to_owned(), 4));
        press(&mut field, KeyCode::Home, KeyModifiers::NONE);
        assert_eq!(seen(&field, 5), ("01234".to_owned(), 0));
        assert_eq!(seen(&Field::new("世界です"), 5), ("で す".to_owned(), 4));
        assert_eq!(seen(&Field::new("世界です"), 4), ("す".to_owned(), 2));
        assert_eq!(seen(&Field::new("世"), 1), (String::new(), 0));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let mut field = Field::secret();
        field.paste("hunter2");
        assert_eq!(seen(&field, 20), ("*******".to_owned(), 7));
        assert_eq!(field.text(), "hunter2");
        assert!(!format!("{field:?}").contains("hunter2"));
    }
}
