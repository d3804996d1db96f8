//! Compiles `proto/` and renders the Rust code; shared by the generator and the test that it is up to date.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prost_types::FileDescriptorSet;

type Failure = Box<dyn std::error::Error>;

/// The folder of this package.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles every file in `proto/`.
pub(crate) fn descriptors() -> Result<FileDescriptorSet, Failure> {
    let proto = root().join("proto");
    let mut files = Vec::new();
    collect(&proto, &mut files)?;
    files.sort();
    Ok(protox::compile(files, [proto])?)
}

/// Generated files by name.
pub(crate) fn generate() -> Result<BTreeMap<String, String>, Failure> {
    let out = tempfile::tempdir()?;
    tonic_prost_build::configure()
        .build_transport(false)
        .generate_default_stubs(true)
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .emit_rerun_if_changed(false)
        .out_dir(out.path())
        .compile_fds(descriptors()?)?;
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(out.path())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // The well-known types come from prost-types.
        if name != "google.protobuf.rs" {
            files.insert(name, std::fs::read_to_string(entry.path())?);
        }
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
