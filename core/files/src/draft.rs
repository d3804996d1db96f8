//! A text that somebody edits with a program of their own, in a file that only they can read.

use std::fs;
use std::path::{Path, PathBuf};

use crate::home::{self, HomeError};
use crate::read;

/// The largest text that is read back, in bytes: more than an API server takes.
const LARGEST: u64 = 4 << 20;

/// A text that is edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    path: PathBuf,
}

/// Why an edited text cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the edited text {}: {words}", path.display())]
pub struct DraftError {
    /// Its file.
    pub path: PathBuf,
    /// Why not.
    pub words: String,
}

impl Draft {
    /// Writes a text to edit, in the place of what this file held before.
    pub fn write(folder: &Path, name: &str, text: &str) -> Result<Self, HomeError> {
        let path = folder.join(name);
        home::private_folder(folder)?;
        home::write_secret(&path, text.as_bytes())?;
        Ok(Self { path })
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds by now.
    pub fn read(&self) -> Result<String, DraftError> {
        let unreadable = |words: String| DraftError {
            path: self.path.clone(),
            words,
        };
        let bytes = read::file(&self.path, LARGEST).map_err(|error| unreadable(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))
    }

    /// Removes it; what cannot be removed is overwritten by the next edit.
    pub fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_kept_until_it_is_removed_and_bad_bytes_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::write(&folder.path().join("edit"), "pay-web.yaml", "a: 1\n").unwrap();
        assert_eq!(draft.read().unwrap(), "a: 1\n");
        fs::write(draft.path(), [0xff, 0xfe]).unwrap();
        let told = draft.read().unwrap_err().to_string();
        assert!(told.contains("pay-web.yaml") && told.contains("utf-8"), "{told}");
        draft.remove();
        assert!(draft.read().is_err());
        draft.remove();
    }
}
