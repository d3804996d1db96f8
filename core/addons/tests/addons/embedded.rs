//! The embedded API server as real tools see it: the real helm installs into it, lists what the world's installer wrote,
//! and an API that fails is lived through.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use butler_addons::{Addon, HelmInstaller, HelmSettings, Installer, ReleaseState, Source, WorldInstaller};
use butler_api::config::ChartMirror;
use butler_embedded::{Authority, Intercept, Options, Server, Serving};
use butler_kubernetes::{Ready, apply, wait};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{
    helm::addon,
    support::{charts, crypto, peer},
    world::ha_plan,
};

/// An embedded server on loopback, with a folder for everything.
struct Bench {
    server: Server,
    folder: tempfile::TempDir,
    kubeconfig: PathBuf,
    _serving: Serving,
}

impl Bench {
    async fn start() -> Self {
        crypto();
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let options = Options {
            data,
            authority: Authority::Own,
            version: "v1.35.0".to_owned(),
        };
        let server = Server::open(options).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let serving = server.serve(listener, &["127.0.0.1".to_owned()]).unwrap();
        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(
            &kubeconfig,
            server.admin_kubeconfig("test", &url).unwrap().expose_secret(),
        )
        .unwrap();
        Self {
            server,
            folder,
            kubeconfig,
            _serving: serving,
        }
    }

    fn settings(&self, helm: &Path) -> HelmSettings {
        let charts = self.folder.path().join("charts");
        std::fs::create_dir_all(&charts).unwrap();
        charts::demo(&charts, "0.1.0");
        charts::demo(&charts, "0.2.0");
        HelmSettings {
            binary: helm.to_owned(),
            folder: self.folder.path().join("state"),
            kubeconfig: std::fs::read_to_string(&self.kubeconfig).unwrap().into(),
            servers: None,
            tls_server_name: None,
            mirror: Some(ChartMirror::Folder(charts.display().to_string())),
            ca_files: Vec::new(),
            env: Vec::new(),
            timeout: Duration::from_mins(1),
        }
    }

    /// Runs the real helm as a person would.
    async fn helm(&self, helm: &Path, args: &[&str]) -> String {
        let mut command = Command::new(helm);
        command.args(args).arg("--kubeconfig").arg(&self.kubeconfig);
        for name in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            command.env(name, self.folder.path().join(name));
        }
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "helm {args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_helm_installs_upgrades_and_uninstalls() {
    let Some(helm) = peer("helm") else { return };
    let bench = Bench::start().await;
    let client = bench.server.client();
    let installer = HelmInstaller::open(bench.settings(&helm), client.clone(), jiff::Timestamp::now)
        .await
        .unwrap();
    let first = addon("0.1.0", json!({"text": "a"}));
    installer.install(&first, &|_| ()).await.unwrap();
    assert_eq!(
        installer.observe(&first).await.unwrap(),
        ReleaseState::Deployed {
            same: true,
            revision: 1
        }
    );
    let broken = addon("0.1.0", json!({"broken": true}));
    installer.install(&broken, &|_| ()).await.unwrap_err();
    let second = addon("0.2.0", json!({"text": "b"}));
    assert_eq!(installer.install(&second, &|_| ()).await.unwrap().revision, 3);
    let maps: Api<ConfigMap> = Api::namespaced(client, "demo-system");
    assert_eq!(maps.get("demo-settings").await.unwrap().data.unwrap()["text"], "b");

    let status: Value = serde_json::from_str(
        &bench
            .helm(&helm, &["status", "demo", "-n", "demo-system", "-o", "json"])
            .await,
    )
    .unwrap();
    assert_eq!(status["info"]["status"], "deployed");
    bench.helm(&helm, &["uninstall", "demo", "-n", "demo-system"]).await;
    assert_eq!(installer.observe(&second).await.unwrap(), ReleaseState::Absent);
    assert!(maps.get_opt("demo-settings").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_helm_lists_what_the_world_installed() {
    let Some(helm) = peer("helm") else { return };
    let bench = Bench::start().await;
    let installer = WorldInstaller::new(bench.server.client(), jiff::Timestamp::now);
    let addons = ha_plan();
    let charts: Vec<&Addon> = addons
        .iter()
        .filter(|addon| matches!(addon.source, Source::Chart(_)))
        .collect();
    for addon in &charts {
        // The CRDs come first in the plan of what leans on them.
        installer.install(addon, &|_| ()).await.unwrap();
    }
    let list: Vec<Value> = serde_json::from_str(&bench.helm(&helm, &["list", "-A", "-o", "json"]).await).unwrap();
    assert_eq!(list.len(), charts.len());
    let cilium = list.iter().find(|release| release["name"] == "cilium").unwrap();
    assert_eq!(
        (&cilium["status"], &cilium["chart"]),
        (&json!("deployed"), &json!("cilium-1.19.4"))
    );
    assert_eq!(
        (&cilium["namespace"], &cilium["app_version"]),
        (&json!("kube-system"), &json!("1.19.4"))
    );
    let values = bench
        .helm(&helm, &["get", "values", "cilium", "-n", "kube-system", "-o", "json"])
        .await;
    assert_eq!(serde_json::from_str::<Value>(&values).unwrap()["k8sServicePort"], 7445);
    let manifest = bench
        .helm(&helm, &["get", "manifest", "cilium", "-n", "kube-system"])
        .await;
    assert!(manifest.contains("hubble-relay"));
    bench.helm(&helm, &["uninstall", "traefik", "-n", "traefik"]).await;
}

#[tokio::test]
async fn an_api_that_fails_now_and_then_is_lived_through() {
    let bench = Bench::start().await;
    let client = kube_client(&bench).await;
    let count = Arc::new(AtomicUsize::new(0));
    let seen = count.clone();
    // Writes are throttled, refused or cut off in turn, reads of what is waited for are refused every second time.
    bench.server.set_interceptor(Arc::new(move |method: &str, path: &str| {
        let n = seen.fetch_add(1, Ordering::Relaxed);
        let busy = |code, reason: &str| Intercept::Status(code, reason.to_owned(), "try again later".to_owned());
        match (method, n % 9) {
            ("PATCH", 0) => busy(429, "TooManyRequests"),
            ("PATCH", 3) => busy(500, "InternalError"),
            ("PATCH", 6) => Intercept::ResetAfter,
            ("GET", 0 | 2 | 4 | 6 | 8) if path.ends_with("/storageclasses") => busy(503, "ServiceUnavailable"),
            _ => Intercept::Pass,
        }
    }));
    let objects: Vec<Value> = (0..20)
        .map(|i| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": format!("map-{i}"), "namespace": "default"}, "data": {"i": i.to_string()},
            })
        })
        .chain([json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "provisioner": "none",
            "metadata": {"name": "one", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        })])
        .collect();
    apply(&client, &objects, "test").await.unwrap();
    let ready = [Ready::DefaultStorageClass];
    let waited = tokio::time::timeout(Duration::from_mins(1), wait(&client, &ready, &|_| ())).await;
    assert_eq!(waited.unwrap().unwrap(), "StorageClass one is the default");
    assert!(count.load(Ordering::Relaxed) > 25, "the interceptor was asked");
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    assert!(maps.get("map-19").await.is_ok());
}

#[tokio::test]
async fn a_refusal_ends_a_wait_at_once() {
    let bench = Bench::start().await;
    let client = kube_client(&bench).await;
    bench
        .server
        .set_interceptor(Arc::new(|method: &str, _: &str| match method {
            "GET" => Intercept::Status(403, "Forbidden".to_owned(), "you may not".to_owned()),
            _ => Intercept::Pass,
        }));
    let ready = [Ready::DefaultStorageClass];
    let waited = tokio::time::timeout(Duration::from_mins(1), wait(&client, &ready, &|_| ())).await;
    let error = waited.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "cannot watch a default StorageClass: you may not");
}

/// A client over the socket, as the interceptor sees only those.
async fn kube_client(bench: &Bench) -> kube::Client {
    let options = butler_kubernetes::connect::Options::default();
    butler_kubernetes::connect::connect_file(&bench.kubeconfig, &options)
        .await
        .unwrap()
}
