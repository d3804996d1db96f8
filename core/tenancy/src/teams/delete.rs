//! Deletion of teams. A team with clusters is not deleted: Butler would wait for somebody to delete them, and refuse new ones.

use butler_api::v1alpha1::TenantCluster;
use kube::ResourceExt as _;
use kube::api::{Api, DeleteParams, DynamicObject, Preconditions};
use kube::core::ApiResource;
use serde_json::Value;

use super::list::Row;
use crate::change::code;
use crate::pages;
use crate::reach::Reach;

/// Why a team is not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// It has clusters.
    #[error("team {team} still has {}: {}", clusters_in_words(clusters.len()), clusters.join(", "))]
    Blocked {
        /// The team.
        team: String,
        /// Namespace and name of each.
        clusters: Vec<String>,
    },
    /// The API server did not tell which clusters it has.
    #[error("cannot look for clusters of team {team}")]
    Look {
        /// The team.
        team: String,
        /// What it said.
        source: Box<kube::Error>,
    },
    /// The API server did not do it.
    #[error("cannot delete team {team}")]
    Kubernetes {
        /// The team.
        team: String,
        /// What it said.
        source: Box<kube::Error>,
    },
}

fn clusters_in_words(count: usize) -> String {
    match count {
        1 => "a cluster".to_owned(),
        count => format!("{count} clusters"),
    }
}

/// Refuses to delete a team that has clusters.
pub async fn refuse_blocked(reach: &Reach, team: &DynamicObject) -> Result<(), DeleteError> {
    let kind = ApiResource::erase::<TenantCluster>(&());
    let api: Api<DynamicObject> = Api::all_with(reach.client.clone(), &kind);
    let all = pages::all(&api).await.map_err(|source| DeleteError::Look {
        team: team.name_any(),
        source: Box::new(source),
    })?;
    let clusters = of_team(&Row::of(team), &all);
    if clusters.is_empty() {
        return Ok(());
    }
    Err(DeleteError::Blocked {
        team: team.name_any(),
        clusters,
    })
}

/// The clusters of a team: those that name it, and those in its namespace, which goes with it.
fn of_team(team: &Row, all: &[DynamicObject]) -> Vec<String> {
    let namespace = team.namespace.as_ref().unwrap_or(&team.name);
    let own = all.iter().filter(|cluster| {
        let named = cluster.data.pointer("/spec/teamRef/name").and_then(Value::as_str);
        named == Some(&team.name) || cluster.metadata.namespace.as_ref() == Some(namespace)
    });
    own.map(|cluster| match &cluster.metadata.namespace {
        Some(namespace) => format!("{namespace}/{}", cluster.name_any()),
        None => cluster.name_any(),
    })
    .collect()
}

/// Deletes a team; what it stands for goes once Butler's controller has cleaned up.
pub async fn delete(reach: &Reach, team: &DynamicObject) -> Result<(), DeleteError> {
    refuse_blocked(reach, team).await?;
    let params = DeleteParams {
        // Not one that somebody has made again meanwhile.
        preconditions: Some(Preconditions {
            uid: team.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match super::api(reach).delete(&team.name_any(), &params).await {
        Err(error) if code(&error) != Some(404) => Err(DeleteError::Kubernetes {
            team: team.name_any(),
            source: Box::new(error),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn clusters_of_a_team_name_it_or_are_in_its_namespace() {
        let team = object(json!({"metadata": {"name": "alpha"}, "status": {"namespace": "alpha"}}));
        let cluster = |namespace: &str, name: &str, team: &str| {
            object(json!({"metadata": {"namespace": namespace, "name": name}, "spec": {"teamRef": {"name": team}}}))
        };
        let all = [
            cluster("alpha", "a", "alpha"),
            cluster("elsewhere", "b", "alpha"),
            cluster("alpha", "c", ""),
            cluster("beta", "d", "beta"),
        ];
        assert_eq!(of_team(&Row::of(&team), &all), ["alpha/a", "elsewhere/b", "alpha/c"]);
    }
}
