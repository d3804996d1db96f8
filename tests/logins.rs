//! Butler's server at the end of a bootstrap, and what the command line says to logins there.

use serde_json::json;

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
