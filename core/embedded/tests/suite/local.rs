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
