//! What tests of addons share: real peers where they are built, small charts, a repository on loopback.

pub(crate) mod charts;
pub(crate) mod control_plane;
pub(crate) mod repository;

use std::path::{Path, PathBuf};

/// A binary built from `tests/peers`; none, saying so, where it is not there.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests read the environment themselves")]
    let folder = std::env::var_os("BUTLER_PEERS").map_or_else(|| PathBuf::from("../../target/peers"), PathBuf::from);
    let path = folder.join(name);
    if path.is_file() {
        return path.canonicalize().ok();
    }
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    {
        eprintln!("skipped: {} is not there", path.display());
    }
    None
}

/// Installs the TLS provider of the process.
pub(crate) fn crypto() {
    // A second installation in the same process is refused, and is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The content of a folder's files, for looking after secrets.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    found
}
