//! The bootstrap cluster: where the objects live until the pivot. One code path for embedded, kind and existing.

pub mod kind;
mod looked;
pub(crate) mod permissions;

use std::path::{Path, PathBuf};

use butler_addons::process::ProcessError;
use butler_api::{
    config::BootstrapCluster as Choice,
    error::{Class, StepError},
    labels::CLUSTER_ID,
    names::SYSTEM_NAMESPACE,
};
use butler_embedded::{Authority, OpenError, Options, Server, Serving};
use butler_files::{ClusterFolder, home};
use butler_kubernetes::{chain, connect as connection};
use jiff::Timestamp;
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams},
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use self::kind::{KindCluster, KindError, Spec, Tools};
pub use self::looked::Looked;
use crate::record_kinds::KINDS;

/// Version that the embedded server reports.
const VERSION: &str = "v1.35.0";

/// What a bootstrap cluster is made from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which kind of bootstrap cluster the configuration chooses.
    pub choice: Choice,
    /// Name of the management cluster.
    pub cluster: String,
    /// UUID of the cluster that is built from it.
    pub id: Uuid,
    /// What is kept of the management cluster.
    pub folder: ClusterFolder,
    /// The programs that a kind cluster is made with.
    pub tools: Tools,
    /// PEM files of certificate authorities that a kind node shall trust.
    pub ca_files: Vec<PathBuf>,
}

/// A bootstrap cluster that answers.
pub struct Running {
    /// A client with the rights of an administrator.
    pub client: Client,
    /// What an earlier run left could not be used and was set aside: it begins anew.
    pub set_aside: Option<SetAside>,
    made: Made,
}

/// A folder of the embedded API server that was damaged. It is kept, under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// The file, the place and what is wrong there.
    pub damage: String,
}

enum Made {
    Embedded { server: Server, _serving: Serving },
    Kind(Box<KindCluster>),
    Existing,
}

/// The bootstrap cluster of a configuration in its canonical form, where it is outside of the state folder.
pub fn outside(config: &serde_json::Value) -> Option<Choice> {
    let written = config.get("bootstrapCluster")?;
    let text = |key: &str| written.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    match text("type").or_else(|| written.as_str().map(str::to_owned))?.as_str() {
        "kind" => Some(Choice::Kind {
            node_image: text("nodeImage"),
        }),
        "existing" => Some(Choice::Existing {
            kubeconfig: text("kubeconfig")?,
            context: text("context"),
        }),
        _ => None,
    }
}

impl Settings {
    /// Starts (or finds) the bootstrap cluster. Idempotent: what an earlier run left is used again.
    pub async fn start(&self, on_line: &(dyn Fn(&str) + Send + Sync)) -> Result<Running, StepError> {
        match &self.choice {
            Choice::Embedded => self.embedded().await,
            Choice::Existing { kubeconfig, context } => existing(kubeconfig, context.clone()).await,
            Choice::Kind { node_image } => {
                let kind = self.kind(node_image.clone());
                let kubeconfig = kind.ensure(on_line).await.map_err(|e| kind_failed("start", e))?;
                let client = connection::connect_file(&kubeconfig, &connection::Options::default())
                    .await
                    .map_err(|e| StepError::fatal("connect to the kind cluster", e))?;
                Ok(Running {
                    client,
                    set_aside: None,
                    made: Made::Kind(Box::new(kind)),
                })
            }
        }
    }

    /// Removes what a run that died after the pivot left behind.
    pub async fn remove_leftover(&self) -> Result<(), StepError> {
        match &self.choice {
            Choice::Embedded => self.forget_embedded(),
            Choice::Existing { kubeconfig, context } => {
                remove_record(&existing(kubeconfig, context.clone()).await?.client, self.id).await
            }
            Choice::Kind { node_image } => delete_kind(&self.kind(node_image.clone())).await,
        }
    }

    /// Removes the cluster if this bootstrap made it; from an existing one only the record of this bootstrap.
    pub async fn remove(&self, running: &Running) -> Result<(), StepError> {
        match &running.made {
            Made::Existing => remove_record(&running.client, self.id).await,
            Made::Kind(kind) => delete_kind(kind).await,
            Made::Embedded { server, .. } => {
                server
                    .close()
                    .await
                    .map_err(|e| StepError::retryable("stop the embedded API server", e))?;
                self.forget_embedded()
            }
        }
    }

    fn kind(&self, node_image: Option<String>) -> KindCluster {
        let spec = Spec {
            cluster: self.cluster.clone(),
            id: self.id,
            node_image,
            ca_files: self.ca_files.clone(),
            folder: self.folder.kind(),
        };
        KindCluster::new(spec, self.tools.clone())
    }

    fn forget_embedded(&self) -> Result<(), StepError> {
        let data = self.folder.bootstrap_cluster();
        let removed = match std::fs::remove_dir_all(&data) {
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => std::fs::remove_file(&data),
            removed => removed,
        };
        gone(removed, &data)?;
        gone(
            std::fs::remove_file(self.folder.bootstrap_kubeconfig()),
            &self.folder.bootstrap_kubeconfig(),
        )
    }

    /// Opens the folder. A damaged one is set aside: the record can be made again from what the journal knows.
    async fn open(&self) -> Result<(Server, Option<SetAside>), StepError> {
        let data = self.folder.bootstrap_cluster();
        let failed = |error: OpenError| {
            StepError::retryable(format!("start the embedded API server in {}", data.display()), error)
        };
        let options = || Options {
            data: data.clone(),
            authority: Authority::Own,
            version: VERSION.to_owned(),
        };
        match Server::open(options()).await {
            Ok(server) => Ok((server, None)),
            Err(OpenError::Damaged { source, .. }) => {
                let set_aside = SetAside {
                    path: set_aside(&data, Timestamp::now())?,
                    damage: source.to_string(),
                };
                let server = Server::open(options()).await.map_err(failed)?;
                Ok((server, Some(set_aside)))
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn embedded(&self) -> Result<Running, StepError> {
        let (server, set_aside) = self.open().await?;
        let failed = |error: OpenError| {
            StepError::retryable(
                format!(
                    "start the embedded API server in {}",
                    self.folder.bootstrap_cluster().display()
                ),
                error,
            )
        };
        let listen = |e: std::io::Error| StepError::retryable("listen for the embedded API server", e);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let serving = server
            .serve(listener, &["127.0.0.1".to_owned(), "localhost".to_owned()])
            .map_err(failed)?;
        let text = server
            .admin_kubeconfig("butler-bootstrap", &format!("https://{address}"))
            .map_err(failed)?;
        home::write_secret(&self.folder.bootstrap_kubeconfig(), text.expose_secret().as_bytes())
            .map_err(|e| StepError::retryable("write the bootstrap cluster's kubeconfig", e))?;
        Ok(Running {
            client: server.client(),
            set_aside,
            made: Made::Embedded {
                server,
                _serving: serving,
            },
        })
    }
}

async fn existing(kubeconfig: &str, context: Option<String>) -> Result<Running, StepError> {
    let options = connection::Options {
        context,
        ..connection::Options::default()
    };
    let client = connection::connect_file(Path::new(kubeconfig), &options)
        .await
        .map_err(|e| {
            StepError::new(Class::Configuration, chain(&e)).hint("check bootstrapCluster.kubeconfig and its context")
        })?;
    client
        .apiserver_version()
        .await
        .map_err(|e| StepError::retryable(format!("reach the bootstrap cluster of {kubeconfig}"), e))?;
    Ok(Running {
        client,
        set_aside: None,
        made: Made::Existing,
    })
}

async fn delete_kind(kind: &KindCluster) -> Result<(), StepError> {
    kind.delete(&|_| {})
        .await
        .map(|_| ())
        .map_err(|e| kind_failed("delete", e))
}

fn kind_failed(doing: &str, error: KindError) -> StepError {
    let class = match &error {
        KindError::Process {
            source: ProcessError::NotFound { .. },
            ..
        }
        | KindError::TooOld { .. }
        | KindError::UnknownRuntime { .. }
        | KindError::NoRuntime { .. }
        | KindError::NoCertificate { .. } => Class::Configuration,
        KindError::Foreign { .. } => Class::Foreign,
        _ => Class::Retryable,
    };
    let hint = error.hint();
    StepError {
        class,
        hint,
        ..StepError::retryable(format!("{doing} the kind cluster"), error)
    }
}

/// Takes this bootstrap's objects off a cluster that somebody else owns. Machines are untouched: their requests carry
/// no finalizer of ours, and the management cluster has the record.
async fn remove_record(client: &Client, cluster_id: Uuid) -> Result<(), StepError> {
    let selector = ListParams::default().labels(&format!("{CLUSTER_ID}={cluster_id}"));
    for kind in KINDS.iter().rev() {
        let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
        let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), SYSTEM_NAMESPACE, &resource);
        api.delete_collection(&DeleteParams::default(), &selector)
            .await
            .map_err(|e| StepError::retryable(format!("remove {} from the bootstrap cluster", kind.plural), e))?;
    }
    Ok(())
}

/// Gives a damaged folder a name that says when that was seen; nothing of it is deleted.
fn set_aside(data: &Path, now: Timestamp) -> Result<PathBuf, StepError> {
    let seen = now.strftime("%Y%m%dT%H%M%SZ");
    let name = match data.file_name() {
        Some(name) => format!("{}.damaged-{seen}", name.to_string_lossy()),
        None => format!("damaged-{seen}"),
    };
    let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
    let free = names.find(|name| !data.with_file_name(name).exists());
    let path = data.with_file_name(free.unwrap_or(name));
    std::fs::rename(data, &path).map(|()| path).map_err(|e| {
        StepError::retryable(format!("set the damaged folder {} aside", data.display()), e)
            .hint(format!("move {} away, then run the same command again", data.display()))
    })
}

fn gone(result: std::io::Result<()>, path: &Path) -> Result<(), StepError> {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StepError::retryable(format!("remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_set_aside_under_a_name_of_its_own_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let mut names = Vec::new();
        for content in ["one", "two"] {
            let data = folder.path().join("bootstrap-cluster");
            std::fs::create_dir(&data).unwrap();
            std::fs::write(data.join("file"), content).unwrap();
            let path = set_aside(&data, now).unwrap();
            assert_eq!(std::fs::read_to_string(path.join("file")).unwrap(), content);
            assert!(!data.exists());
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
        assert_eq!(
            names,
            [
                "bootstrap-cluster.damaged-20260102T030405Z",
                "bootstrap-cluster.damaged-20260102T030405Z-2"
            ]
        );
    }
}
