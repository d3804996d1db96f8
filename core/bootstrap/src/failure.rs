//! Errors of steps: a class that decides, the peer's own words, a hint.

use std::error::Error;

use butler_api::{descriptors, words};
use kube::runtime::watcher;

use crate::scheduler::Failure;

/// What an error means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Trying again may help; the budget is the step's deadline.
    Retryable,
    /// The configuration has to change.
    Configuration,
    /// Somebody has to grant something.
    Permission,
    /// The platform has no room.
    Capacity,
    /// It exists and is not ours.
    Foreign,
    /// Nothing here helps.
    Fatal,
}

/// Why a verb of a step failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What it means.
    pub class: Class,
    /// What was tried, on what.
    pub message: String,
    /// A command, flag or setting to try.
    pub hint: Option<String>,
    /// The peer's own error.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl StepError {
    /// An error without a deeper cause.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    /// One that trying again may cure, with its cause.
    pub fn retryable(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Class::Retryable, message)
        }
    }

    /// One that trying again cannot cure, with its cause.
    pub fn fatal(message: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(Class::Fatal, message)
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the scheduler needs of it: one line from the subject down to the deepest cause.
    pub fn to_failure(&self) -> Failure {
        // Whatever failed for it, a descriptor may be free in a moment.
        let exhausted = descriptors::exhausted(self).is_some();
        Failure {
            retryable: exhausted || self.class == Class::Retryable,
            message: chain(self),
            hint: if exhausted {
                Some(descriptors::HINT.to_owned())
            } else {
                self.hint.clone()
            },
            refused: !exhausted && self.class == Class::Configuration,
        }
    }
}

/// An error and its causes in one line, fit to be shown: see [`words`]. What our clients put around a peer's words is left out.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut layers = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let (own, deeper) = layer(error);
        layers.extend(own);
        next = deeper;
    }
    words::chain(layers.iter().map(String::as_str))
}

/// What an error itself says, and its cause.
fn layer<'a>(error: &'a (dyn Error + 'static)) -> (Option<String>, Option<&'a (dyn Error + 'static)>) {
    if let Some(error) = error.downcast_ref::<kube::Error>() {
        return match error {
            kube::Error::Api(status) => (Some(of_status(status)), None),
            kube::Error::Service(inner) => (None, Some(inner.as_ref())),
            kube::Error::HyperError(inner) => (None, Some(inner)),
            kube::Error::ReadEvents(inner) => (None, Some(inner)),
            other => (Some(other.to_string()), other.source()),
        };
    }
    if let Some(error) = error.downcast_ref::<watcher::Error>() {
        return match error {
            watcher::Error::InitialListFailed(inner)
            | watcher::Error::WatchStartFailed(inner)
            | watcher::Error::WatchFailed(inner) => (None, Some(inner)),
            watcher::Error::WatchError(status) => (Some(of_status(status)), None),
            error @ watcher::Error::NoResourceVersion => (Some(error.to_string()), None),
        };
    }
    if let Some(carried) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        // Its own words are those of what it carries, and its source leaves that out.
        return (None, Some(carried));
    }
    (Some(descriptors::words(error)), error.source())
}

/// The words of an API server.
pub fn of_status(status: &kube::core::Status) -> String {
    let message = words::peer(&status.message);
    if message.is_empty() {
        words::peer(&format!("HTTP {} {}", status.code, status.reason))
    } else {
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_failed_is_told_without_the_clients_own_words() {
        let error = kube::Error::Service(Box::new(std::io::Error::other("connection refused")));
        assert_eq!(chain(&error), "connection refused");
    }

    #[test]
    fn out_of_descriptors_is_the_cause_that_is_told_and_passes_by_itself() {
        let error =
            StepError::fatal("read the Talos secrets", std::io::Error::from_raw_os_error(24)).hint("restore it");
        let failure = error.to_failure();
        assert_eq!(
            failure.message,
            "read the Talos secrets: this process has no free file descriptors"
        );
        assert!(failure.retryable);
        assert!(failure.hint.is_some_and(|hint| hint.contains("ulimit -n")));
    }

    #[test]
    fn the_chain_reads_from_the_subject_to_the_deepest_cause_without_repeats() {
        let inner = std::io::Error::other("connection refused");
        let middle = StepError::retryable("connect to 127.64.0.1:50000: connection refused", inner);
        let outer = StepError::retryable("configure demo-cp-0", middle);
        assert_eq!(
            chain(&outer),
            "configure demo-cp-0: connect to 127.64.0.1:50000: connection refused"
        );
    }

    #[test]
    fn a_starting_api_server_is_told_by_what_is_not_ok() {
        let body = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\n".to_owned() + &"[+]hook ok\n".repeat(60);
        let status = kube::core::Status::failure(&body, "Failed to parse error data").with_code(500);
        let watch = watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()));
        let error = StepError::retryable("read the record", watch);
        assert_eq!(chain(&error), "read the record: not ok: etcd");
    }

    #[test]
    fn words_of_peers_are_bounded_in_every_failure() {
        let status = kube::core::Status::failure(&"x y".repeat(9_000), "").with_code(500);
        let error = StepError::retryable("write", kube::Error::Api(status.boxed()));
        assert!(error.to_failure().message.chars().count() <= words::LONGEST);
    }
}
