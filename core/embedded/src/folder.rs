//! The parts of a data folder besides the objects. A server must find again what it has made once, unchanged: if it made a
//! missing authority anew, all credentials that were handed out would stop working.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::store::Damage;

const FILE: &str = "parts";
/// Files that never change once they are made.
const AUTHORITY: [&str; 2] = ["pki/ca.crt", "pki/ca.key"];
const TOKEN_KEY: &str = "token.key";
/// A file that people write.
const TOKENS: &str = "tokens.csv";
const LOG: &str = "store/log";
const MARK: &str = "store/acknowledged";

/// What a folder has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parts {
    version: u32,
    /// Whether the folder holds a store of objects.
    store: bool,
    /// Files, each with the SHA-256 of its content, or with nothing where that may change.
    files: BTreeMap<String, String>,
}

impl Parts {
    /// Whether objects are among them.
    pub(crate) fn has_store(&self) -> bool {
        self.store
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PartsError {
    /// A file is missing or is not what it was.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A file cannot be read or written.
    #[error("cannot access {path}")]
    File { path: String, source: std::io::Error },
}

/// Looks whether everything is there that was there before. `own` says whether the authority is the folder's own.
pub(crate) fn check(data: &Path, own: bool) -> Result<Option<Parts>, PartsError> {
    let path = data.join(FILE);
    let Some(bytes) = read(&path)? else {
        return unnoted(data, own).map(|()| None);
    };
    let parts = parse(&bytes).ok_or_else(|| Damage::at(&path, 0, "its checksum is wrong"))?;
    if parts.version > VERSION {
        let what = format!("is of form {}, which a newer release writes", parts.version);
        return Err(Damage::of(&path, what).into());
    }
    for (name, digest) in &parts.files {
        if !own && AUTHORITY.contains(&name.as_str()) {
            continue;
        }
        let path = data.join(name);
        let Some(bytes) = read(&path)? else {
            let what = if name == TOKENS {
                "is missing; an empty file takes all its tokens back"
            } else {
                "is missing"
            };
            return Err(Damage::of(&path, what).into());
        };
        if !digest.is_empty() && *digest != sha(&bytes) {
            return Err(Damage::of(&path, "is not what was written").into());
        }
    }
    let log = data.join(LOG);
    if parts.store && !log.exists() {
        return Err(Damage::of(&log, "is missing").into());
    }
    Ok(Some(parts))
}

/// A folder that does not say what it holds is new, or of an earlier release.
fn unnoted(data: &Path, own: bool) -> Result<(), PartsError> {
    if data.join(MARK).exists() {
        return Err(Damage::of(&data.join(FILE), "is missing").into());
    }
    // Objects were made last.
    let used = std::fs::metadata(data.join(LOG)).is_ok_and(|m| m.len() > 0);
    let mut needed = AUTHORITY.into_iter().filter(|_| own).chain([TOKEN_KEY]);
    match needed.find(|name| used && !data.join(name).exists()) {
        Some(name) => Err(Damage::of(&data.join(name), "is missing").into()),
        None => Ok(()),
    }
}

/// Notes what the folder holds now. `store` says whether objects are among it.
pub(crate) fn note(data: &Path, before: Option<&Parts>, own: bool, store: bool) -> Result<Parts, PartsError> {
    let mut files = before.map_or_else(BTreeMap::new, |b| b.files.clone());
    for name in AUTHORITY.into_iter().filter(|_| own).chain([TOKEN_KEY]) {
        if let Some(bytes) = read(&data.join(name))? {
            files.insert(name.to_owned(), sha(&bytes));
        }
    }
    if data.join(TOKENS).exists() {
        files.insert(TOKENS.to_owned(), String::new());
    }
    let parts = Parts {
        version: VERSION,
        store,
        files,
    };
    if before != Some(&parts) {
        write(data, &parts)?;
    }
    Ok(parts)
}

const VERSION: u32 = 1;

fn write(data: &Path, parts: &Parts) -> Result<(), PartsError> {
    let path = data.join(FILE);
    let failed = |source| PartsError::File {
        path: path.display().to_string(),
        source,
    };
    let text = serde_json::to_string(parts).map_err(|e| failed(e.into()))?;
    let text = format!("{text}\n{}\n", sha(text.as_bytes()));
    let fresh = data.join(format!("{FILE}.new"));
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh).map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&fresh, &path))
        .and_then(|()| std::fs::File::open(data)?.sync_all())
        .map_err(failed)
}

fn parse(bytes: &[u8]) -> Option<Parts> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (json, sum) = text.strip_suffix('\n')?.split_once('\n')?;
    if sha(json.as_bytes()) != sum {
        return None;
    }
    serde_json::from_str(json).ok()
}

fn sha(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, PartsError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => match error.kind() {
            ErrorKind::NotFound => Ok(None),
            ErrorKind::IsADirectory => Err(Damage::of(path, "is a folder").into()),
            ErrorKind::NotADirectory => Err(Damage::of(path, "is below something that is no folder").into()),
            _ => Err(PartsError::File {
                path: path.display().to_string(),
                source: error,
            }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(data: &Path) -> Parts {
        std::fs::create_dir_all(data.join("pki")).unwrap();
        std::fs::create_dir_all(data.join("store")).unwrap();
        for name in ["pki/ca.crt", "pki/ca.key", TOKEN_KEY, TOKENS, LOG] {
            std::fs::write(data.join(name), name).unwrap();
        }
        note(data, None, true, true).unwrap()
    }

    fn told(data: &Path, own: bool) -> String {
        check(data, own).unwrap_err().to_string()
    }

    #[test]
    fn every_part_that_is_gone_or_changed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let parts = made(data);
        assert_eq!(check(data, true).unwrap(), Some(parts.clone()));
        for name in ["pki/ca.crt", "pki/ca.key", TOKEN_KEY, TOKENS, LOG] {
            std::fs::remove_file(data.join(name)).unwrap();
            let text = told(data, true);
            assert!(text.contains(name) && text.contains("is missing"), "{text}");
            std::fs::write(data.join(name), name).unwrap();
        }
        for name in ["pki/ca.crt", "pki/ca.key", TOKEN_KEY] {
            std::fs::write(data.join(name), "other").unwrap();
            assert!(told(data, true).contains(name));
            std::fs::write(data.join(name), name).unwrap();
        }
        std::fs::write(data.join(TOKENS), "a,b,c").unwrap();
        assert!(check(data, true).is_ok(), "people change this one");
    }

    #[test]
    fn a_flipped_bit_of_the_list_itself_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        made(data);
        let good = std::fs::read(data.join(FILE)).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(data.join(FILE), bad).unwrap();
            assert!(told(data, true).contains(FILE), "byte {at}");
        }
        std::fs::remove_file(data.join(FILE)).unwrap();
        std::fs::write(data.join(MARK), "x").unwrap();
        assert!(told(data, true).contains("parts is missing"));
    }

    #[test]
    fn an_authority_from_elsewhere_is_not_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        made(data);
        std::fs::remove_dir_all(data.join("pki")).unwrap();
        assert!(check(data, false).is_ok());
    }

    #[test]
    fn a_folder_of_an_earlier_release_needs_all_its_parts_and_a_new_one_none() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        assert_eq!(check(data, true).unwrap(), None);
        made(data);
        std::fs::remove_file(data.join(FILE)).unwrap();
        assert_eq!(check(data, true).unwrap(), None);
        std::fs::remove_file(data.join("pki/ca.key")).unwrap();
        assert!(told(data, true).contains("ca.key"));
    }
}
