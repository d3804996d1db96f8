//! The environments of a team with their clusters.

use std::collections::BTreeMap;

use butler_api::labels;
use butler_api::v1alpha1::TenantCluster;
use kube::ResourceExt as _;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use serde::Serialize;
use serde_json::Value;

use super::{name, of_team};
use crate::pages;
use crate::reach::Reach;
use crate::teams::list::Row as TeamRow;

/// An environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The entry of the team.
    #[serde(flatten)]
    pub entry: Value,
    /// How many clusters are in it; nothing where that cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clusters: Option<usize>,
}

/// The environments of a team, and why their clusters could not be counted, if so.
pub async fn all(reach: &Reach, team: &DynamicObject) -> (Vec<Row>, Option<kube::Error>) {
    let (counts, trouble) = match clusters(reach, team).await {
        Ok(clusters) => (Some(count(&clusters)), None),
        Err(error) => (None, Some(error)),
    };
    let row = |entry: Value| Row {
        clusters: counts
            .as_ref()
            .map(|counts| counts.get(name(&entry)).copied().unwrap_or(0)),
        entry,
    };
    (of_team(team).into_iter().map(row).collect(), trouble)
}

/// The tenant clusters of a team's namespace.
pub async fn clusters(reach: &Reach, team: &DynamicObject) -> Result<Vec<DynamicObject>, kube::Error> {
    pages::all(&api(reach, team)).await
}

/// Why an environment is still needed, as far as anybody knows.
#[derive(Debug, thiserror::Error)]
pub enum InUse {
    /// Clusters are in it.
    #[error("clusters are still in environment {name}: {}", clusters.join(", "))]
    Clusters {
        /// The environment.
        name: String,
        /// The names of the clusters.
        clusters: Vec<String>,
    },
    /// The API server did not tell.
    #[error("cannot look for clusters of environment {name}")]
    Kubernetes {
        /// The environment.
        name: String,
        /// What it said.
        source: Box<kube::Error>,
    },
}

/// Refuses an environment that clusters are in.
pub async fn in_use(reach: &Reach, team: &DynamicObject, wanted: &str) -> Result<(), InUse> {
    let name = wanted.to_owned();
    let all = match clusters(reach, team).await {
        Ok(all) => all,
        Err(error) => {
            let source = Box::new(error);
            return Err(InUse::Kubernetes { name, source });
        }
    };
    let own = all.iter().filter(|cluster| environment(cluster) == Some(wanted));
    let clusters: Vec<String> = own.map(DynamicObject::name_any).collect();
    if clusters.is_empty() {
        return Ok(());
    }
    Err(InUse::Clusters { name, clusters })
}

/// The tenant clusters of a team's namespace. Before a controller has named it, it is named as the team.
pub(super) fn api(reach: &Reach, team: &DynamicObject) -> Api<DynamicObject> {
    let row = TeamRow::of(team);
    let namespace = row.namespace.unwrap_or(row.name);
    Api::namespaced_with(
        reach.client.clone(),
        &namespace,
        &ApiResource::erase::<TenantCluster>(&()),
    )
}

/// The environment that a cluster says it is in.
pub fn environment(cluster: &DynamicObject) -> Option<&str> {
    let label = cluster.labels().get(labels::ENVIRONMENT);
    label.map(String::as_str).filter(|name| !name.is_empty())
}

fn count(clusters: &[DynamicObject]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in clusters.iter().filter_map(environment) {
        *counts.entry(name.to_owned()).or_insert(0) += 1;
    }
    counts
}

impl Row {
    /// The name.
    pub fn name(&self) -> &str {
        name(&self.entry)
    }

    /// A limit; 0 is none.
    pub fn limit(&self, key: &str) -> Option<i64> {
        let limit = self.entry.get("limits")?.get(key)?.as_i64();
        limit.filter(|number| *number > 0)
    }
}
