//! How a running verb speaks to whoever runs it.

use std::{fmt, sync::Arc};

use butler_api::{error::StepError, event::Body, words};

use crate::{
    Operation, StepId,
    journal::{Entry, Journal, JournalError},
    operation::FactOf,
};

/// Takes what running verbs say. The driver's end of the line; verbs know nothing of its runtime.
pub(crate) trait Listener: fmt::Debug + Send + Sync {
    /// Passes the notice on; whoever is gone misses it.
    fn hear(&self, notice: Notice);
}

/// How a running verb speaks to the driver.
#[derive(Debug)]
pub struct Report<O: Operation> {
    step: StepId,
    journal: Journal<O::Memory>,
    listener: Arc<dyn Listener>,
}

/// What a running verb says.
#[derive(Debug)]
#[cfg_attr(not(feature = "driver"), expect(dead_code, reason = "only the driver reads it"))]
pub(crate) enum Notice {
    Waiting {
        step: StepId,
        waiting_for: String,
        cause: Option<String>,
        hint: Option<String>,
    },
    Body(Body),
}

impl<O: Operation> Clone for Report<O> {
    fn clone(&self) -> Self {
        Self::new(self.step.clone(), self.journal.clone(), Arc::clone(&self.listener))
    }
}

impl<O: Operation> Report<O> {
    pub(crate) fn new(step: StepId, journal: Journal<O::Memory>, listener: Arc<dyn Listener>) -> Self {
        Self {
            step,
            journal,
            listener,
        }
    }

    /// Says what the step waits for and the deepest cause observed. Words of peers are made fit here, whoever had them.
    pub fn waiting(&self, waiting_for: impl Into<String>, cause: Option<String>) {
        self.waiting_with(waiting_for, cause, None);
    }

    /// The same with what a person can do about it, should it not end.
    pub fn waiting_with(&self, waiting_for: impl Into<String>, cause: Option<String>, hint: Option<String>) {
        let notice = Notice::Waiting {
            step: self.step.clone(),
            waiting_for: words::peer(&waiting_for.into()),
            cause: cause.map(|cause| words::peer(&cause)),
            hint,
        };
        self.listener.hear(notice);
    }

    /// Emits an event.
    pub fn emit(&self, body: Body) {
        let body = match body {
            Body::Warning { message, hint } => Body::Warning {
                message: words::peer(&message),
                hint,
            },
            body => body,
        };
        self.listener.hear(Notice::Body(body));
    }

    /// Makes an intent durable: a choice, or an effect within a step that deserves its own record.
    pub async fn intent(&self, what: impl Into<String>, facts: Vec<FactOf<O>>) -> Result<(), StepError> {
        let entry = Entry::Intent {
            step: self.step.clone(),
            what: what.into(),
            facts,
        };
        self.journal.append(entry).await.map_err(journal_failed)
    }

    /// Makes an effect durable.
    pub async fn effect(&self, what: impl Into<String>, facts: Vec<FactOf<O>>) -> Result<(), StepError> {
        let entry = Entry::Effect {
            step: self.step.clone(),
            what: what.into(),
            facts,
        };
        self.journal.append(entry).await.map_err(journal_failed)
    }

    /// Makes any record durable.
    #[cfg(feature = "driver")]
    pub(crate) async fn append(&self, entry: Entry<FactOf<O>>) -> Result<(), JournalError> {
        self.journal.append(entry).await
    }
}

fn journal_failed(error: JournalError) -> StepError {
    StepError::fatal("nothing may happen that the journal cannot record", error)
        .hint("free space on the disk of the state folder, then run the same command again")
}
