//! The folder on disk: a snapshot and an append-only log. One thread writes; every write of a moment shares one fsync.
//!
//! A record is `length crc payload`, both numbers 32 bit little endian; the payload is a line of JSON and, unless the object
//! was removed, the object. A torn record at the end of the log is cut off when
//! it is opened: it was never acknowledged.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::watch;

/// A log longer than this, and four times longer than the snapshot, is folded into a new snapshot.
const COMPACT_FROM: u64 = if cfg!(test) { 64 << 10 } else { 32 << 20 };

/// Why the folder cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what} {path}")]
pub(crate) struct FolderError {
    what: &'static str,
    path: String,
    #[source]
    source: Arc<std::io::Error>,
}

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The disk refuses.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Another process has the folder.
    #[error("folder {path} is in use by another server")]
    InUse { path: String },
    /// The snapshot does not read back.
    #[error("snapshot {path} is damaged")]
    Snapshot { path: String },
    /// An object does not read back.
    #[error("object {key} of {table} is damaged")]
    Object {
        table: String,
        key: String,
        source: serde_json::Error,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// One change as it is written.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) revision: u64,
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) object: Option<Bytes>,
}

#[derive(Deserialize)]
struct Line {
    revision: u64,
    table: String,
    key: String,
}

/// What the folder holds.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) revision: u64,
    pub(super) objects: HashMap<(String, String), (Bytes, u64)>,
    pub(super) log_length: u64,
    pub(super) snapshot_length: u64,
}

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

/// Reads the folder, cutting off a torn end of the log.
pub(super) fn load(folder: &Path) -> Result<Loaded, StoreError> {
    crate::pki::private_folder(folder).map_err(failed("cannot create folder", folder))?;
    let mut loaded = Loaded::default();
    let snapshot = folder.join("snapshot");
    if let Some(bytes) = read_if_there(&snapshot)? {
        let read = replay(&bytes, 0, &mut loaded);
        loaded.snapshot_length = bytes.len() as u64;
        if read != bytes.len() {
            return Err(StoreError::Snapshot {
                path: snapshot.display().to_string(),
            });
        }
    }
    let path = folder.join("log");
    if let Some(bytes) = read_if_there(&path)? {
        let floor = loaded.revision;
        let good = replay(&bytes, floor, &mut loaded);
        if good < bytes.len() {
            tracing::warn!(path = %path.display(), cut = bytes.len() - good, "the log has a torn end");
            let file = OpenOptions::new()
                .write(true)
                .open(&path)
                .map_err(failed("cannot open", &path))?;
            file.set_len(good as u64)
                .and_then(|()| file.sync_all())
                .map_err(failed("cannot truncate", &path))?;
        }
        loaded.log_length = good as u64;
    }
    Ok(loaded)
}

/// Applies records after revision `floor` until the first that is incomplete or damaged; returns the bytes that were good.
fn replay(bytes: &[u8], floor: u64, loaded: &mut Loaded) -> usize {
    let mut at = 0;
    while let Some((payload, next)) = frame(bytes, at) {
        let end = payload.iter().position(|b| *b == b'\n').unwrap_or(payload.len());
        let Ok(line) = serde_json::from_slice::<Line>(&payload[..end]) else {
            break;
        };
        let object = payload.get(end + 1..);
        at = next;
        // A snapshot may be newer than records that were still on their way to the log.
        if line.revision <= floor {
            continue;
        }
        loaded.revision = loaded.revision.max(line.revision);
        if line.table.is_empty() {
            continue;
        }
        let key = (line.table, line.key);
        match object {
            Some(object) => {
                loaded
                    .objects
                    .insert(key, (Bytes::copy_from_slice(object), line.revision));
            }
            None => {
                loaded.objects.remove(&key);
            }
        }
    }
    at
}

fn frame(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let head = bytes.get(at..at + 8)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(head[4..].try_into().ok()?);
    let payload = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
    (checksum(payload) == sum).then_some((payload, at + 8 + length))
}

fn encode(record: &Record, into: &mut Vec<u8>) {
    let mut payload = format!(
        "{{\"revision\":{},\"table\":{},\"key\":{}}}",
        record.revision,
        serde_json::Value::from(record.table.as_str()),
        serde_json::Value::from(record.key.as_str())
    )
    .into_bytes();
    if let Some(object) = &record.object {
        payload.push(b'\n');
        payload.extend_from_slice(object);
    }
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&checksum(&payload).to_le_bytes());
    into.extend_from_slice(&payload);
}

fn checksum(payload: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(payload);
    crc.sum()
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.read_to_end(&mut bytes).map_err(failed("cannot read", path))?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("cannot open", path)(error).into()),
    }
}

fn failed<'a>(what: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> FolderError + 'a {
    move |source| FolderError {
        what,
        path: path.display().to_string(),
        source: Arc::new(source),
    }
}

impl Log {
    /// Starts the writer on a folder that has been loaded.
    pub(super) fn start(folder: &Path, loaded: &Loaded, dump: Dump) -> Result<Self, StoreError> {
        Self::start_with(folder, loaded, dump, Box::new(File::write_all))
    }

    fn start_with(folder: &Path, loaded: &Loaded, dump: Dump, append: Append) -> Result<Self, StoreError> {
        let lock_path = folder.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(failed("cannot open", &lock_path))?;
        if lock.try_lock().is_err() {
            return Err(StoreError::InUse {
                path: folder.display().to_string(),
            });
        }
        let path = folder.join("log");
        let mut file = private()
            .truncate(false)
            .open(&path)
            .map_err(failed("cannot open", &path))?;
        file.seek(SeekFrom::Start(loaded.log_length))
            .map_err(failed("cannot seek", &path))?;
        let (work, todo) = channel();
        let (told, progress) = watch::channel(Progress::Durable(loaded.revision));
        let length = loaded.log_length;
        let writer = Writer {
            folder: folder.to_owned(),
            file,
            length,
            base: loaded.snapshot_length,
            last: loaded.revision,
            dump,
            append,
            told,
            behind: Vec::new(),
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("embedded-log".to_owned())
            .spawn(move || writer.run(&todo))
            .map_err(failed("cannot start the writer of", &path))?;
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
    length: u64,
    /// Size of the last snapshot.
    base: u64,
    /// Last revision on disk.
    last: u64,
    dump: Dump,
    append: Append,
    told: watch::Sender<Progress>,
    /// What came in while a write did not get through.
    behind: Vec<Work>,
    _lock: File,
}

impl Writer {
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
                && let Err(error) = self.write(&batch, todo)
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

    /// Everything there is to do now, once there is something; none when nobody can send any more.
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
    fn write(&mut self, batch: &[u8], todo: &Receiver<Work>) -> Result<(), FolderError> {
        let path = self.folder.join("log");
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
        if self.length > COMPACT_FROM
            && self.length > 4 * self.base
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
        let mut bytes = Vec::new();
        encode(
            &Record {
                revision,
                table: String::new(),
                key: String::new(),
                object: None,
            },
            &mut bytes,
        );
        for record in &records {
            encode(record, &mut bytes);
        }
        replace_file(&self.folder, "snapshot", &bytes)?;
        self.file = replace_file(&self.folder, "log", &[])?;
        self.base = bytes.len() as u64;
        self.length = 0;
        Ok(())
    }
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
    use super::*;

    fn record(revision: u64, key: &str, object: Option<&'static str>) -> Record {
        Record {
            revision,
            table: "t".into(),
            key: key.into(),
            object: object.map(|o| Bytes::from_static(o.as_bytes())),
        }
    }

    #[test]
    fn a_torn_end_is_dropped_at_every_length_and_nothing_before_it() {
        let mut bytes = Vec::new();
        encode(&record(2, "a", Some("{}")), &mut bytes);
        let first = bytes.len();
        encode(&record(3, "b", Some("{\"x\":1}")), &mut bytes);
        for cut in first..bytes.len() {
            let mut loaded = Loaded::default();
            assert_eq!(replay(&bytes[..cut], 0, &mut loaded), first);
            assert_eq!(loaded.objects.len(), 1);
            assert_eq!(loaded.revision, 2);
        }
    }

    /// A disk that was full for a moment ended the log of a running server for ever.
    #[tokio::test]
    async fn a_full_disk_passes_and_nothing_is_lost_or_torn() {
        let folder = tempfile::tempdir().unwrap();
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
        let log = Log::start_with(folder.path(), &loaded, dump, append).unwrap();
        let (signal, _) = watch::channel(0);
        log.append(record(1, "a", Some("{}")), signal.clone()).unwrap();
        let told = log.durable(1).await.unwrap_err();
        assert!(told.to_string().contains("cannot append to"), "{told}");
        assert!(log.append(record(2, "b", Some("{}")), signal.clone()).is_err());
        full.store(false, std::sync::atomic::Ordering::SeqCst);
        let mut progress = log.progress.clone();
        let durable = |p: &Progress| matches!(p, Progress::Durable(1));
        progress.wait_for(durable).await.unwrap();
        log.append(record(2, "b", Some("{}")), signal).unwrap();
        log.durable(2).await.unwrap();
        log.stop().await;
        drop(log);
        let again = load(folder.path()).unwrap();
        assert_eq!(again.revision, 2);
        let keys: std::collections::BTreeSet<&str> = again.objects.keys().map(|k| k.1.as_str()).collect();
        assert_eq!(keys, ["a", "b"].into());
    }

    #[test]
    fn a_flipped_bit_ends_the_log_there() {
        let mut bytes = Vec::new();
        encode(&record(2, "a", Some("{}")), &mut bytes);
        let first = bytes.len();
        encode(&record(3, "b", Some("{}")), &mut bytes);
        bytes[first + 12] ^= 1;
        assert_eq!(replay(&bytes, 0, &mut Loaded::default()), first);
    }

    #[test]
    fn records_older_than_the_snapshot_change_nothing() {
        let mut bytes = Vec::new();
        encode(&record(3, "gone", Some("{}")), &mut bytes);
        encode(&record(6, "a", Some("{}")), &mut bytes);
        let mut loaded = Loaded {
            revision: 5,
            ..Loaded::default()
        };
        replay(&bytes, 5, &mut loaded);
        assert_eq!(loaded.objects.keys().map(|k| k.1.as_str()).collect::<Vec<_>>(), ["a"]);
    }
}
