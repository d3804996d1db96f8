//! How a run ended.

use std::time::Duration;

use butler_api::{event::Outcome, view::View};

use crate::{Failure, StepId, Words};

/// How a run ended, and why if not well.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// The steps that failed, in order.
    pub failures: Vec<FailedStep>,
    /// What was still waited for when the time was up or the run was interrupted, longest first, in words.
    pub unfinished: Vec<String>,
    /// What a person can do about those waits.
    pub hints: Vec<String>,
    /// What people last saw.
    pub view: View,
    /// How long it took.
    pub took: Duration,
}

/// A step that failed for good.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedStep {
    /// The step.
    pub step: StepId,
    /// Its title.
    pub title: String,
    /// The machine or other thing it is about, with its address if known.
    pub about: Option<String>,
    /// Why, including what it waited for.
    pub failure: Failure,
    /// Whether its deadline passed.
    pub deadline: bool,
}

/// What ended a run that did not reach its end.
pub(super) fn ended_by(failures: &[FailedStep], outcome: Outcome, words: Words) -> String {
    let verdict = match outcome {
        Outcome::Deadline => "not done in time",
        _ => "stopped at",
    };
    match failures {
        [] if outcome == Outcome::Deadline => "not done within --deadline".to_owned(),
        [] => words.not_done.to_owned(),
        [only] => format!("{verdict}: {}", only.title),
        [first, others @ ..] => format!("{verdict}: {} and {} more", first.title, others.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words = Words {
        done: "all are on",
        not_done: "some are off",
    };

    fn failed(title: &str) -> FailedStep {
        FailedStep {
            step: StepId::new(title),
            title: title.to_owned(),
            about: None,
            failure: Failure {
                retryable: false,
                message: "may not".to_owned(),
                chain: Vec::new(),
                hint: None,
                refused: false,
            },
            deadline: false,
        }
    }

    #[test]
    fn the_words_of_an_end_tell_steps_that_failed_from_time_that_is_up() {
        let (none, one) = (Vec::new(), vec![failed("boot a")]);
        let three = vec![failed("boot a"), failed("boot b"), failed("boot c")];
        for (failures, outcome, words) in [
            (&none, Outcome::Interrupted, "some are off"),
            (&none, Outcome::Deadline, "not done within --deadline"),
            (&one, Outcome::Failed, "stopped at: boot a"),
            (&one, Outcome::Deadline, "not done in time: boot a"),
            (&three, Outcome::Failed, "stopped at: boot a and 2 more"),
        ] {
            assert_eq!(ended_by(failures, outcome, WORDS), words);
        }
    }
}
