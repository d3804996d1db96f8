//! Reading the folder. What was acknowledged is read, or an error names the file that has lost it; a record that was being written
//! when the process ended was never acknowledged and is cut off.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use bytes::Bytes;

use super::error::{Damage, StoreError, failed};
use super::frame::{FORMAT, Frame, Mark, checksum, find, frame};

/// The files of the folder.
pub(super) const LOG: &str = "log";
pub(super) const SNAPSHOT: &str = "snapshot";
pub(super) const MARK: &str = "acknowledged";

/// An object as it stands in a file.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) bytes: Bytes,
    pub(super) revision: u64,
    pub(super) file: &'static str,
    /// The place in the file where its record begins.
    pub(super) at: usize,
}

/// The content of the folder.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) revision: u64,
    pub(super) objects: HashMap<(String, String), Stored>,
    pub(super) snapshot_length: u64,
    pub(super) log: LoadedLog,
}

/// What loading finds out about the log.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoadedLog {
    /// Bytes up to the end of the last whole record.
    pub(super) length: u64,
    /// The version that its first record follows; nothing if the log has no head.
    pub(super) base: Option<u64>,
    /// The version of its last record, or what that would follow.
    pub(super) last: u64,
}

/// The version of an empty store: none is ever 0, which has a meaning of its own in requests.
pub(super) const FIRST: u64 = 1;

/// Reads the folder, cutting off a torn end of the log. Whoever calls has the lock.
pub(super) fn load(folder: &Path) -> Result<Loaded, StoreError> {
    let mark = mark(&folder.join(MARK))?;
    let mut loaded = Loaded {
        revision: FIRST,
        ..Loaded::default()
    };
    let snapshot = folder.join(SNAPSHOT);
    let mut floor = None;
    if let Some(bytes) = read_if_there(&snapshot)? {
        read_snapshot(&bytes, &mut loaded).map_err(|(at, what)| Damage::at(&snapshot, at, what))?;
        loaded.snapshot_length = bytes.len() as u64;
        floor = Some(loaded.revision);
    }
    let path = folder.join(LOG);
    let Some(bytes) = read_if_there(&path)? else {
        if floor.is_some() || mark.is_some_and(|m| m.length > 0) {
            return Err(Damage::of(&path, "is missing").into());
        }
        return Ok(loaded);
    };
    let read = read_log(&bytes, floor, mark, &mut loaded).map_err(|wrong| match wrong {
        Wrong::Log(at, what) => Damage::at(&path, at, what),
        Wrong::Snapshot(what) => Damage::of(&snapshot, what),
        Wrong::Mark => Damage::of(&folder.join(MARK), "is missing"),
    })?;
    loaded.log = read;
    let good = read.length;
    if good < bytes.len() as u64 {
        tracing::warn!(path = %path.display(), cut = bytes.len() as u64 - good, "the log has a torn end");
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(failed("cannot open", &path))?;
        file.set_len(good)
            .and_then(|()| file.sync_all())
            .map_err(failed("cannot truncate", &path))?;
    }
    Ok(loaded)
}

fn mark(path: &Path) -> Result<Option<Mark>, StoreError> {
    let Some(bytes) = read_if_there(path)? else {
        return Ok(None);
    };
    let mark = Mark::from_bytes(&bytes).ok_or_else(|| Damage::at(path, 0, "its checksum is wrong"))?;
    Ok(Some(mark))
}

/// A place and what is wrong there.
type Fault = (usize, String);

/// The damage of a file, with the place in it.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Log(usize, String),
    Snapshot(String),
    Mark,
}

const BROKEN: &str = "no whole record with a good checksum is here";

fn read_snapshot(bytes: &[u8], loaded: &mut Loaded) -> Result<(), Fault> {
    let head = frame(bytes, 0).ok_or_else(|| (0, BROKEN.to_owned()))?;
    if !head.line.table.is_empty() {
        return Err((0, "its head is missing".to_owned()));
    }
    newer(&head.line, 0)?;
    loaded.revision = loaded.revision.max(head.line.revision);
    let mut at = head.next;
    let mut ended = head.line.format == 0;
    while at < bytes.len() {
        let frame = frame(bytes, at).ok_or_else(|| (at, BROKEN.to_owned()))?;
        let next = frame.next;
        if let Some(objects) = frame.line.objects {
            let whole = bytes.get(..at).is_some_and(|before| checksum(before) == frame.line.sum);
            if !whole || objects != loaded.objects.len() as u64 {
                return Err((
                    at,
                    format!("{} objects are before it, not {objects}", loaded.objects.len()),
                ));
            }
            ended = next == bytes.len();
        } else {
            keep(frame, SNAPSHOT, at, loaded);
        }
        at = next;
    }
    if ended {
        Ok(())
    } else {
        Err((at, "its end is missing".to_owned()))
    }
}

fn newer(line: &super::frame::Line, at: usize) -> Result<(), Fault> {
    if line.format > FORMAT {
        return Err((at, format!("is of form {}, which a newer release writes", line.format)));
    }
    Ok(())
}

/// Applies the records that are newer than the snapshot, `floor`, until the end or a torn record.
fn read_log(bytes: &[u8], floor: Option<u64>, mark: Option<Mark>, loaded: &mut Loaded) -> Result<LoadedLog, Wrong> {
    let held = floor.unwrap_or(FIRST);
    let mut at = 0;
    let mut log = LoadedLog {
        last: FIRST,
        ..LoadedLog::default()
    };
    while let Some(frame) = frame(bytes, at) {
        let line = &frame.line;
        newer(line, at).map_err(|(at, what)| Wrong::Log(at, what))?;
        if line.table.is_empty() {
            if line.base > held {
                return Err(Wrong::Snapshot(match floor {
                    None => format!("is missing; the log follows version {}", line.base),
                    Some(held) => format!("is of version {held}, older than {}, which the log follows", line.base),
                }));
            }
            log.base.get_or_insert(line.base);
            log.last = log.last.max(line.base);
        } else {
            follows(line.revision, log, floor).map_err(|what| Wrong::Log(at, what))?;
            log.last = line.revision;
        }
        let next = frame.next;
        // A snapshot may be newer than records that were still on their way to the log.
        if frame.line.revision > held {
            loaded.revision = loaded.revision.max(frame.line.revision);
            keep(frame, LOG, at, loaded);
        }
        at = next;
    }
    log.length = at as u64;
    whole(bytes, at, log, mark)?;
    Ok(log)
}

/// Whether a record may stand where it does: versions have no gaps, but for what the snapshot holds.
fn follows(revision: u64, log: LoadedLog, floor: Option<u64>) -> Result<(), String> {
    let expected = log.last.saturating_add(1);
    // Earlier releases did not say what a log follows; after a snapshot theirs may jump.
    let unknown = log.base.is_none() && floor.is_some();
    let bridged = floor.is_some_and(|held| revision <= held.saturating_add(1));
    if revision == expected || revision > expected && (bridged || unknown) {
        return Ok(());
    }
    Err(format!("version {revision} stands where {expected} belongs"))
}

/// Whether everything that was acknowledged is in the good part of a log.
fn whole(bytes: &[u8], good: usize, log: LoadedLog, mark: Option<Mark>) -> Result<(), Wrong> {
    let broken = || Err(Wrong::Log(good, BROKEN.to_owned()));
    if mark.is_none() && log.base.is_some() {
        return Err(Wrong::Mark);
    }
    let Some(mark) = mark.filter(|m| m.length > 0) else {
        let torn = good > 0 && find(bytes, good).is_none();
        return if torn || bytes.is_empty() || good == bytes.len() {
            Ok(())
        } else {
            broken()
        };
    };
    let Some(base) = log.base else {
        return if bytes.is_empty() {
            Err(Wrong::Log(0, "is empty".to_owned()))
        } else if good == 0 {
            broken()
        } else {
            Err(Wrong::Log(0, "its head is missing".to_owned()))
        };
    };
    if mark.base > base {
        let what = format!("follows version {base}, the one in use followed {}", mark.base);
        return Err(Wrong::Log(0, what));
    }
    // The mark of an earlier log says nothing of this one: the process ended between the two.
    let lost = mark.base == base && (mark.length > good as u64 || mark.revision > log.last);
    if lost && good == bytes.len() {
        return Err(Wrong::Log(
            good,
            format!("ends before byte {}, which was acknowledged", mark.length),
        ));
    }
    if lost || good < bytes.len() && find(bytes, good).is_some() {
        return broken();
    }
    Ok(())
}

/// Applies one record to the objects that are loaded.
fn keep(frame: Frame<'_>, file: &'static str, at: usize, loaded: &mut Loaded) {
    let Frame { line, object, .. } = frame;
    if line.table.is_empty() {
        return;
    }
    let key = (line.table, line.key);
    match object {
        Some(object) => {
            let stored = Stored {
                bytes: Bytes::copy_from_slice(object),
                revision: line.revision,
                file,
                at,
            };
            loaded.objects.insert(key, stored);
        }
        None => {
            loaded.objects.remove(&key);
        }
    }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.read_to_end(&mut bytes).map_err(|error| match error.kind() {
                ErrorKind::IsADirectory => StoreError::from(Damage::of(path, "is a folder")),
                _ => failed("cannot read", path)(error).into(),
            })?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("cannot open", path)(error).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{Record, encode, log_head, snapshot};
    use super::*;

    fn record(revision: u64, key: &str, object: Option<&'static str>) -> Record {
        Record {
            revision,
            table: "t".into(),
            key: key.into(),
            object: object.map(|o| Bytes::from_static(o.as_bytes())),
        }
    }

    /// A log of three records behind version 1, and where each of them ends.
    fn log() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = Vec::new();
        log_head(1, &mut bytes);
        let mut ends = vec![bytes.len()];
        for (revision, key) in [(2, "a"), (3, "b"), (4, "c")] {
            encode(&record(revision, key, Some("{\"x\":1}")), &mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn mark_at(length: usize, revision: u64) -> Mark {
        Mark {
            base: 1,
            length: length as u64,
            revision,
        }
    }

    fn read(bytes: &[u8], mark: Option<Mark>) -> Result<(LoadedLog, Loaded), Wrong> {
        let mut loaded = Loaded::default();
        read_log(bytes, None, mark, &mut loaded).map(|log| (log, loaded))
    }

    #[test]
    fn a_torn_end_that_nobody_was_told_of_is_dropped_at_every_length_and_nothing_before_it() {
        let (bytes, ends) = log();
        for cut in ends[2]..bytes.len() {
            let (log, loaded) = read(&bytes[..cut], Some(mark_at(ends[2], 3))).unwrap();
            assert_eq!(log.length, ends[2] as u64);
            assert_eq!((loaded.objects.len(), loaded.revision), (2, 3));
        }
    }

    #[test]
    fn what_was_acknowledged_and_is_cut_off_is_told_at_every_length() {
        let (bytes, _) = log();
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut], Some(mark_at(bytes.len(), 4))).is_err(), "{cut}");
        }
    }

    /// A flipped bit lost everything behind it without a word.
    #[test]
    fn every_flipped_bit_is_told() {
        let (bytes, _) = log();
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bad, Some(mark_at(bytes.len(), 4))).is_err(), "bit {bit}");
        }
    }

    /// After a loss of power the mark may say too little: what stands behind the damage shows it.
    #[test]
    fn a_flipped_bit_behind_the_mark_is_told_if_good_records_follow() {
        let (bytes, ends) = log();
        for at in ends[1]..ends[2] {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert_eq!(
                read(&bad, Some(mark_at(ends[1], 2))).unwrap_err(),
                Wrong::Log(ends[1], BROKEN.to_owned()),
                "byte {at}"
            );
        }
    }

    #[test]
    fn every_piece_that_is_removed_from_the_middle_is_told() {
        let (bytes, ends) = log();
        for from in 0..ends[2] {
            for to in [from + 1, ends[1], ends[2], bytes.len() - 1] {
                if to <= from {
                    continue;
                }
                let bad = [&bytes[..from], &bytes[to..]].concat();
                assert!(read(&bad, Some(mark_at(bytes.len(), 4))).is_err(), "{from}..{to}");
                // Without the end of it the mark cannot tell; versions do, wherever whole records are left.
                let behind = read(&bad, Some(mark_at(ends[0], 1)));
                assert!(behind.is_err() || to > ends[2], "{from}..{to}");
            }
        }
    }

    #[test]
    fn a_log_of_zeros_or_of_nothing_is_told() {
        let (bytes, _) = log();
        for length in [0, 1, 8, bytes.len(), 4096] {
            assert!(
                read(&vec![0; length], Some(mark_at(bytes.len(), 4))).is_err(),
                "{length}"
            );
            // Of an earlier release only an empty one is good: it is new.
            assert_eq!(read(&vec![0; length], None).is_err(), length > 0, "{length}");
        }
    }

    #[test]
    fn a_missing_or_older_snapshot_is_told() {
        let mut bytes = Vec::new();
        log_head(7, &mut bytes);
        let mut loaded = Loaded::default();
        let wrong = read_log(&bytes, None, Some(mark_at(bytes.len(), 7)), &mut loaded).unwrap_err();
        assert_eq!(wrong, Wrong::Snapshot("is missing; the log follows version 7".into()));
        let wrong = read_log(&bytes, Some(5), Some(mark_at(bytes.len(), 7)), &mut loaded).unwrap_err();
        assert!(matches!(wrong, Wrong::Snapshot(what) if what.contains("version 5")));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_a_snapshot_is_told() {
        let records = [record(3, "a", Some("{}")), record(5, "b", Some("{}"))];
        let bytes = snapshot(6, &records);
        let mut loaded = Loaded::default();
        read_snapshot(&bytes, &mut loaded).unwrap();
        assert_eq!((loaded.objects.len(), loaded.revision), (2, 6));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(read_snapshot(&bad, &mut Loaded::default()).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(read_snapshot(&bytes[..cut], &mut Loaded::default()).is_err(), "{cut}");
        }
        assert!(read_snapshot(&[&bytes[..], &[0; 9]].concat(), &mut Loaded::default()).is_err());
    }

    #[test]
    fn records_older_than_the_snapshot_change_nothing_and_it_bridges_a_gap() {
        let mut bytes = Vec::new();
        log_head(2, &mut bytes);
        encode(&record(3, "gone", Some("{}")), &mut bytes);
        encode(&record(6, "a", Some("{}")), &mut bytes);
        let mark = Some(Mark {
            base: 2,
            length: bytes.len() as u64,
            revision: 6,
        });
        let mut loaded = Loaded::default();
        read_log(&bytes, Some(5), mark, &mut loaded).unwrap();
        assert_eq!(loaded.objects.keys().map(|k| k.1.as_str()).collect::<Vec<_>>(), ["a"]);
        assert!(
            read_log(&bytes, Some(4), mark, &mut Loaded::default()).is_err(),
            "5 is in neither"
        );
    }

    #[test]
    fn a_log_of_an_earlier_release_reads_and_its_damage_is_told() {
        let (bytes, ends) = log();
        let old = &bytes[ends[0]..];
        let (log, loaded) = read(old, None).unwrap();
        assert_eq!((log.base, log.last, loaded.objects.len()), (None, 4, 3));
        let torn = &old[..old.len() - 1];
        assert_eq!(read(torn, None).unwrap().1.objects.len(), 2);
        let second = ends[1] - ends[0];
        for at in 0..ends[2] - ends[0] {
            let mut bad = old.to_vec();
            bad[at] ^= 1;
            assert!(read(&bad, None).is_err(), "byte {at}");
        }
        assert!(read(&old[second..], None).is_err(), "the first record is gone");
    }

    #[test]
    fn a_mark_of_an_earlier_log_says_nothing_and_one_of_a_later_log_is_told() {
        let mut bytes = Vec::new();
        log_head(4, &mut bytes);
        let mark = |base| {
            Some(Mark {
                base,
                length: 9999,
                revision: 3,
            })
        };
        assert!(read_log(&bytes, Some(4), mark(1), &mut Loaded::default()).is_ok());
        assert!(read_log(&bytes, Some(4), mark(5), &mut Loaded::default()).is_err());
        assert_eq!(
            read_log(&bytes, Some(4), None, &mut Loaded::default()),
            Err(Wrong::Mark)
        );
    }
}
