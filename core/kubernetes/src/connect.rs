//! Connections to Kubernetes API servers: always verified, no hidden retries, a short connect timeout.
//!
//! The process must have installed a rustls provider before the first call.

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use http::Uri;
use kube::{
    Client, Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use secrecy::{ExposeSecret as _, SecretString};

/// How long a connection may take to be made.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a kubeconfig is used.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Context to use; the current one when empty.
    pub context: Option<String>,
    /// Connect to this address (`https://HOST:PORT`) instead of the kubeconfig's. The certificate is still verified
    /// against the kubeconfig's host, unless `tls_server_name` says otherwise.
    pub server: Option<String>,
    /// The name (or IP address) the server's certificate must carry.
    pub tls_server_name: Option<String>,
    /// Somebody to act as, instead of the user of the kubeconfig. The API server must allow it.
    pub impersonated: Option<Impersonated>,
}

/// Somebody to act as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonated {
    /// The name of the user.
    pub user: String,
    /// The groups of the user.
    pub groups: Vec<String>,
}

/// Why no client could be made. No message carries content of the kubeconfig's secret parts.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file cannot be read.
    #[error("cannot read the kubeconfig {}", path.display())]
    Read {
        /// The kubeconfig that cannot be read.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },
    /// The text is not a kubeconfig. The parser's own message could quote keys, so the error names only the place.
    #[error("the kubeconfig{} is not valid{}", in_file(path.as_deref()), at(*place))]
    Parse {
        /// The file, if it was one.
        path: Option<PathBuf>,
        /// Line and column of the first thing that is wrong.
        place: Option<(u64, u64)>,
    },
    /// The kubeconfig lacks something.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] Box<KubeconfigError>),
    /// The kubeconfig lacks what is needed to use it.
    #[error("the kubeconfig has no {}", what.strip_prefix("the ").unwrap_or(what))]
    Unusable {
        /// What the kubeconfig lacks.
        what: &'static str,
    },
    /// The server address is no URL.
    #[error("the server address {address:?} is not a URL of the form https://HOST:PORT")]
    Address {
        /// The address as the kubeconfig has it.
        address: String,
    },
    /// Certificates would not be verified.
    #[error("the kubeconfig asks not to verify the certificate of {server}, which is never done")]
    Insecure {
        /// URL of the server that would not be verified.
        server: String,
    },
    /// Clear text beyond this machine.
    #[error("the server {server} has no TLS")]
    ClearText {
        /// URL of the server without TLS.
        server: String,
    },
    /// The client could not be set up (certificates, keys, proxies).
    #[error("cannot set up the connection to {server}")]
    Client {
        /// URL of the server that no client could be made for.
        server: String,
        /// What the client could not be made of.
        source: Box<kube::Error>,
    },
}

/// A client for a kubeconfig given as text.
pub async fn connect(kubeconfig: &SecretString, options: &Options) -> Result<Client, ConnectError> {
    let parsed = Kubeconfig::from_yaml(kubeconfig.expose_secret()).map_err(|e| kubeconfig_error(e, None))?;
    client(parsed, options).await
}

/// A client for a kubeconfig file; relative paths in it are resolved against its folder.
pub async fn connect_file(path: &Path, options: &Options) -> Result<Client, ConnectError> {
    let parsed = Kubeconfig::read_from(path).map_err(|e| kubeconfig_error(e, Some(path)))?;
    client(parsed, options).await
}

/// A client for several kubeconfig files, merged as kubectl does: the first that says something is right. A file that does not
/// exist is left out; if none exists, the first is named.
pub async fn connect_files(paths: &[PathBuf], options: &Options) -> Result<Client, ConnectError> {
    client(merged(paths)?, options).await
}

/// The namespace of the context that would be used in these files, if it names one.
pub fn namespace_of(paths: &[PathBuf], context: Option<&str>) -> Result<Option<String>, ConnectError> {
    let kubeconfig = merged(paths)?;
    let name = context.or(kubeconfig.current_context.as_deref());
    let chosen = kubeconfig.contexts.into_iter().find(|c| Some(c.name.as_str()) == name);
    Ok(chosen
        .and_then(|c| c.context?.namespace)
        .filter(|name| !name.is_empty()))
}

fn merged(paths: &[PathBuf]) -> Result<Kubeconfig, ConnectError> {
    let mut all: Option<Kubeconfig> = None;
    for path in paths {
        let read = match Kubeconfig::read_from(path) {
            Ok(read) => read,
            Err(KubeconfigError::ReadConfig(source, _)) if source.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(kubeconfig_error(error, Some(path))),
        };
        all = Some(match all {
            None => read,
            Some(earlier) => earlier.merge(read).map_err(|e| kubeconfig_error(e, Some(path)))?,
        });
    }
    all.ok_or_else(|| {
        let path = paths.first().cloned().unwrap_or_else(PathBuf::new);
        ConnectError::Read {
            path,
            source: io::ErrorKind::NotFound.into(),
        }
    })
}

/// A kubeconfig from elsewhere, read and written again: every program reads what we write in one way, and what cannot be
/// read is not handed on.
pub fn rewritten(kubeconfig: &SecretString) -> Result<SecretString, ConnectError> {
    let unusable = |what: &'static str| ConnectError::Unusable { what };
    let parsed = Kubeconfig::from_yaml(kubeconfig.expose_secret()).map_err(|e| kubeconfig_error(e, None))?;
    let name = parsed.current_context.as_deref().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| unusable("current-context"))?;
    let context = parsed
        .contexts
        .iter()
        .find(|c| c.name == name)
        .and_then(|c| c.context.as_ref());
    let context = context.ok_or_else(|| unusable("the current context"))?;
    let cluster = parsed
        .clusters
        .iter()
        .find(|c| c.name == context.cluster)
        .and_then(|c| c.cluster.as_ref());
    let cluster = cluster.ok_or_else(|| unusable("the cluster of the current context"))?;
    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    parse_server(server.ok_or_else(|| unusable("the server of the current context"))?)?;
    let user = parsed
        .auth_infos
        .iter()
        .find(|known| context.user.as_ref() == Some(&known.name))
        .and_then(|known| known.auth_info.as_ref());
    let user = user.ok_or_else(|| unusable("the user of the current context"))?;
    if !has_credentials(user) {
        return Err(unusable("credentials of the user of the current context"));
    }
    // The writer's own message could quote a key.
    let invalid = |_| ConnectError::Parse {
        path: None,
        place: None,
    };
    serde_saphyr::to_string(&parsed)
        .map(SecretString::from)
        .map_err(invalid)
}

/// Whether a user has anything to prove who it is.
fn has_credentials(user: &AuthInfo) -> bool {
    let certificate = user.client_certificate.is_some() || user.client_certificate_data.is_some();
    let key = user.client_key.is_some() || user.client_key_data.is_some();
    let token = user.token.is_some() || user.token_file.is_some();
    let password = user.username.is_some() && user.password.is_some();
    (certificate && key) || token || password || user.exec.is_some() || user.auth_provider.is_some()
}

async fn client(mut kubeconfig: Kubeconfig, options: &Options) -> Result<Client, ConnectError> {
    let has_own_proxy = own_proxy(&kubeconfig, options.context.as_deref());
    // Where none is named kube takes HTTPS_PROXY, fails if it cannot be parsed, and knows no exception for loopback and
    // private addresses; clusters are reached directly.
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|c| c.cluster.as_mut()) {
        let proxy = cluster.proxy_url.take().filter(|url| !url.is_empty());
        cluster.proxy_url = Some(proxy.unwrap_or_else(|| NO_PROXY.to_owned()));
    }
    let selection = KubeConfigOptions {
        context: options.context.clone(),
        ..KubeConfigOptions::default()
    };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &selection)
        .await
        .map_err(|e| kubeconfig_error(e, None))?;
    if !has_own_proxy {
        config.proxy_url = None;
    }
    apply(&mut config, options)?;
    let server = config.cluster_url.to_string();
    let namespace = config.default_namespace.clone();
    match Client::try_from(config) {
        Ok(client) => Ok(named(client, server.trim_end_matches('/').to_owned(), namespace)),
        Err(e) => Err(ConnectError::Client {
            server,
            source: Box::new(e),
        }),
    }
}

/// The connection to a server failed.
#[derive(Debug, thiserror::Error)]
#[error("{server}")]
struct ServerFailed {
    server: String,
    source: tower::BoxError,
}

/// The same client, whose errors of connections say which server they are about.
fn named(client: Client, server: String, namespace: String) -> Client {
    let service = tower::service_fn(move |request| {
        let (client, server) = (client.clone(), server.clone());
        async move {
            client.send(request).await.map_err(|error| -> tower::BoxError {
                let source = match error {
                    kube::Error::Service(source) => source,
                    kube::Error::HyperError(source) => Box::new(source),
                    other => return Box::new(other),
                };
                Box::new(ServerFailed { server, source })
            })
        }
    });
    Client::new(service, namespace)
}

/// Stands for the proxy of a cluster that has none; never used.
const NO_PROXY: &str = "http://none.invalid";

/// Whether the kubeconfig itself names a proxy for the cluster of a context.
fn own_proxy(kubeconfig: &Kubeconfig, context: Option<&str>) -> bool {
    let name = context.or(kubeconfig.current_context.as_deref());
    let context = kubeconfig
        .contexts
        .iter()
        .find(|c| Some(c.name.as_str()) == name)
        .and_then(|c| c.context.as_ref());
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|c| context.is_some_and(|context| context.cluster == c.name));
    cluster
        .and_then(|c| c.cluster.as_ref())
        .is_some_and(|c| c.proxy_url.as_ref().is_some_and(|url| !url.is_empty()))
}

/// Our rules and the caller's wishes on top of what the kubeconfig says.
fn apply(config: &mut Config, options: &Options) -> Result<(), ConnectError> {
    if config.accept_invalid_certs {
        return Err(ConnectError::Insecure {
            server: config.cluster_url.to_string(),
        });
    }
    if let Some(address) = &options.server {
        let server = parse_server(address)?;
        if config.tls_server_name.is_none() {
            config.tls_server_name = config.cluster_url.host().map(bare_host);
        }
        config.cluster_url = server;
    }
    if let Some(name) = &options.tls_server_name {
        config.tls_server_name = Some(bare_host(name));
    }
    if let Some(somebody) = &options.impersonated {
        config.auth_info.impersonate = Some(somebody.user.clone());
        config.auth_info.impersonate_groups = Some(somebody.groups.clone());
    }
    if config.cluster_url.scheme_str() != Some("https") && !is_loopback(&config.cluster_url) {
        return Err(ConnectError::ClearText {
            server: config.cluster_url.to_string(),
        });
    }
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Up to 15 tries without a word look like a hang; callers retry with a budget and say so.
    config.default_retry = false;
    Ok(())
}

fn parse_server(address: &str) -> Result<Uri, ConnectError> {
    let wrong = || ConnectError::Address {
        address: address.to_owned(),
    };
    let uri: Uri = address.parse().map_err(|_| wrong())?;
    if uri.scheme().is_none() || uri.host().is_none_or(str::is_empty) {
        return Err(wrong());
    }
    Ok(uri)
}

/// `[::1]` is how URLs write it, `::1` is what certificates carry.
fn bare_host(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn is_loopback(uri: &Uri) -> bool {
    uri.host().is_some_and(|host| {
        let host = bare_host(host);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

fn kubeconfig_error(error: KubeconfigError, path: Option<&Path>) -> ConnectError {
    match error {
        KubeconfigError::ReadConfig(source, path) => ConnectError::Read { path, source },
        KubeconfigError::Parse(error) => ConnectError::Parse {
            path: path.map(Path::to_owned),
            place: error.location().map(|l| (l.line(), l.column())),
        },
        other => ConnectError::Kubeconfig(Box::new(other)),
    }
}

fn in_file(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |p| format!(" {}", p.display()))
}

fn at(place: Option<(u64, u64)>) -> String {
    place.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"))
}

#[cfg(test)]
mod tests {
    use std::{error::Error as _, net::SocketAddr, sync::Arc};

    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// An API server that knows `/version` only, with a certificate for `name`; returns its address and its CA (PEM).
    async fn version_server(name: &str) -> (SocketAddr, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()])
            .unwrap()
            .signed_by(&key, &Issuer::from_params(&ca, &ca_key))
            .unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from(leaf.der().to_vec())],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut tls) = acceptor.accept(stream).await else {
                    continue;
                };
                let _ = tls.read(&mut [0; 4096]).await;
                let body = r#"{"major":"1","minor":"35","gitVersion":"v1.35.0","gitCommit":"","gitTreeState":"","buildDate":"","goVersion":"","compiler":"","platform":""}"#;
                let reply = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = tls.write_all(reply.as_bytes()).await;
                let _ = tls.shutdown().await;
            }
        });
        (address, ca_pem)
    }

    fn kubeconfig(server: &str, ca: &Path, cluster_extra: &str) -> SecretString {
        SecretString::from(format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: demo\nclusters:\n- name: demo\n  cluster:\n    \
             server: {server}\n    certificate-authority: {}\n{cluster_extra}contexts:\n- name: demo\n  context: \
             {{cluster: demo, user: admin}}\nusers:\n- name: admin\n  user: {{}}\n",
            ca.display()
        ))
    }

    fn ca_file(pem: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        file
    }

    #[tokio::test]
    async fn another_address_is_verified_against_the_kubeconfigs_host() {
        let (address, ca) = version_server("10.1.2.3").await;
        let ca = ca_file(&ca);
        let options = Options {
            server: Some(format!("https://{address}")),
            ..Options::default()
        };
        let client = connect(&kubeconfig("https://10.1.2.3:6443", ca.path(), ""), &options)
            .await
            .unwrap();
        assert_eq!(client.apiserver_version().await.unwrap().git_version, "v1.35.0");
    }

    #[tokio::test]
    async fn a_certificate_for_another_host_is_refused() {
        let (address, ca) = version_server("10.1.2.3").await;
        let ca = ca_file(&ca);
        let options = Options {
            server: Some(format!("https://{address}")),
            ..Options::default()
        };
        let client = connect(&kubeconfig("https://10.9.9.9:6443", ca.path(), ""), &options)
            .await
            .unwrap();
        let error = client.apiserver_version().await.unwrap_err();
        assert!(format!("{error:?}").contains("NotValidForName"), "{error:?}");
    }

    #[tokio::test]
    async fn the_expected_name_can_be_given() {
        let (address, ca) = version_server("api.demo.internal").await;
        let ca = ca_file(&ca);
        let options = Options {
            tls_server_name: Some("api.demo.internal".to_owned()),
            ..Options::default()
        };
        let client = connect(&kubeconfig(&format!("https://{address}"), ca.path(), ""), &options)
            .await
            .unwrap();
        assert_eq!(client.apiserver_version().await.unwrap().minor, "35");
    }

    #[tokio::test]
    async fn a_connection_that_fails_names_its_server() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ca = ca_file("");
        let text = kubeconfig("https://127.0.0.1:1", ca.path(), "")
            .expose_secret()
            .replace("https", "http");
        let client = connect(&SecretString::from(text), &Options::default()).await.unwrap();
        let error = client.apiserver_version().await.unwrap_err();
        assert_eq!(error.to_string(), "ServiceError: http://127.0.0.1:1");
        assert!(format!("{error:?}").contains("ConnectionRefused"), "{error:?}");
    }

    #[tokio::test]
    async fn skipping_verification_is_refused() {
        let ca = ca_file("");
        let text = kubeconfig(
            "https://10.1.2.3:6443",
            ca.path(),
            "    insecure-skip-tls-verify: true\n",
        );
        let error = connect(&text, &Options::default()).await.err().unwrap();
        assert!(matches!(error, ConnectError::Insecure { .. }), "{error}");
    }

    #[tokio::test]
    async fn clear_text_is_for_this_machine_only() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = |server: &str| {
            let server = server.to_owned();
            SecretString::from(format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: d\nclusters: [{{name: d, cluster: {{server: \
                 '{server}'}}}}]\ncontexts: [{{name: d, context: {{cluster: d}}}}]\n"
            ))
        };
        let error = connect(&plain("http://10.1.2.3:8080"), &Options::default())
            .await
            .err()
            .unwrap();
        assert!(matches!(error, ConnectError::ClearText { .. }), "{error}");
        assert!(
            connect(&plain("http://127.0.0.1:8080"), &Options::default())
                .await
                .is_ok()
        );
    }

    #[tokio::test]
    async fn a_broken_kubeconfig_is_not_quoted() {
        let text = SecretString::from("users:\n- name: a\n  user: {token: hunter2, token: [hunter2]\n");
        let error = connect(&text, &Options::default()).await.err().unwrap();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("is not valid"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(error.source().is_none());
    }

    #[test]
    fn a_proxy_counts_for_its_own_cluster_only() {
        let text = "current-context: a\nclusters:\n- {name: a, cluster: {server: 'https://a'}}\n- {name: b, cluster: \
                    {server: 'https://b', proxy-url: 'http://proxy'}}\ncontexts:\n- {name: a, context: {cluster: \
                    a}}\n- {name: b, context: {cluster: b}}\n";
        let kubeconfig = Kubeconfig::from_yaml(text).unwrap();
        assert!(!own_proxy(&kubeconfig, None));
        assert!(own_proxy(&kubeconfig, Some("b")));
        assert!(!own_proxy(&kubeconfig, Some("c")));
    }

    #[test]
    fn names_that_look_like_something_else_are_in_quotes_when_handed_on() {
        let names = [
            "2024",
            "no",
            "1e3",
            "null",
            "0x1f",
            "12-30",
            "on",
            "y",
            "2024-01-01",
            "010",
            "1_000",
        ];
        for name in names {
            let text = |name: &str| {
                format!(
                    "apiVersion: v1\nkind: Config\ncurrent-context: admin\nclusters: [{{name: {name}, cluster: {{server: \
                     'https://192.0.2.1:6443', certificate-authority-data: QQ==}}}}]\ncontexts: [{{name: admin, context: \
                     {{cluster: {name}, user: admin, namespace: default}}}}]\nusers: [{{name: admin, user: \
                     {{client-certificate-data: QQ==, client-key-data: aHVudGVyMg==}}}}]\n"
                )
            };
            let quoted = rewritten(&SecretString::from(text(&format!("'{name}'"))));
            // Without quotes it is refused, or understood as the name; never handed on as it is.
            let plain = rewritten(&SecretString::from(text(name)));
            for handed_on in [quoted.unwrap()].into_iter().chain(plain.ok()) {
                let value: serde_json::Value = serde_saphyr::from_str(handed_on.expose_secret()).unwrap();
                assert_eq!(value["clusters"][0]["name"], name, "{name}");
                assert_eq!(value["contexts"][0]["context"]["cluster"], name);
                assert_eq!(value["users"][0]["user"]["client-key-data"], "aHVudGVyMg==");
            }
        }
    }

    #[test]
    fn what_is_no_usable_kubeconfig_is_not_handed_on() {
        let refused = |text: &str| rewritten(&SecretString::from(text)).err().unwrap().to_string();
        assert_eq!(
            refused("apiVersion: v1\nkind: Config\n"),
            "the kubeconfig has no current-context"
        );
        assert_eq!(
            refused("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: []\n"),
            "the kubeconfig has no cluster of the current context"
        );
        let config = |cluster: &str, user: &str| {
            format!(
                "current-context: a\ncontexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n\
                 clusters: [{{name: c, cluster: {cluster}}}]\nusers: [{{name: u, user: {user}}}]\n"
            )
        };
        let (server, key) = ("{server: 'https://192.0.2.1:6443'}", "client-key-data: QQ==");
        assert_eq!(
            refused(&config("{}", "{token: t}")),
            "the kubeconfig has no server of the current context"
        );
        for user in ["{}", &format!("{{{key}}}"), "{username: u}"] {
            assert_eq!(
                refused(&config(server, user)),
                "the kubeconfig has no credentials of the user of the current context"
            );
        }
        for user in ["{token: t}", &format!("{{client-certificate-data: QQ==, {key}}}")] {
            assert!(rewritten(&SecretString::from(config(server, user))).is_ok(), "{user}");
        }
        assert!(refused("current-context: [").contains("is not valid"));
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let error = connect_file(Path::new("/nonexistent/kubeconfig"), &Options::default())
            .await
            .err()
            .unwrap();
        assert_eq!(error.to_string(), "cannot read the kubeconfig /nonexistent/kubeconfig");
    }

    #[test]
    fn addresses_need_a_scheme_and_a_host() {
        for wrong in ["10.0.0.1:6443", "", "https://", "not a url"] {
            assert!(parse_server(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(
            parse_server("https://[::1]:6443")
                .unwrap()
                .host()
                .map(bare_host)
                .as_deref(),
            Some("::1")
        );
    }
}
