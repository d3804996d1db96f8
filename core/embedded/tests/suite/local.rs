//! Access in this process, without HTTP.

use butler_embedded::{At, Seen, Server};
use serde_json::{Value, json};

const MAPS: At<'_> = At {
    group: "",
    version: "v1",
    resource: "configmaps",
    namespace: "default",
};

async fn server(folder: &std::path::Path) -> Server {
    let (server, serving, _) = super::common::served(folder).await;
    serving.stop().await;
    server
}

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"k": "1"}})
}

fn shown(seen: &Seen) -> String {
    let object = seen.object();
    let (name, value) = (&object["metadata"]["name"], &object["data"]["k"]);
    let gone = if seen.deleted() { " gone" } else { "" };
    format!("{} {name} {value}{gone}", seen.resource()).replace('"', "")
}

#[tokio::test]
async fn whoever_follows_sees_what_is_there_and_every_change_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let local = server.local("test");
    local.create(MAPS, map("a")).unwrap();
    let mut follow = local.follow(&["configmaps"]);
    local.create(MAPS, map("b")).unwrap();
    assert!(local.patch(MAPS, "a", false, json!({"data": {"k": "2"}})).unwrap());
    assert!(!local.patch(MAPS, "a", false, json!({"data": {"k": "2"}})).unwrap());
    local.delete(MAPS, "b").unwrap();
    let secrets = At {
        resource: "secrets",
        ..MAPS
    };
    local.create(secrets, json!({"metadata": {"name": "s"}})).unwrap();
    let seen: Vec<String> = std::iter::from_fn(|| follow.try_next())
        .map(|seen| shown(&seen))
        .collect();
    let expected = [
        "configmaps a 1",
        "configmaps b 1",
        "configmaps a 2",
        "configmaps b 1 gone",
    ];
    assert_eq!(seen, expected);
    server.close().await.unwrap();
}

#[tokio::test]
async fn what_a_request_would_be_refused_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let local = server.local("test");
    local.create(MAPS, map("a")).unwrap();
    let codes = [
        local.create(MAPS, map("a")),
        local.create(MAPS, map("no name!")),
        local.create(MAPS, json!({"metadata": {"name": "b"}, "data": []})),
        local.patch(MAPS, "nobody", false, json!({})).map(drop),
        local.delete(MAPS, "nobody"),
        local.create(
            At {
                resource: "nothings",
                ..MAPS
            },
            map("a"),
        ),
    ]
    .map(|result| result.unwrap_err().code);
    assert_eq!(codes, [409, 422, 400, 404, 404, 404]);
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_status_patch_leaves_the_rest_alone_and_names_its_manager() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let local = server.local("kubelet");
    let pods = At {
        resource: "pods",
        ..MAPS
    };
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    local.create(pods, pod).unwrap();
    let patch = json!({"spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
    local.patch(pods, "p", true, patch).unwrap();
    let mut follow = local.follow(&["pods"]);
    let seen = follow.try_next().unwrap();
    let object = seen.object();
    assert_eq!(object["status"]["phase"], "Running");
    assert_eq!(object["spec"].get("nodeName"), None);
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let status = managers.iter().find(|m| m["subresource"] == "status").unwrap();
    assert_eq!(status["manager"], "kubelet");
    assert_eq!(status["fieldsV1"], json!({"f:status": {"f:phase": {}}}));
    server.close().await.unwrap();
}

#[tokio::test]
async fn reads_show_what_a_request_would_get_and_a_write_what_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let local = server.local("test");
    let made = local.created(MAPS, map("b")).unwrap().value();
    assert_eq!(
        (&made["kind"], &made["apiVersion"]),
        (&json!("ConfigMap"), &json!("v1"))
    );
    local.create(MAPS, map("a")).unwrap();
    assert_eq!(local.get(MAPS, "b").unwrap(), made);
    assert_eq!(local.get(MAPS, "c").unwrap_err().message, "configmaps \"c\" not found");
    let names = |at| {
        let all = local.list(at).unwrap();
        all.iter()
            .map(|map| map["metadata"]["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(MAPS), ["a", "b"]);
    assert!(
        names(At {
            namespace: "kube-system",
            ..MAPS
        })
        .is_empty()
    );
    assert!(names(At { namespace: "", ..MAPS }).contains(&"a".to_owned()));

    let version = made["metadata"]["resourceVersion"].clone();
    let patch = |value: &str| json!({"metadata": {"resourceVersion": version}, "data": {"k": value}});
    let changed = local
        .acting_as("jane", Vec::new())
        .patched(MAPS, "b", false, patch("2"))
        .unwrap();
    assert_eq!(changed.value()["data"]["k"], "2");
    assert_eq!(
        local.patched(MAPS, "b", false, patch("3")).unwrap_err().code,
        409,
        "it is another one by now"
    );
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_token_is_for_an_account_that_is_there_and_no_shorter_than_a_request_may_ask() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let local = server.local("test");
    let accounts = At {
        resource: "serviceaccounts",
        ..MAPS
    };
    assert_eq!(local.token("default", "robot", 3600).unwrap_err().code, 404);
    local.create(accounts, json!({"metadata": {"name": "robot"}})).unwrap();
    let refused = local.token("default", "robot", 599).unwrap_err();
    assert_eq!(refused.code, 422, "{refused}");
    let (token, expires) = local.token("default", "robot", 3600).unwrap();
    assert_eq!(token.split('.').count(), 3);
    let left = expires.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((3590..=3600).contains(&left), "{left}");
    server.close().await.unwrap();
}
