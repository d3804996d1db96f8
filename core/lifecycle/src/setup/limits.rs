//! What ends work that keeps no journal: it is given up at once.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::setup::SetupError;

/// When a command has to end.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The time that it has, if that is limited.
    pub deadline: Option<Instant>,
    /// Cancelled when the user stops it.
    pub cancel: CancellationToken,
}

impl Limits {
    /// Does the work unless the user stops it or its time is up; `operation` says for whom (`bootstrap of demo`).
    pub async fn within<T>(
        &self,
        operation: &str,
        work: impl Future<Output = Result<T, SetupError>>,
    ) -> Result<T, SetupError> {
        let late = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(SetupError::Interrupted),
            () = late => Err(SetupError::TooLate { operation: operation.to_owned() }),
            result = work => result,
        }
    }

    /// The time that is left.
    pub fn left(&self) -> Option<Duration> {
        self.deadline.map(|at| at.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_given_up_when_it_is_stopped_or_late_and_the_user_comes_first() {
        let mut limits = Limits {
            deadline: None,
            cancel: CancellationToken::new(),
        };
        assert!(matches!(limits.within("x", async { Ok(7) }).await, Ok(7)));
        limits.deadline = Some(Instant::now());
        let late = limits.within("bootstrap of demo", std::future::pending::<Result<(), _>>());
        insta::assert_snapshot!(
            late.await.unwrap_err(),
            @"the bootstrap of demo had not begun when --deadline passed; nothing was changed on the platform"
        );
        limits.cancel.cancel();
        let stopped = limits.within("x", std::future::pending::<Result<(), _>>());
        assert!(matches!(stopped.await, Err(SetupError::Interrupted)));
    }
}
