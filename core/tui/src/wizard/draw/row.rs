//! A question as a row: its label, its answer, and what speaks for it.

use butler_wizard::{
    finding::Severity,
    question::{Kind, Origin, Question},
    session::Ties,
};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    super::{
        Wizard,
        editor::{Editor, Mode, Source},
        grid::{CELL, Columns, MARK},
        press::is_on,
        seen,
    },
    words,
};
use crate::{
    look::Role,
    widgets::{Canvas, Line},
};

impl Wizard {
    /// Draws a question; says where the caret is, if it is here.
    pub(super) fn draw_question(
        &self,
        canvas: &mut Canvas<'_>,
        place: Rect,
        index: usize,
        columns: Columns,
        now: Timestamp,
    ) -> Option<Position> {
        let question = &self.seen.questions[index];
        let focused = self.focused() == Some(&question.path);
        let look = canvas.look();
        let label_role = if focused { Role::Focus } else { Role::Plain };
        if focused {
            canvas.line_at(place, 0, 1, &Line::of(Role::Focus, look.mark(Role::Focus)));
        }
        let label = Line::of(label_role, &question.label).cut(usize::from(columns.label), look);
        canvas.line_at(place, 0, MARK, &label);
        let start = MARK + columns.label + 1;
        let (used, caret) = self.draw_value(canvas, place, start, question, columns, focused);
        let after = start + used + 2;
        canvas.line_at(place, 0, after, &self.evidence(question, now));
        if !focused {
            return None;
        }
        // Where nothing is typed the caret stands on the mark, for those who follow it.
        let mark = Position {
            x: place.x + 1,
            y: place.y,
        };
        caret.or(Some(mark).filter(|at| place.contains(*at)))
    }

    fn draw_value(
        &self,
        canvas: &mut Canvas<'_>,
        place: Rect,
        start: u16,
        question: &Question,
        columns: Columns,
        focused: bool,
    ) -> (u16, Option<Position>) {
        let mode = self.mode(question);
        match (mode, &question.kind) {
            (Mode::Flag, _) => {
                let words = if is_on(question) { "[x] yes" } else { "[ ] no" };
                return (
                    canvas
                        .line_at(place, 0, start, &Line::of(value_role(question), words))
                        .max(7),
                    None,
                );
            }
            (Mode::Choice, Kind::Choice(_)) => {
                if let Some(line) = radios(question).filter(|line| line.width() <= usize::from(columns.field) + 4) {
                    return (canvas.line_at(place, 0, start, &line), None);
                }
            }
            _ => {}
        }
        let width = match question.kind {
            Kind::Number { .. } => columns.field.min(8),
            _ => columns.field,
        };
        let frame_role = if focused { Role::Focus } else { Role::Faint };
        canvas.line_at(place, 0, start, &Line::of(frame_role, "["));
        let drop = match (mode, canvas.look().ascii) {
            (Mode::List | Mode::Choice, true) => "v]",
            (Mode::List | Mode::Choice, false) => "▾]",
            _ => " ]",
        };
        canvas.line_at(place, 0, start + 2 + width, &Line::of(frame_role, drop));
        let inside = Rect {
            x: place.x + (start + 2).min(place.width),
            width: width.min(place.width.saturating_sub(start + 2)),
            ..place
        };
        (width + 4, self.draw_text(canvas, inside, question, focused))
    }

    fn draw_text(&self, canvas: &mut Canvas<'_>, inside: Rect, question: &Question, focused: bool) -> Option<Position> {
        if focused && let Editor::Text { field, fresh } | Editor::Secret { field, fresh, .. } = &self.editor {
            let role = if *fresh { value_role(question) } else { Role::Plain };
            return field.draw(canvas, inside, role);
        }
        let text = question.answer.as_ref().map(|answer| answer.text.as_str());
        let text = text.or(question.usual.as_deref()).unwrap_or("");
        let text = if question.kind == Kind::Secret {
            Source::read(text).1
        } else {
            text
        };
        canvas.line(inside, 0, &Line::of(value_role(question), text));
        None
    }

    /// Draws numbers of one group in a row; says where the caret is, if it is here.
    pub(super) fn draw_cells(
        &self,
        canvas: &mut Canvas<'_>,
        place: Rect,
        cells: &[usize],
        columns: Columns,
    ) -> Option<Position> {
        let look = canvas.look();
        let questions = || cells.iter().map(|at| &self.seen.questions[*at]);
        let in_focus = |question: &Question| self.focused() == Some(&question.path);
        let (mark, role) = if questions().any(in_focus) {
            (look.mark(Role::Focus), Role::Focus)
        } else {
            (" ", Role::Plain)
        };
        let group = questions().next().map_or("", |question| question.group);
        canvas.line_at(place, 0, 1, &Line::of(Role::Focus, mark));
        canvas.line_at(
            place,
            0,
            MARK,
            &Line::of(role, group).cut(usize::from(columns.label), look),
        );
        let mut caret = None;
        let mut start = MARK + columns.label;
        for question in questions() {
            let focused = in_focus(question);
            let open = Line::of(Role::Focus, if focused { look.mark(Role::Focus) } else { " " });
            let frame = if focused { Role::Focus } else { Role::Faint };
            let worst = question.finding.as_ref().map(|finding| finding.severity);
            let (close, close_role) = match worst {
                Some(severity @ (Severity::Error | Severity::Warning)) => ("!", words::role(severity)),
                Some(Severity::Note) | None => ("]", frame),
            };
            canvas.line_at(place, 0, start, &open.with(frame, "["));
            canvas.line_at(place, 0, start + CELL - 1, &Line::of(close_role, close));
            let inside = Rect {
                x: place.x + (start + 3).min(place.width),
                width: (CELL - 5).min(place.width.saturating_sub(start + 3)),
                ..place
            };
            let here = self.draw_text(canvas, inside, question, focused);
            caret = caret.or(here);
            start += CELL;
        }
        caret
    }

    /// What the columns of such a row mean.
    pub(super) fn heads(&self, cells: &[usize], columns: Columns) -> Line {
        let mut line = Line::new();
        let mut end = usize::from(MARK + columns.label + 3);
        for at in cells {
            let question = &self.seen.questions[*at];
            let unit = match question.kind {
                Kind::Number { unit, .. } => unit,
                _ => "",
            };
            line = line
                .padded(end)
                .with(Role::Faint, format!("{} {unit}", question.label).trim_end());
            end += usize::from(CELL);
        }
        line
    }

    /// What speaks for an answer, or against it.
    fn evidence(&self, question: &Question, now: Timestamp) -> Line {
        let mut line = Line::new();
        // That an answer is missing says the word for it.
        let is_missing = question.required && question.answer.is_none();
        if let Some(finding) = question.finding.as_ref().filter(|_| !is_missing) {
            line.push(words::role(finding.severity), seen::word(finding.severity));
            line.push(Role::Plain, &format!(" {}", finding.message));
            return line;
        }
        if let Kind::Number { unit, .. } = question.kind
            && !unit.is_empty()
        {
            line.push(Role::Plain, unit);
        }
        let mut next = |role: Role, words: &str| {
            if !words.is_empty() {
                if !line.is_empty() {
                    line.push(Role::Faint, ", ");
                }
                line.push(role, words);
            }
        };
        if question.kind == Kind::Secret {
            let (role, words) = self.secret_words(question);
            next(role, &words);
        }
        match &question.answer {
            Some(answer) if answer.origin == Origin::Usual => {}
            Some(answer) => next(Role::Faint, answer.origin.as_str()),
            None if question.required && question.usual.is_none() => next(Role::Late, "needed"),
            None => {}
        }
        if let Some(ties) = self.seen.ties.get(&question.path) {
            for (role, words) in ties_in_row(ties) {
                next(role, &words);
            }
        }
        if let Some(state) = self.list(question) {
            for (role, text) in words::list(state, now).spans() {
                next(*role, text);
            }
        }
        line
    }

    fn secret_words(&self, question: &Question) -> (Role, String) {
        if self.focused() == Some(&question.path)
            && let Editor::Secret { source, .. } = &self.editor
        {
            return (Role::Plain, source.words().to_owned());
        }
        let Some(answer) = &question.answer else {
            return (Role::Plain, String::new());
        };
        let (source, text) = Source::read(&answer.text);
        if source == Source::Env && self.session.secrets().contains_key(text) {
            return (Role::Good, "in memory".to_owned());
        }
        (Role::Plain, source.words().to_owned())
    }

    /// The sources of a secret, below its question.
    pub(super) fn sources(&self) -> Vec<Line> {
        let Editor::Secret { source, .. } = &self.editor else {
            return Vec::new();
        };
        let mut line = Line::of(Role::Plain, "     from ");
        for one in Source::ALL {
            let (mark, role) = if one == *source {
                ("(*)", Role::Strong)
            } else {
                ("( )", Role::Plain)
            };
            line.push(role, &format!(" {mark} {}", one.words()));
        }
        line.push(Role::Hint, "  ^T");
        vec![line, Line::of(Role::Faint, &format!("     {}", source.about()))]
    }
}

/// What an addon has to do with others, in a few words.
fn ties_in_row(ties: &Ties) -> Vec<(Role, String)> {
    let names = |names: &[String]| match names {
        [one, two, rest @ ..] if !rest.is_empty() => format!("{one}, {two} and {} more", rest.len()),
        names => names.join(", "),
    };
    let mut words = Vec::new();
    if let Some((_, value)) = &ties.because {
        words.push((Role::Faint, format!("because of {value}")));
    }
    if !ties.needs.is_empty() {
        words.push((Role::Faint, format!("needs {}", names(&ties.needs))));
    }
    if !ties.needed_by.is_empty() {
        words.push((Role::Plain, format!("needed by {}", names(&ties.needed_by))));
    }
    words
}

/// A choice as words beside each other, each with its mark.
fn radios(question: &Question) -> Option<Line> {
    let Kind::Choice(alternatives) = &question.kind else {
        return None;
    };
    let now = question
        .answer
        .as_ref()
        .map(|answer| &answer.text)
        .or(question.usual.as_ref());
    let mut line = Line::new();
    for (at, one) in alternatives.iter().enumerate() {
        let chosen = now == Some(&one.value);
        let (mark, role) = if chosen {
            ("(*)", Role::Strong)
        } else {
            ("( )", Role::Plain)
        };
        let gap = if at == 0 { "" } else { "  " };
        line.push(role, &format!("{gap}{mark} {}", one.value));
    }
    (alternatives.len() <= 4).then_some(line)
}

/// What nobody answered is fainter than what was.
fn value_role(question: &Question) -> Role {
    if question.answer.is_some() {
        Role::Plain
    } else {
        Role::Faint
    }
}
