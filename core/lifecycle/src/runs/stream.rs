//! Reads the events of a run from its file, while it is written or afterwards.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
};

use butler_api::event::{Body, Event, SCHEMA_VERSION};
use serde::Deserialize;

/// The longest line that is taken: the graph of some thousand machines fits many times.
const LONGEST: usize = 64 << 20;

/// Bytes that are read at a time.
const CHUNK: usize = 256 << 10;

/// A file of events, read from its beginning.
#[derive(Debug)]
pub struct Stream {
    path: PathBuf,
    file: File,
    /// What was read and is no whole line yet.
    rest: Vec<u8>,
    /// Lines that were read.
    lines: u64,
    /// The number of the last event.
    seq: Option<u64>,
}

/// Something that a file says.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An event.
    Event(Box<Event>),
    /// A line that tells something which this release does not know; it is no damage.
    Unknown {
        /// Number of the line, from 1.
        line: u64,
        /// Its code.
        code: String,
    },
    /// A line that cannot be read.
    Damaged {
        /// Number of the line, from 1.
        line: u64,
        /// Why not.
        why: String,
    },
    /// Events that were never written, or were lost.
    Missing {
        /// Number of the first one.
        from: u64,
        /// Number of the last one.
        to: u64,
    },
}

/// Why events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The file cannot be opened or read.
    #[error("cannot read the events in {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is a folder or a device.
    #[error("{} is no file of events", path.display())]
    NoFile {
        /// What it is not.
        path: PathBuf,
    },
    /// It was written by a later release.
    #[error("{}: its events have version {version}; this release reads version {SCHEMA_VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// A line does not end.
    #[error("{}: line {line} does not end within {} MiB", path.display(), LONGEST >> 20)]
    Endless {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
    },
}

impl StreamError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

impl Stream {
    /// Opens a file of events.
    pub fn open(path: &Path) -> Result<Self, StreamError> {
        let failed = |source| StreamError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(StreamError::NoFile { path: path.to_owned() });
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            rest: Vec::new(),
            lines: 0,
            seq: None,
        })
    }

    /// What was written since the last call, at most some hundred kilobytes of it; empty at the end of what there is.
    pub fn read(&mut self) -> Result<Vec<Item>, StreamError> {
        let mut items = Vec::new();
        while items.is_empty() {
            let mut chunk = vec![0; CHUNK];
            let count = self.file.read(&mut chunk).map_err(|source| StreamError::Io {
                path: self.path.clone(),
                source,
            })?;
            if count == 0 {
                break;
            }
            self.take(&chunk[..count], &mut items)?;
        }
        Ok(items)
    }

    /// Whether something was written since it was last read.
    pub fn has_more(&mut self) -> Result<bool, StreamError> {
        let failed = |source| StreamError::Io {
            path: self.path.clone(),
            source,
        };
        let length = self.file.metadata().map_err(failed)?.len();
        let read = self.file.stream_position().map_err(failed)?;
        Ok(length > read)
    }

    /// What a last line without an end tells, where nobody writes any more: an interrupted write leaves a part of it, an editor
    /// all of it.
    pub fn rest(&mut self) -> Result<Vec<Item>, StreamError> {
        let mut items = Vec::new();
        if !self.rest.is_empty() {
            self.lines += 1;
            let line = std::mem::take(&mut self.rest);
            self.line(&line, &mut items)?;
        }
        Ok(items)
    }

    fn take(&mut self, bytes: &[u8], items: &mut Vec<Item>) -> Result<(), StreamError> {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.rest.extend_from_slice(part);
            if self.rest.len() > LONGEST {
                return Err(StreamError::Endless {
                    path: self.path.clone(),
                    line: self.lines + 1,
                });
            }
            if parts.peek().is_some() {
                self.lines += 1;
                let line = std::mem::take(&mut self.rest);
                self.line(&line, items)?;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], items: &mut Vec<Item>) -> Result<(), StreamError> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let head = serde_json::from_slice::<Head>(line).ok();
        if let Some(Head { v: Some(version), .. }) = head
            && version > SCHEMA_VERSION
        {
            return Err(StreamError::Version {
                path: self.path.clone(),
                version,
            });
        }
        let number = self.lines;
        let seq = head.as_ref().and_then(|head| head.seq);
        let item = match serde_json::from_slice::<Event>(line) {
            Ok(event) => Item::Event(Box::new(event)),
            Err(error) => match head.and_then(|head| head.code) {
                Some(code) if !Body::CODES.contains(&code.as_str()) => Item::Unknown { line: number, code },
                _ => Item::Damaged {
                    line: number,
                    why: error.to_string(),
                },
            },
        };
        items.extend(self.gap(seq, &item));
        items.push(item);
        Ok(())
    }

    /// What is missing before this line. A stream that begins anew (two runs in one file) begins with 1.
    fn gap(&mut self, seq: Option<u64>, item: &Item) -> Option<Item> {
        let last = self.seq;
        if matches!(item, Item::Damaged { .. }) {
            // What it was is lost, and it is said already.
            self.seq = seq.or(last.map(|last| last.saturating_add(1)));
            return None;
        }
        self.seq = seq.or(last);
        let (from, to) = (last?.checked_add(1)?, seq?.checked_sub(1)?);
        (from <= to).then_some(Item::Missing { from, to })
    }
}

/// What a line of any release has.
#[derive(Deserialize)]
struct Head {
    v: Option<u32>,
    seq: Option<u64>,
    code: Option<String>,
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const BEAT: &str = r#"{"v":1,"seq":SEQ,"time":"2026-11-29T12:00:00Z","run":"00000000-0000-0000-0000-000000000000","cluster":"demo","code":"run.heartbeat"}"#;

    fn beat(seq: u64) -> String {
        BEAT.replace("SEQ", &seq.to_string()) + "\n"
    }

    fn words(items: &[Item]) -> Vec<String> {
        let word = |item: &Item| match item {
            Item::Event(event) => format!("{}", event.seq),
            Item::Unknown { line, code } => format!("line {line}: {code}"),
            Item::Damaged { line, .. } => format!("line {line} damaged"),
            Item::Missing { from, to } => format!("{from}-{to} missing"),
        };
        items.iter().map(word).collect()
    }

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, text).unwrap();
        let mut stream = Stream::open(&path).unwrap();
        let mut all = Vec::new();
        loop {
            let items = stream.read().unwrap();
            if items.is_empty() {
                return (words(&all), words(&stream.rest().unwrap()));
            }
            all.extend(items);
        }
    }

    #[test]
    fn what_a_later_release_says_is_skipped_and_damage_is_told() {
        let later = beat(3).replace("run.heartbeat", "run.dreamt");
        let text = [
            beat(1),
            beat(2),
            later,
            "{\"v\":1,\"seq\":4,\n".to_owned(),
            beat(5),
            beat(9),
        ]
        .concat();
        let (items, rest) = read(&text);
        assert_eq!(
            items,
            [
                "1",
                "2",
                "line 3: run.dreamt",
                "line 4 damaged",
                "5",
                "6-8 missing",
                "9"
            ]
        );
        assert_eq!(rest, [""; 0]);
    }

    #[test]
    fn a_torn_end_and_a_second_run_are_no_riddles() {
        let (items, rest) = read(&[beat(1), beat(2), beat(1), "{\"v\":1,\"se".to_owned()].concat());
        assert_eq!(items, ["1", "2", "1"]);
        assert_eq!(rest, ["line 4 damaged"]);
        let (items, rest) = read([beat(1), beat(2)].concat().trim_end());
        assert_eq!((items, rest), (vec!["1".to_owned()], vec!["2".to_owned()]));
    }

    #[test]
    fn a_file_is_followed_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut file = File::create(&path).unwrap();
        let mut stream = Stream::open(&path).unwrap();
        assert_eq!(stream.read().unwrap(), []);
        let (first, second) = (beat(1), beat(2));
        file.write_all(first.as_bytes()).unwrap();
        file.write_all(&second.as_bytes()[..20]).unwrap();
        assert_eq!(words(&stream.read().unwrap()), ["1"]);
        assert_eq!(stream.read().unwrap(), []);
        file.write_all(&second.as_bytes()[20..]).unwrap();
        assert_eq!(words(&stream.read().unwrap()), ["2"]);
    }

    #[test]
    fn a_later_version_and_what_is_no_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Stream::open(folder.path()), Err(StreamError::NoFile { .. })));
        let path = folder.path().join("events");
        assert!(Stream::open(&path).unwrap_err().is_missing());
        std::fs::write(&path, beat(1).replace("\"v\":1", "\"v\":2")).unwrap();
        let error = Stream::open(&path).unwrap().read().unwrap_err();
        assert!(matches!(error, StreamError::Version { version: 2, .. }), "{error}");
    }
}
