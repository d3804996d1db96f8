//! Who is in a team: people and groups.

use butler_api::v1alpha1::team::{GroupAccess, Team, TeamAccess, TeamRole, UserAccess};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::teams::{denied, may_change, named};
use super::{form, required};
use crate::butler::server::ButlerServer;
use crate::butler::server::accounts::role_word;
use crate::butler::server::kinds::{self, IDENTITY_PROVIDERS, TEAMS};
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/teams/{team}/members", Handler::Session(list)),
    route(Method::GET, "/api/teams/{team}/groups", Handler::Session(groups)),
    route(Method::POST, "/api/admin/teams/{team}/members", Handler::Session(add)),
    route(
        Method::PATCH,
        "/api/admin/teams/{team}/members/{email}",
        Handler::Session(change_role),
    ),
    route(
        Method::DELETE,
        "/api/admin/teams/{team}/members/{email}",
        Handler::Session(remove),
    ),
    route(
        Method::POST,
        "/api/admin/teams/{team}/groups",
        Handler::Session(add_group),
    ),
    route(
        Method::PATCH,
        "/api/admin/teams/{team}/groups/{group}",
        Handler::Session(change_group),
    ),
    route(
        Method::DELETE,
        "/api/admin/teams/{team}/groups/{group}",
        Handler::Session(remove_group),
    ),
];

#[derive(Debug, Serialize)]
struct Members {
    groups: Vec<GroupBody>,
    members: Vec<MemberBody>,
}

#[derive(Debug, Serialize)]
struct Groups {
    groups: Vec<GroupBody>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupBody {
    name: String,
    role: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberBody {
    email: String,
    role: String,
    source: &'static str,
    can_remove: bool,
}

/// What was done with a member.
#[derive(Debug, Serialize)]
struct MemberDone<'a> {
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    status: &'static str,
}

/// What was done with a group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupDone<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    status: &'static str,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct MemberForm {
    email: String,
    role: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct GroupForm {
    name: String,
    role: String,
    identityprovider: String,
}

fn group_bodies(team: &Team) -> Vec<GroupBody> {
    let groups = team.spec.access.iter().flat_map(|access| &access.groups);
    groups
        .map(|group| GroupBody {
            name: group.name.clone(),
            role: role_word(group.role.as_ref()),
            identity_provider: group.identity_provider.clone(),
        })
        .collect()
}

fn list(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = named(server, call.parameter(0))?;
    if session.role_in(call.parameter(0)).is_none() {
        return Err(Reply::forbidden("Access denied to team"));
    }
    let users = team.spec.access.iter().flat_map(|access| &access.users);
    let members = users.map(|user| MemberBody {
        email: user.name.clone(),
        role: role_word(user.role.as_ref()),
        source: "direct",
        can_remove: !user.name.eq_ignore_ascii_case(&session.person.email),
    });
    Ok(Reply::ok(&Members {
        groups: group_bodies(&team),
        members: members.collect(),
    }))
}

fn groups(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let team = named(server, call.parameter(0))?;
    Ok(Reply::ok(&Groups {
        groups: group_bodies(&team),
    }))
}

fn add(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let name = call.parameter(0);
    may_change(session, name)?;
    let form: MemberForm = form(call)?;
    required(&form.email, "Email is required")?;
    let role = role_or(&form.role, "viewer")?;
    let mut access = access_of(&named(server, name)?);
    if access
        .users
        .iter()
        .any(|user| user.name.eq_ignore_ascii_case(&form.email))
    {
        return Err(Reply::conflict(
            "User is already a direct member. Use the role dropdown to change their role.",
        ));
    }
    access.users.push(UserAccess {
        name: form.email.clone(),
        role: Some(TeamRole::from(role)),
    });
    write(server, session, name, &access)?;
    Ok(Reply::created(&MemberDone {
        email: &form.email,
        role: Some(role),
        status: "added",
    }))
}

fn change_role(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (name, email) = (call.parameter(0), call.decoded(1));
    may_change(session, name)?;
    let form: MemberForm = form(call)?;
    required(&form.role, "Role is required")?;
    let role = role_or(&form.role, "")?;
    let mut access = access_of(&named(server, name)?);
    let member = access
        .users
        .iter_mut()
        .find(|user| user.name.eq_ignore_ascii_case(&email));
    member.ok_or_else(|| Reply::not_found("Member not found"))?.role = Some(TeamRole::from(role));
    write(server, session, name, &access)?;
    Ok(Reply::ok(&MemberDone {
        email: &email,
        role: Some(role),
        status: "updated",
    }))
}

fn remove(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (name, email) = (call.parameter(0), call.decoded(1));
    may_change(session, name)?;
    let mut access = access_of(&named(server, name)?);
    let before = access.users.len();
    access.users.retain(|user| !user.name.eq_ignore_ascii_case(&email));
    if access.users.len() == before {
        return Err(Reply::not_found("Member not found"));
    }
    write(server, session, name, &access)?;
    Ok(Reply::ok(&MemberDone {
        email: &email,
        role: None,
        status: "removed",
    }))
}

fn add_group(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = call.parameter(0);
    may_change(session, team)?;
    let form: GroupForm = form(call)?;
    let name = required(&form.name, "Group name is required")?;
    let role = role_or(&form.role, "viewer")?;
    let mut access = access_of(&named(server, team)?);
    let provider = Some(form.identityprovider.clone()).filter(|provider| !provider.is_empty());
    if let Some(provider) = &provider {
        let there = kinds::find::<serde_json::Value>(&server.local, IDENTITY_PROVIDERS, "", provider);
        if !matches!(there, Ok(Some(_))) {
            let missing = format!("Identity provider '{provider}' not found");
            return Err(Reply::bad_request(&missing));
        }
    }
    if access
        .groups
        .iter()
        .any(|group| group.name == name && group.identity_provider == provider)
    {
        return Err(Reply::conflict(
            "Group sync already exists for this group and identity provider",
        ));
    }
    access.groups.push(GroupAccess {
        identity_provider: provider.clone(),
        name: name.to_owned(),
        role: Some(TeamRole::from(role)),
    });
    write(server, session, team, &access)?;
    Ok(Reply::created(&GroupDone {
        identity_provider: provider.as_deref(),
        name,
        role: Some(role),
        status: "added",
    }))
}

fn change_group(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (team, name) = (call.parameter(0), call.decoded(1));
    may_change(session, team)?;
    let form: GroupForm = form(call)?;
    required(&form.role, "Role is required")?;
    let role = role_or(&form.role, "")?;
    let mut access = access_of(&named(server, team)?);
    let provider = call.query("identityProvider");
    let group = access.groups.iter_mut().find(|group| is_meant(group, &name, provider));
    group.ok_or_else(|| Reply::not_found("Group sync not found"))?.role = Some(TeamRole::from(role));
    write(server, session, team, &access)?;
    Ok(Reply::ok(&GroupDone {
        identity_provider: None,
        name: &name,
        role: Some(role),
        status: "updated",
    }))
}

fn remove_group(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let (team, name) = (call.parameter(0), call.decoded(1));
    may_change(session, team)?;
    let mut access = access_of(&named(server, team)?);
    let before = access.groups.len();
    let provider = call.query("identityProvider");
    access.groups.retain(|group| !is_meant(group, &name, provider));
    if access.groups.len() == before {
        return Err(Reply::not_found("Group sync not found"));
    }
    write(server, session, team, &access)?;
    Ok(Reply::ok(&GroupDone {
        identity_provider: None,
        name: &name,
        role: None,
        status: "removed",
    }))
}

/// Whether a group is the one of a request, which may leave its provider out.
fn is_meant(group: &GroupAccess, name: &str, provider: &str) -> bool {
    let own = group.identity_provider.as_deref().unwrap_or("");
    group.name == name && (provider.is_empty() || own == provider)
}

/// A role that there is.
fn role_or<'a>(role: &'a str, otherwise: &'a str) -> Result<&'a str, Reply> {
    match if role.is_empty() { otherwise } else { role } {
        known @ ("admin" | "operator" | "viewer") => Ok(known),
        _ => Err(Reply::bad_request("Invalid role. Must be admin, operator, or viewer")),
    }
}

fn access_of(team: &Team) -> TeamAccess {
    match &team.spec.access {
        Some(access) => access.clone(),
        None => TeamAccess::default(),
    }
}

#[expect(
    clippy::disallowed_macros,
    reason = "a merge patch is part of an object, and clears lists that are empty"
)]
fn write(server: &ButlerServer, session: &Session, team: &str, access: &TeamAccess) -> Result<(), Reply> {
    let patch = json!({"spec": {"access": {"users": access.users, "groups": access.groups}}});
    let local = server.acting_as(session);
    let patched = local.patch(TEAMS.at(""), team, false, patch);
    patched.map(drop).map_err(denied("Failed to update team"))
}
