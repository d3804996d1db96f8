//! Objects, their revisions and their recent history. Knows nothing of kinds, schemas or HTTP.
//!
//! One lock orders all writes. A change is visible to readers at once but is acknowledged, and shown to watchers, only when
//! the log has it on disk.

mod error;
mod frame;
mod load;
mod log;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{mpsc, watch};

pub use self::error::Damage;
pub(crate) use self::error::StoreError;
use self::frame::Record;
use self::log::Log;
use crate::limits::{self, Excess};

/// Changes kept per table for watches, continued lists and exact reads.
const HISTORY: usize = 4096;
/// Bytes of objects kept per table in the history.
const HISTORY_BYTES: usize = 4 << 20;

/// An object at one revision, serialised once.
#[derive(Debug)]
pub(crate) struct Object {
    /// The object without `kind` and `apiVersion`, which depend on the version it is read in.
    pub(crate) value: Value,
    /// `value` as JSON text.
    pub(crate) bytes: Bytes,
    /// Revision of the last change.
    pub(crate) revision: u64,
}

impl Object {
    fn sized(&self) -> limits::Sized<'_> {
        limits::Sized {
            value: &self.value,
            bytes: self.bytes.len(),
        }
    }

    /// An object that is not stored, for answers to dry runs.
    pub(crate) fn unsaved(value: Value) -> Self {
        let bytes = Bytes::from(value.to_string());
        Self {
            value,
            bytes,
            revision: 0,
        }
    }
}

/// One change of one object.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) revision: u64,
    pub(crate) key: Arc<str>,
    /// The object before, if there was one.
    pub(crate) old: Option<Arc<Object>>,
    /// The object after; for a deletion the last state under the deletion's revision.
    pub(crate) new: Arc<Object>,
    pub(crate) deleted: bool,
}

/// What a write expects to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// There is no object under the key.
    Absent,
    /// There is the object at this revision.
    At(u64),
}

/// The expectation of a write was not met, or the log is broken.
#[derive(Debug)]
pub(crate) enum Clash {
    /// There is an object already, or it has changed.
    Changed,
    /// The object exceeds a bound.
    TooMuch(Excess),
    /// The store takes no writes any more.
    Broken(StoreError),
}

/// A history that no longer reaches back far enough.
#[derive(Debug)]
pub(crate) struct TooOld {
    pub(crate) oldest: u64,
}

#[derive(Debug)]
struct Table {
    objects: BTreeMap<Arc<str>, Arc<Object>>,
    history: VecDeque<Arc<Change>>,
    history_bytes: usize,
    /// How many bytes all objects have together.
    bytes: usize,
    /// Every change after this revision is in `history`.
    complete_after: u64,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    revision: u64,
    tables: HashMap<Arc<str>, Table>,
    /// Each of them gets every change, in order.
    listeners: Vec<mpsc::UnboundedSender<(Arc<str>, Arc<Change>)>>,
}

/// All objects of one server.
#[derive(Debug)]
pub(crate) struct Store {
    state: Arc<RwLock<State>>,
    log: Log,
    /// Bytes that an object of a table may have.
    size_limit: fn(&str) -> usize,
}

/// The objects of one table at one revision.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) revision: u64,
    pub(crate) objects: Vec<(Arc<str>, Arc<Object>)>,
}

impl Store {
    /// Reads snapshot and log of `folder`, and starts the log writer. `size_limit` says how many bytes an object of a table may
    /// have.
    pub(crate) fn open(folder: &Path, size_limit: fn(table: &str) -> usize) -> Result<Self, StoreError> {
        let lock = log::lock(folder)?;
        let mut loaded = load::load(folder)?;
        let mut state = State {
            revision: loaded.revision,
            ..State::default()
        };
        for ((table, key), stored) in std::mem::take(&mut loaded.objects) {
            let load::Stored {
                bytes,
                revision,
                file,
                at,
            } = stored;
            let value = serde_json::from_slice(&bytes).map_err(|error| {
                let what = format!("object {key} of {table} does not read: {error}");
                Damage::at(&folder.join(file), at, what)
            })?;
            let object = Object { value, bytes, revision };
            let table = state.table(&table, loaded.revision);
            table.bytes += object.bytes.len();
            table.objects.insert(key.into(), Arc::new(object));
        }
        let state = Arc::new(RwLock::new(state));
        let source = Arc::clone(&state);
        let log = Log::start(folder, lock, &loaded, Box::new(move || dump(&source)))?;
        Ok(Self { state, log, size_limit })
    }

    /// The object under a key.
    pub(crate) fn get(&self, table: &str, key: &str) -> Option<Arc<Object>> {
        self.read().tables.get(table)?.objects.get(key).cloned()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.read().revision
    }

    /// How many objects a table has, and how many bytes they are.
    pub(crate) fn size(&self, table: &str) -> (usize, usize) {
        let state = self.read();
        state.tables.get(table).map_or((0, 0), |t| (t.objects.len(), t.bytes))
    }

    /// All objects whose key starts with `prefix`, as they are now.
    pub(crate) fn list(&self, table: &str, prefix: &str) -> Snapshot {
        let state = self.read();
        let objects = state
            .tables
            .get(table)
            .map_or_else(Vec::new, |t| range(&t.objects, prefix));
        Snapshot {
            revision: state.revision,
            objects,
        }
    }

    /// Whether a table has no objects.
    pub(crate) fn is_empty(&self, table: &str) -> bool {
        self.read().tables.get(table).is_none_or(|t| t.objects.is_empty())
    }

    /// All objects whose key starts with `prefix`, as they were at `revision`.
    pub(crate) fn list_at(&self, table: &str, prefix: &str, revision: u64) -> Result<Snapshot, TooOld> {
        let state = self.read();
        let Some(table) = state.tables.get(table) else {
            return Ok(Snapshot {
                revision,
                objects: Vec::new(),
            });
        };
        if revision < table.complete_after {
            return Err(TooOld {
                oldest: table.complete_after,
            });
        }
        let mut objects: BTreeMap<_, _> = range(&table.objects, prefix).into_iter().collect();
        for change in table.history.iter().rev().take_while(|c| c.revision > revision) {
            if !change.key.starts_with(prefix) {
                continue;
            }
            match &change.old {
                Some(old) => objects.insert(Arc::clone(&change.key), Arc::clone(old)),
                None => objects.remove(&change.key),
            };
        }
        Ok(Snapshot {
            revision,
            objects: objects.into_iter().collect(),
        })
    }

    /// Changes of a table in `(after, upto]`.
    pub(crate) fn changes(&self, table: &str, after: u64, upto: u64) -> Result<Vec<Arc<Change>>, TooOld> {
        let state = self.read();
        let Some(table) = state.tables.get(table) else {
            return Ok(Vec::new());
        };
        if after < table.complete_after {
            return Err(TooOld {
                oldest: table.complete_after,
            });
        }
        let from = table.history.partition_point(|c| c.revision <= after);
        Ok(table
            .history
            .iter()
            .skip(from)
            .take_while(|c| c.revision <= upto)
            .cloned()
            .collect())
    }

    /// A signal that carries the last durable revision of a table.
    pub(crate) fn subscribe(&self, table: &str) -> watch::Receiver<u64> {
        let mut state = self.write();
        let revision = state.revision;
        state.table(table, revision).changed.subscribe()
    }

    /// Every change from now on, durable or not, in order.
    pub(crate) fn listen(&self) -> mpsc::UnboundedReceiver<(Arc<str>, Arc<Change>)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.write().listeners.push(sender);
        receiver
    }

    /// Writes an object, or removes it (`value` is `None`). The result carries the new revision; it is durable only after
    /// [`Store::durable`].
    pub(crate) fn commit(
        &self,
        table: &str,
        key: &str,
        expect: Expect,
        value: Option<Value>,
    ) -> Result<Arc<Object>, Clash> {
        let deleted = value.is_none();
        self.write_one(table, key, expect, value, deleted)
    }

    /// Removes an object; `last` is the state that watchers see it go in.
    pub(crate) fn remove(&self, table: &str, key: &str, expect: Expect, last: Value) -> Result<Arc<Object>, Clash> {
        self.write_one(table, key, expect, Some(last), true)
    }

    fn write_one(
        &self,
        table: &str,
        key: &str,
        expect: Expect,
        value: Option<Value>,
        deleted: bool,
    ) -> Result<Arc<Object>, Clash> {
        let mut state = self.write();
        let found = state.tables.get(table).and_then(|t| t.objects.get(key)).cloned();
        let met = match expect {
            Expect::Absent => found.is_none(),
            Expect::At(revision) => found.as_ref().is_some_and(|o| o.revision == revision),
        };
        if !met {
            return Err(Clash::Changed);
        }
        let Some(mut value) = value.or_else(|| found.as_ref().map(|o| o.value.clone())) else {
            return Err(Clash::Changed);
        };
        let before = state.revision;
        let revision = before + 1;
        value["metadata"]["resourceVersion"] = revision.to_string().into();
        let bytes = Bytes::from(value.to_string());
        let new = limits::Sized {
            value: &value,
            bytes: bytes.len(),
        };
        if !deleted
            && let Some(excess) = limits::excess(new, found.as_deref().map(Object::sized), (self.size_limit)(table))
        {
            return Err(Clash::TooMuch(excess));
        }
        let object = Arc::new(Object {
            value,
            bytes: bytes.clone(),
            revision,
        });
        let entry = state.table(table, before);
        let signal = entry.changed.clone();
        let key: Arc<str> = key.into();
        let change = Arc::new(Change {
            revision,
            key: Arc::clone(&key),
            old: found,
            new: Arc::clone(&object),
            deleted,
        });
        let record = Record {
            revision,
            table: table.to_owned(),
            key: key.to_string(),
            object: (!deleted).then_some(bytes),
        };
        self.log.append(record, signal).map_err(Clash::Broken)?;
        entry.apply(&change);
        state.revision = revision;
        let name: Arc<str> = table.into();
        state
            .listeners
            .retain(|l| l.send((Arc::clone(&name), Arc::clone(&change))).is_ok());
        Ok(object)
    }

    /// The bound that an object exceeds, if [`Store::commit`] would refuse it for one.
    pub(crate) fn excess(&self, table: &str, key: &str, object: &Object) -> Option<Excess> {
        let before = self.get(table, key);
        limits::excess(
            object.sized(),
            before.as_deref().map(Object::sized),
            (self.size_limit)(table),
        )
    }

    /// Waits until everything up to `revision` is on disk.
    pub(crate) async fn durable(&self, revision: u64) -> Result<(), StoreError> {
        self.log.durable(revision).await
    }

    /// Flushes and stops the log writer; later writes fail.
    pub(crate) async fn close(&self) -> Result<(), StoreError> {
        let revision = self.revision();
        let flushed = self.durable(revision).await;
        self.log.stop().await;
        flushed
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn table(&mut self, name: &str, revision: u64) -> &mut Table {
        self.tables.entry(name.into()).or_insert_with(|| Table {
            objects: BTreeMap::new(),
            history: VecDeque::new(),
            history_bytes: 0,
            bytes: 0,
            complete_after: revision,
            changed: watch::Sender::new(revision),
        })
    }
}

impl Table {
    fn apply(&mut self, change: &Arc<Change>) {
        let before = if change.deleted {
            self.objects.remove(&change.key)
        } else {
            self.bytes += change.new.bytes.len();
            self.objects.insert(Arc::clone(&change.key), Arc::clone(&change.new))
        };
        self.bytes -= before.map_or(0, |object| object.bytes.len());
        self.history_bytes += change.new.bytes.len();
        self.history.push_back(Arc::clone(change));
        while self.history.len() > HISTORY || (self.history_bytes > HISTORY_BYTES && self.history.len() > 1) {
            if let Some(gone) = self.history.pop_front() {
                self.history_bytes -= gone.new.bytes.len();
                self.complete_after = gone.revision;
            }
        }
    }
}

/// All objects and the revision they are at, for a snapshot.
fn dump(state: &RwLock<State>) -> (u64, Vec<Record>) {
    let state = state.read().unwrap_or_else(PoisonError::into_inner);
    let mut records = Vec::new();
    for (table, entry) in &state.tables {
        for (key, object) in &entry.objects {
            let object_bytes = Some(object.bytes.clone());
            records.push(Record {
                revision: object.revision,
                table: table.to_string(),
                key: key.to_string(),
                object: object_bytes,
            });
        }
    }
    (state.revision, records)
}

fn range(objects: &BTreeMap<Arc<str>, Arc<Object>>, prefix: &str) -> Vec<(Arc<str>, Arc<Object>)> {
    objects
        .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix))
        .map(|(key, object)| (Arc::clone(key), Arc::clone(object)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn open(folder: &Path) -> Result<Store, StoreError> {
        Store::open(folder, |_| limits::SIZE)
    }

    fn object(text: &str) -> Value {
        json!({"metadata": {"name": "a"}, "data": text})
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let first = store.commit("t", "ns/a", Expect::Absent, Some(object("1"))).unwrap();
        let second = store
            .commit("t", "ns/a", Expect::At(first.revision), Some(object("2")))
            .unwrap();
        store.commit("t", "ns/b", Expect::Absent, Some(object("3"))).unwrap();
        let b = store.get("t", "ns/b").unwrap();
        store.commit("t", "ns/b", Expect::At(b.revision), None).unwrap();
        store.durable(store.revision()).await.unwrap();
        let revision = store.revision();
        store.close().await.unwrap();
        drop(store);
        let store = open(folder.path()).unwrap();
        assert_eq!(store.revision(), revision);
        assert_eq!(store.get("t", "ns/a").unwrap().revision, second.revision);
        assert!(store.get("t", "ns/b").is_none());
    }

    #[tokio::test]
    async fn a_write_against_another_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        store.commit("t", "a", Expect::Absent, Some(object("1"))).unwrap();
        assert!(matches!(
            store.commit("t", "a", Expect::Absent, Some(object("2"))),
            Err(Clash::Changed)
        ));
        assert!(matches!(
            store.commit("t", "a", Expect::At(1), Some(object("2"))),
            Err(Clash::Changed)
        ));
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_long_log_is_folded_into_a_snapshot_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let gone = store.commit("t", "gone", Expect::Absent, Some(object("x"))).unwrap();
        store.commit("t", "gone", Expect::At(gone.revision), None).unwrap();
        let text = "x".repeat(4096);
        for index in 0..60 {
            let object = store
                .commit("t", &format!("k{index}"), Expect::Absent, Some(object(&text)))
                .unwrap();
            store.durable(object.revision).await.unwrap();
        }
        let revision = store.revision();
        store.close().await.unwrap();
        drop(store);
        for name in ["snapshot", "log"] {
            let metadata = std::fs::metadata(folder.path().join(name)).unwrap();
            #[cfg(unix)]
            assert_eq!(std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777, 0o600, "{name}");
            assert!(metadata.len() > 0 || name == "log");
        }
        let store = open(folder.path()).unwrap();
        assert_eq!(store.revision(), revision);
        assert_eq!(store.list("t", "").objects.len(), 60);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_serves_one_store_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        assert!(matches!(open(folder.path()), Err(StoreError::InUse { .. })));
        store.close().await.unwrap();
        drop(store);
        assert!(open(folder.path()).is_ok());
    }

    #[tokio::test]
    async fn a_list_at_an_old_revision_shows_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let a = store.commit("t", "n/a", Expect::Absent, Some(object("1"))).unwrap();
        store
            .commit("t", "n/a", Expect::At(a.revision), Some(object("2")))
            .unwrap();
        store.commit("t", "n/b", Expect::Absent, Some(object("3"))).unwrap();
        let old = store.list_at("t", "n/", a.revision).unwrap();
        assert_eq!(old.objects.len(), 1);
        assert_eq!(old.objects[0].1.value["data"], "1");
        assert_eq!(store.changes("t", a.revision, u64::MAX).unwrap().len(), 2);
        assert!(store.changes("t", 0, u64::MAX).is_err());
        store.close().await.unwrap();
    }
}
