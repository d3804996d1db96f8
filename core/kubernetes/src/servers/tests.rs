use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use super::*;

/// An API server: `/readyz` as told, `/name` with its name, `/watch` without an end.
struct Fake {
    address: SocketAddr,
    task: JoinHandle<()>,
    /// Takes connections and says nothing more, as a machine without power on a network that does not tell.
    silent: Arc<AtomicBool>,
    /// How many connections were taken.
    connections: Arc<AtomicUsize>,
}

impl Fake {
    async fn start(name: &'static str, ready: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let silent = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&silent);
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut served = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                served.spawn(serve(stream, name, ready, Arc::clone(&heard)));
            }
        });
        Self {
            address,
            task,
            silent,
            connections,
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn end(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

async fn serve(mut stream: tokio::net::TcpStream, name: &str, ready: bool, silent: Arc<AtomicBool>) {
    let mut read = vec![0; 4096];
    loop {
        let Ok(length @ 1..) = stream.read(&mut read).await else {
            return;
        };
        if silent.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        let request = String::from_utf8_lossy(&read[..length]).into_owned();
        if request.starts_with("GET /watch") {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n.\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            return std::future::pending().await;
        }
        let (status, body) = match (request.starts_with("GET /readyz"), ready) {
            (true, false) => ("500 Internal Server Error", "[-]etcd failed: reason withheld"),
            _ => ("200 OK", name),
        };
        let reply = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// An address where connections are taken and nothing is answered, as by a machine that hangs.
async fn mute() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

async fn servers(addresses: Vec<String>) -> Servers {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: d\nclusters: [{name: d, cluster: {server: \
                      'http://127.0.0.1:1'}}]\ncontexts: [{name: d, context: {cluster: d, user: d}}]\nusers: [{name: d, \
                      user: {}}]\n";
    Servers::new(SecretString::from(kubeconfig), "demo".to_owned(), addresses)
        .await
        .unwrap()
}

async fn name(client: &Client) -> Result<String, kube::Error> {
    client
        .request_text(Request::get("/name").body(Vec::new()).unwrap())
        .await
}

async fn frame(watch: &mut Body) -> Option<Result<Frame<Bytes>, kube::Error>> {
    std::future::poll_fn(|context| Pin::new(&mut *watch).poll_frame(context)).await
}

fn told(error: &kube::Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

#[tokio::test]
async fn the_preferred_address_is_used_while_it_answers_and_another_one_when_it_is_gone() {
    let (first, second) = (Fake::start("first", true).await, Fake::start("second", true).await);
    let servers = servers(vec![first.url(), second.url()]).await;
    let client = servers.client();
    assert_eq!(name(&client).await.unwrap(), "first");

    let gone = first.url();
    first.end().await;
    let error = name(&client).await.unwrap_err();
    assert!(told(&error).contains(&gone), "{}", told(&error));
    assert_eq!(name(&client).await.unwrap(), "second");
    assert_eq!(servers.current(), second.url());
}

#[tokio::test]
async fn requests_share_a_connection_whatever_addresses_are_learned_meanwhile() {
    let (node, other) = (Fake::start("node", true).await, Fake::start("other", true).await);
    let servers = servers(vec![node.url()]).await;
    let client = servers.client();
    assert_eq!(name(&client).await.unwrap(), "node");
    let before = node.connections.load(Ordering::Relaxed);
    for _ in 0..5 {
        servers.set(vec![node.url(), other.url()]);
        assert_eq!(name(&client).await.unwrap(), "node");
    }
    assert_eq!(node.connections.load(Ordering::Relaxed), before);
    assert_eq!(other.connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_address_that_is_dead_from_the_start_is_passed_over() {
    let second = Fake::start("second", true).await;
    let (silent, _listener) = mute().await;
    let servers = servers(vec!["http://127.0.0.1:1".to_owned(), silent, second.url()]).await;
    assert_eq!(name(&servers.client()).await.unwrap(), "second");
}

#[tokio::test]
async fn one_that_is_ready_wins_over_one_that_starts() {
    let (starting, ready) = (Fake::start("starting", false).await, Fake::start("ready", true).await);
    let both = servers(vec![starting.url(), ready.url()]).await;
    assert_eq!(name(&both.client()).await.unwrap(), "ready");
    let alone = servers(vec![starting.url()]).await;
    assert_eq!(name(&alone.client()).await.unwrap(), "starting");
}

#[tokio::test]
async fn a_better_address_learned_later_is_used_from_then_on() {
    let (node, endpoint) = (Fake::start("node", true).await, Fake::start("endpoint", true).await);
    let servers = servers(vec![node.url()]).await;
    let client = servers.client();
    assert_eq!(name(&client).await.unwrap(), "node");
    servers.set(vec![endpoint.url(), node.url()]);
    assert_eq!(name(&client).await.unwrap(), "endpoint");
}

#[tokio::test]
async fn when_none_answers_every_address_is_named() {
    let servers = servers(vec!["http://127.0.0.1:1".to_owned(), "http://127.0.0.1:2".to_owned()]).await;
    let error = told(&name(&servers.client()).await.unwrap_err());
    assert!(error.contains("http://127.0.0.1:1, http://127.0.0.1:2: "), "{error}");
}

#[tokio::test]
async fn a_watch_on_a_machine_that_fell_silent_ends_when_another_address_answers() {
    let (first, second) = (Fake::start("first", true).await, Fake::start("second", true).await);
    let servers = servers(vec![first.url(), second.url()]).await;
    let client = servers.client();
    let request = Request::get("/watch").body(Body::empty()).unwrap();
    let mut watch = client.send(request).await.unwrap().into_body();
    assert!(frame(&mut watch).await.unwrap().is_ok());
    first.silent.store(true, Ordering::Relaxed);
    let ended = timeout(Duration::from_secs(20), frame(&mut watch)).await.unwrap();
    assert!(ended.is_none_or(|frame| frame.is_err()));
    assert_eq!(name(&client).await.unwrap(), "second");
}

/// Every look at an API server that was starting took three seconds, where its answer could have been known at once.
#[tokio::test]
async fn addresses_that_all_refuse_are_told_at_once() {
    let refused = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(str::to_owned);
    let servers = servers(refused.to_vec()).await;
    let began = Instant::now();
    let error = servers.0.best().await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(began.elapsed() < ANSWER, "{:?}", began.elapsed());
}
