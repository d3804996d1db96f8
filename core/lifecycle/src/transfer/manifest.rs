//! What an archive says of itself. Pure.

use std::{
    collections::BTreeSet,
    path::{Component, Path},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Version of the archive's format.
pub const FORMAT: u32 = 1;

/// Name of the manifest in the archive.
pub(super) const NAME: &str = "manifest.json";

/// The folder in the archive that the files of the state folder are in.
const FOLDER: &str = "state";

/// The most that a manifest may have, in bytes.
pub(super) const LARGEST: u64 = 8 << 20;

/// The most files that an archive may hold.
const MOST_FILES: usize = 20_000;

/// The most that all files of an archive may have together, in bytes.
const MOST_BYTES: u64 = 1 << 30;

/// The longest name of a cluster: that of a DNS label.
const LONGEST_NAME: usize = 63;

/// The first file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of the program that wrote it.
    pub program: String,
    /// Name of the cluster.
    pub cluster: String,
    /// Its identity.
    pub cluster_id: Uuid,
    /// Which export this is; the home that it came from says the same.
    pub export: Uuid,
    /// When it was exported.
    pub at: Timestamp,
    /// The computer that it was exported on.
    pub host: String,
    /// The files that follow, in this order.
    pub files: Vec<Listed>,
}

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    /// Its path in the state folder, with `/` between names.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// Why a manifest is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A later release wrote it.
    #[error("its format is {0}, this program knows {FORMAT}")]
    Newer(u32),
    /// It is no manifest.
    #[error("its manifest cannot be read: {0}")]
    Unreadable(String),
    /// No release of this program writes such a manifest.
    #[error("its manifest is not acceptable: {0}")]
    Unacceptable(String),
}

/// What every later format has too.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    /// Reads a manifest; nothing in it is believed.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let unreadable = |error: serde_json::Error| ManifestError::Unreadable(error.to_string());
        let Version { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format > FORMAT {
            return Err(ManifestError::Newer(format));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        manifest.check().map_err(ManifestError::Unacceptable)?;
        Ok(manifest)
    }

    /// What must hold of every manifest, of one that is written as of one that is read.
    pub(super) fn check(&self) -> Result<(), String> {
        if !is_cluster_name(&self.cluster) {
            return Err(format!("{:?} is no name of a cluster", self.cluster));
        }
        if self.files.len() > MOST_FILES {
            return Err(format!("more than {MOST_FILES} files"));
        }
        let mut left = MOST_BYTES;
        let mut paths = BTreeSet::new();
        for file in &self.files {
            left = left
                .checked_sub(file.size)
                .ok_or_else(|| format!("more than {} MiB", MOST_BYTES >> 20))?;
            if !stays_inside(&file.path) {
                return Err(format!("{:?} leads out of the state folder", file.path));
            }
            if !paths.insert(file.path.as_str()) {
                return Err(format!("{:?} is listed twice", file.path));
            }
        }
        Ok(())
    }

    /// The path of a file in the archive.
    pub(super) fn place(file: &Listed) -> String {
        format!("{FOLDER}/{}", file.path)
    }
}

/// Whether a path is one of plain names below a folder, written in the one way that this program writes it.
fn stays_inside(path: &str) -> bool {
    let plain = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    plain
        && path
            .split('/')
            .all(|name| !name.is_empty() && name != "." && !name.contains('\0'))
}

/// The name becomes that of a folder, so no more is accepted than a configuration may have.
fn is_cluster_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A manifest of these paths, each of a file of one byte.
    pub(in crate::transfer) fn manifest(paths: &[&str]) -> Manifest {
        let file = |path: &&str| Listed {
            path: (*path).to_owned(),
            size: 1,
            sha256: String::new(),
        };
        Manifest {
            format: FORMAT,
            program: "1.0.0".to_owned(),
            cluster: "demo".to_owned(),
            cluster_id: Uuid::from_u128(7),
            export: Uuid::from_u128(8),
            at: Timestamp::UNIX_EPOCH,
            host: "here".to_owned(),
            files: paths.iter().map(file).collect(),
        }
    }

    fn parsed(manifest: &Manifest) -> Result<(), String> {
        let text = serde_json::to_vec(manifest).unwrap();
        Manifest::parse(&text).map(|_| ()).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let manifest = manifest(&["journal.ndjson", "bootstrap-cluster/store/log"]);
        let text = serde_json::to_vec(&manifest).unwrap();
        assert_eq!(Manifest::parse(&text), Ok(manifest));
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for path in [
            "../x",
            "/etc/x",
            "a/../../x",
            "a/./b",
            "./a",
            "a//b",
            "a/",
            "",
            ".",
            "..",
            "a\0b",
        ] {
            let refused = parsed(&manifest(&[path])).unwrap_err();
            assert!(refused.contains("leads out"), "{path}: {refused}");
        }
        assert!(parsed(&manifest(&["a", "a"])).unwrap_err().contains("twice"));
        assert_eq!(parsed(&manifest(&["a", "b/..c", "b/c.d"])), Ok(()));
    }

    #[test]
    fn a_name_that_is_no_clusters_is_refused() {
        let named = |name: &str| {
            parsed(&Manifest {
                cluster: name.to_owned(),
                ..manifest(&[])
            })
        };
        for name in ["", "..", "a/b", "A", "-a", "a-", ".import-x", &"a".repeat(64)] {
            assert!(named(name).unwrap_err().contains("no name of a cluster"), "{name}");
        }
        assert_eq!(named("2024-mgmt"), Ok(()));
    }

    #[test]
    fn no_more_is_promised_than_is_taken() {
        let mut large = manifest(&["a", "b"]);
        large.files[0].size = MOST_BYTES;
        assert!(parsed(&large).unwrap_err().contains("more than 1024 MiB"));
        large.files[0].size = u64::MAX;
        assert!(parsed(&large).unwrap_err().contains("more than 1024 MiB"));
        let names: Vec<String> = (0..=MOST_FILES).map(|n| n.to_string()).collect();
        let many = manifest(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(parsed(&many).unwrap_err().contains("more than 20000 files"));
    }

    #[test]
    fn a_later_format_is_told_from_damage() {
        assert_eq!(
            Manifest::parse(br#"{"format": 2, "content": []}"#),
            Err(ManifestError::Newer(2))
        );
        assert!(matches!(Manifest::parse(b"{}"), Err(ManifestError::Unreadable(_))));
        assert!(matches!(
            Manifest::parse(br#"{"format": 1}"#),
            Err(ManifestError::Unreadable(_))
        ));
    }
}
