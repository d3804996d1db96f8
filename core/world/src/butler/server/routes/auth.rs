//! Logging in by password, sessions, and who one is.

use butler_api::v1alpha1::user::{User, UserPhase, UserStatus};
use http::{Method, StatusCode};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::form;
use crate::butler::server::accounts::{self, Membership};
use crate::butler::server::kinds::USERS;
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::{Person, PersonBody, Session};
use crate::butler::server::{ButlerServer, refused, wait};

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/auth/providers", Handler::Public(providers)),
    route(
        Method::POST,
        "/api/auth/login",
        Handler::PublicWait(|server, call| wait(login(server, call))),
    ),
    route(Method::POST, "/api/auth/login/legacy", Handler::Public(legacy_login)),
    route(Method::POST, "/api/auth/logout", Handler::Session(logout)),
    route(Method::POST, "/api/auth/refresh", Handler::Session(refresh)),
    route(
        Method::POST,
        "/api/auth/refresh-permissions",
        Handler::Session(refresh_permissions),
    ),
    route(Method::GET, "/api/auth/me", Handler::Session(me)),
    route(Method::GET, "/api/auth/teams", Handler::Session(teams)),
];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Providers {
    internal_users: bool,
    legacy_auth: bool,
    password_login_url: &'static str,
    #[serde(rename = "providers")]
    single_sign_on: [(); 0],
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
pub(super) struct LoginForm {
    username: String,
    email: String,
    password: String,
}

/// The answer to a login.
#[derive(Debug, Serialize)]
struct LoggedIn<'a> {
    user: PersonBody<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Teams<'a> {
    is_platform_admin: bool,
    teams: &'a [Membership],
}

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn providers(server: &ButlerServer, _: &Call) -> Answer {
    Ok(Reply::ok(&Providers {
        internal_users: true,
        legacy_auth: server.options.legacy_admin.is_some(),
        password_login_url: "/api/auth/login",
        single_sign_on: [],
    }))
}

async fn login(server: &ButlerServer, call: &Call) -> Answer {
    let form: LoginForm = form(call)?;
    let who = if form.username.is_empty() {
        form.email
    } else {
        form.username
    };
    if who.is_empty() || form.password.is_empty() {
        return Err(Reply::bad_request("Email/username and password are required"));
    }
    let person = by_password(server, &who, form.password).await?;
    Ok(logged_in(server, &person))
}

/// The answer to a login that worked: the token is in the cookie only.
pub(super) fn logged_in(server: &ButlerServer, person: &Person) -> Reply {
    let user = person.body();
    Reply::ok(&LoggedIn { user }).with_cookie(&server.session_cookie(person))
}

/// Whoever has this name and this password.
pub(super) async fn by_password(server: &ButlerServer, who: &str, password: String) -> Result<Person, Reply> {
    let wrong = || Reply::error(StatusCode::UNAUTHORIZED, "Invalid email or password");
    let user = accounts::by_name_or_email(&server.local, who).map_err(|error| refused(&error))?;
    let Some(user) = user else {
        return legacy(server, who, &password).ok_or_else(wrong);
    };
    admits(&user)?;
    let hash = accounts::password_hash(&server.local, &user).map_err(|error| refused(&error))?;
    let hash = hash.ok_or_else(wrong)?;
    // A check takes as long as the hash was made to take.
    let checked = tokio::task::spawn_blocking(move || bcrypt::verify(password, &hash)).await;
    if !matches!(checked, Ok(Ok(true))) {
        return Err(wrong());
    }
    note_login(server, &user);
    server.person(&user)
}

/// Whether an account may log in at all.
fn admits(user: &User) -> Result<(), Reply> {
    let phase = user.status.as_ref().and_then(|status| status.phase.as_ref());
    if user.spec.disabled == Some(true) || phase == Some(&UserPhase::Disabled) {
        return Err(Reply::forbidden("Account is disabled"));
    }
    if phase == Some(&UserPhase::Locked) {
        return Err(Reply::forbidden(
            "Account is temporarily locked due to too many failed attempts",
        ));
    }
    if accounts::is_pending(user) {
        return Err(Reply::forbidden("Please complete registration using your invite link"));
    }
    Ok(())
}

fn note_login(server: &ButlerServer, user: &User) {
    let count = user.status.as_ref().and_then(|status| status.login_count);
    let status = UserStatus {
        last_login_time: Some(Time(server.now())),
        login_count: Some(count.map_or(1, |count| count + 1)),
        ..UserStatus::default()
    };
    if let Err(error) = set_status(server, accounts::user_name(user), &status) {
        tracing::warn!(%error, user = accounts::user_name(user), "cannot note a login");
    }
}

/// Changes the status of a user in what is given.
#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
pub(super) fn set_status(
    server: &ButlerServer,
    name: &str,
    status: &UserStatus,
) -> Result<(), butler_embedded::Refused> {
    let patch = serde_json::json!({ "status": status });
    server.local.patch(USERS.at(""), name, true, patch).map(drop)
}

fn legacy(server: &ButlerServer, who: &str, password: &str) -> Option<Person> {
    let (name, expected) = server.options.legacy_admin.as_ref()?;
    let is = name == who && !password.is_empty() && expected.expose_secret() == password;
    is.then(ButlerServer::legacy_person)
}

fn legacy_login(server: &ButlerServer, call: &Call) -> Answer {
    let form: LoginForm = form(call)?;
    let person = legacy(server, &form.username, &form.password);
    let wrong = || Reply::error(StatusCode::UNAUTHORIZED, "Invalid credentials");
    Ok(logged_in(server, &person.ok_or_else(wrong)?))
}

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn logout(_: &ButlerServer, _: &Call, _: &Session) -> Answer {
    Ok(Reply::status("logged_out").with_cookie(&ButlerServer::no_cookie()))
}

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn refresh(server: &ButlerServer, _: &Call, session: &Session) -> Answer {
    Ok(Reply::status("refreshed").with_cookie(&server.session_cookie(&session.person)))
}

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn refresh_permissions(server: &ButlerServer, _: &Call, session: &Session) -> Answer {
    let cookie = server.session_cookie(&session.person);
    Ok(Reply::ok(&session.person.body()).with_cookie(&cookie))
}

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn me(_: &ButlerServer, _: &Call, session: &Session) -> Answer {
    Ok(Reply::ok(&session.person.body()))
}

#[expect(clippy::unnecessary_wraps, reason = "a handler like the others")]
fn teams(_: &ButlerServer, _: &Call, session: &Session) -> Answer {
    Ok(Reply::ok(&Teams {
        is_platform_admin: session.is_admin(),
        teams: &session.person.teams,
    }))
}
