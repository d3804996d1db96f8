//! Every way in which a login does not come about, or ends: what is said, and the exit code.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/place.rs"]
#[expect(dead_code, reason = "the tests of credentials use all of it")]
mod place;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr};
use std::time::Duration;

use butler_world::butler::server::{Lifetimes, LoginServer as _};
use place::support::PASSWORD;
use place::{Place, Ran};
use serde_json::json;

/// A login that shows its code and waits.
struct Waiting {
    child: Child,
    stderr: BufReader<ChildStderr>,
    code: String,
}

impl Waiting {
    fn begin(place: &Place) -> Self {
        let mut command = place.command(&["login", "--server", &place.url, "--no-browser"]);
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let code = loop {
            let mut line = String::new();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended without a code");
            if let Some(code) = line.strip_prefix("code:") {
                break code.trim().to_owned();
            }
        };
        Self { child, stderr, code }
    }

    fn ended(mut self) -> Ran {
        let status = self.child.wait().unwrap();
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        Ran {
            code: status.code(),
            stdout,
            stderr,
        }
    }
}

/// Nothing of a login that failed is anywhere.
fn nothing_is_kept(place: &Place) {
    assert!(!place.credentials().exists());
    assert_eq!(place.run(&["whoami"]).code, Some(4));
}

#[test]
fn a_code_that_nobody_approves_in_time() {
    let place = Place::new(Lifetimes {
        device_code: Duration::from_secs(7),
        ..Lifetimes::default()
    });
    let waiting = Waiting::begin(&place);
    // The clock of the server moves by itself only when it is told to; the program's own clock says when the time is over.
    place.site.pass(Duration::from_secs(7));
    let late = waiting.ended();
    assert_eq!(late.code, Some(4), "{late:?}");
    let said = late.stderr.contains("the code has expired") || late.stderr.contains("does not know the code any more");
    assert!(said, "{late:?}");
    assert!(late.stderr.contains("try again: butlerctl login --server"), "{late:?}");
    nothing_is_kept(&place);
}

#[test]
fn a_login_that_is_approved_and_that_the_server_cannot_complete() {
    let place = Place::new(Lifetimes::default());
    let without_namespace = json!({
        "metadata": {"name": "ghost"},
        "spec": {"displayName": "ghost", "access": {"users": [{"name": "alice@example.com", "role": "viewer"}]}},
    });
    place.site.butler("Team", "teams", without_namespace);
    let waiting = Waiting::begin(&place);
    place.site.server.approve(&waiting.code, "alice").unwrap();
    let spent = waiting.ended();
    assert_eq!(spent.code, Some(4), "{spent:?}");
    assert!(
        spent
            .stderr
            .contains("the login was approved, and the server could not complete it"),
        "{spent:?}"
    );
    assert!(spent.stderr.contains("a team may have no namespace yet"), "{spent:?}");
    nothing_is_kept(&place);
}

#[test]
fn a_server_whose_certificate_nobody_has_vouched_for() {
    let place = Place::new(Lifetimes::default());
    let api = &place.site.api.as_ref().unwrap().kubeconfig["clusters"][0]["cluster"];
    let server = api["server"].as_str().unwrap();
    let untrusted = place.run(&["login", "--server", server, "--no-browser"]);
    assert_eq!(untrusted.code, Some(1), "{untrusted:?}");
    assert!(untrusted.stderr.contains("is not trusted"), "{untrusted:?}");
    assert!(untrusted.stderr.contains("--ca-file FILE"), "{untrusted:?}");
    nothing_is_kept(&place);
}

#[test]
fn a_server_that_has_no_login_for_command_lines() {
    let place = Place::new(Lifetimes::default());
    let elsewhere = format!("{}/console", place.url);
    let missing = place.run(&["login", "--server", &elsewhere, "--no-browser"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stderr.contains("BUTLER_CLI_AUTH_ENABLED=true"), "{missing:?}");
}

#[test]
fn an_account_that_was_disabled_after_its_login() {
    let place = Place::behind();
    let login = place.by_password(PASSWORD);
    assert_eq!(login.code, Some(0), "{login:?}");
    place.is_right();
    place.site.disable("alice");
    let refused = place.run(&["whoami"]);
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.stderr.contains("cannot be renewed"), "{refused:?}");
    assert!(refused.stderr.contains("Account is disabled"), "{refused:?}");
}

#[test]
fn a_server_that_is_gone_when_a_login_has_to_be_renewed() {
    let place = Place::behind();
    assert_eq!(place.by_password(PASSWORD).code, Some(0));
    let kept = std::fs::read(place.credentials()).unwrap();
    let command = place.command(&["whoami"]);
    let place = place.gone();
    let mut command = command;
    let unreachable = Ran::of(&command.output().unwrap());
    assert_eq!(unreachable.code, Some(1), "{unreachable:?}");
    assert!(
        unreachable.stderr.contains("could not be renewed now"),
        "{unreachable:?}"
    );
    assert!(unreachable.stderr.contains("cannot reach"), "{unreachable:?}");
    // It may come back: nothing is lost.
    assert_eq!(
        std::fs::read(place.path().join("config/credentials.json")).unwrap(),
        kept
    );
}
