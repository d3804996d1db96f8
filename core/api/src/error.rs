//! Errors of whatever an operation does: a class that decides, the peer's own words, a hint.

use std::error::Error;

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
    /// Nothing that the program or its user tries again would help.
    Fatal,
}

/// Why a verb of a step failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What the failure means for whoever tries again.
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
}
