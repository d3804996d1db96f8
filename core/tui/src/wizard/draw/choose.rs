//! Lists that one chooses from: the platforms, and what a platform has.

use butler_terminal::duration;
use butler_wizard::{
    list::State,
    question::{Alternative, Kind},
};
use jiff::Timestamp;
use ratatui::layout::{Position, Rect};

use super::{
    super::{
        Wizard,
        picker::{Item, Picker},
    },
    below, words,
};
use crate::{
    look::{Look, Role},
    widgets::{Canvas, Line, window, wrap},
};

/// Rows of the form that stay above an open list.
const ABOVE: u16 = 3;

/// The widest column of a list.
const WIDEST: usize = 40;

impl Wizard {
    /// The first step: the platforms, a draft, a configuration.
    pub(super) fn draw_platforms(&self, canvas: &mut Canvas<'_>, area: Rect, now: Timestamp) -> Option<Position> {
        let Some(question) = self.question().filter(|_| self.seen.questions.len() == 1) else {
            return self.draw_form(canvas, area, now);
        };
        let Kind::Choice(alternatives) = &question.kind else {
            return self.draw_form(canvas, area, now);
        };
        let answer = question
            .answer
            .as_ref()
            .map(|answer| &answer.text)
            .or(question.usual.as_ref());
        let here = alternatives.iter().position(|one| answer == Some(&one.value));
        let mut ways = Vec::new();
        if let Some(draft) = &self.draft {
            let words = format!(
                "continue the draft \"{}\", {} ago",
                draft.about,
                duration::age(draft.kept, now)
            );
            ways.push(Line::of(Role::Hint, "   d").with(Role::Plain, &format!("  {words}")));
        }
        ways.push(Line::of(Role::Hint, "   o").with(Role::Plain, "  open a configuration"));
        let ways_rows = u16::try_from(ways.len() + 1).unwrap_or(0);
        let room = area.height.saturating_sub(ways_rows).max(1).min(area.height);
        let width = alternatives.iter().map(|one| one.value.len()).max().unwrap_or(0) + 2;
        let mut caret = None;
        for (row, at) in (0..room).zip(window(here.unwrap_or(0), alternatives.len(), usize::from(room))) {
            let chosen = here == Some(at);
            canvas.line(area, row, &platform(&alternatives[at], chosen, width, canvas.look()));
            if chosen {
                caret = Some(Position {
                    x: area.x + 1,
                    y: area.y + row,
                });
            }
        }
        let used = room.min(u16::try_from(alternatives.len()).unwrap_or(room));
        canvas.lines(below(area, used + 1), &ways);
        caret.filter(|at| area.contains(*at))
    }

    /// An open list, below the question that it is for.
    pub(super) fn draw_picker(&self, canvas: &mut Canvas<'_>, area: Rect, now: Timestamp) -> Option<Position> {
        let picker = self.picker.as_ref()?;
        let above = if area.height > ABOVE + 4 {
            ABOVE
        } else {
            u16::from(area.height > 3)
        };
        let used = self.draw_rows_above(canvas, area, above, now);
        let area = below(area, used);
        let caret = self.draw_filter(canvas, area, picker, now);
        let notes = self.picker_notes(area.width, picker);
        let list = below(area, 1);
        let notes_rows = u16::try_from(notes.len())
            .unwrap_or(0)
            .min(list.height.saturating_sub(1));
        let rows = Rect {
            height: list.height - notes_rows,
            ..list
        };
        draw_items(canvas, rows, picker);
        canvas.lines(below(list, rows.height), &notes);
        caret
    }

    fn draw_filter(&self, canvas: &mut Canvas<'_>, area: Rect, picker: &Picker, now: Timestamp) -> Option<Position> {
        if area.height == 0 {
            return None;
        }
        let state = self.question().and_then(|question| self.list(question));
        let mut right = Line::plain(&format!("{} of {}", picker.items.len(), picker.total));
        if let Some(state) = state {
            right.push(Role::Plain, "  ");
            right.append(words::list(state, now));
        }
        right.push(Role::Plain, " ");
        canvas.ends(area, 0, &Line::of(Role::Hint, "     find "), &right);
        let room = area
            .width
            .saturating_sub(12 + u16::try_from(right.width()).unwrap_or(0));
        let field = Rect {
            x: area.x + 10.min(area.width),
            width: room,
            height: 1,
            ..area
        };
        picker.filter.draw(canvas, field, Role::Plain)
    }

    /// Why a list is short, or empty.
    fn picker_notes(&self, width: u16, picker: &Picker) -> Vec<Line> {
        let room = usize::from(width.saturating_sub(8));
        let mut notes = Vec::new();
        let mut say = |role: Role, text: &str| {
            notes.extend(
                wrap(text, room)
                    .iter()
                    .take(2)
                    .map(|line| Line::of(role, &format!("     {line}"))),
            );
        };
        match self.question().and_then(|question| self.list(question)) {
            Some(State::Failed { error, hint, .. }) => {
                say(Role::Bad, &format!("the list failed: {error}"));
                if let Some(hint) = hint {
                    say(Role::Hint, &format!("hint: {hint}"));
                }
                say(Role::Plain, "^R asks again, ^T types the answer");
            }
            Some(State::Loading { .. }) if picker.total == 0 => say(Role::Busy, "the platform is being asked"),
            _ if picker.items.is_empty() && picker.total > 0 => {
                say(Role::Plain, "nothing fits; ^T takes the words as they are");
            }
            _ => {}
        }
        notes
    }
}

fn platform(one: &Alternative, chosen: bool, width: usize, look: Look) -> Line {
    let (mark, role) = if chosen {
        (look.mark(Role::Focus), Role::Focus)
    } else {
        (" ", Role::Plain)
    };
    Line::of(Role::Focus, &format!(" {mark} "))
        .with(role, &one.value)
        .padded(3 + width)
        .with(Role::Plain, &one.about)
}

fn draw_items(canvas: &mut Canvas<'_>, area: Rect, picker: &Picker) {
    let selected = picker.position();
    let seen = window(selected, picker.items.len(), usize::from(area.height));
    let items = &picker.items[seen.clone()];
    let widths = Widths::of(items);
    for (row, (at, item)) in (0..area.height).zip(seen.zip(items)) {
        let line = widths.line(item, picker, at == selected, canvas.look());
        canvas.line(area, row, &line);
    }
}

/// The columns of the items that are seen.
struct Widths {
    value: usize,
    name: usize,
    facts: Vec<(&'static str, usize)>,
}

impl Widths {
    fn of(items: &[Item]) -> Self {
        let width = |text: &str| Line::plain(text).width().min(WIDEST);
        let mut facts: Vec<(&'static str, usize)> = Vec::new();
        for (name, value) in items.iter().flat_map(|item| &item.facts) {
            let wide = width(value);
            match facts.iter_mut().find(|(known, _)| known == name) {
                Some((_, widest)) => *widest = wide.max(*widest),
                None => facts.push((name, wide)),
            }
        }
        let name = items
            .iter()
            .filter(|item| item.name != item.value)
            .map(|item| width(&item.name))
            .max();
        Self {
            value: items.iter().map(|item| width(&item.value)).max().unwrap_or(0),
            name: name.unwrap_or(0),
            facts,
        }
    }

    fn line(&self, item: &Item, picker: &Picker, here: bool, look: Look) -> Line {
        let (mark, role) = match (here, &item.unusable) {
            (true, _) => (look.mark(Role::Focus), Role::Focus),
            (false, Some(_)) => (" ", Role::Faint),
            (false, None) => (" ", Role::Plain),
        };
        let mut line = Line::of(Role::Focus, &format!("   {mark} "));
        if picker.marks.is_some() {
            line.push(role, if picker.is_marked(&item.value) { "[x] " } else { "[ ] " });
        }
        let mut end = line.width() + self.value;
        line.append(Line::of(role, &item.value).cut(self.value, look));
        line = line.padded(end);
        if self.name > 0 {
            end += 2 + self.name;
            line.push(Role::Plain, "  ");
            let name = if item.name == item.value { "" } else { &item.name };
            line.append(Line::of(role, name).cut(self.name, look));
            line = line.padded(end);
        }
        if let Some(reason) = &item.unusable {
            return line.with(Role::Late, "  cannot be used: ").with(Role::Plain, reason);
        }
        for (name, wide) in &self.facts {
            let value = item
                .facts
                .iter()
                .find(|(known, _)| known == name)
                .map_or("", |(_, value)| value);
            let head = if name.is_empty() {
                String::new()
            } else {
                format!("{name} ")
            };
            end += 2 + Line::plain(&head).width() + wide;
            line.push(Role::Plain, "  ");
            line.push(Role::Faint, if value.is_empty() { "" } else { &head });
            line.append(Line::plain(value).cut(*wide, look));
            line = line.padded(end);
        }
        line
    }
}
