//! What an operation brings: its facts and their fold, its words, and the verbs of each of its steps.

use std::{error::Error, fmt};

use butler_api::{
    error::StepError,
    event::{Body, CauseLine},
    view::View,
    words,
};
use futures::future::BoxFuture;
use serde::Serialize;

use crate::{Report, journal::Memory};

/// Something that is done by steps. The value itself is what the verbs of all its steps share.
pub trait Operation: Send + Sync + Sized + 'static {
    /// What its steps learn, folded.
    type Memory: Memory;

    /// What people read at its end.
    const WORDS: Words;

    /// An error and its causes in one line, fit to be shown.
    fn explain(error: &(dyn Error + 'static)) -> String {
        let mut layers = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next {
            layers.push(error.to_string());
            next = error.source();
        }
        words::chain(layers.iter().map(String::as_str))
    }

    /// The layers of an error that ended an attempt, from what was tried down to the deepest one that tells; none where the words
    /// of the error are all there is.
    fn layers(error: &StepError) -> Vec<CauseLine> {
        let _ = error;
        Vec::new()
    }

    /// What people see change when this is learnt.
    fn learnt(fact: &<Self::Memory as Memory>::Fact, seen: &View) -> Option<Body> {
        let _ = (fact, seen);
        None
    }
}

/// The sentences of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// It reached its end.
    pub done: &'static str,
    /// It did not, and no step says why.
    pub not_done: &'static str,
}

/// What was observed, and what it teaches later runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof<F> {
    /// What was observed, as a sentence.
    pub evidence: String,
    /// What was learned on the way, such as ids and addresses.
    pub facts: Vec<F>,
}

impl<F> Proof<F> {
    /// Evidence that teaches nothing else.
    pub fn of(evidence: impl Into<String>) -> Self {
        Self {
            evidence: evidence.into(),
            facts: Vec::new(),
        }
    }
}

/// How something that a stopped run waited for is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state", content = "text")]
pub enum Now {
    /// It is so by now, with the evidence.
    So(String),
    /// It is still not so, for this reason.
    Still(String),
    /// It cannot be asked, for this reason.
    Unknown(String),
}

/// A moment in the life of a step at which people may see something change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment<'a> {
    /// The step begins: its needs are proven.
    Begun,
    /// It waits, for this.
    Waiting(&'a str),
    /// Its goal was observed, and that is on disk.
    Proven,
    /// It failed for good.
    Failed,
}

/// Facts of an operation.
pub(crate) type FactOf<O> = <<O as Operation>::Memory as Memory>::Fact;

/// The three verbs of a step. Dropping a returned future aborts the verb.
pub trait Verbs<O: Operation>: fmt::Debug + Send + Sync {
    /// Is it so already in the real world? By default nobody can tell without trying.
    fn probe<'a>(
        &'a self,
        operation: &'a O,
        report: &'a Report<O>,
    ) -> BoxFuture<'a, Result<Option<Proof<FactOf<O>>>, StepError>> {
        let _ = (operation, report);
        Box::pin(async { Ok(None) })
    }

    /// Makes it so; idempotent. By default there is nothing to do but wait for the evidence.
    fn act<'a>(&'a self, operation: &'a O, report: &'a Report<O>) -> BoxFuture<'a, Result<(), StepError>> {
        let _ = (operation, report);
        Box::pin(async { Ok(()) })
    }

    /// Waits for the evidence.
    fn prove<'a>(
        &'a self,
        operation: &'a O,
        report: &'a Report<O>,
    ) -> BoxFuture<'a, Result<Proof<FactOf<O>>, StepError>>;

    /// How it is now, for somebody who only wants to know: no run goes on, and nothing may be changed or written, on this
    /// computer or elsewhere. By default nobody can tell but a run.
    fn look<'a>(&'a self, operation: &'a O, report: &'a Report<O>) -> BoxFuture<'a, Result<Now, StepError>> {
        let _ = (operation, report);
        Box::pin(async { Ok(Now::Unknown("only a run can tell".to_owned())) })
    }

    /// What people see change at this moment, beside the step itself.
    fn shows(&self, moment: Moment<'_>, seen: &View) -> Option<Body> {
        let _ = (moment, seen);
        None
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Phase, Step, StepId};

    /// An operation whose steps learn nothing.
    #[derive(Debug)]
    pub(crate) struct Nothing;

    impl Operation for Nothing {
        type Memory = ();
        const WORDS: Words = Words {
            done: "everything is done",
            not_done: "it is not done",
        };
    }

    #[derive(Debug)]
    struct Idle;

    impl<O: Operation> Verbs<O> for Idle {
        fn prove<'a>(&'a self, _: &'a O, _: &'a Report<O>) -> BoxFuture<'a, Result<Proof<FactOf<O>>, StepError>> {
            Box::pin(async { Ok(Proof::of("seen")) })
        }
    }

    pub(crate) const PHASE: Phase = Phase { order: 0, name: "Only" };

    /// A step that is proven at once.
    pub(crate) fn nothing<O: Operation>(id: &str) -> Step<O> {
        Step::new(StepId::new(id), id, PHASE, Duration::from_secs(1), Idle)
    }
}
