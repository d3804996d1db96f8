//! Waits against an API server that says what it is told to say, in a time that passes at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use kube::Client;
use kube::core::ApiResource;
use serde_json::{Value, json};

use super::*;

/// What the server does with a request.
enum Reply {
    /// Lists this cluster, or none.
    List(Option<Value>),
    /// Begins a watch, tells this, and goes on without a word.
    Watch(Vec<Value>),
    /// Begins a watch, tells this, and ends it.
    Ends(Vec<Value>),
    /// Refuses.
    Status(u16, &'static str),
    /// Is not there.
    Gone,
}

/// The clusters of a server with this script; after it, the server does not answer.
fn clusters(script: Vec<Reply>) -> Api<DynamicObject> {
    let script = Arc::new(Mutex::new(VecDeque::from(script)));
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let reply = if request.uri().path().ends_with("/tenantclusters") {
            script.lock().unwrap().pop_front()
        } else {
            // It knows no kinds that clusters consist of.
            Some(Reply::Status(404, "NotFound"))
        };
        async move {
            let (code, lines, stays) = match reply {
                None => std::future::pending().await,
                Some(Reply::Gone) => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)),
                Some(Reply::List(cluster)) => (200, vec![list(cluster)], false),
                Some(Reply::Watch(events)) => (200, events, true),
                Some(Reply::Ends(events)) => (200, events, false),
                Some(Reply::Status(code, reason)) => (code, vec![status(code, reason)], false),
            };
            let lines = lines
                .into_iter()
                .map(|line| Ok::<_, Infallible>(Frame::data(Bytes::from(format!("{line}\n")))));
            let rest = if stays {
                stream::pending().left_stream()
            } else {
                stream::empty().right_stream()
            };
            let body = StreamBody::new(stream::iter(lines).chain(rest));
            Ok(http::Response::builder().status(code).body(body).unwrap())
        }
    });
    let kind = ApiResource::erase::<butler_api::v1alpha1::TenantCluster>(&());
    Api::namespaced_with(Client::new(service, "alpha"), "alpha", &kind)
}

fn list(cluster: Option<Value>) -> Value {
    let items: Vec<Value> = cluster.into_iter().collect();
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "1"}, "items": items})
}

fn status(code: u16, reason: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": reason,
    })
}

/// Cluster `demo` in a phase, with what its controller says of it.
fn cluster(version: u32, phase: &str, reason: &str, message: &str) -> Value {
    let ready = if phase == "Ready" { "True" } else { "False" };
    json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
        "metadata": {
            "name": "demo", "namespace": "alpha", "uid": "u", "generation": 2, "resourceVersion": version.to_string(),
        },
        "spec": {"kubernetesVersion": "v1.32.2", "workers": {"replicas": 2}},
        "status": {
            "phase": phase, "observedGeneration": 2, "workerNodesReady": if phase == "Ready" { 2 } else { 0 },
            "conditions": [{
                "type": "Ready", "status": ready, "reason": reason, "message": message,
                "lastTransitionTime": "2026-11-21T04:46:00Z",
            }],
        },
    })
}

fn with(mut cluster: Value, path: &str, value: Value) -> Value {
    *cluster.pointer_mut(path).unwrap() = value;
    cluster
}

#[expect(clippy::needless_pass_by_value, reason = "tests write values where they use them")]
fn changed(cluster: Value) -> Value {
    json!({"type": "MODIFIED", "object": cluster})
}

fn provisioning() -> Value {
    cluster(2, "Provisioning", "Provisioning", "waiting for the control plane")
}

fn ready() -> Value {
    cluster(9, "Ready", "ClusterReady", "the cluster is ready")
}

/// What a wait of at most ten minutes showed, how it ended, and after how many seconds.
async fn waited(goal: Goal, script: Vec<Reply>) -> (Vec<String>, String, u64) {
    let asked = Asked {
        namespace: "alpha".to_owned(),
        name: "demo".to_owned(),
        goal,
        uid: Some("u".to_owned()),
        timeout: Duration::from_mins(10),
    };
    let began = Instant::now();
    let mut shown = Vec::new();
    let mut report = |sight: &Sight| {
        let words = sight.trouble.as_deref().or(sight.cause.as_deref());
        shown.push(words.unwrap_or("").to_owned());
    };
    let ended = match wait_in(clusters(script), &asked, &mut report).await {
        Ok(Some(_)) => "met".to_owned(),
        Ok(None) => "gone".to_owned(),
        Err(WaitError::Failed { reason, message, .. }) => format!("failed: {reason}: {message}"),
        Err(error) => {
            let mut told = vec![error.to_string()];
            if let WaitError::Deadline { cause, left, .. } = &error {
                told.extend(cause.iter().chain(left).cloned());
            }
            told.join(": ")
        }
    };
    (shown, ended, began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_the_cluster_is_ready_as_it_is_asked_for_now() {
    let before = |version| cluster(version, "Ready", "ClusterReady", "the cluster is ready");
    let stale = with(before(1), "/status/observedGeneration", json!(1));
    let few = with(before(3), "/status/workerNodesReady", json!(1));
    let script = vec![
        Reply::List(Some(stale)),
        Reply::Watch(vec![changed(provisioning()), changed(few), changed(ready())]),
    ];
    let (shown, ended, seconds) = waited(Goal::Ready, script).await;
    assert_eq!((ended.as_str(), seconds), ("met", 0));
    assert_eq!(
        shown,
        [
            "its controller has not seen the change yet",
            "waiting for the control plane",
            ""
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_given_two_more_tries_of_the_controller() {
    let failed = |version, message| changed(cluster(version, "Failed", "CAPIResourceError", message));
    let script = vec![
        Reply::List(Some(provisioning())),
        Reply::Watch(vec![failed(3, "no room")]),
    ];
    let (_, ended, seconds) = waited(Goal::Ready, script).await;
    assert_eq!((ended.as_str(), seconds), ("failed: CAPIResourceError: no room", 70));

    // It mends by itself before that.
    let script = vec![
        Reply::List(Some(provisioning())),
        Reply::Watch(vec![failed(3, "no room"), changed(ready())]),
    ];
    assert_eq!(waited(Goal::Ready, script).await.1, "met");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_no_time_mends_ends_the_wait_at_once_but_not_one_of_before() {
    let failed = cluster(3, "Failed", "ValidationFailed", "team \"zz\" not found");
    let of_before = cluster(2, "Failed", "ValidationFailed", "team \"zz\" not found");
    let of_before = with(of_before, "/status/observedGeneration", json!(1));
    let script = vec![Reply::List(Some(of_before)), Reply::Watch(vec![changed(failed)])];
    let (shown, ended, seconds) = waited(Goal::Ready, script).await;
    assert_eq!(
        (ended.as_str(), seconds),
        ("failed: ValidationFailed: team \"zz\" not found", 0)
    );
    assert_eq!(shown.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_tells_what_held_it_up() {
    let script = vec![Reply::List(Some(provisioning())), Reply::Watch(Vec::new())];
    let (_, ended, seconds) = waited(Goal::Ready, script).await;
    let expected = "cluster demo is not Ready after 10 min: waiting for the control plane";
    assert_eq!((ended.as_str(), seconds), (expected, 600));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_deleted_meanwhile_is_waited_for_no_longer() {
    let gone = json!({"type": "DELETED", "object": provisioning()});
    let script = vec![Reply::List(Some(provisioning())), Reply::Watch(vec![gone.clone()])];
    assert_eq!(
        waited(Goal::Ready, script).await.1,
        "cluster demo was deleted meanwhile"
    );

    let mut deleting = provisioning();
    deleting["metadata"]["deletionTimestamp"] = json!("2026-11-21T04:46:00Z");
    deleting["metadata"]["finalizers"] = json!(["butler.butlerlabs.dev/tenantcluster"]);
    let script = vec![Reply::List(Some(deleting.clone()))];
    assert_eq!(waited(Goal::Ready, script).await.1, "cluster demo is being deleted");

    // Another one of the same name is not the one that was asked for.
    let other = with(ready(), "/metadata/uid", json!("other"));
    let script = vec![Reply::List(Some(other.clone()))];
    assert_eq!(
        waited(Goal::Ready, script).await.1,
        "cluster demo was deleted meanwhile"
    );
    assert_eq!(waited(Goal::Deleted, vec![Reply::List(Some(other))]).await.1, "gone");

    let script = vec![Reply::List(Some(deleting)), Reply::Watch(vec![gone])];
    let (shown, ended, _) = waited(Goal::Deleted, script).await;
    assert_eq!(ended, "gone");
    assert_eq!(
        shown,
        ["held by finalizer butler.butlerlabs.dev/tenantcluster: waiting for the control plane"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_restarted_meanwhile_is_waited_for() {
    let script = vec![
        Reply::List(Some(provisioning())),
        Reply::Ends(Vec::new()),
        Reply::Gone,
        Reply::Status(503, "ServiceUnavailable"),
        Reply::Watch(vec![changed(ready())]),
    ];
    let (shown, ended, _) = waited(Goal::Ready, script).await;
    assert_eq!(ended, "met");
    assert_eq!(
        shown,
        [
            "waiting for the control plane",
            "connection refused",
            "ServiceUnavailable"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_expired_is_begun_anew_without_a_word() {
    let expired = json!({"type": "ERROR", "object": status(410, "Expired")});
    let script = vec![
        Reply::List(Some(provisioning())),
        Reply::Ends(vec![expired]),
        Reply::List(Some(ready())),
    ];
    let (shown, ended, _) = waited(Goal::Ready, script).await;
    assert_eq!((ended.as_str(), shown.len()), ("met", 1));

    // It was deleted while nobody looked.
    let expired = json!({"type": "ERROR", "object": status(410, "Expired")});
    let script = vec![
        Reply::List(Some(provisioning())),
        Reply::Ends(vec![expired]),
        Reply::List(None),
    ];
    assert_eq!(
        waited(Goal::Ready, script).await.1,
        "cluster demo was deleted meanwhile"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_is_not_waited_for() {
    let (_, ended, seconds) = waited(Goal::Ready, vec![Reply::Status(403, "Forbidden")]).await;
    assert_eq!(
        (ended.as_str(), seconds),
        ("cannot read tenant cluster demo in namespace alpha", 0)
    );
}
