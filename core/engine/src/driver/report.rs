//! How a running verb speaks to the driver, and how one is run.

use butler_api::{
    error::StepError,
    event::{Body, CauseLine, Level},
    words,
};
use tokio::sync::mpsc;

use super::Message;
use crate::{
    Failure, Operation, Proof, Step, StepId,
    journal::{Entry, Journal, JournalError},
    operation::FactOf,
    scheduler::Input,
};

/// How a running verb speaks to the driver.
#[derive(Debug)]
pub struct Report<O: Operation> {
    step: StepId,
    journal: Journal<O::Memory>,
    notices: mpsc::UnboundedSender<Notice>,
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
        let line = |line: CauseLine| CauseLine {
            object: words::peer(&line.object),
            text: words::peer(&line.text),
            source: words::peer(&line.source),
            ..line
        };
        Self {
            waiting_for: words::peer(&self.waiting_for),
            cause: self.cause.map(|cause| words::peer(&cause)),
            chain: self.chain.into_iter().map(line).collect(),
            hint: self.hint,
        }
    }
}

#[derive(Debug)]
pub(super) enum Notice {
    Waiting { step: StepId, waiting: Waiting },
    Log { level: Level, source: String, text: String },
    Body(Body),
}

impl<O: Operation> Clone for Report<O> {
    fn clone(&self) -> Self {
        Self::new(self.step.clone(), self.journal.clone(), self.notices.clone())
    }
}

impl<O: Operation> Report<O> {
    pub(super) fn new(step: StepId, journal: Journal<O::Memory>, notices: mpsc::UnboundedSender<Notice>) -> Self {
        Self { step, journal, notices }
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
        let step = self.step.clone();
        // The driver ends before its reporters only when the run is over.
        drop(self.notices.send(Notice::Waiting {
            step,
            waiting: waiting.fit(),
        }));
    }

    /// Passes on a line of whoever works for the step. Floods are cut by the driver.
    pub fn log(&self, level: Level, source: impl Into<String>, text: &str) {
        let notice = Notice::Log {
            level,
            source: source.into(),
            text: words::peer(text),
        };
        drop(self.notices.send(notice));
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
        drop(self.notices.send(Notice::Body(body)));
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
}

fn journal_failed(error: JournalError) -> StepError {
    StepError::fatal("nothing may happen that the journal cannot record", error)
        .hint("free space on the disk of the state folder, then run the same command again")
}

/// Which verb is run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Verb {
    Probe,
    Act,
    Prove,
}

/// Runs a verb to its end, with its records before and after.
pub(super) async fn run<O: Operation>(
    operation: &O,
    step: &Step<O>,
    verb: Verb,
    report: &Report<O>,
) -> Message<FactOf<O>> {
    let id = step.id.clone();
    match verb {
        Verb::Probe => match step.verbs.probe(operation, report).await {
            Ok(Some(proof)) => prove(id, proof, report, |id, evidence| Input::Probed(id, Ok(Some(evidence)))).await,
            Ok(None) => Message::Input(Input::Probed(id, Ok(None)), Vec::new()),
            Err(error) => Message::Input(Input::Probed(id, Err(failure::<O>(&error))), Vec::new()),
        },
        Verb::Act => {
            let intent = Entry::Intent {
                step: id.clone(),
                what: step.title.clone(),
                facts: Vec::new(),
            };
            if let Err(error) = report.journal.append(intent).await {
                return Message::Journal(error);
            }
            match step.verbs.act(operation, report).await {
                Ok(()) => {
                    let effect = Entry::Effect {
                        step: id.clone(),
                        what: step.title.clone(),
                        facts: Vec::new(),
                    };
                    match report.journal.append(effect).await {
                        Ok(()) => Message::Input(Input::Acted(id, Ok(())), Vec::new()),
                        Err(error) => Message::Journal(error),
                    }
                }
                Err(error) => Message::Input(Input::Acted(id, Err(failure::<O>(&error))), Vec::new()),
            }
        }
        Verb::Prove => match step.verbs.prove(operation, report).await {
            Ok(proof) => prove(id, proof, report, |id, evidence| Input::Proved(id, Ok(evidence))).await,
            Err(error) => Message::Input(Input::Proved(id, Err(failure::<O>(&error))), Vec::new()),
        },
    }
}

fn failure<O: Operation>(error: &StepError) -> Failure {
    Failure::of(error, O::explain(error))
}

async fn prove<O: Operation>(
    id: StepId,
    proof: Proof<FactOf<O>>,
    report: &Report<O>,
    input: impl FnOnce(StepId, String) -> Input,
) -> Message<FactOf<O>> {
    let Proof { evidence, facts } = proof;
    let evidence = words::peer(&evidence);
    let entry = Entry::Proof {
        step: id.clone(),
        evidence: evidence.clone(),
        facts: facts.clone(),
    };
    match report.journal.append(entry).await {
        Ok(()) => Message::Input(input(id, evidence), facts),
        Err(error) => Message::Journal(error),
    }
}
