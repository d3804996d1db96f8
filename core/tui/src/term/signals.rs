//! Signals, and what the system says about the terminal.

use std::{io, os::fd::AsFd as _, thread, time::Duration};

use rustix::{
    event::{PollFd, PollFlags},
    process::{self, Signal as System},
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
    /// The terminal has another size.
    Resized,
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
    window: tokio::signal::unix::Signal,
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
            window: signal(SignalKind::window_change())?,
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
                _ = self.window.recv() => Signal::Resized,
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
    let own = process::getpid().as_raw_nonzero().get();
    Place::of(own).is_some_and(|own| has_shell(own, Place::of))
}

/// Where a process stands among others. A zero is a process that cannot be seen from here: in a container, parents, groups and
/// sessions often are of the host.
#[derive(Debug, Clone, Copy)]
struct Place {
    parent: i32,
    group: i32,
    session: i32,
}

impl Place {
    /// Read from the system's files, because the library's calls take a zero for impossible.
    #[cfg(target_os = "linux")]
    fn of(pid: i32) -> Option<Self> {
        Self::read(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Other systems have no processes that cannot be seen, and tell the parent of none but this one.
    #[cfg(not(target_os = "linux"))]
    fn of(pid: i32) -> Option<Self> {
        let own = process::getpid().as_raw_nonzero().get() == pid;
        let pid = process::Pid::from_raw(pid);
        Some(Self {
            parent: process::getppid().filter(|_| own).map_or(0, process::Pid::as_raw_pid),
            group: process::getpgid(pid).ok()?.as_raw_pid(),
            session: process::getsid(pid).ok()?.as_raw_pid(),
        })
    }

    #[cfg(any(target_os = "linux", test))]
    fn read(stat: &str) -> Option<Self> {
        // The name, in brackets, may hold anything.
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ').skip(1).map(str::parse);
        let mut next = || fields.next()?.ok();
        Some(Self {
            parent: next()?,
            group: next()?,
            session: next()?,
        })
    }
}

/// Whether the nearest ancestor outside of the process group, which is the one that waits for it, is of the same session.
fn has_shell(own: Place, of: impl Fn(i32) -> Option<Place>) -> bool {
    let mut ancestor = own.parent;
    while ancestor > 0 {
        match of(ancestor) {
            Some(place) if place.group == own.group => ancestor = place.parent,
            // A session that cannot be seen has its shell elsewhere.
            Some(place) => return place.session == own.session && own.session > 0,
            None => return false,
        }
    }
    false
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A process of this parent, group and session.
    fn place(parent: i32, group: i32, session: i32) -> Place {
        Place { parent, group, session }
    }

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let read = Place::read("7 (a) 1 (b) S 3 4 5 34816 7 0 0").unwrap();
        assert_eq!((read.parent, read.group, read.session), (3, 4, 5));
        let outside = Place::read("1 (sh) S 0 0 0 0 -1 0 0").unwrap();
        assert_eq!((outside.parent, outside.group, outside.session), (0, 0, 0));
        for bad in ["", "7 (a", "7 (a) S", "7 (a) S 3 x 5"] {
            assert!(Place::read(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_shell_is_of_the_session_and_of_another_group() {
        let shell = |pid| (pid == 2).then(|| place(1, 2, 2));
        assert!(has_shell(place(2, 7, 2), shell));
        // A script between them belongs to the group.
        let script = |pid| if pid == 6 { Some(place(2, 6, 2)) } else { shell(pid) };
        assert!(has_shell(place(6, 6, 2), script));
    }

    #[test]
    fn nobody_continues_a_leader_of_a_session_nor_what_is_of_a_session_elsewhere() {
        // Its parent is of another session, as of a terminal's program.
        assert!(!has_shell(place(2, 7, 7), |_| Some(place(1, 2, 2))));
        // Its parent cannot be seen, as the first process of a container.
        assert!(!has_shell(place(0, 1, 1), |_| None));
        // Its group and session cannot be seen, as in a container's shell.
        assert!(!has_shell(place(1, 0, 0), |pid| (pid == 1).then(|| place(0, 0, 0))));
        assert!(!has_shell(place(1, 7, 0), |pid| (pid == 1).then(|| place(0, 1, 0))));
        // Its parent has ended meanwhile.
        assert!(!has_shell(place(9, 7, 2), |_| None));
    }
}
