//! The connection to a platform, with what home and environment give.

use std::{io, path::Path, sync::Arc};

use butler_api::config::{HttpUrl, InMemory, Provider as ProviderConfig};
use butler_files::ClusterFolder;
use butler_infra::{Access, BoxError, Provider, WorldAccess};
use butler_talos::{client::Credentials, secrets::SecretsBundle};
use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    bootstrap::remains,
    setup::{SetupError, Surroundings, secrets},
};

/// The way to the simulated world of a home. Only the binaries know that world; core is given this.
pub trait WorldDoor: Send + Sync {
    /// Refuses a world file that cannot be used: known here it is wrong usage, and no world dies of it.
    fn check(&self, settings: &InMemory) -> Result<(), BoxError>;

    /// Where the world listens. One that is not up is started if `start` says so; else there is none.
    fn find<'a>(&'a self, settings: &'a InMemory, start: bool) -> BoxFuture<'a, Result<Option<WorldAccess>, BoxError>>;

    /// What the world that would be started offers, in the words of its control API: the answer to `GET /v1/offers/KIND`.
    fn offers(&self, settings: &InMemory, kind: &str, parent: Option<&str>) -> Result<Vec<u8>, BoxError>;

    /// Whether the world of this home, if one runs, answers there in the place of a platform.
    fn plays<'a>(&'a self, endpoint: &'a HttpUrl) -> BoxFuture<'a, bool>;
}

/// Connects to a platform. `cluster` is where the Talos credentials of a cluster are kept, by which `static` knows its
/// machines; the platform's own are read where the settings say; with `start_world` a simulated world that is not up is started.
pub async fn platform(
    settings: &ProviderConfig,
    cluster: Option<&ClusterFolder>,
    surroundings: Surroundings<'_>,
    start_world: bool,
) -> Result<Arc<dyn Provider>, SetupError> {
    let world = match settings {
        ProviderConfig::InMemory(settings) => {
            let found = surroundings.world.find(settings, start_world).await;
            found.map_err(SetupError::World)?
        }
        _ => None,
    };
    let talos = cluster.map(ClusterFolder::secrets);
    let credentials = talos.map(|path| talos_credentials(&path)).transpose()?.flatten();
    let mut settings = settings.clone();
    secrets::of_platform(&mut settings, surroundings.sources()).await?;
    Ok(butler_infra::connect(&settings, &Access { world, credentials })?)
}

/// Talos credentials of an earlier run, if there was one.
fn talos_credentials(path: &Path) -> Result<Option<Credentials>, SetupError> {
    let failed = |source: BoxError| SetupError::TalosSecrets {
        path: path.to_owned(),
        source,
    };
    let text = match std::fs::read_to_string(path) {
        // The file is lost. Whoever needs it reports that, because only there it is known what it was for.
        Ok(text) if remains::is_blank(&text) => return Ok(None),
        Ok(text) => SecretString::from(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.into())),
    };
    let bundle = SecretsBundle::from_yaml(text.expose_secret()).map_err(|e| failed(e.into()))?;
    let credentials = Credentials::issue(&bundle, Timestamp::now()).map_err(|e| failed(e.into()))?;
    Ok(Some(credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_from_the_secrets_of_an_earlier_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.yaml");
        assert!(talos_credentials(&path).unwrap().is_none(), "there was no earlier run");
        std::fs::write(&path, "\0\0 \n").unwrap();
        assert!(talos_credentials(&path).unwrap().is_none(), "the file was lost");
        std::fs::write(&path, "cluster: {}").unwrap();
        let error = talos_credentials(&path).err().unwrap();
        assert!(
            error.to_string().starts_with("cannot use the Talos secrets "),
            "{error}"
        );
        let bundle = SecretsBundle::generate(Timestamp::UNIX_EPOCH).unwrap();
        std::fs::write(&path, bundle.to_yaml().unwrap().expose_secret()).unwrap();
        assert!(talos_credentials(&path).unwrap().is_some());
    }
}
