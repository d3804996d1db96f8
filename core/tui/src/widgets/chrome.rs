//! What every screen has around its content: a head, steps or tabs, a status line, and the keys.

use ratatui::layout::Rect;

use super::{canvas::Canvas, line::Line};
use crate::{look::Role, screen::Hint};

/// The rooms of a screen. On small terminals the least important ones have no rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chrome {
    /// Who, where, and how fresh.
    pub head: Rect,
    /// Steps or tabs.
    pub tabs: Rect,
    /// The content.
    pub body: Rect,
    /// Beside the content, on wide terminals only.
    pub side: Option<Rect>,
    /// About what has the focus.
    pub status: Rect,
    /// What the keys do.
    pub keys: Rect,
}

/// A step or a tab, in the line of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The mark before it, in one column.
    pub mark: String,
    /// What the mark means for the eye.
    pub role: Role,
    /// Its name.
    pub name: String,
    /// Whether it is the one that is shown.
    pub here: bool,
}

impl Chrome {
    /// From so many columns on there is room beside the content.
    pub const WIDE: u16 = 110;

    /// Divides an area.
    pub fn of(area: Rect) -> Self {
        let row = |y: u16, height: u16| Rect {
            y: area.y + y,
            height,
            ..area
        };
        let rows = area.height;
        let head = u16::from(rows >= 4);
        let tabs = u16::from(rows >= 6);
        let keys = u16::from(rows >= 3);
        let status = u16::from(rows >= 5);
        let body_rows = rows - head - tabs - keys - status;
        let content = row(head + tabs, body_rows);
        let (body, side) = beside(content);
        Self {
            head: row(0, head),
            tabs: row(head, tabs),
            body,
            side,
            status: row(rows - keys - status, status),
            keys: row(rows - keys, keys),
        }
    }

    /// Draws the head: the left words are cut for the right ones.
    pub fn draw_head(&self, canvas: &mut Canvas<'_>, left: &Line, right: &Line) {
        canvas.ends(self.head, 0, left, right);
    }

    /// Draws the steps or tabs. Where they do not fit, the ones far from the present one lose their names.
    pub fn draw_tabs(&self, canvas: &mut Canvas<'_>, tabs: &[Tab]) {
        let line = |named: &dyn Fn(usize) -> bool| {
            let mut line = Line::plain(" ");
            for (index, tab) in tabs.iter().enumerate() {
                let name = if named(index) {
                    format!(" {}", tab.name)
                } else {
                    String::new()
                };
                line.push(tab.role, &tab.mark);
                let role = if tab.here { Role::Focus } else { Role::Plain };
                line.push(role, &format!("{}{name}", index + 1));
                line.push(Role::Plain, if index + 1 < tabs.len() { " " } else { "" });
            }
            line
        };
        let here = tabs.iter().position(|tab| tab.here).unwrap_or(0);
        let room = usize::from(self.tabs.width);
        let fits = (0..tabs.len())
            .rev()
            .map(|near| line(&move |index: usize| index.abs_diff(here) <= near))
            .find(|line| line.width() <= room);
        canvas.line(self.tabs, 0, &fits.unwrap_or_else(|| line(&|index| index == here)));
    }

    /// Draws the line about what has the focus.
    pub fn draw_status(&self, canvas: &mut Canvas<'_>, left: &Line, right: &Line) {
        canvas.ends(self.status, 0, left, right);
    }

    /// Draws the keys by their importance; the last one, by which help is found, is never cut.
    pub fn draw_keys(&self, canvas: &mut Canvas<'_>, hints: &[Hint]) {
        let one = |hint: &Hint| {
            let role = if hint.disabled.is_some() {
                Role::Faint
            } else {
                Role::Plain
            };
            Line::of(Role::Hint, hint.key).with(role, &format!(" {}", hint.words))
        };
        let shown: Vec<&Hint> = hints.iter().filter(|hint| !hint.words.is_empty()).collect();
        let Some((last, others)) = shown.split_last() else {
            return;
        };
        let last = one(last);
        let room = usize::from(self.keys.width);
        let mut line = Line::plain(" ");
        for hint in others {
            let hint = one(hint);
            if line.width() + hint.width() + 2 + last.width() > room {
                break;
            }
            line.append(hint);
            line.push(Role::Plain, "  ");
        }
        line.append(last);
        canvas.line(self.keys, 0, &line);
    }
}

/// Divides the content where there is room for a pane beside it; the pane's first columns are a rule and a space.
fn beside(content: Rect) -> (Rect, Option<Rect>) {
    if content.width < Chrome::WIDE || content.height == 0 {
        return (content, None);
    }
    let left = (content.width * 11 / 20).max(64);
    let body = Rect { width: left, ..content };
    let side = Rect {
        x: content.x + left,
        width: content.width - left,
        ..content
    };
    (body, Some(side))
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;

    use super::*;
    use crate::look::Look;

    #[test]
    fn every_row_belongs_to_one_room() {
        for height in 0..40 {
            for width in [0, 1, 59, 80, 109, 110, 250] {
                let area = Rect::new(0, 0, width, height);
                let chrome = Chrome::of(area);
                let rows = [chrome.head, chrome.tabs, chrome.body, chrome.status, chrome.keys];
                assert_eq!(rows.iter().map(|room| room.height).sum::<u16>(), height);
                for room in rows.into_iter().chain(chrome.side) {
                    assert_eq!(area.intersection(room).area(), room.area(), "{room:?}");
                }
                assert_eq!(chrome.side.is_some(), width >= 110 && chrome.body.height > 0);
            }
        }
    }

    fn row(width: u16, draw: impl Fn(&Chrome, &mut Canvas<'_>)) -> String {
        let area = Rect::new(0, 0, width, 6);
        let mut buffer = Buffer::empty(area);
        draw(&Chrome::of(area), &mut Canvas::new(&mut buffer, Look::default()));
        let row = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..6).map(row).map(|row| row.trim_end().to_owned()).collect()
    }

    #[test]
    fn the_way_to_help_is_never_cut() {
        let hint = |key, words: &str| Hint {
            key,
            words: words.to_owned(),
            about: String::new(),
            disabled: None,
        };
        let hints = [hint("enter", "choose"), hint("^N", "next"), hint("F1", "keys")];
        assert_eq!(
            row(40, |chrome, canvas| chrome.draw_keys(canvas, &hints)),
            " enter choose  ^N next  F1 keys"
        );
        assert_eq!(
            row(25, |chrome, canvas| chrome.draw_keys(canvas, &hints)),
            " enter choose  F1 keys"
        );
        assert_eq!(row(12, |chrome, canvas| chrome.draw_keys(canvas, &hints)), " F1 keys");
    }

    #[test]
    fn steps_far_away_lose_their_names_first() {
        let tab = |name: &str, here| Tab {
            mark: " ".to_owned(),
            role: Role::Plain,
            name: name.to_owned(),
            here,
        };
        let tabs = [
            tab("Provider", false),
            tab("Access", true),
            tab("Network", false),
            tab("Review", false),
        ];
        let draw = |width| row(width, |chrome, canvas| chrome.draw_tabs(canvas, &tabs));
        assert_eq!(draw(60), "  1 Provider  2 Access  3 Network  4 Review");
        assert_eq!(draw(36), "  1 Provider  2 Access  3 Network  4");
        assert_eq!(draw(25), "  1  2 Access  3  4");
    }
}
