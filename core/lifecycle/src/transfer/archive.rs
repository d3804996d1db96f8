//! The files of a state folder as one stream, and back: nothing of a stream is believed before its digests agree.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use butler_files::home::{self, HomeError};
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use super::manifest::{LARGEST, Listed, Manifest, ManifestError, NAME};

/// What stays in the home: locks and this computer's own marks, what was not finished, what can be fetched again, and a kind
/// cluster, which is on this computer.
const STAYS: [&str; 5] = ["output.log", "exported.json", "kind", "helm/cache", "helm/kube"];

/// Bytes that are taken at a time.
const CHUNK: usize = 64 << 10;

/// Why a state folder cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file was changed meanwhile.
    #[error("{} was changed while it was read", .0.display())]
    Changed(PathBuf),
    /// Something that no archive holds.
    #[error("{} is {what}, which cannot be exported", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// No archive may hold so much.
    #[error("the state folder {} cannot be exported: {reason}", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// What is too much.
        reason: String,
    },
    /// The archive cannot be written.
    #[error("cannot write the archive")]
    Write(#[source] io::Error),
}

/// Why the content of an archive is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It was changed, or cut short.
    #[error("it is damaged or cut short")]
    Damaged(#[source] io::Error),
    /// The manifest is not accepted.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It is not what the manifest says.
    #[error("it does not hold what its manifest says: {0}")]
    Differs(String),
    /// A file cannot be written.
    #[error(transparent)]
    Folder(#[from] HomeError),
}

/// A file that goes into an archive.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    /// How the manifest has it.
    pub(super) listed: Listed,
}

/// The files of a state folder, with their digests.
pub(super) fn collect(folder: &Path) -> Result<Vec<Source>, PackError> {
    let mut paths = Vec::new();
    walk(folder, "", &mut paths)?;
    let source = |(name, path): (String, PathBuf)| {
        let failed = |source| PackError::Read {
            path: path.clone(),
            source,
        };
        let mut digest = Digest::default();
        io::copy(&mut File::open(&path).map_err(failed)?, &mut digest).map_err(failed)?;
        Ok(Source {
            listed: digest.listed(name),
            path,
        })
    };
    paths.into_iter().map(source).collect()
}

/// Lists what is kept, in the order of names.
fn walk(folder: &Path, below: &str, found: &mut Vec<(String, PathBuf)>) -> Result<(), PackError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PackError::Read { path, source }
    };
    let mut entries: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        entries.push(entry.map_err(failed(folder))?.path());
    }
    entries.sort();
    for path in entries {
        let unfit = |what| PackError::Unfit {
            path: path.clone(),
            what,
        };
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| unfit("a name that is no text"))?;
        let name = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        if stays(&name) {
            continue;
        }
        // A link to a file stands for the file, as it does for every run.
        let kind = fs::metadata(&path).map_err(failed(&path))?.file_type();
        if kind.is_file() {
            found.push((name, path));
        } else if kind.is_dir() && path.is_symlink() {
            return Err(unfit("a link to a folder"));
        } else if kind.is_dir() {
            walk(&path, &name, found)?;
        }
        // Sockets, pipes and devices belong to processes that are gone.
    }
    Ok(())
}

/// Whether a file or folder is of no use in another home. Pure.
fn stays(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    // The lock of the bootstrap cluster's data is deeper.
    STAYS.contains(&name) || last == "lock" || last.starts_with(home::UNFINISHED)
}

/// Writes manifest and files.
pub(super) fn pack<W: Write>(manifest: &Manifest, sources: &[Source], output: W) -> Result<W, PackError> {
    let mut tar = tar::Builder::new(GzEncoder::new(output, Compression::default()));
    let text = serde_json::to_vec_pretty(manifest).map_err(|e| PackError::Write(e.into()))?;
    let time = u64::try_from(manifest.at.as_second()).unwrap_or(0);
    let header = header(NAME, text.len() as u64, time).map_err(PackError::Write)?;
    tar.append(&header, text.as_slice()).map_err(PackError::Write)?;
    for source in sources {
        append(&mut tar, source, time)?;
    }
    let zipped = tar.into_inner().map_err(PackError::Write)?;
    zipped.finish().map_err(PackError::Write)
}

fn append<W: Write>(tar: &mut tar::Builder<W>, source: &Source, time: u64) -> Result<(), PackError> {
    let Source { path, listed } = source;
    let place = Manifest::place(listed);
    let header = header(&place, listed.size, time).map_err(|_| PackError::Unfit {
        path: path.clone(),
        what: "a path that is too long",
    })?;
    let file = File::open(path).map_err(|source| PackError::Read {
        path: path.clone(),
        source,
    })?;
    // Never more than the header says; what is less shows in the digest.
    let mut reader = Digesting {
        input: file.take(listed.size),
        digest: Digest::default(),
    };
    tar.append(&header, &mut reader).map_err(PackError::Write)?;
    if reader.digest.listed(listed.path.clone()) == *listed {
        Ok(())
    } else {
        Err(PackError::Changed(path.clone()))
    }
}

/// A plain header: its path fits without extensions, which nobody has to read then.
fn header(path: &str, size: u64, time: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(path)?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(time);
    header.set_cksum();
    Ok(header)
}

/// Reads an archive's content into an empty folder. What is written there before an error is no state folder.
pub(super) fn unpack(input: impl Read, folder: &Path) -> Result<Manifest, UnpackError> {
    let mut zipped = GzDecoder::new(BufReader::new(input));
    let manifest = {
        let mut tar = tar::Archive::new(&mut zipped);
        // As they are: extensions that would have to be read into memory are refused like everything else that is no file.
        let mut entries = tar.entries().map_err(UnpackError::Damaged)?.raw(true);
        let manifest = first(entries.next())?;
        for listed in &manifest.files {
            let entry = next(entries.next(), &Manifest::place(listed), Some(listed.size))?;
            extract(entry, listed, folder)?;
        }
        if let Some(entry) = entries.next() {
            let entry = entry.map_err(UnpackError::Damaged)?;
            return Err(UnpackError::Differs(format!("{} is not listed", shown(&entry))));
        }
        manifest
    };
    ended(zipped)?;
    Ok(manifest)
}

type Entry<'a, R> = io::Result<tar::Entry<'a, R>>;

fn first<R: Read>(entry: Option<Entry<'_, R>>) -> Result<Manifest, UnpackError> {
    let entry = next(entry, NAME, None)?;
    if entry.size() > LARGEST {
        return Err(UnpackError::Differs(format!("{NAME} has {} bytes", entry.size())));
    }
    let mut text = Vec::new();
    entry
        .take(LARGEST)
        .read_to_end(&mut text)
        .map_err(UnpackError::Damaged)?;
    Ok(Manifest::parse(&text)?)
}

/// The next entry, if it is the plain file that has to come.
fn next<'a, R: Read>(
    entry: Option<Entry<'a, R>>,
    path: &str,
    size: Option<u64>,
) -> Result<tar::Entry<'a, R>, UnpackError> {
    let Some(entry) = entry else {
        return Err(UnpackError::Differs(format!("{path} is missing")));
    };
    let entry = entry.map_err(UnpackError::Damaged)?;
    if entry.path_bytes() != path.as_bytes() {
        let found = shown(&entry);
        return Err(UnpackError::Differs(format!("{found} stands where {path} has to be")));
    }
    if entry.header().entry_type() != tar::EntryType::Regular {
        return Err(UnpackError::Differs(format!("{path} is no plain file")));
    }
    if size.is_some_and(|size| size != entry.size()) {
        return Err(UnpackError::Differs(format!("{path} has {} bytes", entry.size())));
    }
    Ok(entry)
}

fn shown<R: Read>(entry: &tar::Entry<'_, R>) -> String {
    format!("{:?}", String::from_utf8_lossy(&entry.path_bytes()))
}

/// Writes one file; it is on disk when this returns.
fn extract(mut entry: impl Read, listed: &Listed, folder: &Path) -> Result<(), UnpackError> {
    let path = folder.join(&listed.path);
    if let Some(parent) = path.parent() {
        home::private_folder(parent)?;
    }
    let failed = |source| HomeError::Io {
        action: "write",
        path: path.clone(),
        source,
    };
    let mut options = File::options();
    // A new one: whatever stands there is not written through.
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    let mut digest = Digest::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = entry.read(&mut chunk).map_err(UnpackError::Damaged)?;
        if read == 0 {
            break;
        }
        digest.add(&chunk[..read]);
        file.write_all(&chunk[..read]).map_err(failed)?;
    }
    file.sync_all().map_err(failed)?;
    if digest.listed(listed.path.clone()) == *listed {
        Ok(())
    } else {
        Err(UnpackError::Differs(format!("{} has another digest", listed.path)))
    }
}

/// Reads on to the end, which is where an encrypted stream proves that nothing is missing. Nothing may stand there.
fn ended<R: BufRead>(mut zipped: GzDecoder<R>) -> Result<(), UnpackError> {
    let mut rest = Vec::new();
    let mut tail = (&mut zipped).take(CHUNK as u64);
    tail.read_to_end(&mut rest).map_err(UnpackError::Damaged)?;
    let mut beyond = zipped.into_inner().take(1);
    beyond.read_to_end(&mut rest).map_err(UnpackError::Damaged)?;
    // tar fills its last block with zeros.
    if rest.len() < CHUNK && rest.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(UnpackError::Differs("something follows its last file".to_owned()))
    }
}

/// Size and SHA-256 of what went by.
#[derive(Default)]
struct Digest {
    hash: Sha256,
    size: u64,
}

impl Digest {
    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    fn listed(self, path: String) -> Listed {
        Listed {
            path,
            size: self.size,
            sha256: format!("{:x}", self.hash.finalize()),
        }
    }
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Digesting<R> {
    input: R,
    digest: Digest,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.digest.add(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
