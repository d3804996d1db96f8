//! API servers without machines.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use butler_world::hosted::{Hosted, Hosting};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use secrecy::ExposeSecret as _;

use crate::cluster::client;

#[tokio::test]
async fn an_api_server_without_machines_starts_with_the_first_connection() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("tenant");
    let hosted = Hosted::listen(Hosting {
        name: "tenant".to_owned(),
        data: data.clone(),
        version: "v1.35.0".to_owned(),
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
    })
    .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!hosted.is_open() && !data.exists(), "nobody has asked for it");

    let client = client(hosted.kubeconfig().expose_secret(), None).await;
    let namespaces: Api<Namespace> = Api::all(client);
    let found = namespaces.list(&ListParams::default()).await.unwrap();
    assert!(!found.items.is_empty(), "the first request is answered");
    assert!(hosted.is_open() && data.exists());

    let address = hosted.address();
    hosted.close().await;
    assert!(!data.exists(), "nothing is left");
    assert!(tokio::net::TcpListener::bind(address).await.is_ok());
}

#[tokio::test]
async fn an_api_server_that_nobody_asked_for_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let hosting = Hosting {
        name: "tenant".to_owned(),
        data: folder.path().join("tenant"),
        version: "v1.35.0".to_owned(),
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
    };
    let hosted = Hosted::listen(hosting.clone()).unwrap();
    let taken = Hosted::listen(Hosting {
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, hosted.address().port()),
        ..hosting
    });
    assert!(taken.unwrap_err().to_string().contains("for cluster tenant"));
    hosted.close().await;
    assert!(!folder.path().join("tenant").exists());
}
