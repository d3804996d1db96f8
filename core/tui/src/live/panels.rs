//! The panels beside and below each other: which there are, where they are, and what is selected in them.

use butler_api::view::{StepState, View};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{Live, addons, log::Log, machines, waits};
use crate::{
    look::Role,
    widgets::{Canvas, Line, window},
};

/// A part of the picture that can have the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Machines,
    Addons,
    Waits,
    Log,
}

impl Panel {
    const ALL: [Self; 4] = [Self::Machines, Self::Addons, Self::Waits, Self::Log];

    /// The one that follows, or goes before.
    pub(super) fn next(self, backwards: bool) -> Self {
        let place = Self::ALL.iter().position(|panel| *panel == self).unwrap_or(0);
        let step = if backwards { Self::ALL.len() - 1 } else { 1 };
        Self::ALL[(place + step) % Self::ALL.len()]
    }
}

/// What was selected, by its identity: it stays selected when others come, go or move. Where nothing was, the first or the worst
/// item is.
#[derive(Debug, Default)]
pub(super) struct Picks {
    pub(super) machine: Option<String>,
    pub(super) addon: Option<String>,
    pub(super) step: Option<String>,
    pub(super) line: Option<u64>,
}

/// Something that can be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    Machine(String),
    Addon(String),
    Step(String),
    Line(u64),
}

/// Below this size there is room for one panel at a time.
const SMALL: (u16, u16) = (60, 9);

/// Machines beyond which each has one letter instead of a line.
pub(super) const LINES: usize = 64;

/// Where the panels are; those without room are empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rooms {
    pub(super) machines: Rect,
    pub(super) addons: Rect,
    pub(super) waits: Rect,
    pub(super) log: Rect,
}

impl Rooms {
    /// Divides the content. Only the size and the plan decide, so that nothing jumps while the run goes on.
    pub(super) fn of(body: Rect, view: &View, only: Option<Panel>) -> Self {
        if let Some(panel) = only {
            let mut rooms = Self::default();
            *rooms.room_mut(panel) = body;
            return rooms;
        }
        let many = view.machines.len() > LINES;
        let waits = (body.height * 3 / 10).clamp(3, 11);
        let longest = if many {
            // As many letters as fit, and how many there are of each.
            2 + view
                .machines
                .len()
                .div_ceil(usize::from(body.width.saturating_sub(4)).max(1))
        } else {
            view.machines.len().max(view.addons.len())
        };
        let rows = |items: usize| u16::try_from(items + 1).unwrap_or(u16::MAX);
        let most = (body.height * 2 / 5).max(3);
        let mut top = rows(longest).clamp(2, most);
        let mut below = if many {
            3.min(body.height.saturating_sub(top + waits))
        } else {
            0
        };
        // Where there is room for both, each has the whole width, which tells what machines wait for.
        let both = [view.machines.len(), view.addons.len()].map(rows);
        let stacked = !many && both[0].saturating_add(both[1]) <= body.height / 2;
        if stacked {
            [top, below] = both;
        }
        let row = |y: u16, height: u16| Rect {
            y: body.y + y,
            height,
            ..body
        };
        let upper = row(0, top);
        let (machines, addons) = if many || stacked {
            (upper, row(top, below))
        } else {
            let left = body.width / 2;
            let right = Rect {
                x: body.x + left,
                width: body.width - left,
                ..upper
            };
            (Rect { width: left, ..upper }, right)
        };
        Self {
            machines,
            addons,
            waits: row(top + below, waits),
            log: row(top + below + waits, body.height - top - below - waits),
        }
    }

    pub(super) fn room(&self, panel: Panel) -> Rect {
        match panel {
            Panel::Machines => self.machines,
            Panel::Addons => self.addons,
            Panel::Waits => self.waits,
            Panel::Log => self.log,
        }
    }

    fn room_mut(&mut self, panel: Panel) -> &mut Rect {
        match panel {
            Panel::Machines => &mut self.machines,
            Panel::Addons => &mut self.addons,
            Panel::Waits => &mut self.waits,
            Panel::Log => &mut self.log,
        }
    }

    /// The panel at a place.
    pub(super) fn at(&self, column: u16, row: u16) -> Option<Panel> {
        let place = Position::new(column, row);
        Panel::ALL.into_iter().find(|panel| self.room(*panel).contains(place))
    }
}

impl Live {
    pub(super) fn rooms(&self, body: Rect) -> Rooms {
        let small = body.width < SMALL.0 || body.height < SMALL.1;
        Rooms::of(body, self.picture(), (self.zoomed || small).then_some(self.focus))
    }

    pub(super) fn draw_panels(&self, canvas: &mut Canvas<'_>, body: Rect, at: Timestamp) -> Option<Position> {
        let rooms = self.rooms(body);
        let carets = [
            self.draw_machines(canvas, rooms.machines, at),
            self.draw_addons(canvas, rooms.addons, at),
            self.draw_waits(canvas, rooms.waits, at),
            self.draw_log(canvas, rooms.log),
        ];
        // A document that is read has the caret; only the panel with the focus tells one.
        carets.into_iter().flatten().next()
    }

    /// Whether the keys go to a panel.
    pub(super) fn has_focus(&self, panel: Panel) -> bool {
        self.focus == panel && self.document.is_none()
    }

    /// The mark of a row, and the role of its name: the selected row of the panel with the focus has both.
    pub(super) fn mark(&self, canvas: &Canvas<'_>, panel: Panel, selected: bool) -> Line {
        self.mark_of(canvas, panel, selected, false)
    }

    /// The same for what may have changed since the picture is held.
    pub(super) fn mark_of(&self, canvas: &Canvas<'_>, panel: Panel, selected: bool, changed: bool) -> Line {
        let focus = if selected && self.has_focus(panel) {
            canvas.look().mark(Role::Focus)
        } else {
            " "
        };
        let changed = if changed { "*" } else { " " };
        Line::of(Role::Focus, focus).with(Role::Late, changed)
    }

    /// The heading of a panel.
    pub(super) fn heading(&self, panel: Panel, name: &str) -> Line {
        let role = if self.has_focus(panel) {
            Role::Focus
        } else {
            Role::Strong
        };
        Line::of(role, &format!(" {name}"))
    }

    /// What is selected in the panel with the focus.
    pub(super) fn subject(&self, at: Timestamp) -> Option<Subject> {
        let view = self.picture();
        match self.focus {
            Panel::Machines => {
                let rows = machines::rows(view, at);
                let place = machines::selected(&rows, &self.picks)?;
                Some(Subject::Machine(rows[place].line.name.clone()))
            }
            Panel::Addons => {
                let rows = addons::rows(view, at);
                let place = addons::selected(&rows, &self.picks)?;
                Some(Subject::Addon(rows[place].addon.name.clone()))
            }
            Panel::Waits => {
                let rows = waits::rows(view, at);
                let place = waits::selected(&rows, &self.picks)?;
                Some(Subject::Step(rows[place].step.to_owned()))
            }
            Panel::Log => self.log.selected(&self.picks).map(Subject::Line),
        }
    }

    /// Moves the selection of the panel with the focus.
    pub(super) fn move_selection(&mut self, by: isize, at: Timestamp) {
        let held = self.held.take();
        let view = held.as_ref().map_or(&self.view, |held| &held.view);
        match self.focus {
            Panel::Machines => {
                let rows = machines::rows(view, at);
                let from = machines::selected(&rows, &self.picks);
                let to = moved(from, by, rows.len()).map(|place| rows[place].line.name.clone());
                self.picks.machine = to;
            }
            Panel::Addons => {
                let rows = addons::rows(view, at);
                let from = addons::selected(&rows, &self.picks);
                let to = moved(from, by, rows.len()).map(|place| rows[place].addon.name.clone());
                self.picks.addon = to;
            }
            Panel::Waits => {
                let rows = waits::rows(view, at);
                let from = waits::selected(&rows, &self.picks);
                let to = moved(from, by, rows.len()).map(|place| rows[place].step.to_owned());
                self.picks.step = to;
            }
            Panel::Log => self.picks.line = self.log.moved(&self.picks, by),
        }
        self.held = held;
    }

    /// Selects what is drawn on a row of the panel with the focus, where each thing has one row.
    pub(super) fn select_row(&mut self, room: Rect, row: u16) {
        let at = self.at(self.now);
        let view = self.picture();
        let (selected, count) = match self.focus {
            Panel::Machines if view.machines.len() <= LINES => {
                let rows = machines::rows(view, at);
                (machines::selected(&rows, &self.picks), rows.len())
            }
            Panel::Addons => {
                let rows = addons::rows(view, at);
                (addons::selected(&rows, &self.picks), rows.len())
            }
            Panel::Machines | Panel::Waits | Panel::Log => return,
        };
        let (Some(selected), Some(row)) = (selected, row.checked_sub(room.y + 1)) else {
            return;
        };
        let seen = window(selected, count, usize::from(room.height.saturating_sub(1)));
        let chosen = seen.start + usize::from(row);
        if let (true, Some(by)) = (seen.contains(&chosen), chosen.checked_signed_diff(selected)) {
            self.move_selection(by, at);
        }
    }

    /// The selected thing in a line, for the status and to be copied.
    pub(super) fn about(&self, at: Timestamp) -> Line {
        let Some(subject) = self.subject(at) else {
            return Line::of(Role::Faint, " nothing is selected");
        };
        let mut line = Line::plain(" ");
        line.append(self.words_of(&subject, at));
        line
    }

    /// A thing in a line.
    pub(super) fn words_of(&self, subject: &Subject, at: Timestamp) -> Line {
        let view = self.picture();
        match subject {
            Subject::Machine(name) => machines::words(view, name, at),
            Subject::Addon(name) => addons::words(view, name, at),
            Subject::Step(step) => waits::words(view, step, at),
            Subject::Line(number) => Log::words(view, *number),
        }
    }
}

/// Where a selection is after it moved by rows; at the ends it stays.
pub(super) fn moved(from: Option<usize>, by: isize, rows: usize) -> Option<usize> {
    let last = rows.checked_sub(1)?;
    Some(from.unwrap_or(0).min(last).saturating_add_signed(by).min(last))
}

/// The first need of a step that is not proven.
pub(super) fn unmet(view: &View, step: &str) -> Option<String> {
    let (line, state) = view.graph.get(step)?;
    if state != StepState::Pending {
        return None;
    }
    let need = view.graph.unmet(line).next()?;
    Some(need.id.strip_prefix("addon/").unwrap_or(&need.id).to_owned())
}
