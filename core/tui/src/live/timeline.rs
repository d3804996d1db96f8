//! When each step was at work, and the chain that decides how long the run takes.

use std::{collections::HashSet, time::Duration};

use butler_api::{
    event::StepLine,
    view::{Interval, StepState, since},
};
use butler_terminal::{duration, text};
use crossterm::event::KeyCode;
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    Document, Live, compare,
    head::elapsed,
    panels::{Subject, moved},
};
use crate::{
    input::Key,
    look::{Look, Role},
    widgets::{Canvas, Line, scroll::movement, window},
};

/// How a timeline is looked at.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// The selected step.
    selected: Option<String>,
    /// How often the span was halved.
    zoom: u32,
    /// How far into the run the first column is; none where the end is followed.
    from: Option<Duration>,
    only_critical: bool,
}

/// The closest look: seconds of a long run.
const CLOSEST: u32 = 12;

/// Columns of how long a step took, and the word that says late.
const TOOK: usize = 12;

/// A step that was at work.
struct Bar<'a> {
    line: &'a StepLine,
    state: StepState,
    interval: Interval,
    critical: bool,
}

impl Bar<'_> {
    fn is_late(&self) -> bool {
        let took = self.interval.took().as_secs_f64();
        matches!(self.state, StepState::Open(_)) && self.line.usual_seconds.is_some_and(|usual| took > usual.p95)
    }

    fn role(&self) -> Role {
        match self.state {
            StepState::Failed(_) => Role::Bad,
            StepState::Stopped(_) => Role::Late,
            StepState::Open(_) if self.is_late() => Role::Late,
            StepState::Open(_) => Role::Busy,
            _ if self.interval.already => Role::Faint,
            _ => Role::Good,
        }
    }

    fn words(&self) -> String {
        let took = duration::short(self.interval.took());
        match self.state {
            StepState::Failed(_) => format!("{took} failed"),
            StepState::Stopped(_) => format!("{took} ended"),
            _ if self.is_late() => format!("{took} late"),
            _ => took,
        }
    }
}

/// The part of the run that is seen.
#[derive(Debug, Clone, Copy)]
struct Span {
    began: Timestamp,
    from: Duration,
    length: Duration,
}

impl Timeline {
    fn span(&self, began: Timestamp, whole: Duration) -> Span {
        let length = (whole / 2u32.pow(self.zoom.min(CLOSEST))).max(Duration::from_millis(10));
        let last = whole.saturating_sub(length);
        let from = self.from.map_or(last, |from| from.min(last));
        Span { began, from, length }
    }
}

impl Span {
    /// The columns of an interval, of so many; none where it is outside.
    fn columns(&self, interval: &Interval, columns: usize) -> Option<(usize, usize)> {
        let place = |time: Timestamp| since(self.began, time).as_secs_f64() - self.from.as_secs_f64();
        let (from, to) = (place(interval.from), place(interval.to));
        if columns == 0 || to < 0.0 || from > self.length.as_secs_f64() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "columns of a terminal")]
        let scale = columns as f64 / self.length.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to columns of a terminal"
        )]
        let column = |seconds: f64| ((seconds * scale).max(0.0) as usize).min(columns);
        let first = column(from).min(columns - 1);
        Some((first, column(to).clamp(first + 1, columns)))
    }
}

impl Live {
    fn bars(&self, at: Timestamp, only_critical: bool) -> Vec<Bar<'_>> {
        let graph = &self.picture().graph;
        let critical: HashSet<usize> = graph.critical(at).into_iter().collect();
        let mut bars: Vec<Bar<'_>> = graph
            .iter()
            .enumerate()
            .filter(|(place, _)| !only_critical || critical.contains(place))
            .filter_map(|(place, (line, state))| {
                Some(Bar {
                    line,
                    state,
                    interval: state.interval(at)?,
                    critical: critical.contains(&place),
                })
            })
            .collect();
        bars.sort_by_key(|bar| bar.interval.from);
        bars
    }

    /// The bars that are shown: beside other things, only as many as matter.
    fn shown_bars(&self, at: Timestamp, rows: usize) -> Vec<Bar<'_>> {
        let reads = self.document == Some(Document::Timeline);
        let bars = self.bars(at, reads && self.timeline.only_critical);
        if reads || bars.len() <= rows {
            return bars;
        }
        let mut bars: Vec<Bar<'_>> = bars.into_iter().filter(|bar| bar.critical || bar.is_late()).collect();
        let surplus = bars.len().saturating_sub(rows);
        bars.drain(..surplus);
        bars
    }

    fn selected_bar(&self, bars: &[Bar<'_>]) -> Option<usize> {
        let id = self.timeline.selected.as_ref();
        let picked = id.and_then(|id| bars.iter().position(|bar| bar.line.id == *id));
        picked
            .or_else(|| bars.iter().rposition(|bar| bar.critical))
            .or_else(|| bars.len().checked_sub(1))
    }

    pub(super) fn draw_timeline(&self, canvas: &mut Canvas<'_>, room: Rect, at: Timestamp) -> Option<Position> {
        if room.area() == 0 {
            return None;
        }
        let view = self.picture();
        let reads = self.document == Some(Document::Timeline);
        let rows = usize::from(room.height).saturating_sub(2);
        let bars = self.shown_bars(at, rows);
        let Some(began) = view.started.filter(|_| !bars.is_empty()) else {
            let words = if view.graph.is_empty() {
                "  no step was heard of"
            } else {
                "  no step has begun"
            };
            canvas.line(room, 0, &Line::of(Role::Strong, " TIMELINE"));
            canvas.line(room, 1, &Line::of(Role::Faint, words));
            return None;
        };
        let span = self.timeline.span(began, elapsed(view, at));
        let titles = bars.iter().map(|bar| text::width(&bar.line.title)).max().unwrap_or(0);
        let columns = usize::from(room.width);
        let title = titles.min(columns / 3).max(8.min(columns));
        let compared = if self.against.is_something() && reads {
            compare::COLUMNS
        } else {
            0
        };
        let label = (4 + title + 1 + TOOK + compared).min(columns);
        let width = columns - label;
        canvas.line(room, 0, &axis(&span, label, width, self.timeline.zoom));
        let selected = self.selected_bar(&bars).filter(|_| reads);
        let seen = window(selected.unwrap_or(0), bars.len(), rows);
        let mut caret = None;
        for (row, place) in (1..).zip(seen) {
            let bar = &bars[place];
            let is_selected = selected == Some(place);
            if is_selected {
                caret = Some(Position::new(room.x, room.y + row));
            }
            let mut line = bar_label(bar, is_selected, title, canvas.look());
            if compared > 0 {
                let took = bar.interval.took();
                line.append(self.against.difference(bar.line, took).padded(compared));
            }
            line.append(drawn(bar, &span, width, canvas.look()));
            canvas.line(room, row, &line);
        }
        if room.height > 1 {
            let words = if reads { self.against.words() } else { Line::new() };
            let words = if words.is_empty() {
                self.critical_words(at)
            } else {
                words
            };
            canvas.line(room, room.height - 1, &words);
        }
        caret
    }

    /// The chain that decides, in numbers.
    fn critical_words(&self, at: Timestamp) -> Line {
        let graph = &self.picture().graph;
        let steps = graph.critical(at).into_iter().filter_map(|place| graph.at(place));
        let took: Vec<(&str, Duration)> = steps
            .filter_map(|(line, state)| Some((line.title.as_str(), state.interval(at)?.took())))
            .collect();
        let whole: Duration = took.iter().map(|(_, took)| *took).sum();
        let mut line = Line::of(
            Role::Faint,
            &format!(" * critical: {} steps, {}", took.len(), duration::clock(whole)),
        );
        if let Some((title, longest)) = took.iter().max_by_key(|(_, took)| *took) {
            line.push(
                Role::Faint,
                &format!("; the longest is {title}, {}", duration::short(*longest)),
            );
        }
        line
    }

    /// Takes a key while the timeline is read; says whether it was one of its own.
    pub(super) fn timeline_key(&mut self, key: Key, height: usize, at: Timestamp) -> bool {
        let whole = elapsed(self.picture(), at);
        let began = self.picture().started;
        match key.code {
            KeyCode::Char('+' | '=') => self.timeline.zoom = (self.timeline.zoom + 1).min(CLOSEST),
            KeyCode::Char('-') => self.timeline.zoom = self.timeline.zoom.saturating_sub(1),
            KeyCode::Char('o') => self.timeline.only_critical = !self.timeline.only_critical,
            KeyCode::Left | KeyCode::Right if !self.is_replay() => {
                let Some(began) = began else { return true };
                let span = self.timeline.span(began, whole);
                let step = (span.length / 4).max(Duration::from_millis(1));
                let last = whole.saturating_sub(span.length);
                let from = if key.code == KeyCode::Left {
                    span.from.saturating_sub(step)
                } else {
                    span.from + step
                };
                self.timeline.from = (from < last).then_some(from);
            }
            KeyCode::Enter => {
                let bars = self.bars(at, self.timeline.only_critical);
                let chosen = self.selected_bar(&bars).map(|place| bars[place].line.id.clone());
                if let Some(id) = chosen {
                    self.timeline.selected = Some(id.clone());
                    self.topic = Some(Subject::Step(id));
                    self.document = Some(Document::Why);
                }
            }
            _ => {
                let Some(by) = movement(key, height) else { return false };
                let bars = self.bars(at, self.timeline.only_critical);
                let to = moved(self.selected_bar(&bars), by, bars.len());
                self.timeline.selected = to.map(|place| bars[place].line.id.clone());
            }
        }
        true
    }

    /// The timeline, or its selected step, as it is copied.
    pub(super) fn timeline_text(&self, at: Timestamp) -> Option<String> {
        let bars = self.bars(at, self.timeline.only_critical);
        let bar = &bars[self.selected_bar(&bars)?];
        Some(format!("{} ({}): {}", bar.line.title, bar.line.id, bar.words()))
    }
}

fn axis(span: &Span, label: usize, width: usize, zoom: u32) -> Line {
    let zoomed = if zoom > 0 {
        format!(" x{}", 2u32.pow(zoom.min(CLOSEST)))
    } else {
        String::new()
    };
    let mut line = Line::of(Role::Strong, " TIMELINE")
        .with(Role::Plain, &zoomed)
        .padded(label);
    let marks = (width / 12).max(1);
    let mut written = 0;
    for mark in 0..=marks {
        let part = u32::try_from(mark).unwrap_or(0);
        let all = u32::try_from(marks).unwrap_or(1).max(1);
        let words = duration::clock(span.from + span.length * part / all);
        // The last one ends where the bars do.
        let column = if mark == marks {
            width.saturating_sub(words.len())
        } else {
            width * mark / marks
        };
        if column < written || column + words.len() > width {
            continue;
        }
        line.push(Role::Faint, &" ".repeat(column - written));
        line.push(Role::Faint, &words);
        written = column + words.len() + 1;
        if written <= width {
            line.push(Role::Faint, " ");
        }
    }
    line
}

fn bar_label(bar: &Bar<'_>, is_selected: bool, title: usize, look: Look) -> Line {
    let mark = if is_selected { look.mark(Role::Focus) } else { " " };
    let critical = if bar.critical { "*" } else { " " };
    let style = if is_selected { Role::Focus } else { Role::Plain };
    let mut line = Line::of(Role::Focus, mark).with(Role::Strong, &format!(" {critical} "));
    line.append(Line::of(style, &bar.line.title).cut(title, look).padded(title + 1));
    line.append(Line::of(bar.role(), &bar.words()).cut(TOOK - 1, look).padded(TOOK));
    line
}

fn drawn(bar: &Bar<'_>, span: &Span, width: usize, look: Look) -> Line {
    let Some((first, end)) = span.columns(&bar.interval, width) else {
        return Line::new();
    };
    let glyph = match (look.ascii, bar.critical) {
        (true, true) => "=",
        (true, false) => "-",
        (false, true) => "━",
        (false, false) => "─",
    };
    let role = bar.role();
    let mut line = Line::plain(&" ".repeat(first));
    // What goes on, or ended badly, says so at its end.
    let has_end = matches!(
        bar.state,
        StepState::Open(_) | StepState::Failed(_) | StepState::Stopped(_)
    );
    line.push(role, &glyph.repeat(end - first - usize::from(has_end)));
    if has_end {
        line.push(role, look.mark(role));
    }
    line
}
