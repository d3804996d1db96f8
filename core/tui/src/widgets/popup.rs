//! A framed box on top of everything else.

use ratatui::layout::Rect;

use super::{canvas::Canvas, line::Line};
use crate::look::Role;

/// Draws an empty framed box in the middle of an area, large enough for so many columns and rows where they fit; returns the room
/// inside of it.
pub fn popup(canvas: &mut Canvas<'_>, area: Rect, title: &Line, columns: u16, rows: u16) -> Rect {
    let width = columns.saturating_add(4).min(area.width);
    let height = rows.saturating_add(2).min(area.height);
    let outer = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    canvas.clear(outer);
    if width < 4 || height < 3 {
        return outer;
    }
    frame(canvas, outer);
    let mut head = Line::plain(" ");
    head.append(title.clone());
    head.push(Role::Plain, " ");
    let top = Rect {
        x: outer.x + 2,
        width: width - 4,
        height: 1,
        ..outer
    };
    canvas.line(top, 0, &head);
    Rect {
        x: outer.x + 2,
        y: outer.y + 1,
        width: width - 4,
        height: height - 2,
    }
}

fn frame(canvas: &mut Canvas<'_>, outer: Rect) {
    let [top_left, top_right, bottom_left, bottom_right, flat, upright] = if canvas.look().ascii {
        ["+", "+", "+", "+", "-", "|"]
    } else {
        ["┌", "┐", "└", "┘", "─", "│"]
    };
    let across = flat.repeat(usize::from(outer.width - 2));
    let line = |left: &str, right: &str| Line::plain(&format!("{left}{across}{right}"));
    canvas.line(outer, 0, &line(top_left, top_right));
    canvas.line(outer, outer.height - 1, &line(bottom_left, bottom_right));
    for row in 1..outer.height - 1 {
        canvas.line(outer, row, &Line::plain(upright));
        canvas.line_at(outer, row, outer.width - 1, &Line::plain(upright));
    }
}
