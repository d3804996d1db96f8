//! The namespace that a command works in, and the team that it belongs to.

use butler_api::names;
use butler_api::v1alpha1::Team;
use butler_client::logged_in::{LoggedIn, ServerError};
use kube::Api;
use serde::Deserialize;

use crate::reach::Reach;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--team`.
    pub team: Option<String>,
    /// `BUTLER_NAMESPACE`.
    pub namespace_variable: Option<String>,
}

/// A namespace, and the team that it belongs to as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The namespace of the objects.
    pub namespace: String,
    /// The team.
    pub team: Option<String>,
}

/// Why a place could not be found.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The team has no namespace yet.
    #[error("team {0} has no namespace yet")]
    NotReady(String),
    /// There is no such team, or nobody may know.
    #[error("cannot look up the namespace of team {team}")]
    Kubernetes {
        /// The team.
        team: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The server could not tell.
    #[error("cannot look up the namespace of team {team}")]
    Server {
        /// The team.
        team: String,
        /// What went wrong.
        source: ServerError,
    },
}

/// A team, as Butler's server shows it.
#[derive(Deserialize)]
struct ServersTeam {
    #[serde(default)]
    namespace: Option<String>,
}

/// Finds the place: what was named, else that of the active team, else that of the context, else the one for clusters without
/// a team.
pub async fn find(reach: &Reach, asked: &Asked) -> Result<Place, PlaceError> {
    if let Some(namespace) = &asked.namespace {
        // A team that was named as well is meant; otherwise the active one is, where this is its namespace.
        let team = match (&asked.team, &reach.team) {
            (Some(team), _) => Some(team.clone()),
            (None, Some(active)) if of_team(reach, active).await.is_ok_and(|own| own == *namespace) => {
                Some(active.clone())
            }
            (None, _) => None,
        };
        return Ok(Place {
            namespace: namespace.clone(),
            team,
        });
    }
    if let Some(team) = &asked.team {
        return in_team(reach, team).await;
    }
    if let Some(namespace) = &asked.namespace_variable {
        return Ok(without_team(namespace));
    }
    if let Some(team) = &reach.team {
        return in_team(reach, team).await;
    }
    // Talos and kubeadm write `default` into every kubeconfig. Nobody has chosen it, and Butler's controllers refuse clusters there.
    let namespace = reach.namespace.as_deref().filter(|namespace| *namespace != "default");
    Ok(without_team(namespace.unwrap_or(names::TENANTS_NAMESPACE)))
}

fn without_team(namespace: &str) -> Place {
    Place {
        namespace: namespace.to_owned(),
        team: None,
    }
}

async fn in_team(reach: &Reach, team: &str) -> Result<Place, PlaceError> {
    Ok(Place {
        namespace: of_team(reach, team).await?,
        team: Some(team.to_owned()),
    })
}

/// The namespace of a team. Members may not read Teams, so that Butler's server is asked where there is one; servers without
/// sessions name the namespace after the team.
async fn of_team(reach: &Reach, team: &str) -> Result<String, PlaceError> {
    if let Some(server) = &reach.server {
        return by_server(server, team).await;
    }
    let teams: Api<Team> = Api::all(reach.client.clone());
    let found = teams.get(team).await.map_err(|source| PlaceError::Kubernetes {
        team: team.to_owned(),
        source: Box::new(source),
    })?;
    let namespace = found.status.and_then(|status| status.namespace);
    namespace.ok_or_else(|| PlaceError::NotReady(team.to_owned()))
}

/// The namespace of a team, as Butler's server knows it. Servers without sessions name the namespace after the team.
pub async fn by_server(server: &LoggedIn, team: &str) -> Result<String, PlaceError> {
    match server.get::<ServersTeam>(&["api", "teams", team], &[]).await {
        Ok(found) => found.namespace.ok_or_else(|| PlaceError::NotReady(team.to_owned())),
        Err(ServerError::NoSession(_)) => Ok(team.to_owned()),
        Err(source) => Err(PlaceError::Server {
            team: team.to_owned(),
            source,
        }),
    }
}
