//! A reader of small ISO 9660 volumes: the label, and the files of the root directory.
//!
//! Names come from Joliet where the volume has it, else from Rock Ridge, else from the directory itself.

use std::collections::BTreeMap;

/// What a volume holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Iso {
    /// The label of the volume.
    pub label: String,
    /// The files of the root directory.
    pub files: BTreeMap<String, Vec<u8>>,
    /// It has a boot catalog (El Torito).
    pub bootable: bool,
}

const SECTOR: usize = 2048;
/// The volume descriptors begin at this sector.
const FIRST: usize = 16;
/// More descriptors than any real volume has.
const MOST: usize = 32;

impl Iso {
    /// Reads a volume; `None`: these bytes are none, or are cut off.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (mut primary, mut joliet, mut bootable) = (None, None, false);
        for number in FIRST..FIRST + MOST {
            let descriptor = sector(bytes, number)?;
            if &descriptor[1..6] != b"CD001" {
                return None;
            }
            match descriptor[0] {
                0 => bootable |= descriptor[7..].starts_with(b"EL TORITO SPECIFICATION"),
                1 => primary = Some(descriptor),
                2 if matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E") => joliet = Some(descriptor),
                255 => break,
                _ => {}
            }
        }
        let primary = primary?;
        let size = usize::try_from(little(primary, 80)?).ok()?;
        if bytes.len() < size.checked_mul(SECTOR)? {
            return None;
        }
        let label = latin(&primary[40..72]);
        let label = match joliet {
            Some(descriptor) if label.is_empty() => utf16(&descriptor[40..72]),
            _ => label,
        };
        Some(Self {
            label: label.trim_end().to_owned(),
            files: files(bytes, joliet.unwrap_or(primary), joliet.is_some())?,
            bootable,
        })
    }
}

fn files(bytes: &[u8], descriptor: &[u8], joliet: bool) -> Option<BTreeMap<String, Vec<u8>>> {
    let directory = extent(bytes, &descriptor[156..190])?;
    let mut files = BTreeMap::new();
    let mut at = 0;
    while at < directory.len() {
        let length = usize::from(directory[at]);
        if length == 0 {
            // Records do not cross sectors: the rest of this one is empty.
            at = (at / SECTOR + 1) * SECTOR;
            continue;
        }
        let record = directory.get(at..at + length)?;
        at += length;
        let is_directory = record.get(25)? & 2 != 0;
        if is_directory {
            continue;
        }
        let name_length = usize::from(*record.get(32)?);
        let name = record.get(33..33 + name_length)?;
        let own = if joliet { utf16(name) } else { latin(name) };
        let own = own.split(';').next().unwrap_or("").trim_end_matches('.').to_owned();
        let system_use = 33 + name_length + usize::from(name_length % 2 == 0);
        let rock_ridge = record.get(system_use..).and_then(alternate_name);
        let name = match rock_ridge {
            Some(name) if !joliet => name,
            _ => own,
        };
        files.insert(name, extent(bytes, record)?.to_vec());
    }
    Some(files)
}

/// The name in the Rock Ridge entries of a directory record.
fn alternate_name(mut entries: &[u8]) -> Option<String> {
    let mut name = String::new();
    while entries.len() > 4 {
        let length = usize::from(entries[2]);
        let entry = entries.get(..length).filter(|entry| entry.len() >= 4)?;
        if entry.starts_with(b"NM") {
            name.push_str(&latin(entry.get(5..)?));
        }
        entries = &entries[length..];
    }
    (!name.is_empty()).then_some(name)
}

/// The data that a directory record points to.
fn extent<'a>(bytes: &'a [u8], record: &[u8]) -> Option<&'a [u8]> {
    let start = usize::try_from(little(record, 2)?).ok()?.checked_mul(SECTOR)?;
    let length = usize::try_from(little(record, 10)?).ok()?;
    bytes.get(start..start.checked_add(length)?)
}

fn sector(bytes: &[u8], number: usize) -> Option<&[u8]> {
    bytes.get(number * SECTOR..(number + 1) * SECTOR)
}

fn little(bytes: &[u8], at: usize) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_le_bytes(four))
}

fn latin(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| char::from(*byte))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

fn utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
        .collect();
    String::from_utf16_lossy(&units).trim_end().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use hadris_iso::read::PathSeparator;
    use hadris_iso::write::options::{CreationFeatures, IsoFormatOptions};
    use hadris_iso::write::{InputEntry, InputTree, IsoImageWriter};

    use super::*;

    /// A volume as others write it.
    pub(crate) fn volume(label: &str, files: &[(&str, &str)]) -> Vec<u8> {
        let entries = files
            .iter()
            .map(|(name, text)| InputEntry::file(*name, (*text).to_owned()));
        let tree = InputTree::new(PathSeparator::ForwardSlash, entries.collect());
        let options = IsoFormatOptions {
            volume_name: label.to_owned(),
            system_id: None,
            volume_set_id: None,
            publisher_id: None,
            preparer_id: None,
            application_id: None,
            sector_size: 2048,
            features: CreationFeatures::extensions(),
            path_separator: PathSeparator::ForwardSlash,
            strict_charset: false,
        };
        let space = Cursor::new(vec![0; 1 << 20]);
        IsoImageWriter::create(space, tree, options).unwrap().into_inner()
    }

    #[test]
    fn the_files_of_a_volume_are_read_with_their_names() {
        let long = "x".repeat(5000);
        let bytes = volume(
            "cidata",
            &[("meta-data", "instance-id: a\n"), ("network-config", &long)],
        );
        let iso = Iso::read(&bytes).unwrap();
        assert_eq!(iso.label, "cidata");
        assert!(!iso.bootable);
        assert_eq!(iso.files["meta-data"], b"instance-id: a\n");
        assert_eq!(iso.files["network-config"], long.as_bytes());
        assert_eq!(iso.files.len(), 2);
    }

    #[test]
    fn what_is_no_volume_or_breaks_off_is_not_read() {
        let bytes = volume("cidata", &[("meta-data", "a")]);
        assert_eq!(Iso::read(&bytes[..40_000]), None);
        assert_eq!(Iso::read(&vec![0; 100_000]), None);
        assert_eq!(Iso::read(b""), None);
    }
}
