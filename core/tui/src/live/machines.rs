//! The machines: a line each, or a letter each where there are hundreds.

use std::{cmp::Reverse, collections::HashMap};

use butler_api::{
    event::MachineLine,
    view::{Open, View, since},
};
use butler_terminal::{
    duration,
    progress::{plural, state_tone},
    text,
};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Live,
    head::role,
    panels::{LINES, Panel, Picks},
};
use crate::{
    look::Role,
    widgets::{Canvas, Line, window},
};

/// A machine, and what it is at.
pub(super) struct Row<'a> {
    pub(super) line: &'a MachineLine,
    /// The step about it that is under way for longest.
    at_work: Option<(&'a str, &'a Open)>,
    late: bool,
}

/// Columns that a state takes.
const STATE: usize = 12;

/// From so many columns on there is room for what a machine waits for.
const ROOMY: usize = 56;

/// All machines; where there are many, those that failed or are late come first.
pub(super) fn rows(view: &View, at: Timestamp) -> Vec<Row<'_>> {
    let mut work = steps_of_machines(view);
    let mut row = |line: &MachineLine| work.remove(line.name.as_str());
    let at_work: Vec<_> = view.machines.iter().map(&mut row).collect();
    let mut rows: Vec<Row<'_>> = view
        .machines
        .iter()
        .zip(at_work)
        .map(|(line, at_work)| Row {
            late: line.state != "ready" && at_work.is_some_and(|(step, open)| view.is_late(step, open, at)),
            line,
            at_work,
        })
        .collect();
    if rows.len() > LINES {
        rows.sort_by_key(Row::interest);
    }
    rows
}

/// For each machine the step about it that is under way for longest. A step is about the machine that its id names.
fn steps_of_machines(view: &View) -> HashMap<&str, (&str, &Open)> {
    let mut steps: HashMap<&str, (&str, &Open)> = HashMap::new();
    for (id, open) in &view.open {
        let Some(machine) = id.split('/').find_map(|part| view.machine(part)) else {
            continue;
        };
        let known = steps.entry(machine.name.as_str()).or_insert((id, open));
        if open.started < known.1.started {
            *known = (id, open);
        }
    }
    steps
}

/// The place of the selected one: what was picked, else the one that needs a look most.
pub(super) fn selected(rows: &[Row<'_>], picks: &Picks) -> Option<usize> {
    let picked = |name: &String| rows.iter().position(|row| row.line.name == *name);
    let worst = || (0..rows.len()).min_by_key(|place| (rows[*place].interest(), *place));
    picks.machine.as_ref().and_then(picked).or_else(worst)
}

/// A machine in a line: everything that is known, whatever room the panel has.
pub(super) fn words(view: &View, name: &str, at: Timestamp) -> Line {
    let rows = rows(view, at);
    let Some(row) = rows.iter().find(|row| row.line.name == name) else {
        return Line::plain(name);
    };
    let mut line = Line::of(Role::Strong, name).with(Role::Plain, &format!(" {} ", row.line.role));
    line.push(row.role(), &row.line.state);
    if let Some(address) = &row.line.address {
        line.push(Role::Plain, &format!(" {address}"));
    }
    if let Some((_, open)) = row.at_work {
        line.push(Role::Plain, &format!("; {}", work_words(open, row.late, at)));
    }
    line
}

fn work_words(open: &Open, late: bool, at: Timestamp) -> String {
    let (what, began) = open.waits_for().unwrap_or((&open.title, open.started));
    let late = if late { " late" } else { "" };
    format!("{} {what}{late}", duration::short(since(began, at)))
}

impl Row<'_> {
    /// Failed, late, on its way, not begun, ready.
    fn interest(&self) -> u8 {
        match (self.line.state.as_str(), self.late) {
            ("failed", _) => 0,
            (_, true) => 1,
            ("ready", _) => 4,
            ("pending", _) => 3,
            _ => 2,
        }
    }

    fn role(&self) -> Role {
        if self.late {
            Role::Late
        } else {
            role(state_tone(&self.line.state))
        }
    }

    fn state(&self) -> String {
        if self.late {
            format!("{} late", self.line.state)
        } else {
            self.line.state.clone()
        }
    }

    fn letter(&self) -> char {
        let letter = letter(&self.line.state);
        if self.late { letter.to_ascii_uppercase() } else { letter }
    }
}

/// The letter of a state; no two states share one.
fn letter(state: &str) -> char {
    match state {
        "pending" => '.',
        "creating" => 'c',
        "booting" => 'b',
        "maintenance" => 'm',
        "configuring" => 'g',
        "configured" => 'd',
        "joined" => 'j',
        "ready" => 'r',
        "failed" => 'x',
        "gone" => '-',
        _ => '?',
    }
}

impl Live {
    pub(super) fn draw_machines(&self, canvas: &mut Canvas<'_>, room: Rect, at: Timestamp) -> Option<Position> {
        if room.area() == 0 {
            return None;
        }
        let rows = rows(self.picture(), at);
        let selected = selected(&rows, &self.picks);
        let mut head = self.heading(Panel::Machines, "MACHINES");
        head.push(Role::Plain, &format!(" {}", rows.len()));
        head.push(Role::Faint, &counts(&rows, rows.len() > LINES));
        canvas.line(room, 0, &head);
        let list = Rect {
            y: room.y + 1,
            height: room.height - 1,
            ..room
        };
        if rows.len() > LINES {
            self.draw_letters(canvas, list, &rows, selected)
        } else {
            self.draw_lines(canvas, list, &rows, selected, at)
        }
    }

    fn draw_lines(
        &self,
        canvas: &mut Canvas<'_>,
        room: Rect,
        rows: &[Row<'_>],
        selected: Option<usize>,
        at: Timestamp,
    ) -> Option<Position> {
        let name = rows.iter().map(|row| text::width(&row.line.name)).max().unwrap_or(0);
        // The state and the address are worth more than the end of a long name.
        let columns = usize::from(room.width);
        let name = name.min(columns.saturating_sub(2 + STATE + 2).max(8));
        let mut caret = None;
        let seen = window(selected.unwrap_or(0), rows.len(), usize::from(room.height));
        for (line, place) in (0..).zip(seen) {
            let row = &rows[place];
            let is_selected = selected == Some(place);
            let changed = self.held.is_some()
                && self
                    .view
                    .machine(&row.line.name)
                    .is_none_or(|now| now.state != row.line.state);
            let mut out = self.mark_of(canvas, Panel::Machines, is_selected, changed);
            let style = if is_selected && self.has_focus(Panel::Machines) {
                caret = Some(Position::new(room.x, room.y + line));
                Role::Focus
            } else {
                Role::Plain
            };
            out.append(
                Line::of(style, &row.line.name)
                    .cut(name, canvas.look())
                    .padded(name + 1),
            );
            out.append(Line::of(row.role(), &row.state()).padded(STATE));
            out.push(Role::Plain, " ");
            let address = row.line.address.as_deref().unwrap_or("-");
            if columns < ROOMY {
                out.push(Role::Faint, address);
            } else {
                out.append(Line::of(Role::Faint, address).padded(16));
                if let Some((_, open)) = row.at_work {
                    out.push(Role::Plain, &work_words(open, false, at));
                }
            }
            canvas.line(room, line, &out);
        }
        caret
    }

    /// A letter for each. The selected one is named above them, where the caret tells which it is.
    fn draw_letters(
        &self,
        canvas: &mut Canvas<'_>,
        room: Rect,
        rows: &[Row<'_>],
        selected: Option<usize>,
    ) -> Option<Position> {
        if room.height == 0 || room.width < 5 {
            return None;
        }
        let mut legend = Line::plain("  ");
        if let Some(row) = selected.and_then(|place| rows.get(place)) {
            let mark = self.mark(canvas, Panel::Machines, true);
            legend = mark.with(Role::Strong, &row.line.name);
            legend.push(row.role(), &format!(" {}", row.state()));
            legend.push(Role::Faint, &format!(" {}", row.line.address.as_deref().unwrap_or("-")));
        }
        canvas.line(room, 0, &legend);
        let per_row = usize::from(room.width) - 4;
        let all = rows.len().div_ceil(per_row);
        let height = usize::from(room.height) - 1;
        let line_of = selected.map_or(0, |place| place / per_row);
        let mut caret = None;
        for (line, index) in (1..).zip(window(line_of, all, height)) {
            let first = index * per_row;
            let here = &rows[first..rows.len().min(first + per_row)];
            canvas.line(
                room,
                line,
                &letters(here, selected.and_then(|at| at.checked_sub(first))),
            );
            let inside = selected
                .and_then(|at| at.checked_sub(first))
                .filter(|at| *at < here.len());
            if let (Some(column), true) = (inside, self.has_focus(Panel::Machines)) {
                caret = Some(Position::new(
                    room.x + 2 + u16::try_from(column).unwrap_or(0),
                    room.y + line,
                ));
            }
        }
        caret
    }
}

/// A row of letters. Neighbours of one role are one piece, since there are hundreds of them.
fn letters(rows: &[Row<'_>], selected: Option<usize>) -> Line {
    let mut line = Line::plain("  ");
    let mut piece = String::new();
    let mut style = None;
    for (place, row) in rows.iter().enumerate() {
        let role = if selected == Some(place) {
            Role::Focus
        } else {
            row.role()
        };
        if style != Some(role) {
            if let Some(style) = style {
                line.push(style, &piece);
            }
            piece.clear();
            style = Some(role);
        }
        piece.push(row.letter());
    }
    if let Some(style) = style {
        line.push(style, &piece);
    }
    line
}

/// How many there are in which state, the most telling first; with their letters where these are shown.
fn counts(rows: &[Row<'_>], with_letters: bool) -> String {
    let mut counts: Vec<(&Row<'_>, usize)> = Vec::new();
    for row in rows {
        match counts
            .iter_mut()
            .find(|(known, _)| known.line.state == row.line.state && known.late == row.late)
        {
            Some((_, count)) => *count += 1,
            None => counts.push((row, 1)),
        }
    }
    counts.sort_by_key(|(row, count)| (row.interest(), Reverse(*count)));
    let words = counts.iter().map(|(row, count)| {
        if with_letters {
            format!("{} {count} {}", row.letter(), row.state())
        } else {
            format!("{count} {}", row.state())
        }
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() {
        String::new()
    } else {
        format!(": {}", words.join("  "))
    }
}

/// How many machines there are, for the end of a run.
pub(super) fn summary(view: &View) -> String {
    let ready = view.machines.iter().filter(|machine| machine.state == "ready").count();
    let all = plural(view.machines.len(), "machine");
    if ready == view.machines.len() {
        all
    } else {
        format!("{ready} of {all} ready")
    }
}
