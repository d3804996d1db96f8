//! Accepting connections and reading requests off them.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::seats::{self, Busy, Seat, Seats, Taken, Times};
use super::{Body, Endless, Reply};
use crate::pki::{self, Subject};

/// No request body is longer than this.
const BODY_LIMIT: usize = 3 << 20;
/// No headers of a request, its address included, are longer than this.
const HEADER_LIMIT: u32 = 1 << 20;
/// No request has more headers.
const HEADERS: usize = 1000;
/// Requests at the same time on one connection.
const STREAMS: u32 = 250;
/// Longest time between two looks at a connection.
const LOOK: Duration = Duration::from_secs(10);

/// The body of a request, or why there is none.
pub(crate) enum Collected {
    Whole(Bytes),
    TooLarge,
    TooSlow,
    Broken,
}

/// The connection is cut without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection reset")]
pub(crate) struct Reset;

/// Reads a body up to the limits.
pub(crate) async fn collect<B>(body: B, times: &Times) -> Collected
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.is_end_stream() {
        return Collected::Whole(Bytes::new());
    }
    match timeout(times.body, Limited::new(body, BODY_LIMIT).collect()).await {
        Err(_) => Collected::TooSlow,
        Ok(Ok(collected)) => Collected::Whole(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Collected::TooLarge,
        Ok(Err(_)) => Collected::Broken,
    }
}

/// Accepts connections until `stop`, then lets what is under way end. `handle` answers a request, or cuts the connection.
pub(crate) async fn serve<H, F>(
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    stop: CancellationToken,
    times: Times,
    handle: H,
) where
    H: Fn(http::Request<Incoming>, Option<Subject>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Reset>> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(tls);
    let connections = TaskTracker::new();
    while let Some(stream) = accept(&listener, &stop).await {
        // All connections are at work: this one is closed again.
        let Some(taken) = Seats::all().take(seats::limit()) else {
            tracing::warn!("a connection is closed at once: there are too many at work");
            continue;
        };
        let (acceptor, stop, handle) = (acceptor.clone(), stop.clone(), handle.clone());
        connections.spawn(async move { connection(stream, acceptor, taken, stop, times, handle).await });
    }
    drop(listener);
    connections.close();
    // They end by themselves in this time.
    let _ = timeout(times.end * 2, connections.wait()).await;
}

/// The next connection; nothing when it is over. Without descriptors an idle connection is closed for it.
async fn accept(listener: &TcpListener, stop: &CancellationToken) -> Option<TcpStream> {
    let mut pause = Duration::from_millis(10);
    loop {
        let error = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => return Some(stream),
                Err(error) => error,
            },
        };
        tracing::warn!(%error, "cannot accept a connection");
        Seats::all().make_room();
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

async fn connection<H, F>(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    taken: Taken,
    stop: CancellationToken,
    times: Times,
    handle: H,
) where
    H: Fn(http::Request<Incoming>, Option<Subject>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Reset>> + Send + 'static,
{
    let seat = Arc::clone(&taken.seat);
    let _ = stream.set_nodelay(true);
    let stream = tokio::select! {
        accepted = timeout(times.handshake, acceptor.accept(stream)) => match accepted {
            Ok(Ok(stream)) => stream,
            _ => return,
        },
        () = seat.evicted.cancelled() => return,
        () = stop.cancelled() => return,
    };
    let session = stream.get_ref().1;
    let subject = session
        .peer_certificates()
        .and_then(|chain| chain.first())
        .and_then(pki::subject);
    let second = session.alpn_protocol() == Some(b"h2");
    let counted = Arc::clone(&seat);
    let service = hyper::service::service_fn(move |request| {
        let busy = counted.begin();
        let answer = handle(request, subject.clone());
        async move { answer.await.map(|reply| held(reply, busy)) }
    });
    if second {
        let connection = http2().serve_connection(TokioIo::new(stream), service);
        drive(connection, &seat, &stop, &times, |c| c.graceful_shutdown()).await;
    } else {
        let connection = http1(&times).serve_connection(TokioIo::<TlsStream<TcpStream>>::new(stream), service);
        drive(connection, &seat, &stop, &times, |c| c.graceful_shutdown()).await;
    }
}

fn http2() -> hyper::server::conn::http2::Builder<TokioExecutor> {
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_LIMIT)
        .max_concurrent_streams(STREAMS);
    builder
}

fn http1(times: &Times) -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    let limit = usize::try_from(HEADER_LIMIT).unwrap_or(usize::MAX);
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(times.idle)
        .max_headers(HEADERS)
        .max_header_size(limit)
        // Lines are longer by what ends them.
        .max_buf_size(limit + (8 << 10));
    builder
}

/// Serves a connection until its client goes, it is silent for too long, has to make room, or the server ends.
async fn drive<C, E>(connection: C, seat: &Seat, stop: &CancellationToken, times: &Times, end: impl FnOnce(Pin<&mut C>))
where
    C: Future<Output = Result<(), E>>,
{
    let mut connection = pin!(connection);
    loop {
        let look = Instant::now() + LOOK;
        let due = seat.due(times);
        tokio::select! {
            // A client that goes away is no event.
            _ = &mut connection => return,
            () = seat.evicted.cancelled() => break,
            () = stop.cancelled() => {
                if !seat.is_working() {
                    return;
                }
                break;
            }
            () = sleep_until(due.map_or(look, |due| due.min(look))) => {
                if seat.due(times).is_some_and(|due| due <= Instant::now()) {
                    break;
                }
            }
        }
    }
    end(connection.as_mut());
    let _ = timeout(times.end, connection).await;
}

/// A reply whose request is under way until its body has been sent.
fn held(reply: Reply, busy: Busy) -> http::Response<Held> {
    if reply.extensions().get::<Endless>().is_some() {
        busy.is_endless();
    }
    reply.map(|body| Held { body, _busy: busy })
}

struct Held {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
