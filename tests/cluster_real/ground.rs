//! An API server with Butler's kinds, rules and roles, people, and what they say to it.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use butler_embedded::{Options, Server, Serving};
use butler_world::butler::admission;
use butler_world::butler::webhook::{ApiServer, Webhooks};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::authority::Authority;
use crate::common::Api;
use crate::published;
use crate::real::{self, Real};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const NAMESPACES: &str = "/api/v1/namespaces";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const WEBHOOKS: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
/// Where Butler's kinds are.
pub(crate) const GROUP: &str = "/apis/butler.butlerlabs.dev/v1alpha1";
/// The clusters of team alpha.
pub(crate) const CLUSTERS: &str = "/apis/butler.butlerlabs.dev/v1alpha1/namespaces/alpha/tenantclusters";

/// A control plane with Butler's kinds, team alpha with its operator alice and its viewer carol, and kubeconfigs for all.
pub(crate) struct Ground {
    control_plane: ControlPlane,
    /// Answers the reviews of the real one.
    webhooks: Option<Webhooks>,
    folder: tempfile::TempDir,
}

/// An API server that ends with this value.
enum ControlPlane {
    Real(Real),
    OfTheWorld {
        api: Api,
        authority: Authority,
        server: Server,
        _serving: Serving,
    },
}

impl Ground {
    /// On the real kube-apiserver; none, saying so, where it is not at hand.
    pub(crate) async fn real() -> Option<Self> {
        let Some(real) = real::start().await else {
            // Past the test harness, which shows what is printed only where a test fails.
            let words = "SKIPPED: kube-apiserver and etcd are neither in BUTLER_PEERS nor in target/peers\n";
            drop(std::io::stderr().write_all(words.as_bytes()));
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        Some(Self::on(ControlPlane::Real(real), folder).await)
    }

    /// On the API server that the simulated world has.
    pub(crate) async fn of_the_world() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let options = Options {
            data: folder.path().join("data"),
            authority: butler_embedded::Authority::Given {
                ca_certificate_pem: authority.certificate.clone(),
                ca_key_pem: authority.issuer.key().serialize_pem().into(),
            },
            version: "v1.36.3".to_owned(),
        };
        let server = Server::open(options).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let control_plane = ControlPlane::OfTheWorld {
            _serving: server.serve(listener, &["127.0.0.1".to_owned()]).unwrap(),
            api: authority.client(&url, "admin", Some("system:masters")),
            authority,
            server,
        };
        Self::on(control_plane, folder).await
    }

    async fn on(control_plane: ControlPlane, folder: tempfile::TempDir) -> Self {
        let ground = Self {
            control_plane,
            webhooks: None,
            folder,
        };
        for (who, group) in [("admin", Some("system:masters")), ("alice", None), ("carol", None)] {
            let text = ground.authority().kubeconfig(ground.api().url(), who, group);
            std::fs::write(ground.kubeconfig(who), text.to_string()).unwrap();
        }
        for definition in published::definitions("clusters and addons") {
            made(ground.api(), DEFINITIONS, &definition).await;
        }
        for kind in [
            "tenantclusters",
            "tenantaddons",
            "teams",
            "providerconfigs",
            "addondefinitions",
        ] {
            until(kind, async || ground.api().answers(&format!("{GROUP}/{kind}")).await).await;
        }
        for name in ["alpha", "beta", "butler-system"] {
            made(ground.api(), NAMESPACES, &json!({"metadata": {"name": name}})).await;
        }
        ground.role("viewer", "carol", &["get", "list", "watch"]).await;
        let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
        ground.role("operator", "alice", &all).await;
        ground
    }

    /// A role of Butler's and the member of team alpha who has it.
    async fn role(&self, role: &str, member: &str, verbs: &[&str]) {
        let name = format!("butler-cli-{role}");
        let rules = json!([
            {"apiGroups": ["butler.butlerlabs.dev"], "resources": ["tenantclusters", "tenantaddons"], "verbs": verbs},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]},
        ]);
        let object = json!({"metadata": {"name": name}, "rules": rules});
        made(self.api(), &format!("{RBAC}/clusterroles"), &object).await;
        let binding = json!({
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": member}],
        });
        made(self.api(), &format!("{RBAC}/namespaces/alpha/rolebindings"), &binding).await;
        self.until_may_read(member, CLUSTERS).await;
    }

    /// These may read the catalog of addons. Members of teams get it from Butler's server, which is not here.
    pub(crate) async fn catalog_readers(&self, members: &[&str]) {
        let name = "catalog-readers";
        let rules = json!([
            {"apiGroups": ["butler.butlerlabs.dev"], "resources": ["addondefinitions"], "verbs": ["get", "list"]},
        ]);
        let role = json!({"metadata": {"name": name}, "rules": rules});
        made(self.api(), &format!("{RBAC}/clusterroles"), &role).await;
        let subjects = members
            .iter()
            .map(|name| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}));
        let binding = json!({
            "metadata": {"name": name}, "subjects": subjects.collect::<Vec<_>>(),
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        });
        made(self.api(), &format!("{RBAC}/clusterrolebindings"), &binding).await;
        for member in members {
            self.until_may_read(member, &format!("{GROUP}/addondefinitions")).await;
        }
    }

    /// The real API server takes its time until it knows of a role.
    async fn until_may_read(&self, member: &str, path: &str) {
        let asked = self.authority().client(self.api().url(), member, None);
        until(path, async || asked.answers(path).await).await;
    }

    /// From now on Butler's rules are asked about what is written.
    pub(crate) async fn admit(&mut self) {
        match &self.control_plane {
            ControlPlane::OfTheWorld { server, .. } => admission::install(server),
            ControlPlane::Real(real) => {
                let api = ApiServer::new(real.api.url(), real.api.client().clone());
                let webhooks = Webhooks::serve(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), api).unwrap();
                let mut configuration = serde_json::to_value(webhooks.configuration()).unwrap();
                configuration["apiVersion"] = "admissionregistration.k8s.io/v1".into();
                configuration["kind"] = "ValidatingWebhookConfiguration".into();
                made(&real.api, WEBHOOKS, &configuration).await;
                self.webhooks = Some(webhooks);
            }
        }
        // The real API server takes its time until it asks.
        let nobodys = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster", "metadata": {"name": "asked"},
            "spec": {
                "kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}, "providerConfigRef": {"name": "nobodys"},
            },
        });
        until("admission is asked", async || {
            let path = format!("{CLUSTERS}?dryRun=All");
            self.api().json("POST", &path, &nobodys).await.status == 403
        })
        .await;
    }

    /// The API server for its administrator.
    pub(crate) fn api(&self) -> &Api {
        match &self.control_plane {
            ControlPlane::Real(real) => &real.api,
            ControlPlane::OfTheWorld { api, .. } => api,
        }
    }

    fn authority(&self) -> &Authority {
        match &self.control_plane {
            ControlPlane::Real(real) => &real.authority,
            ControlPlane::OfTheWorld { authority, .. } => authority,
        }
    }

    /// A path of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kubeconfig(&self, who: &str) -> PathBuf {
        self.path(&format!("{who}.kubeconfig"))
    }

    /// A command of somebody.
    pub(crate) fn command(&self, who: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_butlerctl"));
        command
            .env_clear()
            .env("BUTLER_HOME", self.folder.path())
            .env("BUTLER_KUBECONFIG", self.kubeconfig(who))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Exit code and everything that a command printed.
    pub(crate) async fn run(&self, who: &str, arguments: &[&str]) -> String {
        self.ran(self.command(who, arguments)).await
    }

    /// The same of a command that was prepared.
    pub(crate) async fn ran(&self, mut command: Command) -> String {
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            text.replace(self.folder.path().to_str().unwrap(), "[HOME]")
        };
        let code = output.status.code().unwrap();
        format!("exit {code}\n{}{}", text(&output.stdout), text(&output.stderr))
    }

    /// What a line of words prints about namespace alpha.
    pub(crate) async fn line(&self, who: &str, line: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().chain(["-n", "alpha"]).collect();
        self.run(who, &words).await
    }

    pub(crate) async fn cluster(&self, name: &str, status: Value) {
        let spec = json!({"kubernetesVersion": "v1.32.2", "workers": {"replicas": 2}, "teamRef": {"name": "alpha"}});
        let object = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster", "metadata": {"name": name}, "spec": spec,
        });
        let mut object = made(self.api(), CLUSTERS, &object).await;
        object["status"] = status;
        self.write_status(&object).await;
    }

    pub(crate) async fn write_status(&self, object: &Value) {
        let path = format!("{CLUSTERS}/{}/status", object["metadata"]["name"].as_str().unwrap());
        let written = self.api().json("PUT", &path, object).await;
        assert_eq!(written.status, 200, "{written:?}");
    }

    /// An object of Butler's in namespace alpha as it is there; nothing where it is not.
    pub(crate) async fn object(&self, kind: &str, name: &str) -> Value {
        let path = format!("{GROUP}/namespaces/alpha/{kind}/{name}");
        let answer = self.api().json("GET", &path, &Value::Null).await;
        if answer.status == 404 { Value::Null } else { answer.body }
    }

    /// Changes an object of Butler's as somebody else would.
    pub(crate) async fn patch(&self, path: &str, change: &Value) {
        let path = format!("{GROUP}/{path}");
        let patched = self.api().send("PATCH", &path, "application/merge-patch+json", change);
        let patched = patched.await;
        assert_eq!(patched.status, 200, "{patched:?}");
    }
}

pub(crate) async fn made(api: &Api, path: &str, object: &Value) -> Value {
    let made = api.json("POST", path, object).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !so().await {
        assert!(Instant::now() < deadline, "{what}: not within a minute");
        tokio::task::yield_now().await;
    }
}
