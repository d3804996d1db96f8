//! Where diagnostics go while a program has the screen: a file in place of stderr, so that nothing is written over pictures.

use std::{
    fs::File,
    io::{self, IsTerminal as _},
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use butler_files::{append, home};

/// A file that has become this large is begun anew.
const LARGEST: u64 = 1 << 20;

/// Stderr is a file until this is dropped.
#[derive(Debug)]
pub struct Diagnostics {
    path: PathBuf,
    before: Option<OwnedFd>,
}

impl Diagnostics {
    /// Replaces stderr by this file. Stderr that is no terminal stays what it is: nobody sees it on the screen.
    pub fn to(path: &Path) -> io::Result<Self> {
        let before = if io::stderr().is_terminal() {
            let file = open(path)?;
            let before = io::stderr().as_fd().try_clone_to_owned()?;
            rustix::stdio::dup2_stderr(&file)?;
            Some(before)
        } else {
            None
        };
        Ok(Self {
            path: path.to_owned(),
            before,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Diagnostics {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            // It was open a moment ago, and takes the place of a file of ours.
            let _ = rustix::stdio::dup2_stderr(&before);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        home::private_folder(folder).map_err(io::Error::other)?;
    }
    let file = append::private(path)?;
    if file.metadata()?.len() > LARGEST {
        file.set_len(0)?;
    }
    Ok(file)
}
