//! Another home takes a cluster over: the archive is read into a folder beside, judged, and becomes the state folder in one step.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use butler_engine::journal::{self, Found, Unusable};
use butler_files::{
    ClusterFolder, Exported, Lock, LockError,
    home::{self, Home, HomeError},
};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    archive::{self, UnpackError},
    manifest::Manifest,
    seal::{self, DecryptionKey, OpenError},
};
use crate::bootstrap::{Known, Learned};

/// How the names of folders begin that archives are read into. No cluster is called so.
const BESIDE: &str = ".import-";

/// Why a cluster was not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The archive cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The archive does not open.
    #[error("cannot open {}", path.display())]
    Open {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: OpenError,
    },
    /// Its content is not accepted.
    #[error("cannot import {}", path.display())]
    Content {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: UnpackError,
    },
    /// The journal in it cannot be continued.
    #[error("the journal in {} cannot be continued", path.display())]
    Journal {
        /// The archive.
        path: PathBuf,
        /// Why not.
        source: Box<Unusable<Learned>>,
    },
    /// The journal in it is of another cluster than its manifest.
    #[error("{} does not fit together: its journal is not of {cluster}", path.display())]
    Other {
        /// The archive.
        path: PathBuf,
        /// The cluster that the manifest names.
        cluster: String,
    },
    /// This home has the cluster.
    #[error("this home has a cluster {cluster} already: {}", folder.display())]
    Exists {
        /// Cluster name.
        cluster: String,
        /// Its state folder.
        folder: PathBuf,
    },
    /// This home handed the cluster over when more was done than the archive knows.
    #[error("{} is older than what this home knows of {cluster}", path.display())]
    Stale {
        /// The archive.
        path: PathBuf,
        /// Cluster name.
        cluster: String,
    },
    /// Somebody works on the cluster, or imports one.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The home cannot be written to.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// What was imported.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    /// Name of the cluster.
    pub cluster: String,
    /// Its identity.
    pub cluster_id: Uuid,
    /// Its state folder.
    pub folder: PathBuf,
    /// When it was exported.
    pub exported: Timestamp,
    /// The computer that it was exported on.
    pub host: String,
    /// Files that came.
    pub files: usize,
    /// Where the state folder is now that this home had before it handed the cluster over.
    pub replaced: Option<PathBuf>,
    /// Why a file for people could not be written; a run writes it again.
    #[serde(skip)]
    pub unwritten: Option<HomeError>,
}

/// Reads an archive into a home. Nothing of the home is changed before all of the archive is known to be good.
pub fn import(home: &Home, path: &Path, key: &DecryptionKey) -> Result<Imported, ImportError> {
    let input = open(path)?;
    let content = seal::decrypt(key, input).map_err(|source| ImportError::Open {
        path: path.to_owned(),
        source,
    })?;
    let clusters = home.clusters();
    home::private_folder(&clusters)?;
    let _alone = Lock::take(&clusters.join(".import.lock"), Uuid::new_v4(), Timestamp::now())?;
    remove_leftovers(&clusters);
    let beside = Beside::new(&clusters)?;
    let manifest = archive::unpack(content, &beside.0).map_err(|source| ImportError::Content {
        path: path.to_owned(),
        source,
    })?;
    let folder = home.cluster(&manifest.cluster);
    let journal = judge(path, &manifest, &beside.0, &folder)?;
    let replaced = place(home, path, &manifest, &beside.0, &folder, &journal)?;
    Ok(Imported {
        cluster: manifest.cluster,
        cluster_id: manifest.cluster_id,
        exported: manifest.at,
        host: manifest.host,
        files: manifest.files.len(),
        replaced,
        unwritten: for_people(&folder).err(),
        folder: folder.path().to_owned(),
    })
}

/// Whether a file can be an archive: known before somebody is asked for a passphrase.
pub fn check(path: &Path) -> Result<(), ImportError> {
    seal::check(open(path)?).map_err(|source| ImportError::Open {
        path: path.to_owned(),
        source,
    })
}

/// Opens the archive, which is a file: a pipe could keep everybody waiting.
fn open(path: &Path) -> Result<File, ImportError> {
    let failed = |source| ImportError::File {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no file")));
    }
    File::open(path).map_err(failed)
}

/// The journal that came, which must be one that a run can continue.
fn judge(
    path: &Path,
    manifest: &Manifest,
    beside: &Path,
    folder: &ClusterFolder,
) -> Result<Found<Learned>, ImportError> {
    let name = folder.journal();
    let name = name.file_name().expect("a journal has a name");
    let found = journal::find::<Learned>(&beside.join(name), &ClusterFolder::TRACES);
    let found = found.map_err(|source| ImportError::Journal {
        path: path.to_owned(),
        source,
    })?;
    let said = (manifest.cluster.clone(), manifest.cluster_id);
    if Known::of(&found.records).cluster == Some(said) {
        Ok(found)
    } else {
        Err(ImportError::Other {
            path: path.to_owned(),
            cluster: manifest.cluster.clone(),
        })
    }
}

/// Makes what came the state folder. What this home had goes to the archive, if it handed the cluster over and what came
/// continues it.
fn place(
    home: &Home,
    path: &Path,
    manifest: &Manifest,
    beside: &Path,
    folder: &ClusterFolder,
    journal: &Found<Learned>,
) -> Result<Option<PathBuf>, ImportError> {
    let cluster = &manifest.cluster;
    let target = folder.path();
    if target.symlink_metadata().is_err() {
        home::move_folder(beside, target)?;
        return Ok(None);
    }
    let exists = || ImportError::Exists {
        cluster: cluster.clone(),
        folder: target.to_owned(),
    };
    if !target.is_dir() {
        return Err(exists());
    }
    let _lock = Lock::take(&folder.lock(), Uuid::new_v4(), Timestamp::now())?;
    if Exported::of(folder).is_some() {
        if !continues(journal, folder) {
            return Err(ImportError::Stale {
                path: path.to_owned(),
                cluster: cluster.clone(),
            });
        }
        let name = format!("{cluster}-{}-exported", manifest.cluster_id);
        let replaced = home::archive(target, &home.archive(), &name)?;
        if let Err(error) = home::move_folder(beside, target) {
            // As it was: with its mark.
            drop(fs::rename(&replaced, target));
            return Err(error.into());
        }
        return Ok(Some(replaced));
    }
    if !is_empty(folder) {
        return Err(exists());
    }
    for file in [folder.lock(), folder.output()] {
        drop(fs::remove_file(file));
    }
    // Fails where somebody has put something there meanwhile.
    home::move_folder(beside, target)?;
    Ok(None)
}

/// Whether the journal that came holds everything that this home's journal holds.
fn continues(journal: &Found<Learned>, folder: &ClusterFolder) -> bool {
    journal::find::<Learned>(&folder.journal(), &[]).is_ok_and(|known| journal.records.starts_with(&known.records))
}

/// Whether a state folder holds nothing but what every start of a run leaves.
fn is_empty(folder: &ClusterFolder) -> bool {
    let (lock, output) = (folder.lock(), folder.output());
    fs::read_dir(folder.path()).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| [&lock, &output].contains(&&entry.path())))
    })
}

/// Writes kubeconfig and talosconfig where people look for them.
fn for_people(folder: &ClusterFolder) -> Result<(), HomeError> {
    for (own, people) in [
        (folder.kubeconfig(), folder.people_kubeconfig()),
        (folder.talosconfig(), folder.people_talosconfig()),
    ] {
        match fs::read(&own) {
            Ok(text) => home::write_secret(&people, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                return Err(HomeError::Io {
                    action: "read",
                    path: own,
                    source,
                });
            }
        }
    }
    Ok(())
}

/// A folder that an archive is read into. It goes with its owner, unless it has become a state folder by then.
struct Beside(PathBuf);

impl Beside {
    fn new(clusters: &Path) -> Result<Self, HomeError> {
        let path = clusters.join(format!("{BESIDE}{}", Uuid::new_v4()));
        home::private_folder(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Removes what imports left that were killed: it holds secrets. Only one import at a time works in a home.
fn remove_leftovers(clusters: &Path) {
    for entry in fs::read_dir(clusters).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(BESIDE) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests;
