//! The log of the run, filtered, at its end or where one looks.

use std::{collections::VecDeque, sync::Arc};

use butler_api::{
    event::Level,
    view::{LogLine, View, since},
};
use butler_terminal::{duration, progress::plural};
use ratatui::layout::{Position, Rect};

use super::{
    Live,
    panels::{Panel, Picks},
};
use crate::{
    input::Key,
    look::Role,
    widgets::{Canvas, Field, Line, window},
};

/// Which lines of the log are shown. Lines have numbers that never change, so that those that are dropped at the beginning move
/// nothing.
#[derive(Debug, Default)]
pub(super) struct Log {
    field: Field,
    edited: bool,
    /// Whether details are shown as well.
    details: bool,
    /// Numbers of the lines that are shown, in order.
    shown: VecDeque<u64>,
    /// Lines that were looked at.
    looked: u64,
    /// Warnings and errors among all lines that were looked at.
    warnings: usize,
}

/// What a line must say, and must not.
struct Filter {
    all: Vec<String>,
    none: Vec<String>,
    details: bool,
}

impl Filter {
    fn of(text: &str, details: bool) -> Self {
        let words = text.split_whitespace().map(str::to_lowercase);
        let (none, all): (Vec<String>, Vec<String>) = words.partition(|word| word.len() > 1 && word.starts_with('!'));
        Self {
            all,
            none: none.iter().map(|word| word[1..].to_owned()).collect(),
            details,
        }
    }

    fn fits(&self, line: &LogLine) -> bool {
        if line.level == Level::Debug && !self.details {
            return false;
        }
        if self.all.is_empty() && self.none.is_empty() {
            return true;
        }
        let text = format!("{} {} {}", word(line.level), line.source, line.text).to_lowercase();
        self.all.iter().all(|word| text.contains(word)) && !self.none.iter().any(|word| text.contains(word))
    }
}

/// The word of a level; ordinary lines have none.
fn word(level: Level) -> &'static str {
    match level {
        Level::Debug | Level::Info => "",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn role(level: Level) -> Role {
    match level {
        Level::Debug => Role::Faint,
        Level::Info => Role::Plain,
        Level::Warning => Role::Busy,
        Level::Error => Role::Bad,
    }
}

/// The line of a number, if it is kept.
fn line(view: &View, number: u64) -> Option<&Arc<LogLine>> {
    let first = view.logged - u64::try_from(view.log.len()).unwrap_or(view.logged);
    view.log.get(usize::try_from(number.checked_sub(first)?).ok()?)
}

impl Log {
    /// Forgets what was shown: the log is another one, or filtered otherwise.
    pub(super) fn reset(&mut self) {
        self.shown.clear();
        self.looked = 0;
        self.warnings = 0;
    }

    /// Looks at lines that were not looked at, and drops those that are not kept.
    pub(super) fn catch_up(&mut self, view: &View) {
        if view.logged < self.looked {
            self.reset();
        }
        let kept = u64::try_from(view.log.len()).unwrap_or(view.logged);
        let first = view.logged - kept;
        let filter = Filter::of(self.field.text(), self.details);
        let from = self.looked.max(first);
        let skip = usize::try_from(from - first).unwrap_or(usize::MAX);
        for (number, line) in (from..).zip(view.log.iter().skip(skip)) {
            self.warnings += usize::from(matches!(line.level, Level::Warning | Level::Error));
            if filter.fits(line) {
                self.shown.push_back(number);
            }
        }
        self.looked = view.logged;
        while self.shown.front().is_some_and(|number| *number < first) {
            self.shown.pop_front();
        }
    }

    /// Whether the filter is being typed.
    pub(super) fn is_edited(&self) -> bool {
        self.edited
    }

    /// Whether lines are left out by words.
    pub(super) fn is_filtered(&self) -> bool {
        !self.field.text().is_empty()
    }

    pub(super) fn edit(&mut self) {
        self.edited = true;
    }

    pub(super) fn finish(&mut self) {
        self.edited = false;
    }

    /// Takes the filter away.
    pub(super) fn clear(&mut self) {
        self.field = Field::default();
        self.edited = false;
        self.reset();
    }

    pub(super) fn show_details(&mut self) {
        self.details = !self.details;
        self.reset();
    }

    /// Takes a key of a text.
    pub(super) fn key(&mut self, key: Key) {
        let before = self.field.text().to_owned();
        self.field.key(key);
        if self.field.text() != before {
            self.reset();
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.reset();
    }

    /// The number of the selected line; while the end is followed it is the last one.
    pub(super) fn selected(&self, picks: &Picks) -> Option<u64> {
        self.shown.get(self.place(picks)?).copied()
    }

    fn place(&self, picks: &Picks) -> Option<usize> {
        let last = self.shown.len().checked_sub(1)?;
        let Some(picked) = picks.line else { return Some(last) };
        Some(self.shown.partition_point(|number| *number < picked).min(last))
    }

    /// The line that is selected after a movement; none at the end, which is followed then.
    pub(super) fn moved(&self, picks: &Picks, by: isize) -> Option<u64> {
        let last = self.shown.len().checked_sub(1)?;
        let to = self.place(picks)?.saturating_add_signed(by).min(last);
        if to == last { None } else { self.shown.get(to).copied() }
    }

    /// A line with everything that it says.
    pub(super) fn words(view: &View, number: u64) -> Line {
        match line(view, number) {
            Some(line) => whole(view, line),
            None => Line::of(Role::Faint, "this line is not kept any more"),
        }
    }

    /// The text of a line alone.
    pub(super) fn text(view: &View, number: u64) -> Option<&str> {
        line(view, number).map(|line| line.text.as_str())
    }
}

fn whole(view: &View, line: &LogLine) -> Line {
    let began = view.started.unwrap_or(line.time);
    let mut out = Line::of(
        Role::Faint,
        &format!("{:>6} ", duration::clock(since(began, line.time))),
    );
    let word = word(line.level);
    if !word.is_empty() {
        out.push(role(line.level), &format!("{word}: "));
    }
    out.push(Role::Faint, &format!("{}: ", line.source));
    out.push(role(line.level), &line.text);
    out
}

impl Live {
    pub(super) fn draw_log(&self, canvas: &mut Canvas<'_>, room: Rect) -> Option<Position> {
        if room.area() == 0 {
            return None;
        }
        let view = self.picture();
        let log = &self.log;
        let mut caret = self.draw_log_head(canvas, room);
        let list = Rect {
            y: room.y + 1,
            height: room.height - 1,
            ..room
        };
        let selected = log.place(&self.picks);
        let height = usize::from(list.height);
        // The end is followed until somebody looks elsewhere.
        let seen = match self.picks.line {
            None => log.shown.len().saturating_sub(height)..log.shown.len(),
            Some(_) => window(selected.unwrap_or(0), log.shown.len(), height),
        };
        for (row, place) in (0..).zip(seen) {
            let Some(line) = log.shown.get(place).and_then(|number| line(view, *number)) else {
                continue;
            };
            let is_selected = selected == Some(place) && self.picks.line.is_some();
            let mut out = self.mark(canvas, Panel::Log, is_selected);
            out.append(whole(view, line));
            canvas.line(list, row, &out);
            if is_selected && self.has_focus(Panel::Log) && caret.is_none() {
                caret = Some(Position::new(list.x, list.y + row));
            }
        }
        if log.shown.is_empty() && list.height > 0 && log.is_filtered() {
            canvas.line(list, 0, &Line::of(Role::Faint, "  no line fits"));
        }
        caret
    }

    fn draw_log_head(&self, canvas: &mut Canvas<'_>, room: Rect) -> Option<Position> {
        let log = &self.log;
        let mut head = self.heading(Panel::Log, "LOG");
        head.push(Role::Plain, &format!(" {}", log.shown.len()));
        if log.warnings > 0 {
            head.push(Role::Busy, &format!(", {}", plural(log.warnings, "warning")));
        }
        let end = match self.picks.line {
            None => "following ",
            Some(_) => "G follows ",
        };
        let details = if log.details { "with details, " } else { "" };
        let right = Line::of(Role::Faint, &format!("{details}{end}"));
        if !log.edited && !log.is_filtered() {
            canvas.ends(room, 0, &head, &right);
            return None;
        }
        head.push(Role::Hint, "  / ");
        let column = u16::try_from(head.width()).unwrap_or(u16::MAX);
        if !log.edited {
            head.push(Role::Strong, log.field.text());
            canvas.ends(room, 0, &head, &right);
            return None;
        }
        canvas.line(room, 0, &head);
        let field = Rect {
            x: room.x.saturating_add(column.min(room.width)),
            width: room.width.saturating_sub(column),
            height: 1,
            ..room
        };
        log.field.draw(canvas, field, Role::Strong)
    }
}
