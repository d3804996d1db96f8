//! The last step.

use butler_wizard::{finding::Severity, list::Verdict};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};
use similar::{ChangeTag, TextDiff};

use super::{
    super::{
        Wizard,
        popups::memory,
        review::{Place, Tab},
        seen,
    },
    below, words,
};
use crate::{
    look::Role,
    widgets::{Canvas, Line, window},
};

/// Rows for the path and the launch.
const FOOT: u16 = 3;

/// Rows that the findings keep, whatever stands below them.
const LEAST: u16 = 4;

impl Wizard {
    pub(super) fn draw_review(&self, canvas: &mut Canvas<'_>, area: Rect, now: Timestamp) -> Option<Position> {
        let tabs = self.review_tabs();
        let mut title = Line::of(Role::Strong, " Review");
        title.append(self.sums());
        canvas.ends(area, 0, &title, &tabs);
        let content = below(area, 1);
        let foot = FOOT.min(content.height);
        let image = self.image_lines(area.width, now);
        let image_rows = u16::try_from(image.len()).unwrap_or(u16::MAX);
        // What was found comes first where there is room for one of them only.
        let image_rows = if content.height >= foot + image_rows + LEAST {
            image_rows
        } else {
            0
        };
        let middle = Rect {
            height: content.height - foot - image_rows,
            ..content
        };
        let found = match self.review.tab {
            Tab::Checks => self.draw_findings(canvas, middle),
            Tab::File | Tab::Difference => {
                let lines = self.document();
                let range = self.review.scroll.range(lines.len(), usize::from(middle.height));
                canvas.lines(middle, &lines[range]);
                None
            }
        };
        let image_room = Rect {
            height: image_rows,
            ..below(content, middle.height)
        };
        canvas.lines(image_room, &image);
        let caret = self.draw_foot(canvas, below(content, middle.height + image_rows));
        found.or(caret)
    }

    fn review_tabs(&self) -> Line {
        let mut line = Line::of(Role::Hint, "tab: ");
        for (at, tab) in Tab::ALL.into_iter().enumerate() {
            line.push(Role::Faint, if at == 0 { "" } else { " / " });
            if tab == self.review.tab {
                line.push(Role::Focus, &format!("[{}]", tab.words()));
            } else {
                line.push(Role::Plain, tab.words());
            }
        }
        line.with(Role::Plain, " ")
    }

    fn sums(&self) -> Line {
        let worst = self.worst_words();
        let mut line = Line::plain("  ");
        if worst.is_empty() {
            line.push(Role::Good, "nothing is wrong");
        }
        for (at, (role, words)) in worst.into_iter().enumerate() {
            line.push(Role::Plain, if at == 0 { "" } else { "  " });
            line.push(role, &words);
        }
        line
    }

    fn draw_findings(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let findings = &self.seen.findings;
        if findings.is_empty() {
            let words = "everything needed is answered, and nothing speaks against it";
            canvas.line(
                area,
                0,
                &Line::of(Role::Good, "   ok").padded(12).with(Role::Plain, words),
            );
        }
        let here = match self.review.place {
            Place::Finding(at) => Some(at),
            Place::Path | Place::Launch => None,
        };
        // Each takes a row, and the one that has the focus its hint below it.
        let height = usize::from(area.height).saturating_sub(usize::from(here.is_some()));
        let mut row = 0;
        let mut caret = None;
        for at in window(here.unwrap_or(0), findings.len(), height) {
            let finding = &findings[at];
            let focused = here == Some(at);
            let mark = if focused { canvas.look().mark(Role::Focus) } else { " " };
            let line = Line::of(Role::Focus, &format!(" {mark} "))
                .with(words::role(finding.severity), seen::word(finding.severity))
                .padded(12)
                .with(if focused { Role::Focus } else { Role::Plain }, &finding.message);
            canvas.ends(area, row, &line, &self.step_of(at));
            if focused {
                caret = Some(Position {
                    x: area.x + 1,
                    y: area.y + row,
                });
                row += 1;
                let hint = finding.hint.as_deref().unwrap_or("enter goes to the question");
                canvas.line(
                    area,
                    row,
                    &Line::of(Role::Hint, "   hint").padded(12).with(Role::Plain, hint),
                );
            }
            row += 1;
        }
        // What is well is told where there is room for it.
        let below = below(area, row.max(1));
        canvas.lines(below, &self.passed());
        caret.filter(|at| area.contains(*at))
    }

    /// What was looked at and is as it should be.
    fn passed(&self) -> Vec<Line> {
        let ok = |words: &str| Line::of(Role::Good, "   ok").padded(12).with(Role::Plain, words);
        let passed = self
            .session
            .checks()
            .iter()
            .filter(|check| check.verdict == Verdict::Pass);
        let mut lines: Vec<Line> = passed.map(|check| ok(&check.summary)).collect();
        let (totals, room) = (self.seen.totals, &self.seen.room);
        if room.free_memory_mb.is_some_and(|free| totals.memory_mb <= free) {
            let memory = memory(totals.memory_mb);
            lines.push(ok(&format!(
                "{} machines with {memory} memory fit on what is free",
                totals.machines
            )));
        }
        lines
    }

    fn step_of(&self, at: usize) -> Line {
        let step = self.seen.steps_of.get(at).copied().flatten();
        step.map_or_else(Line::new, |step| Line::of(Role::Faint, &format!("{} ", step.title())))
    }

    fn draw_foot(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let look = canvas.look();
        let on_path = self.review.place == Place::Path;
        let mark = |here: bool| if here { look.mark(Role::Focus) } else { " " };
        let role = |here: bool| if here { Role::Focus } else { Role::Plain };
        let path = self.path();
        let head = Line::of(Role::Focus, &format!(" {} ", mark(on_path))).with(role(on_path), "file      [ ");
        let used = canvas.line(area, 1.min(area.height.saturating_sub(1)), &head);
        let row = below(area, 1.min(area.height.saturating_sub(1)));
        let room = area.width.saturating_sub(used + 4).min(48);
        let field = Rect {
            x: row.x + used.min(row.width),
            width: room,
            height: row.height.min(1),
            ..row
        };
        canvas.line_at(row, 0, used + room, &Line::of(role(on_path), " ]"));
        let mut caret = None;
        if on_path && !self.review.path.text().is_empty() {
            caret = self.review.path.draw(canvas, field, Role::Plain);
        } else {
            canvas.line(field, 0, &Line::plain(&path));
        }
        let launch = self.review.place == Place::Launch;
        let ready = self.seen.count(Severity::Error) == 0;
        let words = if ready {
            "[ launch ]"
        } else {
            "[ launch ]  first the errors: enter goes to the first one"
        };
        let line = Line::of(Role::Focus, &format!(" {} ", mark(launch))).with(role(launch), words);
        let last = area.height.saturating_sub(1);
        if area.height > 1 {
            canvas.line(area, last, &line);
        }
        let at = Position {
            x: area.x + 1,
            y: area.y + if launch { last } else { 1.min(last) },
        };
        let on_foot = launch || on_path;
        caret.or(Some(at).filter(|at| on_foot && area.contains(*at)))
    }

    /// The text of the tab that is shown.
    fn document(&self) -> Vec<Line> {
        let shown = self.seen.file.lines.iter().map(|line| line.shown());
        match (self.review.tab, &self.opened) {
            (Tab::Checks, _) => Vec::new(),
            (Tab::File, _) => {
                let numbered = |(at, text): (usize, std::borrow::Cow<'_, str>)| {
                    Line::of(Role::Faint, &format!("{:4} ", at + 1)).with(Role::Plain, &text)
                };
                shown.enumerate().map(numbered).collect()
            }
            (Tab::Difference, None) => vec![Line::of(Role::Faint, "   no configuration was opened to compare with")],
            (Tab::Difference, Some(before)) => {
                let now: Vec<String> = shown.map(std::borrow::Cow::into_owned).collect();
                difference(&before.lines, &now)
            }
        }
    }

    /// Rows of the text that is shown.
    pub(in super::super) fn document_rows(&self) -> usize {
        self.document().len()
    }
}

fn difference(before: &[String], now: &[String]) -> Vec<Line> {
    let (before, now): (Vec<&str>, Vec<&str>) = (
        before.iter().map(String::as_str).collect(),
        now.iter().map(String::as_str).collect(),
    );
    let diff = TextDiff::from_slices(&before, &now);
    let mut lines = Vec::new();
    for (at, group) in diff.grouped_ops(3).iter().enumerate() {
        if at > 0 {
            lines.push(Line::of(Role::Faint, " ..."));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (mark, role) = match change.tag() {
                ChangeTag::Delete => (" - ", Role::Bad),
                ChangeTag::Insert => (" + ", Role::Good),
                ChangeTag::Equal => ("   ", Role::Faint),
            };
            lines.push(Line::of(role, &format!("{mark}{}", change.value())));
        }
    }
    if lines.is_empty() {
        lines.push(Line::of(Role::Good, "   the same as the configuration that was opened"));
    }
    lines
}
