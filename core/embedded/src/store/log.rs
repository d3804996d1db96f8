//! The writer of the folder: a snapshot and an append-only log. One thread writes; every write of a moment shares one fsync.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::error::{Damage, FolderError, StoreError, failed};
use super::frame::{Mark, Record, encode, log_head, snapshot};
use super::load::{LOG, Loaded, MARK, SNAPSHOT};

/// A log longer than this, and four times longer than the snapshot, is folded into a new snapshot.
const COMPACT_FROM: u64 = if cfg!(test) { 64 << 10 } else { 32 << 20 };

#[derive(Debug, Clone)]
enum Progress {
    Durable(u64),
    Failed(FolderError),
    Stopped(u64),
}

/// Appends bytes to a file: all of them, or it is an error.
type Append = Box<dyn FnMut(&mut File, &[u8]) -> std::io::Result<()> + Send>;

type Dump = Box<dyn Fn() -> (u64, Vec<Record>) + Send>;

enum Work {
    Append(Record, watch::Sender<u64>),
    Stop,
}

/// Handle of the writer thread.
#[derive(Debug)]
pub(super) struct Log {
    work: Sender<Work>,
    progress: watch::Receiver<Progress>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Locks the folder for this process, until the file is dropped.
pub(super) fn lock(folder: &Path) -> Result<File, StoreError> {
    if folder.exists() && !folder.is_dir() {
        return Err(Damage::of(folder, "is no folder").into());
    }
    crate::pki::private_folder(folder).map_err(failed("cannot create folder", folder))?;
    let path = folder.join("lock");
    if path.is_dir() {
        return Err(Damage::of(&path, "is a folder").into());
    }
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("cannot open", &path))?;
    if lock.try_lock().is_err() {
        return Err(StoreError::InUse {
            path: folder.display().to_string(),
        });
    }
    Ok(lock)
}

impl Log {
    /// Starts the writer on a folder that has been loaded.
    pub(super) fn start(folder: &Path, lock: File, loaded: &Loaded, dump: Dump) -> Result<Self, StoreError> {
        Self::start_with(folder, lock, loaded, dump, Box::new(File::write_all))
    }

    fn start_with(folder: &Path, lock: File, loaded: &Loaded, dump: Dump, append: Append) -> Result<Self, StoreError> {
        let (work, todo) = channel();
        let (told, progress) = watch::channel(Progress::Durable(loaded.revision));
        let writer = Writer::open(folder, lock, loaded, dump, append, told)?;
        let thread = std::thread::Builder::new()
            .name("embedded-log".to_owned())
            .spawn(move || writer.run(&todo))
            .map_err(failed("cannot start the writer of", folder))?;
        Ok(Self {
            work,
            progress,
            thread: Mutex::new(Some(thread)),
        })
    }

    pub(super) fn append(&self, record: Record, signal: watch::Sender<u64>) -> Result<(), StoreError> {
        if let Progress::Failed(error) = &*self.progress.borrow() {
            return Err(error.clone().into());
        }
        self.work
            .send(Work::Append(record, signal))
            .map_err(|_| StoreError::Closed)
    }

    pub(super) async fn durable(&self, revision: u64) -> Result<(), StoreError> {
        let mut progress = self.progress.clone();
        let seen = progress
            .wait_for(|p| match p {
                Progress::Durable(at) => *at >= revision,
                Progress::Failed(_) | Progress::Stopped(_) => true,
            })
            .await;
        match seen.as_deref() {
            Ok(Progress::Durable(_)) => Ok(()),
            Ok(Progress::Stopped(at)) if *at >= revision => Ok(()),
            Ok(Progress::Failed(error)) => Err(error.clone().into()),
            Ok(Progress::Stopped(_)) | Err(_) => Err(StoreError::Closed),
        }
    }

    pub(super) async fn stop(&self) {
        let _ = self.work.send(Work::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

struct Writer {
    folder: PathBuf,
    file: File,
    mark: File,
    /// Bytes of the log that are on disk.
    length: u64,
    /// The version that the log's first record follows.
    base: u64,
    /// Size of the last snapshot.
    folded: u64,
    /// The last revision that is on disk.
    last: u64,
    dump: Dump,
    append: Append,
    told: watch::Sender<Progress>,
    /// Work that came in while a write could not be finished.
    behind: Vec<Work>,
    _lock: File,
}

impl Writer {
    /// A writer behind what was loaded. A folder of an earlier release gets the present form.
    fn open(
        folder: &Path,
        lock: File,
        loaded: &Loaded,
        dump: Dump,
        append: Append,
        told: watch::Sender<Progress>,
    ) -> Result<Self, StoreError> {
        let mark_path = folder.join(MARK);
        let mark = if mark_path.exists() {
            OpenOptions::new()
                .write(true)
                .open(&mark_path)
                .map_err(failed("cannot open", &mark_path))?
        } else {
            let nothing = Mark {
                base: 0,
                length: 0,
                revision: 0,
            };
            replace_file(folder, MARK, &nothing.to_bytes())?
        };
        let path = folder.join(LOG);
        let file = if loaded.log.base.is_some() || loaded.log.length > 0 {
            OpenOptions::new()
                .write(true)
                .open(&path)
                .map_err(failed("cannot open", &path))?
        } else {
            replace_file(folder, LOG, &head(loaded.revision))?
        };
        let mut writer = Self {
            folder: folder.to_owned(),
            file,
            mark,
            length: loaded.log.length,
            base: loaded.log.base.unwrap_or(loaded.revision),
            folded: loaded.snapshot_length,
            last: loaded.revision,
            dump,
            append,
            told,
            behind: Vec::new(),
            _lock: lock,
        };
        writer.settle(loaded)?;
        Ok(writer)
    }

    /// Writes the files anew where the next record cannot follow what they hold.
    fn settle(&mut self, loaded: &Loaded) -> Result<(), FolderError> {
        let path = self.folder.join(LOG);
        match loaded.log.base {
            None if loaded.log.length > 0 => return self.compact(),
            None => self.length = head(loaded.revision).len() as u64,
            // What came after the last record is in the snapshot only: the log says that it goes on from there.
            Some(_) if loaded.log.last < loaded.revision => {
                let head = head(loaded.revision);
                self.file
                    .seek(SeekFrom::Start(self.length))
                    .and_then(|_| self.file.write_all(&head))
                    .and_then(|()| self.file.sync_data())
                    .map_err(failed("cannot append to", &path))?;
                self.length += head.len() as u64;
            }
            Some(_) => {}
        }
        self.file
            .seek(SeekFrom::Start(self.length))
            .map_err(failed("cannot seek", &path))?;
        self.acknowledge()
    }

    /// Writes down how far the log is on disk.
    fn acknowledge(&mut self) -> Result<(), FolderError> {
        let mark = Mark {
            base: self.base,
            length: self.length,
            revision: self.last,
        };
        write_at_start(&mut self.mark, &mark.to_bytes()).map_err(failed("cannot write", &self.folder.join(MARK)))
    }

    fn run(mut self, todo: &Receiver<Work>) {
        let mut last = self.last;
        while let Some(works) = self.next(todo) {
            let mut batch = Vec::new();
            let mut signals = Vec::new();
            let mut stop = false;
            for work in works {
                match work {
                    Work::Append(record, signal) => {
                        encode(&record, &mut batch);
                        last = record.revision;
                        signals.push((record.revision, signal));
                    }
                    Work::Stop => stop = true,
                }
            }
            if !batch.is_empty()
                && let Err(error) = self.write(&batch, last, todo)
            {
                tracing::error!(%error, "the log cannot be written");
                self.told.send_replace(Progress::Failed(error));
                return;
            }
            self.told.send_replace(Progress::Durable(last));
            for (revision, signal) in signals {
                signal.send_if_modified(|at| std::mem::replace(at, revision) < revision);
            }
            if stop {
                break;
            }
        }
        self.told.send_replace(Progress::Stopped(last));
    }

    /// Waits for work and takes all that has come in; none when nobody can send work any more.
    fn next(&mut self, todo: &Receiver<Work>) -> Option<Vec<Work>> {
        let mut works = std::mem::take(&mut self.behind);
        if works.is_empty() {
            works.push(todo.recv().ok()?);
        }
        works.extend(todo.try_iter());
        Some(works)
    }

    /// A full disk passes: until it does, whoever waits is told, and what was to be written stays first in line. Any other
    /// error ends the log; after a failed sync nobody knows what is on the disk.
    fn write(&mut self, batch: &[u8], last: u64, todo: &Receiver<Work>) -> Result<(), FolderError> {
        let path = self.folder.join(LOG);
        while let Err(error) = (self.append)(&mut self.file, batch) {
            let full = is_full(&error);
            let error = failed("cannot append to", &path)(error);
            // What was sent before the failure was known comes after this batch.
            self.behind.extend(todo.try_iter());
            if !full || self.behind.iter().any(|work| matches!(work, Work::Stop)) {
                return Err(error);
            }
            tracing::warn!(%error, "the disk is full, trying again");
            self.told.send_replace(Progress::Failed(error));
            self.file
                .set_len(self.length)
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
                .map_err(failed("cannot truncate", &path))?;
            std::thread::sleep(AGAIN);
        }
        self.file.sync_data().map_err(failed("cannot sync", &path))?;
        self.length += batch.len() as u64;
        self.last = last;
        self.acknowledge()?;
        if self.length > COMPACT_FROM
            && self.length > 4 * self.folded
            && let Err(error) = self.compact()
        {
            // Everything is in the log; the next write tries again.
            tracing::warn!(%error, "no snapshot could be written");
        }
        Ok(())
    }

    /// Writes everything to a new snapshot and starts an empty log.
    fn compact(&mut self) -> Result<(), FolderError> {
        let (revision, records) = (self.dump)();
        let bytes = snapshot(revision, &records);
        replace_file(&self.folder, SNAPSHOT, &bytes)?;
        self.folded = bytes.len() as u64;
        let head = head(self.last);
        self.file = replace_file(&self.folder, LOG, &head)?;
        self.base = self.last;
        self.length = head.len() as u64;
        self.acknowledge()
    }
}

#[cfg(unix)]
fn write_at_start(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

#[cfg(not(unix))]
fn write_at_start(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(bytes))
}

/// The content of a log without records: its head.
fn head(base: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    log_head(base, &mut bytes);
    bytes
}

/// Pause before a full disk is tried again.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(if cfg!(test) { 1 } else { 500 });

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Objects may be secrets: only their owner reads them.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Replaces a file in one step and makes the change durable.
fn replace_file(folder: &Path, name: &str, bytes: &[u8]) -> Result<File, FolderError> {
    let (path, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
    let mut file = private()
        .truncate(true)
        .open(&fresh)
        .map_err(failed("cannot create", &fresh))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed("cannot write", &fresh))?;
    std::fs::rename(&fresh, &path).map_err(failed("cannot replace", &path))?;
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(failed("cannot sync", folder))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::super::load::load;
    use super::*;

    fn record(revision: u64, key: &str, object: Option<&'static str>) -> Record {
        Record {
            revision,
            table: "t".into(),
            key: key.into(),
            object: object.map(|o| Bytes::from_static(o.as_bytes())),
        }
    }

    /// A disk that was full for a moment ended the log of a running server for ever.
    #[tokio::test]
    async fn a_full_disk_passes_and_nothing_is_lost_or_torn() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path()).unwrap();
        let loaded = load(folder.path()).unwrap();
        let full = Arc::new(std::sync::atomic::AtomicBool::new(true));
        let disk = Arc::clone(&full);
        let append = Box::new(move |file: &mut File, bytes: &[u8]| {
            if disk.load(std::sync::atomic::Ordering::SeqCst) {
                file.write_all(&bytes[..bytes.len() / 2])?;
                return Err(ErrorKind::StorageFull.into());
            }
            file.write_all(bytes)
        });
        let dump = Box::new(|| (0, Vec::new()));
        let log = Log::start_with(folder.path(), held, &loaded, dump, append).unwrap();
        let (signal, _) = watch::channel(0);
        log.append(record(2, "a", Some("{}")), signal.clone()).unwrap();
        let told = log.durable(2).await.unwrap_err();
        assert!(told.to_string().contains("cannot append to"), "{told}");
        assert!(log.append(record(3, "b", Some("{}")), signal.clone()).is_err());
        full.store(false, std::sync::atomic::Ordering::SeqCst);
        let mut progress = log.progress.clone();
        let durable = |p: &Progress| matches!(p, Progress::Durable(2));
        progress.wait_for(durable).await.unwrap();
        log.append(record(3, "b", Some("{}")), signal).unwrap();
        log.durable(3).await.unwrap();
        log.stop().await;
        drop(log);
        let again = load(folder.path()).unwrap();
        assert_eq!(again.revision, 3);
        let keys: std::collections::BTreeSet<&str> = again.objects.keys().map(|k| k.1.as_str()).collect();
        assert_eq!(keys, ["a", "b"].into());
    }
}
