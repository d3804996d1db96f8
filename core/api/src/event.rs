//! The event stream: one versioned NDJSON schema with stable codes.
//!
//! Everything that shows a bootstrap (plain lines, the live view, `--events FILE`, CI annotations) renders these and
//! knows nothing else. No secret ever enters an event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Version of the schema, in every line.
pub const SCHEMA_VERSION: u32 = 1;

/// One line of the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Version of the schema: [`SCHEMA_VERSION`].
    pub v: u32,
    /// Position in this run's stream, from 1.
    pub seq: u64,
    /// When it happened.
    pub time: Timestamp,
    /// The run that says so; a resumed bootstrap is a new run.
    pub run: Uuid,
    /// Name of the cluster that the run is about.
    pub cluster: String,
    /// What happened, with its code.
    #[serde(flatten)]
    pub body: Body,
}

/// What happened. The `code` of each variant is stable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all_fields = "camelCase")]
pub enum Body {
    /// A run begins.
    #[serde(rename = "run.started")]
    RunStarted {
        /// Whether an earlier run is continued.
        resumed: bool,
        /// Steps in the graph.
        steps: usize,
        /// Steps that earlier runs have proven.
        proven: usize,
        /// Machines in the plan.
        machines: Vec<MachineLine>,
        /// Addons in the plan, in a stable order.
        addons: Vec<String>,
    },
    /// The phase, a view of the graph, changed.
    #[serde(rename = "phase.changed")]
    PhaseChanged {
        /// As in `ClusterBootstrap.status.phase`.
        phase: String,
    },
    /// A step begins (its needs are proven).
    #[serde(rename = "step.started")]
    StepStarted {
        /// Step id, for example `machine/mgmt-cp-0/create`.
        step: String,
        /// A sentence for people.
        title: String,
        /// Seconds until its deadline.
        deadline_seconds: u64,
    },
    /// What a step waits for, or the cause, changed.
    #[serde(rename = "step.waiting")]
    StepWaiting {
        /// Id of the step.
        step: String,
        /// What it waits for.
        waiting_for: String,
        /// The deepest cause observed.
        cause: Option<String>,
        /// For how long it has waited, in seconds.
        seconds: f64,
    },
    /// An attempt failed and another one follows.
    #[serde(rename = "step.retried")]
    StepRetried {
        /// Id of the step.
        step: String,
        /// Attempt that failed, from 1.
        attempt: u32,
        /// The deepest cause of the failure.
        cause: String,
        /// Seconds until the next attempt.
        retry_in_seconds: f64,
    },
    /// The evidence was observed.
    #[serde(rename = "step.proven")]
    StepProven {
        /// Id of the step.
        step: String,
        /// A sentence for people.
        title: String,
        /// What was observed.
        evidence: String,
        /// How long the step took in this run, in seconds.
        seconds: f64,
        /// Whether it was so already and nothing was done.
        already: bool,
    },
    /// The step failed for good.
    #[serde(rename = "step.failed")]
    StepFailed {
        /// Id of the step.
        step: String,
        /// What went wrong, with the peer's own words.
        error: String,
        /// A command, flag or setting to try.
        hint: Option<String>,
        /// Whether the deadline passed (rather than a refusal).
        deadline: bool,
    },
    /// A machine changed.
    #[serde(rename = "machine.changed")]
    MachineChanged {
        /// The machine as it is now.
        #[serde(flatten)]
        machine: MachineLine,
    },
    /// An addon changed.
    #[serde(rename = "addon.changed")]
    AddonChanged {
        /// Addon name, for example `cilium`.
        addon: String,
        /// `waiting`, `installing`, `ready` or `failed`.
        state: String,
        /// What it waits for.
        detail: Option<String>,
    },
    /// A file for people was written.
    #[serde(rename = "file.written")]
    FileWritten {
        /// What it is, for example `kubeconfig`.
        what: String,
        /// Where it is.
        path: String,
    },
    /// Something people should know; nothing failed.
    #[serde(rename = "warning")]
    Warning {
        /// What people should know.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The run ended.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// `done`, `failed`, `deadline` or `interrupted`.
        outcome: Outcome,
        /// How long this run took, in seconds.
        seconds: f64,
        /// What became of the run, in one sentence.
        message: String,
    },
}

/// A machine in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineLine {
    /// Name of the machine.
    pub name: String,
    /// `control-plane` or `worker`.
    pub role: String,
    /// `pending`, `creating`, `booting`, `maintenance`, `configuring`, `configured`, `joined`, `ready`, `failed` or `gone`.
    pub state: String,
    /// Node address once known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// The platform's id once known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider_id: Option<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The management cluster is ready.
    Done,
    /// A step failed for good.
    Failed,
    /// A deadline passed.
    Deadline,
    /// The user stopped it.
    Interrupted,
}
