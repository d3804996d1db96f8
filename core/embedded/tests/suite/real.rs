//! The real kube-apiserver with etcd, when they are there.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::authority::Authority;
use super::common::Api;

/// A running control plane; it ends with this value.
pub(crate) struct Real {
    pub(crate) api: Api,
    /// Who lets people in.
    pub(crate) authority: Authority,
    children: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts it, if its programs are there.
pub(crate) async fn start() -> Option<Real> {
    let peers = peers()?;
    let folder = tempfile::tempdir().ok()?;
    let path = folder.path();
    let (etcd_port, peer_port, port) = (free_port(), free_port(), free_port());
    let authority = Authority::new();
    for (name, text) in authority.server() {
        std::fs::write(path.join(name), text).expect("a file");
    }
    let url = format!("https://127.0.0.1:{port}");
    let etcd = format!("http://127.0.0.1:{etcd_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let log = path.join("log");
    let mut children = vec![spawn(
        &peers.join("etcd"),
        &log,
        &[
            format!("--data-dir={}", path.join("etcd").display()),
            format!("--listen-client-urls={etcd}"),
            format!("--advertise-client-urls={etcd}"),
            format!("--listen-peer-urls={peer}"),
            "--log-level=error".to_owned(),
        ],
    )];
    let file = |name: &str| path.join(name).display().to_string();
    children.push(spawn(
        &peers.join("kube-apiserver"),
        &log,
        &[
            format!("--etcd-servers={etcd}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={port}"),
            format!("--tls-cert-file={}", file("server.crt")),
            format!("--tls-private-key-file={}", file("server.key")),
            format!("--client-ca-file={}", file("ca.crt")),
            "--authorization-mode=RBAC".to_owned(),
            "--service-account-issuer=https://suite".to_owned(),
            format!("--service-account-key-file={}", file("server.pub")),
            format!("--service-account-signing-key-file={}", file("server.key")),
            "--service-cluster-ip-range=10.96.0.0/12".to_owned(),
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ],
    ));
    let mut real = Real {
        api: authority.client(&url, "admin", Some("system:masters")),
        authority,
        children,
        _folder: folder,
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    while !real.api.answers("/readyz").await || !real.api.answers("/api/v1/namespaces/default").await {
        assert!(
            Instant::now() < deadline,
            "the real kube-apiserver does not become ready"
        );
        for child in &mut real.children {
            let running = child.try_wait().expect("a child").is_none();
            assert!(running, "a program of the real control plane has ended: {}", tail(&log));
        }
        tokio::task::yield_now().await;
    }
    Some(real)
}

#[expect(clippy::disallowed_methods, reason = "a test finds its peers by the environment")]
fn peers() -> Option<PathBuf> {
    let is_workspace = |folder: &&Path| folder.join("Cargo.lock").is_file();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(is_workspace)?;
    let folder = std::env::var_os("BUTLER_PEERS").map_or_else(|| workspace.join("target/peers"), PathBuf::from);
    ["etcd", "kube-apiserver"]
        .iter()
        .all(|name| folder.join(name).exists())
        .then_some(folder)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Starts a program that writes its messages to `log` in a folder.
fn spawn(program: &Path, log: &Path, arguments: &[String]) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .expect("a log");
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(log);
    command.spawn().expect("a program of the real control plane")
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_else(|error| error.to_string());
    let lines = text.lines().rev().take(8).collect::<Vec<_>>();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}
