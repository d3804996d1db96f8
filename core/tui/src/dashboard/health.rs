//! How the management cluster does: what was found, the worst first, with what shows it and what helps.

use butler_lifecycle::health::{Finding, Severity};
use butler_terminal::{duration, text};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use crate::{
    input::Key,
    look::Role,
    widgets::{Canvas, Line, scroll::movement, window, wrap},
};

/// What an examination has found.
#[derive(Debug, Default)]
pub(super) struct Health {
    findings: Vec<Finding>,
    /// When it was examined last.
    at: Option<Timestamp>,
    /// Why it cannot be examined for the moment.
    trouble: Option<String>,
    cursor: usize,
    /// What is well is shown too.
    all: bool,
}

fn role(severity: Severity) -> Role {
    match severity {
        Severity::Ok => Role::Good,
        Severity::Unknown => Role::Faint,
        Severity::Warning => Role::Late,
        Severity::Error => Role::Bad,
    }
}

impl Health {
    pub(super) fn hear(&mut self, found: Result<Vec<Finding>, String>, now: Timestamp) {
        match found {
            Ok(findings) => {
                self.findings = findings;
                self.at = Some(now);
                self.trouble = None;
            }
            Err(trouble) => self.trouble = Some(trouble),
        }
        self.cursor = self.cursor.min(self.shown().len().saturating_sub(1));
    }

    /// How true what is shown is.
    pub(super) fn freshness(&self, now: Timestamp) -> (Role, String) {
        match (&self.trouble, self.at) {
            (Some(_), Some(at)) => (Role::Bad, format!("stale since {}", duration::age(at, now))),
            (Some(_), None) => (Role::Bad, "not known".to_owned()),
            (None, None) => (Role::Busy, "examining".to_owned()),
            (None, Some(_)) => (Role::Good, "live".to_owned()),
        }
    }

    fn shown(&self) -> Vec<&Finding> {
        let shown = |finding: &&Finding| self.all || finding.severity != Severity::Ok;
        self.findings.iter().filter(shown).collect()
    }

    /// Takes a key; whether it was one of these.
    pub(super) fn key(&mut self, key: Key, height: usize) -> bool {
        if key.code == crossterm::event::KeyCode::Char('z') {
            self.all = !self.all;
            self.cursor = 0;
            return true;
        }
        let Some(by) = movement(key, height) else {
            return false;
        };
        let last = self.shown().len().saturating_sub(1);
        self.cursor = self.cursor.saturating_add_signed(by).min(last);
        true
    }

    /// What helps against the selected finding.
    pub(super) fn remedy(&self) -> Option<String> {
        self.shown().get(self.cursor).and_then(|finding| finding.remedy.clone())
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect, now: Timestamp) -> Option<Position> {
        let shown = self.shown();
        canvas.line(area, 0, &self.title());
        let list = Rect {
            y: area.y + area.height.min(1),
            height: area
                .height
                .saturating_sub(1)
                .min(u16::try_from(shown.len()).unwrap_or(u16::MAX))
                .min(area.height / 2 + 1),
            ..area
        };
        let mut caret = None;
        for (row, index) in window(self.cursor, shown.len(), usize::from(list.height)).enumerate() {
            let (finding, here) = (shown[index], index == self.cursor);
            let role = role(finding.severity);
            let mut line = Line::of(Role::Focus, if here { canvas.look().mark(Role::Focus) } else { " " });
            line.push(role, &format!(" {:<8}", finding.severity.as_str()));
            line.push(
                if here { Role::Focus } else { Role::Plain },
                &text::sanitise_line(&finding.sentence),
            );
            let Ok(row) = u16::try_from(row) else {
                break;
            };
            canvas.line(list, row, &line);
            if here && list.width > 0 && row < list.height {
                caret = Some(Position {
                    x: list.x,
                    y: list.y + row,
                });
            }
        }
        let below = Rect {
            x: area.x + 1.min(area.width),
            y: (list.y + list.height + 1).min(area.bottom()),
            width: area.width.saturating_sub(2),
            height: area.bottom().saturating_sub(list.y + list.height + 1),
        };
        canvas.lines(below, &self.about(usize::from(below.width), now));
        caret
    }

    fn title(&self) -> Line {
        let count = |severity: Severity| {
            self.findings
                .iter()
                .filter(|finding| finding.severity == severity)
                .count()
        };
        let mut line = Line::of(Role::Strong, " Health");
        for severity in [Severity::Error, Severity::Warning, Severity::Unknown, Severity::Ok] {
            line.push(Role::Plain, "  ");
            line.push(role(severity), &format!("{} {}", count(severity), severity.as_str()));
        }
        line
    }

    /// Everything about the selected finding.
    fn about(&self, width: usize, now: Timestamp) -> Vec<Line> {
        let told = |role: Role, words: &str| -> Vec<Line> {
            wrap(&text::sanitise_line(words), width)
                .iter()
                .map(|line| Line::of(role, line))
                .collect()
        };
        let mut lines = self
            .trouble
            .as_deref()
            .map_or_else(Vec::new, |trouble| told(Role::Bad, trouble));
        let Some(finding) = self.shown().get(self.cursor).copied() else {
            if self.at.is_some() {
                lines.extend(told(Role::Good, "nothing wrong was found; z shows what was looked at"));
            }
            return lines;
        };
        lines
            .push(Line::of(Role::Strong, &finding.subject.to_string()).with(Role::Faint, &format!("  {}", finding.id)));
        lines.extend(told(Role::Plain, finding.id.meaning()));
        for evidence in &finding.evidence {
            let since = evidence
                .since
                .map_or_else(String::new, |since| format!(", for {}", duration::age(since, now)));
            lines.extend(told(role(finding.severity), &format!("- {}{since}", evidence.seen)));
        }
        if let Some(remedy) = &finding.remedy {
            lines.push(Line::new());
            lines.push(Line::of(Role::Faint, "try  ").with(Role::Hint, &text::sanitise_line(remedy)));
        }
        lines
    }
}
