//! Locks: one run at a time per cluster, one process at a time that changes credentials.
//!
//! The lock itself is the operating system's (it goes with the process, however that ends); the file's text says who
//! holds it and that the holder is alive.

use std::{
    fmt,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How often, and after how long each time, a lock is tried: somebody who only looks has it for a moment.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

/// The most that is read of a lock.
const LARGEST: u64 = 1 << 16;

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The computer that the process runs on; empty in locks of earlier releases.
    #[serde(default)]
    pub host: String,
    /// Its run.
    pub run: Uuid,
    /// When the run began.
    pub since: Timestamp,
    /// When it last said that it lives.
    pub heartbeat: Timestamp,
}

impl Holder {
    /// Whether its process is on this computer.
    pub fn is_here(&self) -> bool {
        self.host.is_empty() || self.host == host()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.pid)?;
        if !self.is_here() {
            write!(f, " on {}", self.host)?;
        }
        write!(f, ", since {:.0}, last sign of life {:.0}", self.since, self.heartbeat)
    }
}

/// The name of this computer.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
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

/// A lock that somebody holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// By this one.
    By(Holder),
    /// Nobody knows by whom.
    Unknown,
}

impl Held {
    /// The run of the holder.
    pub fn run(&self) -> Option<Uuid> {
        match self {
            Self::By(holder) => Some(holder.run),
            Self::Unknown => None,
        }
    }
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
        let mut file = open(path)?;
        if !try_for_a_while(&file).map_err(failed(path))? {
            return Err(LockError::Held {
                holder: read(&mut file).map_or_else(|| "its holder is unknown".to_owned(), |holder| holder.to_string()),
                path: path.to_owned(),
            });
        }
        Self::taken(file, path, run, now)
    }

    /// Takes the lock if it is free at this moment. Whoever may wait calls this again, in the pace that suits.
    pub fn try_take(path: &Path, run: Uuid, now: Timestamp) -> Result<Option<Self>, LockError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Self::taken(file, path, run, now).map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(path)(source)),
        }
    }

    fn taken(file: File, path: &Path, run: Uuid, now: Timestamp) -> Result<Self, LockError> {
        let owner = Holder {
            pid: std::process::id(),
            host: host(),
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

    /// Who holds the lock at this place, if anybody does.
    pub fn holder(path: &Path) -> Result<Option<Held>, LockError> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(path)(source)),
        };
        // Shared, so that many can look at once.
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(read(&mut file).map_or(Held::Unknown, Held::By))),
            Err(TryLockError::Error(source)) => Err(failed(path)(source)),
        }
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
            .map_err(failed(&self.path))
    }
}

fn open(path: &Path) -> Result<File, LockError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    options.open(path).map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> LockError {
    let path = path.to_owned();
    move |source| LockError::Io {
        path: path.clone(),
        source,
    }
}

/// Tries to take the lock; `false`: somebody keeps it.
fn try_for_a_while(file: &File) -> io::Result<bool> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(source)) => return Err(source),
        }
    }
    Ok(false)
}

/// What the holder wrote. It may be writing at this moment.
fn read(file: &mut File) -> Option<Holder> {
    for _ in 1..TRIES {
        let mut text = Vec::new();
        file.rewind().ok()?;
        (&mut *file).take(LARGEST).read_to_end(&mut text).ok()?;
        if let Ok(holder) = serde_json::from_slice(&text) {
            return Some(holder);
        }
        std::thread::sleep(PAUSE);
    }
    None
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

    #[test]
    fn who_only_looks_sees_the_holder_and_takes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(Lock::holder(&path).unwrap(), None);
        let held = Lock::take(&path, Uuid::nil(), Timestamp::UNIX_EPOCH).unwrap();
        let Some(Held::By(holder)) = Lock::holder(&path).unwrap() else {
            panic!("it is held")
        };
        assert_eq!((holder.pid, holder.is_here()), (std::process::id(), true));
        let elsewhere = Holder {
            host: "elsewhere".to_owned(),
            ..holder
        };
        assert!(elsewhere.to_string().contains(" on elsewhere, since"), "{elsewhere}");
        drop(held);
        assert_eq!(Lock::holder(&path).unwrap(), None);
        Lock::take(&path, Uuid::nil(), Timestamp::UNIX_EPOCH).unwrap();
    }
}
