//! An API server that says and fails what a test wants: clusters to list and watch, and nothing else.

#![expect(
    clippy::disallowed_macros,
    reason = "a server that is no real one says what it likes"
)]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

const CLUSTERS: &str = "/apis/butler.butlerlabs.dev/v1alpha1/tenantclusters";

/// How long a watch waits before it looks whether it should end.
const LOOK: Duration = Duration::from_millis(50);

/// What there is, and how the server feels.
#[derive(Default)]
struct State {
    /// The clusters, each with the version of its last change.
    clusters: Vec<(String, u64)>,
    version: u64,
    /// Nothing before this version is known any more.
    oldest: u64,
    /// Nobody is there.
    away: bool,
    /// So many requests are refused because of too many.
    busy: usize,
    /// Watches of earlier counts end.
    watches: u64,
    /// What was asked for, as paths with queries.
    asked: Vec<String>,
}

/// The server; it ends with its process.
pub(crate) struct ApiServer {
    address: String,
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl ApiServer {
    /// One that has these clusters.
    pub(crate) fn start(clusters: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server = Self {
            address,
            shared: Arc::default(),
        };
        server.has(clusters);
        let (address, shared) = (server.address.clone(), Arc::clone(&server.shared));
        thread::spawn(move || serve(listener, &address, &shared));
        server
    }

    /// A kubeconfig for it, without credentials.
    pub(crate) fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "played",
            "clusters": [{"name": "played", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "played", "context": {"cluster": "played", "user": "nobody"}}],
            "users": [{"name": "nobody", "user": {}}],
        })
        .to_string()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
    }

    /// These clusters are there now, and nobody knows any more what was before.
    pub(crate) fn has(&self, clusters: &[&str]) {
        self.change(|state| {
            state.version += 100;
            state.oldest = state.version;
            let version = state.version;
            state.clusters = clusters.iter().map(|name| ((*name).to_owned(), version)).collect();
        });
    }

    /// One more cluster is there.
    pub(crate) fn adds(&self, name: &str) {
        self.change(|state| {
            state.version += 1;
            state.clusters.push((name.to_owned(), state.version));
        });
    }

    /// Nobody is there, and every connection is cut.
    pub(crate) fn leaves(&self) {
        self.change(|state| state.away = true);
        // Whoever waits for connections takes this one, and sees that nobody should.
        drop(TcpStream::connect(&self.address));
    }

    /// It is there again.
    pub(crate) fn comes_back(&self) {
        self.change(|state| state.away = false);
    }

    /// Every watch ends, and so many requests are refused because of too many.
    pub(crate) fn is_busy(&self, requests: usize) {
        self.change(|state| {
            state.busy = requests;
            state.watches += 1;
        });
    }

    /// Requests for clusters that were no watches.
    pub(crate) fn lists(&self) -> usize {
        let state = self.shared.0.lock().unwrap();
        let lists = state
            .asked
            .iter()
            .filter(|asked| asked.starts_with(CLUSTERS) && !asked.contains("watch=true"));
        lists.count()
    }
}

/// Takes connections as long as somebody should be there.
fn serve(first: TcpListener, address: &str, shared: &Arc<(Mutex<State>, Condvar)>) {
    let mut listener = Some(first);
    loop {
        let taken = listener.as_ref().map(TcpListener::accept);
        if shared.0.lock().unwrap().away {
            listener = None;
            let state = shared.0.lock().unwrap();
            drop(shared.1.wait_while(state, |state| state.away));
            listener = listener.or_else(|| Some(TcpListener::bind(address).expect("the same port")));
            continue;
        }
        if let Some(Ok((stream, _))) = taken {
            let shared = Arc::clone(shared);
            // Who asked may be gone before it is answered.
            thread::spawn(move || drop(answer(stream, &shared)));
        }
    }
}

fn answer(mut stream: TcpStream, shared: &(Mutex<State>, Condvar)) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
    let is_busy = {
        let mut state = shared.0.lock().unwrap();
        state.asked.push(path.clone());
        let is_busy = path.starts_with(CLUSTERS) && state.busy > 0;
        state.busy -= usize::from(is_busy);
        is_busy
    };
    if is_busy {
        return refuse(&mut stream, 429, "TooManyRequests", "Retry-After: 1\r\n");
    }
    if !path.starts_with(CLUSTERS) {
        return refuse(&mut stream, 403, "Forbidden", "");
    }
    if path.contains("watch=true") {
        return watch(&mut stream, &path, shared);
    }
    let state = shared.0.lock().unwrap();
    let items: Vec<Value> = state
        .clusters
        .iter()
        .map(|(name, version)| cluster(name, *version))
        .collect();
    let list = json!({"metadata": {"resourceVersion": state.version.to_string()}, "items": items});
    drop(state);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{list}",
        list.to_string().len()
    )
}

fn refuse(stream: &mut TcpStream, code: u16, reason: &str, header: &str) -> std::io::Result<()> {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure", "code": code, "reason": reason,
        "message": "teams.butler.butlerlabs.dev is forbidden: User \"nobody\" cannot list resource \"teams\" in API group \"butler.butlerlabs.dev\" at the cluster scope",
    })
    .to_string();
    write!(
        stream,
        "HTTP/1.1 {code} {reason}\r\nContent-Type: application/json\r\n{header}Connection: close\r\nContent-Length: {}\r\n\r\n{status}",
        status.len()
    )
}

/// Tells what comes after a version until the server leaves or ends its watches.
fn watch(stream: &mut TcpStream, path: &str, shared: &(Mutex<State>, Condvar)) -> std::io::Result<()> {
    let since = path
        .split(['?', '&'])
        .find_map(|part| part.strip_prefix("resourceVersion="));
    let mut told: u64 = since.and_then(|since| since.parse().ok()).expect("a version");
    if told < shared.0.lock().unwrap().oldest {
        return refuse(stream, 410, "Expired", "");
    }
    let watches = shared.0.lock().unwrap().watches;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    )?;
    loop {
        let state = shared.0.lock().unwrap();
        let (state, _) = shared.1.wait_timeout(state, LOOK).unwrap();
        if state.away || state.watches != watches {
            return Ok(());
        }
        let new = state.clusters.iter().filter(|(_, version)| *version > told);
        let events: Vec<String> = new
            .map(|(name, version)| json!({"type": "ADDED", "object": cluster(name, *version)}).to_string())
            .collect();
        told = state.version;
        drop(state);
        for event in events {
            writeln!(stream, "{event}")?;
        }
    }
}

fn cluster(name: &str, version: u64) -> Value {
    json!({
        "apiVersion": "butler.butlerlabs.dev/v1alpha1", "kind": "TenantCluster",
        "metadata": {
            "name": name, "namespace": "pay", "uid": name, "resourceVersion": version.to_string(),
            "creationTimestamp": "2026-11-30T10:00:00Z",
        },
        "spec": {}, "status": {"phase": "Ready"},
    })
}
