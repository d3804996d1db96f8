//! A server on a socket: HTTPS, with patience for slow callers and none for idle ones.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ButlerServer;
use super::reply::Reply;
use crate::net::{self, Connection, UnprovenConnections};

/// How long a connection may take to its first request, and be idle after that. The real server gives a request 15 s.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest body that is read. The real server reads all there is.
const LIMIT: usize = 8 << 20;

/// Serves until it is stopped.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    server: Arc<ButlerServer>,
    stop: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(tls);
    let connections = TaskTracker::new();
    let unproven = Arc::new(UnprovenConnections::default());
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            stream = net::accept(&listener, b"") => stream,
        };
        let guard = Arc::new(unproven.admit());
        connections.spawn(connection(
            stream,
            acceptor.clone(),
            Arc::clone(&server),
            guard,
            stop.clone(),
        ));
    }
    connections.close();
    let _ = tokio::time::timeout(Duration::from_secs(1), connections.wait()).await;
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    server: Arc<ButlerServer>,
    guard: Arc<Connection>,
    stop: CancellationToken,
) {
    let stream = tokio::select! {
        stream = acceptor.accept(stream) => stream,
        () = guard.expired(PATIENCE, PATIENCE) => return,
        () = stop.cancelled() => return,
    };
    // Whoever does not finish a handshake knows why.
    let Ok(stream) = stream else { return };
    let busy = Arc::clone(&guard);
    let service = hyper::service::service_fn(move |request| {
        let (server, guard) = (Arc::clone(&server), Arc::clone(&busy));
        async move {
            let _busy = guard.busy();
            guard.proven();
            Ok::<_, std::convert::Infallible>(answer(&server, request).await)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        () = guard.expired(PATIENCE, PATIENCE) => return,
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn answer(
    server: &ButlerServer,
    request: http::Request<Incoming>,
) -> http::Response<http_body_util::Full<bytes::Bytes>> {
    let (parts, body) = request.into_parts();
    match tokio::time::timeout(PATIENCE, Limited::new(body, LIMIT).collect()).await {
        Ok(Ok(body)) => server.answer(http::Request::from_parts(parts, body.to_bytes())).await,
        Ok(Err(_)) => {
            let too_long = format!("the body cannot be read, or is longer than {LIMIT} bytes");
            Reply::error(StatusCode::PAYLOAD_TOO_LARGE, &too_long).into_response()
        }
        Err(_) => Reply::error(StatusCode::REQUEST_TIMEOUT, "the body takes too long").into_response(),
    }
}
