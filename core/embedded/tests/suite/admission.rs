//! Admission in process: who is asked, about what, and what follows.

use std::sync::{Arc, Mutex};

use butler_embedded::{Admission, At, Denied, Objects, Operation, Server, Serving, Write};
use serde_json::{Value, json};

use super::common::{self, Api};
use super::{JSON, MAPS, MERGE};

/// Config maps that a namespace may have, beside that of its authority.
const QUOTA: usize = 3;

/// Admits config maps up to a quota, and keeps those that say so. Notes what it is asked about.
#[derive(Default)]
struct Warden {
    asked: Mutex<Vec<String>>,
}

impl Admission for Warden {
    fn asks(&self, group: &str, resource: &str, _: Operation) -> bool {
        group.is_empty() && resource == "configmaps"
    }

    fn admit(&self, write: &Write<'_>, objects: Objects<'_>) -> Result<Vec<String>, Denied> {
        let object = write.new.or(write.old).expect("an object");
        let name = object["metadata"]["name"].as_str().expect("a name");
        let master = objects.allows((write.user, write.groups), "update", "", "configmaps");
        let line = format!("{:?} {name} by {} {master}", write.operation, write.user);
        self.asked.lock().expect("no panic").push(line);
        let deny = |message: &str| Denied {
            code: 403,
            reason: "Forbidden",
            message: format!("admission webhook \"warden\" denied the request: {message}"),
        };
        match write.operation {
            Operation::Create => {
                let namespace = object["metadata"]["namespace"].as_str().expect("a namespace");
                let there = objects.list("", "configmaps", namespace);
                let counted = there.iter().filter(|map| map.value()["data"]["counts"] == "yes");
                if object["data"]["counts"] == "yes" && counted.count() >= QUOTA {
                    return Err(deny("there are enough"));
                }
                Ok(vec![format!("{name} is new")])
            }
            Operation::Update | Operation::Delete => {
                let old = write.old.expect("what was there");
                let found = objects
                    .get("", "configmaps", "default", name)
                    .expect("it is still there");
                assert_eq!(found.value()["data"], old["data"]);
                if old["data"]["keep"] == "yes" {
                    return Err(deny("it is to be kept"));
                }
                Ok(Vec::new())
            }
        }
    }
}

async fn guarded(folder: &std::path::Path) -> (Server, Serving, Api, Arc<Warden>) {
    let (server, serving, api) = common::served(folder).await;
    let warden = Arc::new(Warden::default());
    server.set_admission(Some(Arc::clone(&warden) as Arc<dyn Admission>));
    (server, serving, api, warden)
}

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

#[tokio::test]
async fn a_denial_is_answered_as_the_real_server_answers_it_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api, _) = guarded(folder.path()).await;
    let kept = map("kept", &json!({"keep": "yes"}));
    assert_eq!(api.json("POST", MAPS, &kept).await.status, 201);
    let path = format!("{MAPS}/kept");
    let denied = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "admission webhook \"warden\" denied the request: it is to be kept", "reason": "Forbidden", "code": 403,
    });
    let change = json!({"data": {"k": "1"}});
    let applied = map("kept", &json!({"k": "1"}));
    let answers = [
        api.send("PATCH", &path, MERGE, &change).await,
        api.send("PATCH", &format!("{path}?dryRun=All"), MERGE, &change).await,
        api.send("PATCH", &path, MERGE, &json!({})).await,
        api.send("PATCH", &format!("{path}?fieldManager=me"), super::APPLY, &applied)
            .await,
        api.send("PUT", &path, JSON, &applied).await,
        api.json("DELETE", &path, &Value::Null).await,
        api.json("DELETE", &format!("{path}?dryRun=All"), &Value::Null).await,
        api.json("DELETE", MAPS, &Value::Null).await,
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.body), (403, denied.clone()));
    }
    let found = api.json("GET", &path, &Value::Null).await;
    assert_eq!(found.body["data"], kept["data"]);
    server.set_admission(None);
    assert_eq!(api.json("DELETE", &path, &Value::Null).await.status, 200);
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn whoever_decides_knows_the_user_and_status_and_other_kinds_are_not_his_business() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api, warden) = guarded(folder.path()).await;
    let at = At {
        group: "",
        version: "v1",
        resource: "configmaps",
        namespace: "default",
    };
    let local = server.local("test");
    local.create(at, map("a", &json!({}))).unwrap();
    let secrets = At {
        resource: "secrets",
        ..at
    };
    local.create(secrets, json!({"metadata": {"name": "s"}})).unwrap();
    assert_eq!(api.json("DELETE", &format!("{MAPS}/a"), &Value::Null).await.status, 200);
    let namespaces = At {
        resource: "namespaces",
        namespace: "",
        ..at
    };
    local
        .patch(namespaces, "default", true, json!({"status": {"phase": "Active"}}))
        .unwrap();
    let asked = warden.asked.lock().unwrap().join("\n");
    assert_eq!(asked, "Create a by system:admin true\nDelete a by admin true");
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn of_many_at_once_no_more_pass_than_may() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api, _) = guarded(folder.path()).await;
    let creations = (0..24).map(|n| {
        let api = &api;
        async move {
            let counted = map(&format!("m{n}"), &json!({"counts": "yes"}));
            api.json("POST", MAPS, &counted).await.status
        }
    });
    let statuses = futures::future::join_all(creations).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), QUOTA);
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 24 - QUOTA);
    serving.stop().await;
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_warning_reaches_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let (server, serving, api, _) = guarded(folder.path()).await;
    let url = format!("{}{MAPS}?dryRun=All", api.url());
    let request = api.client().post(url).header("content-type", JSON);
    let response = request.body(map("w", &json!({})).to_string()).send().await.unwrap();
    assert_eq!(response.headers()["warning"], "299 - \"w is new\"");
    serving.stop().await;
    server.close().await.unwrap();
}
