//! Logins from end to end.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use butler_embedded::At;
use butler_world::butler::server::{LoginError, LoginServer as _};
use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Site, people};

/// A program asks for a code: device code and user code.
async fn begin(site: &Site) -> (String, String) {
    let answer = site.ask("POST", "/api/auth/cli/device", &[], "").await.json();
    let text = |field: &str| answer[field].as_str().unwrap().to_owned();
    (text("device_code"), text("user_code"))
}

async fn poll(site: &Site, device_code: &str) -> Answer {
    let form = json!({"device_code": device_code}).to_string();
    site.ask("POST", "/api/auth/cli/token", &[], &form).await
}

async fn refresh(site: &Site, token: &Value) -> Answer {
    let form = json!({"refresh_token": token}).to_string();
    site.ask("POST", "/api/auth/cli/refresh", &[], &form).await
}

fn expired() -> (u16, String) {
    (400, "expired_token".to_owned())
}

/// The names of the role bindings in a namespace, with their roles.
fn bindings(site: &Site, namespace: &str) -> Vec<String> {
    let at = At {
        group: "rbac.authorization.k8s.io",
        version: "v1",
        resource: "rolebindings",
        namespace,
    };
    let all = site.local.list(at).unwrap();
    all.iter()
        .map(|binding| binding["roleRef"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_login_waits_for_its_person_and_gets_everything_once() {
    let site = people().await;
    let device = site
        .ask("POST", "/api/auth/cli/device", &[("host", "butler.example")], "{{{")
        .await;
    assert_eq!(device.status, 200);
    assert_eq!(device.json()["verification_uri"], "http://butler.example/auth/device");
    assert_eq!(
        (device.json()["interval"].clone(), device.json()["expires_in"].clone()),
        (json!(5), json!(899))
    );

    let (device_code, user_code) = begin(&site).await;
    assert_eq!(
        poll(&site, &device_code).await.error(),
        (400, "authorization_pending".to_owned())
    );
    site.server.approve(&user_code, "alice").unwrap();
    let answer = poll(&site, &device_code).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let tokens = answer.json();
    assert_eq!(tokens["user"]["teams"], json!([{"name": "alpha", "role": "operator"}]));
    assert_eq!(tokens["session_expires_at"], "2026-11-22T04:46:00Z");
    assert_eq!(tokens["refresh_expires_at"], "2026-11-28T04:46:00Z");
    assert_eq!(poll(&site, &device_code).await.error(), expired(), "the code is spent");
    assert!(matches!(
        site.server.approve(&user_code, "alice"),
        Err(LoginError::NoCode(_))
    ));

    let me = site
        .ask_as(tokens["session_token"].as_str().unwrap(), "GET", "/api/auth/me", "")
        .await;
    assert_eq!(me.json()["email"], "alice@example.com");
    let kubeconfig = String::from_utf8(STANDARD.decode(tokens["kubeconfig"].as_str().unwrap()).unwrap()).unwrap();
    for part in [
        "https://127.0.0.1:27443",
        "butler-cli-ff8d9819fc0e",
        "current-context: butler",
    ] {
        assert!(kubeconfig.contains(part), "{part}: {kubeconfig}");
    }
    assert_eq!(bindings(&site, "alpha"), ["butler-cli-operator"]);
    assert!(bindings(&site, "beta").is_empty());
}

#[tokio::test]
async fn a_wrong_code_and_one_that_is_too_old_are_not_told_apart() {
    let site = people().await;
    let (device_code, user_code) = begin(&site).await;
    for wrong in ["0".repeat(64), device_code.to_uppercase(), user_code.clone()] {
        assert_eq!(poll(&site, &wrong).await.error(), expired(), "{wrong}");
    }
    site.server.approve(&user_code, "alice").unwrap();
    site.pass(Duration::from_mins(15));
    assert_eq!(
        poll(&site, &device_code).await.error(),
        expired(),
        "approved, and fetched too late"
    );
    assert!(matches!(site.server.deny(&user_code), Err(LoginError::NoCode(_))));
}

#[tokio::test]
async fn a_denied_login_hears_so() {
    let site = people().await;
    let (device_code, user_code) = begin(&site).await;
    site.server.deny(&user_code).unwrap();
    assert_eq!(
        poll(&site, &device_code).await.error(),
        (400, "access_denied".to_owned())
    );
    assert_eq!(
        site.server.approve(&user_code, "alice"),
        Err(LoginError::Resolved(user_code))
    );
}

#[tokio::test]
async fn two_people_who_log_in_at_once_get_what_is_theirs() {
    let site = people().await;
    let (one, two) = (begin(&site).await, begin(&site).await);
    site.server.approve(&two.1, "bob@example.com").unwrap();
    assert_eq!(poll(&site, &one.0).await.error().1, "authorization_pending");
    site.server.approve(&one.1, "ALICE@example.com").unwrap();
    let (alice, bob) = tokio::join!(poll(&site, &one.0), poll(&site, &two.0));
    assert_eq!(alice.json()["user"]["email"], "alice@example.com");
    assert_eq!(bob.json()["user"]["email"], "bob@example.com");
    let mut roles = bindings(&site, "alpha");
    roles.sort();
    assert_eq!(roles, ["butler-cli-operator", "butler-cli-viewer"]);
}

#[tokio::test]
async fn only_people_who_may_log_in_can_be_named() {
    let site = people().await;
    let (_, user_code) = begin(&site).await;
    assert_eq!(
        site.server.approve(&user_code, "carol"),
        Err(LoginError::NoUser("carol".to_owned()))
    );
    assert_eq!(
        site.server.approve(&user_code, "nobody"),
        Err(LoginError::NoAccess("nobody".to_owned()))
    );
    let root = site.log_in("root").await;
    assert_eq!(
        site.ask_as(&root, "POST", "/api/admin/users/alice/disable", "")
            .await
            .status,
        200
    );
    assert_eq!(
        site.server.approve(&user_code, "alice"),
        Err(LoginError::NoAccess("alice".to_owned()))
    );
    site.server.approve(&user_code, "root").unwrap();
}

#[tokio::test]
async fn a_restart_forgets_codes_and_refresh_tokens_but_no_session() {
    let site = people().await;
    let (device_code, user_code) = begin(&site).await;
    let (waiting, _) = begin(&site).await;
    site.server.approve(&user_code, "alice").unwrap();
    let tokens = poll(&site, &device_code).await.json();
    site.server.restart();
    assert_eq!(poll(&site, &waiting).await.error(), expired());
    let refused = refresh(&site, &tokens["refresh_token"]).await;
    assert_eq!(refused.error(), (401, "Invalid or expired refresh token".to_owned()));
    let me = site
        .ask_as(tokens["session_token"].as_str().unwrap(), "GET", "/api/auth/me", "")
        .await;
    assert_eq!(me.status, 200);
}

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let site = people().await;
    let session = site.log_in("alice").await;
    site.pass(Duration::from_secs(86_399));
    assert_eq!(site.ask_as(&session, "GET", "/api/auth/me", "").await.status, 200);
    site.pass(Duration::from_secs(1));
    let ended = site.ask_as(&session, "GET", "/api/auth/me", "").await;
    assert_eq!(ended.error(), (401, "invalid session".to_owned()));
    assert_eq!(ended.header("content-type"), ["text/plain; charset=utf-8"]);
}

#[tokio::test]
async fn a_refresh_spends_its_token_and_follows_the_teams() {
    let site = people().await;
    let (device_code, user_code) = begin(&site).await;
    site.server.approve(&user_code, "alice").unwrap();
    let first = poll(&site, &device_code).await.json();
    let root = site.log_in("root").await;
    let role = site
        .ask_as(
            &root,
            "PATCH",
            "/api/admin/teams/alpha/members/alice%40example.com",
            r#"{"role":"admin"}"#,
        )
        .await;
    assert_eq!(role.status, 200, "{}", role.text);
    let second = refresh(&site, &first["refresh_token"]).await.json();
    assert_eq!(second["user"]["teams"], json!([{"name": "alpha", "role": "admin"}]));
    assert_eq!(
        bindings(&site, "alpha"),
        ["butler-cli-admin"],
        "the old binding has gone"
    );
    assert_eq!(refresh(&site, &first["refresh_token"]).await.status, 401);

    site.faults.lock().unwrap().refresh_loses_teams = true;
    let third = refresh(&site, &second["refresh_token"]).await.json();
    assert_eq!(third["user"]["teams"], json!([]));
    assert!(bindings(&site, "alpha").is_empty());
    site.pass(Duration::from_hours(168));
    assert_eq!(
        refresh(&site, &third["refresh_token"]).await.status,
        401,
        "it has its time"
    );
}

#[tokio::test]
async fn a_team_without_namespace_burns_the_code() {
    let site = people().await;
    let team = json!({"metadata": {"name": "new"}, "spec": {"access": {"users": [{"name": "alice@example.com"}]}}});
    site.butler("Team", "teams", team);
    let (device_code, user_code) = begin(&site).await;
    site.server.approve(&user_code, "alice").unwrap();
    let failed = poll(&site, &device_code).await.error();
    assert_eq!(failed, (500, "Failed to provision CLI access".to_owned()));
    assert_eq!(poll(&site, &device_code).await.error(), expired());
}

#[tokio::test]
async fn the_page_signs_in_and_approves_and_takes_forms_from_itself_only() {
    let site = people().await;
    let (device_code, user_code) = begin(&site).await;
    let page = site.ask("GET", "/auth/device", &[], "").await;
    assert!(page.text.contains("action=\"/auth/device/login\"") && !page.text.contains("<script"));
    assert!(page.header("content-security-policy")[0].contains("form-action 'self'"));

    let form = format!("username=alice&password={PASSWORD}");
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(
        site.ask("POST", "/auth/device/login", &foreign, &form).await.status,
        403
    );
    let wrong = site
        .ask("POST", "/auth/device/login", &[], "username=%3Cb%3E&password=x")
        .await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text.contains("do not let you in") && !wrong.text.contains("<b>"));
    let own = [("origin", "http://127.0.0.1:28080")];
    let signed_in = site.ask("POST", "/auth/device/login", &own, &form).await;
    assert_eq!(
        (signed_in.status, signed_in.header("location")),
        (303, vec!["/auth/device"])
    );

    let cookie = format!("butler_session={}", signed_in.session());
    let mine = [own[0], ("cookie", &cookie)];
    let page = site.ask("GET", "/auth/device", &mine, "").await;
    assert!(page.text.contains("Alice A (alice@example.com)"));
    let decide = |code: &str| format!("user_code={code}&verdict=approve");
    let form = decide(&format!("+{}+", user_code.to_lowercase()));
    let without = site.ask("POST", "/auth/device/decide", &own, &form).await;
    assert_eq!(without.status, 401, "nobody has signed in");
    let evil = [foreign[0], ("cookie", &cookie)];
    assert_eq!(site.ask("POST", "/auth/device/decide", &evil, &form).await.status, 403);
    assert_eq!(poll(&site, &device_code).await.error().1, "authorization_pending");
    assert_eq!(
        site.ask("POST", "/auth/device/decide", &mine, &decide("AAAA-AAAA"))
            .await
            .status,
        404
    );
    assert!(
        site.ask("POST", "/auth/device/decide", &mine, &form)
            .await
            .text
            .contains("Approved")
    );
    assert_eq!(site.ask("POST", "/auth/device/decide", &mine, &form).await.status, 409);
    assert_eq!(poll(&site, &device_code).await.status, 200);
}

#[tokio::test]
async fn an_invited_user_chooses_a_password_once() {
    let site = people().await;
    let root = site.log_in("root").await;
    let invited = site
        .ask_as(&root, "POST", "/api/admin/users", r#"{"email":"Erin@Example.com"}"#)
        .await;
    assert_eq!(invited.status, 201, "{}", invited.text);
    let url = invited.json()["inviteUrl"].as_str().unwrap().to_owned();
    let token = url.rsplit('/').next().unwrap();
    let login = json!({"email": "erin@example.com", "password": "long enough"}).to_string();
    let before = site.ask("POST", "/api/auth/login", &[], &login).await.error();
    assert_eq!(
        before,
        (403, "Please complete registration using your invite link".to_owned())
    );
    let valid = site.ask("GET", &format!("/api/auth/invite/{token}"), &[], "").await;
    assert_eq!(valid.json()["valid"], true);
    let set = |password: &str| json!({"token": token, "password": password}).to_string();
    assert_eq!(
        site.ask("POST", "/api/auth/set-password", &[], &set("short"))
            .await
            .status,
        400
    );
    let done = site
        .ask("POST", "/api/auth/set-password", &[], &set("long enough"))
        .await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(
        site.ask("POST", "/api/auth/set-password", &[], &set("long enough"))
            .await
            .status,
        400
    );
    assert_eq!(site.ask("POST", "/api/auth/login", &[], &login).await.status, 200);
    let second = site
        .ask_as(&root, "POST", "/api/admin/users", r#"{"email":"ERIN@example.com"}"#)
        .await;
    assert_eq!(second.error(), (409, "User already exists".to_owned()));
}
