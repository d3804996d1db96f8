//! Jobs: pods that do their work and end.

use serde_json::{Value, json};

use super::objects::{Owner, stamp};
use super::pass::{Pass, WorkloadPods};
use super::workload::{create_numbered_pod, write_status};

/// Plans the pods of a Job and its status.
pub(super) fn plan<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    let maker = Owner::of(owned.workload);
    for _ in owned.pods.len()..owned.workload.replicas as usize {
        create_numbered_pod(owned.workload, &maker, None, pass);
    }
    write_status(owned, status(owned, &stamp(pass.facts.wall)), pass);
}

fn status(owned: &WorkloadPods<'_>, now: &str) -> Value {
    let since = |field: &str| owned.workload.status[field].as_str().unwrap_or(now);
    let done = owned.count(|pod| pod.done);
    let active = owned.pods.len() - done;
    let mut status = json!({"active": active, "succeeded": done, "ready": 0, "startTime": since("startTime")});
    if done > 0 && done >= owned.workload.replicas as usize {
        let condition = |kind: &str| json!({"type": kind, "status": "True", "reason": "CompletionsReached"});
        status["completionTime"] = json!(since("completionTime"));
        status["conditions"] = json!([condition("SuccessCriteriaMet"), condition("Complete")]);
    }
    status
}
