//! What is seen of the wizard.

mod choose;
mod form;
mod image;
mod machines;
mod network;
mod review;
mod row;
mod side;
mod words;

use butler_wizard::{
    finding::Severity,
    question::{Origin, Question, Step},
};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Wizard,
    popups::{Pending, Popup, Purpose},
    press::is_on,
    seen,
};
use crate::{
    look::Role,
    widgets::{Canvas, Chrome, Line, Tab, popup::popup, wrap},
};

/// Rows for what the focused question means, where there is no pane beside it.
const HELP_ROWS: u16 = 2;

impl Wizard {
    pub(super) fn draw_all(&self, area: Rect, canvas: &mut Canvas<'_>, now: Timestamp) -> Option<Position> {
        let chrome = Chrome::of(area);
        chrome.draw_head(canvas, &self.head(), &self.head_right());
        chrome.draw_tabs(canvas, &self.tabs(canvas));
        let caret = self.draw_body(canvas, &chrome, now);
        if let Some(side) = chrome.side {
            self.draw_side(canvas, side, now);
        }
        let (left, right) = self.status();
        chrome.draw_status(canvas, &left, &right);
        chrome.draw_keys(canvas, &self.hints());
        match &self.popup {
            Some(popup) => draw_popup(canvas, area, popup),
            None => caret,
        }
    }

    fn head(&self) -> Line {
        let words = self.seen.cluster.as_deref().map_or("(no name yet)", |name| name);
        Line::of(Role::Strong, " butleradm")
            .with(Role::Plain, " | bootstrap of a new cluster: ")
            .with(Role::Strong, words)
    }

    fn head_right(&self) -> Line {
        let mut line = Line::of(Role::Faint, if self.kept && !self.changed { "draft kept" } else { "" });
        let image = self.image_word().into_iter();
        for (role, words) in image.chain(self.worst_words()) {
            if !line.is_empty() {
                line.push(Role::Faint, " | ");
            }
            line.push(role, &words);
        }
        line.with(Role::Plain, " ")
    }

    fn tabs(&self, canvas: &Canvas<'_>) -> Vec<Tab> {
        let look = canvas.look();
        let tab = |standing: &butler_wizard::session::Standing| {
            let here = standing.step == self.step;
            // What nobody has looked at is not wrong yet.
            let visited = standing.step < self.step || self.focus.contains_key(&standing.step) || self.opened.is_some();
            let role = match standing.worst {
                _ if here => Some(Role::Focus),
                Some(Severity::Error) if visited => Some(Role::Bad),
                _ if standing.loading => Some(Role::Busy),
                Some(Severity::Warning) if visited => Some(Role::Late),
                Some(Severity::Error) => None,
                _ => standing.complete.then_some(Role::Good),
            };
            Tab {
                mark: role.map_or(" ", |role| look.mark(role)).to_owned(),
                role: role.unwrap_or(Role::Plain),
                name: standing.step.title().to_owned(),
                here,
            }
        };
        self.seen.steps.iter().map(tab).collect()
    }

    fn draw_body(&self, canvas: &mut Canvas<'_>, chrome: &Chrome, now: Timestamp) -> Option<Position> {
        if self.step == Step::Review {
            return self.draw_review(canvas, chrome.body, now);
        }
        let body = chrome.body;
        let help = if chrome.side.is_none() && body.height >= 10 {
            HELP_ROWS
        } else {
            0
        };
        let content = Rect {
            height: body.height - help,
            ..body
        };
        let (title, right) = self.title();
        canvas.ends(content, 0, &title, &right);
        let below = below(content, 1);
        let caret = if self.picker.is_some() {
            self.draw_picker(canvas, below, now)
        } else if self.step == Step::Provider {
            self.draw_platforms(canvas, below, now)
        } else {
            self.draw_form(canvas, below, now)
        };
        if help > 0 {
            let area = self::below(body, body.height - help);
            let words = self.question().map_or("", |question| question.help.as_str());
            let room = usize::from(area.width.saturating_sub(2));
            let lines: Vec<Line> = wrap(words, room)
                .iter()
                .map(|line| Line::of(Role::Faint, &format!(" {line}")))
                .collect();
            canvas.lines(area, &lines);
        }
        caret
    }

    /// The first row of a step: what it is about, and how it stands.
    fn title(&self) -> (Line, Line) {
        let heading = |words: &str| Line::of(Role::Strong, &format!(" {words}"));
        let platform = &self.seen.platform;
        let (words, right) = match self.step {
            Step::Provider => ("Where shall the management cluster run?".to_owned(), Line::new()),
            Step::Access => (
                format!("Access to {platform}"),
                Line::of(Role::Faint, "the file names secrets, it holds none "),
            ),
            Step::Resources => (format!("Resources on {platform}"), self.lists_here()),
            Step::Machines => ("Machines".to_owned(), self.fits()),
            Step::Network => ("Network".to_owned(), self.subnet()),
            Step::Addons => ("Addons".to_owned(), self.chosen()),
            Step::Review => (String::new(), Line::new()),
        };
        match &self.filter {
            Some((field, _)) => {
                let shown = format!("  {} of {}", self.shown().len(), self.seen.questions.len());
                let left = heading(&words).with(Role::Hint, "  /").with(Role::Plain, field.text());
                (left, Line::of(Role::Faint, &shown).with(Role::Plain, " "))
            }
            None => (heading(&words), right),
        }
    }

    fn chosen(&self) -> Line {
        let flags = || {
            self.seen
                .questions
                .iter()
                .filter(|question| question.kind == butler_wizard::question::Kind::Flag)
        };
        let on = flags().filter(|question| is_on(question)).count();
        Line::plain(&format!("{on} of {} on ", flags().count()))
    }

    /// The line about what has the focus.
    fn status(&self) -> (Line, Line) {
        if let Some(notice) = &self.notice {
            let mut line = Line::plain(" ");
            line.append(notice.clone());
            return (line, Line::new());
        }
        let right = match self.pending {
            Some(Pending::Launch) => Line::of(Role::Busy, "starting the run ... "),
            Some(Pending::Save) => Line::of(Role::Busy, "writing the file ... "),
            Some(Pending::Open) => Line::of(Role::Busy, "reading the file ... "),
            None => Line::new(),
        };
        let left = match self.question() {
            Some(question) if self.step != Step::Review => status_of(question),
            _ => Line::new(),
        };
        (left, right)
    }
}

fn draw_popup(canvas: &mut Canvas<'_>, area: Rect, shown: &Popup) -> Option<Position> {
    match shown {
        Popup::Leave(ask) | Popup::Error(ask) | Popup::Launch(ask) | Popup::Replace { ask, .. } => {
            ask.draw(canvas, area)
        }
        Popup::Path { purpose, field } => {
            let (title, words) = match purpose {
                Purpose::Save => (
                    "save",
                    "The configuration is written to this file. Secrets are not in it.",
                ),
                Purpose::Open => (
                    "open",
                    "The configuration is read from this file; its answers replace those here.",
                ),
            };
            let inner = popup(canvas, area, &Line::of(Role::Strong, title), 72, 3);
            canvas.line(inner, 0, &Line::plain(words));
            canvas.line(inner, 2, &Line::plain("file [ "));
            let room = below(inner, 2);
            let box_area = Rect {
                x: room.x + 7.min(room.width),
                width: room.width.saturating_sub(9),
                height: room.height.min(1),
                ..room
            };
            canvas.line_at(room, 0, 7 + box_area.width, &Line::plain(" ]"));
            field.draw(canvas, box_area, Role::Plain)
        }
    }
}

/// The setting that has the focus, in the words of the file, and where its value comes from.
fn status_of(question: &Question) -> Line {
    let mut line = Line::of(Role::Focus, &format!(" {}", question.path));
    line.push(Role::Plain, ": ");
    match (&question.answer, &question.usual) {
        (Some(answer), _) => line.push(Role::Plain, answer.origin.as_str()),
        (None, Some(_)) => line.push(Role::Plain, Origin::Usual.as_str()),
        (None, None) if question.required => line.push(Role::Late, "needs an answer"),
        (None, None) => line.push(Role::Faint, "may stay empty"),
    }
    if let Some(finding) = &question.finding {
        let role = words::role(finding.severity);
        line.push(Role::Plain, "  ");
        line.push(role, seen::word(finding.severity));
    }
    line
}

/// What is left of an area below so many rows.
fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect {
        y: area.y + rows,
        height: area.height - rows,
        ..area
    }
}
