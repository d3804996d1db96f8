//! What is read of a tenant cluster: from its own API server, and from the Secrets of its control plane.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use butler_embedded::At;
use butler_world::butler::server::HttpsTenants;
use butler_world::hosted::{Hosted, Hosting};
use k8s_openapi::api::core::v1::Node;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::support::{Setup, Site, with_people};

/// A tenant cluster of team alpha with this kubeconfig.
fn tenant(site: &Site, kubeconfig: &str) {
    site.namespace("web-1");
    let secret = json!({
        "metadata": {"name": "web-admin-kubeconfig", "namespace": "web-1"}, "stringData": {"admin.conf": kubeconfig},
    });
    site.create("", "secrets", secret);
    let cluster = json!({
        "metadata": {"name": "web", "namespace": "alpha"},
        "spec": {"kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}, "teamRef": {"name": "alpha"}},
        "status": {"phase": "Ready", "tenantNamespace": "web-1"},
    });
    site.butler("TenantCluster", "tenantclusters", cluster);
}

#[tokio::test]
async fn nodes_are_those_that_the_tenants_own_api_server_has() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let hosted = Hosted::listen(Hosting {
        name: "web".to_owned(),
        data: folder.path().join("tenant"),
        version: "v1.32.2".to_owned(),
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
    })
    .unwrap();
    let kubeconfig = hosted.kubeconfig().expose_secret().to_owned();
    let config = Kubeconfig::from_yaml(&kubeconfig).unwrap();
    let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
        .await
        .unwrap();
    let nodes: Api<Node> = Api::all(Client::try_from(config).unwrap());
    let node: Node = serde_json::from_value(json!({"metadata": {"name": "web-0"}})).unwrap();
    nodes.create(&PostParams::default(), &node).await.unwrap();

    let site = with_people(Setup {
        tenants: Arc::new(HttpsTenants),
        ..Setup::default()
    })
    .await;
    tenant(&site, &kubeconfig);
    let bob = site.log_in("bob").await;
    let found = site.ask_as(&bob, "GET", "/api/clusters/alpha/web/nodes", "").await;
    assert_eq!(found.status, 200, "{}", found.text);
    assert_eq!(found.json()["nodes"][0]["name"], "web-0");
    assert_eq!(found.json()["nodes"][0]["status"], "NotReady");

    hosted.close().await;
    let gone = site.ask_as(&bob, "GET", "/api/clusters/alpha/web/nodes", "").await;
    assert_eq!(gone.status, 500);
    let (_, error) = gone.error();
    assert!(
        error.starts_with("failed to list nodes: ") && !error.contains("KEY"),
        "{error}"
    );
}

#[tokio::test]
async fn certificates_are_read_from_secrets_and_shown_without_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let hosted = Hosted::listen(Hosting {
        name: "web".to_owned(),
        data: folder.path().join("tenant"),
        version: "v1.32.2".to_owned(),
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
    })
    .unwrap();
    let site = with_people(Setup {
        now: jiff::Timestamp::now(),
        ..Setup::default()
    })
    .await;
    tenant(&site, hosted.kubeconfig().expose_secret());
    let alice = site.log_in("alice").await;
    let path = "/api/clusters/alpha/web/certificates";
    let all = site.ask_as(&alice, "GET", path, "").await.json();
    assert_eq!(
        (&all["certificateCount"], &all["overallHealth"]),
        (&json!(1), &json!("Healthy"))
    );
    let one = &all["categories"]["kubeconfig"][0];
    assert_eq!(
        (&one["secretName"], &one["isCA"]),
        (&json!("web-admin-kubeconfig"), &json!(false))
    );
    assert_eq!(one["daysUntilExpiry"], 364);
    let of_it = site.ask_as(&alice, "GET", &format!("{path}/ca"), "").await.json();
    assert_eq!(of_it, json!({"category": "ca", "certificates": []}));
    hosted.close().await;
}

/// No controllers are beside the server here: the test does what they do.
#[tokio::test]
async fn a_rotation_is_asked_for_once_and_told_until_it_is_done() {
    let site = with_people(Setup::default()).await;
    tenant(&site, "a kubeconfig");
    let path = "/api/clusters/alpha/web/certificates";
    let rotate = async |who: &str, body: &str| {
        let session = site.log_in(who).await;
        site.ask_as(&session, "POST", &format!("{path}/rotate"), body).await
    };
    let status = async || {
        let session = site.log_in("alice").await;
        site.ask_as(&session, "GET", &format!("{path}/rotation-status"), "")
            .await
            .json()
    };
    assert_eq!(status().await["status"], "unknown");
    let refused = rotate("bob", r#"{"type":"all"}"#).await;
    assert_eq!(
        refused.error(),
        (403, "certificate rotation requires operator role".to_owned())
    );
    let refused = rotate("alice", r#"{"type":"ca","acknowledge":true}"#).await;
    assert_eq!(refused.error(), (403, "CA rotation requires admin role".to_owned()));
    let refused = rotate("root", r#"{"type":"ca"}"#).await;
    assert_eq!(
        refused.error(),
        (400, "CA rotation requires acknowledge: true".to_owned())
    );

    let asked = rotate("alice", r#"{"type":"kubeconfigs"}"#).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let told = asked.json();
    assert_eq!(
        (&told["type"], &told["status"]),
        (&json!("kubeconfigs"), &json!("in_progress"))
    );
    assert_eq!(told["affectedSecrets"], json!(["web-admin-kubeconfig"]));
    assert_eq!(status().await, told);
    let again = rotate("alice", r#"{"type":"all"}"#).await;
    assert_eq!(again.error(), (409, "rotation already in progress".to_owned()));

    let initiated = "butler.butlerlabs.dev/rotation-initiated";
    let at = |group: &'static str, version: &'static str, resource: &'static str, namespace: &'static str| At {
        group,
        version,
        resource,
        namespace,
    };
    let clusters = at("butler.butlerlabs.dev", "v1alpha1", "tenantclusters", "alpha");
    let cluster = site.local.get(clusters, "web").unwrap();
    let marks = json!({
        initiated: cluster["metadata"]["annotations"][initiated],
        "butler.butlerlabs.dev/rotation-completed": "2026-01-02T03:04:05Z",
    });
    let secrets = at("", "v1", "secrets", "web-1");
    let marks = json!({"metadata": {"annotations": marks}});
    site.local.patch(secrets, "web-admin-kubeconfig", false, marks).unwrap();
    let done = status().await;
    assert_eq!(
        (&done["status"], &done["completedAt"]),
        (&json!("completed"), &json!("2026-01-02T03:04:05Z"))
    );
    let session = site.log_in("alice").await;
    let all = site.ask_as(&session, "GET", path, "").await.json();
    assert_eq!(
        (&all["rotationInProgress"], &all["lastRotation"]),
        (&json!(false), &done)
    );
    assert_eq!(
        rotate("alice", r#"{"type":"all"}"#).await.status,
        202,
        "another one may begin"
    );
}
