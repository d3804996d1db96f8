//! The addons as a graph: below each the ones that need it.

use std::collections::HashMap;

use butler_api::view::{Addon, Open, StepState, View, since};
use butler_terminal::{duration, progress::state_tone, text};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Live,
    head::role,
    panels::{Panel, Picks, unmet},
};
use crate::{
    look::{Look, Role},
    widgets::{Canvas, Line, window},
};

/// Below these an addon is not drawn deeper: names need room as well.
const DEEPEST: usize = 5;

/// An addon and its place in the graph.
pub(super) struct Row<'a> {
    pub(super) addon: &'a Addon,
    /// For each level above it, whether that level goes on below it; the last one is its own.
    branches: Vec<bool>,
    open: Option<&'a Open>,
    late: bool,
}

/// Id of the step that installs an addon.
pub(super) fn step(addon: &str) -> String {
    format!("addon/{addon}")
}

/// The addons, each below the one that it had to wait for last.
pub(super) fn rows(view: &View, at: Timestamp) -> Vec<Row<'_>> {
    let places: HashMap<&str, usize> = view
        .addons
        .iter()
        .enumerate()
        .map(|(place, addon)| (addon.name.as_str(), place))
        .collect();
    let parent = |addon: &Addon| -> Option<usize> {
        let (line, _) = view.graph.get(&step(&addon.name))?;
        // Of several needs the one that comes last in the graph, which is at least as deep as the others.
        let own = view.graph.place(&line.id)?;
        let needs = line
            .needs
            .iter()
            .filter_map(|need| Some((view.graph.place(need)?, need)));
        let addons = needs.filter_map(|(place, need)| Some((place, *places.get(need.strip_prefix("addon/")?)?)));
        addons.filter(|(place, _)| *place < own).max().map(|(_, addon)| addon)
    };
    let mut children: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
    for (place, addon) in view.addons.iter().enumerate() {
        children.entry(parent(addon)).or_default().push(place);
    }
    let mut rows = Vec::with_capacity(view.addons.len());
    let roots = children.remove(&None).into_iter().flatten();
    // The last one that is pushed comes first.
    let mut to_do: Vec<(usize, Vec<bool>)> = roots.map(|place| (place, Vec::new())).rev().collect();
    while let Some((place, branches)) = to_do.pop() {
        let below = children.remove(&Some(place)).into_iter().flatten();
        let below: Vec<usize> = below.collect();
        let last = below.len().saturating_sub(1);
        for (index, child) in below.into_iter().enumerate().rev() {
            let mut branches = branches.clone();
            branches.push(index < last);
            to_do.push((child, branches));
        }
        let addon = &view.addons[place];
        let id = step(&addon.name);
        let open = view.open.get(&id);
        rows.push(Row {
            late: addon.state != "ready" && open.is_some_and(|open| view.is_late(&id, open, at)),
            addon,
            branches,
            open,
        });
    }
    rows
}

/// The place of the selected one: what was picked, else the one that needs a look most.
pub(super) fn selected(rows: &[Row<'_>], picks: &Picks) -> Option<usize> {
    let picked = |name: &String| rows.iter().position(|row| row.addon.name == *name);
    let worst = || (0..rows.len()).min_by_key(|place| (rows[*place].interest(), *place));
    picks.addon.as_ref().and_then(picked).or_else(worst)
}

/// An addon in a line.
pub(super) fn words(view: &View, name: &str, at: Timestamp) -> Line {
    let rows = rows(view, at);
    let Some(row) = rows.iter().find(|row| row.addon.name == name) else {
        return Line::plain(name);
    };
    let mut line = Line::of(Role::Strong, name).with(Role::Plain, " ");
    line.append(row.state(view, at));
    if let Some(cause) = row
        .open
        .and_then(|open| open.cause.as_ref())
        .or(row.addon.detail.as_ref())
    {
        line.push(Role::Plain, &format!("; {cause}"));
    }
    line
}

impl Row<'_> {
    fn interest(&self) -> u8 {
        match (self.addon.state.as_str(), self.late) {
            ("failed", _) => 0,
            (_, true) => 1,
            ("ready", _) => 4,
            ("pending", _) => 3,
            _ => 2,
        }
    }

    /// Its state, since when, and what it waits for where it has not begun.
    fn state(&self, view: &View, at: Timestamp) -> Line {
        let state = self.addon.state.as_str();
        let tone = if self.late { Role::Late } else { role(state_tone(state)) };
        let mut line = Line::of(tone, state);
        if let (Some(open), false) = (self.open, state == "ready") {
            line.push(tone, &format!(" {}", duration::short(since(open.started, at))));
        } else if state == "pending"
            && let Some(need) = unmet(view, &step(&self.addon.name))
        {
            line = Line::of(Role::Faint, &format!("waits for {need}"));
        }
        if self.late {
            line.push(tone, " late");
        }
        line
    }

    fn branch(&self, look: Look) -> String {
        let (on, none, more, last) = if look.ascii {
            ("|  ", "   ", "+- ", "`- ")
        } else {
            ("│  ", "   ", "├─ ", "└─ ")
        };
        let mut text = String::new();
        let skipped = self.branches.len().saturating_sub(DEEPEST);
        for (level, goes_on) in self.branches.iter().enumerate().skip(skipped) {
            let own = level + 1 == self.branches.len();
            text.push_str(match (own, goes_on) {
                (true, true) => more,
                (true, false) => last,
                (false, true) => on,
                (false, false) => none,
            });
        }
        text
    }
}

impl Live {
    pub(super) fn draw_addons(&self, canvas: &mut Canvas<'_>, room: Rect, at: Timestamp) -> Option<Position> {
        if room.area() == 0 {
            return None;
        }
        let view = self.picture();
        let rows = rows(view, at);
        let selected = selected(&rows, &self.picks);
        let mut head = self.heading(Panel::Addons, "ADDONS");
        let ready = rows.iter().filter(|row| row.addon.state == "ready").count();
        head.push(Role::Plain, &format!(" {ready} of {} ready", rows.len()));
        canvas.line(room, 0, &head);
        let list = Rect {
            y: room.y + 1,
            height: room.height - 1,
            ..room
        };
        let look = canvas.look();
        let names = rows
            .iter()
            .map(|row| row.branch(look).chars().count() + text::width(&row.addon.name));
        let name = names
            .max()
            .unwrap_or(0)
            .min(usize::from(room.width).saturating_sub(14).max(8));
        let mut caret = None;
        let seen = window(selected.unwrap_or(0), rows.len(), usize::from(list.height));
        for (line, place) in (0..).zip(seen) {
            let row = &rows[place];
            let is_selected = selected == Some(place);
            let same = |now: &Addon| now.name == row.addon.name && now.state == row.addon.state;
            let changed = self.held.is_some() && !self.view.addons.iter().any(same);
            let mut out = self.mark_of(canvas, Panel::Addons, is_selected, changed);
            let style = if is_selected && self.has_focus(Panel::Addons) {
                caret = Some(Position::new(list.x, list.y + line));
                Role::Focus
            } else {
                Role::Plain
            };
            let branch = Line::of(Role::Faint, &row.branch(look)).with(style, &row.addon.name);
            out.append(branch.cut(name, look).padded(name + 1));
            out.append(row.state(view, at));
            canvas.line(list, line, &out);
        }
        caret
    }
}

/// How many addons there are, for the end of a run.
pub(super) fn summary(view: &View) -> String {
    let ready = view.addons.iter().filter(|addon| addon.state == "ready").count();
    if ready == view.addons.len() {
        butler_terminal::progress::plural(ready, "addon")
    } else {
        format!("{ready} of {} addons ready", view.addons.len())
    }
}

/// How far the step of an addon is, for those that read about it.
pub(super) fn is_begun(view: &View, addon: &str) -> bool {
    view.graph
        .get(&step(addon))
        .is_none_or(|(_, state)| state != StepState::Pending)
}
