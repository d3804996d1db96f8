//! Real programs that tests compare us with.

use std::path::{Path, PathBuf};

/// The folder with the lock file.
fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = own.ancestors().find(|folder| folder.join("Cargo.lock").exists());
    found.unwrap_or(own)
}

/// A program or a folder made from `tests/peers`; none, saying so, where it is not there.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests read the environment themselves")]
    let folder = std::env::var_os("BUTLER_PEERS").map_or_else(|| workspace().join("target/peers"), PathBuf::from);
    // Not resolved to its end: an interpreter that is a link finds its libraries by where the link is.
    let path = folder.canonicalize().ok().map(|folder| folder.join(name));
    let path = path.filter(|path| path.exists());
    if path.is_none() {
        #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
        {
            eprintln!("skipped: no {name} in {}", folder.display());
        }
    }
    path
}
