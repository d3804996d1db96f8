//! A command line against an API server with its roles and Butler's server, both in this process: people with a login, and an
//! administrator with a kubeconfig.

use std::convert::Infallible;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{self, PASSWORD, Setup, Site};

/// The command line of the package whose tests these are.
const BINARY: Option<&str> = match option_env!("CARGO_BIN_EXE_butlerctl") {
    Some(binary) => Some(binary),
    None => option_env!("CARGO_BIN_EXE_butleradm"),
};

/// A management cluster with alice (operator) and bob (viewer) of team alpha, dave (admin) of team beta, and root (platform).
pub(crate) struct Ctl {
    runtime: tokio::runtime::Runtime,
    pub(crate) site: Arc<Site>,
    /// Where Butler's server answers.
    pub(crate) url: String,
    homes: tempfile::TempDir,
    /// Butler's server gives these answers instead of its own, each once, in this order.
    pub(crate) scripted: Arc<Mutex<Vec<Scripted>>>,
}

/// An answer that is given once instead of the server's own: method, end of the path, status, and body.
pub(crate) type Scripted = (&'static str, &'static str, u16, Value);

impl Ctl {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let setup = Setup {
            served: true,
            now: Timestamp::now(),
            legacy_admin: Some(("admin", PASSWORD)),
            ..Setup::default()
        };
        let site = Arc::new(runtime.block_on(support::with_people(setup)));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let homes = tempfile::tempdir().unwrap();
        let ctl = Self {
            runtime,
            site,
            url,
            homes,
            scripted: Arc::default(),
        };
        let served = serve(listener, Arc::clone(&ctl.site), Arc::clone(&ctl.scripted));
        ctl.runtime.spawn(served);
        let kubeconfig = &ctl.site.api.as_ref().unwrap().kubeconfig;
        std::fs::write(ctl.admin_kubeconfig(), kubeconfig.to_string()).unwrap();
        ctl
    }

    /// The kubeconfig of the administrator of the management cluster.
    pub(crate) fn admin_kubeconfig(&self) -> PathBuf {
        self.homes.path().join("admin.kubeconfig")
    }

    /// A path that belongs to this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.homes.path().join(name)
    }

    /// The command line in the home of somebody.
    pub(crate) fn command(&self, who: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY.expect("a binary of the package"));
        let home = self.path(who);
        command.env_clear().env("BUTLER_HOME", home).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it in the home of somebody.
    pub(crate) fn run(&self, who: &str, arguments: &[&str]) -> Ran {
        self.ran(&self.command(who, arguments).output().unwrap())
    }

    /// Runs it with the kubeconfig of the administrator, and without any login.
    pub(crate) fn admin(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command("admin", arguments);
        command.env("BUTLER_KUBECONFIG", self.admin_kubeconfig());
        self.ran(&command.output().unwrap())
    }

    /// Logs somebody in.
    pub(crate) fn log_in(&self, who: &str) {
        let arguments = ["login", "--server", &self.url, "--user", who, "--password-stdin"];
        let mut child = self.command(who, &arguments).stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        let ran = self.ran(&child.wait_with_output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    /// What a command printed, with the addresses of this test left out.
    pub(crate) fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| self.cleaned(std::str::from_utf8(bytes).unwrap());
        Ran {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// A text without what differs from test to test.
    pub(crate) fn cleaned(&self, text: &str) -> String {
        let api = &self.site.api.as_ref().unwrap().kubeconfig["clusters"][0]["cluster"]["server"];
        let text = text
            .replace(&self.url, "[SERVER]")
            .replace(api.as_str().unwrap(), "[API]");
        text.replace(self.homes.path().to_str().unwrap(), "[HOMES]")
    }

    /// A tenant cluster with the status that a controller has written.
    pub(crate) fn cluster(&self, namespace: &str, name: &str, spec: &Value, status: &Value) -> Value {
        let mut whole = json!({
            "kubernetesVersion": "v1.32.2", "providerConfigRef": {"name": "inmemory"}, "workers": {"replicas": 2},
        });
        whole
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().cloned().unwrap());
        let object = json!({"metadata": {"name": name, "namespace": namespace}, "spec": whole, "status": status});
        self.site.butler("TenantCluster", "tenantclusters", object)
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// All of it in one text.
    pub(crate) fn whole(&self) -> String {
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let mut text = format!("exit {code}\n");
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                text.extend(["--- ", name, "\n", stream]);
            }
        }
        text
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

async fn serve(listener: tokio::net::TcpListener, site: Arc<Site>, scripted: Arc<Mutex<Vec<Scripted>>>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (site, scripted) = (Arc::clone(&site), Arc::clone(&scripted));
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let site = Arc::clone(&site);
                let scripted = take(&scripted, &request);
                async move {
                    if let Some((_, _, status, body)) = scripted {
                        let body = http_body_util::Full::new(Bytes::from(body.to_string())).boxed_unsync();
                        return Ok(http::Response::builder().status(status).body(body).unwrap());
                    }
                    let (parts, body) = request.into_parts();
                    let body: Bytes = body.collect().await.unwrap().to_bytes();
                    let answer = site.server.answer(http::Request::from_parts(parts, body)).await;
                    Ok::<_, Infallible>(answer.map(http_body_util::BodyExt::boxed_unsync))
                }
            });
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A client that has what it wanted hangs up.
            drop(served.await);
        });
    }
}

/// The scripted answer to a request, if there is one.
fn take(scripted: &Mutex<Vec<Scripted>>, request: &http::Request<hyper::body::Incoming>) -> Option<Scripted> {
    let mut scripted = scripted.lock().unwrap();
    let fits = |(method, end, ..): &Scripted| request.method() == *method && request.uri().path().ends_with(end);
    let at = scripted.iter().position(fits)?;
    Some(scripted.remove(at))
}
