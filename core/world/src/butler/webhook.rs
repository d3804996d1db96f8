//! The admission webhooks of Butler's controller over HTTPS, for an API server in another process: the real kube-apiserver.
//!
//! Their facts come from that API server; their certificate from an authority of their own, which the configuration names.

mod facts;
mod review;

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use butler_api::admission::{self, Facts, Need, Review, Verdict};
use butler_api::v1alpha1::{GROUP, VERSION};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::{
    RuleWithOperations, ValidatingWebhook, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use self::facts::ApiServer;
use crate::certs::{self, CertificateError};
use crate::net::{self, Connection, UnprovenConnections};

/// The name of the configuration object.
const NAME: &str = "butler-controller";
/// The largest review that is read, in bytes: an object before and after.
const LIMIT: usize = 16 << 20;
/// How long an API server waits for an answer, and a little less for everything that the answer needs.
const PATIENCE: Duration = Duration::from_secs(10);
const WORK: Duration = Duration::from_secs(9);
/// How long a connection may be open before its first review, and without one.
const UNPROVEN: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_mins(2);
/// The life of the certificate: that of the world it is in is much shorter.
const LIFETIME: SignedDuration = SignedDuration::from_hours(8760);

/// Why the webhooks cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for admission webhooks")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// There is no certificate for it.
    #[error("cannot make the certificate of the admission webhooks")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<CertificateError> for WebhookError {
    fn from(error: CertificateError) -> Self {
        Self::Certificate(error.into())
    }
}

/// Webhooks that are served as long as this is held.
#[derive(Debug)]
pub struct Webhooks {
    address: SocketAddr,
    authority: String,
    _stop: DropGuard,
}

impl Webhooks {
    /// Serves all webhooks at an address, in a runtime of tokio; with port 0 the system chooses one. What they have to know they
    /// read from an API server.
    pub fn serve(address: SocketAddrV4, api: ApiServer) -> Result<Self, WebhookError> {
        let failed = |source| WebhookError::Listen {
            address: address.into(),
            source,
        };
        let listener = net::listen(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (tls, authority) = certs::service(NAME, address.ip(), LIFETIME, Timestamp::now())?;
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, TlsAcceptor::from(tls), Arc::new(api), stop.clone()));
        Ok(Self {
            address,
            authority,
            _stop: stop.drop_guard(),
        })
    }

    /// The object that makes an API server ask them.
    pub fn configuration(&self) -> ValidatingWebhookConfiguration {
        let webhooks = admission::WEBHOOKS.iter().map(|webhook| self.entry(webhook)).collect();
        ValidatingWebhookConfiguration {
            metadata: ObjectMeta {
                name: Some(NAME.to_owned()),
                ..ObjectMeta::default()
            },
            webhooks: Some(webhooks),
        }
    }

    fn entry(&self, webhook: &admission::Webhook) -> ValidatingWebhook {
        let operations = webhook.operations.iter().map(|operation| operation.as_str().to_owned());
        ValidatingWebhook {
            name: webhook.name.to_owned(),
            client_config: WebhookClientConfig {
                url: Some(format!("https://{}{}", self.address, webhook.path)),
                ca_bundle: Some(ByteString(self.authority.clone().into_bytes())),
                service: None,
            },
            rules: Some(vec![RuleWithOperations {
                api_groups: Some(vec![GROUP.to_owned()]),
                api_versions: Some(vec![VERSION.to_owned()]),
                operations: Some(operations.collect()),
                resources: Some(vec![webhook.resource.to_owned()]),
                scope: None,
            }]),
            failure_policy: Some("Fail".to_owned()),
            side_effects: "None".to_owned(),
            admission_review_versions: vec!["v1".to_owned()],
            timeout_seconds: i32::try_from(PATIENCE.as_secs()).ok(),
            ..ValidatingWebhook::default()
        }
    }
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, api: Arc<ApiServer>, stop: CancellationToken) {
    let unproven = Arc::new(UnprovenConnections::default());
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            stream = net::accept(&listener, b"") => stream,
        };
        let guard = Arc::new(unproven.admit());
        let (tls, api, stop) = (tls.clone(), Arc::clone(&api), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = guard.expired(UNPROVEN, IDLE) => {}
                () = connection(stream, tls, api, Arc::clone(&guard)) => {}
            }
        });
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, api: Arc<ApiServer>, guard: Arc<Connection>) {
    let stream = match tls.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, "a caller of an admission webhook has no TLS");
            return;
        }
    };
    let service = hyper::service::service_fn(|request| {
        let (api, guard) = (Arc::clone(&api), Arc::clone(&guard));
        async move {
            let _busy = guard.busy();
            let reply = answer(&api, request).await;
            if reply.status().is_success() {
                guard.proven();
            }
            Ok::<_, std::convert::Infallible>(reply)
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(UNPROVEN);
    builder.http2().timer(TokioTimer::new());
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(error, "a connection to an admission webhook broke");
    }
}

type Reply = Response<Full<Bytes>>;

/// The reply to a request, in bounded time.
async fn answer(api: &ApiServer, request: Request<Incoming>) -> Reply {
    let path = request.uri().path();
    if !admission::WEBHOOKS.iter().any(|webhook| webhook.path == path) {
        return text(StatusCode::NOT_FOUND, "there is no such webhook");
    }
    if request.method() != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "a webhook is asked with POST");
    }
    let path = path.to_owned();
    let work = async {
        let body = Limited::new(request.into_body(), LIMIT).collect().await;
        let body = body.map_err(|_| "the body of the request cannot be read, or is too long".to_owned())?;
        let question = review::Question::read(&body.to_bytes())?;
        let verdict = match question.review(&path)? {
            Some(Ok(review)) => decide(api, &review).await,
            Some(Err(denial)) => denial.into(),
            // The rules have nothing to say about this operation.
            None => Verdict::default(),
        };
        question.answer(&verdict)
    };
    match tokio::time::timeout(WORK, work).await {
        Ok(Ok(body)) => {
            let mut reply = Response::new(Full::new(Bytes::from(body)));
            let json = http::HeaderValue::from_static("application/json");
            reply.headers_mut().insert(http::header::CONTENT_TYPE, json);
            reply
        }
        Ok(Err(why)) => text(StatusCode::BAD_REQUEST, &why),
        Err(_) => text(
            StatusCode::GATEWAY_TIMEOUT,
            "the API server did not tell the facts in time",
        ),
    }
}

async fn decide(api: &ApiServer, review: &Review) -> Verdict {
    let mut facts = Facts::default();
    for _ in 0..Need::MOST {
        let need = match review.decide(&facts) {
            Ok(verdict) => return verdict,
            Err(need) => need,
        };
        if let Err(why) = api.tell(&need, review.requester(), &mut facts).await {
            tracing::warn!(why, "an admission webhook cannot read what it has to know");
            return review.unreadable(why).into();
        }
    }
    review.endless()
}

fn text(status: StatusCode, words: &str) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(words.to_owned())));
    *reply.status_mut() = status;
    reply
}
