//! What `kubectl get` shows of built-in kinds.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::text::{items, string_at};

/// The columns behind the name.
pub(crate) struct Columns {
    /// The name of each column, and its priority: those of priority 1 are shown by `-o wide` only.
    pub(crate) names: Vec<(&'static str, i64)>,
    pub(crate) cells: fn(&Value) -> Vec<Value>,
    /// The name of the object stands in the last column instead of the first.
    pub(crate) name_last: bool,
}

/// The columns of a kind; most have only an age.
pub(crate) fn of(group: &str, plural: &str) -> Columns {
    let columns = |names: &[(&'static str, i64)], cells| Columns {
        names: names.to_vec(),
        cells,
        name_last: false,
    };
    match (group, plural) {
        ("", "configmaps") => columns(&[("Data", 0), ("Age", 0)], |o| {
            vec![(count(&o["data"]) + count(&o["binaryData"])).into(), created(o)]
        }),
        ("", "secrets") => columns(&[("Type", 0), ("Data", 0), ("Age", 0)], |o| {
            vec![o["type"].clone(), count(&o["data"]).into(), created(o)]
        }),
        ("", "namespaces") => columns(&[("Status", 0), ("Age", 0)], |o| {
            vec![o["status"]["phase"].clone(), created(o)]
        }),
        ("", "persistentvolumeclaims") => columns(CLAIM, claim),
        ("", "nodes") => columns(NODE, node),
        ("", "pods") => columns(POD, pod),
        ("", "services") => columns(
            &[
                ("Type", 0),
                ("Cluster-IP", 0),
                ("External-IP", 0),
                ("Port(s)", 0),
                ("Age", 0),
                ("Selector", 1),
            ],
            service,
        ),
        ("", "events") => Columns {
            name_last: true,
            ..columns(EVENT, event)
        },
        _ => outside_core(group, plural),
    }
}

/// The columns of kinds outside the core group.
fn outside_core(group: &str, plural: &str) -> Columns {
    let columns = |names: &[(&'static str, i64)], cells| Columns {
        names: names.to_vec(),
        cells,
        name_last: false,
    };
    match (group, plural) {
        ("coordination.k8s.io", "leases") => columns(&[("Holder", 0), ("Age", 0)], |o| {
            vec![text(&o["spec"], "/holderIdentity"), created(o)]
        }),
        ("apps", "deployments") => columns(&[("Ready", 0), ("Up-to-date", 0), ("Available", 0), ("Age", 0)], |o| {
            let status = &o["status"];
            vec![
                ready(o),
                number(&status["updatedReplicas"]),
                number(&status["availableReplicas"]),
                created(o),
            ]
        }),
        ("apps", "statefulsets") => columns(&[("Ready", 0), ("Age", 0)], |o| vec![ready(o), created(o)]),
        ("apps", "replicasets") => columns(&[("Desired", 0), ("Current", 0), ("Ready", 0), ("Age", 0)], |o| {
            let status = &o["status"];
            let desired = number(&o["spec"]["replicas"]);
            vec![
                desired,
                number(&status["replicas"]),
                number(&status["readyReplicas"]),
                created(o),
            ]
        }),
        ("apps", "daemonsets") => columns(
            &[
                ("Desired", 0),
                ("Current", 0),
                ("Ready", 0),
                ("Up-to-date", 0),
                ("Available", 0),
                ("Age", 0),
            ],
            daemon_set,
        ),
        ("batch", "jobs") => columns(&[("Status", 0), ("Completions", 0), ("Duration", 0), ("Age", 0)], job),
        ("apiextensions.k8s.io", _) | ("rbac.authorization.k8s.io", "roles" | "clusterroles") => {
            columns(&[("Created At", 0)], |o| {
                vec![o["metadata"]["creationTimestamp"].clone()]
            })
        }
        ("rbac.authorization.k8s.io", _) => columns(&[("Role", 0), ("Age", 0)], |o| {
            let role = &o["roleRef"];
            vec![
                format!("{}/{}", string_at(role, "/kind"), string_at(role, "/name")).into(),
                created(o),
            ]
        }),
        ("storage.k8s.io", "storageclasses") => columns(
            &[
                ("Provisioner", 0),
                ("ReclaimPolicy", 0),
                ("VolumeBindingMode", 0),
                ("Age", 0),
            ],
            |o| {
                vec![
                    o["provisioner"].clone(),
                    o["reclaimPolicy"].clone(),
                    o["volumeBindingMode"].clone(),
                    created(o),
                ]
            },
        ),
        _ => columns(&[("Age", 0)], |o| vec![created(o)]),
    }
}

const EVENT: &[(&str, i64)] = &[
    ("Last Seen", 0),
    ("Type", 0),
    ("Reason", 0),
    ("Object", 0),
    ("Subobject", 1),
    ("Source", 1),
    ("Message", 0),
    ("First Seen", 1),
    ("Count", 1),
];

fn event(o: &Value) -> Vec<Value> {
    let involved = &o["involvedObject"];
    let seen = |member: &str| {
        let time = o[member].as_str().or_else(|| o["eventTime"].as_str());
        Value::from(time.map_or_else(|| "<unknown>".to_owned(), age))
    };
    let kind = string_at(involved, "/kind").to_lowercase();
    let source = [string_at(o, "/source/component"), string_at(o, "/source/host")];
    let source = source
        .into_iter()
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    vec![
        seen("lastTimestamp"),
        text(o, "/type"),
        text(o, "/reason"),
        format!("{kind}/{}", string_at(involved, "/name")).into(),
        text(involved, "/fieldPath"),
        source.into(),
        string_at(o, "/message").trim().into(),
        seen("firstTimestamp"),
        o["count"].as_i64().filter(|c| *c > 0).unwrap_or(1).into(),
    ]
}

const NODE: &[(&str, i64)] = &[
    ("Status", 0),
    ("Roles", 0),
    ("Age", 0),
    ("Version", 0),
    ("Internal-IP", 1),
    ("External-IP", 1),
    ("OS-Image", 1),
    ("Kernel-Version", 1),
    ("Container-Runtime", 1),
];

const POD: &[(&str, i64)] = &[
    ("Ready", 0),
    ("Status", 0),
    ("Restarts", 0),
    ("Age", 0),
    ("IP", 1),
    ("Node", 1),
    ("Nominated Node", 1),
    ("Readiness Gates", 1),
];

const CLAIM: &[(&str, i64)] = &[
    ("Status", 0),
    ("Volume", 0),
    ("Capacity", 0),
    ("Access Modes", 0),
    ("StorageClass", 0),
    ("Age", 0),
];

fn claim(o: &Value) -> Vec<Value> {
    let (status, spec) = (&o["status"], &o["spec"]);
    vec![
        status["phase"].clone(),
        text(spec, "/volumeName"),
        text(status, "/capacity/storage"),
        joined(&status["accessModes"]),
        text(spec, "/storageClassName"),
        created(o),
    ]
}

fn node(o: &Value) -> Vec<Value> {
    let ready = o["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|c| c["type"] == "Ready");
    let mut status = match ready.map(|c| string_at(c, "/status")) {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if o["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    let roles = o["metadata"]["labels"].as_object().into_iter().flatten();
    let mut roles = roles
        .filter_map(|(k, _)| k.strip_prefix("node-role.kubernetes.io/"))
        .collect::<Vec<_>>();
    roles.sort_unstable();
    let roles = if roles.is_empty() {
        "<none>".to_owned()
    } else {
        roles.join(",")
    };
    let address = |kind: &str| {
        let found = o["status"]["addresses"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|a| a["type"] == kind);
        Value::from(found.map_or("<none>", |a| string_at(a, "/address")))
    };
    let info = |member: &str| {
        let text = string_at(&o["status"]["nodeInfo"], member);
        Value::from(if text.is_empty() { "<unknown>" } else { text })
    };
    vec![
        status.into(),
        roles.into(),
        created(o),
        text(&o["status"]["nodeInfo"], "/kubeletVersion"),
        address("InternalIP"),
        address("ExternalIP"),
        info("/osImage"),
        info("/kernelVersion"),
        info("/containerRuntimeVersion"),
    ]
}

fn pod(o: &Value) -> Vec<Value> {
    let statuses = items(&o["status"]["containerStatuses"]);
    let ready = statuses.iter().filter(|s| s["ready"] == true).count();
    let restarts = statuses.iter().filter_map(|s| s["restartCount"].as_i64()).sum::<i64>();
    let waiting = statuses.iter().find_map(|s| s["state"]["waiting"]["reason"].as_str());
    let status = if o["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else {
        let reason = string_at(o, "/status/reason");
        waiting.unwrap_or(if reason.is_empty() {
            string_at(o, "/status/phase")
        } else {
            reason
        })
    };
    let or_none = |pointer: &str| {
        let text = string_at(o, pointer);
        Value::from(if text.is_empty() { "<none>" } else { text })
    };
    vec![
        format!("{ready}/{}", count(&o["spec"]["containers"])).into(),
        status.into(),
        restarts.to_string().into(),
        created(o),
        or_none("/status/podIP"),
        or_none("/spec/nodeName"),
        or_none("/status/nominatedNodeName"),
        "<none>".into(),
    ]
}

fn service(o: &Value) -> Vec<Value> {
    let spec = &o["spec"];
    let ports = spec["ports"].as_array().into_iter().flatten().map(|p| {
        let (port, protocol) = (&p["port"], string_at(p, "/protocol"));
        match p["nodePort"].as_i64().filter(|n| *n > 0) {
            Some(node) => format!("{port}:{node}/{protocol}"),
            None => format!("{port}/{protocol}"),
        }
    });
    let ports = ports.collect::<Vec<_>>().join(",");
    let ingress = o["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten();
    let mut external = ingress.map(|i| {
        if i["ip"].is_string() {
            string_at(i, "/ip")
        } else {
            string_at(i, "/hostname")
        }
    });
    let external = match string_at(spec, "/type") {
        "LoadBalancer" => external.next().unwrap_or("<pending>"),
        "ExternalName" => string_at(spec, "/externalName"),
        _ => "<none>",
    };
    let selector = spec["selector"].as_object().into_iter().flatten();
    let selector = selector
        .map(|(k, v)| format!("{k}={}", crate::text::text(v)))
        .collect::<Vec<_>>();
    let or_none = |text: String| Value::from(if text.is_empty() { "<none>".to_owned() } else { text });
    vec![
        text(spec, "/type"),
        or_none(string_at(spec, "/clusterIP").to_owned()),
        external.into(),
        or_none(ports),
        created(o),
        or_none(selector.join(",")),
    ]
}

fn daemon_set(o: &Value) -> Vec<Value> {
    let status = &o["status"];
    let mut cells = [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ]
    .map(|member| number(&status[member]))
    .to_vec();
    cells.push(created(o));
    cells
}

fn job(o: &Value) -> Vec<Value> {
    let status = &o["status"];
    let done = |kind: &str| {
        status["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|c| c["type"] == kind && c["status"] == "True")
    };
    let state = if done("Complete") {
        "Complete"
    } else if done("Failed") {
        "Failed"
    } else {
        "Running"
    };
    // The API leaves out counts that are 0, and 1 is the default of completions.
    let succeeded = status["succeeded"].as_i64().unwrap_or(0);
    let wanted = o["spec"]["completions"].as_i64().unwrap_or(1);
    let span = match (parse(&status["startTime"]), parse(&status["completionTime"])) {
        (Some(start), end) => human(end.unwrap_or_else(Timestamp::now).duration_since(start).as_secs()),
        _ => String::new(),
    };
    vec![
        state.into(),
        format!("{succeeded}/{wanted}").into(),
        span.into(),
        created(o),
    ]
}

fn ready(o: &Value) -> Value {
    // The API leaves out counts that are 0, and 1 is the default of replicas.
    let ready = o["status"]["readyReplicas"].as_i64().unwrap_or(0);
    format!("{ready}/{}", o["spec"]["replicas"].as_i64().unwrap_or(1)).into()
}

/// A count, which the API leaves out where it is 0.
fn number(value: &Value) -> Value {
    value.as_i64().unwrap_or(0).into()
}

fn text(value: &Value, pointer: &str) -> Value {
    string_at(value, pointer).into()
}

fn joined(list: &Value) -> Value {
    let short = |mode: &Value| match crate::text::text(mode) {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        _ => "",
    };
    json!(
        list.as_array()
            .into_iter()
            .flatten()
            .map(short)
            .collect::<Vec<_>>()
            .join(",")
    )
}

fn count(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    }
}

fn created(object: &Value) -> Value {
    age(string_at(object, "/metadata/creationTimestamp")).into()
}

fn parse(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// How long ago a time was.
pub(crate) fn age(time: &str) -> String {
    match time.parse::<Timestamp>() {
        Ok(time) => human(Timestamp::now().duration_since(time).as_secs()),
        Err(_) if time.is_empty() => "<unknown>".to_owned(),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// A duration in at most two units, as `kubectl` shows it.
fn human(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    const YEAR: i64 = 365 * DAY;
    let two = |unit: i64, name: &str, rest: i64, rest_name: &str| match seconds % unit / rest {
        0 => format!("{}{name}", seconds / unit),
        rest => format!("{}{name}{rest}{rest_name}", seconds / unit),
    };
    match seconds {
        ..-1 => "<invalid>".to_owned(),
        -1 => "0s".to_owned(),
        _ if seconds < 2 * MINUTE => format!("{seconds}s"),
        _ if seconds < 10 * MINUTE => two(MINUTE, "m", 1, "s"),
        _ if seconds < 3 * HOUR => format!("{}m", seconds / MINUTE),
        _ if seconds < 8 * HOUR => two(HOUR, "h", MINUTE, "m"),
        _ if seconds < 2 * DAY => format!("{}h", seconds / HOUR),
        _ if seconds < 8 * DAY => two(DAY, "d", HOUR, "h"),
        _ if seconds < 2 * YEAR => format!("{}d", seconds / DAY),
        _ if seconds < 8 * YEAR => two(YEAR, "y", DAY, "d"),
        _ => format!("{}y", seconds / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_at_most_two_units() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (125, "2m5s"),
            (120, "2m"),
            (3600, "60m"),
            (4 * 3600 + 120, "4h2m"),
            (30 * 3600, "30h"),
            (3 * 86400 + 7200, "3d2h"),
            (100 * 86400, "100d"),
            (3 * 365 * 86400, "3y"),
        ] {
            assert_eq!(human(seconds), shown);
        }
    }
}
