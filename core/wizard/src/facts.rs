//! What is known before anything is asked.

use std::{collections::BTreeMap, fmt, sync::Arc};

use butler_api::config::ProviderKind;

/// What is known of the surroundings before anything is asked.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Names of environment variables that are set; never their values.
    pub variables: Vec<String>,
    /// Clusters of this home, whose names are taken.
    pub clusters: Vec<String>,
    /// For each platform, what was found on this computer that speaks for it, such as `found: ~/.kube/harvester.yaml`.
    pub found: BTreeMap<String, String>,
    /// Platforms that this release speaks to; of the others it only writes the settings.
    pub drivers: Vec<ProviderKind>,
    /// Reads a file that the configuration names, such as certificates; none where no file can be read.
    pub reader: Option<Reader>,
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            variables: Vec::new(),
            clusters: Vec::new(),
            found: BTreeMap::new(),
            drivers: vec![ProviderKind::InMemory, ProviderKind::Proxmox, ProviderKind::Static],
            reader: None,
        }
    }
}

/// Reads a file by its path as it is written in the configuration; the error is a cause for people.
#[derive(Clone)]
pub struct Reader(pub Arc<ReadFile>);

/// What a [`Reader`] is made of.
pub type ReadFile = dyn Fn(&str) -> Result<String, String> + Send + Sync;

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reader")
    }
}
