//! Errors of steps: a class that decides, the peer's own words, a hint.

use std::error::Error;

use butler_api::descriptors;

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
        }
    }
}

/// An error and its causes in one line, leaving out what a message repeats of the one before.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    // kube puts the name of its own type before the words of the connection.
    if let Some(kube::Error::Service(inner)) = error.downcast_ref() {
        return chain(inner.as_ref());
    }
    let mut text = descriptors::words(error);
    let mut next = error.source();
    while let Some(cause) = next {
        let words = descriptors::words(cause);
        if !text.ends_with(&words) && !words.is_empty() {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
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
}
