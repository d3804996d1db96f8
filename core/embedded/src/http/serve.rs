//! Accepting connections and reading requests off them.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Reply;
use crate::pki::{self, Subject};

/// No request body is longer than this.
const BODY_LIMIT: usize = 3 << 20;
/// Time for a TLS handshake.
const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(10);

/// The body of a request, or why there is none.
pub(crate) enum Collected {
    Whole(Bytes),
    TooLarge,
    Broken,
}

/// The connection is cut without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection reset")]
pub(crate) struct Reset;

/// Reads a body up to the limit.
pub(crate) async fn collect<B>(body: B) -> Collected
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(collected) => Collected::Whole(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Collected::TooLarge,
        Err(_) => Collected::Broken,
    }
}

/// Accepts connections until `stop`. `handle` answers a request, or cuts the connection.
pub(crate) async fn serve<H, F>(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    stop: CancellationToken,
    handle: H,
) where
    H: Fn(http::Request<hyper::body::Incoming>, Option<Subject>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Reset>> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(tls);
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (acceptor, stop, handle) = (acceptor.clone(), stop.clone(), handle.clone());
        tokio::spawn(async move { connection(stream, acceptor, stop, handle).await });
    }
}

async fn connection<H, F>(stream: TcpStream, acceptor: TlsAcceptor, stop: CancellationToken, handle: H)
where
    H: Fn(http::Request<hyper::body::Incoming>, Option<Subject>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Reset>> + Send + 'static,
{
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    let subject = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(pki::subject);
    let service = hyper::service::service_fn(move |request| handle(request, subject.clone()));
    let builder = Builder::new(TokioExecutor::new());
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::select! {
        // A client that goes away is no event.
        _ = connection => {}
        () = stop.cancelled() => {}
    }
}
