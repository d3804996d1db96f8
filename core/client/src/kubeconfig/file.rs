//! Kubeconfig files on disk: read whole, written whole, and locked as kubectl locks them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use butler_files::home::{self, HomeError};
use butler_files::read::{self, ReadError};
use serde_json::{Map, Value};

use super::entry::{self, Entry, EntryError};
use super::merge::{self, Misshapen, Present};

/// The largest kubeconfig that is read, in bytes.
const LARGEST: u64 = 16 << 20;
/// How long somebody else may hold a lock.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often is looked whether a lock is free.
const LOOK: Duration = Duration::from_millis(10);
/// What begins the content of a lock of ours.
const OURS: &str = "butler ";

/// Why an entry could not be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There is no file to merge into.
    #[error("there is no kubeconfig to merge into: neither KUBECONFIG nor HOME is set")]
    Nowhere,
    /// A file cannot be read.
    #[error("cannot read the kubeconfig {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: ReadError,
    },
    /// A file is no kubeconfig.
    #[error("cannot merge into {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: EntryError,
    },
    /// A file has something else where a list has to be.
    #[error(transparent)]
    Misshapen(#[from] Misshapen),
    /// Somebody else keeps a file locked.
    #[error("{} has been locked for {} s by another program", path.display(), PATIENCE.as_secs())]
    Locked {
        /// The file.
        path: PathBuf,
        /// The lock.
        lock: PathBuf,
    },
    /// The lock cannot be made.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The content cannot be put into words.
    #[error("cannot write the kubeconfig {} as YAML", .0.display())]
    Encode(PathBuf),
    /// A file cannot be written.
    #[error("cannot write the kubeconfig")]
    Write(#[from] HomeError),
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// Whether the context is the one in use now.
    pub is_current: bool,
}

/// Merges an entry into kubectl's files. They are locked meanwhile, as kubectl locks them, so that nothing that somebody else
/// writes at the same time is lost.
pub fn merge(paths: &[PathBuf], entry: &Entry, use_it: bool) -> Result<Merged, MergeError> {
    if paths.is_empty() {
        return Err(MergeError::Nowhere);
    }
    let _locks = lock(paths)?;
    let files = paths.iter().map(|path| present(path));
    let files = files.collect::<Result<Vec<_>, _>>()?;
    let is_current = use_it || merge::is_current(&files, &entry.context);
    let changes = merge::plan(files, entry, use_it)?;
    let mut written = Vec::new();
    for change in changes {
        home::write_secret(&change.path, text(&change.path, change.content)?.as_bytes())?;
        written.push(change.path);
    }
    Ok(Merged {
        files: written,
        is_current,
    })
}

/// The names of the contexts in kubectl's files, in their order.
pub fn contexts(paths: &[PathBuf]) -> Result<Vec<String>, MergeError> {
    let mut names: Vec<String> = Vec::new();
    for path in paths {
        let content = present(path)?.content;
        let contexts = content.as_ref().and_then(|content| content.get("contexts")?.as_array());
        let found = contexts
            .into_iter()
            .flatten()
            .filter_map(|item| item.get("name")?.as_str());
        for name in found {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    Ok(names)
}

/// A kubeconfig as YAML.
pub fn yaml(kubeconfig: &Value) -> Option<String> {
    serde_saphyr::to_string(kubeconfig).ok()
}

fn text(path: &Path, content: Map<String, Value>) -> Result<String, MergeError> {
    // The writer's own message could repeat what is secret.
    yaml(&Value::Object(content)).ok_or_else(|| MergeError::Encode(path.to_owned()))
}

fn present(path: &Path) -> Result<Present, MergeError> {
    let bytes = match read::file(path, LARGEST) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.is_missing() => None,
        Err(source) => {
            let path = path.to_owned();
            return Err(MergeError::Read { path, source });
        }
    };
    let content = bytes.map(|bytes| match String::from_utf8(bytes) {
        Ok(text) => entry::read(&text),
        Err(_) => Err(EntryError::Unreadable(None)),
    });
    let content = content.transpose().map_err(|source| MergeError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(Present {
        path: path.to_owned(),
        content,
    })
}

/// A lock of a kubeconfig, as kubectl makes it: a file beside it that did not exist before.
#[derive(Debug)]
struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that cannot be removed is told by whoever finds it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Locks files in the order of their names, as kubectl does: two programs then never wait for each other.
fn lock(paths: &[PathBuf]) -> Result<Vec<Lock>, MergeError> {
    let mut sorted = paths.to_vec();
    sorted.sort();
    sorted.dedup();
    sorted.iter().map(|path| lock_one(path)).collect()
}

fn lock_one(path: &Path) -> Result<Lock, MergeError> {
    let failed = |source| MergeError::Lock {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = PathBuf::from(name);
    let began = Instant::now();
    loop {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock);
        match file {
            Ok(mut file) => {
                // It says whose it is, so that one which a killed process left can be told from one in use.
                let held = Lock(lock);
                write!(file, "{OURS}{}", std::process::id()).map_err(failed)?;
                return Ok(held);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(failed(source)),
        }
        if is_left_over(&lock) {
            take_away(&lock).map_err(failed)?;
            continue;
        }
        if began.elapsed() > PATIENCE {
            let path = path.to_owned();
            return Err(MergeError::Locked { path, lock });
        }
        std::thread::sleep(LOOK);
    }
}

/// A lock of ours whose process is gone.
fn is_left_over(lock: &Path) -> bool {
    holder(lock).is_some_and(|pid| !is_alive(pid))
}

fn holder(lock: &Path) -> Option<i32> {
    let text = fs::read_to_string(lock).ok()?;
    text.strip_prefix(OURS)?.trim().parse().ok()
}

fn is_alive(pid: i32) -> bool {
    let Some(pid) = rustix::process::Pid::from_raw(pid) else {
        return false;
    };
    !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}

/// Removes a lock that was left over. Only one process at a time removes this very file, and looks again before it does:
/// another may have done so, and may hold the lock by now.
fn take_away(lock: &Path) -> io::Result<()> {
    let file = match fs::File::open(lock) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    file.lock()?;
    let same = fs::metadata(lock).is_ok_and(|now| file.metadata().is_ok_and(|own| own.ino() == now.ino()));
    if same && is_left_over(lock) {
        fs::remove_file(lock)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::entry::tests::kubeconfig;
    use super::*;

    fn entry(name: &str) -> Entry {
        Entry::of(&kubeconfig(), name).unwrap()
    }

    #[test]
    fn entries_that_many_merge_at_once_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let paths = vec![folder.path().join("kube").join("config")];
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let paths = &paths;
                scope.spawn(move || {
                    for number in 0..20 {
                        merge(paths, &entry(&format!("c-{thread}-{number}")), false).unwrap();
                    }
                });
            }
        });
        let content = present(&paths[0]).unwrap().content.unwrap();
        for list in ["clusters", "contexts", "users"] {
            assert_eq!(content[list].as_array().unwrap().len(), 80, "{list}");
        }
        let mode = fs::metadata(&paths[0]).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(paths[0].parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_that_a_killed_process_left_is_taken_away_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let lock = folder.path().join("config.lock");
        // No process can have this number.
        fs::write(&lock, format!("{OURS}{}", i32::MAX)).unwrap();
        merge(&[path], &entry("a"), false).unwrap();
        assert!(!lock.exists());
        fs::write(&lock, "").unwrap();
        assert!(!is_left_over(&lock));
        fs::write(&lock, format!("{OURS}{}", std::process::id())).unwrap();
        assert!(!is_left_over(&lock));
    }

    #[test]
    fn a_file_that_is_no_kubeconfig_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "users: [{token: hunter2]").unwrap();
        let error = merge(std::slice::from_ref(&path), &entry("a"), false).unwrap_err();
        assert!(error.to_string().contains("cannot merge into"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "users: [{token: hunter2]");
        assert!(!folder.path().join("config.lock").exists());
    }
}
