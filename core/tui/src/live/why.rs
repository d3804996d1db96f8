//! Why the selected thing is as it is: the chain of causes across all layers, what is usual, and what to do.

use butler_api::{
    event::StepLine,
    view::{StepState, View},
};
use butler_lifecycle::runs::why as reasons;
use butler_terminal::duration;
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Live, addons,
    head::toned,
    log::Log,
    panels::{Panel, Subject},
    words,
};
use crate::{
    look::{Look, Role},
    widgets::{Canvas, Line, wrap},
};

/// Columns of the words in front of each line.
const LABEL: usize = 12;

/// Steps of a machine that are listed at most.
const STEPS: usize = 20;

/// Needs that are named at most.
const NEEDS: usize = 4;

impl Live {
    /// What the document is about: what was asked for, else what is selected.
    pub(super) fn topic(&self, at: Timestamp) -> Option<Subject> {
        self.topic.clone().or_else(|| self.subject(at))
    }

    pub(super) fn draw_why(&self, canvas: &mut Canvas<'_>, room: Rect, at: Timestamp) -> Option<Position> {
        if room.area() == 0 {
            return None;
        }
        let lines = self.why_lines(at, usize::from(room.width), canvas.look());
        let height = usize::from(room.height);
        let scroll = if self.document.is_some() {
            self.scroll
        } else {
            super::Scroll::default()
        };
        let seen = scroll.range(lines.len(), height);
        let more = lines.len() - seen.end;
        canvas.lines(room, &lines[seen]);
        if more > 0 && room.height > 1 {
            let words = Line::of(Role::Faint, &format!(" {more} more below "));
            let column = room
                .width
                .saturating_sub(u16::try_from(words.width()).unwrap_or(room.width));
            canvas.line_at(room, room.height - 1, column, &words);
        }
        self.document.is_some().then(|| Position::new(room.x, room.y))
    }

    /// The document, broken to so many columns.
    pub(super) fn why_lines(&self, at: Timestamp, columns: usize, look: Look) -> Vec<Line> {
        let broken = |line: &Line| flow(line, columns);
        self.why(at, look).iter().flat_map(broken).collect()
    }

    /// The document as text.
    pub(super) fn why_text(&self, at: Timestamp) -> String {
        let lines = self.why(at, Look::default());
        lines
            .iter()
            .map(|line| line.text().trim_end().to_owned() + "\n")
            .collect()
    }

    fn why(&self, at: Timestamp, look: Look) -> Vec<Line> {
        let view = self.picture();
        match self.topic(at) {
            Some(Subject::Machine(name)) => {
                let mut lines = vec![self.title(&Subject::Machine(name.clone()), at)];
                lines.extend(self.of_steps(view, at, |id| id.split('/').any(|part| part == name)));
                lines.extend(history(view, &name, at, look));
                lines
            }
            Some(Subject::Addon(name)) => {
                let id = addons::step(&name);
                let mut lines = vec![self.title(&Subject::Addon(name.clone()), at)];
                lines.extend(self.of_step(view, &id, at));
                if addons::is_begun(view, &name) {
                    lines.extend(needs(view, &id));
                }
                lines
            }
            Some(Subject::Step(id)) => {
                let mut lines = vec![Line::of(Role::Strong, " WHY")];
                lines.extend(self.of_step(view, &id, at));
                lines
            }
            Some(Subject::Line(number)) => {
                let mut lines = vec![Line::of(Role::Strong, " LINE OF THE LOG")];
                lines.push(Log::words(view, number));
                lines.extend(hint_of(view, number));
                lines
            }
            None => vec![Line::of(Role::Strong, " WHY"), self.nothing()],
        }
    }

    fn title(&self, subject: &Subject, at: Timestamp) -> Line {
        let mut line = Line::of(Role::Strong, " WHY ");
        line.append(self.words_of(subject, at));
        line
    }

    fn nothing(&self) -> Line {
        let words = match self.focus {
            Panel::Waits if self.is_running() => "  nothing is waited for at this moment",
            _ => "  nothing is selected",
        };
        Line::of(Role::Faint, words)
    }

    /// What holds up the steps that are chosen; each of them that is under way, or failed.
    fn of_steps(&self, view: &View, at: Timestamp, chosen: impl Fn(&str) -> bool) -> Vec<Line> {
        let failed = view.failed.iter().map(|failed| failed.step.as_str());
        let steps = failed.chain(view.open.keys().chain(view.ended.keys()).map(String::as_str));
        steps
            .filter(|id| chosen(id))
            .flat_map(|id| self.of_step(view, id, at))
            .collect()
    }

    fn of_step(&self, view: &View, id: &str, at: Timestamp) -> Vec<Line> {
        let running = self.held.is_some() || self.is_running();
        if let Some(reason) = reasons::reason(view, id, running, at) {
            let lines = words::reason(&reason);
            return lines.iter().map(|line| indented(toned(line))).collect();
        }
        match view.graph.get(id) {
            Some((line, StepState::Pending)) => self.unbegun(view, line, at),
            Some((line, state)) => vec![proven(line, state)],
            None => vec![Line::of(Role::Faint, "  nothing was heard of this step")],
        }
    }

    /// A step that waits for others: these, and what holds up the first of them that is under way.
    fn unbegun(&self, view: &View, line: &StepLine, at: Timestamp) -> Vec<Line> {
        let mut lines = vec![labelled("step", Role::Plain, &format!("{} ({})", line.id, line.title))];
        let unmet: Vec<&StepLine> = view.graph.unmet(line).collect();
        for need in unmet.iter().take(NEEDS) {
            lines.push(labelled("waits for", Role::Plain, &need.title));
        }
        if let Some(more @ 1..) = unmet.len().checked_sub(NEEDS) {
            lines.push(labelled("", Role::Faint, &format!("and {more} more")));
        }
        if let Some(need) = deepest(view, line) {
            lines.push(Line::new());
            lines.extend(self.of_step(view, &need.id, at));
        }
        lines
    }

    /// The selected thing as it is copied: the document that is read, else one line.
    pub(super) fn copied(&self, at: Timestamp) -> Option<String> {
        if self.document.is_some() {
            return Some(self.why_text(at));
        }
        Some(match self.subject(at)? {
            Subject::Line(number) => Log::text(self.picture(), number)?.to_owned(),
            subject => self.words_of(&subject, at).text(),
        })
    }
}

/// The step that is under way or failed which a step waits for in the end.
fn deepest<'a>(view: &'a View, line: &'a StepLine) -> Option<&'a StepLine> {
    let mut line = line;
    loop {
        let place = view.graph.place(&line.id)?;
        let unmet: Vec<&StepLine> = view.graph.unmet(line).collect();
        let at_work = |need: &&&StepLine| {
            view.graph
                .get(&need.id)
                .is_some_and(|(_, state)| state != StepState::Pending)
        };
        if let Some(need) = unmet.iter().find(at_work) {
            return Some(need);
        }
        // Needs come before what needs them; a stream from outside may say otherwise, and that leads nowhere.
        line = unmet
            .into_iter()
            .find(|need| view.graph.place(&need.id).is_some_and(|at| at < place))?;
    }
}

/// The steps about a machine in order, how long they took and how that compares.
fn history(view: &View, machine: &str, at: Timestamp, look: Look) -> Vec<Line> {
    let of_machine = |line: &StepLine| line.id.split('/').any(|part| part == machine);
    let steps = view.graph.iter().filter(|(line, _)| of_machine(line)).take(STEPS);
    let mut lines: Vec<Line> = steps.map(|(line, state)| step_line(line, state, at, look)).collect();
    if !lines.is_empty() {
        lines.insert(0, Line::of(Role::Strong, " STEPS"));
        lines.insert(0, Line::new());
    }
    lines
}

fn step_line(line: &StepLine, state: StepState, at: Timestamp, look: Look) -> Line {
    let (role, word) = match state {
        StepState::Pending => (Role::Faint, "not begun".to_owned()),
        StepState::Earlier => (Role::Good, "by an earlier run".to_owned()),
        StepState::Open(_) => (Role::Busy, format!("{} so far", took(state, at))),
        StepState::Proven(interval) if interval.already => (Role::Good, "was so already".to_owned()),
        StepState::Proven(_) => (Role::Good, took(state, at)),
        StepState::Failed(_) => (Role::Bad, format!("failed after {}", took(state, at))),
        StepState::Stopped(_) => (Role::Late, format!("not done after {}", took(state, at))),
    };
    let usual = line
        .usual_seconds
        .map_or_else(String::new, |usual| format!(", usually {}", words::span(usual.p50)));
    Line::plain("  ")
        .with(role, look.mark(role))
        .with(Role::Plain, &format!(" {}  ", line.title))
        .with(role, &word)
        .with(Role::Faint, &usual)
}

fn took(state: StepState, at: Timestamp) -> String {
    state
        .interval(at)
        .map_or_else(String::new, |interval| duration::short(interval.took()))
}

fn proven(line: &StepLine, state: StepState) -> Line {
    let words = match state {
        StepState::Earlier => "an earlier run has proven it".to_owned(),
        StepState::Proven(interval) if interval.already => "it was so already".to_owned(),
        StepState::Proven(interval) => format!("it is proven; it took {}", duration::short(interval.took())),
        _ => "it waits for nothing".to_owned(),
    };
    labelled("step", Role::Plain, &format!("{}: {words}", line.title))
}

/// What a step needs, for those that ask what it hangs on.
fn needs(view: &View, id: &str) -> Vec<Line> {
    let Some((line, _)) = view.graph.get(id) else {
        return Vec::new();
    };
    let known = line.needs.iter().filter_map(|need| view.graph.get(need));
    let titles: Vec<&str> = known.take(NEEDS).map(|(need, _)| need.title.as_str()).collect();
    if titles.is_empty() {
        return Vec::new();
    }
    vec![labelled("needed", Role::Faint, &titles.join(", "))]
}

/// What to do about a warning of the log.
fn hint_of(view: &View, number: u64) -> Option<Line> {
    let text = Log::text(view, number)?;
    let (_, hint) = view.warnings.iter().find(|(message, _)| message == text)?;
    hint.as_ref().map(|hint| labelled("try", Role::Hint, hint))
}

fn labelled(label: &str, role: Role, text: &str) -> Line {
    Line::of(Role::Faint, &format!("  {label:10}")).with(role, text)
}

/// A title of the lines begins at the left edge, where screens have a space.
fn indented(line: Line) -> Line {
    if line.text().starts_with(' ') {
        return line;
    }
    let mut out = Line::plain("  ");
    out.append(line);
    out
}

/// A line broken to so many columns; what follows stands below the text, not below the words in front of it.
fn flow(line: &Line, columns: usize) -> Vec<Line> {
    if line.width() <= columns || columns <= LABEL * 2 {
        return vec![line.clone()];
    }
    let is_label = line
        .spans()
        .first()
        .is_some_and(|(_, text)| text.len() == LABEL && text.starts_with("  "));
    let hang = if is_label { LABEL } else { 4 };
    let mut lines = Vec::new();
    let mut out = Line::new();
    for (role, text) in line.spans() {
        let mut rest = text.as_str();
        loop {
            let room = columns.saturating_sub(out.width());
            let parts = wrap(rest, room);
            let whole = parts.len() <= 1;
            let Some(first) = parts.into_iter().next() else { break };
            let fits = whole && rest.len() >= first.len();
            if fits {
                out.push(*role, rest);
                break;
            }
            out.push(*role, &first);
            // What is broken goes on behind the spaces that it was broken at.
            rest = rest.get(first.len()..).unwrap_or("").trim_start();
            lines.push(std::mem::replace(&mut out, Line::plain(&" ".repeat(hang))));
            if rest.is_empty() {
                break;
            }
        }
    }
    if !out.text().trim().is_empty() {
        lines.push(out);
    }
    lines
}
