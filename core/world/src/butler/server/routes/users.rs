//! Users, for administrators.

use butler_api::v1alpha1::User;
use butler_api::v1alpha1::team::Team;
use butler_api::v1alpha1::user::{AuthType, UserPhase, UserSpec};
use butler_embedded::Refused;
use http::Method;
use serde::{Deserialize, Serialize};

use super::{auth, form, invites, required};
use crate::butler::server::accounts;
use crate::butler::server::kinds::{self, USERS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::or_empty;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/users", Handler::Session(list)),
    route(Method::POST, "/api/admin/users", Handler::Admin(create)),
    route(Method::GET, "/api/admin/users/{name}", Handler::Admin(get)),
    route(Method::DELETE, "/api/admin/users/{name}", Handler::Admin(delete)),
    route(Method::POST, "/api/admin/users/{name}/disable", Handler::Admin(disable)),
    route(Method::POST, "/api/admin/users/{name}/enable", Handler::Admin(enable)),
    route(Method::POST, "/api/admin/users/{name}/invite", Handler::Admin(invite)),
];

/// A user as answers show it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UserBody {
    username: String,
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
    phase: UserPhase,
    disabled: bool,
    auth_type: AuthType,
    #[serde(skip_serializing_if = "Option::is_none")]
    sso_provider: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    teams: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_platform_admin: bool,
}

#[derive(Debug, Serialize)]
struct Users {
    users: Vec<UserBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    user: UserBody,
    invite_url: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Invited {
    invite_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct CreateForm {
    username: String,
    email: String,
    displayname: String,
}

fn body(user: &User, teams: &[Team]) -> UserBody {
    let spec = &user.spec;
    let phase = user.status.as_ref().and_then(|status| status.phase.clone());
    let memberships = accounts::memberships(teams, &spec.email, &[]);
    UserBody {
        username: accounts::user_name(user).to_owned(),
        email: spec.email.clone(),
        display_name: spec.display_name.clone().filter(|name| !name.is_empty()),
        avatar: spec.avatar.clone(),
        phase: phase.unwrap_or(UserPhase::Pending),
        disabled: spec.disabled == Some(true),
        auth_type: spec.auth_type.clone().unwrap_or(AuthType::Internal),
        sso_provider: spec.sso_provider.clone(),
        teams: memberships.into_iter().map(|membership| membership.name).collect(),
        is_platform_admin: accounts::Platform::of(user) == accounts::Platform::Admin,
    }
}

fn list(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let users = accounts::users(&server.local).map_err(|error| refused(&error))?;
    let teams = accounts::teams(&server.local).map_err(|error| refused(&error))?;
    Ok(Reply::ok(&Users {
        users: users.iter().map(|user| body(user, &teams)).collect(),
    }))
}

fn create(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let form: CreateForm = form(call)?;
    required(&form.email, "Email is required")?;
    let exists = || Reply::conflict("User already exists");
    let there = accounts::by_email(&server.local, &form.email).map_err(|error| refused(&error))?;
    if there.is_some() {
        return Err(exists());
    }
    let email = form.email.trim().to_lowercase();
    let local_part = email.split('@').next().unwrap_or("");
    let name = if form.username.is_empty() {
        local_part
    } else {
        &form.username
    };
    let user = User::new(
        name,
        UserSpec {
            auth_type: Some(AuthType::Internal),
            avatar: None,
            disabled: None,
            display_name: Some(form.displayname.clone()).filter(|name| !name.is_empty()),
            email: email.clone(),
            is_platform_admin: None,
            platform_role: None,
            ssh_keys: Vec::new(),
            sso_provider: None,
            sso_subject: None,
        },
    );
    let created = kinds::value(&user).and_then(|user| server.local.create(USERS.at(""), user));
    created.map_err(|error| match error.code {
        409 => exists(),
        _ => Reply::internal("Failed to create user"),
    })?;
    let invite_url = send_invitation(server, call, name)?;
    let mut user = user_named(server, name)?;
    user.status.get_or_insert_default().phase = Some(UserPhase::Pending);
    Ok(Reply::created(&Created {
        user: body(&user, &[]),
        invite_url,
    }))
}

/// Writes a new invitation down, and gives its URL, which is shown this once.
fn send_invitation(server: &ButlerServer, call: &Call, name: &str) -> Result<String, Reply> {
    let failed = |error: Refused| {
        tracing::warn!(%error, user = name, "cannot invite");
        Reply::internal("Failed to create user")
    };
    let (status, token) = invites::invitation(server.now());
    auth::set_status(server, name, &status).map_err(failed)?;
    invites::keep_token(server, name, &token).map_err(failed)?;
    let base = or_empty(server.base_url(call).as_deref());
    Ok(format!("{base}/invite/{token}"))
}

fn user_named(server: &ButlerServer, name: &str) -> Result<User, Reply> {
    let user = kinds::find(&server.local, USERS, "", name).map_err(|error| refused(&error))?;
    user.ok_or_else(|| Reply::not_found("User not found"))
}

fn get(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let user = user_named(server, call.parameter(0))?;
    let teams = accounts::teams(&server.local).map_err(|error| refused(&error))?;
    Ok(Reply::ok(&body(&user, &teams)))
}

fn delete(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let name = call.parameter(0);
    user_named(server, name)?;
    server
        .local
        .delete(USERS.at(""), name)
        .map_err(|error| refused(&error))?;
    Ok(Reply::status("deleted"))
}

fn disable(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    set_disabled(server, call.parameter(0), true)?;
    Ok(Reply::status("disabled"))
}

fn enable(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    set_disabled(server, call.parameter(0), false)?;
    Ok(Reply::status("enabled"))
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn set_disabled(server: &ButlerServer, name: &str, disabled: bool) -> Result<(), Reply> {
    user_named(server, name)?;
    let patch = serde_json::json!({"spec": {"disabled": disabled}});
    let patched = server.local.patch(USERS.at(""), name, false, patch);
    patched.map(drop).map_err(|error| refused(&error))
}

fn invite(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let name = call.parameter(0);
    user_named(server, name)?;
    let invite_url = send_invitation(server, call, name)?;
    Ok(Reply::ok(&Invited { invite_url }))
}
