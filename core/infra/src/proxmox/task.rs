//! Tasks: what Proxmox VE works on after its answer, named by a UPID.

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    client::{Call, Client},
    judge,
};
use crate::{ErrorKind, InfraError};

/// The last lines of a failed task's log that are kept, and how much of the log is read for them.
const TAIL: usize = 6;
const LOG_LINES: &str = "5000";

/// The name of a task: `UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Upid<'a> {
    /// The node that works on it.
    pub(super) node: &'a str,
    /// When it was started.
    pub(super) started: Timestamp,
    /// What it does, such as `qmcreate`.
    pub(super) kind: &'a str,
    /// What it is about, such as a VMID.
    pub(super) id: &'a str,
}

impl<'a> Upid<'a> {
    /// Reads a UPID.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.strip_prefix("UPID:")?.split(':');
        let node = parts.next().filter(|node| !node.is_empty())?;
        let started = i64::from_str_radix(parts.nth(2)?, 16).ok()?;
        let kind = parts.next()?;
        let id = parts.next()?;
        parts.next()?;
        Some(Self {
            node,
            started: Timestamp::from_second(started).ok()?,
            kind,
            id,
        })
    }
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The node works on it.
    Running,
    /// It has done its work.
    Ok,
    /// It has given up.
    Failed {
        /// Its last word.
        text: String,
        /// The end of its log.
        log: Vec<String>,
    },
    /// The node does not know it: it was long ago, or the node was set up anew. Look at what it was about.
    Unknown,
}

#[derive(Deserialize)]
struct Status {
    status: String,
    exitstatus: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "t", default)]
    text: String,
}

/// Looks at a task, without waiting. `op` and `resource` say what it is for, for errors.
pub async fn follow_once(client: &Client, upid: &str, op: &'static str, resource: &str) -> Result<Outcome, InfraError> {
    let Some(task) = Upid::parse(upid) else {
        return Ok(Outcome::Unknown);
    };
    let call = Call::new(op, resource, &["nodes", task.node, "tasks", upid, "status"]);
    let status: Status = match client.get(&call).await {
        Ok(status) => status,
        Err(error) if is_unknown(&error) => return Ok(Outcome::Unknown),
        Err(error) => return Err(error),
    };
    if status.status != "stopped" {
        return Ok(Outcome::Running);
    }
    let Some(text) = status.exitstatus else {
        // Between its end and the note about it.
        return Ok(Outcome::Running);
    };
    if succeeded(&text) {
        return Ok(Outcome::Ok);
    }
    let log = Call::new(op, resource, &["nodes", task.node, "tasks", upid, "log"])
        .with("start", "0")
        .with("limit", LOG_LINES);
    // The log explains the failure; without it the failure stays one.
    let lines: Vec<Line> = client.get(&log).await.unwrap_or_else(|_| vec![]);
    let skipped = lines.len().saturating_sub(TAIL);
    Ok(Outcome::Failed {
        text,
        log: lines.into_iter().skip(skipped).map(|line| line.text).collect(),
    })
}

/// Whether a node says that it has no such task: 400 with a complaint about the UPID, or 500 with the sentence alone.
fn is_unknown(error: &InfraError) -> bool {
    match &error.kind {
        ErrorKind::NotFound => true,
        ErrorKind::Invalid { fields } => fields.iter().any(|(name, _)| name == "upid"),
        _ => error.message.contains("unable to parse worker upid"),
    }
}

/// Whether a last word is one of success; warnings are in the log.
fn succeeded(exitstatus: &str) -> bool {
    exitstatus == "OK" || exitstatus.starts_with("WARNINGS")
}

/// The error of a task that failed.
pub(super) fn failure(call: &Call<'_>, text: &str, log: &[String]) -> InfraError {
    let kind = judge::of_text(text).unwrap_or(ErrorKind::TaskFailed);
    let told = log
        .iter()
        .rev()
        .find(|line| !line.trim().is_empty() && !line.contains(text));
    let message = match told {
        Some(line) => format!("the task failed: {text} (before that: {})", line.trim()),
        None => format!("the task failed: {text}"),
    };
    call.error(kind, message)
        .hint("the whole log is in the task list of the node")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_upid_names_node_kind_and_machine() {
        let upid = Upid::parse("UPID:pve1:000003E8:00000000:6A1B2C3D:qmcreate:100:root@pam!butler:").unwrap();
        assert_eq!((upid.node, upid.kind, upid.id), ("pve1", "qmcreate", "100"));
        assert_eq!(upid.started.as_second(), 0x6A1B_2C3D);
        for wrong in [
            "",
            "100",
            "UPID:",
            "UPID:pve1:1:2",
            "UPID::1:2:3:qmcreate:100:root@pam:",
        ] {
            assert_eq!(Upid::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_task_that_the_node_forgot_is_unknown() {
        let error = |kind, message: &str| Call::new("create machine", "", &[]).error(kind, message);
        let complaint = |name: &str| ErrorKind::Invalid {
            fields: vec![(name.to_owned(), "no such task".to_owned())],
        };
        assert!(is_unknown(&error(complaint("upid"), "Parameter verification failed")));
        assert!(!is_unknown(&error(complaint("limit"), "Parameter verification failed")));
        assert!(is_unknown(&error(
            ErrorKind::Server,
            "unable to parse worker upid 'UPID:x'"
        )));
        assert!(!is_unknown(&error(ErrorKind::Server, "hostname lookup 'pve1' failed")));
    }

    #[test]
    fn warnings_are_no_failure() {
        assert!(succeeded("OK") && succeeded("WARNINGS: 2"));
        assert!(!succeeded("unexpected status") && !succeeded("interrupted by signal"));
    }

    #[test]
    fn a_failure_says_the_last_word_and_what_came_before() {
        let call = Call::new("create machine", "demo-cp-0", &[]);
        let log = ["importing disk", "TASK ERROR: no space left on device"].map(str::to_owned);
        let error = failure(&call, "no space left on device", &log);
        assert_eq!(
            error.message,
            "the task failed: no space left on device (before that: importing disk)"
        );
        assert!(matches!(error.kind, ErrorKind::Capacity { .. }));
        assert_eq!(failure(&call, "got signal", &[]).kind, ErrorKind::TaskFailed);
    }
}
