//! The API on a socket: HTTPS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::console::is_upgrade;
use super::reply::{Reply, reply};
use super::transfer::LIMIT;
use super::{Dropped, Facade};
use crate::net::{self, Connection, UnprovenConnections};
use crate::world::proxmox::refusal::Refusal;

/// How long a connection may take to its first request, and be idle after that.
const PATIENCE: Duration = Duration::from_secs(30);

/// Serves until the world ends.
pub(crate) async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, facade: Arc<Facade>) {
    let acceptor = TlsAcceptor::from(tls);
    let connections = TaskTracker::new();
    let unproven = Arc::new(UnprovenConnections::default());
    loop {
        let stream = tokio::select! {
            () = facade.world.ended() => break,
            stream = net::accept(&listener, b"") => stream,
        };
        let guard = Arc::new(unproven.admit());
        connections.spawn(connection(stream, acceptor.clone(), Arc::clone(&facade), guard));
    }
    connections.close();
    let _ = tokio::time::timeout(Duration::from_secs(1), connections.wait()).await;
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, facade: Arc<Facade>, guard: Arc<Connection>) {
    let stream = tokio::select! {
        stream = acceptor.accept(stream) => stream,
        () = guard.expired(PATIENCE, PATIENCE) => return,
        () = facade.world.ended() => return,
    };
    // Whoever does not finish a handshake knows why.
    let Ok(stream) = stream else { return };
    let (busy, asked) = (Arc::clone(&guard), Arc::clone(&facade));
    let service = hyper::service::service_fn(move |request| {
        let (facade, guard) = (Arc::clone(&asked), Arc::clone(&busy));
        async move {
            let _busy = guard.busy();
            guard.proven();
            answer(&facade, request).await
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        () = guard.expired(PATIENCE, PATIENCE) => return,
        () = facade.world.ended() => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn answer(facade: &Facade, mut request: http::Request<Incoming>) -> Result<Reply, Dropped> {
    let upgrade = is_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    // Without network nobody reaches the platform.
    if !facade.world.update(|state, _| state.is_reached()) {
        return Err(Dropped);
    }
    if let Some(upgrade) = upgrade {
        return Ok(facade.upgrade(&parts, upgrade).await);
    }
    let body: Bytes = match tokio::time::timeout(PATIENCE, Limited::new(body, LIMIT).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Ok(reply(&Err(Refusal::new(501, "for data too large")))),
        Err(_) => return Err(Dropped),
    };
    facade.answer(&parts, body).await
}
