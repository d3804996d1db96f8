//! One suite of requests against this server and against the real kube-apiserver: where they differ, this one is wrong.
//!
//! The real one is taken from `BUTLER_PEERS` or `target/peers`; without it the suite runs against this server alone, and says so.

#[path = "suite/common.rs"]
mod common;
#[cfg(unix)]
#[path = "suite/kill.rs"]
mod kill;
#[path = "suite/real.rs"]
mod real;
#[path = "suite/sockets.rs"]
mod sockets;

use std::time::{Duration, Instant};

use common::{Answer, Api};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/suite.example.com/v1/namespaces/default/widgets";
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

type Step = (&'static str, String, &'static str, Value);

fn steps() -> Vec<Step> {
    let json = "application/json";
    let at = |base: &str, rest: &str| format!("{base}{rest}");
    let nothing = Value::Null;
    vec![
        ("POST", at(MAPS, ""), json, map("a", &json!({"k": "v"}))),
        ("POST", at(MAPS, ""), json, map("a", &json!({"k": "v"}))),
        ("POST", at(MAPS, ""), json, map("Bad_Name", &json!({}))),
        ("PATCH", at(MAPS, "/a"), MERGE, json!({"data": {"k": null, "n": "1"}})),
        (
            "PATCH",
            at(MAPS, "/a"),
            STRATEGIC,
            json!({"metadata": {"labels": {"more": "1"}}}),
        ),
        (
            "PATCH",
            at(MAPS, "/a"),
            OPERATIONS,
            json!([{"op": "add", "path": "/data/x", "value": "y"}]),
        ),
        (
            "PATCH",
            at(MAPS, "/a"),
            OPERATIONS,
            json!([{"op": "test", "path": "/data/x", "value": "no"}]),
        ),
        ("GET", at(MAPS, "?labelSelector=suite%3Dyes"), json, nothing.clone()),
        (
            "GET",
            at(MAPS, "?fieldSelector=metadata.name%3Dnone"),
            json,
            nothing.clone(),
        ),
        ("GET", at(MAPS, "/none"), json, nothing.clone()),
        (
            "PATCH",
            at(MAPS, "/s?fieldManager=one"),
            APPLY,
            map("s", &json!({"a": "1"})),
        ),
        (
            "PATCH",
            at(MAPS, "/s?fieldManager=two"),
            APPLY,
            map("s", &json!({"a": "2"})),
        ),
        (
            "PATCH",
            at(MAPS, "/s?fieldManager=two&force=true"),
            APPLY,
            map("s", &json!({"a": "2"})),
        ),
        (
            "PATCH",
            at(MAPS, "/s?fieldManager=one"),
            APPLY,
            map("s", &json!({"b": "3"})),
        ),
        ("DELETE", at(MAPS, "/a"), json, nothing.clone()),
        ("DELETE", at(MAPS, "?labelSelector=suite%3Dyes"), json, nothing.clone()),
        (
            "POST",
            at(WIDGETS, ""),
            json,
            widget("w", &json!({"title": "t", "fixed": "x", "unknown": 1})),
        ),
        (
            "POST",
            at(WIDGETS, "?fieldValidation=Strict"),
            json,
            widget("v", &json!({"title": "t", "unknown": 1})),
        ),
        (
            "POST",
            at(WIDGETS, ""),
            json,
            widget("v", &json!({"title": "much too long"})),
        ),
        (
            "POST",
            at(WIDGETS, ""),
            json,
            widget("v", &json!({"title": "t", "size": 0})),
        ),
        ("PATCH", at(WIDGETS, "/w"), MERGE, json!({"spec": {"fixed": "y"}})),
        (
            "PATCH",
            at(WIDGETS, "/w"),
            MERGE,
            json!({"spec": {"size": 5}, "status": {"phase": "Ignored"}}),
        ),
        (
            "PATCH",
            at(WIDGETS, "/w/status"),
            MERGE,
            json!({"spec": {"size": 9}, "status": {"phase": "Ready"}}),
        ),
        ("PUT", at(WIDGETS, "/w"), json, widget("w", &json!({"title": "t"}))),
        ("PATCH", at(WIDGETS, "/w"), STRATEGIC, json!({"spec": {"size": 6}})),
        (
            "PATCH",
            at(WIDGETS, "/w?fieldManager=one"),
            APPLY,
            widget("w", &json!({"title": "t", "items": [{"key": "a", "value": "1"}]})),
        ),
        (
            "PATCH",
            at(WIDGETS, "/w?fieldManager=two"),
            APPLY,
            widget("w", &json!({"title": "t", "items": [{"key": "b"}]})),
        ),
        (
            "PATCH",
            at(WIDGETS, "/w?fieldManager=one"),
            APPLY,
            widget("w", &json!({"title": "t"})),
        ),
        (
            "PATCH",
            at(WIDGETS, "/w"),
            MERGE,
            json!({"metadata": {"finalizers": ["suite.example.com/hold"]}}),
        ),
        ("DELETE", at(WIDGETS, "/w"), json, nothing.clone()),
        (
            "PATCH",
            at(WIDGETS, "/w"),
            MERGE,
            json!({"metadata": {"finalizers": null}}),
        ),
        ("GET", at(WIDGETS, ""), json, nothing.clone()),
        ("GET", "/apis/suite.example.com".to_owned(), json, nothing.clone()),
        (
            "GET",
            "/apis/suite.example.com/v9/none".to_owned(),
            json,
            nothing.clone(),
        ),
        (
            "POST",
            "/api/v1/namespaces/none/configmaps".to_owned(),
            json,
            map("a", &json!({})),
        ),
    ]
}

/// Takes out what differs from run to run: uids, versions, times.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(map) => {
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
                    _ => normalise(child),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(normalise),
        _ => {}
    }
}
