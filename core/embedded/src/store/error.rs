//! Why the folder cannot be used.

use std::path::Path;
use std::sync::Arc;

/// A file of the store cannot be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what} {path}")]
pub(crate) struct FolderError {
    what: &'static str,
    path: String,
    #[source]
    source: Arc<std::io::Error>,
}

/// A file that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{} {what}", shown(*at))]
pub struct Damage {
    /// Path of the file.
    pub path: String,
    /// The byte at which the damage is, if it is at one place.
    pub at: Option<u64>,
    /// What is wrong with the file.
    pub what: String,
}

/// A place in a file, behind its path.
fn shown(at: Option<u64>) -> String {
    at.map_or_else(String::new, |at| format!(", byte {at}:"))
}

impl Damage {
    /// Damage of a whole file.
    pub(crate) fn of(path: &Path, what: impl Into<String>) -> Self {
        Self {
            path: path.display().to_string(),
            at: None,
            what: what.into(),
        }
    }

    /// Damage at a place of a file.
    pub(crate) fn at(path: &Path, at: usize, what: impl Into<String>) -> Self {
        Self {
            at: Some(at as u64),
            ..Self::of(path, what)
        }
    }
}

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// A file of the store cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Another process has the folder.
    #[error("folder {path} is in use by another server")]
    InUse { path: String },
    /// A file is not what was written.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// An error of the operating system with the path and what was being done.
pub(super) fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> FolderError + 'a {
    move |source| FolderError {
        what,
        path: path.display().to_string(),
        source: Arc::new(source),
    }
}
