//! Who may do what in a team: its members and groups. Members may not read Teams, and ask Butler's server; whoever has the
//! kubeconfig of an administrator needs no server.

use butler_api::v1alpha1::team::TeamRole;
use butler_client::http::CallError;
use butler_client::logged_in::{LoggedIn, ServerError};
use http::Method;
use serde::{Deserialize, Serialize};

use crate::change::Writer;
use crate::reach::Reach;
use crate::teams::access::{Edit, EditError, Group};
use crate::teams::change::{self, TeamError};
use crate::teams::list::Row;
use crate::transport::{Operation, Way};

/// Who may do what in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// People.
    #[serde(default)]
    pub members: Vec<Member>,
    /// Groups of identity providers.
    #[serde(default)]
    pub groups: Vec<Rights>,
}

/// Somebody in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The e-mail address.
    pub email: String,
    /// The name, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the person is in the team.
    pub role: String,
    /// How the person got into it: named alone, or by a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The group that gave the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_name: Option<String>,
}

/// What the people of a group are in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rights {
    /// The name of the group.
    pub name: String,
    /// Their role.
    pub role: String,
    /// The identity provider that must have told it; without one any does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_provider: Option<String>,
}

/// Why access was not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// By the API server.
    #[error(transparent)]
    Team(#[from] TeamError),
    /// Butler's server did not do it.
    #[error("cannot {verb} of team {team}")]
    Server {
        /// What was to be done.
        verb: &'static str,
        /// The team.
        team: String,
        /// What went wrong.
        source: ServerError,
    },
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Somebody has access who had none.
    Added,
    /// Somebody has another role than before.
    Role,
    /// It was so already.
    Nothing,
    /// Somebody has no access any more.
    Removed,
}

/// Who may do what in a team.
pub async fn of_team(reach: &Reach, team: &str) -> Result<Access, AccessError> {
    let mut access = match way(reach).await {
        (Way::Server, Some(server)) => {
            let told = server.get::<Access>(&["api", "teams", team, "members"], &[]).await;
            told.map_err(failed("read the members", team))?
        }
        _ => of_row(Row::of(&change::find(reach, team).await?)),
    };
    access.members.sort_by(|one, other| one.email.cmp(&other.email));
    access.groups.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(access)
}

async fn way(reach: &Reach) -> (Way, Option<&LoggedIn>) {
    let first = Operation::Access.ways_of(reach).await.first();
    (first.copied().unwrap_or(Way::Kubernetes), reach.server.as_ref())
}

fn failed(verb: &'static str, team: &str) -> impl Fn(ServerError) -> AccessError {
    let team = team.to_owned();
    move |source| AccessError::Server {
        verb,
        team: team.clone(),
        source,
    }
}

fn of_row(row: Row) -> Access {
    let members = row.members.into_iter().map(|(email, role)| Member {
        email,
        name: None,
        role,
        source: Some("direct".to_owned()),
        group_name: None,
    });
    let groups = row.groups.into_iter().map(|group| Rights {
        name: group.name,
        role: group.role,
        identity_provider: group.provider,
    });
    Access {
        members: members.collect(),
        groups: groups.collect(),
    }
}

/// Whom access is given or taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// A person.
    Person(crate::users::email::Email),
    /// The people of a group.
    Group(Group),
}

/// Gives somebody a role in a team: whoever is in it already gets this one instead.
pub async fn grant(
    reach: &Reach,
    writer: &Writer,
    team: &str,
    whom: &Whom,
    role: &TeamRole,
) -> Result<Changed, AccessError> {
    match way(reach).await {
        (Way::Server, Some(server)) => grant_by_server(server, team, whom, role).await,
        _ => grant_by_kubernetes(reach, writer, team, whom, role).await,
    }
}

async fn grant_by_kubernetes(
    reach: &Reach,
    writer: &Writer,
    team: &str,
    whom: &Whom,
    role: &TeamRole,
) -> Result<Changed, AccessError> {
    let (add, update) = match whom.clone() {
        Whom::Person(email) => (
            Edit::AddMember(email.clone(), role.clone()),
            Edit::UpdateMember(email, role.clone()),
        ),
        Whom::Group(group) => (
            Edit::AddGroup(group.clone(), role.clone()),
            Edit::UpdateGroup(group, role.clone()),
        ),
    };
    match change::edit(reach, writer, team, &add).await {
        Ok(_) => Ok(Changed::Added),
        Err(TeamError::Edit {
            source: EditError::Member { .. } | EditError::Group { .. },
            ..
        }) => {
            let outcome = change::edit(reach, writer, team, &update).await?;
            Ok(if outcome.changed {
                Changed::Role
            } else {
                Changed::Nothing
            })
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Form<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity_provider: Option<&'a str>,
}

/// What the server says was done; only that it says so counts.
#[derive(Deserialize)]
struct Done {}

async fn grant_by_server(server: &LoggedIn, team: &str, whom: &Whom, role: &TeamRole) -> Result<Changed, AccessError> {
    let role = role.as_str();
    let (form, list, name, query) = match whom {
        Whom::Person(email) => {
            let form = Form {
                email: Some(email.as_str()),
                name: None,
                role,
                identity_provider: None,
            };
            (form, "members", email.as_str(), Vec::new())
        }
        Whom::Group(group) => {
            let form = Form {
                email: None,
                name: Some(&group.name),
                role,
                identity_provider: group.provider.as_deref(),
            };
            (form, "groups", group.name.as_str(), query_of(group))
        }
    };
    let path = ["api", "admin", "teams", team, list];
    match server.send::<Done>(Method::POST, &path, Some(&form)).await {
        Ok(Done {}) => return Ok(Changed::Added),
        Err(ServerError::Call(CallError::Refused { status: 409, .. })) => {}
        Err(source) => return Err(failed("change the members", team)(source)),
    }
    let path = ["api", "admin", "teams", team, list, name];
    let changed = server
        .send_query::<Done>(Method::PATCH, &path, &query, Some(&form))
        .await;
    changed.map_err(failed("change the members", team))?;
    Ok(Changed::Role)
}

fn query_of(group: &Group) -> Vec<(&str, &str)> {
    let provider = group.provider.as_deref();
    provider
        .map(|provider| ("identityProvider", provider))
        .into_iter()
        .collect()
}

/// Takes somebody's role in a team.
pub async fn revoke(reach: &Reach, writer: &Writer, team: &str, whom: &Whom) -> Result<Changed, AccessError> {
    if let (Way::Server, Some(server)) = way(reach).await {
        let (list, name, query) = match whom {
            Whom::Person(email) => ("members", email.as_str(), Vec::new()),
            Whom::Group(group) => ("groups", group.name.as_str(), query_of(group)),
        };
        let path = ["api", "admin", "teams", team, list, name];
        let removed = server
            .send_query::<Done>(Method::DELETE, &path, &query, None::<&()>)
            .await;
        removed.map_err(failed("change the members", team))?;
        return Ok(Changed::Removed);
    }
    let edit = match whom.clone() {
        Whom::Person(email) => Edit::RemoveMember(email),
        Whom::Group(group) => Edit::RemoveGroup(group),
    };
    change::edit(reach, writer, team, &edit).await?;
    Ok(Changed::Removed)
}
