//! The factory on a socket: HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::Factory;
use crate::net::{self, Connection, Text, UnprovenConnections};

/// The largest schematic.
const LIMIT: usize = 1 << 20;
/// How long a connection may take to its first request, and be idle after that.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves until the world ends.
pub(crate) async fn serve(listener: TcpListener, factory: Arc<Factory>) {
    let connections = TaskTracker::new();
    let unproven = Arc::new(UnprovenConnections::default());
    loop {
        let stream = tokio::select! {
            () = factory.world.ended() => break,
            stream = net::accept(&listener, b"") => stream,
        };
        connections.spawn(connection(stream, Arc::clone(&factory), Arc::new(unproven.admit())));
    }
    connections.close();
    let _ = tokio::time::timeout(Duration::from_secs(1), connections.wait()).await;
}

async fn connection(stream: TcpStream, factory: Arc<Factory>, guard: Arc<Connection>) {
    let (busy, asked) = (Arc::clone(&guard), Arc::clone(&factory));
    let service = hyper::service::service_fn(move |request| {
        let (factory, guard) = (Arc::clone(&asked), Arc::clone(&busy));
        async move {
            let _busy = guard.busy();
            guard.proven();
            answer(&factory, request).await.ok_or(Dropped)
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
        () = factory.world.ended() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// The connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is dropped")]
struct Dropped;

async fn answer(factory: &Factory, request: http::Request<Incoming>) -> Option<http::Response<Text>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LIMIT).collect().await.ok()?.to_bytes();
    let answer = factory.answer(&parts.method, parts.uri.path(), &body).await?;
    let length = answer.body.len();
    let text = Text::whole(Bytes::from(answer.body));
    let mut reply = http::Response::new(if answer.cut { text.cut() } else { text });
    *reply.status_mut() = answer.status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(seconds) = answer.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Some(reply)
}
