//! Repeating one HTTP call: which failures are worth another try, and how long to wait before it.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use butler_api::backoff::Backoff;

use crate::{ErrorKind, InfraError, error::RETRY_AFTER_CAP};

/// Time and chance, so that decisions about waiting can be tested without waiting.
pub trait Clock: Send + Sync {
    /// Waits for this long.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// The time since some fixed moment.
    fn elapsed(&self) -> Duration;
    /// A random number in `0.0..1.0`, which spreads the tries of several callers.
    fn jitter(&self) -> f64;
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock that starts now.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now() })
    }
}

impl Clock for SystemClock {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn jitter(&self) -> f64 {
        let random = uuid::Uuid::new_v4().as_fields().0;
        f64::from(random) / (f64::from(u32::MAX) + 1.0)
    }
}

/// How often and how long one call is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The delays of our own choosing, before chance shortens them.
    pub backoff: Backoff,
    /// The number of tries, the first one included.
    pub tries: u32,
    /// The time after which no further try starts.
    pub budget: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(20)),
            tries: 6,
            budget: Duration::from_mins(1),
        }
    }
}

/// What repeating a call does, in the words of RFC 9110, section 9.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Semantics {
    /// It changes nothing, so it can be tried again at will.
    Safe,
    /// Doing it twice is doing it once: it goes by name, or with a token by which the platform recognises it.
    Idempotent,
    /// Doing it twice may be doing it twice: only what certainly was not carried out is tried again.
    Once,
}

impl Policy {
    /// The delay before the next try, or none when this error is final. `failed` counts failed tries, `spent` is the
    /// time since the first one began, `jitter` lies in `0.0..1.0`.
    pub fn next(
        &self,
        error: &InfraError,
        semantics: Semantics,
        failed: u32,
        spent: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        let worth_it = match &error.kind {
            ErrorKind::Throttled | ErrorKind::Unreachable => true,
            ErrorKind::Timeout { maybe_applied } => !maybe_applied || semantics != Semantics::Once,
            // A 500 for a write may be a lasting verdict; the engine decides about that.
            ErrorKind::Server => match semantics {
                Semantics::Safe => true,
                Semantics::Idempotent => error.http != Some(500),
                Semantics::Once => false,
            },
            _ => false,
        };
        if !worth_it || failed >= self.tries {
            return None;
        }
        let delay = match error.retry_after {
            Some(asked) => asked.min(RETRY_AFTER_CAP),
            None => self.backoff.pause(failed).mul_f64(jitter),
        };
        (spent + delay < self.budget).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use butler_api::config::ProviderKind;

    use super::*;

    fn error(kind: ErrorKind, http: Option<u16>) -> InfraError {
        let mut error = InfraError::new(ProviderKind::InMemory, "list machines", kind, "no");
        error.http = http;
        error
    }

    fn delays(error: &InfraError, semantics: Semantics, jitter: f64) -> Vec<Duration> {
        let policy = Policy::default();
        let mut spent = Duration::ZERO;
        (1..)
            .map_while(|failed| {
                let delay = policy.next(error, semantics, failed, spent, jitter)?;
                spent += delay;
                Some(delay)
            })
            .collect()
    }

    #[test]
    fn delays_double_up_to_the_number_of_tries() {
        let throttled = error(ErrorKind::Throttled, Some(429));
        let expected: Vec<_> = [250, 500, 1000, 2000, 4000].map(Duration::from_millis).into();
        assert_eq!(delays(&throttled, Semantics::Idempotent, 1.0), expected);
        assert_eq!(delays(&throttled, Semantics::Idempotent, 0.0), vec![Duration::ZERO; 5]);
    }

    #[test]
    fn the_platforms_own_delay_is_kept_within_the_budget() {
        let mut throttled = error(ErrorKind::Throttled, Some(429));
        throttled.retry_after = Some(Duration::from_secs(25));
        assert_eq!(
            delays(&throttled, Semantics::Safe, 0.5),
            vec![Duration::from_secs(25); 2]
        );
        throttled.retry_after = Some(Duration::from_hours(1));
        assert_eq!(delays(&throttled, Semantics::Safe, 0.5), Vec::<Duration>::new());
    }

    #[test]
    fn an_internal_error_is_repeated_for_reads_only() {
        let internal = error(ErrorKind::Server, Some(500));
        assert!(!delays(&internal, Semantics::Safe, 0.5).is_empty());
        assert!(delays(&internal, Semantics::Idempotent, 0.5).is_empty());
        assert!(!delays(&error(ErrorKind::Server, Some(503)), Semantics::Idempotent, 0.5).is_empty());
    }

    #[test]
    fn what_may_have_been_done_and_cannot_be_done_twice_is_not_repeated() {
        let lost = error(ErrorKind::Timeout { maybe_applied: true }, None);
        assert!(delays(&lost, Semantics::Once, 0.5).is_empty());
        assert!(!delays(&lost, Semantics::Idempotent, 0.5).is_empty());
        assert!(delays(&error(ErrorKind::Server, Some(503)), Semantics::Once, 0.5).is_empty());
        // These were not carried out.
        for kind in [ErrorKind::Throttled, ErrorKind::Unreachable] {
            assert!(!delays(&error(kind, None), Semantics::Once, 0.5).is_empty());
        }
    }

    #[test]
    fn verdicts_are_final() {
        for kind in [
            ErrorKind::Foreign,
            ErrorKind::NotFound,
            ErrorKind::SpecDrift,
            ErrorKind::Tls { fingerprint: None },
            ErrorKind::Protocol,
        ] {
            assert!(delays(&error(kind, None), Semantics::Safe, 0.5).is_empty());
        }
    }
}
