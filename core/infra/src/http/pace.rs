//! How many requests an endpoint gets, and how fast.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::call::Clock;

/// How long an endpoint that complained is spared.
const SPARED: Duration = Duration::from_mins(1);

/// The pace that an endpoint is asked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many requests may be under way at the same time.
    pub at_once: usize,
    /// How many requests may begin at once after a pause.
    pub burst: u32,
    /// How many begin per second in the long run.
    pub per_second: u32,
}

/// Where requests wait for their turn.
pub(super) struct Turnstile {
    permits: Semaphore,
    bucket: Mutex<Bucket>,
}

impl Turnstile {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            permits: Semaphore::new(pace.at_once),
            bucket: Mutex::new(Bucket::new(pace)),
        }
    }

    /// Waits for a turn, which lasts as long as what is returned.
    pub(super) async fn pass(&self, clock: &dyn Clock) -> Option<SemaphorePermit<'_>> {
        // Nobody closes the semaphore.
        let turn = self.permits.acquire().await.ok();
        let wait = self.with(|bucket| bucket.take(clock.elapsed()));
        if wait > Duration::ZERO {
            clock.sleep(wait).await;
        }
        turn
    }

    /// Halves the speed for a minute: the platform says that it gets too much.
    pub(super) fn slow_down(&self, now: Duration) {
        self.with(|bucket| bucket.spared_until = Some(now + SPARED));
    }

    fn with<T>(&self, f: impl FnOnce(&mut Bucket) -> T) -> T {
        f(&mut self.bucket.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A bucket of tokens: each request takes one; they come back at a steady rate. Whoever finds none takes one of the future
/// and waits for it.
struct Bucket {
    pace: Pace,
    /// Negative where requests wait.
    tokens: f64,
    counted: Duration,
    spared_until: Option<Duration>,
}

impl Bucket {
    fn new(pace: Pace) -> Self {
        Self {
            pace,
            tokens: f64::from(pace.burst),
            counted: Duration::ZERO,
            spared_until: None,
        }
    }

    /// Takes a token and tells how long to wait before it is there.
    fn take(&mut self, now: Duration) -> Duration {
        let full = f64::from(self.pace.per_second.max(1));
        let rate = match self.spared_until {
            Some(until) if now < until => full / 2.0,
            _ => full,
        };
        let passed = now.saturating_sub(self.counted).as_secs_f64();
        self.counted = now;
        self.tokens = passed.mul_add(rate, self.tokens).min(f64::from(self.pace.burst.max(1))) - 1.0;
        if self.tokens >= 0.0 {
            Duration::ZERO
        } else {
            Duration::from_secs_f64(-self.tokens / rate)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket() -> Bucket {
        Bucket::new(Pace {
            at_once: 1,
            burst: 2,
            per_second: 4,
        })
    }

    #[test]
    fn a_burst_passes_and_the_rest_waits_its_turn() {
        let mut bucket = bucket();
        let waits: Vec<u128> = (0..4).map(|_| bucket.take(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [0, 0, 250, 500]);
        // Two seconds later it is full again, and no fuller.
        let later = Duration::from_secs(100);
        let waits: Vec<u128> = (0..3).map(|_| bucket.take(later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 250]);
    }

    #[test]
    fn an_endpoint_that_complains_is_spared_for_a_minute() {
        let mut bucket = bucket();
        bucket.tokens = 0.0;
        bucket.spared_until = Some(SPARED);
        assert_eq!(bucket.take(Duration::ZERO), Duration::from_millis(500));
        bucket.tokens = 0.0;
        bucket.counted = SPARED;
        assert_eq!(bucket.take(SPARED), Duration::from_millis(250));
    }
}
