//! `butlerctl login` against Butler's server: what is printed, where it is kept, and the exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "../core/world/tests/butler_server/support.rs"]
#[expect(dead_code, reason = "the tests of the server itself use all of it")]
mod support;

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use butler_world::butler::server::{Lifetimes, LoginServer as _};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use support::{PASSWORD, Setup, Site};

/// A server that listens, and a home of its own to log in from.
struct Place {
    runtime: tokio::runtime::Runtime,
    site: Arc<Site>,
    url: String,
    home: tempfile::TempDir,
}

impl Place {
    fn new(lifetimes: Lifetimes) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let setup = Setup {
            now: Timestamp::now(),
            lifetimes,
            ..Setup::default()
        };
        let site = Arc::new(runtime.block_on(Site::new(setup)));
        site.user("alice", &json!({}));
        site.team("alpha", &[("alice", "operator")]);
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, Arc::clone(&site)));
        Self {
            runtime,
            site,
            url,
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_butlerctl"));
        command.env_clear().env("BUTLER_HOME", self.home.path()).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// Logs in by a password, which comes over standard input.
    fn by_password(&self, password: &str) -> Ran {
        let arguments = ["login", "--server", &self.url, "--user", "alice", "--password-stdin"];
        let mut child = self.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        Ran::of(&child.wait_with_output().unwrap())
    }

    fn credentials(&self) -> PathBuf {
        self.home.path().join("config/credentials.json")
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

async fn serve(listener: tokio::net::TcpListener, site: Arc<Site>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let site = Arc::clone(&site);
                async move {
                    let (parts, body) = request.into_parts();
                    let body: Bytes = body.collect().await.unwrap().to_bytes();
                    Ok::<_, Infallible>(site.server.answer(http::Request::from_parts(parts, body)).await)
                }
            });
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            // A client that has what it wanted hangs up.
            drop(served.await);
        });
    }
}

/// A device login that waits for a person, and the code that it shows.
struct Device {
    child: Child,
    stderr: BufReader<std::process::ChildStderr>,
    code: String,
}

impl Device {
    fn begin(place: &Place) -> Self {
        let mut child = place
            .command(&["login", "--server", &place.url, "--no-browser"])
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("code:") {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended without a code");
        }
        let code = line.trim_start_matches("code:").trim().to_owned();
        Self { child, stderr, code }
    }

    fn ended(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        Ran {
            code: status.code(),
            stdout,
            stderr,
        }
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn a_password_logs_in_and_what_it_gave_is_private_shown_without_secrets_and_forgotten() {
    let place = Place::new(Lifetimes::default());
    let login = place.by_password(PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    assert!(
        login.stderr.contains("as alice@example.com") && login.stderr.contains("team: alpha"),
        "{login:?}"
    );
    assert_eq!(login.stdout, "");
    assert_eq!(mode(&place.credentials()), 0o600);
    assert_eq!(mode(place.credentials().parent().unwrap()), 0o700);

    let who = place.run(&["whoami", "-o", "json"]);
    let shown = who.json();
    assert_eq!(shown["email"], "alice@example.com", "{shown}");
    assert_eq!(shown["teams"], json!([{"name": "alpha", "role": "operator"}]));
    assert_eq!(shown["activeTeam"], "alpha");
    let kept: Value = serde_json::from_slice(&std::fs::read(place.credentials()).unwrap()).unwrap();
    let session = &kept["servers"][&place.url];
    for secret in ["refreshToken", "sessionToken", "kubeconfig"] {
        let secret = session[secret].as_str().unwrap();
        for said in [&login.stderr, &who.stdout, &who.stderr] {
            assert!(!said.contains(secret), "a secret is printed");
        }
    }

    let current = place.run(&["context", "current", "-o", "name"]);
    assert_eq!(current.stdout, format!("{}/alpha\n", place.url));
    let other = place.run(&["context", "use", "--team", "beta"]);
    assert_eq!(other.code, Some(2), "{other:?}");
    assert!(other.stderr.contains("the teams are: alpha"), "{other:?}");

    assert_eq!(place.run(&["logout"]).code, Some(0));
    let gone = place.run(&["whoami"]);
    assert_eq!(gone.code, Some(4), "{gone:?}");
    assert!(gone.stderr.contains("butlerctl login --server URL"), "{gone:?}");
    assert!(
        !std::fs::read_to_string(place.credentials())
            .unwrap()
            .contains("refreshToken")
    );
}

#[test]
fn a_login_that_is_refused_leaves_nothing() {
    let place = Place::new(Lifetimes::default());
    let wrong = place.by_password("hunter2");
    assert_eq!(wrong.code, Some(4), "{wrong:?}");
    assert!(wrong.stderr.contains("Invalid email or password"), "{wrong:?}");
    assert!(!wrong.stderr.contains("hunter2"), "{wrong:?}");
    let none = place.run(&["login", "--server", "http://127.0.0.1:1"]);
    assert_eq!(none.code, Some(1), "{none:?}");
    assert!(none.stderr.contains("cannot reach http://127.0.0.1:1"), "{none:?}");
    let open = place.run(&["login", "--server", "http://console.example.com"]);
    assert_eq!(open.code, Some(2), "{open:?}");
    assert!(open.stderr.contains("--insecure-http"), "{open:?}");
    let junk = place.home.path().join("junk.pem");
    std::fs::write(&junk, "junk").unwrap();
    let authority = place.run(&["login", "--server", &place.url, "--ca-file", junk.to_str().unwrap()]);
    assert_eq!(authority.code, Some(2), "{authority:?}");
    assert!(authority.stderr.contains("junk.pem"), "{authority:?}");
    assert!(!place.credentials().exists());
}

/// One place for all, because each waits for as long as the server tells programs to wait between two questions.
#[test]
fn a_code_that_a_person_approves_logs_in_and_one_that_is_denied_or_forgotten_does_not() {
    let place = Place::new(Lifetimes::default());
    let (approved, denied) = (Device::begin(&place), Device::begin(&place));
    place.site.server.approve(&approved.code, "alice").unwrap();
    place.site.server.deny(&denied.code).unwrap();
    let login = approved.ended();
    assert_eq!(login.code, Some(0), "{login:?}");
    assert!(login.stderr.contains("logged in on"), "{login:?}");
    let no = denied.ended();
    assert_eq!(no.code, Some(4), "{no:?}");
    assert!(no.stderr.contains("the login was denied"), "{no:?}");
    let forgotten = Device::begin(&place);
    place.site.server.restart();
    let lost = forgotten.ended();
    assert_eq!(lost.code, Some(4), "{lost:?}");
    assert!(lost.stderr.contains("may have been restarted"), "{lost:?}");
}

#[test]
fn a_login_is_renewed_when_it_is_needed_and_teams_that_it_loses_are_told() {
    let short = Lifetimes {
        session: Duration::from_secs(30),
        ..Lifetimes::default()
    };
    let place = Place::new(short);
    let login = place.by_password(PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    let token = || {
        let kept: Value = serde_json::from_slice(&std::fs::read(place.credentials()).unwrap()).unwrap();
        kept["servers"][&place.url]["refreshToken"].as_str().unwrap().to_owned()
    };
    let before = token();
    let who = place.run(&["whoami"]);
    assert_eq!(who.code, Some(0), "{who:?}");
    assert_ne!(token(), before, "a refresh token is good once");
    place.site.faults.lock().unwrap().refresh_loses_teams = true;
    let poorer = place.run(&["whoami"]);
    assert_eq!(poorer.code, Some(0), "{poorer:?}");
    assert!(
        poorer.stderr.contains("no longer counts you to team alpha"),
        "{poorer:?}"
    );
    place.site.server.restart();
    let lost = place.run(&["whoami"]);
    assert_eq!(lost.code, Some(4), "{lost:?}");
    assert!(lost.stderr.contains("butlerctl login --server"), "{lost:?}");
    drop(place.runtime);
}
