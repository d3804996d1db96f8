//! Waits that outlive the API server they began on: it is restarted at its folder, or has forgotten the changes since the watch
//! began. What happened to the cluster meanwhile is what counts.

use std::process::{Command, Stdio};

use butler_embedded::{At, Authority, Local, Options, Server, Serving};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::{Waiting, at, condition, provisioning, ready};

/// An API server with Butler's kinds that can be stopped, and started again at its folder and its address.
struct Ground {
    runtime: Runtime,
    folder: tempfile::TempDir,
    /// Host and port, which stay when the server is restarted.
    address: String,
    server: Server,
    serving: Option<Serving>,
}

impl Ground {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let server = runtime.block_on(opened(&folder));
        let local = server.local("test");
        for definition in butler_api::v1alpha1::all_crds() {
            let definitions = At {
                group: "apiextensions.k8s.io",
                version: "v1",
                resource: "customresourcedefinitions",
                namespace: "",
            };
            local
                .create(definitions, serde_json::to_value(definition).unwrap())
                .unwrap();
        }
        let namespaces = At {
            group: "",
            version: "v1",
            resource: "namespaces",
            namespace: "",
        };
        for name in ["alpha", "butler-system"] {
            local.create(namespaces, json!({"metadata": {"name": name}})).unwrap();
        }
        let providers = At {
            resource: "providerconfigs",
            ..at("butler-system")
        };
        let provider = json!({
            "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "ProviderConfig", "metadata": {"name": "inmemory"},
            "spec": {"provider": "inmemory"},
        });
        local.create(providers, provider).unwrap();
        let (address, serving) = runtime.block_on(served(&server, "127.0.0.1:0"));
        let kubeconfig = server
            .admin_kubeconfig("management", &format!("https://{address}"))
            .unwrap();
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig.expose_secret()).unwrap();
        Self {
            runtime,
            folder,
            address,
            server,
            serving: Some(serving),
        }
    }

    fn local(&self) -> Local {
        self.server.local("test")
    }

    /// The command line of an administrator.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_butlerctl"));
        command
            .env_clear()
            .env("BUTLER_HOME", self.folder.path().join("home"))
            .env("BUTLER_KUBECONFIG", self.folder.path().join("kubeconfig"))
            .args(arguments)
            .args(["--namespace", "alpha"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Creates cluster `demo` and waits for it until its controller has said something.
    fn creating(&self, further: &[&str]) -> Waiting {
        let create = ["cluster", "create", "demo", "--wait", "-o", "name"];
        let waiting = Waiting::start(self.command(&[&create, further].concat()), "no controller");
        self.status(&provisioning());
        waiting.until("waiting for the control plane")
    }

    fn status(&self, status: &Value) {
        let status = json!({"status": status});
        self.local().patched(at("alpha"), "demo", true, status).unwrap();
    }

    /// Nobody is reached any more, and connections are cut. The server itself goes on.
    fn unplug(&mut self) {
        let serving = self.serving.take().unwrap();
        self.runtime.block_on(serving.stop());
    }

    fn plug(&mut self) {
        self.serving = Some(self.runtime.block_on(served(&self.server, &self.address)).1);
    }

    /// Stops the server, and opens its folder anew. It is not reached before it is plugged.
    fn restart(&mut self) {
        self.unplug();
        self.runtime.block_on(self.server.close()).unwrap();
        self.server = self.runtime.block_on(opened(&self.folder));
    }

    /// The version that a watch has seen when it has seen everything.
    fn revision(&self) -> String {
        let demo = self.local().get(at("alpha"), "demo").unwrap();
        demo["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    }

    /// What a watch from this version says first.
    fn watched_from(&self, revision: &str) -> Value {
        let path = "/apis/butler.butlerlabs.dev/v1alpha1/namespaces/alpha/tenantclusters";
        let request = http::Request::get(format!("{path}?watch=true&resourceVersion={revision}&timeoutSeconds=1"));
        let asked = async {
            let client = self.server.client();
            client.request_text(request.body(Vec::new()).unwrap()).await.unwrap()
        };
        let text = self.runtime.block_on(asked);
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    }
}

/// The exit code of a wait, and what it said after the last line of its progress.
fn ended(waiting: Waiting) -> (Option<i32>, String) {
    let (code, said) = waiting.ended();
    let lines: Vec<&str> = said.lines().collect();
    let is_progress = |line: &&str| line.starts_with(char::is_numeric);
    let last = lines.iter().rposition(is_progress).map_or(0, |last| last + 1);
    (code, lines[last..].join("\n"))
}

async fn opened(folder: &tempfile::TempDir) -> Server {
    let options = Options {
        data: folder.path().join("data"),
        authority: Authority::Own,
        version: "v1.36.3".to_owned(),
    };
    Server::open(options).await.unwrap()
}

async fn served(server: &Server, address: &str) -> (String, Serving) {
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (address, server.serve(listener, &["127.0.0.1".to_owned()]).unwrap())
}

#[test]
fn a_server_that_is_restarted_while_a_cluster_is_made_is_waited_for() {
    let mut ground = Ground::new();
    let waiting = ground.creating(&[]);
    ground.restart();
    let waiting = waiting.until("refused");
    ground.status(&ready(1, "v1.32.2", 1));
    ground.plug();
    assert_eq!(ended(waiting), (Some(0), "cluster demo is Ready".to_owned()));
}

#[test]
fn what_a_restarted_server_says_goes_on_to_be_watched() {
    let mut ground = Ground::new();
    let waiting = ground.creating(&[]);
    ground.restart();
    ground.plug();
    let mut status = provisioning();
    status["conditions"][0]["message"] = "waiting for machines".into();
    ground.status(&status);
    let waiting = waiting.until("waiting for machines");
    ground.status(&ready(1, "v1.32.2", 1));
    assert_eq!(ended(waiting), (Some(0), "cluster demo is Ready".to_owned()));
}

/// Twenty changes of another cluster are more than the server remembers.
#[test]
fn a_watch_that_has_expired_sees_what_the_cluster_has_become() {
    let mut ground = Ground::new();
    let waiting = ground.creating(&[]);
    let seen = ground.revision();
    ground.unplug();
    let spec = json!({"kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}});
    let other = json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster", "metadata": {"name": "other"}, "spec": spec,
    });
    ground.local().create(at("alpha"), other).unwrap();
    for number in 0..20 {
        let large = format!("{number}{}", "x".repeat(250_000));
        let change = json!({"metadata": {"annotations": {"example.com/large": large}}});
        ground.local().patched(at("alpha"), "other", false, change).unwrap();
    }
    ground.status(&ready(1, "v1.32.2", 1));
    let expired = ground.watched_from(&seen);
    assert_eq!(
        (&expired["type"], &expired["object"]["code"]),
        (&json!("ERROR"), &json!(410)),
        "{expired}"
    );
    ground.plug();
    assert_eq!(ended(waiting), (Some(0), "cluster demo is Ready".to_owned()));
}

#[test]
fn a_cluster_that_was_deleted_while_the_server_was_away_is_waited_for_no_longer() {
    let mut ground = Ground::new();
    let waiting = ground.creating(&[]);
    ground.restart();
    ground.local().delete(at("alpha"), "demo").unwrap();
    ground.plug();
    let (code, said) = ended(waiting);
    assert_eq!(code, Some(1), "{said}");
    insta::assert_snapshot!(said, @r"
    error: cluster demo was deleted meanwhile
    hint: butlerctl cluster create demo --namespace alpha
    ");
}

#[test]
fn a_failure_of_the_time_when_the_server_was_away_is_told() {
    let mut ground = Ground::new();
    let waiting = ground.creating(&[]);
    ground.restart();
    let words = r#"team "alpha" has no room for 1 more worker"#;
    ground.status(&json!({"phase": "Failed", "observedGeneration": 1, "conditions": [
        condition("Ready", "False", "QuotaExceeded", words),
    ]}));
    ground.plug();
    let (code, said) = ended(waiting);
    assert_eq!(code, Some(1), "{said}");
    insta::assert_snapshot!(said, @r#"
    error: cluster demo has failed
    Caused by:
      QuotaExceeded: team "alpha" has no room for 1 more worker
    hint: butlerctl cluster get demo --namespace alpha
    hint: butlerctl cluster edit demo --namespace alpha
    "#);
}

#[test]
fn a_server_that_stays_away_until_the_deadline_is_the_cause() {
    let mut ground = Ground::new();
    let waiting = ground.creating(&["--timeout", "8s"]);
    ground.unplug();
    let (code, said) = ended(waiting.until("refused"));
    assert_eq!(code, Some(3), "{said}");
    insta::assert_snapshot!(said.replace(&ground.address, "[ADDRESS]"), @r"
    error: cluster demo is not Ready after 8 s
    Caused by:
      https://[ADDRESS]: client error (Connect): tcp connect error: Connection refused (os error 111)
    hint: it goes on; wait on: butlerctl cluster wait demo --namespace alpha
    ");
}

#[test]
fn a_wait_for_the_end_of_a_cluster_outlives_the_server() {
    let mut ground = Ground::new();
    let spec = json!({"kubernetesVersion": "v1.32.2", "workers": {"replicas": 1}});
    let held = json!({
        "metadata": {"name": "demo", "finalizers": ["butler.butlerlabs.dev/tenantcluster"]}, "spec": spec,
    });
    ground.local().create(at("alpha"), held).unwrap();
    ground.local().delete(at("alpha"), "demo").unwrap();
    let wait = ground.command(&["cluster", "wait", "demo", "--for=deleted"]);
    let waiting = Waiting::start(wait, "held by finalizer");
    ground.restart();
    let freed = json!({"metadata": {"finalizers": null}});
    ground.local().patched(at("alpha"), "demo", false, freed).unwrap();
    ground.plug();
    assert_eq!(ended(waiting), (Some(0), "cluster demo is gone".to_owned()));
}
