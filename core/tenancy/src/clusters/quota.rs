//! What a change would take beyond the limits of its team, said before it is asked for. The platform decides, and lets much of it
//! pass at first: the cluster fails later, or the team is over its quota.

use butler_api::admission::{self, Operation, OtherCluster};
use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::team::ResourceLimits;
use kube::api::{DynamicObject, ListParams};

use super::create::{self, Warning};
use super::{change, read};
use crate::pages;
use crate::reach::Reach;

/// What people should know of the quota of a cluster's team before the cluster becomes like this. Where something of that may not
/// be read, nothing is known.
pub async fn warnings(reach: &Reach, namespace: &str, object: &DynamicObject, operation: Operation) -> Vec<Warning> {
    let Ok(cluster) = read::typed(object) else {
        return Vec::new();
    };
    let Some(team) = cluster.spec.team_ref.as_ref().map(|team| team.name.as_str()) else {
        return Vec::new();
    };
    let known = create::team(reach, team).await.ok().flatten();
    match known.and_then(|known| known.resource_limits) {
        Some(limits) => beyond(reach, namespace, team, &limits, &cluster, operation).await,
        None => Vec::new(),
    }
}

async fn beyond(
    reach: &Reach,
    namespace: &str,
    team: &str,
    limits: &ResourceLimits,
    cluster: &TenantCluster,
    operation: Operation,
) -> Vec<Warning> {
    let api = change::clusters(reach, namespace);
    let others = pages::at::<OtherCluster>(&reach.client, api.resource_url(), ListParams::default()).await;
    let Ok(others) = others else {
        return Vec::new();
    };
    let words = admission::beyond_quota(team, limits, cluster, &others, operation);
    let warning = |message| Warning {
        message,
        hint: Some(
            "fewer or smaller workers may fit; administrators of the platform can give the team more".to_owned(),
        ),
    };
    words.into_iter().map(warning).collect()
}
