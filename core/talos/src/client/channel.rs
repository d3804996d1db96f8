//! Connections: endpoint settings, credentials, and the deadline around every call.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::client::danger::ServerCertVerifier;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tonic::metadata::MetadataValue;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Response, Status};

use super::error::{Call, TalosError};
use super::tls::{ByCa, Seen};
use super::{Address, TlsProblem};
use crate::pki::{PkiError, key};
use crate::secrets::SecretsBundle;
use crate::talosconfig::{self, Context, TalosconfigError};

const CONNECT: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// As upstream's client: a support bundle or a large list fits.
pub(super) const MAX_MESSAGE: usize = 32 << 20;

/// A connection whose requests all say that they are of this API.
pub(super) type Transport = InterceptedService<Channel, fn(Request<()>) -> Result<Request<()>, Status>>;

/// What a client proves its identity with, and the CA that it trusts.
#[derive(Clone)]
pub struct Credentials {
    ca: String,
    crt: String,
    key: SecretString,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl Credentials {
    /// Those of a talosconfig.
    pub fn from_context(context: &Context) -> Result<Self, PkiError> {
        Ok(Self {
            ca: context.ca.clone(),
            crt: context.client.crt.clone(),
            key: key::standard_pem(&context.client.key)?,
        })
    }

    /// New ones for an administrator.
    pub fn issue(secrets: &SecretsBundle, now: Timestamp) -> Result<Self, TalosconfigError> {
        let client = talosconfig::issue_client(secrets, talosconfig::ADMIN, now)?;
        let context = Context {
            endpoints: Vec::new(),
            nodes: Vec::new(),
            ca: secrets.os_ca().crt.clone(),
            client,
        };
        Self::from_context(&context).map_err(|source| TalosconfigError::Issue { source })
    }

    pub(super) fn verifier(&self, seen: Seen) -> Result<ByCa, String> {
        ByCa::new(&self.ca, seen)
    }

    fn identity(&self) -> Identity {
        Identity::from_pem(&self.crt, self.key.expose_secret())
    }
}

/// Connects with mutual TLS.
pub(super) async fn connect(
    address: &Address,
    credentials: &Credentials,
    seen: &Seen,
) -> Result<Transport, TalosError> {
    let call = Call {
        address,
        action: "connect to the Talos API",
    };
    let verifier = credentials.verifier(seen.clone()).map_err(|cause| TalosError::Tls {
        problem: TlsProblem::Protocol,
        failure: call.failure(cause),
    })?;
    open(address, Arc::new(verifier), Some(credentials.identity()), seen).await
}

/// Connects with a verifier of one's own.
pub(super) async fn open(
    address: &Address,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Option<Identity>,
    seen: &Seen,
) -> Result<Transport, TalosError> {
    let call = Call {
        address,
        action: "connect to the Talos API",
    };
    // Most looks at a node that boots find nothing: that is known before TLS is set up.
    let socket = dial(address).await.map_err(|error| call.transport(&error, seen))?;
    let mut tls = ClientTlsConfig::new().domain_name(address.server_name());
    if let Some(identity) = identity {
        tls = tls.identity(identity);
    }
    let endpoint = Endpoint::from_shared(address.uri())
        .map(|endpoint| endpoint.connect_timeout(CONNECT).http2_keep_alive_interval(KEEP_ALIVE))
        .and_then(|endpoint| {
            endpoint
                .keep_alive_timeout(KEEP_ALIVE)
                .tls_config_with_verifier(tls, verifier)
        })
        .map_err(|error| call.transport(&error, seen))?;
    // The TLS handshake has no limit of its own in there.
    let channel = tokio::time::timeout(CONNECT * 2, endpoint.connect_with_connector(connector(address, socket)))
        .await
        .map_err(|_| call.deadline(CONNECT * 2))?
        .map_err(|error| call.transport(&error, seen))?;
    Ok(InterceptedService::new(channel, mark as fn(_) -> _))
}

async fn dial(address: &Address) -> io::Result<TcpStream> {
    let socket = tokio::time::timeout(CONNECT, TcpStream::connect((address.host(), address.port()))).await??;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Gives away the open socket first, and a new one when that connection broke.
fn connector(
    address: &Address,
    socket: TcpStream,
) -> impl tower::Service<Uri, Response = TokioIo<TcpStream>, Error = io::Error, Future: Send> + Send + 'static {
    let (address, first) = (address.clone(), Arc::new(Mutex::new(Some(socket))));
    tower::service_fn(move |_: Uri| {
        let (address, open) = (
            address.clone(),
            first.lock().unwrap_or_else(PoisonError::into_inner).take(),
        );
        async move {
            let socket = match open {
                Some(socket) => socket,
                None => dial(&address).await?,
            };
            Ok(TokioIo::new(socket))
        }
    })
}

/// Waits for a reply, at most this long.
pub(super) async fn within<T>(
    limit: Duration,
    call: Call<'_>,
    seen: &Seen,
    reply: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, TalosError> {
    match tokio::time::timeout(limit, reply).await {
        Ok(Ok(response)) => Ok(response.into_inner()),
        Ok(Err(status)) => Err(call.status(&status, seen)),
        Err(_) => Err(call.deadline(limit)),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of an interceptor")]
fn mark(mut request: Request<()>) -> Result<Request<()>, Status> {
    request
        .metadata_mut()
        .insert("runtime", MetadataValue::from_static("Talos"));
    Ok(request)
}
