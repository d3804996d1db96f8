//! What is written to the terminal: each frame in one piece, counted.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::event::{PollFd, PollFlags};

/// How much was written.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    bytes: Arc<AtomicU64>,
    frames: Arc<AtomicU64>,
}

impl Counters {
    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Frames that were not empty.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}

/// Collects what belongs together, and writes it at once when it is flushed.
pub struct Output {
    collected: Vec<u8>,
    to: Box<dyn Write + Send>,
    counters: Counters,
}

impl Output {
    /// Writes to a terminal.
    pub fn terminal(file: File) -> Self {
        Self::to(Box::new(Terminal(file)))
    }

    /// Writes to anything, such as a buffer of a test.
    pub fn to(to: Box<dyn Write + Send>) -> Self {
        Self {
            collected: Vec::new(),
            to,
            counters: Counters::default(),
        }
    }

    /// How much was written: the handle stays valid.
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.collected.is_empty()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.collected.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.collected.is_empty() {
            return Ok(());
        }
        let length = u64::try_from(self.collected.len()).unwrap_or(u64::MAX);
        self.counters.bytes.fetch_add(length, Ordering::Relaxed);
        self.counters.frames.fetch_add(1, Ordering::Relaxed);
        let written = self.to.write_all(&self.collected).and_then(|()| self.to.flush());
        self.collected.clear();
        written
    }
}

/// A terminal that somebody may have made non-blocking.
struct Terminal(File);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(&self.0)?,
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Waits until a terminal takes more.
fn wait(terminal: &File) -> io::Result<()> {
    let mut asked = [PollFd::from_borrowed_fd(terminal.as_fd(), PollFlags::OUT)];
    match rustix::event::poll(&mut asked, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Writes to a terminal outside of frames.
pub(crate) fn write_all(terminal: &File, bytes: &[u8]) -> io::Result<()> {
    Terminal(terminal.try_clone()?).write_all(bytes)
}
