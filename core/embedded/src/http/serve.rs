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

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::pki::Pki;

    const SHORT: Times = Times {
        handshake: Duration::from_millis(300),
        first: Duration::from_millis(300),
        idle: Duration::from_millis(600),
        body: Duration::from_millis(300),
        work: Duration::from_millis(300),
        request: Duration::from_millis(900),
        end: Duration::from_millis(100),
    };

    /// A server that answers `ok`, or with a body that never ends, and a way to it.
    struct Site {
        address: std::net::SocketAddr,
        connector: TlsConnector,
        stop: CancellationToken,
    }

    impl Drop for Site {
        fn drop(&mut self) {
            self.stop.cancel();
        }
    }

    async fn site() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::own(folder.path()).unwrap();
        let tls = Arc::new(pki.serving(&["localhost".to_owned()]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let handle = |request: http::Request<Incoming>, _| async move {
            let endless = request.uri().path() == "/watch";
            if !endless && !matches!(collect(request.into_body(), &SHORT).await, Collected::Whole(_)) {
                return Err(Reset);
            }
            if !endless {
                return Ok(super::super::typed(200, "text/plain", "ok"));
            }
            let body = http_body_util::StreamBody::new(futures::stream::pending());
            let mut reply = super::super::reply(200, "text/plain", body.boxed_unsync());
            reply.extensions_mut().insert(Endless);
            Ok(reply)
        };
        tokio::spawn(serve(listener, tls, stop.clone(), SHORT, handle));
        let mut roots = rustls::RootCertStore::empty();
        let ca = rustls::pki_types::CertificateDer::from_pem_slice(pki.ca_pem().as_bytes()).unwrap();
        roots.add(ca).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Site {
            address,
            connector: TlsConnector::from(Arc::new(config)),
            stop,
        }
    }

    type Stream = tokio_rustls::client::TlsStream<TcpStream>;

    async fn connect(site: &Site, sent: &str) -> Stream {
        let stream = TcpStream::connect(site.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        let mut stream = site.connector.connect(name, stream).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        stream
    }

    /// Reads until the server closes; what came, and how long it took.
    async fn closed(mut stream: impl tokio::io::AsyncRead + Unpin) -> (String, Duration) {
        let began = Instant::now();
        let mut bytes = Vec::new();
        // A connection that is cut is closed as well.
        let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes))
            .await
            .expect("it is cut");
        (String::from_utf8_lossy(&bytes).into_owned(), began.elapsed())
    }

    const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[tokio::test]
    async fn whoever_sends_nothing_or_not_to_the_end_is_cut() {
        let site = site().await;
        let plain = TcpStream::connect(site.address).await.unwrap();
        let silent = connect(&site, "").await;
        let half = connect(&site, "GET / HTTP/1.1\r\nhos").await;
        let body = connect(&site, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab").await;
        for stream in [
            closed(plain).await,
            closed(silent).await,
            closed(half).await,
            closed(body).await,
        ] {
            assert!(!stream.0.contains("200"), "{stream:?}");
        }
    }

    #[tokio::test]
    async fn an_idle_connection_is_cut_and_a_watch_is_not() {
        let site = site().await;
        let (text, _) = closed(connect(&site, GET).await).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        let mut watch = connect(&site, "GET /watch HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut head = [0; 12];
        watch.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        let rest = timeout(SHORT.request * 2, async {
            let mut rest = Vec::new();
            watch.read_to_end(&mut rest).await
        });
        assert!(rest.await.is_err(), "the watch was cut");
    }

    #[tokio::test]
    async fn open_watches_do_not_hold_up_the_end() {
        let site = site().await;
        let watch = connect(&site, "GET /watch HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let idle = connect(&site, GET).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        site.stop.cancel();
        for (_, took) in [closed(watch).await, closed(idle).await] {
            assert!(took < Duration::from_secs(5), "{took:?}");
        }
    }
}
