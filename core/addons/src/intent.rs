//! The locked file that says: a helm of ours is changing this release.
//!
//! The file holds the values and is the child's stdin, so the child holds the lock as long as it lives. What is left in
//! the file when nobody holds the lock means that the helm of an earlier run was killed.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
    time::Duration,
};

use butler_api::descriptors;

/// What remains of the values of a change that was cut off.
const CUT_OFF: &[u8] = b"interrupted\n";
/// How often a lock that somebody holds is tried. There is nothing to watch.
const TRY: Duration = Duration::from_millis(200);

/// The lock on one release.
pub(super) struct Intent {
    file: File,
    ours: bool,
    /// Whether values are in the file.
    written: bool,
}

impl Intent {
    /// Takes the lock, waiting for the helm that holds it.
    pub(super) async fn take(path: &Path, waiting: impl Fn()) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| named(path, &error))?;
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut said, true) {
                        waiting();
                    }
                    tokio::time::sleep(TRY).await;
                }
                Err(TryLockError::Error(error)) => return Err(named(path, &error)),
            }
        }
        let mut left = [0; 1];
        let ours = file.read(&mut left).map_err(|error| named(path, &error))? > 0;
        Ok(Self {
            file,
            ours,
            written: false,
        })
    }

    /// Whether a change of ours was begun and never finished.
    pub(super) fn was_ours(&self) -> bool {
        self.ours
    }

    /// Writes the values and gives the file that a child reads them from.
    pub(super) fn write(&mut self, values: &[u8]) -> io::Result<File> {
        self.replace(values)?;
        self.written = true;
        self.file.rewind()?;
        self.file.try_clone()
    }

    /// The change is over, well or not: nothing is left to repair.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.written = false;
        self.replace(b"")
    }

    fn replace(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(content)?;
        self.file.sync_all()
    }
}

impl Drop for Intent {
    /// A change that was given up leaves its mark, but not the values.
    fn drop(&mut self) {
        if self.written {
            // What cannot be written stays as it is: the values, readable by their owner only.
            let _ = self.replace(CUT_OFF);
        }
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        // That has nothing to do with the file.
        Some(code) if descriptors::exhausted(error).is_some() => io::Error::from_raw_os_error(code),
        _ => io::Error::new(error.kind(), format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_unfinished_change_is_known_later_without_its_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.values");
        let mut intent = Intent::take(&path, || ()).await.unwrap();
        assert!(!intent.was_ours());
        intent.write(b"hush").unwrap();
        drop(intent);
        assert_eq!(std::fs::read(&path).unwrap(), CUT_OFF);

        let mut intent = Intent::take(&path, || ()).await.unwrap();
        assert!(intent.was_ours());
        intent.write(b"again").unwrap();
        intent.clear().unwrap();
        drop(intent);
        assert!(!Intent::take(&path, || ()).await.unwrap().was_ours());
    }

    #[tokio::test]
    async fn the_lock_lives_as_long_as_a_child_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.values");
        let mut intent = Intent::take(&path, || ()).await.unwrap();
        let child = intent.write(b"values").unwrap();
        drop(intent);

        let told = tokio::sync::Notify::new();
        let taking = Intent::take(&path, || told.notify_one());
        let release = async {
            told.notified().await;
            drop(child);
        };
        let (second, ()) = tokio::join!(taking, release);
        assert!(second.unwrap().was_ours());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.values");
        let _intent = Intent::take(&path, || ()).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
