//! One line of the journal.

use butler_api::event::Outcome;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Memory;
use crate::StepId;

/// Version of the format, in every line.
pub const VERSION: u32 = 2;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<F> {
    /// Version of the format, [`VERSION`] in what is written now.
    pub v: u32,
    /// Position in the file, from 1.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The run that wrote it.
    pub run: Uuid,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry<F>,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry<F> {
    /// A run begins: the same command was started once more.
    Run {
        /// Name of the cluster that the operation is about.
        cluster: String,
        /// The cluster's identity, made by the first run; every object we create carries it.
        cluster_id: Uuid,
        /// Digest of the configuration.
        digest: String,
        /// The configuration without secret values; in the first run's record, and where it changed since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        config: Option<serde_json::Value>,
        /// Steps whose proofs no longer hold, because the configuration changed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        again: Vec<StepId>,
        /// What follows from the changed configuration for what earlier runs learned.
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
        facts: Vec<F>,
        /// Version of the program.
        program: String,
    },
    /// An effect is about to be tried.
    Intent {
        /// The step that is about to change something.
        step: StepId,
        /// What will be done, in words.
        what: String,
        /// What it settles, if it settles something for ever (a choice).
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
        facts: Vec<F>,
    },
    /// An effect was carried out.
    Effect {
        /// The step that has changed something.
        step: StepId,
        /// What was done, in words.
        what: String,
        /// Ids and addresses learned from it.
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
        facts: Vec<F>,
    },
    /// The evidence was observed.
    Proof {
        /// The step whose goal was observed.
        step: StepId,
        /// What was observed, as a sentence.
        evidence: String,
        /// Ids and addresses learned from it.
        #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
        facts: Vec<F>,
    },
    /// A step failed for good in this run.
    Failure {
        /// The step that failed.
        step: StepId,
        /// Why it failed, as people were told.
        error: String,
        /// Whether its deadline passed.
        deadline: bool,
        /// Whether what it was given was refused, and so nothing was carried out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refused: bool,
    },
    /// The user stopped the run.
    Cancelled,
    /// The run ended by itself; one that was killed has no such record.
    Finished {
        /// Whether it reached its goal.
        outcome: Outcome,
    },
}

impl<F> Entry<F> {
    /// Whether it settles something for ever: what the operation is done to, and facts that never change.
    pub(super) fn settles<M: Memory<Fact = F>>(&self) -> bool {
        match self {
            Self::Run { .. } => true,
            Self::Intent { facts, .. } | Self::Effect { facts, .. } | Self::Proof { facts, .. } => {
                facts.iter().any(M::settles)
            }
            Self::Failure { .. } | Self::Cancelled | Self::Finished { .. } => false,
        }
    }
}
