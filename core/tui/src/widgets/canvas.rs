//! What a view draws on: a buffer, and how things look.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::line::Line;
use crate::look::{Look, Role};

/// A buffer to draw on. Nothing outside of the buffer, or of the area that is named, is touched, whatever the size.
#[derive(Debug)]
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    look: Look,
}

impl<'a> Canvas<'a> {
    /// Draws on this buffer.
    pub fn new(buffer: &'a mut Buffer, look: Look) -> Self {
        Self { buffer, look }
    }

    /// How things look.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Draws a line on a row of an area, counted from its top; returns how many columns it took.
    pub fn line(&mut self, area: Rect, row: u16, line: &Line) -> u16 {
        self.line_at(area, row, 0, line)
    }

    /// Draws a line on a row of an area from a column of it on; returns how many columns it took.
    pub fn line_at(&mut self, area: Rect, row: u16, column: u16, line: &Line) -> u16 {
        let area = area.intersection(self.buffer.area);
        if row >= area.height || column >= area.width {
            return 0;
        }
        let room = area.width - column;
        let start = area.x + column;
        let mut x = start;
        for (role, text) in line.cut(usize::from(room), self.look).spans() {
            let left = usize::from(start + room - x);
            // Of what was drawn there before nothing shows through.
            let style = Style::reset().patch(self.look.style(*role));
            (x, _) = self.buffer.set_stringn(x, area.y + row, text, left, style);
        }
        x - start
    }

    /// Draws two lines on a row, one at each end. The right one is whole as long as it fits; the left one is cut for it.
    pub fn ends(&mut self, area: Rect, row: u16, left: &Line, right: &Line) {
        let right_width = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
        let gap = u16::from(right_width > 0 && right_width < area.width);
        let left_area = Rect {
            width: area.width - right_width - gap,
            ..area
        };
        self.line(left_area, row, left);
        self.line_at(area, row, area.width - right_width, right);
    }

    /// Draws lines below each other; returns how many rows they took.
    pub fn lines<'l>(&mut self, area: Rect, lines: impl IntoIterator<Item = &'l Line>) -> u16 {
        let mut row = 0;
        for line in lines {
            if row >= area.height {
                break;
            }
            self.line(area, row, line);
            row += 1;
        }
        row
    }

    /// Draws a vertical line along the left side of an area.
    pub fn rule(&mut self, area: Rect) {
        let bar = Line::of(Role::Faint, if self.look.ascii { "|" } else { "│" });
        for row in 0..area.height {
            self.line(area, row, &bar);
        }
    }

    /// Empties an area that lies on top of others. A wide glyph that sticks out into it goes as a whole.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            if let Some(before) = area.left().checked_sub(1).filter(|x| *x >= self.buffer.area.left()) {
                let cell = &mut self.buffer[(before, y)];
                if butler_terminal::text::width(cell.symbol()) > 1 {
                    cell.set_symbol(" ");
                }
            }
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }

    /// Lays a role over what is drawn already on a row of an area.
    pub fn tint(&mut self, area: Rect, row: u16, role: Role) {
        let area = area.intersection(self.buffer.area);
        if row < area.height {
            let style: Style = self.look.style(role);
            let line = Rect {
                y: area.y + row,
                height: 1,
                ..area
            };
            self.buffer.set_style(line, style);
        }
    }
}
