//! Why something about addons did not come about.

use super::catalog::CatalogError;
use crate::clusters::read::ReadError;

/// Why something about addons did not come about.
#[derive(Debug, thiserror::Error)]
pub enum AddonError {
    /// The cluster cannot be read.
    #[error(transparent)]
    Cluster(Box<ReadError>),
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(Box<CatalogError>),
    /// The API server does not list them.
    #[error("cannot list the addons in namespace {namespace}")]
    List {
        /// The namespace.
        namespace: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The API server did not do it.
    #[error("cannot {verb} addon {addon} of cluster {cluster}")]
    Kubernetes {
        /// What was to be done.
        verb: &'static str,
        /// The addon.
        addon: String,
        /// The cluster.
        cluster: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The object cannot be written.
    #[error("addon {addon} cannot be written as an object")]
    Encode {
        /// The addon.
        addon: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Nobody offers it.
    #[error("the catalog has no addon {name}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// One that is written almost like it.
        similar: Option<String>,
    },
    /// The cluster does not have it.
    #[error("cluster {cluster} has no addon {addon}")]
    Missing {
        /// The name that was given.
        addon: String,
        /// The cluster.
        cluster: String,
        /// The namespace of the cluster.
        namespace: String,
    },
    /// Several objects of the cluster are of this addon.
    #[error("cluster {cluster} has addon {addon} several times: {}", objects.join(", "))]
    Ambiguous {
        /// The name that was given.
        addon: String,
        /// The cluster.
        cluster: String,
        /// The names of the objects.
        objects: Vec<String>,
    },
    /// The name of its object is that of another cluster's addon.
    #[error("the object of addon {addon} would be called {object}, which is an addon of cluster {owner}")]
    NameTaken {
        /// The addon.
        addon: String,
        /// The name of the object.
        object: String,
        /// The cluster that it belongs to.
        owner: String,
    },
    /// The cluster goes.
    #[error("cluster {0} is being deleted")]
    ClusterGoes(String),
    /// The addon goes.
    #[error("addon {addon} of cluster {cluster} is being removed")]
    Goes {
        /// The addon.
        addon: String,
        /// The cluster.
        cluster: String,
        /// Its object.
        object: String,
    },
    /// It is enabled, and not as it is asked for now.
    #[error("cluster {cluster} has addon {addon} already, with {differs}")]
    Differs {
        /// The addon.
        addon: String,
        /// The cluster.
        cluster: String,
        /// What is other than asked for.
        differs: String,
    },
    /// It came with the cluster.
    #[error("addon {addon} comes with cluster {cluster}: its version and values are those of the cluster itself")]
    OfPlatform {
        /// The addon.
        addon: String,
        /// The cluster.
        cluster: String,
    },
}

impl From<ReadError> for AddonError {
    fn from(error: ReadError) -> Self {
        Self::Cluster(Box::new(error))
    }
}

impl From<CatalogError> for AddonError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(Box::new(error))
    }
}
