//! One home hands a cluster over: the archive is written, and the home is marked.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use butler_engine::journal::{self, Unusable};
use butler_files::{
    ClusterFolder, Exported, HandedOver, Lock, LockError,
    home::{HomeError, SecretFile},
    host,
};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{
    archive::{self, PackError, Source},
    manifest::{FORMAT, Manifest},
    seal::{self, EncryptionKey},
};
use crate::bootstrap::{Known, Learned};

/// Where an archive goes.
pub enum Destination {
    /// Into a file, which only its owner can read.
    File {
        /// The file.
        path: PathBuf,
        /// Whether one that is there is replaced.
        replace: bool,
    },
    /// To whoever reads on.
    Writer(Box<dyn Write>),
}

/// Why a cluster was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A run works on it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It was exported before.
    #[error(transparent)]
    HandedOver(#[from] HandedOver),
    /// Its bootstrap has not begun.
    #[error("nothing of {cluster} was begun: its journal is empty")]
    Nothing {
        /// Cluster name.
        cluster: String,
    },
    /// Its journal is lost or damaged, and another home could not go on with it either.
    #[error("{cluster} cannot be handed over with a journal that cannot be continued")]
    Journal {
        /// Cluster name.
        cluster: String,
        /// What is wrong with it.
        source: Box<Unusable<Learned>>,
    },
    /// Its state folder cannot be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// There is a file where the archive has to be.
    #[error("{} exists", .0.display())]
    Exists(PathBuf),
    /// Archive or mark cannot be written.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// It has no mark to take away.
    #[error("{cluster} was not exported from this home")]
    NotExported {
        /// Cluster name.
        cluster: String,
    },
}

/// What was handed over.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handover {
    /// Name of the cluster.
    pub cluster: String,
    /// Its identity.
    pub cluster_id: Uuid,
    /// Which export this is.
    pub export: Uuid,
    /// When.
    pub at: Timestamp,
    /// Where the archive is; none where it was written to somebody who reads on.
    pub archive: Option<PathBuf>,
    /// Files in it.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Whether a kind cluster stays, with which no other home can go on.
    pub kind_stays: bool,
}

/// Writes the archive and marks the home. The mark comes before the archive is whole: two homes must never go on with one cluster.
pub fn export(files: &ClusterFolder, key: &EncryptionKey, to: Destination) -> Result<Handover, ExportError> {
    if let Destination::File { path, replace: false } = &to
        && path.symlink_metadata().is_ok()
    {
        return Err(ExportError::Exists(path.clone()));
    }
    let (export, at) = (Uuid::new_v4(), Timestamp::now());
    let _lock = Lock::take(&files.lock(), export, at)?;
    Exported::refuse(files)?;
    let cluster_id = identity(files)?;
    let sources = archive::collect(files.path())?;
    let manifest = manifest(files, cluster_id, export, at, &sources)?;
    let handover = Handover {
        cluster: manifest.cluster.clone(),
        cluster_id,
        export,
        at,
        archive: match &to {
            Destination::File { path, .. } => Some(path.clone()),
            Destination::Writer(_) => None,
        },
        files: manifest.files.len(),
        bytes: manifest.files.iter().map(|file| file.size).sum(),
        kind_stays: files.kind().is_dir(),
    };
    let mark = || {
        let to = handover.archive.as_ref().map(|path| path.display().to_string());
        let mark = Exported {
            export: Some(export),
            at: Some(at),
            to,
        };
        mark.write(files)
    };
    let written = match to {
        Destination::File { path, replace } => {
            let file = seal(&manifest, &sources, key, SecretFile::create(&path)?)?;
            mark()?;
            let kept = if replace { file.replace() } else { file.keep_new() };
            kept.map_err(ExportError::from)
        }
        Destination::Writer(writer) => {
            mark()?;
            let passed_on =
                seal(&manifest, &sources, key, writer).and_then(|mut w| w.flush().map_err(PackError::Write));
            passed_on.map_err(ExportError::from)
        }
    };
    match written {
        Ok(()) => Ok(handover),
        Err(error) => {
            // Nobody has the archive. Where the mark stays all the same, it says how it is taken away.
            drop(Exported::remove(files));
            Err(error)
        }
    }
}

/// Takes the mark away: this home goes on with the cluster again.
pub fn take_back(files: &ClusterFolder) -> Result<Exported, ExportError> {
    let _lock = Lock::take(&files.lock(), Uuid::new_v4(), Timestamp::now())?;
    let exported = Exported::of(files).ok_or_else(|| ExportError::NotExported {
        cluster: files.cluster().to_owned(),
    })?;
    Exported::remove(files)?;
    Ok(exported)
}

/// The identity of the cluster, from a journal that can be continued.
fn identity(files: &ClusterFolder) -> Result<Uuid, ExportError> {
    let cluster = || files.cluster().to_owned();
    let found = journal::find::<Learned>(&files.journal(), &ClusterFolder::TRACES);
    let found = found.map_err(|source| ExportError::Journal {
        cluster: cluster(),
        source,
    })?;
    match Known::of(&found.records).cluster {
        Some((_, id)) => Ok(id),
        None => Err(ExportError::Nothing { cluster: cluster() }),
    }
}

fn manifest(
    files: &ClusterFolder,
    cluster_id: Uuid,
    export: Uuid,
    at: Timestamp,
    sources: &[Source],
) -> Result<Manifest, PackError> {
    let manifest = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: files.cluster().to_owned(),
        cluster_id,
        export,
        at,
        host: host(),
        files: sources.iter().map(|source| source.listed.clone()).collect(),
    };
    // What no home would import is better known now.
    match manifest.check() {
        Ok(()) => Ok(manifest),
        Err(reason) => Err(PackError::TooMuch {
            path: files.path().to_owned(),
            reason,
        }),
    }
}

fn seal<W: Write>(manifest: &Manifest, sources: &[Source], key: &EncryptionKey, output: W) -> Result<W, PackError> {
    let encrypted = seal::encrypt(key, output).map_err(PackError::Write)?;
    let encrypted = archive::pack(manifest, sources, encrypted)?;
    let finish: io::Result<W> = encrypted.finish();
    finish.map_err(PackError::Write)
}
