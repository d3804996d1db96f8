//! What a cluster is waited for to be.

use std::fmt;
use std::str::FromStr;

use butler_api::conditions;
use butler_api::tenants::Release;
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::tenant_cluster::TenantClusterPhase;

use super::super::upgrade;

/// What a cluster should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// As it is asked for, in every part.
    Ready,
    /// Gone.
    Deleted,
    /// A condition of it has this status.
    Condition {
        /// Type of the condition.
        kind: String,
        /// Its status: `True`, `False` or `Unknown`.
        status: String,
    },
    /// Ready, on this release.
    Version(Release),
}

/// A text that is no goal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing to wait for; write ready, deleted, condition=TYPE[=STATUS] or version=VERSION")]
pub struct BadGoal(String);

impl FromStr for Goal {
    type Err = BadGoal;

    fn from_str(text: &str) -> Result<Self, BadGoal> {
        let bad = || BadGoal(text.to_owned());
        match text.split_once('=') {
            None if text.eq_ignore_ascii_case("ready") => Ok(Self::Ready),
            // kubectl says `delete`.
            None if ["deleted", "delete"].contains(&text.to_lowercase().as_str()) => Ok(Self::Deleted),
            Some(("condition", rest)) => {
                let (kind, status) = rest.split_once('=').unwrap_or((rest, "True"));
                let known = ["True", "False", "Unknown"].into_iter();
                let status = known.into_iter().find(|known| known.eq_ignore_ascii_case(status));
                let kind = Some(kind).filter(|kind| !kind.is_empty());
                match (kind, status) {
                    (Some(kind), Some(status)) => Ok(Self::Condition {
                        kind: kind.to_owned(),
                        status: status.to_owned(),
                    }),
                    _ => Err(bad()),
                }
            }
            Some(("version", version)) => Release::parse(version).map(Self::Version).map_err(|_| bad()),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("Ready"),
            Self::Deleted => f.write_str("gone"),
            Self::Condition { kind, status } => write!(f, "{kind}={status}"),
            Self::Version(release) => write!(f, "Ready on {release}"),
        }
    }
}

impl Goal {
    /// Whether a cluster is so. What was observed of it before it was asked for something else does not count.
    pub(super) fn is_met_by(&self, cluster: &TenantCluster) -> bool {
        match self {
            Self::Ready => is_ready(cluster),
            Self::Deleted => false,
            Self::Condition { kind, status } => {
                let conditions = cluster.status.as_ref().map(|status| status.conditions.as_slice());
                let found = conditions.and_then(|conditions| conditions::find(conditions, kind));
                found.is_some_and(|found| found.status == *status && is_current(cluster, found.observed_generation))
            }
            Self::Version(release) => is_ready(cluster) && upgrade::running(cluster) == release.to_string(),
        }
    }
}

/// Older controllers do not say what they have seen.
fn is_current(cluster: &TenantCluster, observed: Option<i64>) -> bool {
    observed.is_none_or(|observed| {
        cluster
            .metadata
            .generation
            .is_none_or(|generation| observed >= generation)
    })
}

fn is_ready(cluster: &TenantCluster) -> bool {
    let Some(status) = &cluster.status else {
        return false;
    };
    let ready = status.worker_nodes_ready.or_else(|| {
        let observed = status.observed_state.as_ref()?.workers.as_ref()?;
        Some(observed.ready)
    });
    // A controller that has not seen the change yet still says Ready: the numbers say what is meant.
    cluster.metadata.deletion_timestamp.is_none()
        && status.phase == Some(TenantClusterPhase::Ready)
        && is_current(cluster, status.observed_generation)
        && ready.is_none_or(|ready| ready == cluster.spec.workers.replicas)
        && upgrade::running(cluster) == cluster.spec.kubernetes_version
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read_as_kubectl_writes_them() {
        let goal = |text: &str| text.parse::<Goal>();
        assert_eq!(goal("ready"), Ok(Goal::Ready));
        assert_eq!(goal("delete"), Ok(Goal::Deleted));
        assert_eq!(goal("version=1.33.4").unwrap().to_string(), "Ready on v1.33.4");
        assert_eq!(goal("condition=AddonsReady").unwrap().to_string(), "AddonsReady=True");
        assert_eq!(goal("condition=Ready=false").unwrap().to_string(), "Ready=False");
        for wrong in [
            "",
            "condition=",
            "condition==True",
            "condition=Ready=maybe",
            "version=new",
            "jsonpath={.a}",
        ] {
            assert!(goal(wrong).is_err(), "{wrong}");
        }
    }
}
