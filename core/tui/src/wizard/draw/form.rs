//! A step as rows of questions.

use butler_wizard::{
    list::{State, Verdict},
    question::Step,
};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    super::{Wizard, seen},
    below, words,
};
use crate::{
    look::Role,
    widgets::{Canvas, Line, window, wrap},
};

/// A row of a form.
enum Row<'a> {
    Heading(&'a str),
    Question(usize),
    /// Numbers of one group.
    Cells(Vec<usize>),
    /// About the question above it.
    Detail(Line),
}

/// Rows that the questions keep, whatever stands below them.
const LEAST: u16 = 5;

impl Wizard {
    /// Draws the questions, and below them what the step shows beside.
    pub(super) fn draw_form(&self, canvas: &mut Canvas<'_>, area: Rect, now: Timestamp) -> Option<Position> {
        if self.seen.questions.is_empty() {
            canvas.line(
                area,
                0,
                &Line::of(Role::Faint, "   nothing is asked here: enter goes on"),
            );
        }
        let panel = self.panel(area.width, now);
        let panel_rows = u16::try_from(panel.len()).unwrap_or(u16::MAX);
        let shows_panel = panel_rows > 0 && area.height >= panel_rows.saturating_add(LEAST);
        let form = Rect {
            height: if shows_panel {
                area.height - panel_rows
            } else {
                area.height
            },
            ..area
        };
        if shows_panel {
            canvas.lines(below(area, form.height), &panel);
        }
        let rows = self.rows(form.width);
        self.draw_rows(canvas, form, &rows, now)
    }

    /// Draws the questions up to the focused one, as far as so few rows allow; returns how many rows that took.
    pub(super) fn draw_rows_above(&self, canvas: &mut Canvas<'_>, area: Rect, rows: u16, now: Timestamp) -> u16 {
        let all = self.rows(area.width);
        let end = self.focused_row(&all) + 1;
        let begin = end.saturating_sub(usize::from(rows));
        let top = Rect {
            height: rows.min(area.height),
            ..area
        };
        self.draw_rows(canvas, top, &all[begin..end.min(all.len())], now);
        u16::try_from(end - begin).unwrap_or(rows)
    }

    fn draw_rows(&self, canvas: &mut Canvas<'_>, area: Rect, rows: &[Row<'_>], now: Timestamp) -> Option<Position> {
        let columns = self.columns(area.width);
        let place = |row: u16| Rect {
            y: area.y + row,
            height: 1,
            ..area
        };
        let mut caret = None;
        let seen = window(self.focused_row(rows), rows.len(), usize::from(area.height));
        for (row, at) in (0..area.height).zip(seen) {
            match &rows[at] {
                Row::Heading(words) => {
                    canvas.line(area, row, &Line::of(Role::Strong, &format!(" {words}")));
                }
                Row::Detail(line) => {
                    canvas.line(area, row, line);
                }
                Row::Question(index) => {
                    let here = self.draw_question(canvas, place(row), *index, columns, now);
                    caret = caret.or(here);
                }
                Row::Cells(cells) => {
                    let here = self.draw_cells(canvas, place(row), cells, columns);
                    caret = caret.or(here);
                }
            }
        }
        caret
    }

    fn focused_row(&self, rows: &[Row<'_>]) -> usize {
        let here = self.focused().and_then(|path| self.seen.position(path));
        let is_here = |row: &Row<'_>| match (row, here) {
            (Row::Question(at), Some(here)) => *at == here,
            (Row::Cells(cells), Some(here)) => cells.contains(&here),
            _ => false,
        };
        rows.iter().position(is_here).unwrap_or(0)
    }

    fn rows(&self, width: u16) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        let columns = self.columns(width);
        let mut group = "";
        let mut heads = Line::new();
        for cells in self.grid(width) {
            let question = &self.seen.questions[cells[0]];
            let begins = question.group != group;
            group = question.group;
            if let [index] = cells[..] {
                if begins && !group.is_empty() {
                    rows.push(Row::Heading(group));
                }
                rows.push(Row::Question(index));
            } else {
                let own = self.heads(&cells, columns);
                if own != heads {
                    rows.push(Row::Detail(own.clone()));
                }
                heads = own;
                rows.push(Row::Cells(cells.clone()));
            }
            let here = self.focused().and_then(|path| self.seen.position(path));
            if here.is_some_and(|here| cells.contains(&here)) {
                rows.extend(self.details(width).into_iter().map(Row::Detail));
            }
        }
        let folded = self.seen.questions.len() - self.shown().len();
        if folded > 0 && self.filter.is_none() {
            let words = format!("  {folded} more, usually left alone");
            rows.push(Row::Detail(Line::of(Role::Hint, "   F2").with(Role::Faint, &words)));
        }
        rows
    }

    /// What is said below the focused question.
    fn details(&self, width: u16) -> Vec<Line> {
        let Some(question) = self.question() else {
            return Vec::new();
        };
        let mut lines = self.sources();
        let room = usize::from(width.saturating_sub(16));
        let mut say = |role: Role, head: &str, text: &str, most: usize| {
            for (at, part) in wrap(text, room).iter().take(most).enumerate() {
                let head = if at == 0 { head } else { "" };
                let line = Line::of(role, &format!("     {head}"))
                    .padded(14)
                    .with(Role::Plain, part);
                lines.push(line);
            }
        };
        if let Some(finding) = &question.finding {
            let word = seen::word(finding.severity);
            say(words::role(finding.severity), word, &finding.message, 3);
            if let Some(hint) = finding.hint.as_deref().filter(|hint| !hint.is_empty()) {
                say(Role::Hint, "hint", hint, 2);
            }
            if !finding.fix.is_empty() {
                let set: Vec<String> = finding
                    .fix
                    .iter()
                    .map(|(path, text)| format!("{path}: {text}"))
                    .collect();
                say(Role::Hint, "^F", &format!("sets {}", set.join(", ")), 2);
            }
        }
        if let Some(ties) = self.seen.ties.get(&question.path) {
            say(Role::Faint, "needs", &ties.needs.join(", "), 2);
            say(Role::Faint, "for", &ties.needed_by.join(", "), 2);
            let because = ties.because.iter().map(|(path, value)| format!("{path}: {value}"));
            say(Role::Faint, "because", &because.collect::<String>(), 1);
        }
        if let Some(State::Failed { error, hint, .. }) = self.list(question) {
            say(Role::Bad, "no list", error, 3);
            if let Some(hint) = hint {
                say(Role::Hint, "hint", hint, 2);
            }
            say(Role::Hint, "^R", "asks again; without a list the answer is typed", 1);
        }
        lines
    }

    /// What the step shows below its questions.
    fn panel(&self, width: u16, now: Timestamp) -> Vec<Line> {
        match self.step {
            Step::Resources => self.image_lines(width, now),
            Step::Access => self.checks(width),
            Step::Machines => self.machines(),
            Step::Network => self.network(width),
            Step::Provider | Step::Addons | Step::Review => Vec::new(),
        }
    }

    /// The checks of the access.
    fn checks(&self, width: u16) -> Vec<Line> {
        let room = usize::from(width.saturating_sub(14));
        let mut lines = vec![Line::of(Role::Strong, " checks").with(Role::Faint, &format!("  {}", self.check_words()))];
        let mut say = |role: Role, word: &str, text: &str| {
            for (at, part) in wrap(text, room).iter().take(2).enumerate() {
                let word = if at == 0 { word } else { "" };
                lines.push(Line::of(role, &format!("   {word}")).padded(11).with(Role::Plain, part));
            }
        };
        for check in self.session.checks() {
            let (role, word) = match check.verdict {
                Verdict::Pass => (Role::Good, "ok"),
                Verdict::Warn => (Role::Late, "warning"),
                Verdict::Fail => (Role::Bad, "failed"),
            };
            say(role, word, &check.summary);
            if let Some(hint) = check.hint.as_deref().filter(|_| check.verdict != Verdict::Pass) {
                say(Role::Hint, "hint", hint);
            }
        }
        if let Some(State::Failed { error, hint, .. }) = self.access_state() {
            say(Role::Bad, "failed", error);
            if let Some(hint) = hint {
                say(Role::Hint, "hint", hint);
            }
        }
        lines.truncate(10);
        lines
    }

    /// How far the check of the access is.
    fn access_state(&self) -> Option<&State> {
        self.session.access().map(|want| self.session.list(&want))
    }

    /// Whether this release speaks to the platform.
    fn is_driven(&self) -> bool {
        let platform = self.session.provider();
        platform.is_none_or(|platform| self.facts.drivers.contains(&platform))
    }

    fn check_words(&self) -> &'static str {
        match self.access_state() {
            Some(State::Loading { .. }) => "being asked",
            Some(State::Here { .. }) => "^R asks again",
            Some(State::Failed { .. }) => "could not be made; ^R asks again",
            Some(State::Idle) | None if !self.is_driven() => {
                "none: this release writes its settings, and asks it nothing"
            }
            Some(State::Idle) | None => "made as soon as everything needed is answered",
        }
    }

    /// How many of the lists of the step are here.
    pub(super) fn lists_here(&self) -> Line {
        let lists = || self.seen.questions.iter().filter_map(|question| self.list(question));
        let all = lists().count();
        let here = lists().filter(|state| matches!(state, State::Here { .. })).count();
        let failed = lists().filter(|state| matches!(state, State::Failed { .. })).count();
        if all == 0 {
            return Line::new();
        }
        let line = Line::of(
            if here == all { Role::Good } else { Role::Plain },
            &format!("{here} of {all} lists are here "),
        );
        if failed == 0 {
            return line;
        }
        Line::of(Role::Bad, &format!("{failed} failed, ")).with(Role::Plain, &line.text())
    }
}
