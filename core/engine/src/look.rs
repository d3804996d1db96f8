//! One look at what a step of a stopped run is for. Nothing is changed and nothing written.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use butler_api::{
    error::{Class, StepError},
    words,
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use crate::{
    Now, Operation, Report, Step, Waiting,
    journal::Journal,
    report::{Listener, Notice},
};

/// How long a deeper cause may follow the first one.
const DEEPER: Duration = Duration::from_millis(500);

/// Looks by the step's own verb, for as long as `limit` at most. A look that waits for something better ends with the cause
/// that it told last. The journal must be a closed one: see [`Journal::closed`].
pub async fn look<O: Operation>(operation: &O, step: &Step<O>, journal: &Journal<O::Memory>, limit: Duration) -> Now {
    let heard = Arc::new(Heard::default());
    let report = Report::new(step.id.clone(), journal.clone(), heard.clone());
    let seen = async {
        tokio::select! {
            biased;
            seen = step.verbs.look(operation, &report) => Some(seen),
            () = heard.enough() => None,
        }
    };
    match timeout(limit, seen).await.ok().flatten() {
        Some(Ok(now)) => now.fit(),
        Some(Err(error)) => failed::<O>(&error),
        None => heard.told(limit),
    }
}

/// What passes by itself says nothing about the step: it could not be asked. Everything else would end it.
fn failed<O: Operation>(error: &StepError) -> Now {
    let words = O::explain(error);
    match error.class {
        Class::Retryable => Now::Unknown(words),
        _ => Now::Still(words),
    }
}

impl Now {
    fn fit(self) -> Self {
        match self {
            Self::So(words) => Self::So(words::peer(&words)),
            Self::Still(words) => Self::Still(words::peer(&words)),
            Self::Unknown(words) => Self::Unknown(words::peer(&words)),
        }
    }
}

/// What a verb says that waits while it looks.
#[derive(Debug, Default)]
struct Heard {
    last: Mutex<Waiting>,
    cause: Notify,
}

impl Heard {
    /// Until a cause was named, and a deeper one had its time.
    async fn enough(&self) {
        self.cause.notified().await;
        sleep(DEEPER).await;
    }

    fn told(&self, limit: Duration) -> Now {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &last.cause {
            Some(cause) => Now::Still(cause.clone()),
            None if last.waiting_for.is_empty() => Now::Unknown(format!("no answer within {} s", limit.as_secs())),
            None => Now::Unknown(format!(
                "no answer within {} s while waiting for {}",
                limit.as_secs(),
                last.waiting_for
            )),
        }
    }
}

impl Listener for Heard {
    fn hear(&self, notice: Notice) {
        let Notice::Waiting { waiting, .. } = notice else {
            return;
        };
        let named = waiting.cause.is_some();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = waiting;
        if named {
            self.cause.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures::future::BoxFuture;

    use super::*;
    use crate::{
        Proof, StepId, Verbs,
        journal::Known,
        operation::tests::{Nothing, PHASE},
    };

    /// What the look of a step does.
    #[derive(Debug, Clone, Copy)]
    enum Looks {
        Sees,
        Names,
        IsSilent,
        Fails(Class),
        Writes,
    }

    impl Verbs<Nothing> for Looks {
        fn prove<'a>(&'a self, _: &'a Nothing, _: &'a Report<Nothing>) -> BoxFuture<'a, Result<Proof<()>, StepError>> {
            Box::pin(async { Ok(Proof::of("a look proves nothing")) })
        }

        fn look<'a>(&'a self, _: &'a Nothing, report: &'a Report<Nothing>) -> BoxFuture<'a, Result<Now, StepError>> {
            Box::pin(async move {
                match self {
                    Self::Sees => return Ok(Now::So("seen\nagain".to_owned())),
                    Self::Fails(class) => return Err(StepError::new(*class, "no")),
                    Self::Writes => report.intent("do it", Vec::new()).await?,
                    Self::Names => {
                        report.waiting("a pod", Some("no node".to_owned()));
                        report.waiting("a pod", Some("no image".to_owned()));
                    }
                    Self::IsSilent => report.waiting("a pod", None),
                }
                std::future::pending().await
            })
        }
    }

    async fn found(looks: Looks) -> Now {
        let step = Step::new(StepId::new("a"), "do a", PHASE, Duration::from_secs(60), looks);
        let journal = Journal::closed(Path::new("journal"), Known::default());
        look(&Nothing, &step, &journal, Duration::from_secs(3)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_ends_with_what_is_seen_or_the_deepest_cause_or_what_was_not_reached() {
        assert_eq!(found(Looks::Sees).await, Now::So("seen again".to_owned()));
        assert_eq!(found(Looks::Names).await, Now::Still("no image".to_owned()));
        let silent = "no answer within 3 s while waiting for a pod";
        assert_eq!(found(Looks::IsSilent).await, Now::Unknown(silent.to_owned()));
        assert_eq!(
            found(Looks::Fails(Class::Retryable)).await,
            Now::Unknown("no".to_owned())
        );
        assert_eq!(found(Looks::Fails(Class::Capacity)).await, Now::Still("no".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_would_write_does_not() {
        let Now::Still(words) = found(Looks::Writes).await else {
            panic!("a look wrote");
        };
        assert!(
            words.contains("nothing may happen that the journal cannot record"),
            "{words}"
        );
        assert!(!Path::new("journal").exists());
    }
}
