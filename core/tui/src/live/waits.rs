//! What the run waits for now, how that compares with what is usual, and when it gives up.

use std::time::Duration;

use butler_api::view::{View, Wait, since};
use butler_terminal::duration;
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Live,
    panels::{Panel, Picks},
    words::span,
};
use crate::{
    look::Role,
    widgets::{Canvas, Line, window},
};

/// Columns of each span of time.
const SPAN: usize = 8;

/// Columns of the time until it gives up, and of the word that says late.
const GIVES_UP: usize = 12;
const LATE: usize = 5;

/// Narrower than this, only how long is told.
const NARROW: usize = 64;

/// A deadline further away than this is none.
const NO_DEADLINE: Duration = Duration::from_hours(24);

/// What is waited for, the longest first.
pub(super) fn rows(view: &View, at: Timestamp) -> Vec<Wait<'_>> {
    view.waits_at(at)
}

/// The place of the selected one: what was picked, else the one that is waited for longest.
pub(super) fn selected(rows: &[Wait<'_>], picks: &Picks) -> Option<usize> {
    let picked = |step: &String| rows.iter().position(|row| row.step == *step);
    picks.step.as_ref().and_then(picked).or((!rows.is_empty()).then_some(0))
}

/// A step in a line.
pub(super) fn words(view: &View, step: &str, at: Timestamp) -> Line {
    let Some(open) = view.open.get(step) else {
        let title = view.graph.get(step).map_or(step, |(line, _)| line.title.as_str());
        return Line::plain(title);
    };
    let (what, began) = open.waits_for().unwrap_or((&open.title, open.started));
    let mut line = Line::of(Role::Strong, what).with(Role::Plain, &format!(" {}", duration::short(since(began, at))));
    if view.is_late(step, open, at) {
        line.push(Role::Late, " late");
    }
    if let Some(cause) = &open.cause {
        line.push(Role::Plain, &format!(": {cause}"));
    }
    line
}

fn what(wait: &Wait<'_>) -> String {
    match wait.steps {
        0 | 1 => wait.what.to_owned(),
        steps => format!("{} ({steps} steps)", wait.what),
    }
}

/// The deepest cause, and the next attempt.
fn cause(wait: &Wait<'_>) -> Line {
    let mut line = Line::new();
    if let Some(cause) = wait.cause {
        line.push(Role::Busy, cause);
    }
    if let Some((attempt, next)) = wait.retry {
        let attempt = attempt.saturating_add(1);
        line.push(
            Role::Plain,
            &format!("; attempt {attempt} in {}", duration::short(next)),
        );
    }
    line
}

fn times(wait: &Wait<'_>, columns: usize) -> Line {
    let tone = if wait.late { Role::Late } else { Role::Busy };
    let mut line = Line::of(tone, &format!("{:>SPAN$}", duration::short(wait.age)));
    if columns < NARROW {
        return if wait.late { line.with(tone, " late") } else { line };
    }
    let usual = wait.usual.map_or_else(|| "-".to_owned(), |usual| span(usual.p50));
    line.push(Role::Faint, &format!("{usual:>SPAN$}"));
    let left = if wait.left < NO_DEADLINE {
        duration::short(wait.left)
    } else {
        "-".to_owned()
    };
    let urgent = if wait.left < wait.age { Role::Bad } else { Role::Plain };
    line.push(urgent, &format!("{left:>GIVES_UP$}"));
    line.push(tone, if wait.late { " late" } else { "     " });
    line
}

impl Live {
    pub(super) fn draw_waits(&self, canvas: &mut Canvas<'_>, room: Rect, at: Timestamp) -> Option<Position> {
        if room.area() == 0 {
            return None;
        }
        let rows = rows(self.picture(), at);
        let columns = usize::from(room.width);
        let mut head = self.heading(Panel::Waits, "WAITING FOR");
        head.push(Role::Plain, &format!(" {}", rows.len()));
        let late = rows.iter().filter(|wait| wait.late).count();
        if late > 0 {
            head.push(Role::Late, &format!(", {late} late"));
        }
        let titles = format!(
            "{:>SPAN$}{:>SPAN$}{:>GIVES_UP$}{:LATE$}",
            "now", "usual", "gives up in", ""
        );
        let titles = if columns < NARROW {
            Line::new()
        } else {
            Line::of(Role::Faint, &titles)
        };
        canvas.ends(room, 0, &head, &titles);
        let list = Rect {
            y: room.y + 1,
            height: room.height - 1,
            ..room
        };
        let height = usize::from(list.height);
        // Each cause has a row of its own where all of them have.
        let with_causes = rows
            .iter()
            .map(|wait| 1 + usize::from(!cause(wait).is_empty()))
            .sum::<usize>()
            <= height;
        let selected = selected(&rows, &self.picks);
        let seen = window(selected.unwrap_or(0), rows.len(), height);
        let mut caret = None;
        let mut line = 0;
        for place in seen {
            let wait = &rows[place];
            let is_selected = selected == Some(place);
            let mut out = self.mark(canvas, Panel::Waits, is_selected);
            let style = if is_selected && self.has_focus(Panel::Waits) {
                caret = Some(Position::new(list.x, list.y + line));
                Role::Focus
            } else {
                Role::Plain
            };
            out.push(style, &what(wait));
            let cause = cause(wait);
            if !with_causes && !cause.is_empty() {
                out.push(Role::Plain, ": ");
                out.append(cause.clone());
            }
            canvas.ends(list, line, &out, &times(wait, columns));
            line += 1;
            if with_causes && !cause.is_empty() {
                canvas.line_at(list, line, 4, &cause);
                line += 1;
            }
        }
        caret
    }
}
