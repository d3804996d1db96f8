//! Butler's server at the end of a bootstrap, and what the command line says to logins there.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::world::{Run, SHORT, Site};

const CONSOLE: &str = "addons:
  console:
    enabled: true
";

fn inmemory(site: &Site, arguments: &[&str]) -> Run {
    let output = site.butleradm().arg("inmemory").args(arguments).output();
    Run::of(&output.expect("the binary starts"))
}

#[test]
fn a_bootstrap_ends_with_butlers_server_and_logins_there_are_answered_by_code() {
    let site = Site::new(SHORT, 1, 0, CONSOLE);
    let before = inmemory(&site, &["approve", "ABCD-EFGH", "--as", "alice"]);
    assert_eq!(before.code, Some(1));
    assert!(before.stderr.contains("no world runs"), "{}", before.stderr);
    assert!(before.stderr.contains("butleradm inmemory up"), "{}", before.stderr);

    let run = site.bootstrap(&[]);
    run.is_ready();
    let status = site.status();
    let server = &status["butlerServers"][0];
    assert_eq!(server["cluster"], "demo");
    let url = server["url"].as_str().unwrap();
    assert!(url.starts_with("https://"), "{url}");
    let next = format!("hint: butlerctl login --server {url}\n");
    assert!(run.stderr.ends_with(&next), "{}", run.stderr);
    let authority = std::fs::read_to_string(server["caFile"].as_str().unwrap()).unwrap();
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"));
    let admin = format!("hint: as the platform administrator: butleradm login --server {url}\n");
    assert!(run.stderr.contains(&admin), "{}", run.stderr);
    an_administrator_is_made_and_logs_in(&site, url, &authority);
    let people: Vec<&str> = status["people"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["user"].as_str())
        .collect();
    assert_eq!(people, ["admin", "alice", "bob"]);
    assert_eq!(status["people"][1]["teams"], json!({"demo": "operator"}));

    for arguments in [
        &["approve", "ABCD-EFGH", "--as", "alice"][..],
        &["deny", "abcd-efgh"],
        &["deny", "../status"],
    ] {
        let wrong = inmemory(&site, arguments);
        assert_eq!(wrong.code, Some(1), "{arguments:?}");
        assert!(wrong.stderr.contains("no login waits with code"), "{}", wrong.stderr);
    }
}

/// Whoever has the admin kubeconfig makes an administrator, who chooses a password at Butler's server and logs in with it.
fn an_administrator_is_made_and_logs_in(site: &Site, url: &str, authority: &str) {
    let kubeconfig = site.butler_home().join("demo-kubeconfig");
    let mut create = site.butleradm();
    create.args([
        "user",
        "create",
        "ann@example.com",
        "--platform-role",
        "admin",
        "-o",
        "json",
    ]);
    create.arg("--kubeconfig").arg(&kubeconfig).args(["--server", url]);
    let made = Run::of(&create.output().expect("the binary starts"));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let answer: Value = serde_json::from_str(&made.stdout).unwrap();
    let link = answer["inviteUrl"].as_str().unwrap();
    let token = link.strip_prefix(&format!("{url}/invite/")).unwrap();

    let _ = rustls::crypto::ring::default_provider().install_default();
    let form = json!({"token": token, "password": "a long password"});
    let chosen = tokio::runtime::Runtime::new().unwrap().block_on(async {
        let authority = reqwest::Certificate::from_pem(authority.as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([authority])
            .no_proxy()
            .build()
            .unwrap();
        let request = client
            .post(format!("{url}/api/auth/set-password"))
            .body(form.to_string());
        request.send().await.unwrap().status()
    });
    assert_eq!(chosen, 200);

    let mut login = site.butleradm();
    login.args([
        "login",
        "--server",
        url,
        "--user",
        "ann@example.com",
        "--password-stdin",
    ]);
    let mut login = login
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(login.stdin.take().unwrap(), "a long password").unwrap();
    let logged_in = Run::of(&login.wait_with_output().unwrap());
    assert_eq!(logged_in.code, Some(0), "{}", logged_in.stderr);
    let mut list = site.butleradm();
    let list = list
        .args(["team", "create", "crew", "--wait", "-o", "json", "--server", url])
        .output();
    let list = Run::of(&list.expect("the binary starts"));
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    let team: Value = serde_json::from_str(&list.stdout).unwrap();
    assert_eq!(
        (&team["status"]["phase"], &team["status"]["namespace"]),
        (&json!("Ready"), &json!("crew"))
    );
}
