//! Another Kubernetes release for a cluster.

use butler_api::tenants::{self, NoRelease, Release, Skew};
use butler_api::v1alpha1::TenantCluster;
use serde::Serialize;

use super::change::{self, ChangeError, Changed, Writer};
use crate::reach::Reach;

/// A cluster that cannot be upgraded like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotUpgrade {
    /// It is going.
    #[error("cluster {0} is being deleted")]
    Deleting(String),
    /// It cannot go from the one release to the other.
    #[error(transparent)]
    Skew(#[from] Skew),
    /// What it runs is not known.
    #[error("cluster {name} runs a release from which no upgrade is known")]
    Unknown {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: NoRelease,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    kubernetes_version: String,
}

/// Asks for a release.
pub async fn upgrade(
    reach: &Reach,
    namespace: &str,
    name: &str,
    release: &Release,
    writer: Writer,
) -> Result<Changed, ChangeError<CannotUpgrade>> {
    change::change(reach, namespace, name, writer, |cluster| decide(cluster, name, release)).await
}

/// The release that a cluster runs, as far as that is known, else the one that it was asked to run.
pub fn running(cluster: &TenantCluster) -> &str {
    let observed = cluster
        .status
        .as_ref()
        .and_then(|status| status.observed_state.as_ref());
    let version = observed.and_then(|observed| observed.kubernetes_version.as_deref());
    version
        .filter(|version| !version.is_empty())
        .unwrap_or(&cluster.spec.kubernetes_version)
}

fn decide(cluster: &TenantCluster, name: &str, release: &Release) -> Result<Option<Spec>, CannotUpgrade> {
    Ok(changes(cluster, name, release)?.then(|| Spec {
        kubernetes_version: release.to_string(),
    }))
}

/// Whether a release is another one than the cluster is asked for, and it can go there.
///
/// An upgrade that is under way is no reason to begin another one from where it goes: a cluster that still runs v1.31 and was
/// asked for v1.32 would be asked to skip a release. What it was asked for counts for the way back: it may run that already.
pub(super) fn changes(cluster: &TenantCluster, name: &str, release: &Release) -> Result<bool, CannotUpgrade> {
    if cluster.metadata.deletion_timestamp.is_some() {
        return Err(CannotUpgrade::Deleting(name.to_owned()));
    }
    let read = |text: &str| {
        Release::parse(text).map_err(|source| CannotUpgrade::Unknown {
            name: name.to_owned(),
            source,
        })
    };
    let (asked, running) = (read(&cluster.spec.kubernetes_version)?, read(running(cluster))?);
    if asked == *release {
        return Ok(false);
    }
    if *release < asked {
        tenants::step(&asked, release)?;
    }
    tenants::step(&running, release)?;
    Ok(true)
}
