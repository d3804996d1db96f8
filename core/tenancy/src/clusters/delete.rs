//! Deleting a cluster: its controller takes away what it consists of, and then lets it go.

use kube::api::{DeleteParams, Preconditions};

use super::change::{self, DryRun, Writer};
use super::read::Found;
use crate::reach::Reach;

/// How a deletion began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It was asked for now.
    Now,
    /// Somebody had asked for it before.
    Before,
    /// The cluster went at once.
    Gone,
}

/// Deletes the cluster that was read, and no other one that has its name by now.
pub async fn delete(reach: &Reach, cluster: &Found, writer: Writer) -> Result<Begun, kube::Error> {
    if cluster.object.metadata.deletion_timestamp.is_some() {
        return Ok(Begun::Before);
    }
    if writer.dry_run == Some(DryRun::Client) {
        return Ok(Begun::Now);
    }
    let params = DeleteParams {
        dry_run: writer.on_server(),
        preconditions: Some(Preconditions {
            uid: cluster.object.metadata.uid.clone(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    match change::clusters(reach, &cluster.namespace)
        .delete(&cluster.name, &params)
        .await
    {
        Ok(answer) => Ok(if answer.is_left() { Begun::Now } else { Begun::Gone }),
        // Somebody was faster.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Begun::Gone),
        Err(error) => Err(error),
    }
}
