//! What comes from the terminal.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};

use crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEventKind};
use rustix::{
    event::{PollFd, PollFlags},
    pipe::PipeFlags,
};

use crate::input::{Input, Key, Mouse};

/// The most that is taken of one paste.
const LARGEST_PASTE: usize = 1 << 20;

/// A thread that reads the terminal. It waits inside the system, so that an idle program costs nothing; it ends when nobody listens
/// or the terminal cannot be read.
#[derive(Debug)]
pub struct Reader {
    turn: Arc<Turn>,
    /// A byte here ends its wait.
    wake: OwnedFd,
}

/// Whose turn at the terminal it is.
#[derive(Debug, Default)]
struct Turn {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// The reader reads.
    #[default]
    Reads,
    /// The reader shall leave the terminal to somebody else.
    Asked,
    /// It does.
    Rests,
    /// It has ended.
    Ended,
}

impl Reader {
    /// Begins to read.
    pub fn start(hear: impl Fn(io::Result<Input>) -> bool + Send + 'static) -> io::Result<Self> {
        let (woken, wake) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
        let turn = Arc::new(Turn::default());
        let of_thread = Arc::clone(&turn);
        thread::Builder::new().name("keys".to_owned()).spawn(move || {
            if let Err(error) = until_nobody_listens(&of_thread, &woken, &hear) {
                hear(Err(error));
            }
            of_thread.set(State::Ended);
        })?;
        Ok(Self { turn, wake })
    }

    /// Leaves the terminal to somebody else; when this returns, nothing is read any more.
    pub fn rest(&self) -> io::Result<()> {
        if self.turn.state() == State::Ended {
            return Ok(());
        }
        self.turn.set(State::Asked);
        rustix::io::write(&self.wake, &[0])?;
        self.turn.wait_while(|state| state == State::Asked);
        Ok(())
    }

    /// Reads again.
    pub fn go_on(&self) {
        if self.turn.state() == State::Rests {
            self.turn.set(State::Reads);
        }
    }
}

impl Turn {
    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.changed.notify_all();
    }

    fn wait_while(&self, is_so: impl Fn(State) -> bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(state, |state| is_so(*state)));
    }
}

/// What is there is read; nothing is asked for ahead, because the library takes from the terminal whatever it finds while it waits.
fn until_nobody_listens(turn: &Turn, woken: &OwnedFd, hear: &impl Fn(io::Result<Input>) -> bool) -> io::Result<()> {
    let stdin = io::stdin();
    loop {
        let mut asked = [
            PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(woken.as_fd(), PollFlags::IN),
        ];
        match rustix::event::poll(&mut asked, None) {
            Err(rustix::io::Errno::INTR) => continue,
            other => other?,
        };
        if asked[1].revents().contains(PollFlags::IN) {
            rustix::io::read(woken, &mut [0])?;
            turn.set(State::Rests);
            turn.wait_while(|state| state == State::Rests);
            continue;
        }
        while event::poll(Duration::ZERO)? {
            if from_terminal(event::read()?).is_some_and(|input| !hear(Ok(input))) {
                return Ok(());
            }
        }
        // A terminal that is gone is always ready, and has nothing.
        if asked[0]
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
        {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
}

/// What an event of the terminal means; none for what means nothing here, such as the release of a key.
pub fn from_terminal(event: Event) -> Option<Input> {
    Some(match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(Key {
            code: key.code,
            modifiers: key.modifiers,
        }),
        Event::Paste(text) => Input::Paste(cut(text)),
        Event::Resize(columns, rows) => Input::Resize(columns, rows),
        Event::Mouse(mouse) => Input::Mouse(match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Mouse::Pressed(mouse.column, mouse.row),
            MouseEventKind::ScrollDown => Mouse::Turned(3),
            MouseEventKind::ScrollUp => Mouse::Turned(-3),
            _ => return None,
        }),
        Event::Key(_) | Event::FocusGained | Event::FocusLost => return None,
    })
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LARGEST_PASTE));
    text
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::*;

    #[test]
    fn presses_count_and_releases_do_not() {
        let key = |kind| Event::Key(KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, kind));
        assert!(from_terminal(key(KeyEventKind::Press)).is_some());
        assert!(from_terminal(key(KeyEventKind::Repeat)).is_some());
        assert_eq!(from_terminal(key(KeyEventKind::Release)), None);
    }

    #[test]
    fn a_paste_is_bounded_and_whole_characters() {
        let text = "é".repeat(LARGEST_PASTE);
        let Some(Input::Paste(cut)) = from_terminal(Event::Paste(text)) else {
            panic!("a paste")
        };
        assert!(cut.len() <= LARGEST_PASTE && cut.ends_with('é'));
    }
}
