//! Ctrl-C and SIGTERM: the first asks the work to stop, the second ends the process at once. What was asked to stop, or is
//! out of time, has [`GRACE`]; then the process ends whatever hangs.
//!
//! Work that others can watch survives its terminal: SIGHUP ends only what is shown of it ([`run_watched`]).
//!
//! A thread of its own listens, so that work that blocks every thread of its runtime can be stopped as well.

use std::{
    future::Future,
    io,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Exit, Failure, Ui};

/// How long a command may take to end after it was asked to, or after its deadline.
pub const GRACE: Duration = Duration::from_secs(10);

/// How long tasks that were given up and blocking calls may take to end with the runtime.
const TIDY: Duration = Duration::from_secs(1);
/// How long a last word may take: nobody may be reading.
const LAST_WORD: Duration = Duration::from_millis(500);

/// Runs asynchronous work on a runtime of its own; the token is cancelled by the first Ctrl-C or SIGTERM.
///
/// Commands that need no runtime must not call this, so that they start without one.
pub fn run<F, T>(ui: &Ui, work: impl FnOnce(CancellationToken) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    work_on(ui, None, Manner::default(), work)
}

/// The same for work that only watches: what it watches goes on when it is asked to stop, and it says so in `words`.
pub fn watch_only<F, T>(ui: &Ui, words: &'static str, work: impl FnOnce(CancellationToken) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let manner = Manner {
        asked: words,
        ..Manner::default()
    };
    work_on(ui, None, manner, work)
}

/// The same for work that heeds a deadline by itself. When it does not, the process ends [`GRACE`] later.
pub fn run_until<F, T>(
    ui: &Ui,
    deadline: Option<Instant>,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    work_on(ui, deadline, Manner::default(), work)
}

/// The same for work that goes on when its terminal is closed; `farewell` says where it can be watched then.
pub fn run_watched<F, T>(
    ui: &Ui,
    deadline: Option<Instant>,
    farewell: &str,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let manner = Manner {
        farewell: Some(farewell.to_owned()),
        ..Manner::default()
    };
    work_on(ui, deadline, manner, work)
}

fn work_on<F, T>(
    ui: &Ui,
    deadline: Option<Instant>,
    manner: Manner,
    work: impl FnOnce(CancellationToken) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start the runtime"))?;
    let guard = Guard::start(ui, deadline, manner)
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot listen for signals"))?;
    let result = runtime.block_on(work(guard.stop.clone()));
    // Children of tasks that were given up end with these; blocking calls (a name lookup) are not waited for longer.
    runtime.shutdown_timeout(TIDY);
    guard.over(result.is_ok());
    result
}

/// How work takes signals.
struct Manner {
    /// What is said when it was asked to stop.
    asked: &'static str,
    /// What is said when its terminal is closed; without it the process ends with the terminal.
    farewell: Option<String>,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            asked: "stopping; press Ctrl-C again to end at once",
            farewell: None,
        }
    }
}

/// The thread that ends the process where the work does not.
struct Guard {
    stop: CancellationToken,
    over: mpsc::UnboundedSender<bool>,
}

impl Guard {
    fn start(ui: &Ui, deadline: Option<Instant>, manner: Manner) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (over, ended) = mpsc::unbounded_channel();
        let (ready, started) = std::sync::mpsc::channel();
        let (ui, token) = (ui.clone(), stop.clone());
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error))),
            };
            runtime.block_on(async {
                match Signals::listen(manner.farewell.is_some()) {
                    Ok(signals) => {
                        drop(ready.send(Ok(())));
                        watch(signals, &ui, &token, Last::by(deadline), manner, ended).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
        })?;
        started.recv().map_err(io::Error::other)??;
        Ok(Self { stop, over })
    }

    /// The work has ended; what is left is to tell how. That is not waited for either, unless all is well.
    fn over(&self, well: bool) {
        let _ = self.over.send(well);
    }
}

/// Goes on until the process ends: a failure still has to be told, perhaps to somebody who does not read.
async fn watch(
    mut signals: Signals,
    ui: &Ui,
    stop: &CancellationToken,
    mut last: Last,
    manner: Manner,
    mut ended: mpsc::UnboundedReceiver<bool>,
) {
    loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Hangup => {
                    let (ui, farewell) = (ui.clone(), manner.farewell.clone());
                    let said = say(move || {
                        if let Some(words) = &farewell {
                            ui.note(words);
                        }
                        ui.hang_up();
                    });
                    // A terminal that takes nothing any more must not hold up whoever writes to it next.
                    let _ = said.recv_timeout(LAST_WORD);
                }
                Signal::Stop => match last.signal(Instant::now()) {
                    Reaction::Ask => {
                        stop.cancel();
                        let ui = ui.clone();
                        let words = manner.asked;
                        say(move || ui.note(words));
                    }
                    Reaction::End(exit) => {
                        let ui = ui.clone();
                        let said = say(move || ui.close_section());
                        let _ = said.recv_timeout(LAST_WORD);
                        end(exit);
                    }
                },
            },
            () = until(last.moment()) => {
                let ui = ui.clone();
                let failure = last.failure();
                let said = say(move || ui.failure(&failure));
                let _ = said.recv_timeout(LAST_WORD);
                end(last.exit());
            }
            Some(well) = ended.recv() => last.over(well),
        }
    }
}

/// When the process ends at the latest, and how. Pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    end: Option<(Instant, Exit)>,
    asked: bool,
}

/// What a signal leads to.
#[derive(Debug, PartialEq, Eq)]
enum Reaction {
    /// The work is asked to stop.
    Ask,
    /// The process ends at once with this code.
    End(Exit),
}

impl Last {
    fn by(deadline: Option<Instant>) -> Self {
        Self {
            end: deadline
                .and_then(|at| at.checked_add(GRACE))
                .map(|at| (at, Exit::Deadline)),
            asked: false,
        }
    }

    fn signal(&mut self, now: Instant) -> Reaction {
        if std::mem::replace(&mut self.asked, true) {
            return Reaction::End(Exit::Interrupted);
        }
        let at = now + GRACE;
        if self.end.is_none_or(|(end, _)| at < end) {
            self.end = Some((at, Exit::Interrupted));
        }
        Reaction::Ask
    }

    /// From now on any signal ends the process; what ended well has all the time it wants.
    fn over(&mut self, well: bool) {
        self.asked = true;
        if well {
            self.end = None;
        }
    }

    fn moment(&self) -> Option<Instant> {
        self.end.map(|(at, _)| at)
    }

    fn exit(&self) -> Exit {
        self.end.map_or(Exit::Interrupted, |(_, exit)| exit)
    }

    fn failure(&self) -> Failure {
        let since = match self.exit() {
            Exit::Deadline => "its deadline passed",
            _ => "it was asked to stop",
        };
        let seconds = GRACE.as_secs();
        Failure::new(
            self.exit(),
            format!("something did not end within {seconds} s after {since}; it was cut off"),
        )
        .hint("nothing was deleted; the same command goes on from here")
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// Prints on a thread of its own, because a reader that does not read would hold up whoever waits for it.
fn say(words: impl FnOnce() + Send + 'static) -> std::sync::mpsc::Receiver<()> {
    let (done, said) = std::sync::mpsc::channel();
    // Without a thread there is no word; what counts is the end.
    let _ = std::thread::Builder::new().name("last word".to_owned()).spawn(move || {
        words();
        let _ = done.send(());
    });
    said
}

#[expect(
    clippy::disallowed_methods,
    reason = "the user asked twice, or something hangs: nothing else may run"
)]
fn end(exit: Exit) -> ! {
    std::process::exit(exit as i32)
}

/// What a signal means.
enum Signal {
    /// The work shall end.
    Stop,
    /// Its terminal is gone.
    #[cfg_attr(not(unix), expect(dead_code, reason = "consoles there have no such signal"))]
    Hangup,
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Only for work that survives its terminal; every other process ends with it.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn listen(survives: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: survives.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            _ = hangup => Signal::Hangup,
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(windows)]
impl Signals {
    fn listen(_survives: bool) -> io::Result<Self> {
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
        })
    }

    async fn next(&mut self) -> Signal {
        self.interrupt.recv().await;
        Signal::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_asks_and_the_second_ends() {
        let now = Instant::now();
        let mut last = Last::by(None);
        assert_eq!(last.moment(), None);
        assert_eq!(last.signal(now), Reaction::Ask);
        assert_eq!(last.end, Some((now + GRACE, Exit::Interrupted)));
        assert_eq!(last.signal(now), Reaction::End(Exit::Interrupted));
    }

    #[test]
    fn the_earlier_end_counts() {
        let now = Instant::now();
        let mut last = Last::by(Some(now + Duration::from_secs(1)));
        let later = now + Duration::from_secs(5);
        assert_eq!(last.signal(later), Reaction::Ask);
        assert_eq!(last.end, Some((now + Duration::from_secs(11), Exit::Deadline)));
        let mut last = Last::by(Some(now + Duration::from_hours(1)));
        assert_eq!(last.signal(now), Reaction::Ask);
        assert_eq!(last.end, Some((now + GRACE, Exit::Interrupted)));
    }

    #[test]
    fn what_ended_well_is_not_hurried_and_any_signal_ends_the_telling() {
        let now = Instant::now();
        let mut last = Last::by(Some(now));
        last.over(true);
        assert_eq!(last.moment(), None);
        assert_eq!(last.signal(now), Reaction::End(Exit::Interrupted));
        let mut last = Last::by(Some(now));
        last.over(false);
        assert_eq!(last.moment(), Some(now + GRACE));
    }
}
