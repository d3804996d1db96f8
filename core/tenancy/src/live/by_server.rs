//! Lists of those who may not list objects: Butler's server tells them what their teams have. It has no watch, so that they are
//! read once.

use std::collections::BTreeSet;

use butler_client::logged_in::{LoggedIn, ServerError};
use jiff::Timestamp;
use kube::api::DynamicObject;
use serde::Deserialize;

use super::kind::Kind;
use super::row::{Cell, Detail, Row, State};
use super::small;
use crate::addons::catalog::{self, CatalogError};
use crate::providers;
use crate::reach::Reach;

/// The rows of a kind, as Butler's server tells them; nothing where it does not tell of that kind or nobody is logged in on one.
pub async fn rows(reach: &Reach, kind: Kind) -> Result<Option<Vec<Row>>, ServerError> {
    let Some(server) = &reach.server else {
        return Ok(None);
    };
    match kind {
        Kind::Addons => match catalog::all(reach).await {
            Ok(entries) => Ok(Some(entries.iter().map(small::catalogued).collect())),
            Err(CatalogError::Server(error)) => Err(error),
            // The API server has been asked already: what it said stands.
            Err(CatalogError::Kubernetes(_)) => Ok(None),
        },
        Kind::Teams => teams(server).await.map(Some),
        Kind::Providers => platforms(server).await.map(Some),
        Kind::Clusters | Kind::Installed | Kind::Pools | Kind::Allocations | Kind::Users => Ok(None),
    }
}

#[derive(Deserialize)]
struct Teams {
    teams: Vec<Team>,
}

/// A team, as the server sums it up. Its phase is not read: the server calls a team Ready that no controller has ever seen.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Team {
    name: String,
    display_name: Option<String>,
    description: Option<String>,
    namespace: Option<String>,
    cluster_count: Option<i64>,
    member_count: Option<i64>,
    created_at: Option<Timestamp>,
}

async fn teams(server: &LoggedIn) -> Result<Vec<Row>, ServerError> {
    let own = own_teams(server).await;
    let all: Teams = server.get(&["api", "teams"], &[]).await?;
    let own = all.teams.into_iter().filter(|team| own.contains(&team.name));
    Ok(own.map(team).collect())
}

fn team(team: Team) -> Row {
    let facts = [("called", team.display_name), ("about", team.description)];
    let known = facts
        .into_iter()
        .filter_map(|(word, text)| Some((word.into(), text?.into())));
    Row {
        uid: team.name.as_str().into(),
        namespace: None,
        name: team.name.into(),
        version: "".into(),
        state: State::Unknown,
        why: None,
        detail: Detail::Facts(known.collect()),
        cells: vec![
            Cell::Unknown,
            Cell::number(team.cluster_count),
            Cell::number(team.member_count),
            Cell::Unknown,
            Cell::text(team.namespace),
            Cell::time(team.created_at),
        ],
    }
}

#[derive(Deserialize)]
struct Providers {
    providers: Vec<DynamicObject>,
}

async fn platforms(server: &LoggedIn) -> Result<Vec<Row>, ServerError> {
    let own = own_teams(server).await;
    let all: Providers = server.get(&["api", "providers"], &[]).await?;
    let usable = all.providers.iter().filter(|object| is_usable(object, &own));
    Ok(usable.map(|object| small::row(Kind::Providers, object)).collect())
}

/// Whether members of these teams may use a platform. The server tells everybody of those of every team.
fn is_usable(provider: &DynamicObject, own: &BTreeSet<String>) -> bool {
    providers::list::team_of(provider).is_none_or(|team| own.contains(team))
}

async fn own_teams(server: &LoggedIn) -> BTreeSet<String> {
    let session = server.session().await;
    session.user.teams.into_iter().map(|team| team.name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_team_is_never_ready_because_the_server_says_so() {
        let told = json!({"teams": [{"name": "pay", "phase": "Ready", "clusterCount": 3, "createdAt": "2026-01-02T03:04:05Z"}]});
        let told: Teams = serde_json::from_value(told).unwrap();
        let row = told.teams.into_iter().map(team).next().unwrap();
        assert_eq!((row.state, &row.cells[0]), (State::Unknown, &Cell::Unknown));
        assert_eq!(row.cells[1], Cell::Number(3));
        assert_eq!(row.cells[2], Cell::Unknown, "nobody has said how many members it has");
    }

    #[test]
    fn platforms_of_other_teams_are_left_out() {
        let provider = |scope: serde_json::Value| -> DynamicObject {
            serde_json::from_value(json!({"metadata": {"name": "p"}, "spec": {"provider": "nutanix", "scope": scope}}))
                .unwrap()
        };
        let own = BTreeSet::from(["pay".to_owned()]);
        for (scope, usable) in [
            (json!({"type": "platform"}), true),
            (json!(null), true),
            (json!({"type": "team", "teamRef": {"name": "pay"}}), true),
            (json!({"type": "team", "teamRef": {"name": "web"}}), false),
        ] {
            assert_eq!(is_usable(&provider(scope.clone()), &own), usable, "{scope}");
        }
    }
}
