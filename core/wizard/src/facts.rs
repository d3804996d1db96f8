//! What is known before anything is asked.

use std::{collections::BTreeMap, fmt, sync::Arc};

use butler_api::config::{BootstrapConfig, ProviderKind};

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
    /// Says which addons a configuration installs; none where nobody can say.
    pub addons: Option<AddonPlanner>,
}

/// An addon that a configuration installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedAddon {
    /// Its name, such as `longhorn`.
    pub name: String,
    /// The block of the configuration that switches it on; none for what every cluster has.
    pub block: Option<String>,
    /// The names of the addons that have to be there before.
    pub needs: Vec<String>,
    /// Another setting that it is there for.
    pub serves: Option<String>,
}

/// Says which addons a configuration installs, in order; none for one that fits nothing.
#[derive(Clone)]
pub struct AddonPlanner(pub Arc<PlanAddons>);

/// What an [`AddonPlanner`] is made of.
pub type PlanAddons = dyn Fn(&BootstrapConfig) -> Vec<PlannedAddon> + Send + Sync;

impl fmt::Debug for AddonPlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddonPlanner")
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self {
            variables: Vec::new(),
            clusters: Vec::new(),
            found: BTreeMap::new(),
            drivers: vec![ProviderKind::InMemory, ProviderKind::Proxmox, ProviderKind::Static],
            reader: None,
            addons: None,
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
