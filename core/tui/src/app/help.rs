//! All keys of a screen, to be searched and pressed.

use butler_terminal::text;
use crossterm::event::{KeyCode, KeyModifiers};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    widgets::{Clear, Widget as _},
};

use crate::{
    input::Key,
    look::{Look, Role},
    screen::Hint,
};

/// Keys that every screen has.
const EVERYWHERE: &[(&str, &str, &str)] = &[
    (
        "F1",
        "keys",
        "opens and closes this list; ? too, where no text is typed",
    ),
    (
        "F3",
        "done and said",
        "what was done, as commands, and what was said; @ too, where no text is typed",
    ),
    ("^L", "draw anew", "when something else has written on the terminal"),
    ("^Z", "suspend", "gives the terminal back to the shell; fg continues"),
    ("%", "mouse", "whether the mouse speaks to the program or selects text"),
    ("^C ^C", "leave now", "twice within two seconds; a run goes on"),
];

/// What a key in the list leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Stay,
    Close,
    /// The chosen key is pressed.
    Press(Key),
}

#[derive(Debug)]
struct Row {
    key: String,
    words: String,
    about: String,
    disabled: Option<String>,
}

/// The list.
#[derive(Debug)]
pub(super) struct Help {
    rows: Vec<Row>,
    filter: String,
    chosen: usize,
}

impl Help {
    pub(super) fn new(keys: &[Hint]) -> Self {
        let mut rows: Vec<Row> = keys
            .iter()
            .map(|hint| Row {
                key: hint.key.to_owned(),
                words: text::sanitise_line(&hint.words),
                about: text::sanitise_line(&hint.about),
                disabled: hint.disabled.as_deref().map(text::sanitise_line),
            })
            .collect();
        let named: Vec<String> = rows.iter().map(|row| row.key.to_uppercase()).collect();
        let others = EVERYWHERE
            .iter()
            .filter(|(key, ..)| !named.contains(&(*key).to_owned()));
        rows.extend(others.map(|(key, words, about)| Row {
            key: (*key).to_owned(),
            words: (*words).to_owned(),
            about: (*about).to_owned(),
            disabled: None,
        }));
        Self {
            rows,
            filter: String::new(),
            chosen: 0,
        }
    }

    fn found(&self) -> Vec<&Row> {
        let filter = self.filter.to_lowercase();
        let meant = |row: &&Row| {
            let all = format!("{} {} {}", row.key, row.words, row.about).to_lowercase();
            filter.split_whitespace().all(|word| all.contains(word))
        };
        self.rows.iter().filter(meant).collect()
    }

    pub(super) fn key(&mut self, key: Key) -> Answer {
        let last = self.found().len().saturating_sub(1);
        match key.code {
            KeyCode::Esc | KeyCode::Char('?' | 'q') if self.filter.is_empty() => return Answer::Close,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Up => self.chosen = self.chosen.saturating_sub(1),
            KeyCode::Down => self.chosen = (self.chosen + 1).min(last),
            KeyCode::PageUp | KeyCode::Home => self.chosen = 0,
            KeyCode::PageDown | KeyCode::End => self.chosen = last,
            KeyCode::Enter => {
                let chosen = self
                    .found()
                    .get(self.chosen)
                    .filter(|row| row.disabled.is_none())
                    .map(|row| chord(&row.key));
                return match chosen {
                    Some(Some(key)) => Answer::Press(key),
                    // What cannot be pressed for somebody is only read.
                    Some(None) => Answer::Close,
                    None => Answer::Stay,
                };
            }
            KeyCode::Backspace => {
                self.filter.pop();
                self.chosen = 0;
            }
            KeyCode::Char(c) if !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                self.filter.push(c);
                self.chosen = 0;
            }
            _ => {}
        }
        Answer::Stay
    }

    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
        let found = self.found();
        let width = area.width.min(78);
        let rows = u16::try_from(found.len()).unwrap_or(u16::MAX);
        let height = rows.saturating_add(3).min(area.height);
        if width < 20 || height < 3 {
            return None;
        }
        let place = Rect::new(
            area.x + (area.width - width) / 2,
            area.y + (area.height - height) / 2,
            width,
            height,
        );
        // Half of a wide character would be left of the box.
        let cleared = Rect::new(
            place.x.saturating_sub(1).max(area.x),
            place.y,
            place.right() - place.x.saturating_sub(1).max(area.x),
            height,
        );
        Clear.render(cleared, buffer);
        let room = usize::from(width) - 2;
        let line = |buffer: &mut Buffer, row: u16, words: &str, role: Role| {
            let words = text::pad(&text::cut(words, room), room);
            buffer.set_string(place.x + 1, place.y + row, words, look.style(role));
        };
        let title = format!("keys, type to find: {}", self.filter);
        line(buffer, 0, &title, Role::Strong);
        let shown = usize::from(height - 2);
        let first = (self.chosen + 1).saturating_sub(shown);
        for ((at, row), y) in found.iter().enumerate().skip(first).take(shown).zip(1u16..) {
            let mark = if at == self.chosen { look.mark(Role::Focus) } else { " " };
            let about = match &row.disabled {
                Some(why) => format!("not now: {why}"),
                None => row.about.clone(),
            };
            let words = format!(
                "{mark} {}  {}  {about}",
                text::pad(&row.key, 9),
                text::pad(&row.words, 18)
            );
            let role = match (at == self.chosen, &row.disabled) {
                (true, _) => Role::Focus,
                (false, Some(_)) => Role::Faint,
                (false, None) => Role::Plain,
            };
            line(buffer, y, &words, role);
        }
        line(buffer, height - 1, "enter presses it  esc closes", Role::Faint);
        let column = text::width(&title).min(room.saturating_sub(1));
        Some(Position::new(place.x + 1 + u16::try_from(column).unwrap_or(0), place.y))
    }
}

/// The key behind the first of the names that people write; none where it is several, or words.
fn chord(name: &str) -> Option<Key> {
    let plain = |code| Key {
        code,
        modifiers: KeyModifiers::NONE,
    };
    let mut characters = name.chars();
    Some(match (name, characters.next(), characters.next(), characters.next()) {
        ("enter", ..) => plain(KeyCode::Enter),
        ("esc", ..) => plain(KeyCode::Esc),
        ("tab", ..) => plain(KeyCode::Tab),
        ("shift-tab", ..) => plain(KeyCode::BackTab),
        ("space", ..) => plain(KeyCode::Char(' ')),
        ("ctrl-c", ..) => Key {
            code: KeyCode::Char('c'),
            modifiers: KeyModifiers::CONTROL,
        },
        (_, Some('^'), Some(letter), None) => Key {
            code: KeyCode::Char(letter.to_ascii_lowercase()),
            modifiers: KeyModifiers::CONTROL,
        },
        (_, Some('F'), Some(_), _) => plain(KeyCode::F(name[1..].parse().ok()?)),
        (_, Some(letter), None, _) => plain(KeyCode::Char(letter)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help() -> Help {
        let hint = |key, words: &str, disabled: Option<&str>| Hint {
            key,
            words: words.to_owned(),
            about: "about it".to_owned(),
            disabled: disabled.map(ToOwned::to_owned),
        };
        Help::new(&[
            hint("w", "why", None),
            hint("s", "stop", Some("nothing runs")),
            hint("^S", "save", None),
        ])
    }

    fn press(help: &mut Help, code: KeyCode) -> Answer {
        help.key(Key {
            code,
            modifiers: KeyModifiers::NONE,
        })
    }

    #[test]
    fn the_chosen_key_is_pressed() {
        let mut help = help();
        for c in "save".chars() {
            assert_eq!(press(&mut help, KeyCode::Char(c)), Answer::Stay);
        }
        let Answer::Press(key) = press(&mut help, KeyCode::Enter) else {
            panic!("it is pressed")
        };
        assert_eq!((key.code, key.modifiers), (KeyCode::Char('s'), KeyModifiers::CONTROL));
    }

    #[test]
    fn what_does_nothing_now_is_not_pressed_and_says_why() {
        let mut help = help();
        press(&mut help, KeyCode::Down);
        assert_eq!(press(&mut help, KeyCode::Enter), Answer::Stay);
        let area = Rect::new(0, 0, 80, 24);
        let mut buffer = Buffer::empty(area);
        help.draw(area, &mut buffer, Look::default());
        let text: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        assert!(text.contains("not now: nothing runs"), "{text}");
    }

    #[test]
    fn esc_takes_back_one_thing() {
        let mut help = help();
        press(&mut help, KeyCode::Char('x'));
        assert_eq!(press(&mut help, KeyCode::Esc), Answer::Stay);
        assert_eq!(press(&mut help, KeyCode::Esc), Answer::Close);
    }

    #[test]
    fn it_fits_every_size() {
        let mut help = help();
        press(&mut help, KeyCode::End);
        for width in 0..=90 {
            for height in 0..=30 {
                let area = Rect::new(0, 0, width, height);
                help.draw(area, &mut Buffer::empty(area), Look::default());
            }
        }
    }
}
