//! The strategy of pods, and what other kinds have in common with it that contain a template of pods.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::defaults::{fill, members};
use super::{Strategy, Validation};
use crate::admit::names;
use crate::kinds::Resource;
use crate::limits::Excess;
use crate::status::{CAUSES, Cause};
use crate::text::{items, string_at, text};

pub(super) struct Pod;

impl Strategy for Pod {
    fn set_defaults(&self, _: &Resource, object: &mut Value) -> Result<(), Excess> {
        set_defaults(object);
        Ok(())
    }

    fn validate(&self, write: &Validation<'_>, causes: &mut Vec<Cause>) {
        causes.extend(check_containers(&write.object["spec"], "spec"));
    }

    fn selectable_fields(&self, _: &Resource) -> &'static [&'static str] {
        &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ]
    }

    /// The real server marks a pod before it removes it.
    fn goes_with_deletion_marks(&self) -> bool {
        true
    }

    fn returns_deleted_object(&self) -> bool {
        true
    }
}

fn set_defaults(object: &mut Value) {
    let new = object["metadata"]["resourceVersion"].is_null();
    pod_spec(&mut object["spec"]);
    fill(
        object,
        json!({
            "spec": {"enableServiceLinks": true, "preemptionPolicy": "PreemptLowerPriority", "priority": 0},
            "status": {"phase": "Pending", "qosClass": "BestEffort"},
        }),
    );
    if new {
        let spec = &mut object["spec"];
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let toleration = json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
            match spec["tolerations"].as_array_mut() {
                Some(list) if list.iter().any(|t| t["key"] == key && t["effect"] == "NoExecute") => {}
                Some(list) => list.push(toleration),
                None => spec["tolerations"] = json!([toleration]),
            }
        }
    }
}

/// Defaults of the template of pods in a specification.
pub(super) fn set_template_defaults(spec: &mut Value) {
    if !spec["template"].is_object() {
        return;
    }
    fill(&mut spec["template"], json!({"metadata": {}, "spec": {}}));
    pod_spec(&mut spec["template"]["spec"]);
}

/// Defaults of the pods in templates and of pods themselves.
fn pod_spec(spec: &mut Value) {
    fill(
        spec,
        json!({
            "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
            "securityContext": {}, "terminationGracePeriodSeconds": 30,
        }),
    );
    for list in ["containers", "initContainers"] {
        members(spec, list).for_each(container);
    }
    if let Some(account) = spec["serviceAccountName"].as_str().map(str::to_owned) {
        fill(spec, json!({"serviceAccount": account}));
    }
    for volume in members(spec, "volumes") {
        for (source, mode) in [
            ("secret", 420),
            ("configMap", 420),
            ("projected", 420),
            ("downwardAPI", 420),
        ] {
            if volume[source].is_object() {
                fill(&mut volume[source], json!({"defaultMode": mode}));
            }
        }
        if volume["hostPath"].is_object() {
            fill(&mut volume["hostPath"], json!({"type": ""}));
        }
    }
}

fn container(container: &mut Value) {
    let image = text(&container["image"]);
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    let latest = !name.contains('@') && name.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    let pull = if latest { "Always" } else { "IfNotPresent" };
    fill(
        container,
        json!({
            "imagePullPolicy": pull, "resources": {}, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }),
    );
    for port in members(container, "ports") {
        fill(port, json!({"protocol": "TCP"}));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let probe = &mut container[probe];
        if probe.is_object() {
            let defaults =
                json!({"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3});
            fill(probe, defaults);
            if probe["httpGet"].is_object() {
                fill(&mut probe["httpGet"], json!({"path": "/", "scheme": "HTTP"}));
            }
        }
    }
    if let Some(map) = container.as_object_mut() {
        map.retain(|_, v| !v.is_null());
    }
    for variable in members(container, "env") {
        if variable["valueFrom"]["fieldRef"].is_object() {
            fill(&mut variable["valueFrom"]["fieldRef"], json!({"apiVersion": "v1"}));
        } else if let Some(map) = variable.as_object_mut() {
            map.retain(|_, v| !v.is_null());
        }
    }
}

/// What is wrong with the containers of a pod or template.
pub(super) fn check_containers(spec: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let list = items(&spec["containers"]);
    if list.is_empty() {
        causes.push(Cause::required(format!("{path}.containers"), ""));
    }
    let mut seen = HashSet::new();
    for (index, container) in list.iter().enumerate() {
        if causes.len() >= CAUSES {
            break;
        }
        let field = |member: &str| format!("{path}.containers[{index}].{member}");
        let name = string_at(container, "/name");
        if name.is_empty() {
            causes.push(Cause::required(field("name"), ""));
        } else {
            let value = Value::from(name);
            causes.extend(
                names::label(name)
                    .iter()
                    .map(|p| Cause::invalid(field("name"), &value, p)),
            );
            if !seen.insert(name) {
                causes.push(Cause::duplicate(field("name"), &value));
            }
        }
        if string_at(container, "/image").is_empty() {
            causes.push(Cause::required(field("image"), ""));
        }
    }
    causes
}
