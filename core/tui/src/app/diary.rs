//! What was done and said: effects as the commands they stand for, what came of them, and words that have gone from the screen.

use std::collections::VecDeque;

use butler_api::choice::ChoiceKind;
use butler_terminal::text;
use butler_wizard::list::{About, Heard, Want};
use crossterm::event::{KeyCode, KeyModifiers};
use jiff::{Timestamp, tz::TimeZone};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    board::{Board, Elsewhere},
    effect::Effect,
    input::{Done, Input, Key},
    look::{Look, Role},
    widgets::{Canvas, Line, Scroll, popup::popup, wrap},
};

/// The most that is remembered.
const MOST: usize = 500;

/// Columns of the time before each entry.
const TIME: usize = 10;

/// One thing that was done or said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    at: Timestamp,
    role: Role,
    words: String,
}

/// Everything that was done and said, the newest last.
#[derive(Debug, Default)]
pub(super) struct Diary {
    entries: VecDeque<Entry>,
    /// How far one has scrolled, while it is read.
    read: Option<Scroll>,
    /// Rows of the terminal.
    rows: usize,
    /// Columns of the terminal.
    columns: usize,
}

impl Diary {
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        self.columns = usize::from(columns);
        self.rows = usize::from(rows);
    }

    pub(super) fn is_open(&self) -> bool {
        self.read.is_some()
    }

    /// Opens it at its end, or closes it.
    pub(super) fn toggle(&mut self) {
        self.read = match self.read.take() {
            Some(_) => None,
            None => Some(Scroll { top: usize::MAX }),
        };
    }

    pub(super) fn close(&mut self) {
        self.read = None;
    }

    /// Words that were shown for some seconds.
    pub(super) fn said(&mut self, words: &str, now: Timestamp) {
        self.add(Role::Plain, words, now);
    }

    /// What is about to be done.
    pub(super) fn doing(&mut self, effect: &Effect, now: Timestamp) {
        if let Some(words) = command(effect) {
            self.add(Role::Hint, &words, now);
        }
    }

    /// What came of it.
    pub(super) fn heard(&mut self, input: &Input, now: Timestamp) {
        match input {
            Input::Done(done) => {
                if let Some((role, words)) = outcome(done) {
                    self.add(role, &words, now);
                }
            }
            Input::Heard(want, heard) => {
                if let Some((role, words)) = answer(want, heard) {
                    self.add(role, &words, now);
                }
            }
            Input::Board(Board::Acted { outcome, .. }) => match outcome {
                Ok(words) => self.add(Role::Good, words, now),
                Err((error, _)) => self.add(Role::Bad, error, now),
            },
            _ => {}
        }
    }

    fn add(&mut self, role: Role, words: &str, at: Timestamp) {
        let words = text::sanitise_line(words);
        // What is done at every key is told once.
        if self.entries.back().is_some_and(|last| last.words == words) {
            self.entries.pop_back();
        }
        if self.entries.len() == MOST {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { at, role, words });
    }

    /// Takes a key while it is read; what is to be done comes back.
    pub(super) fn key(&mut self, key: Key) -> Vec<Effect> {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc | KeyCode::F(3) => self.close(),
            KeyCode::Char('q' | '@') if plain => self.close(),
            KeyCode::Char('c') if plain => return vec![Effect::Copy(self.text())],
            _ => {
                let (columns, height) = self.room();
                let rows = self.lines(columns).len();
                if let Some(scroll) = &mut self.read {
                    scroll.key(key, rows, height);
                }
            }
        }
        Vec::new()
    }

    /// Columns and rows of the text.
    fn room(&self) -> (usize, usize) {
        let columns = self.columns.saturating_sub(8).clamp(1, 100);
        (columns, self.rows.saturating_sub(6).max(1))
    }

    fn text(&self) -> String {
        let line = |entry: &Entry| format!("{} {}\n", clock(entry.at), entry.words);
        self.entries.iter().map(line).collect()
    }

    fn lines(&self, columns: usize) -> Vec<Line> {
        let room = columns.saturating_sub(TIME).max(1);
        let of_entry = |entry: &Entry| {
            let parts = wrap(&entry.words, room).into_iter().enumerate();
            let (time, role) = (clock(entry.at), entry.role);
            let line = move |(at, part): (usize, String)| {
                let time = if at == 0 { time.as_str() } else { "" };
                Line::of(Role::Faint, time).padded(TIME).with(role, &part)
            };
            parts.map(line).collect::<Vec<Line>>()
        };
        self.entries.iter().flat_map(of_entry).collect()
    }

    pub(super) fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look) -> Option<Position> {
        let scroll = self.read.as_ref()?;
        let columns = usize::from(area.width).saturating_sub(8).clamp(1, 100);
        let mut lines = self.lines(columns);
        if lines.is_empty() {
            lines.push(Line::of(Role::Faint, "nothing was done yet"));
        }
        let canvas = &mut Canvas::new(buffer, look);
        let width = u16::try_from(columns).unwrap_or(u16::MAX);
        let height = u16::try_from(lines.len() + 1)
            .unwrap_or(u16::MAX)
            .min(area.height.saturating_sub(4));
        let title = Line::of(Role::Strong, "done and said");
        let inner = popup(canvas, area, &title, width, height);
        let text = Rect {
            height: inner.height.saturating_sub(1),
            ..inner
        };
        let seen = scroll.range(lines.len(), usize::from(text.height));
        canvas.lines(text, &lines[seen]);
        let foot = Line::of(Role::Faint, "j k move  c copies  esc closes");
        canvas.line(inner, inner.height.saturating_sub(1), &foot);
        Some(Position::new(inner.x, inner.y)).filter(|at| area.contains(*at))
    }
}

/// The time of the day, in UTC as in the events of a run.
fn clock(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// The command that an effect stands for, or words where there is none; nothing for what changes only the screen. No secret and no
/// text of a file is among it.
fn command(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Ask { want, platform } => format!("asks {} {}", platform.settings.kind(), asked(want)),
        Effect::Bring { wished, .. } => format!(
            "has {} bring the image of Talos {} for {}",
            wished.image.provider.kind(),
            wished.image.talos,
            wished.image.cluster
        ),
        Effect::Forget(want) => format!("does not wait any longer {}", asked(want)),
        Effect::SaveFile { path, .. } => format!("writes {path}"),
        Effect::OpenFile { path } => format!("butleradm tui --config {path}"),
        Effect::Launch { path, secrets, .. } => {
            let names: Vec<&str> = secrets.keys().map(String::as_str).collect();
            let with = if names.is_empty() {
                String::new()
            } else {
                format!(" (with {} set)", names.join(", "))
            };
            format!("butleradm bootstrap --config {path}{with}")
        }
        Effect::Watch { cluster } => format!("butleradm attach {cluster}"),
        Effect::StopRun { cluster } => format!("butleradm cancel {cluster}"),
        Effect::DestroyRun { cluster } => format!("butleradm destroy {cluster} --yes --confirm {cluster}"),
        Effect::FindEarlier { cluster } => format!("looks for earlier runs on {cluster}"),
        Effect::Bundle { cluster, .. } => format!("writes a bundle about {cluster}"),
        Effect::ListRuns => "butleradm bootstrap list".to_owned(),
        Effect::Copy(text) => format!("copies {} characters", text.chars().count()),
        Effect::DropDraft => "throws the draft away".to_owned(),
        Effect::SaveDraft(_) => "keeps the draft".to_owned(),
        Effect::Act { command, .. } => command.clone(),
        Effect::Bootstrap => "butleradm tui --provider NAME".to_owned(),
        Effect::Runs => "butleradm tui --run".to_owned(),
        Effect::Prepare => "looks up what a new cluster needs".to_owned(),
        Effect::Look(target) => format!(
            "butlerctl cluster describe {} --namespace {}",
            target.name, target.namespace
        ),
        Effect::Follow { kind, labels } => match labels {
            Some(labels) => format!("lists and watches {} with {labels}", kind.words()),
            None => format!("lists and watches {}", kind.words()),
        },
        Effect::Unfollow(kind) => format!("watches {} no longer", kind.words()),
        Effect::Examine => "butleradm doctor".to_owned(),
        Effect::LeaveHealth => "examines the management cluster no longer".to_owned(),
        Effect::Reach => "connects to the management cluster".to_owned(),
        Effect::Edit(target) => format!("opens cluster {} in an editor", target.name),
        Effect::EditAgain(edited) => format!("opens cluster {} in an editor again", edited.target.name),
        Effect::Places => "looks up logins, kubeconfigs and teams".to_owned(),
        Effect::Switch(to) => elsewhere(to),
        Effect::Leave { .. } | Effect::Suspend | Effect::Redraw | Effect::Mouse(_) => return None,
    })
}

fn elsewhere(to: &Elsewhere) -> String {
    match to {
        Elsewhere::Login(address) => format!("butlerctl tui --server {address}"),
        Elsewhere::Kubeconfig(path) => format!("butlerctl tui --kubeconfig {}", path.display()),
        Elsewhere::Context(name) => format!("butlerctl tui --context {name}"),
        Elsewhere::Team(name) => format!("butlerctl tui --team {name}"),
    }
}

fn asked(want: &Want) -> String {
    match &want.about {
        About::Access => "whether it can be used".to_owned(),
        About::List(query) => format!("for its {}", several(query.kind)),
        About::Image => "for the image of the machines".to_owned(),
    }
}

fn several(kind: ChoiceKind) -> String {
    format!("{}s", kind.as_str())
}

fn outcome(done: &Done) -> Option<(Role, String)> {
    Some(match done {
        Done::Saved { path } | Done::Bundled { path } => (Role::Good, format!("written: {path}")),
        Done::Taken { path } => (Role::Late, format!("{path} is there already, and says something else")),
        Done::Opened { path, .. } => (Role::Good, format!("opened: {path}")),
        Done::Launched { cluster } => (Role::Good, format!("a run on {cluster} has begun")),
        Done::Failed { what, error, hint } => {
            let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {hint}"));
            (Role::Bad, format!("error: {what}: {error}{hint}"))
        }
        // The words were shown, and those are told.
        Done::Copied(_) | Done::DraftSaved | Done::Runs(_) | Done::Earlier { .. } => return None,
    })
}

fn answer(want: &Want, heard: &Heard) -> Option<(Role, String)> {
    match heard {
        Heard::Failed { error, hint } => {
            let hint = hint.as_ref().map_or_else(String::new, |hint| format!("; hint: {hint}"));
            Some((Role::Bad, format!("asked {}: {error}{hint}", asked(want))))
        }
        Heard::There { name } => Some((Role::Good, format!("the image is there: {name}"))),
        Heard::Asked | Heard::More(_) | Heard::End | Heard::Checks(_) | Heard::Brings { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use secrecy::SecretString;

    use super::*;

    fn second(at: i64) -> Timestamp {
        Timestamp::from_second(at).unwrap()
    }

    #[test]
    fn what_was_done_is_told_as_commands_and_without_secrets() {
        let mut diary = Diary::default();
        let launch = Effect::Launch {
            cluster: "demo".to_owned(),
            path: "./demo.yaml".to_owned(),
            text: "password: hunter2".to_owned(),
            replace: false,
            secrets: BTreeMap::from([("PVE".to_owned(), SecretString::from("hunter2"))]),
        };
        diary.doing(&launch, second(0));
        diary.doing(&Effect::Copy("hunter2".to_owned()), second(1));
        let cluster = "demo".to_owned();
        diary.doing(&Effect::StopRun { cluster }, second(3661));
        let failed = Done::Failed {
            what: "stop the run".to_owned(),
            error: "no run works on demo".to_owned(),
            hint: Some("butleradm bootstrap list".to_owned()),
        };
        diary.heard(&Input::Done(failed), second(3662));
        assert_eq!(
            diary.text(),
            "00:00:00 butleradm bootstrap --config ./demo.yaml (with PVE set)\n\
             00:00:01 copies 7 characters\n\
             01:01:01 butleradm cancel demo\n\
             01:01:02 error: stop the run: no run works on demo; hint: butleradm bootstrap list\n"
        );
    }

    #[test]
    fn the_same_again_is_told_once_and_the_oldest_goes() {
        let mut diary = Diary::default();
        for at in 0..3 {
            diary.doing(&Effect::SaveDraft("{}".to_owned()), second(at));
        }
        assert_eq!(diary.text(), "00:00:02 keeps the draft\n");
        for number in 0..MOST {
            diary.said(&number.to_string(), second(9));
        }
        assert_eq!(diary.entries.len(), MOST);
        assert!(!diary.text().contains("draft"));
    }
}
