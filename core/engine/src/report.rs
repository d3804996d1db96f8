//! How a running verb speaks to whoever runs it.

use std::{fmt, sync::Arc};

use butler_api::{
    error::StepError,
    event::{Body, CauseLine, Level},
    words,
};

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
    Waiting { step: StepId, waiting: Waiting },
    Log { level: Level, source: String, text: String },
    Body(Body),
}

/// What a look at the thing that a step waits for found. Words of peers are made fit when it is reported, whoever had them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Waiting {
    /// What the step waits for.
    pub waiting_for: String,
    /// The deepest cause observed, in one line.
    pub cause: Option<String>,
    /// The causes from the thing waited for down to the deepest one.
    pub chain: Vec<CauseLine>,
    /// What a person can do about it, should it not end.
    pub hint: Option<String>,
}

impl Waiting {
    fn fit(self) -> Self {
        Self {
            waiting_for: words::peer(&self.waiting_for),
            cause: self.cause.map(|cause| words::peer(&cause)),
            chain: self.chain.iter().map(fit).collect(),
            hint: self.hint,
        }
    }
}

/// A layer whose words are fit to be shown.
pub(crate) fn fit(line: &CauseLine) -> CauseLine {
    CauseLine {
        layer: line.layer,
        object: words::peer(&line.object),
        text: words::peer(&line.text),
        source: words::peer(&line.source),
        age_seconds: line.age_seconds,
    }
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

    /// Says what the step waits for and the deepest cause observed.
    pub fn waiting(&self, waiting_for: impl Into<String>, cause: Option<String>) {
        self.wait_for(Waiting {
            waiting_for: waiting_for.into(),
            cause,
            ..Waiting::default()
        });
    }

    /// Says what a look found.
    pub fn wait_for(&self, waiting: Waiting) {
        self.listener.hear(Notice::Waiting {
            step: self.step.clone(),
            waiting: waiting.fit(),
        });
    }

    /// Passes on a line of whoever works for the step. Floods are cut by the driver.
    pub fn log(&self, level: Level, source: impl Into<String>, text: &str) {
        self.listener.hear(Notice::Log {
            level,
            source: source.into(),
            text: words::peer(text),
        });
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
