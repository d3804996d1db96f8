//! The real OpenID Connect provider, on loopback, and people who decide there.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::{Certificate, Client};
use serde_json::{Value, json};

use crate::support::{control_plane::Pki, peer};

/// A running provider. It ends with this value: with its standard input.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    /// The authority of its certificate (PEM).
    pub(crate) authority: String,
    client: Client,
    runtime: tokio::runtime::Runtime,
    _child: Ended,
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It has no answer of interest any more.
        let _ = self.0.wait();
    }
}

impl Provider {
    /// Starts one with a certificate of an authority that is made for it; none where node or the provider is not there.
    pub(crate) fn start(folder: &Path, further: &Value) -> Option<Self> {
        let modules = peer("oidc")?;
        let authority = authority(folder);
        let mut config = json!({
            "certificate": folder.join("server.crt"),
            "key": folder.join("server.key"),
            "clients": ["butler", "stranger"],
            // Whatever goes wrong, no test waits for longer.
            "codeSeconds": 60,
        });
        let members = config.as_object_mut().unwrap();
        members.extend(further.as_object().unwrap().clone());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/peers/oidc/server.mjs");
        let child = Command::new("node")
            .args([Path::new(script), &modules])
            .arg(config.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It warns that it is used for tests.
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
            {
                eprintln!("skipped: no node on PATH");
            }
            return None;
        };
        let mut issuer = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut issuer).unwrap();
        let issuer = issuer.trim().to_owned();
        assert!(issuer.starts_with("https://127.0.0.1:"), "the provider says {issuer:?}");
        let certificate = Certificate::from_pem(authority.as_bytes()).unwrap();
        let client = Client::builder().tls_certs_only([certificate]).no_proxy().build();
        Some(Self {
            issuer,
            authority,
            client: client.unwrap(),
            runtime: tokio::runtime::Runtime::new().unwrap(),
            _child: Ended(child),
        })
    }

    fn tell(&self, what: &str, body: &Value) -> String {
        let url = format!("{}/test/{what}", self.issuer);
        let answer = self.client.post(url).body(body.to_string());
        self.runtime.block_on(async {
            let answer = answer.send().await.unwrap();
            assert!(answer.status().is_success(), "{what}: {}", answer.status());
            answer.text().await.unwrap()
        })
    }

    pub(crate) fn approve(&self, code: &str, user: &str) {
        self.tell("decide", &json!({"code": code, "user": user}));
    }

    pub(crate) fn deny(&self, code: &str) {
        self.tell("decide", &json!({"code": code}));
    }

    /// What goes wrong from now on with the ID tokens of a person.
    pub(crate) fn faults_of(&self, user: &str, faults: &Value) {
        self.tell("faults", &json!({"user": user, "faults": faults}));
    }

    /// What goes wrong from now on with the answers to a client.
    pub(crate) fn faults_for(&self, client: &str, faults: &Value) {
        self.tell("faults", &json!({"client": client, "faults": faults}));
    }

    /// An ID token that nobody logged in for.
    pub(crate) fn token(&self, user: &str, client: &str) -> String {
        self.tell("token", &json!({"user": user, "client": client}))
    }

    /// How often a path was answered so.
    pub(crate) fn count(&self, answer: &str) -> u64 {
        let url = format!("{}/test/counts", self.issuer);
        let counts = self.runtime.block_on(async {
            let answer = self.client.get(url).send().await.unwrap();
            answer.text().await.unwrap()
        });
        let counts: Value = serde_json::from_str(&counts).unwrap();
        counts[answer].as_u64().unwrap_or(0)
    }
}

/// The authority (PEM) of a certificate that is made in a folder.
pub(crate) fn authority(folder: &Path) -> String {
    Pki::make(folder);
    std::fs::read_to_string(folder.join("ca.crt")).unwrap()
}
