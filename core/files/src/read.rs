//! Files that people name: read without hanging and without filling the memory, whatever they are.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

/// How long a pipe may stay silent.
const SILENCE: Duration = Duration::from_secs(15);

/// Bytes that are taken at a time.
const CHUNK: usize = 64 << 10;

/// Why a file could not be read. It is a cause: the error around it names the file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no file.
    #[error("it is {0}, not a file")]
    Kind(&'static str),
    /// It does not end.
    #[error("it is larger than {} MiB", limit >> 20)]
    TooLarge {
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// A pipe whose other end says nothing.
    #[error("nothing came through the pipe for {} s", silence.as_secs())]
    Silent {
        /// How long was waited.
        silence: Duration,
    },
}

impl ReadError {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// The content of a file or pipe, of at most `limit` bytes. Devices and folders are refused.
pub fn file(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let found = std::fs::metadata(path)?;
    if found.is_file() {
        return bounded(File::open(path)?, limit);
    }
    if found.is_dir() {
        return Err(ReadError::Kind("a folder"));
    }
    if !is_pipe(&found) {
        return Err(ReadError::Kind("a device"));
    }
    let path = path.to_owned();
    patient(move || File::open(path), limit, SILENCE)
}

/// What comes on standard input, of at most `limit` bytes.
pub fn standard_input(limit: u64) -> Result<Vec<u8>, ReadError> {
    if io::stdin().is_terminal() {
        // Somebody types; they can also stop.
        return bounded(io::stdin().lock(), limit);
    }
    patient(|| Ok(io::stdin()), limit, SILENCE)
}

/// Whether paths that stand in this file can be relative to its folder: a pipe has none of its own.
pub fn has_folder(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

fn bounded(from: impl Read, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    within(bytes, limit)
}

fn within(bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, ReadError> {
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge { limit });
    }
    Ok(bytes)
}

/// Opening a pipe and reading from it wait for the other end, so a thread of its own does both. One that waits for ever is
/// left behind; it ends with the process.
fn patient<R: Read>(
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
    limit: u64,
    silence: Duration,
) -> Result<Vec<u8>, ReadError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut from = match open() {
            Ok(from) => from,
            Err(error) => return drop(sender.send(Err(error))),
        };
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = match from.read(&mut buffer) {
                Ok(n) => Ok(buffer[..n].to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let last = read.as_ref().map_or(true, Vec::is_empty);
            if sender.send(read).is_err() || last {
                return;
            }
        }
    });
    let mut bytes = Vec::new();
    loop {
        match receiver.recv_timeout(silence) {
            Ok(Ok(chunk)) if chunk.is_empty() => return Ok(bytes),
            Ok(Ok(chunk)) => {
                bytes.extend_from_slice(&chunk);
                bytes = within(bytes, limit)?;
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(RecvTimeoutError::Timeout) => return Err(ReadError::Silent { silence }),
            Err(RecvTimeoutError::Disconnected) => return Ok(bytes),
        }
    }
}

#[cfg(unix)]
fn is_pipe(found: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&found.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, vec![b'x'; 100]).unwrap();
        assert_eq!(file(&path, 100).unwrap().len(), 100);
        let error = file(&path, 99).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge { limit: 99 }), "{error}");
        assert!(!error.is_missing());
        assert!(file(&folder.path().join("b"), 9).unwrap_err().is_missing());
        let error = file(folder.path(), 9).unwrap_err();
        assert_eq!(error.to_string(), "it is a folder, not a file");
        assert!(!error.is_missing());
        // Something else than a folder stands above it: that is no missing file.
        assert!(!file(&path.join("below"), 9).unwrap_err().is_missing());
    }

    #[cfg(unix)]
    #[test]
    fn devices_are_refused() {
        for device in ["/dev/zero", "/dev/null"] {
            let error = file(Path::new(device), 1 << 20).unwrap_err();
            assert_eq!(error.to_string(), "it is a device, not a file");
        }
    }

    #[test]
    fn a_pipe_that_ends_is_read_and_a_flood_is_cut() {
        let text = patient(|| Ok(&b"provider: inmemory"[..]), 1 << 20, SILENCE).unwrap();
        assert_eq!(text, b"provider: inmemory");
        let flood = patient(|| Ok(io::repeat(b'x')), 1 << 20, SILENCE).unwrap_err();
        assert_eq!(flood.to_string(), "it is larger than 1 MiB");
    }

    #[test]
    fn a_signal_while_a_pipe_is_read_loses_nothing() {
        /// Is interrupted before each byte.
        struct Interrupted(bool, io::Cursor<&'static [u8]>);
        impl Read for Interrupted {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0 = !self.0;
                if self.0 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                self.1.read(&mut buffer[..1])
            }
        }
        let text = patient(|| Ok(Interrupted(false, io::Cursor::new(b"demo"))), 9, SILENCE).unwrap();
        assert_eq!(text, b"demo");
    }

    #[test]
    fn a_pipe_without_another_end_does_not_hang() {
        /// Blocks until the test has its answer.
        struct Blocked(mpsc::Receiver<()>);
        impl Read for Blocked {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                Ok(0)
            }
        }
        let (_hold, blocked) = mpsc::channel();
        let error = patient(move || Ok(Blocked(blocked)), 9, Duration::from_millis(1)).unwrap_err();
        assert!(matches!(error, ReadError::Silent { .. }), "{error}");
    }
}
