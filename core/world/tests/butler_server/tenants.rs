//! What is read of a tenant cluster: from its own API server, and from the Secrets of its control plane.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

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
    let rotation = site
        .ask_as(&alice, "POST", &format!("{path}/rotate"), r#"{"type":"all"}"#)
        .await;
    assert_eq!(rotation.status, 501, "nothing would rotate them");
    hosted.close().await;
}
