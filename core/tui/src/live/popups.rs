//! Questions that are asked before a run is left or stopped.

use crossterm::event::KeyCode;
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::{Position, Rect};

use super::{Live, words};
use crate::{
    effect::Effect,
    input::Key,
    look::Role,
    widgets::{Ask, Canvas, Field, Line, Outcome, popup::popup},
};

/// A key that is held must not confirm anything.
const SEEN_AFTER: SignedDuration = SignedDuration::from_millis(300);

/// A question.
#[derive(Debug)]
pub(super) enum Popup {
    Leave(Ask),
    Stop(Ask),
    Destroy(Typed),
}

/// A name that has to be typed.
#[derive(Debug)]
pub(super) struct Typed {
    cluster: String,
    field: Field,
    opened: Timestamp,
    wrong: bool,
}

impl Popup {
    /// What becomes of the run when somebody leaves.
    pub(super) fn leave(cluster: &str, now: Timestamp) -> Self {
        let text = vec![
            Line::plain("The run is a process of its own: it goes on without this window."),
            Line::of(Role::Faint, &format!("see it again: butleradm tui --run {cluster}")),
        ];
        let answers = [
            ('l', "leave it running"),
            ('k', "stop it, keep everything"),
            ('b', "stay here"),
        ];
        Self::Leave(Ask::new(&format!("leave {cluster}"), text, &answers, now))
    }

    /// Whether a run is stopped, and what becomes of what it made.
    pub(super) fn stop(cluster: &str, now: Timestamp) -> Self {
        let text = vec![
            Line::plain("Stopped and kept: the same command goes on from there."),
            Line::plain("Destroyed: machines, disks and addresses of this cluster are deleted."),
        ];
        let answers = [
            ('b', "back"),
            ('k', "stop and keep everything"),
            ('d', "stop and destroy"),
        ];
        Self::Stop(Ask::new(&format!("stop {cluster}"), text, &answers, now))
    }

    fn destroy(cluster: &str, now: Timestamp) -> Self {
        Self::Destroy(Typed {
            cluster: cluster.to_owned(),
            field: Field::default(),
            opened: now,
            wrong: false,
        })
    }

    pub(super) fn is_typed_into(&self) -> bool {
        matches!(self, Self::Destroy(_))
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Self::Destroy(typed) = self {
            typed.field.paste(text);
        }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        match self {
            Self::Leave(ask) | Self::Stop(ask) => {
                ask.draw(canvas, area);
                None
            }
            Self::Destroy(typed) => typed.draw(canvas, area),
        }
    }
}

impl Typed {
    fn draw(&self, canvas: &mut Canvas<'_>, area: Rect) -> Option<Position> {
        let title = Line::of(Role::Strong, &format!("stop and destroy {}", self.cluster));
        let room = popup(canvas, area, &title, 66, 5);
        let last = if self.wrong {
            Line::of(
                Role::Bad,
                &format!("that is not {}; type it again, or esc", self.cluster),
            )
        } else {
            Line::of(Role::Faint, "enter destroys, esc goes back")
        };
        let lines = [
            Line::plain("Everything that this run has made is deleted; other clusters are not."),
            Line::plain("Type the name of the cluster:"),
            Line::new(),
            Line::new(),
            last,
        ];
        canvas.lines(room, &lines);
        if room.height < 3 {
            return None;
        }
        canvas.line(room, 2, &Line::of(Role::Focus, canvas.look().mark(Role::Focus)));
        let field = Rect {
            x: room.x.saturating_add(2).min(room.right()),
            y: room.y + 2,
            width: room.width.saturating_sub(2),
            height: 1,
        };
        self.field.draw(canvas, field, Role::Strong)
    }
}

impl Live {
    /// Takes a key while a question is open.
    pub(super) fn popup_key(&mut self, mut popup: Popup, key: Key, now: Timestamp) -> Vec<Effect> {
        let cluster = self.name().to_owned();
        let outcome = match &mut popup {
            Popup::Leave(ask) | Popup::Stop(ask) => ask.key(key, now),
            Popup::Destroy(typed) => match (key.code, now.duration_since(typed.opened) < SEEN_AFTER) {
                (KeyCode::Esc, _) => Outcome::Closed,
                (KeyCode::Enter, false) if typed.field.text() == cluster => Outcome::Chosen(0),
                (KeyCode::Enter, hasty) => {
                    typed.wrong = !hasty;
                    Outcome::Open
                }
                _ => {
                    typed.field.key(key);
                    typed.wrong = false;
                    Outcome::Open
                }
            },
        };
        match (outcome, &popup) {
            (Outcome::Open, _) => {
                self.popup = Some(popup);
                Vec::new()
            }
            (Outcome::Chosen(0), Popup::Leave(_)) => vec![self.leave(now)],
            (Outcome::Chosen(1), Popup::Leave(_) | Popup::Stop(_)) => {
                self.notice = Some((
                    Role::Busy,
                    "asked to stop; what is under way is finished or put down".to_owned(),
                ));
                vec![Effect::StopRun { cluster }]
            }
            (Outcome::Chosen(2), Popup::Stop(_)) => {
                self.popup = Some(Popup::destroy(&cluster, now));
                Vec::new()
            }
            (Outcome::Chosen(_), Popup::Destroy(_)) => {
                self.notice = Some((Role::Busy, "asked to stop, and to destroy what was made".to_owned()));
                vec![Effect::DestroyRun { cluster }]
            }
            (Outcome::Closed | Outcome::Chosen(_), _) => Vec::new(),
        }
    }

    /// Leaves, with the words that stay on the terminal.
    pub(super) fn leave(&self, now: Timestamp) -> Effect {
        let words = if self.ending.is_some() && !self.is_replay() {
            self.ending_words(self.at(now))
        } else if self.is_replay() {
            Vec::new()
        } else {
            let cluster = self.name();
            vec![
                words::left(cluster),
                format!("see it again: butleradm tui --run {cluster}"),
            ]
        };
        Effect::Leave { words }
    }
}
