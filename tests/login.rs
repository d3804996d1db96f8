//! `butlerctl login` against Butler's server: what is printed, where it is kept, and the exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "a test may panic, and writes objects as people read them"
)]

#[path = "common/place.rs"]
#[expect(dead_code, reason = "the tests of the store use more of it")]
mod place;

#[path = "common/device.rs"]
mod device;

use std::time::Duration;

use butler_world::butler::server::{Lifetimes, LoginServer as _};
use device::Device;
use place::support::PASSWORD;
use place::{Place, Ran, mode};
use serde_json::{Value, json};

/// Begins a login by a code.
fn begin(place: &Place) -> Device {
    Device::begin(place.command(&["login", "--server", &place.url, "--no-browser"]))
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
    let (approved, denied) = (begin(&place), begin(&place));
    place.site.server.approve(&approved.code, "alice").unwrap();
    place.site.server.deny(&denied.code).unwrap();
    let login = Ran::of(&approved.ended());
    assert_eq!(login.code, Some(0), "{login:?}");
    assert!(login.stderr.contains("logged in on"), "{login:?}");
    let no = Ran::of(&denied.ended());
    assert_eq!(no.code, Some(4), "{no:?}");
    assert!(no.stderr.contains("the login was denied"), "{no:?}");
    let forgotten = begin(&place);
    place.site.server.restart();
    let lost = Ran::of(&forgotten.ended());
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
}
