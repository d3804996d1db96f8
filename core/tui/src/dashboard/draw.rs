//! The dashboard around its list: who works where, how true what is shown is, and what is beside it.

use std::collections::BTreeMap;

use butler_tenancy::live::{Detail as Known, Kind, Row};
use butler_terminal::{duration, progress::plural, text};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Dashboard, Tab,
    list::{self, List},
    networks,
    table::{Freshness, Table},
};
use crate::{
    look::Role,
    widgets::{Canvas, Chrome, Line, wrap},
};

impl Dashboard {
    pub(super) fn draw_head(&self, canvas: &mut Canvas<'_>, chrome: &Chrome, now: Timestamp) {
        let mut left = Line::of(Role::Strong, &format!(" {}", self.who.place));
        if let Some(person) = &self.who.person {
            left.push(Role::Plain, &format!("  {person}"));
        }
        if let Some(team) = &self.who.team {
            left.push(Role::Faint, &format!("  team {team}"));
        }
        match self.writing.filter(|until| *until > now) {
            Some(until) => {
                let left_over = until.duration_since(now).unsigned_abs();
                left.push(Role::Late, &format!("  WRITE {}", duration::clock(left_over)));
            }
            None => left.push(Role::Faint, "  read-only"),
        }
        let (role, words) = self.freshness(now);
        let mut right = Line::of(role, &words);
        if chrome.head.width >= Chrome::WIDE {
            let requests: u64 = self.tables.values().map(Table::requests).sum();
            let lists = plural(self.looked.len(), "list");
            let requests = plural(usize::try_from(requests).unwrap_or(usize::MAX), "request");
            right.push(Role::Faint, &format!(", {lists}, {requests}"));
        }
        right.push(Role::Plain, " ");
        chrome.draw_head(canvas, &left, &right);
    }

    /// How true what is shown is.
    fn freshness(&self, now: Timestamp) -> (Role, String) {
        if self.away.is_some() {
            return (Role::Bad, "not connected".to_owned());
        }
        if self.tab == Tab::Health {
            return self.health.freshness(now);
        }
        if self.held.is_some() {
            return (Role::Late, "held".to_owned());
        }
        let Some(table) = self.table() else {
            return (Role::Busy, "connecting".to_owned());
        };
        match table.freshness() {
            Freshness::Waiting => (Role::Busy, "connecting".to_owned()),
            Freshness::Listing => (Role::Busy, "listing".to_owned()),
            Freshness::Live => {
                let age = table.heard().map(|heard| duration::age(heard, now));
                (
                    Role::Good,
                    age.map_or_else(|| "live".to_owned(), |age| format!("live, heard {age} ago")),
                )
            }
            Freshness::Stale(since, _) => (Role::Bad, format!("stale since {}", duration::age(*since, now))),
            Freshness::Refused(..) => (Role::Bad, "refused".to_owned()),
        }
    }

    pub(super) fn draw_tabs(&self, canvas: &mut Canvas<'_>, chrome: &Chrome) {
        let line = |named: bool| {
            let mut line = Line::plain(" ");
            for tab in Tab::ALL {
                let here = tab == self.tab;
                line.push(Role::Focus, if here { canvas.look().mark(Role::Focus) } else { " " });
                let name = if named || here {
                    format!(" {}", tab.name())
                } else {
                    String::new()
                };
                let role = if here { Role::Focus } else { Role::Plain };
                line.push(role, &format!("{}{name} ", tab.digit()));
            }
            line
        };
        let whole = line(true);
        let shown = if whole.width() <= usize::from(chrome.tabs.width) {
            whole
        } else {
            line(false)
        };
        canvas.line(chrome.tabs, 0, &shown);
    }

    pub(super) fn draw_content(&self, canvas: &mut Canvas<'_>, chrome: &Chrome, now: Timestamp) -> Option<Position> {
        if let Some((error, hint)) = &self.away {
            draw_away(canvas, chrome.body, error, hint.as_deref());
            return None;
        }
        if self.tab == Tab::Health && self.detail.is_none() {
            let whole = chrome.side.map_or(chrome.body, |side| chrome.body.union(side));
            return self.health.draw(canvas, whole, now);
        }
        match (&self.detail, chrome.side) {
            (Some(detail), None) => detail.draw(canvas, chrome.body, now),
            (Some(detail), Some(side)) => {
                let list = self.draw_list(canvas, chrome.body, now);
                canvas.rule(side);
                detail.draw(canvas, inside(side), now).or(list)
            }
            (None, side) => {
                let caret = self.draw_list(canvas, chrome.body, now);
                if let Some(side) = side {
                    canvas.rule(side);
                    if let (Some(row), Some(kind)) = (self.selected(), self.tab.kind()) {
                        draw_about(canvas, inside(side), row, kind, now);
                    }
                }
                caret
            }
        }
    }

    /// How many clusters have each addon, where the list of addons is shown and that may be seen.
    fn installed(&self) -> Option<BTreeMap<&str, usize>> {
        let table = self.tables.get(&Kind::Installed).filter(|_| self.tab == Tab::Addons)?;
        if matches!(table.freshness(), Freshness::Waiting | Freshness::Refused(..)) {
            return None;
        }
        let mut counts = BTreeMap::new();
        for row in table.all() {
            if let Known::Installed { addon, .. } = &row.detail {
                *counts.entry(&**addon).or_default() += 1;
            }
        }
        Some(counts)
    }

    fn draw_list(&self, canvas: &mut Canvas<'_>, area: Rect, now: Timestamp) -> Option<Position> {
        let table = self.shown()?;
        let room = list::room(area, self.tab);
        let mut right = Line::of(Role::Faint, &list::order(table));
        if let Freshness::Stale(_, why) = table.freshness() {
            right = Line::of(Role::Late, why).with(Role::Plain, " ");
        }
        if let Some(mistake) = table.filter().mistake() {
            right = Line::of(Role::Bad, mistake).with(Role::Plain, " ");
        }
        let mut caret = None;
        let mut title = list::title(table, self.tab);
        if let Some(field) = &self.typed {
            title.push(Role::Hint, "  / ");
            let column = u16::try_from(title.width()).unwrap_or(u16::MAX).min(room.width);
            beside(canvas, room, &title, &right);
            let place = Rect {
                x: room.x + column,
                width: room.width - column,
                height: room.height.min(1),
                ..room
            };
            canvas.clear(place);
            caret = field.draw(canvas, place, Role::Plain);
        } else {
            if !table.filter().text().is_empty() {
                title.push(Role::Hint, &format!("  / {}", table.filter().text()));
            }
            beside(canvas, room, &title, &right);
        }
        let below = Rect {
            y: room.y + room.height.min(1),
            height: room.height.saturating_sub(1),
            ..room
        };
        let list = List {
            table,
            live: self.held.as_ref().and_then(|_| self.table()),
            installed: self.installed(),
            wide: self.wide,
            now,
        };
        let at = list.draw(canvas, below);
        if self.tab == Tab::Networks {
            let picture = Rect {
                y: area.y + room.height,
                height: area.height - room.height,
                ..area
            };
            if let Some(row) = table.selected() {
                networks::draw(canvas, picture, row, self.tables.get(&Kind::Allocations));
            }
        }
        caret.or(at)
    }
}

/// The room beside a rule.
fn inside(side: Rect) -> Rect {
    Rect {
        x: side.x + 2.min(side.width),
        width: side.width.saturating_sub(2),
        ..side
    }
}

fn draw_away(canvas: &mut Canvas<'_>, area: Rect, error: &str, hint: Option<&str>) {
    let width = usize::from(area.width).saturating_sub(2);
    let mut lines = vec![
        Line::of(Role::Strong, "the management cluster cannot be reached"),
        Line::new(),
    ];
    lines.extend(wrap(error, width).iter().map(|line| Line::of(Role::Bad, line)));
    if let Some(hint) = hint {
        lines.push(Line::new());
        lines.extend(wrap(hint, width).iter().map(|line| Line::of(Role::Hint, line)));
    }
    lines.push(Line::new());
    lines.push(Line::of(Role::Hint, "r").with(Role::Plain, " tries again"));
    let inside = Rect {
        x: area.x + 1.min(area.width),
        width: area.width.saturating_sub(2),
        ..area
    };
    canvas.lines(inside, &lines);
}

/// What is known of the selected row, beside the list.
fn draw_about(canvas: &mut Canvas<'_>, area: Rect, row: &Row, kind: Kind, now: Timestamp) {
    let width = usize::from(area.width).max(1);
    let mut lines = vec![Line::of(Role::Strong, &text::sanitise_line(&row.name))];
    if let Some(namespace) = &row.namespace {
        lines.push(Line::of(Role::Faint, &format!("namespace {namespace}")));
    }
    lines.push(Line::new());
    for (column, cell) in kind.columns().iter().zip(&row.cells) {
        let title = column.title.to_lowercase();
        lines.push(Line::of(Role::Faint, &format!("{title:<12}")).with(Role::Plain, &list::words(cell, now)));
    }
    if let Some(why) = &row.why {
        lines.push(Line::new());
        lines.extend(
            wrap(why, width)
                .iter()
                .map(|line| Line::of(list::role(row.state), line)),
        );
    }
    if let Known::Facts(facts) = &row.detail {
        lines.push(Line::new());
        for (word, what) in facts {
            let told = wrap(&text::sanitise_line(what), width.saturating_sub(13).max(8));
            for (at, part) in told.iter().enumerate() {
                let head = if at == 0 { &**word } else { "" };
                lines.push(Line::of(Role::Faint, &format!("{head:<13}")).with(Role::Plain, part));
            }
        }
    }
    canvas.lines(area, &lines);
}

/// Draws what a list is, and at the right what is to be said of it, of which only as much as there is room for.
fn beside(canvas: &mut Canvas<'_>, room: Rect, title: &Line, right: &Line) {
    let columns = |line: &Line| u16::try_from(line.width()).unwrap_or(u16::MAX);
    canvas.line(room, 0, title);
    let after = columns(title).saturating_add(2);
    let column = room.width.saturating_sub(columns(right)).max(after);
    if column < room.width {
        canvas.line_at(room, 0, column, right);
    }
}
