//! From an error to what the scheduler decides on.

use butler_api::{
    descriptors,
    error::{Class, StepError},
    event::CauseLine,
};

use crate::scheduler::Failure;

impl Failure {
    /// What the scheduler needs of an error: `message` is one line from the subject down to the deepest cause, and `chain` the layers of it.
    pub fn of(error: &StepError, message: String, chain: Vec<CauseLine>) -> Self {
        // Whatever failed for it, a descriptor may be free in a moment.
        let exhausted = descriptors::exhausted(error).is_some();
        Self {
            retryable: exhausted || error.class == Class::Retryable,
            message,
            chain,
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
    fn out_of_descriptors_passes_by_itself() {
        let error = StepError::fatal("read the secrets", std::io::Error::from_raw_os_error(24)).hint("restore it");
        let failure = Failure::of(&error, "words".to_owned(), Vec::new());
        assert!(failure.retryable);
        assert!(failure.hint.is_some_and(|hint| hint.contains("ulimit -n")));
    }
}
