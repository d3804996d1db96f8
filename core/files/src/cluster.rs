//! The layout of what is kept of one cluster: its state folder, and the files that people use.

use std::path::{Path, PathBuf};

const SECRETS: &str = "secrets.yaml";
const TALOSCONFIG: &str = "talosconfig";
const KUBECONFIG: &str = "kubeconfig";
const BOOTSTRAP_CLUSTER: &str = "bootstrap-cluster";
const BOOTSTRAP_KUBECONFIG: &str = "bootstrap-kubeconfig";
const KIND: &str = "kind";
const HELM: &str = "helm";

/// The state folder of one cluster with the files in it, and the files for people beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFolder {
    path: PathBuf,
    people: PathBuf,
    timings: PathBuf,
    promised: PathBuf,
    cluster: String,
}

/// The file with the times of an operation on platforms of a kind.
pub(crate) fn timings(folder: &Path, platform: &str, operation: &str) -> PathBuf {
    folder.join(format!("{platform}-{operation}.ndjson"))
}

impl ClusterFolder {
    /// Names of what shows, beside the journal, that a bootstrap has begun.
    pub const TRACES: [&str; 7] = [
        SECRETS,
        TALOSCONFIG,
        KUBECONFIG,
        BOOTSTRAP_CLUSTER,
        BOOTSTRAP_KUBECONFIG,
        KIND,
        HELM,
    ];

    /// The state folder at `path`, with files for people in `people`, times of earlier runs in `timings`, and the identity that was
    /// promised before the first run in `promised`.
    pub(crate) fn new(path: PathBuf, people: PathBuf, timings: PathBuf, promised: PathBuf, cluster: &str) -> Self {
        Self {
            path,
            people,
            timings,
            promised,
            cluster: cluster.to_owned(),
        }
    }

    /// The state folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The identity that the cluster will have, where something was made for it before its first run. It is no part of the state
    /// folder: a cluster of which no run has begun has none.
    pub fn promised_identity(&self) -> PathBuf {
        self.promised.clone()
    }

    /// The journal of its bootstrap.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.ndjson")
    }

    /// The journal of its destruction.
    pub fn destroy_journal(&self) -> PathBuf {
        self.path.join("destroy.ndjson")
    }

    /// The lock that one run at a time holds.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The events of the run that goes on, or of the last one.
    pub fn events(&self) -> PathBuf {
        self.path.join("events.ndjson")
    }

    /// The events of earlier runs: 1 is the one before the last.
    pub fn earlier_events(&self, age: usize) -> PathBuf {
        self.path.join(format!("events.{age}.ndjson"))
    }

    /// What a run says that was started in a session of its own.
    pub fn output(&self) -> PathBuf {
        self.path.join("output.log")
    }

    /// How long the steps of an operation took in earlier runs of this home on platforms of a kind.
    pub fn timings(&self, platform: &str, operation: &str) -> PathBuf {
        timings(&self.timings, platform, operation)
    }

    /// Says, where it is there, that the cluster was exported and another home goes on with it.
    pub fn exported(&self) -> PathBuf {
        self.path.join("exported.json")
    }

    /// The Talos secrets bundle.
    pub fn secrets(&self) -> PathBuf {
        self.path.join(SECRETS)
    }

    /// The kubeconfig that runs use; people have a copy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path.join(KUBECONFIG)
    }

    /// The talosconfig that runs use; people have a copy.
    pub fn talosconfig(&self) -> PathBuf {
        self.path.join(TALOSCONFIG)
    }

    /// Data of the embedded API server, where that is the bootstrap cluster.
    pub fn bootstrap_cluster(&self) -> PathBuf {
        self.path.join(BOOTSTRAP_CLUSTER)
    }

    /// Kubeconfig of the embedded API server.
    pub fn bootstrap_kubeconfig(&self) -> PathBuf {
        self.path.join(BOOTSTRAP_KUBECONFIG)
    }

    /// Folder of the kind cluster, where that is the bootstrap cluster.
    pub fn kind(&self) -> PathBuf {
        self.path.join(KIND)
    }

    /// Folder that helm works in.
    pub fn helm(&self) -> PathBuf {
        self.path.join(HELM)
    }

    /// The receipt of a destroy; it moves to the archive with the folder.
    pub fn receipt(&self) -> PathBuf {
        self.path.join("receipt.json")
    }

    /// The kubeconfig for people.
    pub fn people_kubeconfig(&self) -> PathBuf {
        self.people.join(format!("{}-kubeconfig", self.cluster))
    }

    /// The talosconfig for people.
    pub fn people_talosconfig(&self) -> PathBuf {
        self.people.join(format!("{}-talosconfig", self.cluster))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    #[test]
    fn the_layout_is_the_one_that_scripts_rely_on() {
        let folder = Home::below(Path::new("/data")).cluster("demo");
        let state = Path::new("/data/state/clusters/demo");
        assert_eq!(folder.path(), state);
        for (path, name) in [
            (folder.journal(), "journal.ndjson"),
            (folder.destroy_journal(), "destroy.ndjson"),
            (folder.lock(), "lock"),
            (folder.secrets(), "secrets.yaml"),
            (folder.kubeconfig(), "kubeconfig"),
            (folder.talosconfig(), "talosconfig"),
            (folder.bootstrap_cluster(), "bootstrap-cluster"),
            (folder.bootstrap_kubeconfig(), "bootstrap-kubeconfig"),
            (folder.kind(), "kind"),
            (folder.helm(), "helm"),
            (folder.receipt(), "receipt.json"),
            (folder.events(), "events.ndjson"),
            (folder.exported(), "exported.json"),
            (folder.earlier_events(1), "events.1.ndjson"),
        ] {
            assert_eq!(path, state.join(name));
        }
        assert_eq!(folder.people_kubeconfig(), Path::new("/data/demo-kubeconfig"));
        assert_eq!(folder.people_talosconfig(), Path::new("/data/demo-talosconfig"));
    }

    #[test]
    fn what_is_worked_on_apart_touches_neither_state_nor_people_of_its_namesake() {
        let home = Home::below(Path::new("/data"));
        let (own, apart) = (home.cluster("demo"), home.remains("demo", "7"));
        assert_eq!(apart.path(), Path::new("/data/state/remains/demo-7"));
        assert_eq!(apart.cluster(), own.cluster());
        for path in [apart.people_kubeconfig(), apart.people_talosconfig()] {
            assert!(path.starts_with(apart.path()), "{}", path.display());
        }
    }
}
