//! The lock of a bootstrap: one run at a time per cluster.
//!
//! The lock itself is the operating system's (it goes with the process, however that ends); the file's text says who
//! holds it and that the holder is alive.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who holds the lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    pid: u32,
    run: Uuid,
    since: Timestamp,
    heartbeat: Timestamp,
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("another run works on this cluster ({holder}); its lock is {path}")]
    Held {
        /// The process that holds it, and since when.
        holder: String,
        /// The lock file that is held.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot lock {path}")]
    Io {
        /// The lock file that could not be used.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
}

/// A held lock; dropped, it is free.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    owner: Holder,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub fn take(path: &Path, run: Uuid, now: Timestamp) -> Result<Self, LockError> {
        let failed = |source| LockError::Io {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    holder: describe(&mut file),
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let owner = Holder {
            pid: std::process::id(),
            run,
            since: now,
            heartbeat: now,
        };
        let mut lock = Self {
            file,
            path: path.to_owned(),
            owner,
        };
        lock.write()?;
        Ok(lock)
    }

    /// Says that the holder is alive.
    pub fn beat(&mut self, now: Timestamp) -> Result<(), LockError> {
        self.owner.heartbeat = now;
        self.write()
    }

    fn write(&mut self) -> Result<(), LockError> {
        let text = serde_json::to_string(&self.owner).expect("plain data serialises");
        self.file
            .rewind()
            .and_then(|()| self.file.set_len(0))
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .map_err(|source| LockError::Io {
                path: self.path.clone(),
                source,
            })
    }
}

fn describe(file: &mut File) -> String {
    let mut text = String::new();
    if file.read_to_string(&mut text).is_err() {
        return "its holder is unknown".to_owned();
    }
    match serde_json::from_str::<Holder>(&text) {
        Ok(owner) => format!(
            "process {}, since {:.0}, last sign of life {:.0}",
            owner.pid, owner.since, owner.heartbeat
        ),
        Err(_) => "its holder is unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_taker_is_told_who_holds_it_and_gets_it_when_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let now: Timestamp = "2026-11-29T12:30:04.123456789Z".parse().unwrap();
        let held = Lock::take(&path, Uuid::nil(), now).unwrap();
        let error = Lock::take(&path, Uuid::nil(), now).unwrap_err();
        assert!(
            error.to_string().contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        let times = "since 2026-11-29T12:30:04Z, last sign of life 2026-11-29T12:30:04Z";
        assert!(error.to_string().contains(times), "{error}");
        drop(held);
        Lock::take(&path, Uuid::nil(), now).unwrap();
    }
}
