//! The second copy of the journal, beside it.
//!
//! It tells a journal that was lost from a cluster that is new, and it is what a damaged journal is restored from. It is
//! written after the journal and may lag behind, but for the lines that settle something for ever.

use std::{
    ffi::OsStr,
    fs::{File, OpenOptions},
    io::{self, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Where the backup of a journal is: `journal.ndjson` has `journal-backup.ndjson`.
pub(super) fn beside(journal: &Path) -> PathBuf {
    let name = journal.file_stem().unwrap_or_else(|| OsStr::new("journal"));
    let mut name = name.to_owned();
    name.push("-backup.ndjson");
    journal.with_file_name(name)
}

/// The backup, open for appending.
#[derive(Debug)]
pub(super) struct Backup {
    file: File,
}

impl Backup {
    /// Opens it as a copy of the journal as it is now.
    pub(super) fn open(journal: &Path) -> io::Result<Self> {
        let path = beside(journal);
        let wanted = std::fs::read(journal)?;
        let same = std::fs::read(&path).is_ok_and(|found| found == wanted);
        if !same {
            // Never in place: while it is rewritten the journal itself may be lost.
            butler_files::home::write_secret(&path, &wanted).map_err(io::Error::other)?;
        }
        let mut file = OpenOptions::new().write(true).mode(0o600).open(&path)?;
        file.seek(io::SeekFrom::End(0))?;
        Ok(Self { file })
    }

    /// A backup that is written to this file.
    #[cfg(test)]
    pub(super) fn to(file: File) -> Self {
        Self { file }
    }

    /// Appends what the journal has; with `durable` it is on disk when this returns.
    pub(super) fn append(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if durable { self.file.sync_data() } else { Ok(()) }
    }
}
