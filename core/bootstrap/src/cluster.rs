//! The bootstrap cluster: where the objects live until the pivot. One code path for embedded, kind and existing.

use std::path::{Path, PathBuf};

use butler_api::config::BootstrapCluster as Choice;
use butler_client::{home, kube as connection};
use butler_embedded::{Authority, Options, Server, Serving};
use kube::Client;

use crate::failure::{Class, StepError, chain};

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

    /// Removes the cluster if this bootstrap made it; an existing one stays.
    pub async fn remove(&self) -> Result<String, StepError> {
        match &self.kind {
            Kind::Existing => Ok("the existing cluster stays".to_owned()),
            Kind::Embedded { server, data, .. } => {
                server.close().await.map_err(|e| StepError::retryable("stop the embedded API server", e))?;
                remove_folder(data)?;
                remove_file(&self.kubeconfig)?;
                Ok("the embedded API server is gone".to_owned())
            }
        }
    }
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
