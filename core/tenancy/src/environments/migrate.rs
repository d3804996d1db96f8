//! Putting clusters into an environment: a plan first, then one cluster after the other. Butler's webhook lets a cluster change its
//! environment only with an annotation, which goes again, so that the guard stays for the next time.

use std::collections::BTreeMap;

use butler_api::labels;
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde::Serialize;

use super::list::{api, environment};
use crate::change::{ChangeError, Writer};
use crate::reach::Reach;

/// Which clusters are meant.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The environment that they are put into.
    pub environment: String,
    /// Clusters by name; all where there is none.
    pub names: Vec<String>,
    /// Also those that are in another environment.
    pub relabel: bool,
}

/// One cluster that moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Move {
    /// The name of the cluster.
    pub cluster: String,
    /// The environment that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The environment that it comes into.
    pub to: String,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A cluster that was named is not there.
    #[error("the team has no cluster {}", .0.join(", "))]
    Missing(Vec<String>),
    /// A cluster that was named is in another environment.
    #[error("in another environment already: {}", .0.join(", "))]
    Elsewhere(Vec<String>),
}

/// Decides which clusters move.
pub fn plan(wish: &Wish, clusters: &[DynamicObject]) -> Result<Vec<Move>, PlanError> {
    let missing = wish
        .names
        .iter()
        .filter(|name| !clusters.iter().any(|one| one.name_any() == **name));
    let missing: Vec<String> = missing.cloned().collect();
    if !missing.is_empty() {
        return Err(PlanError::Missing(missing));
    }
    let meant = clusters
        .iter()
        .filter(|one| wish.names.is_empty() || wish.names.contains(&one.name_any()));
    let other = |one: &&DynamicObject| environment(one) != Some(&wish.environment);
    let (elsewhere, without): (Vec<_>, Vec<_>) = meant.filter(other).partition(|one| environment(one).is_some());
    if !wish.names.is_empty() && !wish.relabel && !elsewhere.is_empty() {
        let told = elsewhere
            .iter()
            .map(|one| format!("{} ({})", one.name_any(), environment(one).unwrap_or("")));
        return Err(PlanError::Elsewhere(told.collect()));
    }
    let moving = without
        .into_iter()
        .chain(elsewhere.into_iter().filter(|_| wish.relabel));
    let mut moves: Vec<Move> = moving
        .map(|one| Move {
            cluster: one.name_any(),
            from: environment(one).map(str::to_owned),
            to: wish.environment.clone(),
        })
        .collect();
    moves.sort_by(|one, other| one.cluster.cmp(&other.cluster));
    Ok(moves)
}

#[derive(Serialize)]
struct Metadata {
    metadata: Marks,
}

#[derive(Serialize)]
struct Marks {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'static str, String>,
    annotations: BTreeMap<&'static str, Option<&'static str>>,
}

/// Somebody else was faster.
#[derive(Debug, thiserror::Error)]
#[error("somebody else has put it into environment {0} meanwhile")]
pub struct Elsewhere(String);

/// Why a cluster did not move.
pub type MoveError = ChangeError<Elsewhere>;

/// Moves clusters, one after the other; one that does not move holds no other up.
pub async fn carry_out(
    reach: &Reach,
    writer: &Writer,
    team: &DynamicObject,
    moves: Vec<Move>,
) -> Vec<(Move, Result<(), MoveError>)> {
    let mut done = Vec::with_capacity(moves.len());
    for one in moves {
        let result = carry_out_one(reach, writer, team, &one).await;
        done.push((one, result));
    }
    done
}

/// Moves a cluster, unless somebody else has moved it meanwhile.
async fn carry_out_one(reach: &Reach, writer: &Writer, team: &DynamicObject, one: &Move) -> Result<(), MoveError> {
    let clusters = api(reach, team);
    let moved = |object: &DynamicObject| -> Result<_, Elsewhere> {
        match environment(object) {
            Some(now) if now == one.to => Ok(None),
            Some(now) if one.from.as_deref() != Some(now) => Err(Elsewhere(now.to_owned())),
            _ => Ok(Some(Metadata {
                metadata: Marks {
                    labels: BTreeMap::from([(labels::ENVIRONMENT, one.to.clone())]),
                    annotations: BTreeMap::from([(labels::MIGRATION_OPERATION, Some("true"))]),
                },
            })),
        }
    };
    writer.change(&clusters, &one.cluster, moved).await?;
    let cleared = |object: &DynamicObject| -> Result<_, Elsewhere> {
        let is_marked = object.annotations().contains_key(labels::MIGRATION_OPERATION);
        Ok(is_marked.then(|| Metadata {
            metadata: Marks {
                labels: BTreeMap::new(),
                annotations: BTreeMap::from([(labels::MIGRATION_OPERATION, None)]),
            },
        }))
    };
    writer.change(&clusters, &one.cluster, cleared).await.map(drop)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn clusters() -> Vec<DynamicObject> {
        let cluster = |name: &str, environment: Option<&str>| {
            let labels = environment.map(|name| json!({labels::ENVIRONMENT: name}));
            serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}})).unwrap()
        };
        vec![
            cluster("web", None),
            cluster("api", Some("dev")),
            cluster("db", Some("prod")),
            cluster("app", None),
        ]
    }

    fn planned(names: &[&str], relabel: bool) -> Result<Vec<String>, PlanError> {
        let wish = Wish {
            environment: "prod".to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            relabel,
        };
        let moves = plan(&wish, &clusters())?;
        Ok(moves.into_iter().map(|one| one.cluster).collect())
    }

    #[test]
    fn clusters_of_no_environment_move_and_others_only_where_that_is_asked_for() {
        assert_eq!(planned(&[], false).unwrap(), ["app", "web"]);
        assert_eq!(planned(&[], true).unwrap(), ["api", "app", "web"]);
        assert_eq!(planned(&["db", "web"], false).unwrap(), ["web"]);
    }

    #[test]
    fn what_was_named_and_cannot_move_is_told() {
        let elsewhere = planned(&["api", "web"], false).unwrap_err();
        assert_eq!(elsewhere.to_string(), "in another environment already: api (dev)");
        let missing = planned(&["zz", "web"], true).unwrap_err();
        assert_eq!(missing.to_string(), "the team has no cluster zz");
    }
}
