//! Beside a step, on wide terminals: the lines of the file that it writes, and what speaks for the focused answer.

use butler_wizard::{
    file,
    list::State,
    question::{Kind, Origin, Step},
};
use jiff::Timestamp;
use ratatui::layout::Rect;

use super::{
    super::{Wizard, seen},
    below, words,
};
use crate::{
    look::Role,
    widgets::{Canvas, Line, window, wrap},
};

impl Wizard {
    pub(super) fn draw_side(&self, canvas: &mut Canvas<'_>, area: Rect, now: Timestamp) {
        canvas.rule(area);
        let inside = Rect {
            x: area.x + 2.min(area.width),
            width: area.width.saturating_sub(3),
            ..area
        };
        let evidence = if self.step == Step::Review {
            Vec::new()
        } else {
            self.proof(inside.width, now)
        };
        let most = inside.height.saturating_sub(6).min(inside.height / 2 + 2);
        let proof_rows = u16::try_from(evidence.len()).unwrap_or(u16::MAX).min(most);
        let file_rows = inside.height - proof_rows - u16::from(proof_rows > 0);
        let file = Rect {
            height: file_rows,
            ..inside
        };
        self.draw_file(canvas, file);
        if proof_rows > 0 {
            let flat = if canvas.look().ascii { "-" } else { "─" };
            canvas.line(
                inside,
                file_rows,
                &Line::of(Role::Faint, &flat.repeat(usize::from(inside.width))),
            );
            canvas.lines(below(inside, file_rows + 1), &evidence);
        }
    }

    /// The file around the line that the focused question writes.
    fn draw_file(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let lines = &self.seen.file.lines;
        let path = self.path();
        let count = Line::of(Role::Faint, &format!("{} lines", lines.len()));
        canvas.ends(area, 0, &Line::of(Role::Strong, &path), &count);
        let area = below(area, 1);
        let here = lines.iter().position(|line| self.is_here(line));
        let step = || lines.iter().position(|line| self.is_of_step(line));
        let range = window(here.or_else(step).unwrap_or(0), lines.len(), usize::from(area.height));
        for (row, line) in (0..area.height).zip(&lines[range]) {
            canvas.line(area, row, &self.file_line(line, canvas));
        }
    }

    fn file_line(&self, line: &file::Line, canvas: &Canvas<'_>) -> Line {
        let changed = line.origin.is_some_and(|origin| origin != Origin::Usual);
        let mark = match (self.is_here(line), changed) {
            (true, _) => canvas.look().mark(Role::Focus),
            (false, true) => "*",
            (false, false) => " ",
        };
        let role = if self.is_here(line) {
            Role::Focus
        } else if self.is_of_step(line) {
            Role::Plain
        } else {
            Role::Faint
        };
        Line::of(Role::Focus, mark).with(role, &format!(" {}", line.shown()))
    }

    /// Whether a line holds the value of the focused question, or a part of it.
    fn is_here(&self, line: &file::Line) -> bool {
        match (&line.path, self.focused()) {
            (Some(path), Some(focused)) => is_within(path, focused),
            _ => false,
        }
    }

    fn is_of_step(&self, line: &file::Line) -> bool {
        let path = line.path.as_deref();
        path.is_some_and(|path| {
            self.seen
                .questions
                .iter()
                .any(|question| is_within(path, &question.path))
        })
    }

    /// What is known about the focused answer.
    fn proof(&self, width: u16, now: Timestamp) -> Vec<Line> {
        let Some(question) = self.question() else {
            return Vec::new();
        };
        let room = usize::from(width);
        let mut lines =
            vec![Line::of(Role::Strong, &question.label).with(Role::Faint, &format!("  {}", question.path))];
        let mut say = |role: Role, head: &str, text: &str| {
            for (at, part) in wrap(text, room.saturating_sub(11)).iter().enumerate() {
                let head = if at == 0 { head } else { "" };
                lines.push(Line::of(role, head).padded(10).with(Role::Plain, part));
            }
        };
        if let Some(finding) = &question.finding {
            say(
                words::role(finding.severity),
                seen::word(finding.severity),
                &finding.message,
            );
            say(Role::Hint, "hint", finding.hint.as_deref().unwrap_or(""));
        }
        match (&question.answer, &question.usual) {
            (Some(answer), usual) => {
                say(Role::Faint, "answer", answer.origin.as_str());
                if let Some(usual) = usual.as_ref().filter(|usual| **usual != answer.text) {
                    say(Role::Faint, "usual", usual);
                }
            }
            (None, Some(usual)) => say(Role::Faint, "usual", usual),
            (None, None) if question.required => say(Role::Late, "answer", "needed"),
            (None, None) => say(Role::Faint, "answer", "may stay empty"),
        }
        if let Kind::Number { min, max, unit } = question.kind {
            let most = if max == i64::MAX {
                String::new()
            } else {
                format!(" to {max}")
            };
            say(Role::Faint, "allowed", format!("from {min}{most} {unit}").trim_end());
        }
        say(Role::Faint, "meaning", &question.help);
        if let Kind::Choice(alternatives) = &question.kind {
            for one in alternatives {
                say(Role::Faint, &one.value, &one.about);
            }
        }
        if let Some(state) = self.list(question) {
            say(Role::Faint, "list", &words::list(state, now).text());
            if let State::Failed { error, hint, .. } = state {
                say(Role::Bad, "failed", error);
                say(Role::Hint, "hint", hint.as_deref().unwrap_or(""));
            }
            self.chosen_facts(&mut say);
        }
        lines
    }

    /// The item that is chosen, or that the marker stands on in an open list.
    fn chosen_facts(&self, say: &mut impl FnMut(Role, &str, &str)) {
        let answer = self
            .question()
            .and_then(|question| question.answer.as_ref())
            .map(|answer| answer.text.clone());
        let marked = self
            .picker
            .as_ref()
            .and_then(|picker| picker.item())
            .map(|item| item.value.clone());
        let Some(value) = marked.or(answer) else {
            return;
        };
        let Some(choice) = self.offers.iter().find(|choice| choice.id == value) else {
            return;
        };
        say(Role::Strong, choice.kind.as_str(), &choice.name);
        for (name, fact) in &choice.facts {
            say(Role::Faint, name, fact);
        }
        if let Some(reason) = &choice.unusable {
            say(Role::Late, "cannot be", reason);
        }
    }
}

/// Whether a path is another one, or below it.
fn is_within(path: &str, of: &str) -> bool {
    path.strip_prefix(of)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
