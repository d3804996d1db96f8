//! A real control plane on loopback: etcd and kube-apiserver with certificates of its own, ready in a few seconds.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use butler_kubernetes::connect::{Options, connect};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use secrecy::SecretString;
use serde_json::json;

use super::{crypto, peer};

/// etcd and kube-apiserver; they end with this value.
pub(crate) struct ControlPlane {
    /// Admin access by client certificate.
    pub(crate) kubeconfig: SecretString,
    /// A client with the same access.
    pub(crate) client: kube::Client,
    children: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl ControlPlane {
    /// Starts one; none where the peers are not built.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    /// Starts one whose API server gets further flags.
    pub(crate) async fn start_with(flags: &[String]) -> Option<Self> {
        let (etcd, apiserver) = (peer("etcd")?, peer("kube-apiserver")?);
        crypto();
        let folder = tempfile::tempdir().unwrap();
        let [client_port, peer_port, port] = free_ports();
        let pki = Pki::make(folder.path());
        let etcd_url = format!("http://127.0.0.1:{client_port}");
        let peer_url = format!("http://127.0.0.1:{peer_port}");
        let mut children = vec![start(
            Command::new(etcd)
                .args(["--name", "test", "--unsafe-no-fsync", "--data-dir"])
                .arg(folder.path().join("etcd"))
                .args(["--listen-client-urls", &etcd_url, "--advertise-client-urls", &etcd_url])
                .args([
                    "--listen-peer-urls",
                    &peer_url,
                    "--initial-advertise-peer-urls",
                    &peer_url,
                ])
                .args(["--initial-cluster", &format!("test={peer_url}")]),
            &folder.path().join("etcd.log"),
        )];
        let path = |name: &str| folder.path().join(name).display().to_string();
        children.push(start(
            Command::new(apiserver).args(flags).args([
                format!("--etcd-servers={etcd_url}"),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--secure-port={port}"),
                format!("--client-ca-file={}", path("ca.crt")),
                format!("--tls-cert-file={}", path("server.crt")),
                format!("--tls-private-key-file={}", path("server.key")),
                format!("--service-account-key-file={}", path("server.crt")),
                format!("--service-account-signing-key-file={}", path("server.key")),
                "--service-account-issuer=https://test".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                "--authorization-mode=RBAC".to_owned(),
                // Without a controller manager nobody makes the service accounts it asks for.
                "--disable-admission-plugins=ServiceAccount".to_owned(),
            ]),
            &folder.path().join("apiserver.log"),
        ));
        let kubeconfig = pki.kubeconfig(&format!("https://127.0.0.1:{port}"));
        let client = connect(&kubeconfig, &Options::default()).await.unwrap();
        let control_plane = Self {
            kubeconfig,
            client,
            children,
            _folder: folder,
        };
        control_plane.ready().await;
        Some(control_plane)
    }

    async fn ready(&self) {
        let deadline = Instant::now() + Duration::from_mins(2);
        // The default namespace is made when the server's own start-up work is done.
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        while !namespaces.get_opt("default").await.is_ok_and(|found| found.is_some()) {
            assert!(Instant::now() < deadline, "the control plane does not get ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn start(command: &mut Command, log: &Path) -> Child {
    let log = fs::File::create(log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn free_ports<const N: usize>() -> [u16; N] {
    // All are held before any is given away, so that they differ.
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// A CA with a server and an admin certificate.
pub(crate) struct Pki {
    ca: String,
    admin: (String, String),
}

impl Pki {
    /// Makes all of it and writes `ca.crt`, `server.crt` and `server.key`.
    pub(crate) fn make(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test CA");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let issue = |mut params: CertificateParams, name: &str, organization: &str, usage| {
            params.distinguished_name.push(DnType::CommonName, name);
            params.distinguished_name.push(DnType::OrganizationName, organization);
            params.extended_key_usages = vec![usage];
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &ca).unwrap().pem(), key.serialize_pem())
        };
        let names = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
        let server = CertificateParams::new(names).unwrap();
        let (cert, key) = issue(server, "server", "test", ExtendedKeyUsagePurpose::ServerAuth);
        let client = CertificateParams::default();
        let admin = issue(client, "admin", "system:masters", ExtendedKeyUsagePurpose::ClientAuth);
        for (file, content) in [("ca.crt", ca.pem()), ("server.crt", cert), ("server.key", key)] {
            fs::write(folder.join(file), content).unwrap();
        }
        Self { ca: ca.pem(), admin }
    }

    fn kubeconfig(&self, server: &str) -> SecretString {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let data = |text: &str| STANDARD.encode(text);
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {
                "server": server, "certificate-authority-data": data(&self.ca),
            }}],
            "users": [{"name": "admin", "user": {
                "client-certificate-data": data(&self.admin.0), "client-key-data": data(&self.admin.1),
            }}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
        });
        config.to_string().into()
    }
}

/// Certificate files as a server wants them.
pub(crate) fn server_files(folder: &Path) -> [PathBuf; 3] {
    ["ca.crt", "server.crt", "server.key"].map(|name| folder.join(name))
}
