//! Listing tenant clusters: one request for each page, and none for each cluster.

mod path;
mod row;
mod sort;

use butler_api::v1alpha1::TenantCluster;
use butler_client::logged_in::{LoggedIn, ServerError};
use kube::Resource as _;
use kube::api::{DynamicObject, ListParams};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use self::path::{Path, PathError};
pub use self::row::Row;
pub use self::sort::{SortBy, sort_objects, sort_rows};
use crate::pages;
use crate::reach::Reach;

/// Which clusters.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// The namespace; without it all of them.
    pub namespace: Option<String>,
    /// Only those with these labels, as kubectl reads them.
    pub labels: Option<String>,
    /// Only those with these fields, as kubectl reads them.
    pub fields: Option<String>,
}

/// What was found, and where was looked.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// The clusters, by namespace and name.
    pub items: Vec<T>,
    /// The teams whose namespaces were looked in, where all namespaces were asked for and may not be listed.
    pub only_teams: Option<Vec<String>>,
}

/// Why clusters cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The API server did not list them.
    #[error("cannot list tenant clusters{}", place(namespace.as_deref()))]
    Kubernetes {
        /// The namespace that was asked for.
        namespace: Option<String>,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// Butler's server could not tell where the teams are.
    #[error("cannot look up the namespaces of the teams")]
    Server(#[from] ServerError),
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or_else(
        || " of all namespaces".to_owned(),
        |namespace| format!(" in namespace {namespace}"),
    )
}

/// The clusters as the API server has them.
pub async fn objects(reach: &Reach, query: &Query) -> Result<Listing<DynamicObject>, ListError> {
    let mut listing = listed(reach, query, |object: &DynamicObject| {
        (object.metadata.namespace.clone(), object.metadata.name.clone())
    })
    .await?;
    listing.items = listing.items.into_iter().map(pages::without_managed_fields).collect();
    Ok(listing)
}

/// What a list shows of the clusters. Only that is read, which takes a small part of the time and the memory.
pub async fn rows(reach: &Reach, query: &Query) -> Result<Listing<Row>, ListError> {
    listed(reach, query, |row: &Row| {
        (row.namespace.clone(), Some(row.name.clone()))
    })
    .await
}

async fn listed<T, K>(reach: &Reach, query: &Query, key: impl Fn(&T) -> K) -> Result<Listing<T>, ListError>
where
    T: DeserializeOwned + Send + 'static,
    K: Ord,
{
    let failed = |namespace: Option<&str>| {
        let namespace = namespace.map(str::to_owned);
        move |source| ListError::Kubernetes {
            namespace,
            source: Box::new(source),
        }
    };
    let namespace = query.namespace.as_deref();
    let (mut items, only_teams) = match (pages(reach, namespace, query).await, &reach.server) {
        (Err(error), Some(server)) if namespace.is_none() && is_forbidden(&error) => {
            let teams = teams(server).await?;
            if teams.is_empty() {
                return Err(failed(None)(error));
            }
            let mut items = Vec::new();
            for team in &teams {
                let of_team = pages(reach, Some(&team.namespace), query).await;
                items.extend(of_team.map_err(failed(Some(&team.namespace)))?);
            }
            (items, Some(teams.into_iter().map(|team| team.name).collect()))
        }
        (items, _) => (items.map_err(failed(namespace))?, None),
    };
    items.sort_by_cached_key(key);
    Ok(Listing { items, only_teams })
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

async fn pages<T: DeserializeOwned + Send + 'static>(
    reach: &Reach,
    namespace: Option<&str>,
    query: &Query,
) -> Result<Vec<T>, kube::Error> {
    let asked = ListParams {
        label_selector: query.labels.clone(),
        field_selector: query.fields.clone(),
        ..ListParams::default()
    };
    pages::at(&reach.client, &TenantCluster::url_path(&(), namespace), asked).await
}

/// A team of whoever is logged in, and its namespace.
struct Team {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
struct ServersTeams {
    teams: Vec<ServersTeam>,
}

#[derive(Deserialize)]
struct ServersTeam {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

/// The namespaces of the teams of whoever is logged in.
pub async fn namespaces(server: &LoggedIn) -> Result<Vec<String>, ServerError> {
    Ok(teams(server).await?.into_iter().map(|team| team.namespace).collect())
}

/// The teams of whoever is logged in that have a namespace, as Butler's server knows them. Servers without sessions name the
/// namespace after the team.
async fn teams(server: &LoggedIn) -> Result<Vec<Team>, ServerError> {
    let own = server.session().await.user.teams;
    let all = match server.get::<ServersTeams>(&["api", "teams"], &[]).await {
        Ok(all) => Some(all.teams),
        Err(ServerError::NoSession(_)) => None,
        Err(error) => return Err(error),
    };
    let teams = own.into_iter().filter_map(|team| {
        let namespace = match &all {
            Some(all) => all.iter().find(|one| one.name == team.name)?.namespace.clone()?,
            None => team.name.clone(),
        };
        Some(Team {
            name: team.name,
            namespace,
        })
    });
    Ok(teams.collect())
}
