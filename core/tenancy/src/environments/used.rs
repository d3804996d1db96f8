//! The environments of a team: their limits, and what of them is used.

use butler_api::labels;
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::team::Environment;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::Serialize;

use crate::clusters::create::{self, FactsError};
use crate::objects::{ObjectError, Objects};
use crate::place::Place;
use crate::reach::Reach;

/// An environment, with what of it is used.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Used {
    /// The environment, as the team has it.
    #[serde(flatten)]
    pub environment: Environment,
    /// How many clusters are in it; nothing where nobody may know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
    /// How many of them belong to whoever is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_clusters: Option<usize>,
}

/// Why the environments of a team are not known.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentsError {
    /// The team cannot be looked up.
    #[error(transparent)]
    Team(#[from] FactsError),
    /// Nobody may know, or the server is too old to tell.
    #[error("the environments of team {0} cannot be read with this login")]
    Unknown(String),
    /// There is none of this name.
    #[error("team {team} has no environment {name}")]
    Missing {
        /// The team.
        team: String,
        /// The name that was given.
        name: String,
        /// Those that it has.
        others: Vec<String>,
    },
}

/// The environments of a team, and why nobody knows what of them is used where that is so.
#[derive(Debug)]
pub struct Listing {
    /// The environments, in the order of the team.
    pub environments: Vec<Used>,
    /// Why the clusters could not be counted.
    pub uncounted: Option<ObjectError>,
}

/// Looks up the environments of a team, and counts the clusters in its namespace.
pub async fn all(reach: &Reach, team: &str, place: &Place) -> Result<Listing, EnvironmentsError> {
    let facts = create::team(reach, team).await?;
    let facts = facts.ok_or_else(|| EnvironmentsError::Unknown(team.to_owned()))?;
    let clusters = Objects::of::<TenantCluster>(reach, &place.namespace, "tenant cluster")
        .all()
        .await;
    let (clusters, uncounted) = match clusters {
        Ok(clusters) => (Some(clusters), None),
        Err(error) => (None, Some(error)),
    };
    let email = reach.email.as_deref();
    let used = facts.environments.into_iter();
    Ok(Listing {
        environments: used.map(|one| used_of(one, clusters.as_deref(), email)).collect(),
        uncounted,
    })
}

/// One environment of a team.
pub fn named(listing: Listing, team: &str, name: &str) -> Result<Used, EnvironmentsError> {
    let names = listing.environments.iter().map(|one| one.environment.name.clone());
    let missing = EnvironmentsError::Missing {
        team: team.to_owned(),
        name: name.to_owned(),
        others: names.collect(),
    };
    let mut all = listing.environments.into_iter();
    all.find(|one| one.environment.name == name).ok_or(missing)
}

fn used_of(environment: Environment, clusters: Option<&[DynamicObject]>, email: Option<&str>) -> Used {
    let within = |cluster: &&DynamicObject| cluster.labels().get(labels::ENVIRONMENT) == Some(&environment.name);
    let of = |email: &str| {
        let within = clusters.map(|all| all.iter().filter(within));
        within.map(|within| within.filter(|cluster| is_owned(cluster, email)).count())
    };
    Used {
        clusters: clusters.map(|all| all.iter().filter(within).count()),
        own_clusters: email.and_then(of),
        environment,
    }
}

/// Whether a cluster counts for somebody: the controller's own note, else who asked for it.
fn is_owned(cluster: &DynamicObject, email: &str) -> bool {
    let notes = cluster.annotations();
    let owner = notes.get(labels::OWNER).or_else(|| notes.get(labels::CREATOR_EMAIL));
    owner.is_some_and(|owner| owner.eq_ignore_ascii_case(email))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tests write values where they use them")]
    fn cluster(environment: &str, notes: serde_json::Value) -> DynamicObject {
        let labels = json!({"butler.butlerlabs.dev/environment": environment});
        serde_json::from_value(json!({"metadata": {"name": "x", "labels": labels, "annotations": notes}})).unwrap()
    }

    fn dev() -> Environment {
        serde_json::from_value(json!({"name": "dev", "limits": {"maxClusters": 3}})).unwrap()
    }

    #[test]
    fn clusters_count_for_their_environment_and_their_owner() {
        let creator = "butler.butlerlabs.dev/creator-email";
        let owner = "butler.butlerlabs.dev/owner";
        let clusters = [
            cluster("dev", json!({creator: "Alice@example.com"})),
            cluster("dev", json!({creator: "alice@example.com", owner: "bob@example.com"})),
            cluster("prod", json!({owner: "alice@example.com"})),
        ];
        let used = used_of(dev(), Some(&clusters), Some("alice@example.com"));
        let shown = json!({"name": "dev", "limits": {"maxClusters": 3}, "clusters": 2, "ownClusters": 1});
        assert_eq!(serde_json::to_value(&used).unwrap(), shown);
    }

    #[test]
    fn what_nobody_counted_is_unknown_and_not_nothing() {
        let used = used_of(dev(), None, Some("alice@example.com"));
        assert_eq!((used.clusters, used.own_clusters), (None, None));
        assert_eq!(used_of(dev(), Some(&[]), None).own_clusters, None);
    }
}
