//! The world's installer and the waits against the embedded API server.

use std::{path::Path, sync::Mutex, time::Duration};

use butler_addons::{Addon, ClusterFacts, Installer, ReleaseState, Source, WorldInstaller, plan};
use butler_api::{config, error::Class};
use butler_embedded::{Authority, Options, Server};
use butler_kubernetes::{Ready, apply, wait};
use k8s_openapi::api::{apps::v1::DaemonSet, core::v1::Secret};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::json;

use crate::support::crypto;

async fn server(data: &Path) -> Server {
    crypto();
    let options = Options {
        data: data.to_owned(),
        authority: Authority::Own,
        version: "v1.35.0".to_owned(),
    };
    Server::open(options).await.unwrap()
}

pub(crate) fn ha_plan() -> Vec<Addon> {
    let text = std::fs::read_to_string("../../fixtures/configs/inmemory-ha.yaml").unwrap();
    let config = config::load(&text, "inmemory-ha.yaml").unwrap().config;
    plan(&config, &ClusterFacts::default()).unwrap()
}

fn quiet(_: &str) {}

#[tokio::test]
async fn every_addon_of_the_sample_installs_twice_and_leaves_one_revision() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let client = server.client();
    let installer = WorldInstaller::new(client.clone(), jiff::Timestamp::now);
    let addons = ha_plan();
    for addon in &addons {
        assert_eq!(
            installer.observe(addon).await.unwrap(),
            ReleaseState::Absent,
            "{}",
            addon.name
        );
        installer.install(addon, &quiet).await.unwrap();
        let state = installer.observe(addon).await.unwrap();
        assert!(
            matches!(state, ReleaseState::Deployed { same: true, .. }),
            "{}: {state:?}",
            addon.name
        );
        installer.install(addon, &quiet).await.unwrap();
    }
    let charts = addons
        .iter()
        .filter(|addon| matches!(addon.source, Source::Chart(_)))
        .count();
    let secrets: Api<Secret> = Api::all(client);
    let list = secrets
        .list(&ListParams::default().labels("owner=helm,status=deployed"))
        .await
        .unwrap();
    assert_eq!(list.items.len(), charts);
}

#[tokio::test]
async fn a_release_left_pending_is_finished_and_an_upgrade_supersedes() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let client = server.client();
    let installer = WorldInstaller::new(client.clone(), jiff::Timestamp::now);
    let mut addon = ha_plan().into_iter().find(|addon| addon.name == "cilium").unwrap();
    installer.install(&addon, &quiet).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(client, "kube-system");

    if let Source::Chart(release) = &mut addon.source {
        release.values["hubble"]["enabled"] = json!(false);
    }
    let before = installer.observe(&addon).await.unwrap();
    assert_eq!(
        before,
        ReleaseState::Deployed {
            same: false,
            revision: 1
        }
    );
    assert_eq!(installer.install(&addon, &quiet).await.unwrap().revision, 2);
    let old = secrets.get("sh.helm.release.v1.cilium.v1").await.unwrap();
    assert_eq!(old.metadata.labels.unwrap()["status"], "superseded");
}

/// What a controller would write.
async fn set_status(client: &Client, ready: i32) {
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), "kube-system");
    let status = json!({"status": {
        "observedGeneration": 1, "desiredNumberScheduled": 3, "currentNumberScheduled": 3, "numberMisscheduled": 0,
        "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": 3,
    }});
    sets.patch_status("probe", &PatchParams::default(), &Patch::Merge(&status))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_wait_says_why_and_ends_with_the_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let client = server.client();
    let ready = [Ready::Workload {
        kind: butler_kubernetes::WorkloadKind::DaemonSet,
        namespace: "kube-system".to_owned(),
        name: "probe".to_owned(),
    }];
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let tell = Mutex::new(tell);
    let report = move |unmet: butler_kubernetes::Unmet| {
        let line = format!("{}: {}", unmet.what, unmet.cause.as_deref().unwrap_or("-"));
        tell.lock().unwrap().send(line).unwrap();
    };
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { wait(&client, &ready, &report).await })
    };
    let subject = "DaemonSet kube-system/probe";
    let mut next = async || {
        tokio::time::timeout(Duration::from_secs(20), told.recv())
            .await
            .unwrap()
            .unwrap()
    };
    assert_eq!(next().await, format!("{subject}: -"));
    assert_eq!(next().await, format!("{subject}: it does not exist yet"));

    let labels = json!({"app": "probe"});
    let set = json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "probe", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}},
        },
    });
    apply(&client, &[set], "test").await.unwrap();
    assert_eq!(next().await, format!("{subject}: its controller has not seen it yet"));
    set_status(&client, 1).await;
    assert_eq!(next().await, format!("{subject}: 1 of 3 pods are available"));

    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "probe-x", "namespace": "kube-system", "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    });
    apply(&client, &[pod], "test").await.unwrap();
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client.clone(), "kube-system");
    let status = json!({"status": {"phase": "Pending", "containerStatuses": [{
        "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"i\""}},
    }]}});
    pods.patch_status("probe-x", &PatchParams::default(), &Patch::Merge(&status))
        .await
        .unwrap();
    let cause = "pod probe-x: container c ImagePullBackOff: Back-off pulling image \"i\"";
    assert_eq!(next().await, format!("{subject}: 1 of 3 pods are available: {cause}"));

    set_status(&client, 3).await;
    let evidence = tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(evidence, format!("{subject}: 3 of 3 pods available"));
}

#[tokio::test]
async fn nodes_get_their_provider_ids_once_they_have_joined() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(folder.path()).await;
    let client = server.client();
    let installer = WorldInstaller::new(client.clone(), jiff::Timestamp::now);
    let ids = ["one", "two"].map(|name| (name.to_owned(), format!("test://{name}")));
    let addon = Addon::new(
        "node-provider-ids",
        "",
        &[],
        Source::ProviderIds(ids.to_vec()),
        vec![Ready::ProviderIds { nodes: 2 }],
    );
    let node = |name: &str| json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    apply(&client, &[node("one")], "test").await.unwrap();
    assert_eq!(installer.observe(&addon).await.unwrap(), ReleaseState::Absent);
    let error = installer.install(&addon, &quiet).await.unwrap_err();
    assert_eq!(error.class, Class::Retryable, "the other node will join: {error}");
    apply(&client, &[node("two")], "test").await.unwrap();
    installer.install(&addon, &quiet).await.unwrap();
    assert_eq!(
        installer.observe(&addon).await.unwrap(),
        ReleaseState::Deployed {
            same: true,
            revision: 0
        }
    );
    let proven = tokio::time::timeout(Duration::from_secs(20), wait(&client, &addon.ready, &|_| ())).await;
    assert_eq!(proven.unwrap().unwrap(), "2 nodes have a provider id");
}
