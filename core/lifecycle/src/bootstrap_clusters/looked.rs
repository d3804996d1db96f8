//! What a bootstrap cluster holds while no run works with it. Nothing is changed: the folder of the embedded API server is read
//! in a copy, as opening it writes.

use std::{
    io,
    path::{Path, PathBuf},
};

use butler_api::{
    config::BootstrapCluster as Choice,
    error::{Class, StepError},
    labels::CLUSTER_ID,
    names::SYSTEM_NAMESPACE,
};
use butler_embedded::{Authority, OpenError, Options, Server};
use butler_kubernetes::connect as connection;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};
use tempfile::TempDir;

use super::{Settings, VERSION, existing};
use crate::record_kinds::KINDS;

/// A bootstrap cluster that is only looked at.
pub struct Looked {
    /// A client of it.
    pub client: Client,
    /// What it is and where, in words.
    pub place: String,
    /// The server ends before its folder goes.
    _copy: Option<(Server, TempDir)>,
}

impl Settings {
    /// What the bootstrap cluster holds; an error that ends no step where it cannot be asked.
    pub async fn look(&self) -> Result<Looked, StepError> {
        match &self.choice {
            Choice::Embedded => copied(self.folder.bootstrap_cluster()).await,
            Choice::Existing { kubeconfig, context } => Ok(Looked {
                client: existing(kubeconfig, context.clone()).await?.client,
                place: format!("the bootstrap cluster of {kubeconfig} answers"),
                _copy: None,
            }),
            Choice::Kind { node_image } => {
                let path = self.kind(node_image.clone()).kubeconfig_path();
                let client = connection::connect_file(&path, &connection::Options::default()).await;
                Ok(Looked {
                    client: client.map_err(|e| StepError::retryable("connect to the kind cluster", e))?,
                    place: format!("the kind cluster of {} answers", path.display()),
                    _copy: None,
                })
            }
        }
    }

    /// What is left of the bootstrap cluster, in words; none where nothing is.
    pub async fn leftover(&self) -> Result<Option<String>, StepError> {
        let path = match &self.choice {
            Choice::Embedded => self.folder.bootstrap_cluster(),
            Choice::Kind { node_image } => self.kind(node_image.clone()).kubeconfig_path(),
            Choice::Existing { kubeconfig, context } => {
                let client = existing(kubeconfig, context.clone()).await?.client;
                let objects = self.record_objects(&client).await?;
                let left = format!("{objects} objects of the record are on the bootstrap cluster of {kubeconfig}");
                return Ok((objects > 0).then_some(left));
            }
        };
        let there = path.symlink_metadata().is_ok();
        Ok(there.then(|| format!("{} is still there", path.display())))
    }

    async fn record_objects(&self, client: &Client) -> Result<usize, StepError> {
        let selector = ListParams::default().labels(&format!("{CLUSTER_ID}={}", self.id));
        let mut objects = 0;
        for kind in KINDS {
            let gvk = GroupVersionKind::gvk(kind.group, kind.version, kind.kind);
            let resource = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), SYSTEM_NAMESPACE, &resource);
            match api.list_metadata(&selector).await {
                Ok(found) => objects += found.items.len(),
                // The cluster does not know the kind: nothing of it can be there.
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(StepError::retryable(format!("list {}", kind.plural), error)),
            }
        }
        Ok(objects)
    }
}

/// The embedded API server in a copy of its folder that nobody else can read and that goes with the look.
async fn copied(data: PathBuf) -> Result<Looked, StepError> {
    if !data.is_dir() {
        let message = format!(
            "the bootstrap cluster holds nothing yet: {} is not there",
            data.display()
        );
        return Err(StepError::new(Class::Fatal, message));
    }
    let from = data.clone();
    let copying = tokio::task::spawn_blocking(move || copy(&from)).await;
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        StepError::retryable(format!("copy {} to look into it", data.display()), error)
    };
    let copy = copying.map_err(|e| failed(e.into()))?.map_err(|e| failed(e.into()))?;
    let options = Options {
        data: copy.path().to_owned(),
        authority: Authority::Own,
        version: VERSION.to_owned(),
    };
    let server = Server::open(options).await.map_err(|error| match error {
        OpenError::Damaged { source, .. } => {
            let message = format!("{} is damaged: {source}", data.display());
            StepError::new(Class::Fatal, message)
        }
        error => StepError::retryable(format!("look into {}", data.display()), error),
    })?;
    Ok(Looked {
        client: server.client(),
        place: format!("the bootstrap cluster is whole in {}", data.display()),
        _copy: Some((server, copy)),
    })
}

fn copy(from: &Path) -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("butler-look-").tempdir()?;
    copy_into(from, folder.path())?;
    Ok(folder)
}

fn copy_into(from: &Path, to: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            std::fs::create_dir(&target)?;
            copy_into(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_copy_is_whole_private_and_gone_with_the_look() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("store")).unwrap();
        fs::write(folder.path().join("store/log"), "objects").unwrap();
        let copied = copy(folder.path()).unwrap();
        let place = copied.path().to_owned();
        assert_eq!(fs::read_to_string(place.join("store/log")).unwrap(), "objects");
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o700);
        drop(copied);
        assert!(!place.exists());
    }

    #[tokio::test]
    async fn what_is_not_there_yet_and_what_is_damaged_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let said = |found: Result<Looked, StepError>| found.err().map(|error| (error.class, error.message));
        let (class, message) = said(copied(folder.path().join("none")).await).unwrap();
        assert!(
            class == Class::Fatal && message.contains("holds nothing yet"),
            "{message}"
        );
        fs::write(folder.path().join("parts"), "nonsense").unwrap();
        let (class, message) = said(copied(folder.path().to_owned()).await).unwrap();
        assert!(class == Class::Fatal && message.contains("is damaged"), "{message}");
    }
}
