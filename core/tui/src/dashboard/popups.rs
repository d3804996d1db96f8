//! What lies on top of the dashboard: choices, questions, and the questions of a new cluster.

use butler_tenancy::{
    clusters::create::{
        Wanted,
        interview::{Ask as Question, Interview, Kind as How},
    },
    live::Kind,
};
use butler_terminal::text;
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::{Position, Rect};

use super::{
    actions::{self, Action, Offer},
    edited::Edit,
    places::Places,
};
use crate::{
    board::{Act, Edited, Elsewhere, Target},
    input::Key,
    look::Role,
    widgets::{Canvas, Field, Line, popup::popup, window, wrap},
};

/// A key that is held must not confirm what has just been asked.
pub(super) const SEEN_AFTER: SignedDuration = SignedDuration::from_millis(300);

/// Something on top of the dashboard.
#[derive(Debug)]
pub(super) enum Popup {
    /// By which column rows are ordered.
    Sort { kind: Kind, at: usize },
    /// What can be done.
    Offers {
        offers: Vec<Offer>,
        typed: Field,
        at: usize,
    },
    /// One value is asked for.
    Prompt(Prompt),
    /// Somebody wants to delete clusters.
    Delete(Delete),
    /// What the questions of a new cluster need is looked up.
    Preparing,
    /// The questions of a new cluster.
    Create(Box<Create>),
    /// Where else one can go.
    Places(Places),
    /// What an edited text comes to.
    Edit(Edit),
}

/// What became of a key.
#[derive(Debug)]
pub(super) enum Answer {
    /// It stays.
    Open,
    /// It is closed.
    Close,
    /// Rows are ordered by this column; none is the name.
    Sort(Option<usize>),
    /// This is to be done.
    Action(Action),
    /// These are to be carried out.
    Acts(Vec<Act>),
    /// Somebody goes elsewhere.
    Switch(Elsewhere),
    /// A text is edited once more.
    EditAgain(Box<Edited>),
}

/// One value that is asked for.
#[derive(Debug)]
pub(super) struct Prompt {
    title: String,
    about: String,
    field: Field,
    /// Choices that the arrow keys bring into the field.
    choices: Vec<String>,
    chosen: usize,
    make: fn(Target, String) -> Act,
    targets: Vec<Target>,
    mistake: Option<String>,
}

/// Clusters that somebody wants to delete.
#[derive(Debug)]
pub(super) struct Delete {
    targets: Vec<Target>,
    /// Of these, so many are marked but not shown.
    hidden: usize,
    /// What goes with them.
    goes: Vec<String>,
    field: Field,
    opened: Timestamp,
}

/// The questions of a new cluster.
#[derive(Debug)]
pub(super) struct Create {
    /// Before each question that was answered.
    before: Vec<Interview>,
    interview: Interview,
    /// Where it goes.
    namespace: Option<String>,
    field: Field,
    at: usize,
    mistake: Option<String>,
}

impl Popup {
    pub(super) fn offers(offers: Vec<Offer>) -> Self {
        Self::Offers {
            offers,
            typed: Field::default(),
            at: 0,
        }
    }

    pub(super) fn prompt(
        title: &str,
        about: &str,
        value: &str,
        targets: Vec<Target>,
        make: fn(Target, String) -> Act,
    ) -> Self {
        Self::Prompt(Prompt {
            title: title.to_owned(),
            about: about.to_owned(),
            field: Field::new(value),
            choices: Vec::new(),
            chosen: 0,
            make,
            targets,
            mistake: None,
        })
    }

    /// The same with values to choose from.
    pub(super) fn choosing(self, choices: Vec<String>) -> Self {
        match self {
            Self::Prompt(prompt) => Self::Prompt(Prompt { choices, ..prompt }),
            other => other,
        }
    }

    pub(super) fn delete(targets: Vec<Target>, hidden: usize, goes: Vec<String>, now: Timestamp) -> Self {
        Self::Delete(Delete {
            targets,
            hidden,
            goes,
            field: Field::default(),
            opened: now,
        })
    }

    pub(super) fn create(interview: Interview, namespace: Option<String>) -> Self {
        let mut create = Create {
            before: Vec::new(),
            interview,
            namespace,
            field: Field::default(),
            at: 0,
            mistake: None,
        };
        create.begin();
        Self::Create(Box::new(create))
    }

    /// Whether characters go into a field.
    pub(super) fn is_typed_into(&self) -> bool {
        match self {
            Self::Sort { .. } | Self::Preparing | Self::Places(_) | Self::Edit(_) => false,
            Self::Offers { .. } | Self::Prompt(_) | Self::Delete(_) => true,
            Self::Create(create) => matches!(create.question().map(|ask| ask.kind), Some(How::Text(_))),
        }
    }

    pub(super) fn paste(&mut self, pasted: &str) {
        match self {
            // The name of what is deleted has to be typed.
            Self::Sort { .. } | Self::Preparing | Self::Delete(_) | Self::Places(_) | Self::Edit(_) => {}
            Self::Offers { typed, .. } => typed.paste(pasted),
            Self::Prompt(prompt) => prompt.field.paste(pasted),
            Self::Create(create) => create.field.paste(pasted),
        }
    }

    pub(super) fn key(&mut self, key: Key, now: Timestamp) -> Answer {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.code == KeyCode::Esc || control && key.code == KeyCode::Char('c') {
            if let (Self::Create(create), KeyCode::Esc) = (self, key.code)
                && create.back()
            {
                return Answer::Open;
            }
            return Answer::Close;
        }
        match self {
            Self::Sort { kind, at } => sort_key(*kind, at, key),
            Self::Offers { offers, typed, at } => offers_key(offers, typed, at, key),
            Self::Prompt(prompt) => prompt.key(key),
            Self::Delete(delete) => delete.key(key, now),
            Self::Preparing => Answer::Open,
            Self::Create(create) => create.key(key),
            Self::Places(places) => places.key(key),
            Self::Edit(edit) => edit.key(key, now),
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        match self {
            Self::Sort { kind, at } => {
                draw_sort(canvas, area, *kind, *at);
                None
            }
            Self::Offers { offers, typed, at } => draw_offers(canvas, area, &found(offers, typed), typed, *at),
            Self::Prompt(prompt) => prompt.draw(canvas, area),
            Self::Delete(delete) => delete.draw(canvas, area),
            Self::Preparing => {
                let inner = popup(canvas, area, &Line::of(Role::Strong, "new cluster"), 60, 1);
                canvas.line(
                    inner,
                    0,
                    &Line::of(Role::Busy, "looking up platforms, environments and limits"),
                );
                None
            }
            Self::Create(create) => create.draw(canvas, area),
            Self::Places(places) => {
                places.draw(canvas, area);
                None
            }
            Self::Edit(edit) => {
                edit.draw(canvas, area);
                None
            }
        }
    }
}

/// Moves in a list of so many; whether the key was one that moves.
pub(super) fn moved(at: &mut usize, count: usize, key: Key) -> bool {
    let last = count.saturating_sub(1);
    match key.code {
        KeyCode::Down => *at = (*at + 1).min(last),
        KeyCode::Up => *at = at.saturating_sub(1),
        KeyCode::PageDown => *at = (*at + 10).min(last),
        KeyCode::PageUp => *at = at.saturating_sub(10),
        KeyCode::Home => *at = 0,
        KeyCode::End => *at = last,
        _ => return false,
    }
    true
}

fn sort_key(kind: Kind, at: &mut usize, key: Key) -> Answer {
    let count = kind.columns().len() + 1;
    match key.code {
        KeyCode::Char('j') => *at = (*at + 1).min(count - 1),
        KeyCode::Char('k') => *at = at.saturating_sub(1),
        KeyCode::Char('q' | 'S') => return Answer::Close,
        KeyCode::Enter => return Answer::Sort(at.checked_sub(1)),
        _ => drop(moved(at, count, key)),
    }
    Answer::Open
}

fn draw_sort(canvas: &mut Canvas<'_>, area: Rect, kind: Kind, at: usize) {
    let titles = kind.columns().iter().map(|column| column.title);
    let lines: Vec<Line> = std::iter::once("NAME")
        .chain(titles)
        .enumerate()
        .map(|(index, title)| {
            if index == at {
                Line::of(Role::Focus, &format!("{} {title}", canvas.look().mark(Role::Focus)))
            } else {
                Line::plain(&format!("  {title}"))
            }
        })
        .collect();
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let inner = popup(canvas, area, &Line::of(Role::Strong, "order by"), 30, rows);
    canvas.lines(inner, &lines);
}

fn found<'a>(offers: &'a [Offer], typed: &Field) -> Vec<&'a Offer> {
    let words = typed.text().to_lowercase();
    let meant = |offer: &&Offer| {
        let all = format!("{} {}", offer.words, offer.command.as_deref().unwrap_or("")).to_lowercase();
        words.split_whitespace().all(|word| all.contains(word))
    };
    offers.iter().filter(meant).collect()
}

fn offers_key(offers: &[Offer], typed: &mut Field, at: &mut usize, key: Key) -> Answer {
    let count = found(offers, typed).len();
    if moved(at, count, key) {
        return Answer::Open;
    }
    if key.code == KeyCode::Enter {
        return match found(offers, typed).get(*at) {
            Some(offer) if offer.disabled.is_none() => Answer::Action(offer.action),
            _ => Answer::Open,
        };
    }
    typed.key(key);
    *at = 0;
    Answer::Open
}

fn draw_offers(canvas: &mut Canvas<'_>, area: Rect, offers: &[&Offer], typed: &Field, at: usize) -> Option<Position> {
    let columns = area.width.saturating_sub(8).min(96);
    let inner = popup(
        canvas,
        area,
        &Line::of(Role::Strong, "do"),
        columns,
        area.height.saturating_sub(6).min(22),
    );
    let head = Rect {
        height: inner.height.min(1),
        ..inner
    };
    canvas.line(head, 0, &Line::of(Role::Hint, ": "));
    let place = Rect {
        x: head.x + 2.min(head.width),
        width: head.width.saturating_sub(2),
        ..head
    };
    let caret = typed.draw(canvas, place, Role::Plain);
    let rows = Rect {
        y: inner.y + head.height,
        height: inner.height.saturating_sub(2),
        ..inner
    };
    let seen = window(at, offers.len(), usize::from(rows.height));
    for (row, index) in seen.enumerate() {
        let offer = offers[index];
        let here = index == at;
        let role = match (offer.disabled.is_some(), here) {
            (true, _) => Role::Faint,
            (false, true) => Role::Focus,
            (false, false) => Role::Plain,
        };
        let mut line = Line::of(Role::Focus, if here { canvas.look().mark(Role::Focus) } else { " " });
        line.push(Role::Hint, &format!(" {:<6}", offer.key));
        line.push(role, &offer.words);
        let right = match (&offer.disabled, &offer.command) {
            (Some(why), _) => Line::of(Role::Faint, why),
            (None, Some(command)) => Line::of(Role::Faint, command),
            (None, None) => Line::new(),
        };
        canvas.ends(rows, u16::try_from(row).unwrap_or(u16::MAX), &line, &right);
    }
    caret
}

impl Prompt {
    fn key(&mut self, key: Key) -> Answer {
        if !self.choices.is_empty() && moved(&mut self.chosen, self.choices.len(), key) {
            self.field = Field::new(&self.choices[self.chosen]);
            return Answer::Open;
        }
        if key.code == KeyCode::Enter {
            let value = self.field.text().trim().to_owned();
            if value.is_empty() {
                self.mistake = Some("a value is needed".to_owned());
                return Answer::Open;
            }
            let acts = self
                .targets
                .iter()
                .map(|target| (self.make)(target.clone(), value.clone()));
            return Answer::Acts(acts.collect());
        }
        self.mistake = None;
        self.field.key(key);
        Answer::Open
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let columns = area.width.saturating_sub(8).min(70);
        let about = wrap(&self.about, usize::from(columns));
        let choices = self.choices.len().min(8);
        let rows = about.len() + 3 + choices;
        let title = Line::of(Role::Strong, &self.title);
        let inner = popup(canvas, area, &title, columns, u16::try_from(rows).unwrap_or(u16::MAX));
        let mut lines: Vec<Line> = about.iter().map(|line| Line::plain(line)).collect();
        lines.push(Line::new());
        let row = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        lines.push(Line::new());
        match &self.mistake {
            Some(mistake) => lines.push(Line::of(Role::Bad, mistake)),
            None => lines.push(Line::of(Role::Faint, "enter does it, esc does not")),
        }
        let seen = window(self.chosen, self.choices.len(), choices);
        lines.extend(seen.map(|index| {
            let here = self.choices[index] == self.field.text();
            let mark = if here { canvas.look().mark(Role::Focus) } else { " " };
            Line::of(
                if here { Role::Focus } else { Role::Plain },
                &format!("{mark} {}", self.choices[index]),
            )
        }));
        canvas.lines(inner, &lines);
        typed(canvas, inner, row, &self.field)
    }
}

/// Draws a field on a row of a box; says where the caret is.
fn typed(canvas: &mut Canvas<'_>, inner: Rect, row: u16, field: &Field) -> Option<Position> {
    if row >= inner.height {
        return None;
    }
    let place = Rect {
        y: inner.y + row,
        height: 1,
        ..inner
    };
    canvas.line(place, 0, &Line::of(Role::Hint, "> "));
    let place = Rect {
        x: place.x + 2.min(place.width),
        width: place.width.saturating_sub(2),
        ..place
    };
    field.draw(canvas, place, Role::Plain)
}

impl Delete {
    /// What has to be typed.
    fn wanted(&self) -> String {
        match &self.targets[..] {
            [one] => one.name.clone(),
            several => format!("delete {}", several.len()),
        }
    }

    fn key(&mut self, key: Key, now: Timestamp) -> Answer {
        if now.duration_since(self.opened) < SEEN_AFTER {
            return Answer::Open;
        }
        if key.code == KeyCode::Enter {
            if self.field.text() == self.wanted() {
                return Answer::Acts(self.targets.iter().cloned().map(Act::Delete).collect());
            }
            return Answer::Open;
        }
        self.field.key(key);
        Answer::Open
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let columns = area.width.saturating_sub(8).min(74);
        let mut lines: Vec<Line> = Vec::new();
        let room = usize::from(area.height.saturating_sub(10)).clamp(1, 6);
        for target in self.targets.iter().take(room) {
            lines.push(Line::of(
                Role::Bad,
                &format!("{} in {}", text::sanitise_line(&target.name), target.namespace),
            ));
        }
        if self.targets.len() > room {
            lines.push(Line::of(Role::Bad, &format!("and {} more", self.targets.len() - room)));
        }
        if self.hidden > 0 {
            lines.push(Line::of(
                Role::Late,
                &format!("{} of them are marked and hidden by the filter", self.hidden),
            ));
        }
        for goes in &self.goes {
            lines.extend(wrap(goes, usize::from(columns)).iter().map(|line| Line::plain(line)));
        }
        lines.push(Line::plain("It cannot be undone. To do it, type: ").with(Role::Strong, &self.wanted()));
        let row = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        lines.push(Line::new());
        if let [one] = &self.targets[..] {
            lines.push(Line::of(Role::Faint, &actions::command(one, "delete")));
        }
        let count = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let inner = popup(canvas, area, &Line::of(Role::Bad, "delete"), columns, count);
        canvas.lines(inner, &lines);
        typed(canvas, inner, row, &self.field)
    }
}

impl Create {
    fn question(&self) -> Option<Question> {
        self.interview.next()
    }

    /// Makes ready for the question that is next.
    fn begin(&mut self) {
        self.mistake = None;
        let question = self.question();
        let (field, at) = match question.map(|ask| ask.kind) {
            Some(How::Text(Some(usual))) => (usual, 0),
            Some(How::Choice { usual, .. }) => (String::new(), usual),
            Some(How::Text(None)) | None => (String::new(), 0),
        };
        self.field = Field::new(&field);
        self.at = at;
    }

    /// Goes back to the question before; whether there was one.
    fn back(&mut self) -> bool {
        let Some(before) = self.before.pop() else {
            return false;
        };
        self.interview = before;
        self.begin();
        true
    }

    fn wanted(&self) -> &Wanted {
        self.interview.wanted()
    }

    fn key(&mut self, key: Key) -> Answer {
        let Some(ask) = self.question() else {
            return if key.code == KeyCode::Enter {
                Answer::Acts(vec![Act::Create(Box::new(self.wanted().clone()))])
            } else {
                Answer::Open
            };
        };
        let answer = match &ask.kind {
            How::Text(_) if key.code == KeyCode::Enter => self.field.text().trim().to_owned(),
            How::Text(_) => {
                self.field.key(key);
                self.mistake = None;
                return Answer::Open;
            }
            How::Choice { choices, .. } => {
                let moves = match key.code {
                    KeyCode::Char('j') => KeyCode::Down,
                    KeyCode::Char('k') => KeyCode::Up,
                    code => code,
                };
                if moved(&mut self.at, choices.len(), Key { code: moves, ..key }) || key.code != KeyCode::Enter {
                    return Answer::Open;
                }
                match choices.get(self.at) {
                    Some((_, value)) => value.clone(),
                    None => return Answer::Open,
                }
            }
        };
        let before = self.interview.clone();
        match self.interview.answer(ask.topic, &answer) {
            Ok(()) => {
                self.before.push(before);
                self.begin();
            }
            Err(mistake) => {
                self.interview = before;
                self.mistake = Some(mistake);
            }
        }
        Answer::Open
    }

    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let columns = area.width.saturating_sub(8).min(74);
        let title = Line::of(Role::Strong, "new cluster");
        let Some(ask) = self.question() else {
            let line = actions::create_command(self.wanted(), self.namespace.as_deref());
            let mut lines = vec![Line::plain("This makes the cluster. The same as:"), Line::new()];
            lines.extend(
                wrap(&line, usize::from(columns))
                    .iter()
                    .map(|line| Line::of(Role::Hint, line)),
            );
            lines.extend([Line::new(), Line::of(Role::Faint, "enter creates it, esc goes back")]);
            let inner = popup(
                canvas,
                area,
                &title,
                columns,
                u16::try_from(lines.len()).unwrap_or(u16::MAX),
            );
            canvas.lines(inner, &lines);
            return None;
        };
        let mut lines = vec![
            Line::of(Role::Strong, ask.words).with(Role::Faint, &format!("  {}", ask.flag)),
            Line::new(),
        ];
        let mut row = None;
        match &ask.kind {
            How::Text(_) => {
                row = u16::try_from(lines.len()).ok();
                lines.push(Line::new());
            }
            How::Choice { choices, .. } => {
                for index in window(self.at, choices.len(), 10) {
                    let here = index == self.at;
                    let mark = if here { canvas.look().mark(Role::Focus) } else { " " };
                    let role = if here { Role::Focus } else { Role::Plain };
                    lines.push(Line::of(
                        role,
                        &format!("{mark} {}", text::sanitise_line(&choices[index].0)),
                    ));
                }
            }
        }
        lines.push(Line::new());
        match &self.mistake {
            Some(mistake) => lines.push(Line::of(Role::Bad, mistake)),
            None => lines.push(Line::of(Role::Faint, "enter goes on, esc goes back")),
        }
        let inner = popup(
            canvas,
            area,
            &title,
            columns,
            u16::try_from(lines.len()).unwrap_or(u16::MAX),
        );
        canvas.lines(inner, &lines);
        row.and_then(|row| typed(canvas, inner, row, &self.field))
    }
}
