//! What a destroy works with: from the wish and what is kept or given to a survey that a person can read.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use butler_api::config::{ConfigErrors, Provider as ProviderSettings};
use butler_engine::journal;
use butler_files::{
    ClusterFolder,
    read::{self, ReadError},
};
use butler_infra::Provider;
use uuid::Uuid;

use super::{
    run::Request,
    survey::{self, Survey, SurveyError, SurveyRequest},
};
use crate::{
    bootstrap::{Known as BootstrapKnown, Learned},
    setup::{
        self, ConfigurationError, Limits, SetupError, Surroundings,
        journalled::{self as kept, Unread},
    },
};

/// Most that is read of a file with the settings of a platform.
const LIMIT: u64 = 4 << 20;

/// The cluster that shall be destroyed, as the command line names it.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Name of the cluster.
    pub cluster: String,
    /// Its identity, where several have that name.
    pub id: Option<Uuid>,
    /// Where the settings of its platform are.
    pub platform: PlatformSource,
}

/// Where the settings of a platform are.
#[derive(Debug, Clone)]
pub enum PlatformSource {
    /// In a bootstrap configuration.
    Config(PathBuf),
    /// In a file with `provider` and `providerConfig` only.
    ProviderConfig(PathBuf),
    /// In the journal of the bootstrap.
    Journal,
}

/// Why a destroy cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// The configuration is of another cluster.
    #[error("{} is the configuration of {found}, not of {wanted}", path.display())]
    OtherCluster {
        /// The file that is of another cluster.
        path: PathBuf,
        /// The cluster that it describes.
        found: String,
        /// The cluster that was named.
        wanted: String,
    },
    /// A file with the settings of a platform cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file that cannot be read.
        path: PathBuf,
        /// Why the file cannot be read.
        source: ReadError,
    },
    /// The settings of a platform are wrong.
    #[error(transparent)]
    Platform(#[from] ConfigErrors),
    /// Nothing tells which platform the cluster is on.
    #[error("nothing in this home tells which platform {cluster} is on: {reason}")]
    NoPlatform {
        /// Name of the cluster.
        cluster: String,
        /// What was looked for.
        reason: String,
    },
    /// No file tells which platform is meant.
    #[error("which platform is meant?")]
    NoPlatformFile,
    /// The platform cannot be reached.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// What exists cannot be told.
    #[error(transparent)]
    Survey(#[from] SurveyError),
}

/// Looks what exists of the cluster, and makes the request that takes it away. Changes nothing.
pub async fn prepare(wish: &Wish, surroundings: Surroundings<'_>, limits: &Limits) -> Result<Request, PrepareError> {
    let folder = surroundings.home.cluster(&wish.cluster);
    let settings = settings(wish, &folder)?;
    let operation = format!("destroy of {}", wish.cluster);
    let connect = setup::platform(&settings, Some(&folder), surroundings, true);
    let provider = limits.within(&operation, connect).await?;
    let look = async { Ok(look(wish, &provider, folder, surroundings).await) };
    let (survey, files) = limits.within(&operation, look).await??;
    let (tools, ca_files) = setup::kind_programs(surroundings.environment)?;
    Ok(Request {
        cluster: wish.cluster.clone(),
        bootstrap_cluster: survey.bootstrap_cluster(&files, tools, ca_files),
        provider,
        archive: surroundings.home.archive(),
        deadline: limits.left(),
        fuse: setup::fuse(surroundings.environment),
        survey,
        files,
    })
}

/// What exists, and the folder to work in. Where the state folder of that name is another cluster's it is not touched, and what an
/// earlier destroy noted is in a folder apart.
async fn look(
    wish: &Wish,
    provider: &Arc<dyn Provider>,
    folder: ClusterFolder,
    surroundings: Surroundings<'_>,
) -> Result<(Survey, ClusterFolder), SurveyError> {
    let question = |id, files| SurveyRequest {
        cluster: &wish.cluster,
        id,
        configured: matches!(wish.platform, PlatformSource::Config(_)),
        provider,
        files,
    };
    if let Some(id) = wish.id {
        let apart = surroundings.home.remains(&wish.cluster, &id.to_string());
        if apart.path().exists() {
            return Ok((survey::look(&question(Some(id), &apart)).await?, apart));
        }
    }
    let survey = survey::look(&question(wish.id, &folder)).await?;
    match &survey.owner {
        Some(owner) if !survey.is_ours && folder.path().exists() => {
            let apart = surroundings.home.remains(&wish.cluster, &owner.cluster_id.to_string());
            Ok((survey, apart))
        }
        _ => Ok((survey, folder)),
    }
}

fn settings(wish: &Wish, folder: &ClusterFolder) -> Result<ProviderSettings, PrepareError> {
    match &wish.platform {
        PlatformSource::Config(path) => {
            let loaded = setup::load(path, None)?;
            let found = loaded.config.cluster.name.clone();
            if found != wish.cluster {
                return Err(PrepareError::OtherCluster {
                    path: path.clone(),
                    found,
                    wanted: wish.cluster.clone(),
                });
            }
            Ok(loaded.config.provider)
        }
        PlatformSource::ProviderConfig(path) => platform_file(path),
        PlatformSource::Journal => journalled(&wish.cluster, folder),
    }
}

/// The settings of a platform in a file; a journal has none for what belongs to no cluster of this home.
pub fn settings_of(source: &PlatformSource) -> Result<ProviderSettings, PrepareError> {
    match source {
        PlatformSource::Config(path) => Ok(setup::load(path, None)?.config.provider),
        PlatformSource::ProviderConfig(path) => platform_file(path),
        PlatformSource::Journal => Err(PrepareError::NoPlatformFile),
    }
}

/// The settings of a platform in a file of their own.
fn platform_file(path: &Path) -> Result<ProviderSettings, PrepareError> {
    let bytes = read::file(path, LIMIT).map_err(|source| PrepareError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(setup::read_platform(&bytes, path)?)
}

/// The settings that the bootstrap had; secret values are not among them.
pub(crate) fn journalled(cluster: &str, folder: &ClusterFolder) -> Result<ProviderSettings, PrepareError> {
    let none = |reason: String| PrepareError::NoPlatform {
        cluster: cluster.to_owned(),
        reason,
    };
    let path = folder.journal();
    let known = match journal::find::<Learned>(&path, &[]) {
        Ok(found) => BootstrapKnown::of(&found.records),
        Err(unusable) => unusable.told,
    };
    let config = known.config;
    let config = config.ok_or_else(|| none(format!("{} holds no configuration", path.display())))?;
    match kept::provider(&config, &path) {
        Ok(found) => Ok(found),
        Err(Unread::NotWhole { path }) => Err(none(format!("the configuration in {} is not whole", path.display()))),
        Err(secret @ Unread::ClearText { .. }) => Err(none(secret.to_string())),
        Err(Unread::Invalid(errors)) => Err(errors.into()),
    }
}
