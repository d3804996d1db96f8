//! What is at the place of a journal: a new bootstrap, one to be continued, or one whose journal was lost.
//!
//! A journal that was lost must never look like a new cluster: another identity would be made up, and etcd would be
//! bootstrapped on a second node.

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    Memory,
    backup::beside,
    known::Known,
    record::{Entry, Record},
    writer::{Flaw, Fuse, Journal, JournalError, Lines, content, lines},
};

/// How the first line of a journal begins.
const HEAD: &[u8] = b"{\"v\":2,\"seq\":1,";

/// A journal that can be continued.
#[derive(Debug)]
pub struct Found<M: Memory> {
    /// The records that are good, in their order.
    pub records: Vec<Record<M::Fact>>,
    /// The bytes that are good in the file.
    pub length: u64,
    /// Records at the end of [`records`](Self::records) that only the backup holds.
    pub from_backup: usize,
    /// Whether a backup bears witness that no record is missing at the end.
    pub backed_up: bool,
    missing: Vec<u8>,
}

/// A journal that cannot be continued.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Unusable<M: Memory> {
    /// Where the journal is, or should be.
    pub path: PathBuf,
    /// Why the operation cannot go on from it.
    #[source]
    pub problem: JournalProblem,
    /// Its backup, where that holds something.
    pub backup: Option<BackedUp>,
    /// What the lines that can still be read tell, of the backup or of the journal itself. Good for naming things only.
    pub told: Known<M>,
}

impl<M: Memory> Unusable<M> {
    /// One without a backup to be restored from.
    pub fn new(path: PathBuf, problem: JournalProblem) -> Self {
        Self {
            path,
            problem,
            backup: None,
            told: Known::default(),
        }
    }
}

/// What a backup holds.
#[derive(Debug)]
pub struct BackedUp {
    /// Where the backup is.
    pub path: PathBuf,
    /// How many good records it holds.
    pub records: usize,
    /// When the last one was written.
    pub until: Timestamp,
}

/// Why a journal cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum JournalProblem {
    /// It cannot be read, or a line is wrong.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It holds no whole line.
    #[error("the journal {path} holds no whole line{}", Beside(.beside))]
    Blank {
        /// The journal without a whole line.
        path: PathBuf,
        /// What shows that a bootstrap began.
        beside: Vec<String>,
    },
    /// It is not there, although it was.
    #[error("the journal {path} is missing{}", Beside(.beside))]
    Missing {
        /// Where the journal should be.
        path: PathBuf,
        /// What shows that a bootstrap began.
        beside: Vec<String>,
    },
    /// It is of a cluster of another name.
    #[error("the journal {path} is of the cluster {cluster}")]
    Other {
        /// The journal of somebody else.
        path: PathBuf,
        /// Name of the cluster that it is of.
        cluster: String,
    },
    /// The journal and its backup tell different stories.
    #[error("the journal {path} and its backup {backup} differ from record {record} on")]
    Differs {
        /// The journal, which people may have changed.
        path: PathBuf,
        /// The backup, which differs from it.
        backup: PathBuf,
        /// The first record that is not the same.
        record: usize,
    },
}

struct Beside<'a>(&'a Vec<String>);

impl fmt::Display for Beside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => Ok(()),
            [one] => write!(f, ", but {one} beside it shows that a bootstrap began"),
            all => write!(f, ", but {} beside it show that a bootstrap began", all.join(", ")),
        }
    }
}

/// Looks at the place of a journal; changes nothing. `traces` are the names of files beside it that show, should it be gone, that
/// the operation has begun.
pub fn find<M: Memory>(path: &Path, traces: &[&str]) -> Result<Found<M>, Box<Unusable<M>>> {
    let backup_path = beside(path);
    let backup = content(&backup_path);
    // It is written after the journal: damaged or unreadable it still shows that there was one.
    let left_behind = backup
        .as_ref()
        .map_or(true, |bytes| bytes.as_ref().is_some_and(|bytes| !bytes.is_empty()));
    let backup = backup.ok().flatten();
    let copy = lines::<M::Fact>(backup.as_deref().unwrap_or(&[]));
    let bytes = content(path);
    let readable = readable(bytes.as_ref().ok().and_then(Option::as_ref), &copy);
    let unusable = |problem: JournalProblem| {
        Box::new(Unusable {
            path: path.to_owned(),
            backup: backed_up(&backup_path, &copy),
            told: Known::of(&readable),
            problem,
        })
    };
    let bytes = bytes.map_err(|e| unusable(e.into()))?;
    let beside = traces_beside(path, traces, left_behind);
    let Some(bytes) = bytes else {
        if beside.is_empty() {
            return Ok(Found::new());
        }
        let path = path.to_owned();
        return Err(unusable(JournalProblem::Missing { path, beside }));
    };
    let mut journal = lines(&bytes);
    let flaw = journal.flaw.take().or_else(|| story(&journal.records));
    if let Some(flaw) = flaw {
        return Err(unusable(flaw.of(path).into()));
    }
    if journal.records.is_empty() {
        // What a first write that was cut leaves behind.
        let torn = bytes.starts_with(HEAD) || HEAD.starts_with(&bytes);
        if torn && beside.is_empty() {
            return Ok(Found::new());
        }
        let path = path.to_owned();
        return Err(unusable(JournalProblem::Blank { path, beside }));
    }
    let same = journal.records.iter().zip(&copy.records).take_while(|(a, b)| a == b);
    let same = same.count();
    if same < journal.records.len().min(copy.records.len()) {
        return Err(unusable(JournalProblem::Differs {
            path: path.to_owned(),
            backup: backup_path.clone(),
            record: same + 1,
        }));
    }
    let mut found = Found {
        records: journal.records,
        length: journal.length as u64,
        backed_up: !copy.records.is_empty(),
        ..Found::new()
    };
    found.complete(copy);
    Ok(found)
}

impl<M: Memory> Found<M> {
    fn new() -> Self {
        Self {
            records: Vec::new(),
            length: 0,
            from_backup: 0,
            backed_up: false,
            missing: Vec::new(),
        }
    }

    /// Records at the end that the journal lost and its backup still has: it is the same story, so it goes on from there.
    fn complete(&mut self, copy: Lines<M::Fact>) {
        for record in copy.records.into_iter().skip(self.records.len()) {
            // What was read is written again as it was.
            let Ok(mut line) = serde_json::to_vec(&record) else {
                return;
            };
            line.push(b'\n');
            self.missing.extend(line);
            self.records.push(record);
            self.from_backup += 1;
        }
    }

    /// Opens the journal for a run that goes on from here.
    pub fn open(mut self, path: &Path, run: Uuid, fuse: Option<Fuse>) -> Result<Journal<M>, JournalError> {
        self.settle(path)?;
        let known = Known::of(&self.records);
        Journal::open(path, run, self.length, self.records.len() as u64, known, fuse)
    }

    /// Writes what only the backup has to the journal.
    fn settle(&mut self, path: &Path) -> Result<(), JournalError> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let failed = |source: io::Error| JournalError::Io {
            action: "complete",
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        file.set_len(self.length).map_err(failed)?;
        file.write_all(&self.missing).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        self.length += self.missing.len() as u64;
        self.missing.clear();
        Ok(())
    }
}

/// Every record that can be read somewhere.
fn readable<F: Clone + DeserializeOwned>(journal: Option<&Vec<u8>>, copy: &Lines<F>) -> Vec<Record<F>> {
    let lines = journal.into_iter().flat_map(|bytes| bytes.split(|b| *b == b'\n'));
    let records = lines.filter_map(|line| serde_json::from_slice(line).ok());
    copy.records.iter().cloned().chain(records).collect()
}

fn backed_up<F>(path: &Path, copy: &Lines<F>) -> Option<BackedUp> {
    let last = copy.records.last()?;
    Some(BackedUp {
        path: path.to_owned(),
        records: copy.records.len(),
        until: last.time,
    })
}

fn traces_beside(path: &Path, names: &[&str], backup: bool) -> Vec<String> {
    // A dangling link is a trace too.
    let is_there = |name: &&str| path.with_file_name(*name).symlink_metadata().is_ok();
    let mut traces: Vec<String> = names.iter().copied().filter(is_there).map(str::to_owned).collect();
    if backup {
        traces.push("its backup".to_owned());
    }
    traces
}

/// A journal tells the story of one cluster: every run begins by saying which, and its records follow.
fn story<F>(records: &[Record<F>]) -> Option<Flaw> {
    let mut cluster = None;
    let mut run = None;
    for (index, record) in records.iter().enumerate() {
        let flaw = |reason: &str| Some(Flaw::new(index + 1, reason));
        if let Entry::Run {
            cluster: name,
            cluster_id,
            ..
        } = &record.entry
        {
            run = Some(record.run);
            if *cluster.get_or_insert((name, cluster_id)) != (name, cluster_id) {
                return flaw("it is of another cluster than the lines before it");
            }
        } else if run != Some(record.run) {
            return flaw("it belongs to a run whose beginning is missing");
        }
    }
    None
}

#[cfg(test)]
mod tests;
