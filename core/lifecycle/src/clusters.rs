//! The clusters that a home has a state folder of, and how far each is.

use std::{io, path::PathBuf};

use butler_api::event::Outcome;
use butler_engine::journal;
use butler_files::{ClusterFolder, Exported, Held, Holder, Lock, home::Home};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    bootstrap::{Known, Learned},
    runs,
};

/// A cluster with a state folder.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its name.
    pub cluster: String,
    /// Its platform, as far as the journal tells.
    pub provider: Option<String>,
    /// The phase that its last run was in.
    pub phase: Option<String>,
    /// Its last run, as far as the events tell.
    pub run: Option<LastRun>,
    /// Who works on it.
    pub holder: Option<Holder>,
    /// Whether somebody works on it.
    pub running: bool,
    /// When it was exported, where another home goes on with it.
    pub exported: Option<Exported>,
    /// Its state folder.
    pub folder: PathBuf,
}

/// The last run on a cluster.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it last said something.
    pub heard: Option<Timestamp>,
    /// How it ended; none where it goes on, or was killed.
    pub outcome: Option<Outcome>,
    /// Steps that are proven.
    pub proven: usize,
    /// Steps in its graph.
    pub steps: usize,
}

/// Why the clusters cannot be listed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub struct ListError {
    path: PathBuf,
    source: io::Error,
}

/// The state folders of a home, by name.
pub fn folders(home: &Home) -> Result<Vec<ClusterFolder>, ListError> {
    home.made_clusters().map_err(|source| ListError {
        path: home.clusters(),
        source,
    })
}

/// Every cluster of a home, by name.
pub fn list(home: &Home) -> Result<Vec<Listed>, ListError> {
    Ok(folders(home)?.iter().map(listed).collect())
}

fn listed(folder: &ClusterFolder) -> Listed {
    let held = holder(folder);
    let view = runs::view(folder).ok();
    Listed {
        cluster: folder.cluster().to_owned(),
        provider: provider(folder),
        phase: view
            .as_ref()
            .map(|view| view.phase.clone())
            .filter(|phase| !phase.is_empty()),
        run: view.map(|view| LastRun {
            started: view.started,
            heard: view.heard,
            outcome: view.finished.as_ref().map(|(outcome, ..)| *outcome),
            proven: view.proven(),
            steps: view.steps,
        }),
        running: held.is_some(),
        exported: Exported::of(folder),
        holder: match held {
            Some(Held::By(holder)) => Some(holder),
            _ => None,
        },
        folder: folder.path().to_owned(),
    }
}

/// Who works on a cluster. A lock that cannot be looked at is one that nobody is known to hold.
fn holder(folder: &ClusterFolder) -> Option<Held> {
    Lock::holder(&folder.lock()).unwrap_or_else(|error| {
        tracing::warn!(error = %butler_kubernetes::chain(&error), "lock not read");
        None
    })
}

fn provider(folder: &ClusterFolder) -> Option<String> {
    let known = match journal::find::<Learned>(&folder.journal(), &[]) {
        Ok(found) => Known::of(&found.records),
        Err(unusable) => unusable.told,
    };
    Some(known.config?.get("provider")?.as_str()?.to_owned())
}

/// Why no cluster is chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// The clusters cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// There is none of that name.
    #[error("no cluster {cluster} in this home")]
    Unknown {
        /// The name.
        cluster: String,
        /// The clusters that there are.
        clusters: Vec<String>,
    },
    /// There is none.
    #[error("no cluster in this home has been begun")]
    Nothing,
    /// There are several.
    #[error("several clusters are meant: {}", clusters.join(", "))]
    Several {
        /// Their names.
        clusters: Vec<String>,
    },
}

/// The cluster that is named; else the one that is worked on; else the only one.
pub fn choose(home: &Home, name: Option<&str>) -> Result<ClusterFolder, ChooseError> {
    let folders = folders(home)?;
    let names = |folders: &[ClusterFolder]| folders.iter().map(|f| f.cluster().to_owned()).collect();
    if let Some(name) = name {
        let found = folders.iter().find(|folder| folder.cluster() == name);
        return found.cloned().ok_or_else(|| ChooseError::Unknown {
            cluster: name.to_owned(),
            clusters: names(&folders),
        });
    }
    let running: Vec<ClusterFolder> = folders
        .iter()
        .filter(|folder| holder(folder).is_some())
        .cloned()
        .collect();
    let candidates = if running.is_empty() { folders } else { running };
    match candidates.as_slice() {
        [] => Err(ChooseError::Nothing),
        [one] => Ok(one.clone()),
        several => Err(ChooseError::Several {
            clusters: names(several),
        }),
    }
}

#[cfg(test)]
mod tests {
    use butler_files::home::private_folder;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_one_that_is_worked_on_is_meant_before_the_others() {
        let root = tempfile::tempdir().unwrap();
        let home = Home::below(root.path());
        assert!(matches!(choose(&home, None), Err(ChooseError::Nothing)));
        for name in ["a", "b"] {
            private_folder(home.cluster(name).path()).unwrap();
        }
        let chosen = |name| choose(&home, name).map(|folder| folder.cluster().to_owned());
        assert_eq!(
            chosen(None).unwrap_err().to_string(),
            "several clusters are meant: a, b"
        );
        assert_eq!(chosen(Some("a")).unwrap(), "a");
        assert!(matches!(chosen(Some("c")), Err(ChooseError::Unknown { .. })));
        let _lock = Lock::take(&home.cluster("b").lock(), Uuid::nil(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(chosen(None).unwrap(), "b");
    }
}
