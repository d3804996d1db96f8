//! The sign of life of a run, in the lock that it holds.

use std::time::Duration;

use butler_files::Lock;
use jiff::Timestamp;
use tokio_util::task::AbortOnDropHandle;

/// Keeps the lock, and its sign of life fresh, until the handle is dropped.
pub(crate) fn keep(lock: Lock) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(beat(lock)))
}

async fn beat(mut lock: Lock) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if let Err(error) = lock.beat(Timestamp::now()) {
            tracing::warn!(error = %butler_kubernetes::chain(&error), "lock not refreshed");
        }
    }
}
