//! Jobs: pods that do their work and end.

use k8s_openapi::api::batch::v1::{JobCondition, JobStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::objects::{PodOwner, count, value};
use super::pass::{Pass, WorkloadPods};
use super::workload::{create_numbered_pod, write_status};
use crate::values::text;

/// Plans the pods of a Job and its status.
pub(super) fn plan<'a>(owned: &WorkloadPods<'a>, pass: &mut Pass<'a>) {
    let maker = PodOwner::of(owned.workload);
    for _ in owned.pods.len()..owned.workload.replicas as usize {
        create_numbered_pod(owned.workload, &maker, None, pass);
    }
    let status = status(owned, Time(pass.facts.wall));
    write_status(owned, value(status), pass);
}

/// The status of a Job, whose times stay what they were once they are written.
fn status(owned: &WorkloadPods<'_>, now: Time) -> JobStatus {
    let known = |pointer: &str| text(&owned.workload.status, pointer).parse().ok().map(Time);
    let done = owned.count(|pod| pod.done);
    let mut status = JobStatus {
        active: Some(count(owned.pods.len() - done)),
        succeeded: Some(count(done)),
        ready: Some(0),
        start_time: known("/startTime").or_else(|| Some(now.clone())),
        ..JobStatus::default()
    };
    if done > 0 && done >= owned.workload.replicas as usize {
        let condition = |kind: &str| JobCondition {
            type_: kind.to_owned(),
            status: "True".to_owned(),
            reason: Some("CompletionsReached".to_owned()),
            ..JobCondition::default()
        };
        status.completion_time = known("/completionTime").or(Some(now));
        status.conditions = Some(["SuccessCriteriaMet", "Complete"].map(condition).into());
    }
    status
}
