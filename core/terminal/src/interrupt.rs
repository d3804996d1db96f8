//! Ctrl-C and SIGTERM: the first asks the work to stop, the second ends the process at once.

use std::{future::Future, io};

use tokio_util::sync::CancellationToken;

use crate::{Exit, Failure, Ui};

/// Runs asynchronous work on a runtime of its own; the token is cancelled by the first Ctrl-C or SIGTERM.
///
/// Commands that need no runtime must not call this, so that they start without one.
pub fn run<F, T>(ui: &Ui, work: impl FnOnce(CancellationToken) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start the runtime"))?;
    let result = runtime.block_on(async {
        let token = CancellationToken::new();
        let signals = Signals::listen()
            .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot listen for signals"))?;
        tokio::spawn(watch(signals, ui.clone(), token.clone()));
        work(token).await
    });
    // Work on blocking threads (a DNS lookup) must not hold up the end.
    runtime.shutdown_background();
    result
}

async fn watch(mut signals: Signals, ui: Ui, token: CancellationToken) {
    signals.next().await;
    ui.note("stopping; press Ctrl-C again to end at once");
    token.cancel();
    signals.next().await;
    end_at_once();
}

#[expect(clippy::disallowed_methods, reason = "the user asked twice: nothing else may run")]
fn end_at_once() -> ! {
    std::process::exit(Exit::Interrupted as i32)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: tokio::signal::windows::ctrl_c()?,
        })
    }

    async fn next(&mut self) {
        self.interrupt.recv().await;
    }
}
