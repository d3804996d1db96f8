//! Defaults of built-in kinds.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::kinds::Resource;
use crate::text::{copy_member, meta};

/// Fills what the real server fills, before validation.
pub(crate) fn default(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Secret") => secret(object),
        ("", "Namespace") => namespace(object),
        ("", "Node") => node(object),
        ("", "Pod") => pod(object),
        ("", "Service") => service(object),
        ("", "Event") => event(object),
        ("", "PersistentVolumeClaim") => {
            fill(
                object,
                json!({"spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}}),
            );
        }
        ("", "PersistentVolume") => fill(
            object,
            json!({
                "spec": {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"},
            }),
        ),
        ("storage.k8s.io", "StorageClass") => {
            fill(
                object,
                json!({"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
            );
        }
        ("apps" | "batch", kind) => workload(kind, object),
        ("rbac.authorization.k8s.io", kind) => rbac(kind, object),
        ("admissionregistration.k8s.io", kind) => webhooks(kind, object),
        ("apiextensions.k8s.io", _) => super::crd::default(object),
        _ => {}
    }
}

/// Built-in kinds whose status may be set when they are created.
pub(crate) fn keeps_status_on_create(resource: &Resource) -> bool {
    resource.is_core() && resource.group.is_empty() && resource.plural == "nodes"
}

/// Carries over what an update may leave out.
pub(crate) fn inherit(resource: &Resource, old: &Value, new: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Service") => {
            let keep = new["spec"]["type"] != "ExternalName";
            if let (true, Some(spec)) = (keep, new["spec"].as_object_mut()) {
                for member in [
                    "clusterIP",
                    "clusterIPs",
                    "ipFamilies",
                    "ipFamilyPolicy",
                    "healthCheckNodePort",
                ] {
                    if spec.get(member).is_none_or(|v| v == "" || v.is_null()) {
                        copy_member(old.get("spec"), spec, member);
                    }
                }
            }
        }
        ("", "ServiceAccount") if new.get("secrets").is_none() => {
            if let Some(map) = new.as_object_mut() {
                copy_member(Some(old), map, "secrets");
            }
        }
        ("", "Namespace") => {
            let finalizers = old["spec"].get("finalizers").cloned();
            if let Some(finalizers) = finalizers {
                new["spec"]["finalizers"] = finalizers;
            }
        }
        _ => {}
    }
}

/// Adds what is absent, member by member.
fn fill(object: &mut Value, defaults: Value) {
    let Value::Object(defaults) = defaults else { return };
    if object.is_null() {
        *object = json!({});
    }
    let Some(map) = object.as_object_mut() else { return };
    for (name, value) in defaults {
        match map.get_mut(&name) {
            None => {
                map.insert(name, value);
            }
            Some(there) if there.is_object() && value.is_object() => fill(there, value),
            Some(_) => {}
        }
    }
}

fn members<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn secret(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    if let Some(Value::Object(texts)) = map.remove("stringData") {
        let data = map.entry("data").or_insert_with(|| json!({}));
        for (key, text) in texts {
            let encoded = base64::engine::general_purpose::STANDARD.encode(text.as_str().unwrap_or_default());
            data[key] = encoded.into();
        }
    }
    map.entry("type").or_insert_with(|| "Opaque".into());
}

fn namespace(object: &mut Value) {
    let name = meta(object, "name").to_owned();
    fill(
        object,
        json!({
            "metadata": {"labels": {}}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }),
    );
    object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
}

fn node(object: &mut Value) {
    let new = object["metadata"]["resourceVersion"].is_null();
    let info = [
        "architecture",
        "bootID",
        "containerRuntimeVersion",
        "kernelVersion",
        "kubeProxyVersion",
        "kubeletVersion",
        "machineID",
        "operatingSystem",
        "osImage",
        "systemUUID",
    ];
    let info = info
        .iter()
        .map(|n| ((*n).to_owned(), Value::from("")))
        .collect::<Map<_, _>>();
    let defaults =
        json!({"spec": {}, "status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": info}});
    fill(object, defaults);
    let spec = &mut object["spec"];
    if let Some(cidr) = spec["podCIDR"].as_str().map(str::to_owned) {
        fill(spec, json!({"podCIDRs": [cidr]}));
    }
    if new {
        let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
        match spec["taints"].as_array_mut() {
            Some(taints)
                if taints
                    .iter()
                    .any(|t| t["key"] == taint["key"] && t["effect"] == taint["effect"]) => {}
            Some(taints) => taints.push(taint),
            None => spec["taints"] = json!([taint]),
        }
    }
}

fn event(object: &mut Value) {
    fill(
        object,
        json!({
            "eventTime": null, "firstTimestamp": null, "lastTimestamp": null, "source": {},
            "reportingComponent": "", "reportingInstance": "",
        }),
    );
}

fn pod(object: &mut Value) {
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
    let image = container["image"].as_str().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
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

fn service(object: &mut Value) {
    let random = uuid::Uuid::new_v4();
    let random = random.as_bytes();
    let spec = &mut object["spec"];
    fill(spec, json!({"type": "ClusterIP", "sessionAffinity": "None"}));
    let kind = spec["type"].as_str().unwrap_or_default().to_owned();
    for port in members(spec, "ports") {
        let number = port["port"].clone();
        fill(port, json!({"protocol": "TCP", "targetPort": number}));
    }
    if kind == "ExternalName" {
        return;
    }
    let ip = format!("10.{}.{}.{}", 96 + random[0] % 16, random[1], 1 + random[2] % 254);
    fill(spec, json!({"clusterIP": ip, "internalTrafficPolicy": "Cluster"}));
    let ip = spec["clusterIP"].clone();
    fill(
        spec,
        json!({"clusterIPs": [ip], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}),
    );
    if matches!(kind.as_str(), "LoadBalancer" | "NodePort") {
        fill(spec, json!({"externalTrafficPolicy": "Cluster"}));
        if kind == "LoadBalancer" {
            fill(spec, json!({"allocateLoadBalancerNodePorts": true}));
        }
        for (index, port) in members(spec, "ports").enumerate() {
            let offset = (usize::from(random[4]) * 256 + usize::from(random[5]) + index) % 2768;
            fill(port, json!({"nodePort": 30000 + offset}));
        }
    }
    fill(object, json!({"status": {"loadBalancer": {}}}));
}

fn workload(kind: &str, object: &mut Value) {
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
        "Job" => return job(object),
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
        template(spec);
    }
    if kind == "DaemonSet" {
        fill(
            object,
            json!({"metadata": {"annotations": {"deprecated.daemonset.template.generation": "1"}}}),
        );
    }
}

fn template(spec: &mut Value) {
    if !spec["template"].is_object() {
        return;
    }
    fill(&mut spec["template"], json!({"metadata": {}, "spec": {}}));
    pod_spec(&mut spec["template"]["spec"]);
}

fn job(object: &mut Value) {
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
    template(spec);
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

fn rbac(kind: &str, object: &mut Value) {
    const GROUP: &str = "rbac.authorization.k8s.io";
    if matches!(kind, "RoleBinding" | "ClusterRoleBinding") {
        fill(object, json!({"roleRef": {"apiGroup": GROUP}}));
        for subject in members(object, "subjects") {
            if subject["kind"] == "User" || subject["kind"] == "Group" {
                fill(subject, json!({"apiGroup": GROUP}));
            }
        }
    } else {
        fill(object, json!({"rules": null}));
    }
}

fn webhooks(kind: &str, object: &mut Value) {
    let mutating = kind == "MutatingWebhookConfiguration";
    for webhook in members(object, "webhooks") {
        fill(
            webhook,
            json!({
                "failurePolicy": "Fail", "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
                "timeoutSeconds": 10,
            }),
        );
        if mutating {
            fill(webhook, json!({"reinvocationPolicy": "Never"}));
        }
        if webhook["clientConfig"]["service"].is_object() {
            fill(&mut webhook["clientConfig"]["service"], json!({"port": 443}));
        }
        for rule in members(webhook, "rules") {
            fill(rule, json!({"scope": "*"}));
        }
    }
}
