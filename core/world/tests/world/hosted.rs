//! API servers without machines.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use butler_world::hosted::{Hosted, Hosting};
use butler_world::world::tenants::RotationScope;
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

/// Whether a kubeconfig opens the API server.
async fn opens(kubeconfig: &str) -> bool {
    let namespaces: Api<Namespace> = Api::all(client(kubeconfig, None).await);
    namespaces.list(&ListParams::default()).await.is_ok()
}

/// A kubeconfig opens the API server as soon as that has started anew.
async fn comes_to_open(kubeconfig: &str) {
    let opened = async {
        while !opens(kubeconfig).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), opened).await.unwrap();
}

#[tokio::test]
async fn a_kubeconfig_outlives_those_after_it_but_not_the_authority() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let mut hosted = Hosted::listen(Hosting {
        name: "tenant".to_owned(),
        data: folder.path().join("tenant"),
        version: "v1.35.0".to_owned(),
        address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
    })
    .unwrap();
    let first = hosted.kubeconfig().expose_secret().to_owned();
    assert!(opens(&first).await);
    for scope in [RotationScope::Kubeconfigs, RotationScope::All] {
        hosted.rotate(scope).unwrap();
        let next = hosted.kubeconfig().expose_secret().to_owned();
        assert_ne!(next, first);
        comes_to_open(&next).await;
        assert!(opens(&first).await, "{scope:?}");
    }
    hosted.rotate(RotationScope::Authority).unwrap();
    let last = hosted.kubeconfig().expose_secret().to_owned();
    comes_to_open(&last).await;
    assert!(!opens(&first).await, "its authority is of the past");
    hosted.close().await;
}
