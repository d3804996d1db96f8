//! The server over sockets: certificates, tokens, durability, watches, faults.

use std::sync::Arc;
use std::time::{Duration, Instant};

use butler_embedded::{Authority, Intercept, Options, Server};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api as KubeApi, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"k": value}})
}

#[tokio::test]
async fn an_administrator_may_write_and_a_stranger_may_only_ask_for_health() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = super::common::served(folder.path()).await;
    assert_eq!(api.json("POST", MAPS, &map("a", "1")).await.status, 201);
    assert_eq!(api.json("GET", "/readyz", &Value::Null).await.status, 200);
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_token_of_the_file_is_a_user_and_another_is_nobody() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("tokens.csv"),
        "secret,ops,1,\"system:masters\"\nweak,jane,2\n",
    )
    .unwrap();
    let (server, serving, api) = super::common::served(folder.path()).await;
    let ca = std::fs::read(folder.path().join("pki/ca.crt")).unwrap();
    let url = api.url();
    let get = async |token: &str| {
        super::common::Api::with_token(url, &ca, token)
            .json("GET", MAPS, &Value::Null)
            .await
    };
    assert_eq!(get("secret").await.status, 200);
    assert_eq!(get("nonsense").await.status, 401);
    let refused = get("weak").await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.body["message"],
        "configmaps is forbidden: User \"jane\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"default\""
    );
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn what_was_written_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = super::common::served(folder.path()).await;
    let first = api.json("POST", MAPS, &map("a", "1")).await;
    serving.stop().await;
    server.close().await.unwrap();
    drop(server);
    let (server, serving, api) = super::common::served(folder.path()).await;
    let again = api.json("GET", &format!("{MAPS}/a"), &Value::Null).await;
    assert_eq!(again.body["metadata"]["uid"], first.body["metadata"]["uid"]);
    assert_eq!(
        again.body["metadata"]["resourceVersion"],
        first.body["metadata"]["resourceVersion"]
    );
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_watch_shows_changes_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api) = super::common::served(folder.path()).await;
    let made = api.json("POST", MAPS, &map("a", "1")).await;
    let version = made.body["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    let mut stream = api.stream(&format!("{MAPS}?watch=1&resourceVersion={version}")).await;
    api.send(
        "PATCH",
        &format!("{MAPS}/a"),
        "application/merge-patch+json",
        &json!({"data": {"k": "2"}}),
    )
    .await;
    api.json("DELETE", &format!("{MAPS}/a"), &Value::Null).await;
    let mut text = String::new();
    while text.lines().count() < 2 || !text.ends_with('\n') {
        let chunk = tokio::time::timeout(Duration::from_secs(10), stream.chunk())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    let kinds = text
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["type"].clone())
        .collect::<Vec<_>>();
    assert_eq!(kinds, ["MODIFIED", "DELETED"]);
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn the_client_in_process_creates_applies_lists_and_deletes() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data: folder.path().into(),
        authority: Authority::Own,
        version: "v1.35.0".into(),
    };
    let server = Server::open(options).await.unwrap();
    let maps = KubeApi::<ConfigMap>::namespaced(server.client(), "default");
    let object = serde_json::from_value::<ConfigMap>(map("a", "1")).unwrap();
    maps.create(&PostParams::default(), &object).await.unwrap();
    let applied = maps
        .patch("a", &PatchParams::apply("test").force(), &Patch::Apply(map("a", "2")))
        .await
        .unwrap();
    assert_eq!(applied.data.unwrap()["k"], "2");
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
    server.close().await.unwrap();
}

#[tokio::test]
async fn dependents_go_with_their_owner_and_contents_with_their_namespace() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data: folder.path().into(),
        authority: Authority::Own,
        version: "v1.35.0".into(),
    };
    let server = Server::open(options).await.unwrap();
    let namespaces = KubeApi::<Namespace>::all(server.client());
    let namespace = serde_json::from_value(json!({"metadata": {"name": "n"}})).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let maps = KubeApi::<ConfigMap>::namespaced(server.client(), "n");
    let owner = serde_json::from_value::<ConfigMap>(map("owner", "1")).unwrap();
    let owner = maps.create(&PostParams::default(), &owner).await.unwrap();
    let mut child = map("child", "1");
    child["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner.metadata.uid.unwrap()}]);
    maps.create(&PostParams::default(), &serde_json::from_value(child).unwrap())
        .await
        .unwrap();
    maps.delete("owner", &DeleteParams::default()).await.unwrap();
    until(async || maps.get_opt("child").await.unwrap().is_none()).await;
    maps.create(
        &PostParams::default(),
        &serde_json::from_value(map("left", "1")).unwrap(),
    )
    .await
    .unwrap();
    namespaces.delete("n", &DeleteParams::default()).await.unwrap();
    until(async || namespaces.get_opt("n").await.unwrap().is_none()).await;
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 0);
    server.close().await.unwrap();
}

#[tokio::test]
async fn faults_strike_where_the_interceptor_says() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data: folder.path().into(),
        authority: Authority::Own,
        version: "v1.35.0".into(),
    };
    let server = Server::open(options).await.unwrap();
    let maps = KubeApi::<ConfigMap>::namespaced(server.client(), "default");
    server.set_interceptor(Arc::new(|method, path| match (method, path) {
        ("POST", _) => Intercept::ResetAfter,
        ("DELETE", _) => Intercept::Status(403, "Forbidden".into(), "no".into()),
        (_, path) if path.ends_with("/b") => Intercept::ResetBefore,
        _ => Intercept::Pass,
    }));
    let object = serde_json::from_value::<ConfigMap>(map("a", "1")).unwrap();
    assert!(maps.create(&PostParams::default(), &object).await.is_err());
    assert!(maps.get("a").await.is_ok(), "the request had been carried out");
    assert!(maps.get("b").await.is_err());
    let refused = maps.delete("a", &DeleteParams::default()).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403 && status.message == "no"));
    server.close().await.unwrap();
}

/// Waits for a condition with a deadline.
async fn until(condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition().await {
        assert!(Instant::now() < deadline, "the condition does not come true");
        tokio::task::yield_now().await;
    }
}
