//! The modes of a terminal that a program turns on, and the way back. Pure.

use std::io;

use crossterm::{
    QueueableCommand as _,
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen},
};

/// A mode of the terminal that is not its usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Keys come as they are pressed, and are not echoed.
    Raw,
    /// A screen of its own, without the lines above it.
    Alternate,
    /// Pasted text comes as one piece.
    Paste,
    /// The cursor is not shown.
    CursorHidden,
    /// The mouse speaks to the program.
    Mouse,
}

/// The modes that are on, in the order in which they were turned on.
#[derive(Debug, Default)]
pub(crate) struct Modes(Vec<Mode>);

impl Modes {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn is_on(&self, mode: Mode) -> bool {
        self.0.contains(&mode)
    }

    pub(crate) fn set(&mut self, mode: Mode, on: bool) {
        self.0.retain(|known| *known != mode);
        if on {
            self.0.push(mode);
        }
    }

    /// What is on, to be turned on again later.
    pub(crate) fn list(&self) -> Vec<Mode> {
        self.0.clone()
    }

    /// What has to be written to turn exactly these modes off, the last one first. A frame that was begun is ended before: a
    /// terminal would show nothing else until then.
    pub(crate) fn way_back(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if self.is_on(Mode::Alternate) {
            bytes.queue(EndSynchronizedUpdate)?;
        }
        for mode in self.0.iter().rev() {
            bytes.extend(mode.sequence(false)?);
        }
        Ok(bytes)
    }
}

impl Mode {
    /// What has to be written to turn it on or off; nothing for what is not the terminal's but the system's.
    pub(crate) fn sequence(self, on: bool) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match (self, on) {
            (Self::Raw, _) => &mut bytes,
            (Self::Alternate, true) => bytes.queue(EnterAlternateScreen)?,
            (Self::Alternate, false) => bytes.queue(LeaveAlternateScreen)?,
            (Self::Paste, true) => bytes.queue(EnableBracketedPaste)?,
            (Self::Paste, false) => bytes.queue(DisableBracketedPaste)?,
            (Self::CursorHidden, true) => bytes.queue(Hide)?,
            (Self::CursorHidden, false) => bytes.queue(Show)?,
            (Self::Mouse, true) => bytes.queue(EnableMouseCapture)?,
            (Self::Mouse, false) => bytes.queue(DisableMouseCapture)?,
        };
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(modes: &Modes) -> String {
        String::from_utf8(modes.way_back().unwrap()).unwrap()
    }

    #[test]
    fn exactly_what_is_on_is_turned_off_the_last_one_first() {
        let mut modes = Modes::new();
        assert_eq!(back(&modes), "");
        for mode in [Mode::Raw, Mode::Alternate, Mode::Paste, Mode::CursorHidden] {
            modes.set(mode, true);
        }
        assert_eq!(back(&modes), "\x1b[?2026l\x1b[?25h\x1b[?2004l\x1b[?1049l");
        modes.set(Mode::CursorHidden, false);
        modes.set(Mode::Mouse, true);
        let back = back(&modes);
        assert!(back.contains("\x1b[?1000l") && !back.contains("\x1b[?25h"), "{back:?}");
    }

    #[test]
    fn a_mode_that_is_turned_on_twice_is_on_once() {
        let mut modes = Modes::new();
        modes.set(Mode::Paste, true);
        modes.set(Mode::Paste, true);
        assert_eq!(modes.list(), [Mode::Paste]);
        assert_eq!(back(&modes), "\x1b[?2004l");
    }
}
