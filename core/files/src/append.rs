//! Files that grow line by line.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
};

/// Opens a file to append to; a new one is readable for its owner only.
pub fn private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Appends a text whole or not at all: a torn line would spoil what is appended later.
pub fn whole(file: &mut File, text: &[u8]) -> io::Result<()> {
    let before = file.metadata().ok().filter(fs::Metadata::is_file).map(|m| m.len());
    let written = file.write_all(text);
    if let (Err(_), Some(before)) = (&written, before) {
        // Where that fails too, the line stays torn; the error is told anyway.
        drop(file.set_len(before));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_its_owners() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        let mut file = private(&path).unwrap();
        whole(&mut file, b"one\n").unwrap();
        whole(&mut private(&path).unwrap(), b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
