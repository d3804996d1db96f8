//! Threads for requests that may take long, so that the threads which accept connections, read and answer never wait for them.
//! The number of these threads bounds how many requests are worked on at once. A request that waits for the disk, or for
//! another request, occupies none of them.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;

use futures::FutureExt as _;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

/// Objects may be nested deeply, and every reader, check and writer of them recurses.
const STACK: usize = 16 << 20;

/// They live as long as the process, whose end does not wait for them.
static THREADS: LazyLock<Option<Runtime>> = LazyLock::new(|| {
    let count = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
    Builder::new_multi_thread()
        .worker_threads(count)
        .thread_name("embedded-work")
        .thread_stack_size(STACK)
        .enable_time()
        .build()
        .inspect_err(|error| tracing::error!(%error, "no threads for long requests"))
        .ok()
});

/// Work that ended in a panic, with its message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked(pub(crate) String);

/// Starts work on those threads that goes on beside requests.
pub(crate) fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    match &*THREADS {
        Some(threads) => threads.spawn(work),
        None => tokio::spawn(work),
    }
}

/// Works on a request on those threads. The work is dropped with the future that waits for it.
pub(crate) async fn offload<F>(work: F) -> Result<F::Output, Panicked>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    match AbortOnDropHandle::new(spawn(work)).await {
        Ok(output) => Ok(output),
        Err(error) if error.is_panic() => Err(panicked(&*error.into_panic())),
        Err(_) => Err(Panicked("the server is ending".to_owned())),
    }
}

/// Works on a request on the thread that reads it. A panic becomes an error.
pub(crate) async fn inline<F: Future>(work: F) -> Result<F::Output, Panicked> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|panic| panicked(&*panic))
}

fn panicked(panic: &(dyn Any + Send)) -> Panicked {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Panicked(text.unwrap_or_else(|| "a panic without a message".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_wherever_it_happens() {
        let boom = |text: &'static str| async move { if text.is_empty() { 1 } else { panic!("{text}") } };
        assert_eq!(inline(boom("")).await, Ok(1));
        assert_eq!(offload(boom("")).await, Ok(1));
        assert_eq!(inline(boom("here")).await, Err(Panicked("here".into())));
        assert_eq!(offload(boom("away")).await, Err(Panicked("away".into())));
    }

    #[tokio::test]
    async fn what_works_long_does_not_keep_the_caller_from_anything() {
        let threads = std::thread::available_parallelism().map_or(2, |n| n.get().max(2));
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
        let busy: Vec<_> = (0..threads)
            .map(|_| {
                let wait = std::sync::Arc::clone(&wait);
                spawn(async move {
                    let _ = wait.lock().unwrap().recv();
                })
            })
            .collect();
        assert_eq!(inline(async { 1 }).await, Ok(1));
        drop(go);
        for work in busy {
            work.await.unwrap();
        }
    }
}
