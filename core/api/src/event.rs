//! The event stream: one versioned NDJSON schema with stable codes.
//!
//! Everything that shows a bootstrap (plain lines, the live view, `--events FILE`, CI annotations) renders these and
//! knows nothing else. No secret ever enters an event.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Version of the schema, in every line.
pub const SCHEMA_VERSION: u32 = 1;

/// How often a run says that it lives, in seconds. A stream that is silent for three times as long is one of a process that
/// hangs or is gone.
pub const HEARTBEAT_SECONDS: u64 = 10;

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
    /// The steps of the run and how they depend on each other; once, after [`Body::RunStarted`].
    #[serde(rename = "run.graph")]
    RunGraph {
        /// The steps, needs before dependants.
        steps: Vec<StepLine>,
    },
    /// The run lives; every [`HEARTBEAT_SECONDS`].
    #[serde(rename = "run.heartbeat")]
    RunHeartbeat {},
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
        /// The causes from the thing waited for down to `cause`, layer by layer; empty where only one is known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chain: Vec<CauseLine>,
        /// What a person can do about it, should it not end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
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
        /// The layers of the failure, down to the deepest one, where they are known.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        chain: Vec<CauseLine>,
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
    /// A step that had begun ends without proof and without failure, because the run ends; the next run looks at it first.
    #[serde(rename = "step.ended")]
    StepEnded {
        /// Id of the step.
        step: String,
        /// How long the step took in this run, in seconds.
        seconds: f64,
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
    /// A line of whoever works for the run: an installer, a node, a platform. Limited in length and rate.
    #[serde(rename = "log")]
    Log {
        /// How much it matters.
        level: Level,
        /// Who says it, for example `helm cilium`.
        source: String,
        /// What is said.
        text: String,
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

impl Body {
    /// Every code of this release. A reader skips events of other codes: a later release says more.
    pub const CODES: [&'static str; 16] = [
        "run.started",
        "run.graph",
        "run.heartbeat",
        "phase.changed",
        "step.started",
        "step.waiting",
        "step.retried",
        "step.proven",
        "step.failed",
        "step.ended",
        "machine.changed",
        "addon.changed",
        "file.written",
        "warning",
        "log",
        "run.finished",
    ];
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

/// A step in the stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepLine {
    /// Id of the step.
    pub id: String,
    /// A sentence for people.
    pub title: String,
    /// What steps of this kind have in common, whatever they are about: `machine/create`.
    pub kind: String,
    /// The phase that it counts in.
    pub phase: String,
    /// Steps that have to be proven first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Steps of which at least one has to be proven first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs_any: Vec<String>,
    /// Limit in seconds, measured from its start.
    pub deadline_seconds: u64,
    /// How long steps of this kind usually take, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual_seconds: Option<Usual>,
    /// What a person can try when it is late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether an earlier run has proven it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proven: bool,
}

/// How long a step usually takes, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usual {
    /// Half of the steps took no longer.
    pub p50: f64,
    /// Nineteen of twenty took no longer.
    pub p95: f64,
    /// From how many earlier runs on platforms of this kind; 0: the values that this program is shipped with.
    pub runs: usize,
}

/// One layer of what holds a step up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CauseLine {
    /// Where it was seen.
    pub layer: Layer,
    /// What it is about, for example `deployment kube-system/coredns`.
    pub object: String,
    /// What is seen of it, in the peer's own words.
    pub text: String,
    /// Who said so, for example `condition Available` or `service etcd`; empty where the layer says enough.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// How old that is, in seconds, where the peer says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<f64>,
}

/// Where a cause was seen, from the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The program that installs something.
    Installer,
    /// An object of Kubernetes that others wait for.
    Object,
    /// A pod, its containers and events.
    Pod,
    /// A node of Kubernetes.
    Node,
    /// Talos on a machine: its services, their last events, its diagnostics.
    Talos,
    /// The machine as the platform sees it, and the platform's tasks.
    Platform,
    /// What the machine prints on its console.
    Console,
    /// The way to a peer: names, addresses, connections, certificates.
    Network,
}

/// How much a line of a log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For whoever looks closely.
    Debug,
    /// Worth knowing.
    Info,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An event of a code that is listed can be read or is damaged; of any other it is of a later release.
    #[test]
    fn the_list_of_codes_is_the_list_of_variants() {
        let known = |code: &str| {
            let error = serde_json::from_value::<Body>(serde_json::json!({"code": code, "level": "?"})).map(drop);
            !error.is_err_and(|e| e.to_string().contains("unknown variant `") && e.to_string().contains(code))
        };
        for code in Body::CODES {
            assert!(known(code), "{code}");
        }
        assert!(!known("step.dreamt"));
        let error = serde_json::from_value::<Body>(serde_json::json!({"code": "step.dreamt"})).unwrap_err();
        assert_eq!(
            error.to_string().matches('`').count(),
            2 * (Body::CODES.len() + 1),
            "{error}"
        );
    }
}
