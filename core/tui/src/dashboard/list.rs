//! A list on the screen: as many columns as there is room for, and what is to be known of the whole.

use std::collections::BTreeMap;

use butler_tenancy::live::{Cell, Column, Holds, Kind, Row, State};
use butler_terminal::{duration, text};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Tab,
    table::{Freshness, Table},
};
use crate::{
    look::Role,
    widgets::{Canvas, Line, window, wrap},
};

/// Columns that a name may take, at most.
const NAME: usize = 32;
/// The least that a column of words is cut to.
const CELL: usize = 24;
/// The least room for reasons.
const WHY: usize = 12;

/// The room of the list in the content of a tab; below the list of networks is the picture of one.
pub(super) fn room(body: Rect, tab: Tab) -> Rect {
    let picture = if tab == Tab::Networks {
        (body.height / 2).min(10)
    } else {
        0
    };
    Rect {
        height: body.height - picture,
        ..body
    }
}

/// The role and the word for how something is.
pub(super) fn role(state: State) -> Role {
    match state {
        State::Good => Role::Good,
        State::Busy => Role::Busy,
        State::Bad => Role::Bad,
        State::Unknown => Role::Faint,
    }
}

/// What stands in a cell.
pub(super) fn words(cell: &Cell, now: Timestamp) -> String {
    let known = |number: &Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    match cell {
        Cell::Text(text) => text::sanitise_line(text),
        Cell::Number(number) => number.to_string(),
        Cell::Of(ready, wanted) => format!("{}/{}", known(ready), known(wanted)),
        Cell::Share(used, all) if *all > 0 => format!("{}%", used.saturating_mul(100) / all),
        Cell::Share(..) | Cell::Unknown => "-".to_owned(),
        Cell::Time(since) => duration::age(*since, now),
    }
}

/// A column that is shown: which one, and how wide it is.
struct Shown<'a> {
    index: usize,
    column: &'a Column,
    width: usize,
}

/// A list that is drawn.
pub(super) struct List<'a> {
    pub(super) table: &'a Table,
    /// The list as it is by now, where another picture of it is held.
    pub(super) live: Option<&'a Table>,
    /// How many clusters have each addon, in the list of addons; nothing where that may not be seen.
    pub(super) installed: Option<BTreeMap<&'a str, usize>>,
    /// Every column has its whole width, whatever is cut for it.
    pub(super) wide: bool,
    pub(super) now: Timestamp,
}

impl List<'_> {
    /// What stands in a column of a row.
    fn cell(&self, row: &Row, index: usize) -> String {
        match &self.installed {
            Some(installed) if row.cells.get(index) == Some(&Cell::Unknown) => {
                match self.table.kind().columns()[index].title {
                    "CLUSTERS" => installed.get(&*row.name).copied().unwrap_or(0).to_string(),
                    _ => words(&Cell::Unknown, self.now),
                }
            }
            _ => words(row.cells.get(index).unwrap_or(&Cell::Unknown), self.now),
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        if self.table.total() == 0 {
            let inside = Rect {
                x: area.x + 1.min(area.width),
                width: area.width.saturating_sub(2),
                ..area
            };
            canvas.lines(inside, &self.instead(usize::from(inside.width)));
            return None;
        }
        let height = usize::from(area.height).saturating_sub(1);
        let seen = window(self.table.cursor(), self.table.len(), height);
        let rows: Vec<&Row> = seen.clone().filter_map(|index| self.table.row(index)).collect();
        let (name, columns, why) = self.columns(&rows, usize::from(area.width));
        canvas.line(area, 0, &heading(self.table, name, &columns, why));
        let mut caret = None;
        for (at, (index, row)) in seen.zip(&rows).enumerate() {
            let Ok(y) = u16::try_from(at + 1) else {
                break;
            };
            let selected = index == self.table.cursor();
            canvas.line(
                area,
                y,
                &self.row(row, selected, name, &columns, canvas.look().mark(Role::Focus)),
            );
            if selected && y < area.height && area.width > 0 {
                caret = Some(Position {
                    x: area.x,
                    y: area.y + y,
                });
            }
        }
        caret
    }

    /// What is said where there is nothing to list.
    fn instead(&self, width: usize) -> Vec<Line> {
        let kind = self.table.kind().words();
        let told = |role: Role, words: &str| {
            wrap(words, width)
                .iter()
                .map(|line| Line::of(role, line))
                .collect::<Vec<_>>()
        };
        match self.table.freshness() {
            Freshness::Waiting | Freshness::Listing => told(Role::Busy, &format!("{kind}: listing")),
            Freshness::Live => told(Role::Faint, &format!("no {kind}")),
            Freshness::Stale(_, why) => told(Role::Bad, &format!("{kind} cannot be listed: {why}")),
            Freshness::Refused(why, hint) => {
                let mut lines = told(Role::Bad, why);
                if let Some(hint) = hint {
                    lines.extend(told(Role::Hint, hint));
                }
                lines
            }
        }
    }

    /// The width of the name, the columns that fit, and the room that is left for reasons.
    fn columns(&self, rows: &[&Row], room: usize) -> (usize, Vec<Shown<'_>>, usize) {
        let widest = |cells: &mut dyn Iterator<Item = usize>, least: usize| cells.fold(least, usize::max);
        let names = &mut rows.iter().map(|row| text::width(&row.name));
        let limit = |width: usize, most: usize| if self.wide { width } else { width.min(most) };
        let name = limit(widest(names, 4), NAME);
        let all = self.table.kind().columns().iter().enumerate();
        let mut columns: Vec<Shown<'_>> = all
            .map(|(index, column)| {
                let cells = &mut rows.iter().map(|row| text::width(&self.cell(row, index)));
                Shown {
                    index,
                    column,
                    width: limit(widest(cells, column.title.len()), CELL),
                }
            })
            .collect();
        let has_why = rows.iter().any(|row| row.why.is_some());
        let least = if has_why { WHY } else { 0 };
        let taken =
            |columns: &[Shown<'_>]| 3 + name + columns.iter().map(|column| column.width + 2).sum::<usize>() + least;
        while taken(&columns) > room {
            let least = columns.iter().map(|column| column.column.rank).max();
            // The last of those that matter least.
            let found = columns.iter().rposition(|column| Some(column.column.rank) == least);
            let Some(at) = found.filter(|_| least > Some(0)) else {
                break;
            };
            columns.remove(at);
        }
        let used = taken(&columns) - least;
        (name, columns, room.saturating_sub(used + 2))
    }

    fn row(&self, row: &Row, selected: bool, name: usize, columns: &[Shown<'_>], focus: &str) -> Line {
        let is_fresh = match self.live {
            // Of a picture that is held, whatever is another by now.
            Some(live) => live.find(&row.uid).is_none_or(|now| now.version != row.version),
            None => self.table.is_fresh(row, self.now),
        };
        let marked = if self.table.is_marked(row) {
            "m"
        } else if is_fresh {
            "*"
        } else {
            " "
        };
        let strength = if selected { Role::Focus } else { Role::Plain };
        let mut line = Line::of(Role::Focus, if selected { focus } else { " " });
        line.push(Role::Strong, marked);
        line.push(Role::Plain, " ");
        line.append(fitted(strength, &text::sanitise_line(&row.name), name, false));
        for column in columns {
            line.push(Role::Plain, "  ");
            let is_state = matches!(column.column.title, "PHASE" | "VALIDATED");
            let role = if is_state { role(row.state) } else { strength };
            let right = column.column.holds == Holds::Number;
            line.append(fitted(role, &self.cell(row, column.index), column.width, right));
        }
        if let Some(why) = &row.why {
            line.push(Role::Plain, "  ");
            line.push(Role::Plain, &text::sanitise_line(why));
        }
        line
    }
}

/// A text in a column: cut or filled to its width.
fn fitted(role: Role, words: &str, width: usize, right: bool) -> Line {
    let cut = text::cut(words, width);
    let fill = " ".repeat(width.saturating_sub(text::width(&cut)));
    if right {
        Line::plain(&fill).with(role, &cut)
    } else {
        Line::of(role, &cut).with(Role::Plain, &fill)
    }
}

fn heading(table: &Table, name: usize, columns: &[Shown<'_>], why: usize) -> Line {
    let sort = table.sort();
    let mark = |column: Option<usize>, title: &str| {
        if sort.column == column && (column.is_some() || sort.backwards) {
            format!("{title}{}", if sort.backwards { "^" } else { "v" })
        } else {
            title.to_owned()
        }
    };
    let mut line = Line::plain("   ");
    line.append(fitted(Role::Faint, &mark(None, "NAME"), name, false));
    for column in columns {
        line.push(Role::Plain, "  ");
        let title = mark(Some(column.index), column.column.title);
        line.append(fitted(
            Role::Faint,
            &title,
            column.width,
            column.column.holds == Holds::Number,
        ));
    }
    if why >= WHY {
        line.push(Role::Faint, "  WHY");
    }
    line
}

/// What is said of a list as a whole: how many, which of them, and in which order.
pub(super) fn title(table: &Table, tab: Tab) -> Line {
    let (shown, total) = (table.len(), table.total());
    let mut line = Line::of(Role::Strong, &format!(" {} ", tab.name()));
    let count = if shown == total {
        grouped(total)
    } else {
        format!("{} of {}", grouped(shown), grouped(total))
    };
    line.push(Role::Plain, &count);
    if let Freshness::Listing = table.freshness() {
        line.push(Role::Busy, " so far");
    }
    line
}

/// The order of a list, in words.
pub(super) fn order(table: &Table) -> String {
    let kind: Kind = table.kind();
    let by = table
        .sort()
        .column
        .map_or("NAME", |column| kind.columns()[column].title);
    let from = if table.sort().backwards { ", backwards" } else { "" };
    format!("by {by}{from} ")
}

/// A number as people read it.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 10_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "10,000", "1,234,567"]
        );
    }
}
