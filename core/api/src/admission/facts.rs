//! What rules need to know of other objects. A rule asks for one fact after the other, and is asked again once it has it: so it
//! reads nothing itself, and nothing is read that no rule needs.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    labels,
    v1alpha1::{
        ClusterCreationPolicy, IPAllocation, ProviderConfig, Team, User, decode, shared::ProviderRef,
        tenant_cluster::WorkerPool,
    },
};

/// A fact that a rule has to know before it decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// One object.
    Object {
        /// Plural name of its resource.
        resource: &'static str,
        /// Its namespace; empty where its kind has none.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// All objects of a resource.
    Objects {
        /// Plural name of the resource.
        resource: &'static str,
        /// Only those of this namespace; empty for all of them.
        namespace: String,
        /// Only those with this label and value.
        label: Option<(&'static str, String)>,
    },
    /// Whether the requester may update any team: what a SubjectAccessReview answers about him.
    MayUpdateTeams,
}

impl Need {
    /// More than any review needs.
    pub const MOST: usize = 8;
}

/// The facts that are known already.
#[derive(Debug, Default)]
pub struct Facts {
    team: Option<(String, Option<Team>)>,
    provider_config: Option<((String, String), Option<ProviderConfig>)>,
    clusters: Option<(String, Vec<OtherCluster>)>,
    policies: Option<Vec<ClusterCreationPolicy>>,
    allocations: Option<(String, Vec<IPAllocation>)>,
    users: Option<Vec<User>>,
    may_update_teams: Option<bool>,
}

/// A fact that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {what}")]
pub struct BadFact {
    what: String,
    source: serde_json::Error,
}

impl BadFact {
    /// The error with its cause in one line, as denials show it.
    pub fn in_one_line(&self) -> String {
        format!("{self}: {}", self.source)
    }
}

/// A tenant cluster that is there already, as far as rules look at it. There may be thousands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OtherCluster {
    pub(super) metadata: OtherMetadata,
    pub(super) spec: OtherSpec,
}

/// Metadata of an [`OtherCluster`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct OtherMetadata {
    pub(super) name: String,
    pub(super) namespace: String,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, String>,
}

/// Specification of an [`OtherCluster`].
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OtherSpec {
    pub(super) provider_config_ref: Option<ProviderRef>,
    pub(super) workers: WorkerPool,
}

const TEAMS: &str = "teams";
const USERS: &str = "users";
const PROVIDER_CONFIGS: &str = "providerconfigs";
const TENANT_CLUSTERS: &str = "tenantclusters";
const POLICIES: &str = "clustercreationpolicies";
const IP_ALLOCATIONS: &str = "ipallocations";

impl Facts {
    /// Takes note of the object that was asked for, or that there is none.
    pub fn learn_object(&mut self, need: &Need, object: Option<&Value>) -> Result<(), BadFact> {
        let Need::Object {
            resource,
            namespace,
            name,
        } = need
        else {
            return Ok(());
        };
        let read = |error| BadFact {
            what: format!("{resource} {name}"),
            source: error,
        };
        match *resource {
            TEAMS => self.team = Some((name.clone(), object.cloned().map(decode).transpose().map_err(read)?)),
            PROVIDER_CONFIGS => {
                let found = object.cloned().map(decode).transpose().map_err(read)?;
                self.provider_config = Some(((namespace.clone(), name.clone()), found));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes note of the objects that were asked for.
    pub fn learn_objects<'a>(
        &mut self,
        need: &Need,
        objects: impl IntoIterator<Item = &'a Value>,
    ) -> Result<(), BadFact> {
        let Need::Objects {
            resource,
            namespace,
            label,
        } = need
        else {
            return Ok(());
        };
        let objects = objects.into_iter();
        match *resource {
            TENANT_CLUSTERS => {
                let clusters = read_all(resource, objects, |object| OtherCluster::deserialize(object))?;
                self.clusters = Some((namespace.clone(), clusters));
            }
            POLICIES => self.policies = Some(read_all(resource, objects, |object| decode(object.clone()))?),
            USERS => self.users = Some(read_all(resource, objects, |object| decode(object.clone()))?),
            IP_ALLOCATIONS => {
                let allocations = read_all(resource, objects, |object| decode(object.clone()))?;
                let pool = label.as_ref().map_or("", |(_, pool)| pool);
                self.allocations = Some((pool.to_owned(), allocations));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes note of the answer to [`Need::MayUpdateTeams`].
    pub fn learn_may_update_teams(&mut self, allowed: bool) {
        self.may_update_teams = Some(allowed);
    }

    pub(super) fn team(&self, name: &str) -> Result<Option<&Team>, Need> {
        match &self.team {
            Some((known, team)) if known == name => Ok(team.as_ref()),
            _ => Err(object(TEAMS, "", name)),
        }
    }

    pub(super) fn provider_config(&self, namespace: &str, name: &str) -> Result<Option<&ProviderConfig>, Need> {
        match &self.provider_config {
            Some(((at, known), provider)) if at == namespace && known == name => Ok(provider.as_ref()),
            _ => Err(object(PROVIDER_CONFIGS, namespace, name)),
        }
    }

    /// The tenant clusters of a namespace, or of all.
    pub(super) fn clusters(&self, namespace: &str) -> Result<&[OtherCluster], Need> {
        match &self.clusters {
            Some((known, clusters)) if known == namespace => Ok(clusters),
            _ => Err(objects(TENANT_CLUSTERS, namespace, None)),
        }
    }

    pub(super) fn policies(&self) -> Result<&[ClusterCreationPolicy], Need> {
        self.policies.as_deref().ok_or_else(|| objects(POLICIES, "", None))
    }

    pub(super) fn allocations(&self, pool: &str) -> Result<&[IPAllocation], Need> {
        match &self.allocations {
            Some((known, allocations)) if known == pool => Ok(allocations),
            _ => Err(objects(
                IP_ALLOCATIONS,
                "",
                Some((labels::NETWORK_POOL, pool.to_owned())),
            )),
        }
    }

    pub(super) fn users(&self) -> Result<&[User], Need> {
        self.users.as_deref().ok_or_else(|| objects(USERS, "", None))
    }

    pub(super) fn may_update_teams(&self) -> Result<bool, Need> {
        self.may_update_teams.ok_or(Need::MayUpdateTeams)
    }
}

fn read_all<'a, T>(
    resource: &str,
    objects: impl Iterator<Item = &'a Value>,
    read: impl Fn(&Value) -> Result<T, serde_json::Error>,
) -> Result<Vec<T>, BadFact> {
    let bad = |object: &Value, source| BadFact {
        what: format!(
            "{resource} {}",
            object["metadata"]["name"].as_str().unwrap_or("(no name)")
        ),
        source,
    };
    objects
        .map(|object| read(object).map_err(|error| bad(object, error)))
        .collect()
}

fn object(resource: &'static str, namespace: &str, name: &str) -> Need {
    Need::Object {
        resource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn objects(resource: &'static str, namespace: &str, label: Option<(&'static str, String)>) -> Need {
    Need::Objects {
        resource,
        namespace: namespace.to_owned(),
        label,
    }
}
