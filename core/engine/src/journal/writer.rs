//! Appending to and reading `journal.ndjson`.
//!
//! One thread owns the file. It takes what has piled up, writes it, calls fsync once and answers everybody: the cost of
//! durability is shared by whatever runs in parallel.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
};

use futures::channel::oneshot;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    Memory,
    backup::Backup,
    known::Known,
    record::{Entry, Record, VERSION},
};
use crate::StepId;

/// Why the journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {action} the journal {path}")]
    Io {
        /// What was tried with the file, as a verb.
        action: &'static str,
        /// The file it was tried with.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },
    /// A line that is not one of ours, or not the one that has to stand there.
    #[error("the journal {path} is damaged at line {line}: {reason}")]
    Damaged {
        /// The file with the flaw.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A later release wrote it.
    #[error("the journal {path} is of version {found}, this program knows version {VERSION}")]
    Newer {
        /// The file that a newer program wrote.
        path: PathBuf,
        /// The format's version in the file.
        found: u32,
    },
    /// An earlier release wrote it.
    #[error(
        "the journal {path} is of version {found}, which this release no longer reads (it writes version {VERSION})"
    )]
    Older {
        /// The file that an older program wrote.
        path: PathBuf,
        /// The format's version in the file.
        found: u32,
    },
    /// The writer stopped after an earlier error.
    #[error("the journal {path} is closed after an earlier error")]
    Closed {
        /// The journal that takes no more records.
        path: PathBuf,
    },
}

type Answer = oneshot::Sender<Result<(), JournalError>>;

/// The journal of one run, open for appending. Cheap to clone.
#[derive(Debug)]
pub struct Journal<M: Memory> {
    path: PathBuf,
    queue: mpsc::Sender<(Entry<M::Fact>, Answer)>,
    known: Arc<Mutex<Known<M>>>,
}

impl<M: Memory> Clone for Journal<M> {
    fn clone(&self) -> Self {
        Self {
            path: self.path.clone(),
            queue: self.queue.clone(),
            known: Arc::clone(&self.known),
        }
    }
}

/// Reads the records of a journal and the number of bytes they take. A torn last line (a write that was cut and
/// therefore never acknowledged) is not part of them.
pub fn read<F: DeserializeOwned>(path: &Path) -> Result<(Vec<Record<F>>, u64), JournalError> {
    let bytes = content(path)?;
    // Before its first record a journal is not there.
    let Lines { records, length, flaw } = lines(bytes.as_deref().unwrap_or(&[]));
    match flaw {
        None => Ok((records, length as u64)),
        Some(flaw) => Err(flaw.of(path)),
    }
}

/// The bytes of a file; none if it is not there.
pub(super) fn content(path: &Path) -> Result<Option<Vec<u8>>, JournalError> {
    // A pipe or a device would be read for ever.
    let no_file = |found: std::fs::Metadata| (!found.is_file()).then(|| io::Error::other("it is no file"));
    let unreadable = std::fs::metadata(path).ok().and_then(no_file);
    match unreadable.map_or_else(|| std::fs::read(path), Err) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(JournalError::Io {
            action: "read",
            path: path.to_owned(),
            source,
        }),
    }
}

/// What the bytes of a journal hold.
#[derive(Debug)]
pub(super) struct Lines<F> {
    /// The records up to the first flaw.
    pub(super) records: Vec<Record<F>>,
    /// The bytes that these take.
    pub(super) length: usize,
    /// What is wrong after them.
    pub(super) flaw: Option<Flaw>,
}

/// A whole line that cannot stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    line: usize,
    reason: String,
    /// The version of the line, where that is the flaw.
    version: Option<u32>,
}

impl Flaw {
    /// One at this line, from 1.
    pub(super) fn new(line: usize, reason: &str) -> Self {
        Self {
            line,
            reason: reason.to_owned(),
            version: None,
        }
    }

    /// As an error about this file.
    pub(super) fn of(self, path: &Path) -> JournalError {
        let path = path.to_owned();
        match self.version {
            Some(found) if found > VERSION => JournalError::Newer { path, found },
            Some(found) => JournalError::Older { path, found },
            None => JournalError::Damaged {
                path,
                line: self.line,
                reason: self.reason,
            },
        }
    }
}

/// Takes the whole lines of a journal apart. Records are numbered without gaps, so a line that is missing, or there twice,
/// is noticed at the next one.
pub(super) fn lines<F: DeserializeOwned>(bytes: &[u8]) -> Lines<F> {
    let mut found = Lines {
        records: Vec::new(),
        length: 0,
        flaw: None,
    };
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
    let mut at = 0;
    for (index, line) in bytes[..whole].split_inclusive(|b| *b == b'\n').enumerate() {
        at += line.len();
        let text = line.trim_ascii_end();
        if !text.is_empty() {
            match parse(index + 1, text, found.records.len() as u64 + 1) {
                Ok(record) => found.records.push(record),
                Err(flaw) => {
                    found.flaw = Some(flaw);
                    return found;
                }
            }
        }
        found.length = at;
    }
    found
}

fn parse<F: DeserializeOwned>(line: usize, text: &[u8], expected: u64) -> Result<Record<F>, Flaw> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        v: u32,
    }
    let flaw = |reason: String| Flaw {
        line,
        reason,
        version: None,
    };
    if text.iter().all(|byte| *byte == 0) {
        return Err(flaw("it is filled with zeros".to_owned()));
    }
    let not_ours = |error: serde_json::Error| flaw(format!("it is not a record: {error}"));
    let Versioned { v } = serde_json::from_slice(text).map_err(not_ours)?;
    if v != VERSION && v > 0 {
        return Err(Flaw {
            version: Some(v),
            ..flaw(String::new())
        });
    }
    if v == 0 {
        return Err(flaw(format!("it says version {v}, which no release wrote")));
    }
    let record: Record<F> = serde_json::from_slice(text).map_err(not_ours)?;
    match record.seq {
        seq if seq == expected => Ok(record),
        seq if seq < expected => Err(flaw(format!("record {seq} stands there again"))),
        seq if seq == expected + 1 => Err(flaw(format!("record {expected} before it is missing"))),
        seq => Err(flaw(format!("records {expected} to {} before it are missing", seq - 1))),
    }
}

/// Where a run of a test dies, as `kill -9` would end it: no destructor runs, no buffer is flushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fuse {
    /// After so many records of the run.
    Records(u64),
    /// After the proof of this step. How many records come before it depends on what happens at the same time.
    Proof(StepId),
}

impl Fuse {
    /// Whether the run dies of these records, which are on disk.
    fn burns_down<F>(&mut self, written: &[Record<F>]) -> bool {
        match self {
            Self::Records(left) => {
                *left = left.saturating_sub(written.len() as u64);
                *left == 0
            }
            Self::Proof(last) => written
                .iter()
                .any(|record| matches!(&record.entry, Entry::Proof { step, .. } if step == last)),
        }
    }
}

impl<M: Memory> Journal<M> {
    /// Opens the journal for appending after `length` bytes and `count` records (as [`read`] gave them), which
    /// tell `known`, cutting off a torn tail.
    pub fn open(
        path: &Path,
        run: Uuid,
        length: u64,
        count: u64,
        known: Known<M>,
        fuse: Option<Fuse>,
    ) -> Result<Self, JournalError> {
        let failed = |action: &'static str| {
            move |source| JournalError::Io {
                action,
                path: path.to_owned(),
                source,
            }
        };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let mut file = options.open(path).map_err(failed("open"))?;
        file.set_len(length).map_err(failed("truncate"))?;
        file.seek(io::SeekFrom::End(0)).map_err(failed("open"))?;
        file.sync_all().map_err(failed("sync"))?;
        let copy = Backup::open(path).map_err(failed("back up"))?;
        if let Some(folder) = path.parent() {
            File::open(folder).and_then(|f| f.sync_all()).map_err(failed("sync"))?;
        }
        let (queue, inbox) = mpsc::channel();
        let known = Arc::new(Mutex::new(known));
        let mut appender = Appender {
            known: Arc::clone(&known),
            file,
            path: path.to_owned(),
            backup: Some(copy),
            run,
            length,
            seq: count,
            fuse,
        };
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || appender.serve(&inbox))
            .map_err(failed("start writing"))?;
        Ok(Self {
            path: path.to_owned(),
            queue,
            known,
        })
    }

    /// A journal that tells `known` and takes nothing: for looks, which must not write.
    pub fn closed(path: &Path, known: Known<M>) -> Self {
        let (queue, _) = mpsc::channel();
        Self {
            path: path.to_owned(),
            queue,
            known: Arc::new(Mutex::new(known)),
        }
    }

    /// What the records on disk tell. Do not hold it across an `await`.
    pub fn known(&self) -> MutexGuard<'_, Known<M>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a line and waits until it is on disk.
    pub async fn append(&self, entry: Entry<M::Fact>) -> Result<(), JournalError> {
        let closed = || JournalError::Closed {
            path: self.path.clone(),
        };
        let (answer, reply) = oneshot::channel();
        self.queue.send((entry, answer)).map_err(|_| closed())?;
        reply.await.map_err(|_| closed())?
    }
}

struct Appender<M: Memory> {
    known: Arc<Mutex<Known<M>>>,
    file: File,
    path: PathBuf,
    /// None once it could not be written.
    backup: Option<Backup>,
    run: Uuid,
    length: u64,
    seq: u64,
    fuse: Option<Fuse>,
}

impl<M: Memory> Appender<M> {
    fn serve(&mut self, inbox: &mpsc::Receiver<(Entry<M::Fact>, Answer)>) {
        while let Ok(first) = inbox.recv() {
            let mut batch = vec![first];
            // With a fuse every record is made durable alone, so that each one is a point to die at.
            while self.fuse.is_none() && batch.len() < 256 {
                let Ok(next) = inbox.try_recv() else { break };
                batch.push(next);
            }
            let (entries, answers): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let result = self.write(entries);
            let failed = result.is_err();
            let kind = result.as_ref().err().map(io::Error::kind);
            let mut first_error = result.err();
            for answer in answers {
                let outcome = match (&kind, first_error.take()) {
                    (None, _) => Ok(()),
                    (Some(_), Some(source)) => Err(self.error(source)),
                    (Some(kind), None) => Err(self.error(io::Error::from(*kind))),
                };
                // Whoever asked may be gone (its step was aborted); the line stays.
                drop(answer.send(outcome));
            }
            if failed {
                return;
            }
        }
    }

    fn error(&self, source: io::Error) -> JournalError {
        JournalError::Io {
            action: "write",
            path: self.path.clone(),
            source,
        }
    }

    fn write(&mut self, entries: Vec<Entry<M::Fact>>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let settles = entries.iter().any(Entry::settles::<M>);
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            self.seq += 1;
            let record = Record {
                v: VERSION,
                seq: self.seq,
                time: Timestamp::now(),
                run: self.run,
                entry,
            };
            serde_json::to_writer(&mut bytes, &record)?;
            bytes.push(b'\n');
            records.push(record);
        }
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Leave a whole file behind, as far as the file system lets us.
            if self.file.set_len(self.length).is_ok() {
                drop(self.file.sync_data());
            }
            return Err(error);
        }
        self.length += bytes.len() as u64;
        if self.fuse.as_mut().is_some_and(|fuse| fuse.burns_down(&records)) {
            std::process::abort();
        }
        self.back_up(&bytes, settles)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for record in &records {
            known.add(&record.entry);
        }
        Ok(())
    }

    /// A choice that must never be made again is on disk twice before anybody acts on it. For everything else the backup may
    /// lag behind.
    fn back_up(&mut self, bytes: &[u8], settles: bool) -> io::Result<()> {
        let Some(backup) = self.backup.as_mut() else {
            return Ok(());
        };
        match backup.append(bytes, settles) {
            Err(error) if settles => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the journal is not backed up any more");
                self.backup = None;
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StepId;

    type Entry = super::Entry<()>;
    type Journal = super::Journal<()>;

    fn open(path: &Path, length: u64, count: u64) -> Journal {
        Journal::open(path, Uuid::nil(), length, count, Known::default(), None).unwrap()
    }

    fn read(path: &Path) -> Result<(Vec<Record<()>>, u64), JournalError> {
        super::read(path)
    }

    fn proof(step: &str) -> Entry {
        Entry::Proof {
            step: StepId::new(step),
            evidence: "seen".into(),
            facts: Vec::new(),
        }
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_read_back_and_a_torn_tail_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        let writer = open(&path, 0, 0);
        writer.append(proof("a")).await.unwrap();
        let (first, second) = tokio::join!(writer.append(proof("b")), writer.append(proof("c")));
        first.unwrap();
        second.unwrap();
        drop(writer);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"v\":2,\"seq\":4,\"ti").unwrap();
        let (records, length) = read(&path).unwrap();
        assert_eq!(records.iter().map(|r| r.seq).collect::<Vec<_>>(), [1, 2, 3]);
        let writer = open(&path, length, 3);
        writer.append(proof("d")).await.unwrap();
        let (records, _) = read(&path).unwrap();
        assert_eq!(records.last().map(|r| r.seq), Some(4));
    }

    #[test]
    fn damage_in_the_middle_and_other_versions_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        std::fs::write(&path, "{\"v\":2}\n").unwrap();
        assert!(matches!(read(&path), Err(JournalError::Damaged { line: 1, .. })));
        std::fs::write(&path, "{\"v\":3}\n").unwrap();
        assert!(matches!(read(&path), Err(JournalError::Newer { found: 3, .. })));
        std::fs::write(&path, "{\"v\":1}\n").unwrap();
        assert!(matches!(read(&path), Err(JournalError::Older { found: 1, .. })));
    }

    /// A journal that is taken for a new one is begun anew, and what the lost one knew is made twice.
    #[test]
    fn a_journal_that_cannot_be_read_is_not_taken_for_one_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(content(&folder.path().join("journal.ndjson")).unwrap().is_none());
        let error = read(folder.path()).unwrap_err();
        assert!(matches!(error, JournalError::Io { action: "read", .. }), "{error}");
    }

    /// Facts that are true settle something.
    #[derive(Debug, Clone, Default)]
    struct Choices;

    impl Memory for Choices {
        type Fact = bool;

        fn learn(&mut self, _: &bool) {}

        fn settles(fact: &bool) -> bool {
            *fact
        }
    }

    #[cfg(target_os = "linux")]
    fn without_room_for_the_backup(journal: &Path) -> Appender<Choices> {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        Appender {
            known: Arc::default(),
            file: File::create(journal).unwrap(),
            path: journal.to_owned(),
            backup: Some(Backup::to(full)),
            run: Uuid::nil(),
            length: 0,
            seq: 0,
            fuse: None,
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_settles_something_is_acknowledged_only_where_it_is_on_disk_twice() {
        let folder = tempfile::tempdir().unwrap();
        let step = || StepId::new("choose");
        let intent = |facts| super::Entry::Intent {
            step: step(),
            what: "one of them".into(),
            facts,
        };
        let effect = |facts| super::Entry::Effect {
            step: step(),
            what: "done".into(),
            facts,
        };
        let run = super::Entry::Run {
            cluster: "demo".into(),
            cluster_id: Uuid::nil(),
            digest: "d".into(),
            config: None,
            again: Vec::new(),
            facts: Vec::new(),
            program: "x".into(),
        };
        for (entry, settles) in [
            (run, true),
            (intent(vec![false, true]), true),
            (effect(vec![true]), true),
            (intent(vec![false]), false),
            (effect(Vec::new()), false),
            (super::Entry::Cancelled, false),
        ] {
            let mut appender = without_room_for_the_backup(&folder.path().join("journal.ndjson"));
            let written = appender.write(vec![entry.clone()]);
            assert_eq!(written.is_err(), settles, "{entry:?}: {written:?}");
            // A backup that lags behind is given up, and the run goes on without it.
            assert_eq!(appender.backup.is_some(), settles, "{entry:?}");
        }
    }

    fn damage(lines: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        std::fs::write(&path, lines.concat()).unwrap();
        let error = read(&path).unwrap_err().to_string();
        let (_, reason) = error.split_once("is damaged at ").expect("damage");
        reason.to_owned()
    }

    fn line(v: u32, seq: u64) -> String {
        let record = Record {
            v,
            seq,
            time: Timestamp::UNIX_EPOCH,
            run: Uuid::nil(),
            entry: proof("a"),
        };
        format!("{}\n", serde_json::to_string(&record).unwrap())
    }

    /// Lines that somebody cut out of the middle held the choice of the node that bootstraps etcd.
    #[test]
    fn gaps_repeats_and_versions_that_no_release_wrote_are_damage() {
        let [one, two, three] = [1, 2, 3].map(|seq| line(VERSION, seq));
        assert_eq!(damage(&[&one, &three]), "line 2: record 2 before it is missing");
        assert_eq!(damage(&[&three]), "line 1: records 1 to 2 before it are missing");
        assert_eq!(damage(&[&one, &two, &two]), "line 3: record 2 stands there again");
        assert_eq!(damage(&[&two, &one]), "line 1: record 1 before it is missing");
        assert_eq!(
            damage(&[&one, &line(0, 2)]),
            "line 2: it says version 0, which no release wrote"
        );
        assert_eq!(damage(&[&one, "\0\0\0\n"]), "line 2: it is filled with zeros");
    }

    #[test]
    fn the_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        let _writer = open(&path, 0, 0);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
