//! `butlerctl login --issuer`: at a real OpenID Connect provider, for a real kube-apiserver that trusts it.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/device.rs"]
mod device;
#[path = "oidc/provider.rs"]
mod provider;
#[path = "common/ran.rs"]
mod ran;
#[path = "oidc/support.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use device::Device;
use jiff::Timestamp;
use provider::Provider;
use ran::Ran;
use serde_json::{Value, json};
use support::control_plane::ControlPlane;
use support::peer;

/// A provider, and an API server that may trust it.
struct Site {
    provider: Provider,
    api: Api,
    folder: tempfile::TempDir,
}

/// An API server, as people name it.
struct Api {
    url: String,
    authority: String,
}

impl Api {
    /// One that nobody answers for: what is refused before it is asked needs none.
    fn nobody() -> Self {
        Self {
            url: "https://127.0.0.1:1".to_owned(),
            authority: String::new(),
        }
    }

    fn of(control_plane: &ControlPlane) -> Self {
        use secrecy::ExposeSecret as _;
        let kubeconfig: Value = serde_json::from_str(control_plane.kubeconfig.expose_secret()).unwrap();
        let cluster = &kubeconfig["clusters"][0]["cluster"];
        let authority = cluster["certificate-authority-data"].as_str().unwrap();
        Self {
            url: cluster["server"].as_str().unwrap().to_owned(),
            authority: String::from_utf8(BASE64_STANDARD.decode(authority).unwrap()).unwrap(),
        }
    }
}

impl Site {
    /// A provider without a cluster.
    fn without_cluster(further: &Value) -> Option<Self> {
        support::crypto();
        let folder = tempfile::tempdir().unwrap();
        let provider = Provider::start(folder.path(), further)?;
        Some(Self::of(provider, Api::nobody(), folder))
    }

    fn of(provider: Provider, api: Api, folder: tempfile::TempDir) -> Self {
        std::fs::write(folder.path().join("issuer.pem"), &provider.authority).unwrap();
        if !api.authority.is_empty() {
            std::fs::write(folder.path().join("api.pem"), &api.authority).unwrap();
        }
        Self { provider, api, folder }
    }

    /// A home where nobody is logged in.
    fn home(&self) -> Place<'_> {
        Place {
            site: self,
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// A home to log in from.
struct Place<'a> {
    site: &'a Site,
    home: tempfile::TempDir,
}

impl Place<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
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

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    fn login(&self, client: &str) -> Command {
        let site = self.site;
        let issuer = [
            "--issuer",
            &site.provider.issuer,
            "--issuer-ca",
            &site.file("issuer.pem"),
        ];
        let api = ["--client-id", client, "--api-server", &site.api.url];
        let mut command = self.command(&["login", "--no-browser"]);
        command.args(issuer).args(api);
        if !site.api.authority.is_empty() {
            command.args(["--certificate-authority", &site.file("api.pem")]);
        }
        command
    }

    /// Begins a login by a code.
    fn device(&self, client: &str) -> Device {
        Device::begin(self.login(client))
    }

    /// Logs in as somebody.
    fn as_user(&self, user: &str) -> Ran {
        let device = self.device("butler");
        self.site.provider.approve(&device.code, user);
        Ran::of(&device.ended())
    }

    fn credentials(&self) -> PathBuf {
        self.home.path().join("config/credentials.json")
    }

    /// The session that is kept, secrets included.
    fn kept(&self) -> Value {
        let kept: Value = serde_json::from_slice(&std::fs::read(self.credentials()).unwrap()).unwrap();
        kept["servers"][&self.site.api.url].clone()
    }

    fn refresh_token(&self) -> String {
        self.kept()["refreshToken"].as_str().unwrap().to_owned()
    }

    /// The kubeconfig that is kept.
    fn kubeconfig(&self) -> Value {
        let kubeconfig = self.kept()["kubeconfig"].as_str().unwrap().to_owned();
        serde_json::from_slice(&BASE64_STANDARD.decode(kubeconfig).unwrap()).unwrap()
    }

    fn id_token(&self) -> String {
        self.kubeconfig()["users"][0]["user"]["token"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Ended so, with these words among what it printed for people.
#[track_caller]
fn said(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for words in words {
        assert!(ran.stderr.contains(words), "{words:?}: {ran:?}");
    }
}

#[test]
fn a_cluster_that_trusts_the_issuer_takes_its_logins() {
    support::crypto();
    let folder = tempfile::tempdir().unwrap();
    // Tokens that are renewed whenever they are used.
    let Some(provider) = Provider::start(folder.path(), &json!({"idTokenSeconds": 55})) else {
        return;
    };
    let flags = [
        format!("--oidc-issuer-url={}", provider.issuer),
        "--oidc-client-id=butler".to_owned(),
        "--oidc-username-claim=email".to_owned(),
        format!("--oidc-ca-file={}", folder.path().join("ca.crt").display()),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(control_plane) = runtime.block_on(ControlPlane::start_with(&flags)) else {
        return;
    };
    let site = Site::of(provider, Api::of(&control_plane), folder);
    runtime.block_on(trusts(&site));
    logs_in_and_uses_kubectl(&site);
    renews_and_gives_back(&site);
    keeps_what_took_the_place_of_a_spent_token(&site);
    is_not_trusted_for_another_client(&site);
    drop(control_plane);
}

/// Waits until the API server has read the issuer's keys, which it does beside everything else.
async fn trusts(site: &Site) {
    let certificate = reqwest::Certificate::from_pem(site.api.authority.as_bytes()).unwrap();
    let client = reqwest::Client::builder().tls_certs_only([certificate]).no_proxy();
    let client = client.build().unwrap();
    let token = tokio::task::block_in_place(|| site.provider.token("somebody", "butler"));
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let asked = client.get(format!("{}/api", site.api.url)).bearer_auth(&token);
        if asked.send().await.unwrap().status() == 200 {
            return;
        }
        assert!(Instant::now() < deadline, "the API server does not trust the issuer");
        tokio::task::yield_now().await;
    }
}

fn logs_in_and_uses_kubectl(site: &Site) {
    let place = site.home();
    let login = place.as_user("alice");
    said(&login, 0, &["as alice@example.com", &site.api.url]);
    assert_eq!(login.stdout, "");
    assert!(!login.stderr.contains("team"), "an issuer knows no teams: {login:?}");
    let who = place.run(&["whoami", "-o", "json"]);
    let shown = who.json();
    assert_eq!(shown["issuer"], site.provider.issuer.as_str(), "{shown}");
    assert_eq!(
        (shown["email"].as_str(), shown["name"].as_str()),
        (Some("alice@example.com"), Some("alice"))
    );
    assert_eq!(shown["server"], site.api.url.as_str());
    let block = &place.kept()["issuer"];
    assert_eq!(
        (&block["clientId"], &block["subject"]),
        (&json!("butler"), &json!("alice"))
    );
    assert_eq!(block["scopes"], json!(["openid", "profile", "email", "offline_access"]));
    for secret in [place.refresh_token(), place.id_token()] {
        for said in [&login.stderr, &who.stdout, &who.stderr] {
            assert!(!said.contains(&secret), "a secret is printed");
        }
        assert!(!block.to_string().contains(&secret));
    }
    // Whoever logs in again where an issuer was the last one need not name it.
    let again = Device::begin(place.command(&["login", "--no-browser"]));
    site.provider.approve(&again.code, "alice");
    said(&Ran::of(&again.ended()), 0, &["as alice@example.com"]);
    kubectl_asks_for_credentials(site, &place);
}

/// The real kubectl by what `butlerctl kubeconfig` writes. Tokens are renewed whenever they are asked for, and the provider
/// takes everything back from whoever uses a refresh token twice.
fn kubectl_asks_for_credentials(site: &Site, place: &Place<'_>) {
    let Some(kubectl) = peer("kubectl") else { return };
    let written = place.run(&["kubeconfig"]);
    said(&written, 0, &[]);
    for secret in [place.refresh_token(), place.id_token()] {
        assert!(!written.stdout.contains(&secret), "a secret is written");
    }
    let file = place.home.path().join("kubeconfig");
    std::fs::write(&file, &written.stdout).unwrap();
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new(&kubectl);
        command.env_clear().env("HOME", place.home.path());
        command.arg("--kubeconfig").arg(&file).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let refreshed = site.provider.count("/token 200");
    let all: Vec<_> = (0..8).map(|_| kubectl(&["get", "--raw", "/api"])).collect();
    for one in all {
        let api = Ran::of(&one.wait_with_output().unwrap());
        assert!(api.stdout.contains("APIVersions"), "{api:?}");
    }
    assert_eq!(site.provider.count("/token 200"), refreshed + 8);
    let me = kubectl(&["auth", "whoami", "-o", "json"]).wait_with_output().unwrap();
    let me = Ran::of(&me).json();
    assert_eq!(me["status"]["userInfo"]["username"], "alice@example.com", "{me}");
}

fn renews_and_gives_back(site: &Site) {
    let place = site.home();
    said(&place.as_user("bob"), 0, &[]);
    let (refresh, id) = (place.refresh_token(), place.id_token());
    // Two tokens of one second would be the same.
    site.provider.faults_of("bob", &json!({"claims": {"jti": "second"}}));
    said(&place.run(&["whoami"]), 0, &[]);
    assert_ne!(place.refresh_token(), refresh, "a refresh token is good once");
    assert_ne!(place.id_token(), id);
    let end = place.kept()["expiresAt"]
        .as_str()
        .unwrap()
        .parse::<Timestamp>()
        .unwrap();
    assert!(end > Timestamp::now(), "{end}");

    let copy = site.home();
    let copied = copy.credentials();
    std::fs::create_dir_all(copied.parent().unwrap()).unwrap();
    std::fs::copy(place.credentials(), &copied).unwrap();
    let revoked = site.provider.count("/token/revocation 200");
    said(
        &place.run(&["logout"]),
        0,
        &["has taken its refresh token back", "good until"],
    );
    assert_eq!(site.provider.count("/token/revocation 200"), revoked + 1);
    let lost = copy.run(&["whoami"]);
    said(&lost, 4, &["invalid_grant", "log in again: butlerctl login"]);
    said(&place.run(&["whoami"]), 4, &["nobody is logged in"]);
}

fn keeps_what_took_the_place_of_a_spent_token(site: &Site) {
    let place = site.home();
    said(&place.as_user("carol"), 0, &[]);
    let id = place.id_token();
    let faults = [
        (json!({"omit": ["id_token"]}), 1, "gives no ID token"),
        (json!({"forged": true}), 1, "Signature verification failed"),
        (json!({"claims": {"exp": 1000}}), 1, "this one is"),
        (json!({"claims": {"sub": "mallory"}}), 4, "with one of \"mallory\""),
    ];
    for (fault, code, words) in faults {
        let before = place.refresh_token();
        site.provider.faults_of("carol", &fault);
        said(&place.run(&["whoami"]), code, &[words]);
        assert_ne!(place.refresh_token(), before, "{words}");
        assert_eq!(place.id_token(), id, "{words}");
    }
    // A provider that does not rotate leaves the old one good.
    site.provider.faults_of(
        "carol",
        &json!({"omit": ["refresh_token"], "claims": {"jti": "second"}}),
    );
    site.provider.faults_for("butler", &json!({"status": 503, "times": 1}));
    let before = place.refresh_token();
    said(&place.run(&["whoami"]), 1, &["503"]);
    assert_eq!(place.refresh_token(), before);
    said(&place.run(&["whoami"]), 0, &[]);
    assert_eq!(place.refresh_token(), before);
    assert_ne!(place.id_token(), id);
}

fn is_not_trusted_for_another_client(site: &Site) {
    let place = site.home();
    let device = place.device("stranger");
    site.provider.approve(&device.code, "alice");
    let issuer = format!("--oidc-issuer-url={}", site.provider.issuer);
    said(
        &Ran::of(&device.ended()),
        1,
        &["does not accept logins", &issuer, "--oidc-client-id=stranger"],
    );
    assert!(!place.credentials().exists());
}

#[test]
fn a_login_that_nobody_approves_leaves_nothing() {
    let Some(site) = Site::without_cluster(&json!({"codeSeconds": 4})) else {
        return;
    };
    let (denied, expired) = (site.home(), site.home());
    let waiting = expired.device("butler");
    let no = denied.device("butler");
    site.provider.deny(&no.code);
    said(&Ran::of(&no.ended()), 4, &["the login was denied", "try again"]);
    said(&Ran::of(&waiting.ended()), 4, &["the code has expired", "try again"]);
    for place in [denied, expired] {
        assert!(!place.credentials().exists());
    }
}

#[test]
fn a_token_that_cannot_be_trusted_is_no_login() {
    let Some(site) = Site::without_cluster(&json!({})) else {
        return;
    };
    let now = Timestamp::now().as_second();
    let cases = [
        (
            "forged",
            json!({"forged": true}),
            vec!["Signature verification failed", "in the issuer's place"],
        ),
        (
            "audience",
            json!({"claims": {"aud": "somebody"}}),
            vec!["Invalid audiences", "`somebody`"],
        ),
        (
            "both",
            json!({"claims": {"aud": ["butler", "somebody"]}}),
            vec!["not a trusted audience"],
        ),
        (
            "issuer",
            json!({"claims": {"iss": "https://127.0.0.1:2"}}),
            vec!["Invalid issuer"],
        ),
        (
            "behind",
            json!({"claims": {"iat": now + 900, "exp": now + 1800}}),
            vec!["clocks", "min behind", "timedatectl"],
        ),
        (
            "ahead",
            json!({"claims": {"iat": now - 1800, "exp": now - 900}}),
            vec!["clocks", "30 min ahead"],
        ),
        ("none", json!({"omit": ["id_token"]}), vec!["gives no ID token"]),
    ];
    let places: Vec<Place<'_>> = cases.iter().map(|_| site.home()).collect();
    let devices: Vec<Device> = cases
        .iter()
        .zip(&places)
        .map(|((user, faults, _), place)| {
            site.provider.faults_of(user, faults);
            let device = place.device("butler");
            site.provider.approve(&device.code, user);
            device
        })
        .collect();
    for (((_, _, words), device), place) in cases.iter().zip(devices).zip(&places) {
        said(&Ran::of(&device.ended()), 1, words);
        assert!(!place.credentials().exists());
    }
}

#[test]
fn trouble_on_the_way_and_half_a_minute_between_two_clocks_are_no_end() {
    let Some(site) = Site::without_cluster(&json!({})) else {
        return;
    };
    let now = Timestamp::now().as_second();
    site.provider
        .faults_of("erin", &json!({"claims": {"iat": now + 30, "exp": now + 900}}));
    site.provider.faults_for("butler", &json!({"status": 503, "times": 1}));
    let place = site.home();
    let device = place.device("butler");
    site.provider.approve(&device.code, "erin");
    // The token is good; the cluster is asked next, and there is none.
    let told = [
        "does not answer now: it answers 503;",
        "cannot reach https://127.0.0.1:1",
    ];
    said(&Ran::of(&device.ended()), 1, &told);
}

#[test]
fn what_is_no_issuer_or_none_that_logs_in_by_codes_is_named() {
    let Some(site) = Site::without_cluster(&json!({"withoutDeviceGrant": true})) else {
        return;
    };
    let place = site.home();
    let login = |issuer: &str, authority: Option<&Path>| {
        let mut arguments = vec!["login", "--no-browser", "--issuer", issuer, "--client-id", "butler"];
        arguments.extend(["--api-server", "https://127.0.0.1:1"]);
        let mut command = place.command(&arguments);
        if let Some(authority) = authority {
            command.arg("--issuer-ca").arg(authority);
        }
        Ran::of(&command.output().unwrap())
    };
    let (issuer, folder) = (&site.provider.issuer, site.folder.path());
    let right = folder.join("issuer.pem");
    said(
        &login(issuer, Some(&right)),
        1,
        &["device_authorization_endpoint", "RFC 8628"],
    );
    said(&login(issuer, None), 1, &["is not trusted", "--issuer-ca FILE"]);
    let other = folder.join("other");
    std::fs::create_dir(&other).unwrap();
    provider::authority(&other);
    said(&login(issuer, Some(&other.join("ca.crt"))), 1, &["is not trusted"]);
    let slash = format!("{issuer}/");
    said(
        &login(&slash, Some(&right)),
        1,
        &["another issuer", "exactly as the issuer calls itself"],
    );
    let elsewhere = format!("{issuer}/elsewhere");
    said(
        &login(&elsewhere, Some(&right)),
        1,
        &["no OpenID Connect provider", ".well-known/openid-configuration"],
    );
    said(&login("http://login.example.com", None), 2, &["not encrypted"]);
    said(
        &login("https://me:hunter2@login.example.com", None),
        2,
        &["no password"],
    );
    said(
        &login("https://127.0.0.1:1", None),
        1,
        &["cannot reach https://127.0.0.1:1"],
    );
    let junk = folder.join("junk.pem");
    std::fs::write(&junk, "junk").unwrap();
    said(&login(issuer, Some(&junk)), 2, &["cannot use the authority"]);
    let alone = place.run(&["login", "--issuer", issuer]);
    said(&alone, 2, &["--client-id", "--api-server"]);
    assert!(!place.credentials().exists());
}
