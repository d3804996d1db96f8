//! Reading the world file.

use std::path::Path;

use crate::world::file::{FileError, Settings};

/// The largest world file that is read.
const MAX_BYTES: u64 = 4 << 20;

impl Settings {
    /// Reads a world file.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let read = |source| FileError::Read {
            path: path.to_owned(),
            source,
        };
        // The world reads its file again when it starts, so a pipe would be empty by then; a device never ends.
        let found = std::fs::metadata(path).map_err(read)?;
        if !found.is_file() {
            return Err(read(std::io::Error::other("it is no regular file")));
        }
        if found.len() > MAX_BYTES {
            return Err(read(std::io::Error::other("it is larger than 4 MiB")));
        }
        let bytes = std::fs::read(path).map_err(read)?;
        let text = butler_api::config::utf8(&bytes).map_err(|error| read(std::io::Error::other(error)))?;
        Self::parse(text).map_err(|error| match error {
            FileError::Value(message) => FileError::Parse {
                path: path.to_owned(),
                message,
            },
            other => other,
        })
    }
}
