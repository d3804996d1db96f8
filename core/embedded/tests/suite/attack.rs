//! Whatever a request says, it is answered, what was acknowledged can be read back, and the server goes on.

#![expect(clippy::unwrap_used, reason = "what stops a test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use butler_embedded::Intercept;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::common::{self, Api};
use super::{APPLY, CRDS, JSON, MAPS, MERGE, OPERATIONS, STRATEGIC};

const OPEN: &str = "/apis/attack.example.com/v1/namespaces/default/anythings";

/// A resource that takes anything.
fn anything() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "anythings.attack.example.com"},
        "spec": {
            "group": "attack.example.com", "scope": "Namespaced", "names": {"plural": "anythings", "kind": "Anything"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {
                    "specReplicasPath": ".spec.a", "statusReplicasPath": ".status.a", "labelSelectorPath": ".status.b",
                }},
                "additionalPrinterColumns": [
                    {"name": "A", "type": "date", "jsonPath": ".spec.a"},
                    {"name": "B", "type": "integer", "jsonPath": ".spec.b"},
                    {"name": "C", "type": "string", "jsonPath": ".metadata.labels"},
                    {"name": "D", "type": "number", "jsonPath": ".spec[*].a"},
                    {"name": "E", "type": "boolean", "jsonPath": ".status.a[0]"},
                ],
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}

fn named(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "attack.example.com/v1", "kind": "Anything", "metadata": {"name": name}, "spec": spec})
}

/// Maps or lists within each other.
fn nested(levels: usize, map: bool) -> Value {
    (0..levels).fold(
        json!(1),
        |inner, _| if map { json!({"a": inner}) } else { json!([inner]) },
    )
}

async fn listed(api: &Api, path: &str) -> BTreeMap<String, Value> {
    let list = api.json("GET", path, &Value::Null).await;
    assert_eq!(list.status, 200, "{list:?}");
    let items = list.body["items"].as_array().unwrap().clone();
    items
        .into_iter()
        .map(|item| (item["metadata"]["name"].as_str().unwrap().to_owned(), item))
        .collect()
}

/// A body of depth 124 was answered 201, and the folder could not be opened again.
#[tokio::test]
async fn whatever_is_acknowledged_at_any_depth_is_read_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    assert_eq!(api.json("POST", CRDS, &anything()).await.status, 201);
    assert_eq!(api.json("POST", OPEN, &named("patched", &json!({}))).await.status, 201);
    let mut refused = 0;
    for depth in (1..60).step_by(20).chain((96..112).step_by(4)).chain(114..127) {
        for map in [true, false] {
            let name = format!("d{depth}-{map}");
            let made = api.json("POST", OPEN, &named(&name, &nested(depth, map))).await;
            assert!(matches!(made.status, 201 | 400 | 413 | 422), "{made:?}");
            refused += usize::from(made.status != 201);
            let path = format!("{OPEN}/patched");
            let deep = nested(depth, map);
            let operation = json!([{"op": "add", "path": "/spec/x", "value": deep}]);
            let applied = named("patched", &json!({"applied": deep}));
            for (kind, path, body) in [
                (OPERATIONS, path.clone(), operation),
                (MERGE, path.clone(), json!({"spec": {"y": deep}})),
                (MERGE, format!("{path}/status"), json!({"status": {"z": deep}})),
                (APPLY, format!("{path}?fieldManager=f&force=1"), applied),
            ] {
                let answer = api.send("PATCH", &path, kind, &body).await;
                assert!(
                    matches!(answer.status, 200 | 400 | 413 | 422),
                    "{kind} {depth}: {answer:?}"
                );
            }
        }
    }
    assert!(refused > 0, "some are too deep");
    // Every copy goes one level deeper than the last.
    let copies = (0..200).map(|_| json!({"op": "copy", "from": "/spec", "path": "/spec/sink"}));
    let sunk = api
        .send("PATCH", &format!("{OPEN}/patched"), OPERATIONS, &copies.collect())
        .await;
    assert!(matches!(sunk.status, 400 | 413 | 422), "{}", sunk.status);
    let before = listed(&api, OPEN).await;
    serving.stop().await;
    server.close().await.unwrap();
    drop(server);
    let (server, serving, api) = common::served(folder.path()).await;
    assert_eq!(listed(&api, OPEN).await, before);
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn an_object_that_is_too_long_is_refused_however_it_became_so() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    assert_eq!(api.json("POST", CRDS, &anything()).await.status, 201);
    assert_eq!(
        api.json("POST", OPEN, &named("a", &json!({"x": "y".repeat(1 << 20)})))
            .await
            .status,
        201
    );
    let more = json!({"spec": {"z": "y".repeat(1 << 20)}});
    let grown = api.send("PATCH", &format!("{OPEN}/a"), MERGE, &more).await;
    assert_eq!(grown.status, 413, "{grown:?}");
    let dry = api.send("PATCH", &format!("{OPEN}/a?dryRun=All"), MERGE, &more).await;
    assert_eq!(dry.status, 413, "{dry:?}");
    let body = api
        .json("POST", OPEN, &named("b", &json!({"x": "y".repeat(4 << 20)})))
        .await;
    assert_eq!(body.status, 413, "{body:?}");
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn times_and_specs_that_made_it_panic_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    for seconds in [
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775809",
        "x",
        "%00",
    ] {
        let path = format!("{MAPS}?watch=1&timeoutSeconds={seconds}");
        assert_eq!(api.json("GET", &path, &Value::Null).await.status, 400, "{seconds}");
    }
    for seconds in ["9223372036854775807", "9223372036"] {
        let stream = api.stream(&format!("{MAPS}?watch=1&timeoutSeconds={seconds}")).await;
        assert_eq!(stream.status().as_u16(), 200, "{seconds}");
    }
    let over = api
        .json("GET", &format!("{MAPS}?watch=1&timeoutSeconds=-1"), &Value::Null)
        .await;
    assert_eq!(over.status, 200);
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    assert_eq!(api.json("POST", accounts, &account).await.status, 201);
    let token = format!("{accounts}/robot/token");
    for body in [json!({"spec": "text"}), json!("text"), json!([1]), json!({"spec": [1]})] {
        assert_eq!(api.json("POST", &token, &body).await.status, 400, "{body}");
    }
    for seconds in [i64::MIN, -1, 0, 599] {
        let body = json!({"spec": {"expirationSeconds": seconds}});
        assert_eq!(api.json("POST", &token, &body).await.status, 422, "{seconds}");
    }
    let most = api
        .json("POST", &token, &json!({"spec": {"expirationSeconds": i64::MAX}}))
        .await;
    assert!(matches!(most.status, 201 | 400 | 422), "{most:?}");
    assert_eq!(api.json("POST", &token, &json!({"spec": {}})).await.status, 201);
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_panic_of_one_request_is_an_answer_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    server.set_interceptor(Arc::new(|_, path| {
        assert!(!path.ends_with("/boom"), "boom");
        Intercept::Pass
    }));
    let boom = api.json("GET", &format!("{MAPS}/boom"), &Value::Null).await;
    assert_eq!((boom.status, &boom.body["reason"]), (500, &json!("InternalError")));
    assert_eq!(api.json("GET", MAPS, &Value::Null).await.status, 200);
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn whoever_asks_to_be_somebody_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    assert_eq!(api.json("POST", MAPS, &map).await.status, 201);
    for header in [
        "Impersonate-User",
        "impersonate-group",
        "Impersonate-Uid",
        "Impersonate-Extra-scopes",
    ] {
        let request = api
            .client()
            .delete(format!("{}{MAPS}/a", api.url()))
            .header(header, "system:anonymous");
        assert_eq!(request.send().await.unwrap().status().as_u16(), 501, "{header}");
    }
    assert_eq!(api.json("GET", &format!("{MAPS}/a"), &Value::Null).await.status, 200);
    serving.stop().await;
    server.close().await.unwrap();
}

/// 16 kB of address or headers failed on HTTP/2.
#[tokio::test]
async fn long_addresses_and_headers_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    let ca = std::fs::read(folder.path().join("pki/ca.crt")).unwrap();
    let authority = reqwest::Certificate::from_pem(&ca).unwrap();
    let first = reqwest::Client::builder()
        .tls_certs_only([authority])
        .http1_only()
        .build()
        .unwrap();
    for client in [api.client(), &first] {
        for length in [16 << 10, 60 << 10] {
            let url = format!("{}/version?x={}", api.url(), "y".repeat(length));
            assert_eq!(
                client.get(url).send().await.unwrap().status().as_u16(),
                200,
                "address of {length}"
            );
        }
        for length in [16 << 10, 200 << 10, 900 << 10] {
            let request = client
                .get(format!("{}/version", api.url()))
                .header("x-long", "y".repeat(length));
            assert_eq!(
                request.send().await.unwrap().status().as_u16(),
                200,
                "header of {length}"
            );
        }
        let request = client
            .get(format!("{}/version", api.url()))
            .header("x-long", "y".repeat(2 << 20));
        assert!(
            request.send().await.map_or(true, |r| r.status().as_u16() == 431),
            "there is a limit"
        );
    }
    serving.stop().await;
    server.close().await.unwrap();
}

/// Bodies that go deep in JSON and in the forms that YAML has for it.
fn deep(levels: usize) -> Vec<String> {
    let head = "apiVersion: attack.example.com/v1\nkind: Anything\nmetadata: {name: deep}\nspec:";
    let steps = (1..levels.min(600)).fold(String::new(), |steps, n| steps + &" ".repeat(n) + "a:\n");
    vec![
        "[".repeat(levels),
        "{\"a\":".repeat(levels),
        format!("{head} {}1{}", "[".repeat(levels), "]".repeat(levels)),
        format!("{head} {}1{}", "{a: ".repeat(levels), "}".repeat(levels)),
        format!("{head}\n {}1", "- ".repeat(levels)),
        format!("{head}\n{steps}"),
        format!("{head} {}1", "? ".repeat(levels)),
        format!("{head} {}1", "!x ".repeat(levels)),
        (0..levels.min(100)).fold(format!("{head}\n a0: &a0 [x]\n"), |text, n| {
            format!("{text} a{}: &a{} [*a{n}, *a{n}, *a{n}, *a{n}]\n", n + 1, n + 1)
        }),
    ]
}

#[tokio::test]
async fn no_body_is_too_deep_for_the_stack_nor_multiplies() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    assert_eq!(api.json("POST", CRDS, &anything()).await.status, 201);
    let send = async |method: &str, path: &str, kind: &str, body: &str| {
        let url = format!("{}{path}", api.url());
        let request = api.client().request(method.parse().unwrap(), url);
        let answer = request.header("content-type", kind).body(body.to_owned()).send().await;
        answer.unwrap().status().as_u16()
    };
    for levels in [100, 5000, 200_000] {
        for body in deep(levels) {
            for (method, path, kind) in [
                ("POST", OPEN.to_owned(), JSON),
                ("POST", OPEN.to_owned(), "application/yaml"),
                ("PATCH", format!("{OPEN}/deep?fieldManager=f"), APPLY),
                ("PATCH", format!("{OPEN}/deep"), MERGE),
                ("PATCH", format!("{OPEN}/deep"), OPERATIONS),
                ("DELETE", format!("{OPEN}/deep"), "application/yaml"),
            ] {
                let status = send(method, &path, kind, &body).await;
                assert!(
                    status < 500,
                    "{method} {kind} {levels}: {status} {}",
                    &body[..40.min(body.len())]
                );
            }
        }
    }
    assert_eq!(api.json("GET", "/readyz", &Value::Null).await.status, 200);
    serving.stop().await;
    server.close().await.unwrap();
}

/// The forms in which answers are asked for.
const ACCEPTED: [&str; 4] = [
    "application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json",
    "application/yaml",
];

/// Objects, lists of operations and what is neither.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let keys = "(metadata|spec|status|name|namespace|labels|finalizers|ownerReferences|managedFields|resourceVersion|data|rules|kind|apiVersion|op|path|from|value|[a-z]{1,3})";
    let tree = leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..6).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    });
    let operation = (
        "(add|remove|replace|move|copy|test)",
        "(/[a-z0-9~-]{0,5}){0,4}",
        "(/[a-z0-9~-]{0,5}){0,4}",
        tree.clone(),
    )
        .prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}));
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        tree.clone().prop_map(|v| v.to_string().into_bytes()),
        prop::collection::vec(operation, 0..8).prop_map(|v| Value::from(v).to_string().into_bytes()),
        tree.prop_map(move |v| {
            let mut object = named("a", &v);
            object["status"] = v.clone();
            object["metadata"]["labels"] = v;
            object.to_string().into_bytes()
        }),
        (0_usize..3000, "[\\[{\"a:]{1,4}").prop_map(|(n, text)| text.repeat(n).into_bytes()),
        (1_usize..400, any::<bool>()).prop_map(|(n, map)| {
            let (open, close) = if map { ("{\"a\":", "}") } else { ("[", "]") };
            format!("{}1{}", open.repeat(n), close.repeat(n)).into_bytes()
        }),
    ]
}

/// What a stranger may send: a method, an address, a content type, an option and a body.
fn request() -> impl Strategy<Value = (String, String, String, Vec<u8>)> {
    let path = "/apis/attack.example.com/v1/namespaces/default/anythings/a";
    let path = prop_oneof![
        Just(path.to_owned()),
        Just(format!("{path}/status")),
        Just(OPEN.to_owned()),
        Just(MAPS.to_owned()),
        Just(format!("{MAPS}/a")),
        Just(CRDS.to_owned()),
        Just("/api/v1/namespaces/default/serviceaccounts/default/token".to_owned()),
        Just("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned()),
        Just("/apis/apps/v1/namespaces/default/deployments/a/scale".to_owned()),
        Just(format!("{path}/scale")),
        "(/[a-z0-9.%-]{0,12}){1,7}",
    ];
    let option = "(|labelSelector|fieldSelector|limit|continue|resourceVersion|timeoutSeconds|watch|dryRun|fieldManager|force|pretty)(=[ -~]{0,12})?";
    let kind = prop_oneof![
        Just(JSON.to_owned()),
        Just(MERGE.to_owned()),
        Just(APPLY.to_owned()),
        Just(OPERATIONS.to_owned()),
        Just(STRATEGIC.to_owned()),
        Just("application/yaml".to_owned()),
        Just("application/vnd.kubernetes.protobuf".to_owned()),
        "[ -~]{0,20}",
    ];
    let method = prop_oneof![
        Just("GET"),
        Just("POST"),
        Just("PUT"),
        Just("PATCH"),
        Just("DELETE"),
        Just("HEAD"),
        Just("OPTIONS"),
    ];
    (method, path, option, kind, body()).prop_map(|(method, path, option, kind, body)| {
        let option: String = option
            .chars()
            .map(|c| if c == '#' || c == ' ' { '+' } else { c })
            .collect();
        // The definition is needed to the end.
        let method = if method == "DELETE" && path == CRDS {
            "GET"
        } else {
            method
        };
        (
            method.to_owned(),
            format!("{path}?timeoutSeconds=1&{option}"),
            kind,
            body,
        )
    })
}

#[tokio::test]
async fn random_requests_are_answered_and_it_goes_on_and_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = common::served(folder.path()).await;
    assert_eq!(api.json("POST", CRDS, &anything()).await.status, 201);
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    let strategy = request();
    for round in 0..300 {
        if round % 50 == 0 {
            api.json("POST", OPEN, &named("a", &json!({"n": [1, 2]}))).await;
        }
        let (method, path, kind, body) = strategy.new_tree(&mut runner).unwrap().current();
        let shown = format!("{method} {path} {kind} {}", String::from_utf8_lossy(&body));
        let Ok(url) = format!("{}{path}", api.url()).parse::<reqwest::Url>() else {
            continue;
        };
        let request = api
            .client()
            .request(method.parse().unwrap(), url)
            .header("content-type", kind)
            .header("accept", ACCEPTED[round % ACCEPTED.len()])
            .body(body);
        let answer = tokio::time::timeout(Duration::from_secs(20), request.send()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer: {shown}"));
        let answer = answer.unwrap_or_else(|error| panic!("{error:?}: {shown}"));
        let status = answer.status().as_u16();
        // The server may hang up on what it refused.
        let text = answer.text().await.unwrap_or_else(|error| error.to_string());
        assert!(!text.contains("made the server panic"), "{shown}: {status} {text}");
    }
    assert_eq!(api.json("GET", "/readyz", &Value::Null).await.status, 200);
    let before = (listed(&api, OPEN).await, listed(&api, MAPS).await);
    serving.stop().await;
    server.close().await.unwrap();
    drop(server);
    let (server, serving, api) = common::served(folder.path()).await;
    assert_eq!((listed(&api, OPEN).await, listed(&api, MAPS).await), before);
    serving.stop().await;
    server.close().await.unwrap();
}
