//! The strategies of kinds that run pods: those of the groups `apps` and `batch`.

use serde_json::{Value, json};

use super::defaults::fill;
use super::pod::{check_containers, set_template_defaults};
use super::{Strategy, Validation};
use crate::kinds::Resource;
use crate::limits::Excess;
use crate::status::Cause;
use crate::text::meta;

pub(super) struct Workload;

impl Strategy for Workload {
    fn set_defaults(&self, resource: &Resource, object: &mut Value) -> Result<(), Excess> {
        set_defaults(&resource.kind, object);
        Ok(())
    }

    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        causes.extend(check(&write.resource.kind, write.old, write.object));
    }

    fn selectable_fields(&self, resource: &Resource) -> &'static [&'static str] {
        match resource.kind.as_str() {
            "ReplicaSet" => &["status.replicas"],
            "Job" => &["status.successful"],
            _ => &[],
        }
    }
}

pub(super) struct ReplicationController;

impl Strategy for ReplicationController {
    fn selectable_fields(&self, _: &Resource) -> &'static [&'static str] {
        &["status.replicas"]
    }
}

fn set_defaults(kind: &str, object: &mut Value) {
    let (spec, status) = match kind {
        "Deployment" => (
            json!({
                "replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": {"type": "RollingUpdate"},
            }),
            json!({}),
        ),
        "DaemonSet" => (
            json!({
                "revisionHistoryLimit": 10,
                "updateStrategy": {"type": "RollingUpdate"},
            }),
            json!({"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0}),
        ),
        "StatefulSet" => (
            json!({
                "replicas": 1, "revisionHistoryLimit": 10, "podManagementPolicy": "OrderedReady",
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
                "updateStrategy": {"type": "RollingUpdate"},
            }),
            json!({"replicas": 0, "availableReplicas": 0}),
        ),
        "ReplicaSet" => (json!({"replicas": 1}), json!({"replicas": 0})),
        "Job" => return set_job_defaults(object),
        "CronJob" => (
            json!({"concurrencyPolicy": "Allow", "suspend": false, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}),
            json!({}),
        ),
        _ => return,
    };
    fill(object, json!({"spec": spec, "status": status}));
    let spec = &mut object["spec"];
    match kind {
        "Deployment" if spec["strategy"]["type"] == "RollingUpdate" => {
            fill(
                &mut spec["strategy"],
                json!({"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}),
            );
        }
        "DaemonSet" if spec["updateStrategy"]["type"] == "RollingUpdate" => {
            fill(
                &mut spec["updateStrategy"],
                json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}),
            );
        }
        "StatefulSet" if spec["updateStrategy"]["type"] == "RollingUpdate" => {
            fill(&mut spec["updateStrategy"], json!({"rollingUpdate": {"partition": 0}}));
        }
        _ => {}
    }
    if kind != "CronJob" {
        set_template_defaults(spec);
    }
    if kind == "DaemonSet" {
        fill(
            object,
            json!({"metadata": {"annotations": {"deprecated.daemonset.template.generation": "1"}}}),
        );
    }
}

fn set_job_defaults(object: &mut Value) {
    let uid = meta(object, "uid").to_owned();
    let name = meta(object, "name").to_owned();
    fill(
        object,
        json!({
            "spec": {
                "backoffLimit": 6, "completions": 1, "parallelism": 1, "completionMode": "NonIndexed", "suspend": false,
                "manualSelector": false, "podReplacementPolicy": "TerminatingOrFailed",
            },
            "status": {},
        }),
    );
    let spec = &mut object["spec"];
    set_template_defaults(spec);
    if spec["manualSelector"] == false {
        fill(
            spec,
            json!({"selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}}),
        );
        fill(
            &mut spec["template"]["metadata"],
            json!({"labels": {
                "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name,
                "controller-uid": uid, "job-name": name,
            }}),
        );
    }
}

fn check(kind: &str, old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    if !matches!(kind, "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Job") {
        return causes;
    }
    causes.extend(check_containers(&spec["template"]["spec"], "spec.template.spec"));
    if kind != "Job" {
        let selector = &spec["selector"]["matchLabels"];
        let labels = &spec["template"]["metadata"]["labels"];
        if spec["selector"].is_null() {
            causes.push(Cause::required("spec.selector", ""));
        }
        if selector
            .as_object()
            .into_iter()
            .flatten()
            .any(|(k, v)| labels.get(k) != Some(v))
        {
            let field = "spec.template.metadata.labels";
            causes.push(Cause::invalid(
                field,
                labels,
                "`selector` does not match template `labels`",
            ));
        }
    }
    if let Some(old) = old
        && old["spec"]["selector"] != spec["selector"]
    {
        causes.push(Cause::invalid("spec.selector", &spec["selector"], "field is immutable"));
    }
    if spec["replicas"].as_i64().is_some_and(|n| n < 0) {
        causes.push(Cause::invalid(
            "spec.replicas",
            &spec["replicas"],
            "must be greater than or equal to 0",
        ));
    }
    causes
}
