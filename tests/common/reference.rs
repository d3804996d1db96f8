//! Reference data that may lie beside the project. A test that reads it has a sample of its own in `fixtures/` as well, which is
//! always checked, and says loudly what is not checked where the data is absent.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

/// The file or folder of this name in the reference data. Where it is absent, a line names what is not checked.
pub(crate) fn find(name: &str, not_checked: &str) -> Option<PathBuf> {
    let path = beside(Path::new(env!("CARGO_MANIFEST_DIR")))
        .join("reference")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    // Written past the test harness, which shows what is printed only where a test fails.
    let line = format!("SKIPPED: {not_checked}: {} is absent\n", path.display());
    drop(std::io::stderr().write_all(line.as_bytes()));
    None
}

/// The folder beside the workspace that this crate belongs to.
fn beside(manifest: &Path) -> PathBuf {
    let is_workspace = |folder: &&Path| folder.join("Cargo.lock").is_file();
    let workspace = manifest.ancestors().find(is_workspace).expect("a workspace");
    workspace.join("../shared")
}
