//! Pictures of screens without a terminal: for tests, documents and reports of defects.

mod keys;
mod letter;
mod svg;
mod sweep;

use std::fmt::Write as _;

use butler_terminal::text;
use jiff::Timestamp;
use ratatui::{
    buffer::{Buffer, Cell, CellWidth as _},
    layout::{Position, Rect},
};

use crate::{look::Look, screen::Screen};

pub use keys::{NoKeys, keys, type_keys, type_keys_at};
pub use letter::UNKNOWN;
pub use sweep::sweep;

/// What a screen looks like at one size.
#[derive(Debug, Clone)]
pub struct Picture {
    buffer: Buffer,
    caret: Option<Position>,
    look: Look,
}

/// Draws a screen as a terminal of this size would show it.
pub fn render(screen: &dyn Screen, width: u16, height: u16, look: Look, now: Timestamp) -> Picture {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    let caret = screen.draw(area, &mut buffer, look, now);
    Picture { buffer, caret, look }
}

impl Picture {
    /// The characters, without blanks at the ends of lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for row in self.rows() {
            let line: String = row.iter().map(|shown| shown.cell.symbol()).collect();
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// The characters, then a letter for the role of each of them, then the place of the caret. Lines without a role are left out
    /// of the second part. A style that no role has is [`UNKNOWN`].
    ///
    /// ` ` plain, `s` strong or focus, `f` faint, `g` good, `b` busy, `l` late, `x` bad, `h` hint; upper case where it is bold as
    /// well.
    pub fn styled(&self) -> String {
        let mut text = self.text();
        text.push_str("-- roles\n");
        for (number, row) in self.rows().enumerate() {
            let letters: String = row
                .iter()
                .flat_map(|shown| std::iter::repeat_n(letter::of(shown.cell, self.look), usize::from(shown.width)))
                .collect();
            let letters = letters.trim_end();
            if !letters.is_empty() {
                // Writing to a text cannot fail.
                let _ = writeln!(text, "{number:02}|{letters}");
            }
        }
        let _ = match self.caret {
            Some(Position { x, y }) => writeln!(text, "-- caret at column {x} of line {y:02}"),
            None => writeln!(text, "-- no caret"),
        };
        text
    }

    /// The same as an image whose cells all have one size, in colours for light and for dark pages.
    pub fn svg(&self, title: &str) -> String {
        svg::write(self, title)
    }

    /// What no terminal should be given, and where: a character that commands it or hides others, a wide one that sticks out of its
    /// line, a style that no role has.
    pub fn defects(&self) -> Vec<String> {
        let width = usize::from(self.buffer.area.width);
        let mut defects = Vec::new();
        for (line, row) in self.rows().enumerate() {
            for shown in row {
                let symbol = shown.cell.symbol();
                let is_unsafe = |c: char| c == '\u{fe0f}' || text::sanitise_inline(&c.to_string()) != c.to_string();
                let what = if symbol.chars().any(is_unsafe) {
                    "commands or hides"
                } else if shown.column + usize::from(shown.width) > width {
                    "sticks out"
                } else if letter::of(shown.cell, self.look) == UNKNOWN {
                    "has a style without a role"
                } else {
                    continue;
                };
                defects.push(format!("{symbol:?} {what} at column {} of line {line}", shown.column));
            }
        }
        defects
    }

    /// Where the caret is.
    pub fn caret(&self) -> Option<Position> {
        self.caret
    }

    /// The cells.
    pub fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// The lines, each with the cells that are seen: what a wide character covers is not among them.
    fn rows(&self) -> impl Iterator<Item = Vec<Shown<'_>>> {
        let width = usize::from(self.buffer.area.width).max(1);
        self.buffer.content.chunks(width).map(|cells| {
            let mut row = Vec::with_capacity(cells.len());
            let mut free = 0;
            for (column, cell) in cells.iter().enumerate() {
                if column >= free {
                    let width = cell.cell_width().max(1);
                    free = column + usize::from(width);
                    row.push(Shown { column, width, cell });
                }
            }
            row
        })
    }
}

/// A cell that is seen.
struct Shown<'a> {
    column: usize,
    width: u16,
    cell: &'a Cell,
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;
    use ratatui::style::{Color, Style};

    use super::*;
    use crate::{
        effect::Effect,
        input::Input,
        look::{Palette, Role},
        screen::Hint,
    };

    /// Shows what is typed into it, after one word of each role.
    #[derive(Default)]
    struct Sample {
        typed: String,
        stray: bool,
    }

    impl Screen for Sample {
        fn update(&mut self, input: Input, _now: Timestamp) -> Vec<Effect> {
            match input {
                Input::Key(key) => match key.code {
                    KeyCode::Char(c) if key.modifiers.is_empty() => self.typed.push(c),
                    KeyCode::Enter => return vec![Effect::Redraw],
                    other => self.typed += &other.to_string(),
                },
                Input::Paste(text) => self.typed.push_str(&text),
                _ => {}
            }
            Vec::new()
        }

        fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, _now: Timestamp) -> Option<Position> {
            let line = |row: u16| {
                Rect {
                    y: area.y + row,
                    height: 1,
                    ..area
                }
                .intersection(area)
            };
            let mut put = |row: u16, x: u16, text: &str, style: Style| {
                let line = line(row);
                if line.height > 0 && x < line.width {
                    buffer.set_stringn(x, line.y, text, usize::from(line.width - x), style);
                }
            };
            put(0, 0, "世界", look.style(Role::Strong));
            put(0, 5, "good", look.style(Role::Good));
            put(0, 10, "late", look.style(Role::Late));
            put(0, 15, "a<b & c", look.style(Role::Plain));
            put(1, 0, "bad", look.style(Role::Bad));
            put(1, 4, "hint", look.style(Role::Hint).patch(look.style(Role::Focus)));
            put(1, 9, "faint", look.style(Role::Faint));
            put(2, 0, &self.typed, look.style(Role::Plain));
            if self.stray {
                put(3, 2, "pink", Style::new().fg(Color::Rgb(255, 0, 128)));
            }
            let x = u16::try_from(self.typed.len()).unwrap_or(u16::MAX);
            (area.height > 2 && x < area.width).then(|| Position::new(x, 2))
        }

        fn keys(&self) -> Vec<Hint> {
            Vec::new()
        }
    }

    #[test]
    fn a_picture_tells_text_roles_and_caret() {
        let mut screen = Sample::default();
        assert_eq!(type_keys(&mut screen, "ab<enter>").len(), 1);
        let picture = render(&screen, 24, 3, Look::default(), Timestamp::UNIX_EPOCH);
        insta::assert_snapshot!(picture.styled(), @r"
        世界 good late a<b & c
        bad hint faint
        ab
        -- roles
        00|ssss gggg llll
        01|xxx HHHH fffff
        -- caret at column 2 of line 02
        ");
        assert_eq!(picture.caret(), Some(Position::new(2, 2)));
    }

    #[test]
    fn without_colours_only_weight_is_told() {
        let look = Look {
            palette: Palette::Mono,
            ascii: true,
        };
        let picture = render(&Sample::default(), 14, 2, look, Timestamp::UNIX_EPOCH);
        insta::assert_snapshot!(picture.styled(), @r"
        世界 good late
        bad hint faint
        -- roles
        00|ssss      ssss
        01|xxx ssss fffff
        -- no caret
        ");
    }

    #[test]
    fn a_style_without_a_role_is_seen() {
        let screen = Sample {
            stray: true,
            ..Sample::default()
        };
        let picture = render(&screen, 10, 4, Look::default(), Timestamp::UNIX_EPOCH);
        assert!(picture.styled().contains("03|  ????"), "{}", picture.styled());
        assert_eq!(picture.defects().len(), 4, "{:?}", picture.defects());
    }

    #[test]
    fn no_size_is_too_small() {
        for (width, height) in [(0, 0), (0, 5), (5, 0), (1, 1)] {
            let picture = render(
                &Sample::default(),
                width,
                height,
                Look::default(),
                Timestamp::UNIX_EPOCH,
            );
            let lines = if width == 0 { 0 } else { usize::from(height) };
            assert_eq!(picture.text().lines().count(), lines);
            assert!(picture.svg("x").ends_with("</svg>\n"));
        }
        sweep(&Sample::default(), Look::default(), Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn an_image_has_every_word_in_its_place() {
        let mut screen = Sample::default();
        type_keys(&mut screen, "ab");
        let svg = render(&screen, 24, 3, Look::default(), Timestamp::UNIX_EPOCH).svg("Roles & words");
        insta::assert_snapshot!(svg);
    }
}
