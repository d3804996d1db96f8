//! The last screen of a run: what was made and how to go on, or what went wrong and what to try.

use butler_api::{event::Outcome, view::Failed};
use butler_terminal::{duration, progress::plural, qr, text};
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;

use super::{Live, addons, head::elapsed, machines, words};
use crate::{
    look::{Look, Role},
    widgets::{Canvas, Line, wrap},
};

/// A key that was pressed earlier was meant for what was there before.
const SEEN_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// Failures, causes and warnings that are told, of each.
const NOTES: usize = 3;

/// Columns of what a value is.
const LABEL: usize = 17;

/// The label of the command that goes on with a run, among the results.
const AGAIN: &str = "again";

/// The label of the console's address, among the results.
const CONSOLE: &str = "console";

/// Columns that the words keep beside a code.
const WORDS: usize = 72;

/// The last screen.
#[derive(Debug)]
pub(super) struct Ending {
    since: Timestamp,
    shown: bool,
}

impl Ending {
    pub(super) fn new(since: Timestamp) -> Self {
        Self { since, shown: true }
    }

    pub(super) fn is_shown(&self) -> bool {
        self.shown
    }

    /// Whether it was there for long enough to be seen.
    pub(super) fn was_seen(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) >= SEEN_AFTER
    }

    pub(super) fn show(&mut self, shown: bool) {
        self.shown = shown;
    }
}

/// A heading, a sentence, or a labelled value; one list for the screen and for what stays in the terminal.
#[derive(Debug)]
enum Part {
    Head(Role, String),
    Text(Role, String),
    Value(String, Role, String),
    Gap,
}

impl Live {
    pub(super) fn draw_ending(&self, canvas: &mut Canvas<'_>, room: Rect, at: Timestamp) {
        let look = canvas.look();
        let code = self.code(room, look);
        let beside = code.iter().flatten().map(|line| text::width(line)).max().unwrap_or(0);
        let code_room = Rect {
            x: room.right() - u16::try_from(beside).unwrap_or(room.width).min(room.width),
            ..room
        };
        for (row, line) in (0..room.height).zip(code.iter().flatten()) {
            canvas.line(code_room, row, &Line::plain(line));
        }
        let columns = usize::from(room.width).saturating_sub(beside);
        let room = Rect {
            width: room.width.min(code_room.x - room.x),
            ..room
        };
        let lines: Vec<Line> = self
            .ending(at)
            .iter()
            .flat_map(|part| lines(part, columns, look))
            .collect();
        let height = usize::from(room.height);
        let over = lines.len().saturating_sub(height);
        if over == 0 || height < 4 {
            canvas.lines(room, &lines);
            return;
        }
        // The outcome stays, and so does what comes next, which is last.
        let first = height.div_ceil(3);
        canvas.lines(room, &lines[..first]);
        let below = Rect {
            y: room.y + room.height.div_ceil(3),
            height: room.height - room.height.div_ceil(3),
            ..room
        };
        canvas.lines(below, &lines[first + over..]);
    }

    /// The address of the console for a telephone, where it fits beside the words.
    fn code(&self, room: Rect, look: Look) -> Option<Vec<String>> {
        let (_, url) = self.results.iter().find(|(what, _)| what == CONSOLE)?;
        let is_address = url.starts_with("https://") || url.starts_with("http://");
        let columns = usize::from(room.width).checked_sub(WORDS)?;
        if look.ascii || !is_address {
            return None;
        }
        qr::lines(url, columns, usize::from(room.height))
    }

    /// The same words for the terminal, after the program has left it.
    pub(super) fn ending_words(&self, at: Timestamp) -> Vec<String> {
        let text = |part: &Part| match part {
            Part::Head(_, text) => text.clone(),
            Part::Text(_, text) => format!("  {text}"),
            Part::Value(label, _, value) => format!("  {label:LABEL$}{value}"),
            Part::Gap => String::new(),
        };
        self.ending(at).iter().map(text).collect()
    }

    fn ending(&self, at: Timestamp) -> Vec<Part> {
        let view = &self.view;
        let mut parts = vec![self.outcome(), Part::Text(Role::Plain, self.what_there_is(at))];
        if !matches!(view.finished, Some((Outcome::Done, ..))) {
            parts.extend(self.what_went_wrong(at));
        }
        let warnings = view.warnings.iter().take(NOTES);
        let warnings = warnings.map(|(message, _)| Part::Value("warning".to_owned(), Role::Busy, message.clone()));
        parts.extend(warnings);
        parts.extend(self.files());
        parts.extend(self.next());
        parts
    }

    fn outcome(&self) -> Part {
        match &self.view.finished {
            Some((Outcome::Done, _, message)) => Part::Head(Role::Good, capitalised(message)),
            Some((outcome, _, message)) => {
                let how = match outcome {
                    Outcome::Deadline => "its deadline passed",
                    Outcome::Interrupted => "stopped on request",
                    Outcome::Done | Outcome::Failed => "failed",
                };
                Part::Head(Role::Bad, format!("{}: {how}: {message}", self.name()))
            }
            None => Part::Head(Role::Bad, capitalised(&words::gone(self.name(), self.view.heard))),
        }
    }

    fn what_there_is(&self, at: Timestamp) -> String {
        let view = &self.view;
        let took = duration::clock(elapsed(view, at));
        let steps = match view.finished {
            Some((Outcome::Done, ..)) => plural(view.steps, "step"),
            _ => format!("{} of {}", view.proven(), plural(view.steps, "step")),
        };
        let all = [
            self.name().to_owned(),
            machines::summary(view),
            addons::summary(view),
            steps,
            took,
        ];
        let mut text = all[0].clone() + ": ";
        text.push_str(&all[1..].join(", "));
        text
    }

    fn what_went_wrong(&self, at: Timestamp) -> Vec<Part> {
        let view = &self.view;
        let mut parts = vec![Part::Gap];
        parts.extend(view.failed.iter().take(NOTES).flat_map(failure));
        if let Some(more @ 1..) = view.failed.len().checked_sub(NOTES) {
            parts.push(Part::Text(
                Role::Faint,
                format!("and {more} more failed; butleradm why {} has them", self.name()),
            ));
        }
        if view.failed.is_empty() {
            for (_, open) in view.ended.iter().chain(&view.open).take(NOTES) {
                let (what, began) = open.waits_for().unwrap_or((&open.title, open.started));
                let age = duration::short(butler_api::view::since(began, at));
                let cause = open
                    .cause
                    .as_ref()
                    .map_or_else(String::new, |cause| format!(": {cause}"));
                parts.push(Part::Value(
                    "waited for".to_owned(),
                    Role::Plain,
                    format!("{what}, {age}{cause}"),
                ));
                parts.extend(
                    open.hint
                        .iter()
                        .map(|hint| Part::Value("try".to_owned(), Role::Hint, hint.clone())),
                );
            }
        }
        parts.push(Part::Value("exists".to_owned(), Role::Plain, words::exists(view)));
        parts
    }

    /// The files that were written, and what else the folder of the run says.
    fn files(&self) -> Vec<Part> {
        let value = |(what, value): &(String, String)| Part::Value(what.clone(), Role::Strong, value.clone());
        let told = |value: &String| self.view.files.iter().any(|(_, path)| path == value);
        let more = self
            .results
            .iter()
            .filter(|(what, value)| what != AGAIN && !told(value));
        let mut parts: Vec<Part> = self.view.files.iter().chain(more).map(value).collect();
        if !parts.is_empty() {
            parts.insert(0, Part::Gap);
        }
        parts
    }

    fn next(&self) -> Vec<Part> {
        let view = &self.view;
        let command = |words: String| Part::Value("next".to_owned(), Role::Hint, words);
        let mut parts = vec![Part::Gap];
        if matches!(view.finished, Some((Outcome::Done, ..))) {
            let kubeconfig = view.files.iter().find(|(what, _)| what == "kubeconfig");
            parts.extend(kubeconfig.map(|(_, path)| command(format!("kubectl --kubeconfig {path} get nodes"))));
            return if parts.len() > 1 { parts } else { Vec::new() };
        }
        let again = self.results.iter().find(|(what, _)| what == AGAIN);
        parts.push(match again {
            Some((_, again)) => Part::Text(Role::Plain, words::again(again)),
            None => Part::Text(
                Role::Plain,
                "nothing was deleted; the same command goes on from here".to_owned(),
            ),
        });
        parts.push(command(format!("butleradm why {}", self.name())));
        parts
    }
}

fn failure(failed: &Failed) -> Vec<Part> {
    let words = format!("{}: {}", failed.title, failed.error);
    let mut parts = vec![Part::Value("failed".to_owned(), Role::Bad, words)];
    if let Some(cause) = failed.open.as_ref().and_then(|open| open.chain.last()) {
        parts.push(Part::Value(
            "cause".to_owned(),
            Role::Plain,
            format!("{}: {}", cause.object, cause.text),
        ));
    }
    parts.extend(
        failed
            .hint
            .iter()
            .map(|hint| Part::Value("try".to_owned(), Role::Hint, hint.clone())),
    );
    parts
}

fn lines(part: &Part, columns: usize, look: Look) -> Vec<Line> {
    let broken = |text: &str, role: Role, before: Line| {
        let room = columns.saturating_sub(before.width()).max(16);
        let hang = Line::plain(&" ".repeat(before.width()));
        let mut before = Some(before);
        let line = |words: &String| {
            let mut line = before.take().unwrap_or_else(|| hang.clone());
            line.push(role, words);
            line
        };
        wrap(text, room).iter().map(line).collect::<Vec<Line>>()
    };
    match part {
        Part::Head(role, text) => broken(text, *role, Line::of(*role, &format!(" {} ", look.mark(*role)))),
        Part::Text(role, text) => broken(text, *role, Line::plain("   ")),
        Part::Value(label, role, value) => broken(value, *role, Line::of(Role::Faint, &format!("   {label:LABEL$}"))),
        Part::Gap => vec![Line::new()],
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
