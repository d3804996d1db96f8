//! A screen: state that inputs change and that a view draws.

use jiff::Timestamp;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{effect::Effect, input::Input, look::Look};

/// A part of the program that has the whole terminal while it is shown.
pub trait Screen {
    /// Takes an input; says what is to be done. No input may panic.
    fn update(&mut self, input: Input, now: Timestamp) -> Vec<Effect>;

    /// Draws itself; says where the caret is. Changes nothing, calls nobody, fits every size.
    fn draw(&self, area: Rect, buffer: &mut Buffer, look: Look, now: Timestamp) -> Option<Position>;

    /// What the keys mean now, the most important first: for the last line, and for help.
    fn keys(&self) -> Vec<Hint>;

    /// What becomes of a character that is typed now.
    fn typing(&self) -> Typing {
        Typing::Keys
    }

    /// Whether only the passing of time changes what is seen: then it is drawn once a second, else only after inputs.
    fn has_clock(&self) -> bool {
        false
    }

    /// Whether time moves what is seen, as in a recording that runs: then time passes before each picture, as often as data is
    /// drawn.
    fn is_moving(&self) -> bool {
        false
    }
}

/// What becomes of a character that is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Typing {
    /// It is a key that does something, `?` among them.
    #[default]
    Keys,
    /// It goes into a field: no character means anything else.
    Text,
    /// It goes into a field that holds a secret: no recording tells which character it was.
    Secret,
}

/// A key and what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The key, as people write it: `enter`, `^S`, `q`.
    pub key: &'static str,
    /// What it does, in a word or two.
    pub words: String,
    /// More, for help.
    pub about: String,
    /// Why it does nothing now; none where it does.
    pub disabled: Option<String>,
}
