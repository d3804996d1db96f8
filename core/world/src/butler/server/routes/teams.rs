//! Teams and their environments.

use std::collections::BTreeMap;

use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::team::{
    ClusterDefaults, Environment, EnvironmentLimits, ResourceLimits, ResourceUsage, Team, TeamPhase, TeamSpec,
};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{failed, form, only_admins, required};
use crate::butler::server::accounts;
use crate::butler::server::gojson;
use crate::butler::server::kinds::{self, TEAMS, TENANT_CLUSTERS};
use crate::butler::server::provision::seconds;
use crate::butler::server::reply::{Answer, Reply};
use crate::butler::server::router::{Call, Handler, Route, route};
use crate::butler::server::session::Session;
use crate::butler::server::{ButlerServer, refused};
use crate::values::or_empty;

pub(super) const ROUTES: &[Route] = &[
    route(Method::GET, "/api/teams", Handler::Session(list)),
    route(Method::POST, "/api/teams", Handler::Session(create)),
    route(Method::POST, "/api/admin/teams", Handler::Session(create)),
    route(Method::GET, "/api/teams/{team}", Handler::Session(get)),
    route(Method::PUT, "/api/teams/{team}", Handler::Session(update)),
    route(Method::DELETE, "/api/teams/{team}", Handler::Session(delete)),
    route(Method::DELETE, "/api/admin/teams/{team}", Handler::Session(delete)),
    route(Method::GET, "/api/teams/{team}/clusters", Handler::Session(clusters)),
    route(
        Method::POST,
        "/api/teams/{team}/environments",
        Handler::Session(add_environment),
    ),
    route(
        Method::PUT,
        "/api/teams/{team}/environments/{environment}",
        Handler::Session(replace_environment),
    ),
    route(
        Method::DELETE,
        "/api/teams/{team}/environments/{environment}",
        Handler::Session(remove_environment),
    ),
];

/// The label by which clusters of a team are listed, which is not what makes them the team's.
const TEAM_LABEL: &str = "butler.butlerlabs.dev/team";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TeamBody {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    phase: String,
    cluster_count: usize,
    member_count: usize,
    group_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_limits: Option<ResourceLimits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_usage: Option<ResourceUsage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_defaults: Option<ClusterDefaults>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    environments: Vec<Environment>,
}

#[derive(Debug, Serialize)]
struct Teams {
    teams: Vec<TeamBody>,
}

#[derive(Debug, Serialize)]
struct Clusters {
    clusters: Vec<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct TeamForm {
    name: String,
    displayname: Option<String>,
    description: Option<String>,
    resourcelimits: Option<Value>,
    clusterdefaults: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct EnvironmentForm {
    name: String,
    #[serde(deserialize_with = "gojson::nested")]
    limits: LimitsForm,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase", default)]
struct LimitsForm {
    maxclusters: Option<i32>,
    maxclusterspermember: Option<i32>,
}

#[derive(Debug, Serialize)]
struct EnvironmentBody<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<&'a EnvironmentLimits>,
}

/// A team as lists show it: one that no controller has touched reads as if one had.
fn shown(team: &Team, clusters: &[TenantCluster]) -> TeamBody {
    let name = or_empty(team.metadata.name.as_deref());
    let status = team.status.as_ref();
    let phase = status
        .and_then(|status| status.phase.as_ref())
        .unwrap_or(&TeamPhase::Ready);
    let namespace = status.and_then(|status| status.namespace.clone());
    let access = team.spec.access.as_ref();
    let is_its = |cluster: &&TenantCluster| cluster.spec.team_ref.as_ref().is_some_and(|team| team.name == name);
    TeamBody {
        phase: phase.as_str().to_owned(),
        description: team.spec.description.clone().filter(|text| !text.is_empty()),
        namespace: Some(namespace.unwrap_or_else(|| name.clone())),
        cluster_count: clusters.iter().filter(is_its).count(),
        member_count: access.map_or(0, |access| access.users.len()),
        group_count: access.map_or(0, |access| access.groups.len()),
        labels: team.metadata.labels.clone().filter(|labels| !labels.is_empty()),
        resource_usage: status.and_then(|status| status.resource_usage.clone()),
        ..written(team, true)
    }
}

/// A team as the answer to a write shows it: without what controllers and other objects say.
fn written(team: &Team, with_time: bool) -> TeamBody {
    let created = team.metadata.creation_timestamp.as_ref().filter(|_| with_time);
    TeamBody {
        name: or_empty(team.metadata.name.as_deref()),
        display_name: team.spec.display_name.clone(),
        description: None,
        namespace: None,
        phase: String::new(),
        cluster_count: 0,
        member_count: 0,
        group_count: 0,
        labels: None,
        created_at: created.map(|time| seconds(time.0)),
        resource_limits: team.spec.resource_limits.clone(),
        resource_usage: None,
        cluster_defaults: team.spec.cluster_defaults.clone(),
        environments: team.spec.environments.clone(),
    }
}

fn all_clusters(server: &ButlerServer) -> Result<Vec<TenantCluster>, Reply> {
    kinds::list(&server.local, TENANT_CLUSTERS, "").map_err(|error| refused(&error))
}

fn list(server: &ButlerServer, _: &Call, _: &Session) -> Answer {
    let teams = accounts::teams(&server.local).map_err(|error| refused(&error))?;
    let clusters = all_clusters(server)?;
    Ok(Reply::ok(&Teams {
        teams: teams.iter().map(|team| shown(team, &clusters)).collect(),
    }))
}

/// The team of a path.
pub(super) fn named(server: &ButlerServer, name: &str) -> Result<Team, Reply> {
    let team = kinds::find(&server.local, TEAMS, "", name).map_err(|error| refused(&error))?;
    team.ok_or_else(|| Reply::not_found("Team not found"))
}

fn get(server: &ButlerServer, call: &Call, _: &Session) -> Answer {
    let team = named(server, call.parameter(0))?;
    Ok(Reply::ok(&shown(&team, &all_clusters(server)?)))
}

fn create(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    only_admins(session)?;
    let form: TeamForm = form(call)?;
    let name = required(&form.name, "Team name is required")?;
    let display_name = form.displayname.clone().filter(|shown| !shown.is_empty());
    let team = Team::new(
        name,
        TeamSpec {
            display_name: Some(display_name.unwrap_or_else(|| name.to_owned())),
            description: form.description.clone().filter(|text| !text.is_empty()),
            ..TeamSpec::default()
        },
    );
    let local = server.acting_as(session);
    let created = kinds::value(&team).and_then(|team| local.created(TEAMS.at(""), team));
    let created = created.map_err(|error| match error.code {
        409 => Reply::conflict("Team already exists"),
        _ => Reply::internal("Failed to create team"),
    })?;
    let team: Team = kinds::typed(TEAMS, created.value()).map_err(|error| refused(&error))?;
    Ok(Reply::created(&written(&team, true)))
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn update(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let name = call.parameter(0);
    let form: TeamForm = form(call)?;
    named(server, name)?;
    may_change(session, name)?;
    let mut spec = serde_json::Map::new();
    let fields = [
        ("displayName", form.displayname.map(Value::from)),
        ("description", form.description.map(Value::from)),
        ("resourceLimits", form.resourcelimits),
        ("clusterDefaults", form.clusterdefaults),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            spec.insert(field.to_owned(), value);
        }
    }
    let local = server.acting_as(session);
    let patched = local.patched(TEAMS.at(""), name, false, json!({ "spec": spec }));
    let team = patched.map_err(denied("Failed to update team"))?.value();
    let team: Team = kinds::typed(TEAMS, team).map_err(|error| refused(&error))?;
    Ok(Reply::ok(&written(&team, false)))
}

fn delete(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    only_admins(session)?;
    let name = call.parameter(0);
    named(server, name)?;
    let deleted = server.local.delete(TEAMS.at(""), name);
    deleted.map_err(failed("Failed to delete team"))?;
    Ok(Reply::status("deleted"))
}

/// By label, as the real server has it, and of those that the caller may see.
fn clusters(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = call.parameter(0);
    let clusters = server
        .local
        .list(TENANT_CLUSTERS.at(""))
        .map_err(|error| refused(&error))?;
    let is_its = |cluster: &Value| {
        crate::values::table(cluster, "/metadata/labels")
            .get(TEAM_LABEL)
            .is_some_and(|of| of == team)
    };
    let visible = session.role_in(team).is_some();
    Ok(Reply::ok(&Clusters {
        clusters: clusters
            .into_iter()
            .filter(|cluster| visible && is_its(cluster))
            .collect(),
    }))
}

/// What the team's own administrators may do.
pub(super) fn may_change(session: &Session, team: &str) -> Result<(), Reply> {
    if session.administers(team) {
        return Ok(());
    }
    Err(super::super::router::admin_required())
}

/// A write in the caller's name that was refused: what a webhook denied is told as such.
pub(super) fn denied(what: &'static str) -> impl Fn(butler_embedded::Refused) -> Reply {
    move |error| {
        if error.code == 403 {
            return Reply::json(
                StatusCode::FORBIDDEN,
                &WebhookDenial {
                    error: "webhook denied",
                    reason: "webhook-denied",
                    message: &error.message,
                },
            );
        }
        Reply::internal(what)
    }
}

#[derive(Debug, Serialize)]
struct WebhookDenial<'a> {
    error: &'a str,
    reason: &'a str,
    message: &'a str,
}

fn add_environment(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = named(server, call.parameter(0))?;
    let form: EnvironmentForm = form(call)?;
    let name = required(&form.name, "Environment name is required")?;
    may_see(session, call.parameter(0))?;
    if team
        .spec
        .environments
        .iter()
        .any(|environment| environment.name == name)
    {
        return Err(Reply::conflict(&format!("Environment \"{name}\" already exists")));
    }
    let environment = environment(&form);
    let mut all = team.spec.environments;
    all.push(environment.clone());
    write_environments(server, session, call.parameter(0), &all)?;
    Ok(Reply::created(&shown_environment(&environment)))
}

/// The entry is replaced as a whole, and loses what the form cannot say.
fn replace_environment(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = named(server, call.parameter(0))?;
    let form: EnvironmentForm = form(call)?;
    may_see(session, call.parameter(0))?;
    let name = call.parameter(1);
    if !form.name.is_empty() && form.name != name {
        let fixed = "Environment name is immutable; delete and recreate to rename";
        return Err(Reply::bad_request(fixed));
    }
    let replacement = Environment {
        name: name.to_owned(),
        ..environment(&form)
    };
    let mut all = team.spec.environments;
    let entry = all.iter_mut().find(|environment| environment.name == name);
    *entry.ok_or_else(|| Reply::not_found("Environment not found"))? = replacement.clone();
    write_environments(server, session, call.parameter(0), &all)?;
    Ok(Reply::ok(&shown_environment(&replacement)))
}

fn remove_environment(server: &ButlerServer, call: &Call, session: &Session) -> Answer {
    let team = named(server, call.parameter(0))?;
    may_see(session, call.parameter(0))?;
    let name = call.parameter(1);
    let mut all = team.spec.environments;
    let before = all.len();
    all.retain(|environment| environment.name != name);
    if all.len() == before {
        return Err(Reply::not_found("Environment not found"));
    }
    write_environments(server, session, call.parameter(0), &all)?;
    Ok(Reply::status("deleted"))
}

/// Who is in the team may ask; whether it may be done is decided where the object is written.
fn may_see(session: &Session, team: &str) -> Result<(), Reply> {
    if session.operates(team) {
        return Ok(());
    }
    Err(Reply::forbidden("Access denied to team"))
}

fn environment(form: &EnvironmentForm) -> Environment {
    let limits = EnvironmentLimits {
        max_clusters: form.limits.maxclusters,
        max_clusters_per_member: form.limits.maxclusterspermember,
    };
    Environment {
        access: None,
        cluster_defaults: None,
        description: None,
        limits: Some(limits).filter(|limits| *limits != EnvironmentLimits::default()),
        name: form.name.clone(),
    }
}

fn shown_environment(environment: &Environment) -> EnvironmentBody<'_> {
    EnvironmentBody {
        name: &environment.name,
        limits: environment.limits.as_ref(),
    }
}

#[expect(clippy::disallowed_macros, reason = "a merge patch is part of an object")]
fn write_environments(
    server: &ButlerServer,
    session: &Session,
    team: &str,
    environments: &[Environment],
) -> Result<(), Reply> {
    let patch = json!({"spec": {"environments": environments}});
    let local = server.acting_as(session);
    let patched = local.patch(TEAMS.at(""), team, false, patch);
    patched.map(drop).map_err(denied("Failed to update team"))
}
