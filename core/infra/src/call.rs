//! Repeating one HTTP call: which failures are worth another try, and how long to wait before it.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{Class, InfraError};

/// Clock and chance, so that decisions about waiting can be tested without waiting.
pub trait Pace: Send + Sync {
    /// Waits.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// The time since some fixed moment.
    fn elapsed(&self) -> Duration;
    /// A number in `0.0..1.0`.
    fn chance(&self) -> f64;
}

/// The real clock.
#[derive(Debug)]
pub struct RealPace {
    start: Instant,
}

impl RealPace {
    /// A clock that starts now.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now() })
    }
}

impl Pace for RealPace {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn chance(&self) -> f64 {
        let random = uuid::Uuid::new_v4().as_fields().0;
        f64::from(random) / (f64::from(u32::MAX) + 1.0)
    }
}

/// How often and how long one call is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// First delay; doubled with each try.
    pub base: Duration,
    /// Largest delay of our own choosing.
    pub cap: Duration,
    /// Largest delay that the platform may ask for.
    pub retry_after_cap: Duration,
    /// Tries, the first one included.
    pub tries: u32,
    /// Time after which no further try starts.
    pub budget: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(250),
            cap: Duration::from_secs(20),
            retry_after_cap: Duration::from_mins(2),
            tries: 6,
            budget: Duration::from_mins(1),
        }
    }
}

/// What a repeated call does on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads only.
    Read,
    /// May be repeated: by name, or with a token that makes the platform recognise it.
    Repeatable,
}

impl Policy {
    /// The delay before the next try, or none when this error is final. `failed` counts failed tries, `spent` is the
    /// time since the first one began, `chance` lies in `0.0..1.0`.
    pub fn next(
        &self,
        error: &InfraError,
        effect: Effect,
        failed: u32,
        spent: Duration,
        chance: f64,
    ) -> Option<Duration> {
        let worth_it = match &error.class {
            Class::Throttled | Class::Unreachable | Class::Timeout { .. } => true,
            // A 500 for a write may be a lasting verdict; the engine decides about that.
            Class::Server => effect == Effect::Read || error.http != Some(500),
            _ => false,
        };
        if !worth_it || failed >= self.tries {
            return None;
        }
        let ceiling = self
            .base
            .saturating_mul(2_u32.saturating_pow(failed.saturating_sub(1)))
            .min(self.cap);
        let delay = match error.retry_after {
            Some(asked) => asked.min(self.retry_after_cap),
            None => ceiling.mul_f64(chance),
        };
        (spent + delay < self.budget).then_some(delay)
    }
}

#[cfg(test)]
mod tests {
    use butler_api::config::ProviderKind;

    use super::*;

    fn error(class: Class, http: Option<u16>) -> InfraError {
        let mut error = InfraError::new(ProviderKind::InMemory, "list machines", class, "no");
        error.http = http;
        error
    }

    fn delays(error: &InfraError, effect: Effect, chance: f64) -> Vec<Duration> {
        let policy = Policy::default();
        let mut spent = Duration::ZERO;
        (1..)
            .map_while(|failed| {
                let delay = policy.next(error, effect, failed, spent, chance)?;
                spent += delay;
                Some(delay)
            })
            .collect()
    }

    #[test]
    fn delays_double_up_to_the_number_of_tries() {
        let throttled = error(Class::Throttled, Some(429));
        let expected: Vec<_> = [250, 500, 1000, 2000, 4000].map(Duration::from_millis).into();
        assert_eq!(delays(&throttled, Effect::Repeatable, 1.0), expected);
        assert_eq!(delays(&throttled, Effect::Repeatable, 0.0), vec![Duration::ZERO; 5]);
    }

    #[test]
    fn the_platforms_own_delay_is_kept_within_the_budget() {
        let mut throttled = error(Class::Throttled, Some(429));
        throttled.retry_after = Some(Duration::from_secs(25));
        assert_eq!(delays(&throttled, Effect::Read, 0.5), vec![Duration::from_secs(25); 2]);
        throttled.retry_after = Some(Duration::from_hours(1));
        assert_eq!(delays(&throttled, Effect::Read, 0.5), Vec::<Duration>::new());
    }

    #[test]
    fn an_internal_error_is_repeated_for_reads_only() {
        let internal = error(Class::Server, Some(500));
        assert!(!delays(&internal, Effect::Read, 0.5).is_empty());
        assert!(delays(&internal, Effect::Repeatable, 0.5).is_empty());
        assert!(!delays(&error(Class::Server, Some(503)), Effect::Repeatable, 0.5).is_empty());
    }

    #[test]
    fn verdicts_are_final() {
        for class in [
            Class::Foreign,
            Class::NotFound,
            Class::SpecDrift,
            Class::Tls { fingerprint: None },
            Class::Protocol,
        ] {
            assert!(delays(&error(class, None), Effect::Read, 0.5).is_empty());
        }
    }
}
