//! What comes from the terminal.

use std::{io, thread};

use crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEventKind};

use crate::input::{Input, Key, Mouse};

/// The most that is taken of one paste.
const LARGEST_PASTE: usize = 1 << 20;

/// Reads on a thread of its own until nobody listens or the terminal cannot be read. It waits inside the system, so that an idle
/// program costs nothing; it ends with the process.
pub fn read(hear: impl Fn(io::Result<Input>) -> bool + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("keys".to_owned()).spawn(move || {
        loop {
            let heard = match event::read() {
                Ok(event) => from_terminal(event).map(Ok),
                Err(error) => Some(Err(error)),
            };
            let failed = matches!(heard, Some(Err(_)));
            if heard.is_some_and(|heard| !hear(heard)) || failed {
                return;
            }
        }
    })?;
    Ok(())
}

/// What an event of the terminal means; none for what means nothing here, such as the release of a key.
pub fn from_terminal(event: Event) -> Option<Input> {
    Some(match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(Key {
            code: key.code,
            modifiers: key.modifiers,
        }),
        Event::Paste(text) => Input::Paste(cut(text)),
        Event::Resize(columns, rows) => Input::Resize(columns, rows),
        Event::Mouse(mouse) => Input::Mouse(match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Mouse::Pressed(mouse.column, mouse.row),
            MouseEventKind::ScrollDown => Mouse::Turned(3),
            MouseEventKind::ScrollUp => Mouse::Turned(-3),
            _ => return None,
        }),
        Event::Key(_) | Event::FocusGained | Event::FocusLost => return None,
    })
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LARGEST_PASTE));
    text
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;

    #[test]
    fn presses_count_and_releases_do_not() {
        let key = |kind| Event::Key(KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, kind));
        assert!(from_terminal(key(KeyEventKind::Press)).is_some());
        assert!(from_terminal(key(KeyEventKind::Repeat)).is_some());
        assert_eq!(from_terminal(key(KeyEventKind::Release)), None);
    }

    #[test]
    fn a_paste_is_bounded_and_whole_characters() {
        let text = "é".repeat(LARGEST_PASTE);
        let Some(Input::Paste(cut)) = from_terminal(Event::Paste(text)) else {
            panic!("a paste")
        };
        assert!(cut.len() <= LARGEST_PASTE && cut.ends_with('é'));
    }
}
