//! Rules of built-in kinds.

use std::collections::HashSet;

use serde_json::Value;

use super::names;
use crate::kinds::Resource;
use crate::status::{CAUSES, Cause};
use crate::text::{meta, string_at};

/// Bytes that a ConfigMap or Secret may hold.
const DATA: usize = 1 << 20;

/// What is wrong with an object of a built-in kind.
pub(crate) fn check(resource: &Resource, old: Option<&Value>, object: &Value) -> Vec<Cause> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ConfigMap") => config_map(old, object),
        ("", "Secret") => secret(old, object),
        ("", "Pod") => containers(&object["spec"], "spec"),
        ("", "Service") => service(object),
        ("", "Event") => event(object),
        ("", "Namespace") => namespace(object),
        ("coordination.k8s.io", "Lease") => lease(object),
        ("apps" | "batch", kind) => workload(kind, old, object),
        ("rbac.authorization.k8s.io", _) => rbac(old, object),
        ("apiextensions.k8s.io", _) => super::crd::check(old, object),
        _ => Vec::new(),
    }
}

fn keys(object: &Value, member: &str, causes: &mut Vec<Cause>) -> usize {
    let mut size = 0;
    for (key, value) in object[member].as_object().into_iter().flatten() {
        size += value.as_str().map_or(0, str::len);
        if causes.len() >= CAUSES {
            continue;
        }
        let text = Value::from(key.as_str());
        let field = format!("{member}[{key}]");
        causes.extend(names::config_key(key).iter().map(|p| Cause::invalid(&field, &text, p)));
    }
    size
}

const FROZEN: &str = "field is immutable when `immutable` is set";

fn frozen(old: Option<&Value>, object: &Value, members: &[&str], causes: &mut Vec<Cause>) {
    let Some(old) = old.filter(|o| o["immutable"] == true) else {
        return;
    };
    if object["immutable"] != true {
        causes.push(Cause::forbidden("immutable", FROZEN));
    }
    for member in members {
        if old[*member] != object[*member] {
            causes.push(Cause::forbidden(*member, FROZEN));
        }
    }
}

fn config_map(old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let size = keys(object, "data", &mut causes) + keys(object, "binaryData", &mut causes) * 3 / 4;
    for key in object["data"].as_object().into_iter().flatten().map(|(k, _)| k) {
        if causes.len() < CAUSES && object["binaryData"].get(key).is_some() {
            let text = Value::from(key.as_str());
            causes.push(Cause::invalid(
                format!("data[{key}]"),
                &text,
                "duplicate of key present in binaryData",
            ));
        }
    }
    if size > DATA {
        causes.push(Cause::too_long("[]", DATA));
    }
    frozen(old, object, &["data", "binaryData"], &mut causes);
    causes
}

fn secret(old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if keys(object, "data", &mut causes) * 3 / 4 > DATA {
        causes.push(Cause::too_long("data", DATA));
    }
    let required: &[&str] = match object["type"].as_str().unwrap_or_default() {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/basic-auth"
            if object["data"]
                .get("username")
                .or(object["data"].get("password"))
                .is_none() =>
        {
            &["username", "password"]
        }
        "kubernetes.io/service-account-token" => {
            let name = object["metadata"]["annotations"]["kubernetes.io/service-account.name"].as_str();
            if name.is_none_or(str::is_empty) {
                let field = "metadata.annotations[kubernetes.io/service-account.name]";
                causes.push(Cause::required(field, ""));
            }
            &[]
        }
        _ => &[],
    };
    for key in required.iter().filter(|k| object["data"].get(**k).is_none()) {
        causes.push(Cause::required(format!("data[{key}]"), ""));
    }
    if let Some(old) = old.filter(|o| o["type"] != object["type"]) {
        let _ = old;
        causes.push(Cause::invalid("type", &object["type"], "field is immutable"));
    }
    frozen(old, object, &["data"], &mut causes);
    causes
}

fn service(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    for (index, port) in spec["ports"].as_array().into_iter().flatten().enumerate() {
        if causes.len() >= CAUSES {
            break;
        }
        for member in ["port", "targetPort"] {
            let number = port[member].as_i64();
            if number.is_some_and(|n| !(1..=65535).contains(&n)) {
                let field = format!("spec.ports[{index}].{member}");
                causes.push(Cause::invalid(
                    field,
                    &port[member],
                    "must be between 1 and 65535, inclusive",
                ));
            }
        }
        let many = spec["ports"].as_array().is_some_and(|p| p.len() > 1);
        if many && port["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("spec.ports[{index}].name"), ""));
        }
    }
    let kind = spec["type"].as_str().unwrap_or_default();
    let headless = spec["clusterIP"] == "None";
    if spec["ports"].as_array().is_none_or(Vec::is_empty) && !headless && kind != "ExternalName" {
        causes.push(Cause::required("spec.ports", ""));
    }
    if kind != "LoadBalancer"
        && object["status"]["loadBalancer"]["ingress"]
            .as_array()
            .is_some_and(|i| !i.is_empty())
    {
        let why = "may only be used when `spec.type` is \"LoadBalancer\"";
        causes.push(Cause::forbidden("status.loadBalancer.ingress", why));
    }
    causes
}

/// The phase says whether the namespace is being deleted.
fn namespace(object: &Value) -> Vec<Cause> {
    let deleting = object["metadata"]["deletionTimestamp"].is_string();
    let phase = &object["status"]["phase"];
    if deleting == (phase == "Terminating") {
        return Vec::new();
    }
    let why = if deleting {
        "may only be 'Terminating' if `deletionTimestamp` is not empty"
    } else {
        "may only be 'Active' if `deletionTimestamp` is empty"
    };
    vec![Cause::invalid("status.phase", phase, why)]
}

fn event(object: &Value) -> Vec<Cause> {
    let involved = &object["involvedObject"]["namespace"];
    let other = involved.as_str().unwrap_or_default();
    let own = meta(object, "namespace");
    let cluster = other.is_empty() && own == "default";
    if other == own || cluster {
        return Vec::new();
    }
    vec![Cause::invalid(
        "involvedObject.namespace",
        involved,
        "does not match event.namespace",
    )]
}

fn lease(object: &Value) -> Vec<Cause> {
    let seconds = &object["spec"]["leaseDurationSeconds"];
    if seconds.as_i64().is_some_and(|n| n <= 0) {
        return vec![Cause::invalid(
            "spec.leaseDurationSeconds",
            seconds,
            "must be greater than 0",
        )];
    }
    Vec::new()
}

fn workload(kind: &str, old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    if !matches!(kind, "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "Job") {
        return causes;
    }
    causes.extend(containers(&spec["template"]["spec"], "spec.template.spec"));
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

fn containers(spec: &Value, path: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let list = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
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

fn rbac(old: Option<&Value>, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (index, rule) in object["rules"].as_array().into_iter().flatten().enumerate() {
        if causes.len() >= CAUSES {
            break;
        }
        let empty = |member: &str| rule[member].as_array().is_none_or(Vec::is_empty);
        if empty("verbs") {
            causes.push(Cause::required(
                format!("rules[{index}].verbs"),
                "verbs must contain at least one value",
            ));
        }
        if empty("nonResourceURLs") {
            if empty("apiGroups") {
                let why = "resource rules must supply at least one api group";
                causes.push(Cause::required(format!("rules[{index}].apiGroups"), why));
            }
            if empty("resources") {
                let why = "resource rules must supply at least one resource";
                causes.push(Cause::required(format!("rules[{index}].resources"), why));
            }
        }
    }
    if let Some(old) = old
        && old["roleRef"] != object["roleRef"]
    {
        let reference = &object["roleRef"];
        let shown = format!(
            "Invalid value: {{\"APIGroup\":{},\"Kind\":{},\"Name\":{}}}: cannot change roleRef",
            reference["apiGroup"], reference["kind"], reference["name"]
        );
        causes.push(Cause::new("FieldValueInvalid", "roleRef", shown));
    }
    causes
}
