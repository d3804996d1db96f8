//! Invited users choose their password.

use std::time::Duration;

use butler_api::v1alpha1::user::{User, UserPhase, UserStatus};
use butler_embedded::Refused;
use http::Method;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{auth, form, required};
use crate::butler::server::accounts;
use crate::butler::server::kinds::{self, USERS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::later;
use crate::butler::server::{ButlerServer, hex, refused, wait};

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/auth/invite/{token}", Handler::Public(invite)),
    route(
        Method::POST,
        "/api/auth/set-password",
        Handler::PublicWait(|server, call| wait(set_password(server, call))),
    ),
];

/// How long an invitation is good.
const LIFETIME: Duration = Duration::from_hours(7 * 24);
/// What a password's hash costs, as in the real server.
const COST: u32 = 10;
/// The fewest characters of a password.
const SHORTEST: usize = 8;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Invite {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct PasswordForm {
    token: String,
    password: String,
}

/// The status of a user who was just invited, and the token of the invitation.
pub(super) fn invitation(now: Timestamp) -> (UserStatus, String) {
    let token = super::cli::secret();
    let status = UserStatus {
        phase: Some(UserPhase::Pending),
        invite_expires_at: Some(Time(later(now, LIFETIME))),
        invite_sent_at: Some(Time(now)),
        ..UserStatus::default()
    };
    (status, token)
}

/// Keeps the token of an invitation, as its fingerprint.
#[expect(
    clippy::disallowed_macros,
    reason = "the type of the field cannot be made, only read"
)]
pub(super) fn keep_token(server: &ButlerServer, name: &str, token: &str) -> Result<(), Refused> {
    let patch = serde_json::json!({"status": {"inviteTokenHash": fingerprint(token)}});
    server.local.patch(USERS.at(""), name, true, patch).map(drop)
}

fn fingerprint(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

/// The user whom a token invites now.
fn invited(server: &ButlerServer, token: &str) -> Result<Option<User>, Refused> {
    let wanted = fingerprint(token);
    let now = server.now();
    let is = |user: &User| {
        let Some(status) = &user.status else { return false };
        let matches = status
            .invite_token_hash
            .as_ref()
            .is_some_and(|hash| hash.expose() == wanted);
        matches && status.invite_expires_at.as_ref().is_some_and(|end| now < end.0)
    };
    Ok(accounts::users(&server.local)?.into_iter().find(is))
}

fn invite(server: &ButlerServer, call: &Call) -> Answer {
    let user = invited(server, call.parameter(0)).map_err(|error| refused(&error))?;
    Ok(Reply::ok(&Invite {
        valid: user.is_some(),
        email: user.as_ref().map(|user| user.spec.email.clone()),
        display_name: user.map(|user| accounts::name_of(&user)),
    }))
}

async fn set_password(server: &ButlerServer, call: &Call) -> Answer {
    let form: PasswordForm = form(call)?;
    required(&form.token, "Token is required")?;
    required(&form.password, "Password is required")?;
    let user = invited(server, &form.token).map_err(|error| refused(&error))?;
    let user = user.ok_or_else(|| Reply::bad_request("Invalid or expired invite token"))?;
    if form.password.chars().count() < SHORTEST {
        return Err(Reply::bad_request(
            "password does not meet requirements: password must be at least 8 characters",
        ));
    }
    let failed = || Reply::internal("Failed to set password");
    let password = form.password;
    let hash = tokio::task::spawn_blocking(move || bcrypt::hash(password, COST)).await;
    let Ok(Ok(hash)) = hash else {
        return Err(failed());
    };
    let name = accounts::user_name(&user);
    accounts::keep_password(&server.local, name, &hash, server.now()).map_err(|error| {
        tracing::warn!(%error, user = name, "cannot keep a password");
        failed()
    })?;
    let user: User = kinds::get(&server.local, USERS, "", name).map_err(|error| refused(&error))?;
    Ok(auth::logged_in(server, &server.person(&user)?))
}
