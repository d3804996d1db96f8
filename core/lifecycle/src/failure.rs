//! From an error to what the scheduler decides on.

use butler_api::{
    descriptors,
    error::{Class, StepError},
};
use butler_kubernetes::chain;

use crate::scheduler::Failure;

impl Failure {
    /// What the scheduler needs of an error: one line from the subject down to the deepest cause.
    pub fn of(error: &StepError) -> Self {
        // Whatever failed for it, a descriptor may be free in a moment.
        let exhausted = descriptors::exhausted(error).is_some();
        Self {
            retryable: exhausted || error.class == Class::Retryable,
            message: chain(error),
            hint: if exhausted {
                Some(descriptors::HINT.to_owned())
            } else {
                error.hint.clone()
            },
            refused: !exhausted && error.class == Class::Configuration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_of_descriptors_is_the_cause_that_is_told_and_passes_by_itself() {
        let error =
            StepError::fatal("read the Talos secrets", std::io::Error::from_raw_os_error(24)).hint("restore it");
        let failure = Failure::of(&error);
        assert_eq!(
            failure.message,
            "read the Talos secrets: this process has no free file descriptors"
        );
        assert!(failure.retryable);
        assert!(failure.hint.is_some_and(|hint| hint.contains("ulimit -n")));
    }
}
