//! The form of the files: records, each with a checksum.
//!
//! A record is `length crc payload`, both numbers 32 bit little endian; the payload is a line of JSON and, unless the object
//! was removed, the object. Records whose line names no table describe the file: the head of a log says which version it
//! follows, head and end of a snapshot say how much is between them. Logs and snapshots of earlier releases have none of these
//! members, and those releases skip them.

use bytes::Bytes;
use serde::Deserialize;

/// The form of files that have heads and ends.
pub(super) const FORMAT: u32 = 2;
/// Bytes of a record before its payload: length and checksum.
const HEAD: usize = 8;
/// How the payload of every record begins.
const BEGIN: &[u8] = b"{\"revision\":";

/// One change as it is written.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) revision: u64,
    pub(crate) table: String,
    pub(crate) key: String,
    pub(crate) object: Option<Bytes>,
}

/// The line of JSON with which a payload begins.
#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) revision: u64,
    pub(super) table: String,
    pub(super) key: String,
    /// In the head of a file: the form of the file.
    #[serde(default)]
    pub(super) format: u32,
    /// In the head of a log: the version that its first record follows.
    #[serde(default)]
    pub(super) base: u64,
    /// In the end of a snapshot: the number of its objects.
    #[serde(default)]
    pub(super) objects: Option<u64>,
    /// In the end of a snapshot: checksum of everything before.
    #[serde(default)]
    pub(super) sum: u32,
}

/// A record that was read.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) line: Line,
    pub(super) object: Option<&'a [u8]>,
    /// Where the next one begins.
    pub(super) next: usize,
}

/// The record at a place, if it is whole and its checksum is right.
pub(super) fn frame(bytes: &[u8], at: usize) -> Option<Frame<'_>> {
    let head = bytes.get(at..at.checked_add(HEAD)?)?;
    let (length, sum) = head.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(sum.try_into().ok()?);
    let next = (at + HEAD).checked_add(length)?;
    let payload = bytes.get(at + HEAD..next)?;
    if checksum(payload) != sum {
        return None;
    }
    let end = payload.iter().position(|b| *b == b'\n').unwrap_or(payload.len());
    let (line, rest) = payload.split_at_checked(end)?;
    Some(Frame {
        line: serde_json::from_slice(line).ok()?,
        object: rest.get(1..),
        next,
    })
}

/// Where the next good record after a place begins.
pub(super) fn find(bytes: &[u8], after: usize) -> Option<usize> {
    let from = after.checked_add(1 + HEAD)?;
    let starts = bytes.get(from..)?.windows(BEGIN.len()).enumerate();
    let mut starts = starts.filter(|(_, window)| *window == BEGIN);
    starts.find_map(|(offset, _)| {
        let at = from + offset - HEAD;
        frame(bytes, at).map(|_| at)
    })
}

/// Appends a record of an object.
pub(super) fn encode(record: &Record, into: &mut Vec<u8>) {
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
    put(&payload, into);
}

/// Appends the head of a log whose first record follows version `base`.
pub(super) fn log_head(base: u64, into: &mut Vec<u8>) {
    let line = format!("{{\"revision\":0,\"table\":\"\",\"key\":\"\",\"format\":{FORMAT},\"base\":{base}}}");
    put(line.as_bytes(), into);
}

/// The content of a snapshot with all its records.
pub(super) fn snapshot(revision: u64, records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let line = format!("{{\"revision\":{revision},\"table\":\"\",\"key\":\"\",\"format\":{FORMAT}}}");
    put(line.as_bytes(), &mut bytes);
    for record in records {
        encode(record, &mut bytes);
    }
    let line = format!(
        "{{\"revision\":{revision},\"table\":\"\",\"key\":\"\",\"objects\":{},\"sum\":{}}}",
        records.len(),
        checksum(&bytes)
    );
    put(line.as_bytes(), &mut bytes);
    bytes
}

fn put(payload: &[u8], into: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("the store refuses objects long before they have 4 GiB");
    into.extend_from_slice(&length.to_le_bytes());
    into.extend_from_slice(&checksum(payload).to_le_bytes());
    into.extend_from_slice(payload);
}

pub(super) fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// How far a log has been acknowledged. Written behind every sync of the log and not synced itself: after a loss of power it
/// may say less than is true, never more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The log that is meant, by the version it follows.
    pub(super) base: u64,
    /// Bytes of it that are on disk; 0 before there is a log.
    pub(super) length: u64,
    /// Version of the last record in them.
    pub(super) revision: u64,
}

impl Mark {
    pub(super) fn to_bytes(self) -> [u8; 28] {
        let mut bytes = [0; 28];
        for (part, number) in bytes.chunks_exact_mut(8).zip([self.base, self.length, self.revision]) {
            part.copy_from_slice(&number.to_le_bytes());
        }
        let (numbers, sum) = bytes.split_at_mut(24);
        sum.copy_from_slice(&checksum(numbers).to_le_bytes());
        bytes
    }

    /// Reads a mark; nothing if its checksum is wrong.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, sum) = bytes.split_at_checked(24)?;
        if checksum(numbers).to_le_bytes() != *sum {
            return None;
        }
        let mut numbers = numbers.chunks_exact(8).map(|n| n.try_into().map(u64::from_le_bytes));
        let mut number = || numbers.next()?.ok();
        Some(Self {
            base: number()?,
            length: number()?,
            revision: number()?,
        })
    }
}
