//! The server: opening, serving, answering in process, closing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::access::tokens::Tokens;
use crate::access::{User, authenticate};
use crate::admission::Admission;
use crate::controllers;
use crate::folder;
use crate::http::{self, Collected, Reply, Request, Times};
use crate::kinds::builtin;
use crate::kubeconfig::Administrator;
use crate::pki::{self, Pki, PkiError, Subject};
use crate::registry::Registry;
use crate::rest::{self, Api};
use crate::status::StatusError;
use crate::store::{Damage, Store, StoreError};
use crate::work::{self, Panicked};

/// How to open a server.
#[derive(Debug)]
pub struct Options {
    /// The folder that holds everything.
    pub data: PathBuf,
    /// Who signs the certificates of the server and its clients.
    pub authority: Authority,
    /// The version to report, such as `v1.35.0`.
    pub version: String,
}

/// The certificate authority of a server.
#[derive(Debug)]
pub enum Authority {
    /// One of its own, made once and kept in the data folder.
    Own,
    /// One from elsewhere, such as the cluster authority of Talos.
    Given {
        /// Certificate of the authority.
        ca_certificate_pem: String,
        /// Its key, PKCS#8 or SEC 1 on P-256.
        ca_key_pem: SecretString,
    },
}

/// Why a server cannot be opened, served or closed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The objects cannot be read or written.
    #[error("cannot use the objects in {path}")]
    Store {
        /// Path of the folder.
        path: String,
        /// What the disk, or the task that opens the folder, answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The folder has lost something that was acknowledged, or holds something else.
    #[error("the folder {folder} is damaged")]
    Damaged {
        /// Path of the data folder.
        folder: String,
        /// The file and the place.
        source: Damage,
    },
    /// Certificates cannot be made or read.
    #[error("cannot set up certificates")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Address and port that were asked for.
        address: String,
        /// What the operating system answered.
        source: std::io::Error,
    },
}

/// What an interceptor wants to happen to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intercept {
    /// Carry it out and answer it as if nobody intercepted.
    Pass,
    /// Refuse it with this status code, reason and message.
    Status(u16, String, String),
    /// Cut the connection before the request is carried out.
    ResetBefore,
    /// Carry it out, then cut the connection.
    ResetAfter,
    /// Answer as if it had been carried out, but write nothing.
    DropStatusWrite,
}

/// Called with method and path of every request.
pub type Interceptor = Arc<dyn Fn(&str, &str) -> Intercept + Send + Sync>;

/// A Kubernetes-compatible API server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Server {
    inner: Arc<Held>,
}

/// Ends controllers, watches and listeners when the last server, client or listener has gone.
#[derive(Debug)]
pub(crate) struct Held(Arc<Inner>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.api.stop.cancel();
    }
}

impl std::ops::Deref for Held {
    type Target = Arc<Inner>;

    fn deref(&self) -> &Arc<Inner> {
        &self.0
    }
}

/// A server as its connections hold it: they do not keep it from ending.
pub(crate) struct Inner {
    api: Arc<Api>,
    pki: Pki,
    interceptor: RwLock<Option<Interceptor>>,
    path: PathBuf,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Listening goes on while this is held.
#[derive(Debug)]
pub struct Serving {
    stop: CancellationToken,
    task: Option<tokio::task::JoinHandle<()>>,
    _held: Arc<Held>,
}

impl Serving {
    /// Stops listening and cuts the connections.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Time for the last records to reach the disk.
const CLOSING: std::time::Duration = std::time::Duration::from_secs(3);

impl Server {
    /// Opens the folder, recovers what is in it, and makes the namespaces that always exist.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let Options {
            data,
            authority,
            version,
        } = options;
        let path = data.clone();
        let opened = tokio::task::spawn_blocking(move || open_folder(&path, authority)).await;
        let (store, pki, tokens) = opened.map_err(|error| OpenError::Store {
            path: data.display().to_string(),
            source: error.into(),
        })??;
        let api = Api {
            registry: Arc::new(Registry::new(store)),
            tokens,
            version,
            stop: CancellationToken::new(),
        };
        controllers::start(&api.registry, api.stop.clone());
        let inner = Arc::new(Inner {
            api: Arc::new(api),
            pki,
            interceptor: RwLock::default(),
            path: data,
        });
        Ok(Self {
            inner: Arc::new(Held(inner)),
        })
    }

    /// A client in this process with all rights; no sockets are involved.
    pub fn client(&self) -> kube::Client {
        self.client_as(User::administrator())
    }

    /// The same with the rights that the roles of this server give to a user.
    pub fn client_of(&self, user: &str) -> kube::Client {
        self.client_as(User::authenticated(user.to_owned(), Vec::new()))
    }

    fn client_as(&self, user: User) -> kube::Client {
        let inner = Arc::clone(&self.inner);
        let service = tower::service_fn(move |request: ::http::Request<kube::client::Body>| {
            let (inner, user) = (Arc::clone(&inner), user.clone());
            async move { inner.answer(request, user).await }
        });
        kube::Client::new(service, "default")
    }

    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.inner)
    }

    /// Serves HTTPS on a listener, with a certificate for `names` (DNS names and addresses).
    pub fn serve(&self, listener: TcpListener, names: &[String]) -> Result<Serving, OpenError> {
        let tls = Arc::new(self.inner.pki.serving(names).map_err(certificates)?);
        let stop = self.inner.api.stop.child_token();
        let inner = Arc::clone(&self.inner.0);
        let handle = move |request: ::http::Request<hyper::body::Incoming>, subject: Option<Subject>| {
            let inner = Arc::clone(&inner);
            async move {
                let answer = async {
                    let api = &inner.api;
                    match authenticate::user(request.headers(), subject, &api.tokens, api.registry.store()) {
                        Ok(user) => inner.answer(request, user).await,
                        Err(failure) => Ok(http::failure(&failure)),
                    }
                };
                work::inline(answer)
                    .await
                    .unwrap_or_else(|panic| Ok(panicked(&panic, "a connection")))
            }
        };
        let task = tokio::spawn(http::serve(listener, tls, stop.clone(), Times::REAL, handle));
        Ok(Serving {
            stop,
            task: Some(task),
            _held: Arc::clone(&self.inner),
        })
    }

    /// A kubeconfig with all rights for this server at `server` (a URL). Fails where no certificate can be issued.
    pub fn admin_kubeconfig(&self, cluster: &str, server: &str) -> Result<SecretString, OpenError> {
        let pki = &self.inner.pki;
        let (certificate, key) = pki.client("admin", "system:masters").map_err(certificates)?;
        let administrator = Administrator {
            cluster,
            server,
            authority: pki.ca_pem(),
            certificate: &certificate,
            key: &key,
        };
        let written = administrator.kubeconfig();
        written.map_err(|error| OpenError::Certificates(error.into()))
    }

    /// Ends all connections and watches, flushes and closes the folder.
    pub async fn close(&self) -> Result<(), OpenError> {
        self.inner.api.stop.cancel();
        let path = &self.inner.path;
        match timeout(CLOSING, self.inner.registry().store().close()).await {
            Ok(closed) => closed.map_err(|error| store_error(path, error)),
            Err(late) => Err(OpenError::Store {
                path: path.display().to_string(),
                source: late.into(),
            }),
        }
    }

    /// Sets who is asked for the admission of writes; nobody is by default.
    pub fn set_admission(&self, admission: Option<Arc<dyn Admission>>) {
        self.inner.registry().gate().set(admission);
    }

    /// Sets the function that is asked before every request.
    pub fn set_interceptor(&self, f: Interceptor) {
        *self.inner.interceptor.write().unwrap_or_else(PoisonError::into_inner) = Some(f);
    }
}

impl Inner {
    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.api.registry
    }

    /// Answers one request, or cuts the connection.
    async fn answer<B>(&self, request: ::http::Request<B>, user: User) -> Result<Reply, http::Reset>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let interceptor = self.interceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
        let wanted = interceptor.map_or(Intercept::Pass, |f| f(request.method().as_str(), request.uri().path()));
        let (parts, body) = request.into_parts();
        let body = match http::collect(body, &Times::REAL).await {
            Collected::Whole(body) => body,
            Collected::TooLarge => {
                let failure = StatusError::new(
                    413,
                    "RequestEntityTooLarge",
                    "Request entity too large: limit is 3145728",
                );
                return Ok(http::failure(&failure));
            }
            Collected::TooSlow => return Ok(http::failure(&StatusError::timeout())),
            Collected::Broken => return Err(http::Reset),
        };
        let mut request = Request::new(&parts, body, user);
        match wanted {
            Intercept::Pass => Ok(self.carry_out(request).await),
            Intercept::Status(code, reason, message) => {
                let status = Status {
                    reason: Some(reason),
                    ..StatusError::new(code, "", message).to_status()
                };
                Ok(http::value(code, &status))
            }
            Intercept::ResetBefore => Err(http::Reset),
            Intercept::ResetAfter => {
                self.carry_out(request).await;
                Err(http::Reset)
            }
            Intercept::DropStatusWrite => {
                request.query.push(("dryRun".to_owned(), "All".to_owned()));
                Ok(self.carry_out(request).await)
            }
        }
    }

    /// Answers a request in bounded time, whatever it does: here if that is quick for sure, else on other threads.
    async fn carry_out(&self, request: Request) -> Reply {
        let (method, path) = (request.method.clone(), request.path.clone());
        let what = || format!("{method} {}", path.chars().take(200).collect::<String>());
        let done = if rest::is_quick(&self.api, &request) {
            timeout(Times::REAL.work, work::inline(rest::handle(&self.api, &request))).await
        } else {
            let api = Arc::clone(&self.api);
            let offloaded = work::offload(async move { rest::handle(&api, &request).await });
            timeout(Times::REAL.work, offloaded).await
        };
        match done {
            Ok(Ok(reply)) => reply,
            Ok(Err(panic)) => panicked(&panic, &what()),
            Err(_) => {
                tracing::warn!(request = what(), "a request took too long");
                http::failure(&StatusError::timeout())
            }
        }
    }
}

fn panicked(Panicked(panic): &Panicked, request: &str) -> Reply {
    tracing::error!(panic, request, "a request panicked");
    http::failure(&StatusError::internal(
        "the request made the server panic; its log says where",
    ))
}

/// Opens what a folder holds, or makes it where it is new. The objects come last: where there are some, all the rest is there.
fn open_folder(data: &Path, authority: Authority) -> Result<(Store, Pki, Tokens), OpenError> {
    let own = matches!(authority, Authority::Own);
    let parts = |error| parts_error(data, error);
    let before = folder::check(data, own).map_err(parts)?;
    pki::private_folder(data).map_err(|source| {
        certificates(PkiError::File {
            path: data.display().to_string(),
            source,
        })
    })?;
    let pki = match authority {
        Authority::Own => Pki::own(&data.join("pki")),
        Authority::Given {
            ca_certificate_pem,
            ca_key_pem,
        } => Pki::given(ca_certificate_pem, &ca_key_pem),
    }
    .map_err(|error| authority_error(data, own, error))?;
    let tokens = Tokens::open(data).map_err(certificates)?;
    let there = before.as_ref().is_some_and(folder::Parts::has_store);
    let noted = folder::note(data, before.as_ref(), own, there).map_err(parts)?;
    let store = Store::open(&data.join("store"), builtin::size_limit).map_err(|error| store_error(data, error))?;
    folder::note(data, Some(&noted), own, true).map_err(parts)?;
    Ok((store, pki, tokens))
}

fn damaged(data: &Path, source: Damage) -> OpenError {
    OpenError::Damaged {
        folder: data.display().to_string(),
        source,
    }
}

fn parts_error(data: &Path, error: folder::PartsError) -> OpenError {
    match error {
        folder::PartsError::Damaged(damage) => damaged(data, damage),
        folder::PartsError::File { path, source } => certificates(PkiError::File { path, source }),
    }
}

/// An authority of the folder's own that does not read was written otherwise.
fn authority_error(data: &Path, own: bool, error: PkiError) -> OpenError {
    match error {
        PkiError::Key | PkiError::Foreign if own => {
            damaged(data, Damage::of(&data.join("pki/ca.key"), error.to_string()))
        }
        PkiError::Certificate { .. } | PkiError::Make { .. } if own => damaged(
            data,
            Damage::of(&data.join("pki/ca.crt"), "does not read as a certificate"),
        ),
        PkiError::File { path, source } if own && source.kind() == std::io::ErrorKind::InvalidData => {
            damaged(data, Damage::of(Path::new(&path), "is no text"))
        }
        other => certificates(other),
    }
}

fn store_error(path: &Path, error: StoreError) -> OpenError {
    match error {
        StoreError::Damaged(damage) => damaged(path, damage),
        error => OpenError::Store {
            path: path.display().to_string(),
            source: error.into(),
        },
    }
}

fn certificates(error: PkiError) -> OpenError {
    OpenError::Certificates(error.into())
}

/// Serves a folder at an address until `shutdown`; writes the kubeconfig once requests are answered.
pub async fn serve_standalone(
    data: &Path,
    kubeconfig: &Path,
    listen: std::net::SocketAddr,
    shutdown: impl Future<Output = ()>,
) -> Result<(), OpenError> {
    let options = Options {
        data: data.to_owned(),
        authority: Authority::Own,
        version: crate::VERSION.to_owned(),
    };
    let server = Server::open(options).await?;
    let failed = |source| OpenError::Listen {
        address: listen.to_string(),
        source,
    };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let names = [
        "localhost",
        "127.0.0.1",
        "::1",
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
    ];
    let mut names = names.map(str::to_owned).to_vec();
    names.push(address.ip().to_string());
    let serving = server.serve(listener, &names)?;
    let config = server.admin_kubeconfig("embedded", &format!("https://{address}"))?;
    pki::write_private(kubeconfig, config.expose_secret().as_bytes()).map_err(certificates)?;
    shutdown.await;
    serving.stop().await;
    server.close().await
}
