//! Signals, and what the system says about the terminal.

use std::{io, os::fd::AsFd as _, thread, time::Duration};

use rustix::{
    event::{PollFd, PollFlags},
    process::{self, Pid, Signal as System},
    time::Timespec,
};
use tokio::signal::unix::{SignalKind, signal};

use super::guard;

/// How long a program that was asked to end may take to give its terminal back. A terminal that takes no output holds it up.
const GRACE: Duration = Duration::from_secs(3);

/// What a signal means to a program that has the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// It shall end.
    End,
    /// Its terminal is gone.
    Hangup,
    /// It shall give the terminal back and stop until it is continued.
    Suspend,
    /// It was stopped and goes on; somebody else had the terminal.
    Continued,
}

/// Listens on a thread of its own. Who was told to end and has not after a grace is ended, in a terminal that works again.
pub fn listen(hear: impl Fn(Signal) -> bool + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ready, started) = std::sync::mpsc::channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            match Signals::new() {
                Ok(signals) => {
                    let _ = ready.send(Ok(()));
                    signals.pass_on(hear).await;
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        });
    })?;
    started.recv().map_err(io::Error::other)?
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
    stop: tokio::signal::unix::Signal,
    go_on: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let raw = |number: System| signal(SignalKind::from_raw(number.as_raw()));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            stop: raw(System::TSTP)?,
            go_on: raw(System::CONT)?,
        })
    }

    async fn pass_on(mut self, hear: impl Fn(Signal) -> bool) {
        let mut end = None;
        loop {
            let heard = tokio::select! {
                _ = self.interrupt.recv() => Signal::End,
                _ = self.terminate.recv() => Signal::End,
                _ = self.hangup.recv() => Signal::Hangup,
                _ = self.stop.recv() => Signal::Suspend,
                _ = self.go_on.recv() => Signal::Continued,
                () = until(end) => cut_off(),
            };
            if matches!(heard, Signal::End | Signal::Hangup) && end.is_none() {
                end = Some(tokio::time::Instant::now() + GRACE);
            }
            if !hear(heard) && matches!(heard, Signal::End | Signal::Hangup) {
                // The program has given its screen back; what is left of the process has nothing to tidy up.
                cut_off();
            }
        }
    }
}

async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread that has the screen hangs in a terminal that takes nothing: it cannot end the process"
)]
fn cut_off() -> Signal {
    guard::cook();
    std::process::exit(130)
}

/// Stops this process and those that it was started with, as ctrl-z does in other programs; returns when it goes on.
///
/// The signal is the one that cannot be caught: whoever listens for the other one would be told and not stopped.
pub fn stop_here() -> io::Result<()> {
    Ok(process::kill_current_process_group(System::STOP)?)
}

/// Whether there is a shell that continues this process once it is stopped.
pub fn can_suspend() -> bool {
    let own = process::getpgrp();
    let Ok(session) = process::getsid(None) else {
        return false;
    };
    // The nearest ancestor outside of the group is the one that waits for it.
    let mut ancestor = process::getppid();
    while let Some(pid) = ancestor {
        match process::getpgid(Some(pid)) {
            Ok(group) if group == own => ancestor = parent(pid),
            Ok(_) => return process::getsid(Some(pid)).is_ok_and(|theirs| theirs == session),
            Err(_) => return false,
        }
    }
    false
}

/// The parent of a process, where the system tells.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name, in brackets, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    Pid::from_raw(rest.split(' ').nth(1)?.parse().ok()?)
}

/// Whether the terminal behind stdin is gone, which is not always told by a signal.
pub fn is_hung_up() -> bool {
    let stdin = io::stdin();
    let mut asked = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut asked, Some(&now)).is_ok()
        && asked[0]
            .revents()
            .intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}
