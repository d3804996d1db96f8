//! Takes the terminal and gives it back, whatever happens in between.

use std::{
    fs::File,
    io::{self, Write as _},
    panic::{self, PanicHookInfo},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode};

use super::{
    modes::{Mode, Modes},
    output::write_all,
};

/// What is on. A process has one terminal, and a panic must find this from anywhere.
static MODES: Mutex<Modes> = Mutex::new(Modes::new());

/// The terminal is gone: nothing is written to it any more.
static GONE: AtomicBool = AtomicBool::new(false);

fn modes() -> MutexGuard<'static, Modes> {
    MODES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal while a program has it: dropped, everything that was turned on is turned off.
#[derive(Debug)]
pub struct Guard {
    terminal: File,
}

impl Guard {
    /// Takes the terminal: keys as they are pressed, a screen of its own, pastes in one piece, no cursor.
    pub fn take(terminal: File) -> io::Result<Self> {
        GONE.store(false, Ordering::SeqCst);
        // Made first, so that what was turned on before a failure is turned off again.
        let guard = Self { terminal };
        guard.turn_on(&[Mode::Raw, Mode::Alternate, Mode::Paste, Mode::CursorHidden])?;
        Ok(guard)
    }

    /// The terminal, for a program that has it for a while.
    pub fn terminal(&self) -> io::Result<File> {
        self.terminal.try_clone()
    }

    /// Gives the terminal back for a while; what was on is returned.
    pub fn pause(&self) -> io::Result<Paused> {
        let paused = Paused(modes().list());
        restore(&self.terminal)?;
        Ok(paused)
    }

    /// Takes it again as it was.
    pub fn resume(&self, paused: &Paused) -> io::Result<()> {
        self.turn_on(&paused.0)
    }

    /// Turns everything on again that should be: whoever had the terminal meanwhile may have turned it off.
    pub fn renew(&self) -> io::Result<()> {
        let on = modes().list();
        // Else it would be taken for raw already.
        disable_raw_mode()?;
        self.turn_on(&on)
    }

    /// Switches the mouse.
    pub fn mouse(&self, on: bool) -> io::Result<()> {
        if modes().is_on(Mode::Mouse) == on {
            return Ok(());
        }
        if on {
            return self.turn_on(&[Mode::Mouse]);
        }
        write_all(&self.terminal, &Mode::Mouse.sequence(false)?)?;
        modes().set(Mode::Mouse, false);
        Ok(())
    }

    /// Whether the cursor is shown, as the last frame has left it.
    pub fn cursor(&self, shown: bool) {
        modes().set(Mode::CursorHidden, !shown);
    }

    /// The terminal is gone. From now on nothing is written to it, also not to restore it.
    pub fn gone(&self) {
        GONE.store(true, Ordering::SeqCst);
    }

    /// Gives the terminal back, and says how that went.
    pub fn give_back(self) -> io::Result<()> {
        restore(&self.terminal)
    }

    fn turn_on(&self, wanted: &[Mode]) -> io::Result<()> {
        for mode in wanted {
            // Noted before it happens: what is half on is turned off too.
            modes().set(*mode, true);
            match mode {
                Mode::Raw => enable_raw_mode()?,
                other => write_all(&self.terminal, &other.sequence(true)?)?,
            }
        }
        Ok(())
    }
}

/// What was on before a pause.
#[derive(Debug)]
pub struct Paused(Vec<Mode>);

impl Drop for Guard {
    fn drop(&mut self) {
        // A terminal that takes nothing any more needs nothing any more.
        let _ = restore(&self.terminal);
    }
}

/// Turns off what is on. Both halves are tried, whatever becomes of the other one.
fn restore(terminal: &File) -> io::Result<()> {
    let back = {
        let mut modes = modes();
        let back = std::mem::take(&mut *modes);
        if GONE.load(Ordering::SeqCst) {
            return Ok(());
        }
        back
    };
    let written = match back.way_back() {
        Ok(bytes) if bytes.is_empty() => Ok(()),
        Ok(bytes) => write_all(terminal, &bytes),
        Err(error) => Err(error),
    };
    let cooked = if back.is_on(Mode::Raw) {
        disable_raw_mode()
    } else {
        Ok(())
    };
    written.and(cooked)
}

/// Only the line discipline: for a process that has to end while its terminal takes no output.
pub(crate) fn cook() {
    if !GONE.load(Ordering::SeqCst) {
        let _ = disable_raw_mode();
    }
}

/// What the panic hooks of a process should do while a program has the terminal.
pub struct Hook {
    screen: ThreadId,
}

impl Hook {
    /// Installs it for the calling thread as the one that has the screen. A panic there gives the terminal back before it is
    /// told; one of any other thread is only reported, because the screen lives on.
    pub fn install(terminal: File, report: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let screen = thread::current().id();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if thread::current().id() == screen {
                let _ = restore(&terminal);
                report(&words(info));
                before(info);
            } else {
                report(&words(info));
            }
        }));
        Self { screen }
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        // A panicking thread may not touch the hook; the process ends then anyway.
        if !thread::panicking() && thread::current().id() == self.screen {
            drop(panic::take_hook());
        }
    }
}

fn words(info: &PanicHookInfo<'_>) -> String {
    let said = info.payload_as_str().unwrap_or("a panic without words");
    match info.location() {
        Some(place) => format!("{said} ({place})"),
        None => said.to_owned(),
    }
}

/// A handle to the terminal behind stdout, which stays what it is when stdout is replaced.
pub fn terminal() -> io::Result<File> {
    use std::os::fd::AsFd as _;
    let mut stdout = io::stdout();
    // What was printed before comes first.
    stdout.flush()?;
    Ok(File::from(stdout.as_fd().try_clone_to_owned()?))
}
