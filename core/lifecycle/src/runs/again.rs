//! What a stopped run waited for, looked at again by the steps themselves. Nothing is changed and nothing is written, not even in
//! the state folder.

use std::{collections::BTreeMap, time::Duration};

use butler_engine::{Graph, Now, Operation, StepId, journal::Journal};
use butler_files::ClusterFolder;
use futures::future::join_all;
use tokio::time::timeout;

use crate::{bootstrap, destroy, setup::Surroundings};

/// How long it may take to find out whom to ask, and then again what they answer.
const LIMIT: Duration = Duration::from_secs(5);
/// As many steps are looked at.
const MOST: usize = 64;

/// An operation that stopped, with what its steps need to look.
pub(crate) struct Stopped<O: Operation> {
    /// What its steps share. Its own journal is the closed one.
    pub(crate) operation: O,
    /// Its steps.
    pub(crate) graph: Graph<O>,
    /// What the runs have noted; it takes nothing.
    pub(crate) journal: Journal<O::Memory>,
}

/// Looks at what these steps of the last, stopped run in a state folder waited for.
pub async fn look(files: &ClusterFolder, ids: &[String], surroundings: Surroundings<'_>) -> BTreeMap<String, Now> {
    // A bootstrap is refused as soon as a destroy has begun.
    if files.destroy_journal().symlink_metadata().is_ok() {
        all(destroy::again::stopped(files, surroundings), ids).await
    } else {
        all(bootstrap::again::stopped(files, surroundings), ids).await
    }
}

async fn all<O: Operation>(
    stopped: impl Future<Output = Result<Stopped<O>, String>>,
    ids: &[String],
) -> BTreeMap<String, Now> {
    let late = || Err(format!("no answer within {} s", LIMIT.as_secs()));
    let stopped = timeout(LIMIT, stopped).await.unwrap_or_else(|_| late());
    let looks = ids.iter().take(MOST).map(|id| async {
        let now = match &stopped {
            Ok(stopped) => one(stopped, id).await,
            Err(cause) => Now::Unknown(cause.clone()),
        };
        (id.clone(), now)
    });
    join_all(looks).await.into_iter().collect()
}

async fn one<O: Operation>(stopped: &Stopped<O>, id: &str) -> Now {
    match stopped.graph.get(&StepId::new(id)) {
        Some(step) => butler_engine::look(&stopped.operation, step, &stopped.journal, LIMIT).await,
        None => Now::Unknown("only a run can tell".to_owned()),
    }
}
