//! Environments of a team: which one a cluster belongs to, and how many clusters it takes.

use super::{Facts, FieldError, Need, Requester, team::same_text};
use crate::{
    labels::{CREATOR_EMAIL, ENVIRONMENT, MIGRATION_OPERATION, OWNER},
    v1alpha1::{Team, TenantCluster},
};

/// The label that names the environment of a cluster; empty where it names none.
pub(super) fn label(cluster: &TenantCluster) -> &str {
    value(cluster.metadata.labels.as_ref(), ENVIRONMENT)
}

fn creator(cluster: &TenantCluster) -> &str {
    value(cluster.metadata.annotations.as_ref(), CREATOR_EMAIL)
}

fn value<'a>(map: Option<&'a std::collections::BTreeMap<String, String>>, key: &str) -> &'a str {
    map.and_then(|map| map.get(key)).map_or("", String::as_str)
}

fn label_field() -> String {
    format!("metadata.labels[{ENVIRONMENT}]")
}

fn creator_field() -> String {
    format!("metadata.annotations[{CREATOR_EMAIL}]")
}

/// A cluster stays in its environment, unless it is moved on purpose.
pub(super) fn error_of_move(old: &TenantCluster, new: &TenantCluster) -> Option<FieldError> {
    let on_purpose = value(new.metadata.annotations.as_ref(), MIGRATION_OPERATION) == "true";
    (label(old) != label(new) && !on_purpose).then(|| {
        let detail = format!(
            "env label changes require the {MIGRATION_OPERATION:?} annotation set to \"true\"; use `butleradm env migrate`"
        );
        FieldError::forbidden(label_field(), detail)
    })
}

/// What speaks against a cluster in its environment. A cluster that was there before its team had environments, or before its
/// own was taken out of the team, can still be changed.
pub(super) fn errors(
    old: Option<&TenantCluster>,
    new: &TenantCluster,
    team: &Team,
    requester: &Requester,
    facts: &Facts,
) -> Result<Vec<FieldError>, Need> {
    let environments = &team.spec.environments;
    let team_name = team.metadata.name.as_deref().unwrap_or("");
    let name = label(new);
    let kept = old.is_some_and(|old| label(old) == name);
    let Some(environment) = environments.iter().find(|e| e.name == name) else {
        if environments.is_empty() || kept {
            return Ok(Vec::new());
        }
        if name.is_empty() {
            let detail = format!(
                "team {team_name:?} defines environments; TenantClusters must carry this label set to one of the team's env \
                 names"
            );
            return Ok(vec![FieldError::required(label_field(), detail)]);
        }
        let names = environments.iter().map(|e| e.name.as_str());
        return Ok(vec![FieldError::not_supported(label_field(), name, names)]);
    };
    let Some(limits) = &environment.limits else {
        return Ok(Vec::new());
    };
    let per_member = limits.max_clusters_per_member.filter(|most| *most > 0);
    let Some(old) = old else {
        let siblings = Siblings {
            environment: name,
            cluster: new,
            facts,
        };
        let count = limits.max_clusters.filter(|most| *most > 0);
        let mut errors = Vec::new();
        if let Some(most) = count {
            errors.extend(siblings.error_of_count(team_name, most)?);
        }
        if let Some(most) = per_member {
            errors.extend(siblings.error_of_member(requester, most)?);
        }
        return Ok(errors);
    };
    let (before, after) = (creator(old), creator(new));
    let error = (per_member.is_some() && before != after).then(|| {
        let detail = format!("{CREATOR_EMAIL} is immutable; cannot change from {before:?} to {after:?}");
        FieldError::forbidden(creator_field(), detail)
    });
    Ok(error.into_iter().collect())
}

/// The clusters that share an environment with a new one.
struct Siblings<'a> {
    environment: &'a str,
    cluster: &'a TenantCluster,
    facts: &'a Facts,
}

impl Siblings<'_> {
    /// How many there are, of one owner if he is given.
    fn count(&self, owner: Option<&str>) -> Result<i64, Need> {
        let metadata = &self.cluster.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or("");
        let name = metadata.name.as_deref().unwrap_or("");
        let others = self.facts.clusters(namespace)?.iter().map(|other| &other.metadata);
        let found = others.filter(|other| {
            let belongs_to = |owner: &str| {
                let copied = value(Some(&other.annotations), OWNER);
                let given = value(Some(&other.annotations), CREATOR_EMAIL);
                same_text(if copied.is_empty() { given } else { copied }, owner)
            };
            other.name != name
                && value(Some(&other.labels), ENVIRONMENT) == self.environment
                && owner.is_none_or(belongs_to)
        });
        Ok(i64::try_from(found.count()).unwrap_or(i64::MAX))
    }

    fn error_of_count(&self, team: &str, most: i32) -> Result<Option<FieldError>, Need> {
        let count = self.count(None)?;
        Ok((count >= most.into()).then(|| {
            let environment = self.environment;
            let detail = format!(
                "environment {environment:?} in team {team:?} already has {count} cluster(s); env quota limits to {most}"
            );
            FieldError::forbidden("spec", detail)
        }))
    }

    /// Limits per member need to know whose a cluster is, and nobody can say that it is somebody else's.
    fn error_of_member(&self, requester: &Requester, most: i32) -> Result<Option<FieldError>, Need> {
        let environment = self.environment;
        let creator = creator(self.cluster);
        if creator.is_empty() {
            let detail = format!(
                "environment {environment:?} sets maxClustersPerMember; TenantClusters must carry the {CREATOR_EMAIL} \
                 annotation (set automatically by butler-server; kubectl-direct creates must supply it explicitly)"
            );
            return Ok(Some(FieldError::required(creator_field(), detail)));
        }
        if !same_text(creator, &requester.name) {
            let detail = format!(
                "{CREATOR_EMAIL} must match the requesting identity {:?}; environment {environment:?} enforces per-member \
                 caps and cannot accept an annotation claiming a different user",
                requester.name
            );
            return Ok(Some(FieldError::invalid(creator_field(), &creator.into(), detail)));
        }
        let count = self.count(Some(creator))?;
        Ok((count >= most.into()).then(|| {
            let detail = format!(
                "user {creator:?} already owns {count} cluster(s) in environment {environment:?}; env limits to {most} per \
                 member"
            );
            FieldError::forbidden(creator_field(), detail)
        }))
    }
}
