//! The real talosctl.

use std::path::{Path, PathBuf};
use std::process::Output;

/// The real talosctl, if somebody built it.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests have no Env and no Ui"
)]
pub(crate) fn talosctl() -> Option<PathBuf> {
    let folder = std::env::var_os("BUTLER_PEERS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers"),
        PathBuf::from,
    );
    let binary = folder.join("talosctl");
    if binary.is_file() {
        return Some(binary);
    }
    eprintln!("skipped: {} is absent", binary.display());
    None
}

/// Both output streams of the peer, as one text.
pub(crate) fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
