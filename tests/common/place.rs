//! Butler's server, a home to log in from, and what the command line did there.

#[path = "../../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
pub(crate) mod support;

#[path = "ran.rs"]
mod ran;

use std::convert::Infallible;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use butler_world::butler::server::Lifetimes;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use jiff::{SignedDuration, Timestamp};
pub(crate) use ran::Ran;
use serde_json::{Value, json};
use support::{Setup, Site};

/// The end of a test that waits for what never comes.
const NEVER: Duration = Duration::from_mins(1);

/// A server that listens, and a home of its own to log in from.
pub(crate) struct Place {
    _runtime: tokio::runtime::Runtime,
    pub(crate) site: Arc<Site>,
    pub(crate) url: String,
    pub(crate) home: tempfile::TempDir,
    seen: Arc<Seen>,
    arrivals: Mutex<mpsc::Receiver<()>>,
}

/// What the server does with a question for another token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refreshes {
    /// It answers.
    Answered,
    /// It does nothing, and says nothing.
    Ignored,
    /// It spends the token, and says nothing.
    Swallowed,
    /// It spends the token, and answers when it is told to.
    Delayed,
}

/// What came to the server, and what it gave.
struct Seen {
    refreshes: Mutex<usize>,
    manner: Mutex<Refreshes>,
    arrived: mpsc::Sender<()>,
    /// What is delayed may be answered.
    released: tokio::sync::Notify,
    secrets: Mutex<Vec<String>>,
}

impl Place {
    pub(crate) fn new(lifetimes: Lifetimes) -> Self {
        Self::at(Timestamp::now(), lifetimes)
    }

    /// With a server whose clock is a day behind, so that what it gives is renewed at once. Then it is right.
    pub(crate) fn behind() -> Self {
        let lifetimes = Lifetimes::default();
        let day = SignedDuration::try_from(lifetimes.session).unwrap();
        Self::at(Timestamp::now() - day, lifetimes)
    }

    /// The clock of a server that was behind is right from now on.
    pub(crate) fn is_right(&self) {
        self.site.pass(Lifetimes::default().session);
    }

    fn at(now: Timestamp, lifetimes: Lifetimes) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let setup = Setup {
            served: true,
            now,
            lifetimes,
            ..Setup::default()
        };
        let site = Arc::new(runtime.block_on(Site::new(setup)));
        site.user("alice", &json!({}));
        site.team("alpha", &[("alice", "operator")]);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (arrived, arrivals) = mpsc::channel();
        let seen = Arc::new(Seen {
            refreshes: Mutex::new(0),
            manner: Mutex::new(Refreshes::Answered),
            arrived,
            released: tokio::sync::Notify::new(),
            secrets: Mutex::new(Vec::new()),
        });
        runtime.spawn(serve(listener, Arc::clone(&site), Arc::clone(&seen)));
        Self {
            _runtime: runtime,
            site,
            url,
            home: tempfile::tempdir().unwrap(),
            seen,
            arrivals: Mutex::new(arrivals),
        }
    }

    /// The command line with this home, and nothing else in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_butlerctl"));
        command
            .env_clear()
            .env("BUTLER_HOME", self.home.path())
            .env("BUTLER_CREDENTIALS", "file")
            .args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// Logs in by a password, which comes over standard input.
    pub(crate) fn by_password(&self, password: &str) -> Ran {
        with_input(&mut self.command(&self.login()), password)
    }

    /// What a login by a password is asked for with.
    pub(crate) fn login(&self) -> [&str; 6] {
        ["login", "--server", &self.url, "--user", "alice", "--password-stdin"]
    }

    /// Ends the server. The home stays.
    pub(crate) fn gone(self) -> tempfile::TempDir {
        self.home
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.home.path().join("config/credentials.json")
    }

    /// How many questions for another token came to the server.
    pub(crate) fn refreshes(&self) -> usize {
        *self.seen.refreshes.lock().unwrap()
    }

    /// From now on the server does this with them.
    pub(crate) fn refreshes_are(&self, manner: Refreshes) {
        *self.seen.manner.lock().unwrap() = manner;
    }

    /// Waits until the server has done with one that it does not answer.
    pub(crate) fn arrival(&self) {
        self.arrivals.lock().unwrap().recv_timeout(NEVER).unwrap();
    }

    /// The server answers what it has delayed.
    pub(crate) fn release(&self) {
        self.seen.released.notify_one();
    }

    /// All secrets that the server gave so far.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.seen.secrets.lock().unwrap().clone()
    }
}

/// Runs a command that reads this line.
pub(crate) fn with_input(command: &mut Command, line: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{line}").unwrap();
    Ran::of(&child.wait_with_output().unwrap())
}

/// The permissions of a file or folder.
pub(crate) fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

async fn serve(listener: tokio::net::TcpListener, site: Arc<Site>, seen: Arc<Seen>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (site, seen) = (Arc::clone(&site), Arc::clone(&seen));
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let (site, seen) = (Arc::clone(&site), Arc::clone(&seen));
                async move {
                    let (parts, body) = request.into_parts();
                    let body: Bytes = body.collect().await.unwrap().to_bytes();
                    let request = http::Request::from_parts(parts, body);
                    Ok::<_, Infallible>(seen.answered(&site, request).await)
                }
            });
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A client that has what it wanted hangs up.
            drop(served.await);
        });
    }
}

impl Seen {
    async fn answered(&self, site: &Site, request: http::Request<Bytes>) -> http::Response<Full<Bytes>> {
        let is_refresh = request.uri().path() == "/api/auth/cli/refresh";
        let manner = if is_refresh {
            *self.refreshes.lock().unwrap() += 1;
            *self.manner.lock().unwrap()
        } else {
            Refreshes::Answered
        };
        if manner == Refreshes::Ignored {
            self.silence().await;
        }
        let (parts, body) = site.server.answer(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        self.remember(&body);
        match manner {
            Refreshes::Swallowed => self.silence().await,
            Refreshes::Delayed => {
                self.arrived.send(()).unwrap();
                self.released.notified().await;
            }
            Refreshes::Answered | Refreshes::Ignored => {}
        }
        http::Response::from_parts(parts, Full::new(body))
    }

    /// Says nothing for as long as the client lives.
    async fn silence(&self) {
        self.arrived.send(()).unwrap();
        std::future::pending::<()>().await;
    }

    fn remember(&self, body: &[u8]) {
        let Ok(answer) = serde_json::from_slice::<Value>(body) else {
            return;
        };
        let given = ["refresh_token", "session_token", "kubeconfig"].map(|name| answer[name].as_str());
        let given = given.into_iter().flatten().map(str::to_owned);
        self.secrets.lock().unwrap().extend(given);
    }
}
