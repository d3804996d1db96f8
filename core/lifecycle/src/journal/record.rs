//! One line of the journal.

use butler_api::event::Outcome;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::graph::StepId;

/// Version of the format, in every line.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// [`VERSION`].
    pub v: u32,
    /// Position in the file, from 1.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// The run that wrote it.
    pub run: Uuid,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// A run begins.
    Run {
        /// Cluster name.
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
        /// Machines of which nothing is known any more, because the configuration means other ones now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        forget: Vec<String>,
        /// Version of the program.
        program: String,
    },
    /// An effect is about to be tried.
    Intent {
        /// The step.
        step: StepId,
        /// What will be done, in words.
        what: String,
        /// What it settles, if it settles something for ever (a choice).
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        facts: Vec<Fact>,
    },
    /// An effect was carried out.
    Effect {
        /// The step.
        step: StepId,
        /// What was done, in words.
        what: String,
        /// Ids and addresses learned from it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        facts: Vec<Fact>,
    },
    /// The evidence was observed.
    Proof {
        /// The step.
        step: StepId,
        /// What was observed.
        evidence: String,
        /// Ids and addresses learned from it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        facts: Vec<Fact>,
    },
    /// A step failed for good in this run.
    Failure {
        /// The step.
        step: StepId,
        /// Why.
        error: String,
        /// Whether its deadline passed.
        deadline: bool,
        /// Whether what it was given was refused, and so nothing was carried out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refused: bool,
    },
    /// The user stopped the run.
    Cancelled,
    /// The run ended.
    Finished {
        /// How.
        outcome: Outcome,
    },
}

impl Entry {
    /// Whether it settles something for ever: who the cluster is, and which node bootstraps etcd.
    pub(super) fn decides(&self) -> bool {
        match self {
            Self::Run { .. } => true,
            Self::Intent { facts, .. } | Self::Effect { facts, .. } | Self::Proof { facts, .. } => {
                facts.iter().any(|fact| matches!(fact, Fact::EtcdNode { .. }))
            }
            Self::Failure { .. } | Self::Cancelled | Self::Finished { .. } => false,
        }
    }
}

/// Something learned that later runs rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Fact {
    /// A machine's id on its platform.
    ProviderId {
        /// Machine name.
        machine: String,
        /// The platform's id.
        id: String,
    },
    /// A machine's node address.
    Address {
        /// Machine name.
        machine: String,
        /// IP, with a port where the Talos API is not on 50000.
        address: String,
    },
    /// The maintenance certificate seen at first contact.
    Fingerprint {
        /// Machine name.
        machine: String,
        /// Base64 of SHA-256 over the public key.
        fingerprint: String,
    },
    /// The node that bootstraps etcd. Never changes.
    EtcdNode {
        /// Machine name.
        machine: String,
    },
    /// The authority of the cluster's Talos API: which secrets bundle is ours.
    Authority {
        /// SHA-256 (hex) over its certificate.
        digest: String,
    },
}
