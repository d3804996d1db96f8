//! The bootstrap cluster: where the objects live until the pivot. One code path for embedded, kind and existing.

use std::path::{Path, PathBuf};

use butler_api::{config::BootstrapCluster as Choice, labels::CLUSTER_ID};
use butler_client::{home, kube as connection};
use butler_embedded::{Authority, Options, Server, Serving};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams},
};
use uuid::Uuid;

use crate::{
    failure::{Class, StepError, chain},
    record::NAMESPACE,
};

/// A bootstrap cluster that answers.
pub struct Running {
    /// Admin client.
    pub client: Client,
    /// Its kubeconfig, for people.
    pub kubeconfig: PathBuf,
    kind: Kind,
}

enum Kind {
    Embedded { server: Server, _serving: Serving, data: PathBuf },
    Existing,
}

/// Version that the embedded server reports.
const VERSION: &str = "v1.35.0";

/// Starts (or finds) the bootstrap cluster. Idempotent: what an earlier run left is used again.
pub async fn start(choice: &Choice, folder: &Path) -> Result<Running, StepError> {
    match choice {
        Choice::Embedded => embedded(folder).await,
        Choice::Existing { kubeconfig, context } => existing(kubeconfig, context.clone()).await,
        Choice::Kind { .. } => Err(StepError::new(Class::Configuration, "bootstrapCluster kind is not available yet")),
    }
}

async fn embedded(folder: &Path) -> Result<Running, StepError> {
    let data = folder.join("bootstrap-cluster");
    let options = Options { data: data.clone(), authority: Authority::Own, version: VERSION.to_owned() };
    let failed = |error: butler_embedded::OpenError| {
        StepError::retryable(format!("start the embedded API server in {}", data.display()), error)
    };
    let server = Server::open(options).await.map_err(failed)?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .map_err(|e| StepError::retryable("listen on 127.0.0.1 for the embedded API server", e))?;
    let address = listener
        .local_addr()
        .map_err(|e| StepError::retryable("listen on 127.0.0.1 for the embedded API server", e))?;
    let serving = server.serve(listener, &["127.0.0.1".to_owned(), "localhost".to_owned()]).map_err(failed)?;
    let kubeconfig = folder.join("bootstrap-kubeconfig");
    let text = server.admin_kubeconfig("butler-bootstrap", &format!("https://{address}"));
    home::write_secret(&kubeconfig, secrecy::ExposeSecret::expose_secret(&text).as_bytes())
        .map_err(|e| StepError::retryable("write the bootstrap cluster's kubeconfig", e))?;
    let kind = Kind::Embedded { server: server.clone(), _serving: serving, data };
    Ok(Running { client: server.client(), kubeconfig, kind })
}

async fn existing(kubeconfig: &str, context: Option<String>) -> Result<Running, StepError> {
    let path = PathBuf::from(kubeconfig);
    let options = connection::Options { context, ..connection::Options::default() };
    let client = connection::connect_file(&path, &options).await.map_err(|e| {
        StepError::new(Class::Configuration, chain(&e)).hint("check bootstrapCluster.kubeconfig and its context")
    })?;
    client
        .apiserver_version()
        .await
        .map_err(|e| StepError::retryable(format!("reach the bootstrap cluster of {kubeconfig}"), e))?;
    Ok(Running { client, kubeconfig: path, kind: Kind::Existing })
}

impl Running {
    /// Name of a cluster that this bootstrap made outside of its own folder, and that must not be forgotten.
    pub fn made(&self) -> Option<&str> {
        None
    }

    /// Removes the cluster if this bootstrap made it; on an existing one only the record of this bootstrap.
    pub async fn remove(&self, cluster_id: Uuid) -> Result<(), StepError> {
        match &self.kind {
            Kind::Existing => remove_record(&self.client, cluster_id).await,
            Kind::Embedded { server, data, .. } => {
                server.close().await.map_err(|e| StepError::retryable("stop the embedded API server", e))?;
                remove_folder(data)?;
                remove_file(&self.kubeconfig)
            }
        }
    }
}

/// Removes what a run that died after the pivot left behind.
pub async fn remove_leftover(
    choice: &Choice,
    folder: &Path,
    name: Option<&str>,
    cluster_id: Uuid,
) -> Result<(), StepError> {
    match choice {
        Choice::Embedded => {
            remove_folder(&folder.join("bootstrap-cluster"))?;
            remove_file(&folder.join("bootstrap-kubeconfig"))
        }
        Choice::Existing { kubeconfig, context } => {
            let running = existing(kubeconfig, context.clone()).await?;
            running.remove(cluster_id).await
        }
        Choice::Kind { .. } => match name {
            None => Ok(()),
            Some(name) => {
                Err(StepError::new(Class::Configuration, format!("the kind cluster {name} is still there")))
            }
        },
    }
}

/// Takes this bootstrap's objects off a cluster that somebody else owns. Machines are untouched: their requests carry
/// no finalizer of ours, and the management cluster has the record.
async fn remove_record(client: &Client, cluster_id: Uuid) -> Result<(), StepError> {
    let selector = ListParams::default().labels(&format!("{CLUSTER_ID}={cluster_id}"));
    for kind in crate::pivot::KINDS.iter().rev() {
        let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &resource);
        api.delete_collection(&DeleteParams::default(), &selector)
            .await
            .map_err(|e| StepError::retryable(format!("remove {} from the bootstrap cluster", kind.plural), e))?;
    }
    Ok(())
}

fn remove_folder(path: &Path) -> Result<(), StepError> {
    gone(std::fs::remove_dir_all(path), path)
}

fn remove_file(path: &Path) -> Result<(), StepError> {
    gone(std::fs::remove_file(path), path)
}

fn gone(result: std::io::Result<()>, path: &Path) -> Result<(), StepError> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StepError::retryable(format!("remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}
