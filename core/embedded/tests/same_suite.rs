//! One suite of requests against this server and against the real kube-apiserver: where they differ, this one is wrong.
//!
//! The real one is taken from `BUTLER_PEERS` or `target/peers`; without it the suite runs against this server alone, and says so.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

#[path = "suite/admission.rs"]
mod admission;
#[path = "suite/attack.rs"]
mod attack;
#[path = "suite/authority.rs"]
mod authority;
#[path = "suite/bounds.rs"]
mod bounds;
#[path = "suite/common.rs"]
mod common;
#[path = "suite/damage.rs"]
mod damage;
#[path = "suite/definitions.rs"]
mod definitions;
#[path = "suite/grants.rs"]
mod grants;
#[cfg(unix)]
#[path = "suite/kill.rs"]
mod kill;
#[cfg(unix)]
#[path = "suite/limits.rs"]
mod limits;
#[path = "suite/local.rs"]
mod local;
#[path = "suite/real.rs"]
mod real;
#[path = "../../../tests/common/reference.rs"]
mod reference;
#[path = "suite/sockets.rs"]
mod sockets;

use std::time::{Duration, Instant};

use common::{Answer, Api};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/suite.example.com/v1/namespaces/default/widgets";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const OPERATIONS: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

#[tokio::test]
async fn this_server_answers_as_the_real_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    let ours = run(&api).await;
    serving.stop().await;
    server.close().await.unwrap();
    assert!(
        ours.iter().all(|(_, answer)| answer.status < 500),
        "no request of the suite fails: {ours:#?}"
    );
    let Some(real) = real::start().await else {
        eprintln!("skipped the comparison: kube-apiserver and etcd are neither in BUTLER_PEERS nor in target/peers");
        return;
    };
    let theirs = run(&real.api).await;
    let differing = ours
        .iter()
        .zip(&theirs)
        .filter(|(ours, theirs)| ours != theirs)
        .map(|((step, ours), (_, theirs))| {
            format!(
                "{step}\n  ours   {} {}\n  theirs {} {}",
                ours.status, ours.body, theirs.status, theirs.body
            )
        })
        .collect::<Vec<_>>();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(ours.len(), theirs.len());
}

/// Runs every step; the answers are without what differs from run to run.
async fn run(api: &Api) -> Vec<(String, Answer)> {
    let created = api.json("POST", CRDS, &definition()).await;
    assert_eq!(created.status, 201, "{created:?}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while api.json("GET", WIDGETS, &Value::Null).await.status != 200 {
        assert!(Instant::now() < deadline, "the definition is not established");
        tokio::task::yield_now().await;
    }
    let mut answers = Vec::new();
    for (method, path, content_type, body) in steps() {
        let mut answer = api.send(method, &path, content_type, &body).await;
        normalise(&mut answer.body);
        answers.push((format!("{method} {path} {body}"), answer));
    }
    answers
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.suite.example.com"},
        "spec": {
            "group": "suite.example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {
                        "type": "object", "required": ["title"],
                        "properties": {
                            "title": {"type": "string", "maxLength": 8},
                            "size": {"type": "integer", "minimum": 1, "default": 3},
                            "fixed": {"type": "string"},
                            "items": {
                                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"],
                                "items": {"type": "object", "required": ["key"],
                                    "properties": {"key": {"type": "string"}, "value": {"type": "string"}}},
                            },
                        },
                        "x-kubernetes-validations": [
                            {"rule": "!has(oldSelf.fixed) || self.fixed == oldSelf.fixed", "message": "fixed is immutable"},
                        ],
                    },
                    "status": {"type": "object", "properties": {"phase": {"type": "string"}}},
                }}},
            }],
        },
    })
}

fn widget(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "suite.example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": {"suite": "yes"}}, "data": data})
}

/// Method, path, content type and body.
type Step = (&'static str, String, &'static str, Value);

fn get(base: &str, rest: &str) -> Step {
    ("GET", format!("{base}{rest}"), JSON, Value::Null)
}

fn delete(base: &str, rest: &str) -> Step {
    ("DELETE", format!("{base}{rest}"), JSON, Value::Null)
}

fn post(base: &str, rest: &str, body: Value) -> Step {
    ("POST", format!("{base}{rest}"), JSON, body)
}

fn patch(kind: &'static str, base: &str, rest: &str, body: Value) -> Step {
    ("PATCH", format!("{base}{rest}"), kind, body)
}

fn steps() -> Vec<Step> {
    [on_maps(), on_widgets(), applied_widgets()].concat()
}

fn on_maps() -> Vec<Step> {
    vec![
        post(MAPS, "", map("a", &json!({"k": "v"}))),
        post(MAPS, "", map("a", &json!({"k": "v"}))),
        post(MAPS, "", map("Bad_Name", &json!({}))),
        post("/api/v1/namespaces/none/configmaps", "", map("a", &json!({}))),
        patch(MERGE, MAPS, "/a", json!({"data": {"k": null, "n": "1"}})),
        patch(STRATEGIC, MAPS, "/a", json!({"metadata": {"labels": {"more": "1"}}})),
        patch(
            OPERATIONS,
            MAPS,
            "/a",
            json!([{"op": "add", "path": "/data/x", "value": "y"}]),
        ),
        patch(
            OPERATIONS,
            MAPS,
            "/a",
            json!([{"op": "test", "path": "/data/x", "value": "no"}]),
        ),
        get(MAPS, "?labelSelector=suite%3Dyes"),
        get(MAPS, "?fieldSelector=metadata.name%3Dnone"),
        get(MAPS, "?labelSelector=a%20in"),
        get(MAPS, "/none"),
        patch(APPLY, MAPS, "/s?fieldManager=one", map("s", &json!({"a": "1"}))),
        patch(APPLY, MAPS, "/s?fieldManager=two", map("s", &json!({"a": "2"}))),
        patch(
            APPLY,
            MAPS,
            "/s?fieldManager=two&force=true",
            map("s", &json!({"a": "2"})),
        ),
        patch(APPLY, MAPS, "/s?fieldManager=one", map("s", &json!({"b": "3"}))),
        delete(MAPS, "/a"),
        delete(MAPS, "?labelSelector=suite%3Dyes"),
    ]
}

fn on_widgets() -> Vec<Step> {
    vec![
        post(
            WIDGETS,
            "",
            widget("w", &json!({"title": "t", "fixed": "x", "unknown": 1})),
        ),
        post(
            WIDGETS,
            "?fieldValidation=Strict",
            widget("v", &json!({"title": "t", "unknown": 1})),
        ),
        post(WIDGETS, "", widget("v", &json!({"title": "much too long"}))),
        post(WIDGETS, "", widget("v", &json!({"title": "t", "size": 0}))),
        post(WIDGETS, "?dryRun=All", widget("v", &json!({"title": "t"}))),
        patch(MERGE, WIDGETS, "/w", json!({"spec": {"fixed": "y"}})),
        patch(
            MERGE,
            WIDGETS,
            "/w",
            json!({"spec": {"size": 5}, "status": {"phase": "Ignored"}}),
        ),
        patch(
            MERGE,
            WIDGETS,
            "/w/status",
            json!({"spec": {"size": 9}, "status": {"phase": "Ready"}}),
        ),
        ("PUT", format!("{WIDGETS}/w"), JSON, widget("w", &json!({"title": "t"}))),
        patch(STRATEGIC, WIDGETS, "/w", json!({"spec": {"size": 6}})),
        get("/apis/suite.example.com", ""),
        get("/apis/suite.example.com/v1", ""),
        get("/apis/suite.example.com/v9/none", ""),
    ]
}

fn applied_widgets() -> Vec<Step> {
    let items = |items: Value| widget("w", &json!({"title": "t", "items": items}));
    vec![
        patch(
            APPLY,
            WIDGETS,
            "/w?fieldManager=one",
            items(json!([{"key": "a", "value": "1"}])),
        ),
        patch(APPLY, WIDGETS, "/w?fieldManager=two", items(json!([{"key": "b"}]))),
        patch(
            APPLY,
            WIDGETS,
            "/w?fieldManager=two",
            items(json!([{"key": "a", "value": "2"}])),
        ),
        patch(
            APPLY,
            WIDGETS,
            "/w?fieldManager=one",
            widget("w", &json!({"title": "t"})),
        ),
        patch(
            MERGE,
            WIDGETS,
            "/w",
            json!({"metadata": {"finalizers": ["suite.example.com/hold"]}}),
        ),
        delete(WIDGETS, "/w"),
        patch(MERGE, WIDGETS, "/w", json!({"metadata": {"finalizers": null}})),
        get(WIDGETS, ""),
    ]
}

/// Takes out what differs from run to run: uids, versions, times and the order that follows from them.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // A hash of the real server's own making.
            map.remove("storageVersionHash");
            for (name, child) in map {
                match name.as_str() {
                    "uid" | "resourceVersion" | "creationTimestamp" | "deletionTimestamp" | "time"
                        if child.is_string() =>
                    {
                        *child = format!("<{name}>").into();
                    }
                    "causes" => {
                        if let Some(list) = child.as_array_mut() {
                            list.sort_by_key(ToString::to_string);
                        }
                    }
                    // The managers stand in the order of their times, which are not compared.
                    "managedFields" => {
                        normalise(child);
                        if let Some(list) = child.as_array_mut() {
                            list.sort_by_key(ToString::to_string);
                        }
                    }
                    _ => normalise(child),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(normalise),
        _ => {}
    }
}
