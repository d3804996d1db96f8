//! The store of credentials: one file that only its owner can read, replaced as a whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use butler_files::home::{self, Home, HomeError, SecretFile};
use butler_files::read::{self, ReadError};
use serde::{Deserialize, Serialize};

use crate::address::ServerAddress;
use crate::session::Session;

/// The largest store that is read, in bytes.
const LARGEST: u64 = 16 << 20;
/// How long another process may hold the lock: as long as a refresh may take, and a bit.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often is looked whether the lock is free.
const LOOK: Duration = Duration::from_millis(20);

/// Everything that is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The server that commands use where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_server: Option<ServerAddress>,
    /// Sessions by server.
    #[serde(default)]
    pub servers: BTreeMap<ServerAddress, Session>,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be read.
    #[error("cannot read the credentials in {}", path.display())]
    Read {
        /// The file of the store.
        path: PathBuf,
        /// What the system said.
        source: ReadError,
    },
    /// It holds something else.
    #[error("the credentials in {} are damaged: {reason}", path.display())]
    Damaged {
        /// The file of the store.
        path: PathBuf,
        /// Where, without a word of the content.
        reason: String,
    },
    /// It cannot be written.
    #[error("cannot write the credentials")]
    Write(#[from] HomeError),
    /// There is no room for it.
    #[error("cannot write the credentials to {}", path.display())]
    Full {
        /// The file of the store.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its content cannot be put into words.
    #[error("cannot encode the credentials")]
    Encode(#[source] serde_json::Error),
    /// Its lock cannot be had.
    #[error("cannot lock the credentials with {}", path.display())]
    Lock {
        /// The file of the lock.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody keeps it.
    #[error("another process has kept the credentials locked for {} s ({})", PATIENCE.as_secs(), .0.display())]
    Locked(PathBuf),
}

/// The store of one home.
#[derive(Debug, Clone)]
pub struct Store {
    file: PathBuf,
    lock: PathBuf,
}

/// The store while nobody else can change it.
#[derive(Debug)]
pub struct LockedStore {
    store: Store,
    /// The lock goes with the file, also when the process is killed.
    _lock: File,
}

impl Store {
    /// The store of a home. Nothing is made until something is kept.
    pub fn of(home: &Home) -> Self {
        Self {
            file: home.config.join("credentials.json"),
            lock: home.config.join("credentials.lock"),
        }
    }

    /// The file that credentials are kept in.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// What is kept; nothing where there is no file.
    pub fn read(&self) -> Result<Content, StoreError> {
        let bytes = match read::file(&self.file, LARGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(Content::default()),
            Err(source) => {
                return Err(StoreError::Read {
                    path: self.file.clone(),
                    source,
                });
            }
        };
        serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged {
            path: self.file.clone(),
            // Its own words may repeat the content.
            reason: format!("line {}, column {}", error.line(), error.column()),
        })
    }

    /// Takes the lock, and waits for it as long as another process may need it.
    pub async fn lock(&self) -> Result<LockedStore, StoreError> {
        let failed = |source| StoreError::Lock {
            path: self.lock.clone(),
            source,
        };
        if let Some(folder) = self.lock.parent() {
            home::private_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&self.lock).map_err(failed)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => tokio::time::sleep(LOOK).await,
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(self.lock.clone())),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Ok(LockedStore {
            store: self.clone(),
            _lock: file,
        })
    }
}

impl LockedStore {
    /// What is kept at this moment.
    pub fn read(&self) -> Result<Content, StoreError> {
        self.store.read()
    }

    /// Replaces what is kept; durable when this returns.
    pub fn write(&self, content: &Content) -> Result<(), StoreError> {
        self.prepare()?.write(content)
    }

    /// Makes the file that will take the place of the store. Where that cannot be had, nothing has been spent yet that would
    /// have to be kept in it.
    pub fn prepare(&self) -> Result<Prepared, StoreError> {
        let file = SecretFile::create(&self.store.file)?;
        let path = self.store.file.clone();
        Ok(Prepared { file, path })
    }
}

/// A store in the making. Dropped, it leaves nothing.
pub struct Prepared {
    file: SecretFile,
    path: PathBuf,
}

impl Prepared {
    /// Puts it in the place of the store; durable when this returns.
    pub fn write(mut self, content: &Content) -> Result<(), StoreError> {
        let mut text = serde_json::to_vec_pretty(content).map_err(StoreError::Encode)?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|source| StoreError::Full {
            path: self.path.clone(),
            source,
        })?;
        Ok(self.file.replace()?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::session::tests::session;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::of(&Home::below(folder.path()));
        (folder, store)
    }

    #[tokio::test]
    async fn what_is_kept_is_read_again_and_nobody_else_can() {
        let (_folder, store) = store();
        assert!(store.read().unwrap().servers.is_empty());
        let address = ServerAddress::parse("https://x", false).unwrap();
        let content = Content {
            active_server: Some(address.clone()),
            servers: BTreeMap::from([(address.clone(), session(&["a"], 1, 2))]),
        };
        store.lock().await.unwrap().write(&content).unwrap();
        let read = store.read().unwrap();
        assert_eq!(read.active_server, Some(address.clone()));
        assert_eq!(read.servers[&address].user, content.servers[&address].user);
        for path in [&store.file, &store.lock] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
        }
    }

    #[tokio::test]
    async fn a_damaged_store_is_named_and_its_content_is_not_repeated() {
        let (_folder, store) = store();
        home::write_secret(&store.file, b"{\"servers\": {\"https://x\": \"hunter2\"}}").unwrap();
        let error = store.read().unwrap_err().to_string();
        assert!(
            error.contains("credentials.json") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_store_in_the_making_changes_nothing_and_leaves_nothing() {
        let (folder, store) = store();
        let locked = store.lock().await.unwrap();
        locked.write(&Content::default()).unwrap();
        let before = std::fs::read(&store.file).unwrap();
        drop(locked.prepare().unwrap());
        assert_eq!(std::fs::read(&store.file).unwrap(), before);
        let config = std::fs::read_dir(folder.path().join("config")).unwrap();
        assert_eq!(config.count(), 2, "the store and its lock");
    }

    #[tokio::test]
    async fn one_at_a_time_has_the_lock_and_a_dead_one_has_none() {
        let (_folder, store) = store();
        let first = store.lock().await.unwrap();
        let second = tokio::time::timeout(Duration::from_millis(100), store.lock()).await;
        assert!(second.is_err(), "it waits");
        drop(first);
        store.lock().await.unwrap();
    }
}
