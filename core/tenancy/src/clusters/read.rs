//! One tenant cluster as the API server has it, and why something of it cannot be read.

use butler_api::names;
use butler_api::v1alpha1::TenantCluster;
use butler_client::logged_in::ServerError;
use butler_kubernetes::connect::ConnectError;
use kube::api::{Api, DynamicObject};
use kube::core::ApiResource;
use serde::Deserialize as _;

use crate::pages;
use crate::reach::Reach;
use crate::transport::Operation;

/// Why something of a tenant cluster cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such cluster.
    #[error("there is no tenant cluster {name} in namespace {namespace}")]
    Missing {
        /// The name that was given.
        name: String,
        /// The namespace that was looked in.
        namespace: String,
    },
    /// The API server did not give it.
    #[error("cannot read {what}")]
    Kubernetes {
        /// What was asked for.
        what: String,
        /// What the API server said.
        source: Box<kube::Error>,
        /// Butler's server would have given it, and could not be asked.
        needs: Option<Operation>,
    },
    /// Butler's server did not give it.
    #[error("cannot read {what}")]
    Server {
        /// What was asked for.
        what: String,
        /// What went wrong.
        source: Box<ServerError>,
    },
    /// Butler's server did not begin a rotation.
    #[error("cannot rotate the certificates of tenant cluster {name}")]
    Rotation {
        /// The name of the cluster.
        name: String,
        /// What went wrong.
        source: Box<ServerError>,
    },
    /// Only Butler's server can do it, and nobody is logged in on one.
    #[error("{} is done by Butler's server, and nobody is logged in on one", .0.entry().commands)]
    NobodyToAsk(Operation),
    /// It is of a shape that this version does not know.
    #[error("tenant cluster {name} is of a shape that this version does not know")]
    Shape {
        /// The name of the cluster.
        name: String,
        /// The place that could not be read.
        source: serde_json::Error,
    },
    /// There is nothing to read yet.
    #[error("tenant cluster {name} has no {what} yet: {why}")]
    NotReady {
        /// The name of the cluster.
        name: String,
        /// The namespace of the cluster.
        namespace: String,
        /// What it does not have.
        what: &'static str,
        /// What it waits for.
        why: String,
    },
    /// What came is no kubeconfig that works.
    #[error("the kubeconfig of tenant cluster {name} cannot be used")]
    Kubeconfig {
        /// The name of the cluster.
        name: String,
        /// What is wrong with it.
        source: Box<ConnectError>,
    },
}

/// A tenant cluster.
#[derive(Debug, Clone)]
pub struct Found {
    /// The namespace that it is in.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The object as the API server has it, also where it is of a newer Butler; without what kubectl leaves out as well.
    pub object: DynamicObject,
}

/// The cluster of this name.
pub async fn cluster(reach: &Reach, namespace: &str, name: &str) -> Result<Found, ReadError> {
    let kind = ApiResource::erase::<TenantCluster>(&());
    let api: Api<DynamicObject> = Api::namespaced_with(reach.client.clone(), namespace, &kind);
    match api.get_opt(name).await {
        Ok(Some(object)) => Ok(Found {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            object: pages::without_managed_fields(object),
        }),
        Ok(None) => Err(ReadError::Missing {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
        }),
        Err(source) => Err(ReadError::Kubernetes {
            what: format!("tenant cluster {name} in namespace {namespace}"),
            source: Box::new(source),
            needs: None,
        }),
    }
}

impl Found {
    /// The cluster, read into its type.
    pub fn typed(&self) -> Result<TenantCluster, ReadError> {
        typed(&self.object).map_err(|source| ReadError::Shape {
            name: self.name.clone(),
            source,
        })
    }
}

/// An object, read into its type.
pub(super) fn typed(object: &DynamicObject) -> Result<TenantCluster, serde_json::Error> {
    serde_json::to_value(object).and_then(TenantCluster::deserialize)
}

/// The namespace of a cluster's parts, as soon as it has one.
pub fn parts_namespace(cluster: &TenantCluster) -> Option<&str> {
    let namespace = cluster.status.as_ref()?.tenant_namespace.as_deref()?;
    (!namespace.is_empty()).then_some(namespace)
}

/// The Secret with the kubeconfig of a cluster: the one that its status names, else the one of the usual name.
pub fn kubeconfig_secret(cluster: &TenantCluster, name: &str) -> String {
    let named = cluster
        .status
        .as_ref()
        .and_then(|status| status.kubeconfig_secret_ref.as_ref());
    let named = named
        .map(|reference| reference.name.clone())
        .filter(|name| !name.is_empty());
    named.unwrap_or_else(|| names::tenant_kubeconfig(name))
}
