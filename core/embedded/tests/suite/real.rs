//! The real kube-apiserver with etcd, when they are there.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType,
};
use serde_json::{Value, json};

use super::common::Api;

/// A running control plane; it ends with this value.
pub(crate) struct Real {
    pub(crate) api: Api,
    /// Somebody who may do nothing.
    pub(crate) jane: Api,
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
    let [config, jane] = certificates(path, port);
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
    let api = Api::from_kubeconfig(&config);
    let mut real = Real {
        api,
        jane: Api::from_kubeconfig(&jane),
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
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    let folder = std::env::var_os("BUTLER_PEERS").map_or(default, PathBuf::from);
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

/// Writes the server's certificates; gives kubeconfigs of an administrator and of Jane.
fn certificates(folder: &Path, port: u16) -> [Value; 2] {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("a file");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = named("suite-ca", None);
    let ca_key = KeyPair::generate().expect("a key");
    let ca = params.self_signed(&ca_key).expect("a certificate").pem();
    let issuer = Issuer::new(params, ca_key);
    write("ca.crt", &ca);
    let mut server = CertificateParams::default();
    server.distinguished_name = named("kube-apiserver", None);
    server.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
    let server_key = KeyPair::generate().expect("a key");
    write(
        "server.crt",
        &server.signed_by(&server_key, &issuer).expect("a certificate").pem(),
    );
    write("server.key", &server_key.serialize_pem());
    write("server.pub", &server_key.public_key_pem());
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    [("admin", Some("system:masters")), ("jane", None)].map(|(name, group)| {
        let mut client = CertificateParams::default();
        client.distinguished_name = named(name, group);
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let client = client.signed_by(&key, &issuer).expect("a certificate").pem();
        json!({
            "clusters": [{"cluster": {
                "server": format!("https://127.0.0.1:{port}"), "certificate-authority-data": encode(&ca),
            }}],
            "users": [{"user": {
                "client-certificate-data": encode(&client), "client-key-data": encode(&key.serialize_pem()),
            }}],
        })
    })
}

fn named(name: &str, group: Option<&str>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    if let Some(group) = group {
        subject.push(DnType::OrganizationName, group);
    }
    subject.push(DnType::CommonName, name);
    subject
}
