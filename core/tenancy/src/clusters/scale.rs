//! How many workers a cluster has.

use butler_api::tenants::MOST_WORKERS;
use butler_api::v1alpha1::TenantCluster;
use serde::Serialize;

use super::change::{self, ChangeError, Changed, Writer};
use crate::reach::Reach;

/// A number of workers that a cluster can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workers(i32);

/// A number that is none of workers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no number of workers; a cluster has 1 to {MOST_WORKERS}")]
pub struct NoWorkers(String);

impl Workers {
    /// Reads a number of workers.
    pub fn parse(text: &str) -> Result<Self, NoWorkers> {
        let number = text.parse().ok().filter(|number| (1..=MOST_WORKERS).contains(number));
        number.map(Self).ok_or_else(|| NoWorkers(text.to_owned()))
    }

    /// The number.
    pub fn get(self) -> i32 {
        self.0
    }
}

/// A cluster that cannot be scaled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotScale {
    /// It is going.
    #[error("cluster {0} is being deleted")]
    Deleting(String),
}

#[derive(Debug, Serialize)]
struct Spec {
    workers: Replicas,
}

#[derive(Debug, Serialize)]
struct Replicas {
    replicas: i32,
}

/// Asks for so many workers.
pub async fn scale(
    reach: &Reach,
    namespace: &str,
    name: &str,
    workers: Workers,
    writer: Writer,
) -> Result<Changed, ChangeError<CannotScale>> {
    change::change(reach, namespace, name, writer, |cluster| decide(cluster, name, workers)).await
}

fn decide(cluster: &TenantCluster, name: &str, workers: Workers) -> Result<Option<Spec>, CannotScale> {
    if cluster.metadata.deletion_timestamp.is_some() {
        return Err(CannotScale::Deleting(name.to_owned()));
    }
    let replicas = workers.get();
    Ok((cluster.spec.workers.replicas != replicas).then_some(Spec {
        workers: Replicas { replicas },
    }))
}
