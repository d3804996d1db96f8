//! The configuration file: where it comes from, and where the paths in it lead.

use std::{
    io,
    path::{Path, PathBuf},
};

use butler_api::config::{self, ConfigErrors, Loaded, Provider, ProviderKind};
use butler_files::{
    home::{self, HomeError},
    read::{self, ReadError},
};

/// Most that is read of a configuration, and of each file that it names.
const LIMIT: u64 = 4 << 20;

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    File {
        /// The file that was to be read.
        path: PathBuf,
        /// Why it cannot be read.
        source: ReadError,
    },
    /// The folder that its paths are relative to is not known.
    #[error("cannot find the folder {}", path.display())]
    Folder {
        /// The folder, as it was named.
        path: PathBuf,
        /// Why the system does not know it.
        source: io::Error,
    },
    /// What it says is wrong.
    #[error(transparent)]
    Invalid(#[from] ConfigErrors),
    /// Command line and configuration name different providers.
    #[error("the command line says {wanted}, the configuration {} says {provider}", path.display())]
    OtherProvider {
        /// What the command line names.
        wanted: String,
        /// What the configuration names.
        provider: ProviderKind,
        /// The file with the configuration.
        path: PathBuf,
    },
    /// A path in it cannot be made out.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A path in it is no text once it is whole.
    #[error("the path {} is not UTF-8", path.display())]
    NotUtf8 {
        /// The path that is no UTF-8.
        path: PathBuf,
    },
}

impl ConfigurationError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { source, .. } if source.is_missing() => Some(
                "fixtures/configs/ holds samples; `butleradm bootstrap schema` prints what a configuration may contain"
                    .to_owned(),
            ),
            Self::OtherProvider { wanted, .. } => {
                Some(format!("leave {wanted} out, or choose another file with --config"))
            }
            Self::NotUtf8 { .. } => Some("move the configuration to a folder whose name is".to_owned()),
            Self::File { .. } | Self::Folder { .. } | Self::Invalid(_) | Self::Home(_) => None,
        }
    }
}

/// The validated configuration with paths that lead somewhere from every working directory; a provider on the command line
/// must be the same.
pub fn load(file: &Path, wanted: Option<&str>) -> Result<Loaded, ConfigurationError> {
    let is_input = file.as_os_str() == STANDARD_INPUT;
    let bytes = if is_input {
        read::standard_input(LIMIT)
    } else {
        read::file(file, LIMIT)
    };
    let bytes = bytes.map_err(|source| ConfigurationError::File {
        path: file.to_owned(),
        source,
    })?;
    let folder = folder(file, is_input)?;
    let name = file.display().to_string();
    let text = config::decode(&bytes, &name)?;
    let mut loaded = config::load_with(text, &name, &|path| content(&folder, path))?;
    let provider = loaded.config.provider_kind();
    if let Some(wanted) = wanted.filter(|wanted| *wanted != provider.as_str()) {
        return Err(ConfigurationError::OtherProvider {
            wanted: wanted.to_owned(),
            provider,
            path: file.to_owned(),
        });
    }
    loaded.config.resolve_paths(|path| resolve(&folder, path))?;
    Ok(loaded)
}

/// The settings of a platform in a file of their own, with paths that lead somewhere from every working directory.
pub(crate) fn read_platform(bytes: &[u8], file: &Path) -> Result<Provider, ConfigurationError> {
    let folder = folder(file, false)?;
    let name = file.display().to_string();
    let text = config::decode(bytes, &name)?;
    let mut provider = config::load_provider(text, &name, &|path| content(&folder, path))?;
    provider.resolve_paths(|path| resolve(&folder, path))?;
    Ok(provider)
}

/// The folder that paths in the configuration are relative to: its own, or the working directory if it has none.
fn folder(file: &Path, is_input: bool) -> Result<PathBuf, ConfigurationError> {
    let folder = match file.parent() {
        Some(parent) if !is_input && read::has_folder(file) => parent,
        _ => Path::new(""),
    };
    // The empty path is no place to `absolute`.
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    std::path::absolute(folder).map_err(|source| ConfigurationError::Folder {
        path: folder.to_owned(),
        source,
    })
}

fn resolve(folder: &Path, path: &str) -> Result<String, ConfigurationError> {
    let resolved = home::resolve_in(folder, Path::new(path))?;
    let text = resolved.into_os_string().into_string();
    text.map_err(|path| ConfigurationError::NotUtf8 { path: path.into() })
}

/// The text of a file that the configuration names.
fn content(folder: &Path, path: &str) -> Result<String, String> {
    let path = home::resolve_in(folder, Path::new(path)).map_err(|e: HomeError| e.to_string())?;
    let bytes = read::file(&path, LIMIT).map_err(|e: ReadError| e.to_string())?;
    config::utf8(&bytes).map(str::to_owned).map_err(|e| e.to_string())
}
