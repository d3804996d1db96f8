//! The folders we write to, and how files with secrets are written.
//!
//! With `BUTLER_HOME` everything lives below it. Without it, configuration, state and cache go to the platform's
//! folders and the files for people to `~/.butler`.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use directories::{BaseDirs, ProjectDirs};
use tempfile::NamedTempFile;

use crate::cluster::{self, ClusterFolder};

/// The folders of configuration, state and cache of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Settings of the tools.
    pub config: PathBuf,
    /// What running and finished bootstraps need to be continued.
    pub state: PathBuf,
    /// What can be fetched again.
    pub cache: PathBuf,
    /// Kubeconfigs and talosconfigs for people.
    pub people: PathBuf,
}

/// Why a folder or file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither `BUTLER_HOME` nor a home folder.
    #[error("no home folder: set BUTLER_HOME, or HOME, to an absolute path")]
    NoHome,
    /// Something that is no file stands where a file has to be.
    #[error("{} is {kind}, where a file has to be", path.display())]
    NoFile {
        /// The place where a file has to be.
        path: PathBuf,
        /// What stands there instead of a file.
        kind: &'static str,
    },
    /// A symbolic link to a place whose folder does not exist.
    #[error("{} is a link to {}, whose folder does not exist", path.display(), target.display())]
    Dangling {
        /// The link that was followed.
        path: PathBuf,
        /// Where the link leads, which is nowhere.
        target: PathBuf,
    },
    /// Symbolic links that lead nowhere.
    #[error("{} is a link that leads back to itself", path.display())]
    Loop {
        /// The link that was followed.
        path: PathBuf,
    },
    /// A home folder that is no place.
    #[error("the home folder {} (HOME) is not an absolute path", .0.display())]
    RelativeHome(PathBuf),
    /// A path `~NAME/…`: the home folder of somebody else.
    #[error("{}: only `~/`, one's own home folder, is understood", .0.display())]
    OtherHome(PathBuf),
    /// A folder could not be moved.
    #[error("cannot move {} to {}", from.display(), to.display())]
    Move {
        /// The folder.
        from: PathBuf,
        /// Its new place.
        to: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// An operation on a path failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why the system refused.
        source: io::Error,
    },
}

impl HomeError {
    /// Whether it may pass without anybody moving a file: no space, a call that was interrupted.
    pub fn may_pass(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                Kind::StorageFull | Kind::QuotaExceeded | Kind::Interrupted | Kind::TimedOut | Kind::WouldBlock
            ),
            Self::NoHome
            | Self::RelativeHome(_)
            | Self::OtherHome(_)
            | Self::NoFile { .. }
            | Self::Dangling { .. }
            | Self::Move { .. }
            | Self::Loop { .. } => false,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        use io::ErrorKind as Kind;
        match self {
            Self::NoHome | Self::Move { .. } => None,
            Self::RelativeHome(_) => Some("set BUTLER_HOME, or HOME, to an absolute path".to_owned()),
            Self::OtherHome(_) => Some("write the path out".to_owned()),
            Self::NoFile { path, .. } => Some(format!("move it away: mv {0} {0}.old", path.display())),
            Self::Dangling { path, target } => Some(format!(
                "make the folder {}, or remove the link {}",
                target.parent().unwrap_or(target).display(),
                path.display()
            )),
            Self::Loop { path } => Some(format!("remove the link {}", path.display())),
            Self::Io { path, source, .. } => match source.kind() {
                Kind::StorageFull | Kind::QuotaExceeded => Some("free space on that disk".to_owned()),
                Kind::PermissionDenied => Some(format!(
                    "make {} writable (ls -ld, lsattr -d: an immutable file is freed with chattr -i), or move it away",
                    path.display()
                )),
                Kind::ReadOnlyFilesystem => Some(format!(
                    "{} is on a file system that is mounted read-only: set BUTLER_HOME to a folder that can be written",
                    path.display()
                )),
                _ => None,
            },
        }
    }
}

impl Home {
    /// The folders for a value of `BUTLER_HOME`; unset and empty are the same. Touches no file.
    pub fn resolve(butler_home: Option<&OsStr>) -> Result<Self, HomeError> {
        match butler_home.filter(|value| !value.is_empty()) {
            Some(root) => {
                let root = expand(Path::new(root))?;
                let root = std::path::absolute(&root).map_err(io_error("resolve", &root))?;
                Ok(Self::below(&root))
            }
            None => Self::platform(),
        }
    }

    /// Everything below one folder.
    pub fn below(root: &Path) -> Self {
        Self {
            config: root.join("config"),
            state: root.join("state"),
            cache: root.join("cache"),
            people: root.to_owned(),
        }
    }

    /// What is kept of one cluster.
    pub fn cluster(&self, name: &str) -> ClusterFolder {
        ClusterFolder::new(
            self.clusters().join(name),
            self.people.clone(),
            self.timings_folder(),
            self.state.join("wizard").join(format!("{name}.identity")),
            name,
        )
    }

    /// Where a cluster is worked on whose name another cluster's state folder has.
    pub fn remains(&self, name: &str, id: &str) -> ClusterFolder {
        let path = self.state.join("remains").join(format!("{name}-{id}"));
        // Files for people are those of the cluster that has the name.
        let people = path.join("people");
        let promised = path.join("identity");
        ClusterFolder::new(path, people, self.timings_folder(), promised, name)
    }

    /// The folder with the times that steps took.
    fn timings_folder(&self) -> PathBuf {
        self.state.join("timings")
    }

    /// How long an operation took in earlier runs of this home on platforms of a kind.
    pub fn timings(&self, platform: &str, operation: &str) -> PathBuf {
        cluster::timings(&self.timings_folder(), platform, operation)
    }

    /// The folder that holds one folder per cluster.
    pub fn clusters(&self) -> PathBuf {
        self.state.join("clusters")
    }

    /// The clusters that this home has a state folder of, by name.
    pub fn made_clusters(&self) -> io::Result<Vec<ClusterFolder>> {
        let entries = match fs::read_dir(self.clusters()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.path().is_dir()
                && let Ok(name) = entry.file_name().into_string()
                // What an import that was killed left is none.
                && !name.starts_with('.')
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names.iter().map(|name| self.cluster(name)).collect())
    }

    /// The folder that state folders of destroyed clusters move to, with their receipts.
    pub fn archive(&self) -> PathBuf {
        self.state.join("archive")
    }

    fn platform() -> Result<Self, HomeError> {
        let home = own()?;
        let project = ProjectDirs::from("dev", "butlerlabs", "butler").ok_or(HomeError::NoHome)?;
        Ok(Self {
            config: project.config_dir().to_owned(),
            // Only Linux knows a folder for state.
            state: project
                .state_dir()
                .unwrap_or_else(|| project.data_local_dir())
                .to_owned(),
            cache: project.cache_dir().to_owned(),
            people: home.join(".butler"),
        })
    }
}

/// A path whose `~/` in front is the user's home folder; every other one as it is.
pub fn expand(path: &Path) -> Result<PathBuf, HomeError> {
    let mut parts = path.components();
    let Some(std::path::Component::Normal(first)) = parts.next() else {
        return Ok(path.to_owned());
    };
    match first.to_str() {
        Some("~") => Ok(own()?.join(parts.as_path())),
        Some(first) if first.starts_with('~') => Err(HomeError::OtherHome(path.to_owned())),
        _ => Ok(path.to_owned()),
    }
}

/// A path as it stands in a file in `folder`: `~/` is the home folder, and a relative one is relative to that folder.
pub fn resolve_in(folder: &Path, path: &Path) -> Result<PathBuf, HomeError> {
    Ok(folder.join(expand(path)?))
}

/// The user's home folder.
fn own() -> Result<PathBuf, HomeError> {
    let base = BaseDirs::new().ok_or(HomeError::NoHome)?;
    let home = base.home_dir();
    if home.is_absolute() {
        Ok(home.to_owned())
    } else {
        Err(HomeError::RelativeHome(home.to_owned()))
    }
}

/// Makes a folder (and those above it) that only its owner can read; an existing one is tightened.
pub fn private_folder(path: &Path) -> Result<(), HomeError> {
    create_folder(path)?;
    tighten(path)
}

/// Replaces a file atomically with one that only its owner can read (0600), durable when this returns.
///
/// A reader sees the old content or the new one. Missing folders are made with mode 0700; existing ones keep theirs. A
/// symbolic link stays, and what it points to is replaced; where that does not exist it is made, in a folder that is there.
/// A file that cannot be replaced because something is mounted on it is written in place.
pub fn write_secret(path: &Path, content: &[u8]) -> Result<(), HomeError> {
    let mut file = SecretFile::create(path)?;
    file.write_all(content).map_err(io_error("write", file.file.path()))?;
    file.replace()
}

/// A file that only its owner can read and that is written piece by piece. It appears at its place when it is whole; one that
/// is dropped before leaves nothing. The rules for links and folders are those of [`write_secret`].
pub struct SecretFile {
    file: NamedTempFile,
    place: Place,
}

impl SecretFile {
    /// Begins a file for this place.
    pub fn create(path: &Path) -> Result<Self, HomeError> {
        let place = Place::of(path)?;
        let folder = place.folder();
        if place.linked {
            if !folder.is_dir() {
                return Err(HomeError::Dangling {
                    path: path.to_owned(),
                    target: place.target.clone(),
                });
            }
        } else {
            create_folder(folder)?;
        }
        // Made with mode 0600 from the start: there is no moment at which others could open it.
        let file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .tempfile_in(folder)
            .map_err(io_error("create a temporary file in", folder))?;
        Ok(Self { file, place })
    }

    /// Takes room for this many bytes on the disk, so that a disk that is full says so before it matters. What is written later
    /// takes the place of what holds the room, and [`Self::replace`] gives back what is left of it.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), HomeError> {
        let path = self.file.path().to_owned();
        let file = self.file.as_file_mut();
        // Written and not only allotted: not every file system can allot, and some find out only when data reaches the disk.
        io::copy(&mut io::Read::take(io::repeat(b' '), bytes), file)
            .and_then(|_| file.sync_all())
            .and_then(|()| file.rewind())
            .map_err(io_error("reserve room in", &path))
    }

    /// Puts it at its place, instead of what may be there.
    pub fn replace(self) -> Result<(), HomeError> {
        let Self { mut file, place } = self;
        let written = file.as_file_mut().stream_position();
        written
            .and_then(|end| file.as_file().set_len(end))
            .map_err(io_error("write", file.path()))?;
        file.as_file().sync_all().map_err(io_error("write", file.path()))?;
        put_in_place(file, &place.target)?;
        sync_folder(place.folder())
    }

    /// Puts it at its place; a file that is there stays, and that is an error.
    pub fn keep_new(self) -> Result<(), HomeError> {
        let Self { file, place } = self;
        file.as_file().sync_all().map_err(io_error("write", file.path()))?;
        match file.persist_noclobber(&place.target) {
            Ok(_) => sync_folder(place.folder()),
            Err(failed) => Err(io_error("create", &place.target)(failed.error)),
        }
    }
}

/// Replaces a file by this one. Only where something is mounted on the old one it stays, and is written anew: for a moment it then
/// holds neither the old content nor the new one.
fn put_in_place(file: NamedTempFile, target: &Path) -> Result<(), HomeError> {
    match file.persist(target) {
        Ok(_) => Ok(()),
        Err(failed) if failed.error.kind() == io::ErrorKind::ResourceBusy => {
            let content = fs::read(failed.file.path()).map_err(io_error("read", failed.file.path()))?;
            overwrite(target, &content).map_err(io_error("write", target))
        }
        Err(failed) => Err(io_error("replace", target)(failed.error)),
    }
}

impl io::Write for SecretFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// How the names of files begin that are being written.
pub const UNFINISHED: &str = ".butler-";

/// Moves a state folder into the archive; a name that is taken gets a number.
pub fn archive(folder: &Path, archive: &Path, name: &str) -> Result<PathBuf, HomeError> {
    private_folder(archive)?;
    let mut names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}-{n}")));
    let free = names.find(|name| archive.join(name).symlink_metadata().is_err());
    let to = archive.join(free.unwrap_or_else(|| name.to_owned()));
    move_folder(folder, &to)?;
    Ok(to)
}

/// Moves a folder within its file system; durable when this returns.
pub fn move_folder(from: &Path, to: &Path) -> Result<(), HomeError> {
    fs::rename(from, to).map_err(|source| HomeError::Move {
        from: from.to_owned(),
        to: to.to_owned(),
        source,
    })?;
    to.parent().map_or(Ok(()), sync_folder)
}

/// Whether [`write_secret`] could put a file at this place, as far as that can be told without writing.
pub fn is_replaceable(path: &Path) -> Result<(), HomeError> {
    Place::of(path).map(|_| ())
}

/// Where a path leads to, and that a file may stand there.
struct Place {
    target: PathBuf,
    linked: bool,
}

impl Place {
    /// As many links in a row as the operating system follows.
    const MOST_LINKS: usize = 40;

    fn of(path: &Path) -> Result<Self, HomeError> {
        let mut place = Self {
            target: path.to_owned(),
            linked: false,
        };
        for _ in 0..Self::MOST_LINKS {
            let found = match fs::symlink_metadata(&place.target) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(place),
                // A file among the folders above: making those says it.
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(place),
                Err(error) => return Err(io_error("look at", &place.target)(error)),
            };
            if found.is_file() {
                return Ok(place);
            }
            if !found.is_symlink() {
                return Err(HomeError::NoFile {
                    path: place.target,
                    kind: if found.is_dir() { "a folder" } else { "a special file" },
                });
            }
            let next = fs::read_link(&place.target).map_err(io_error("follow", &place.target))?;
            place.target = place.folder().join(next);
            place.linked = true;
        }
        Err(HomeError::Loop { path: path.to_owned() })
    }

    fn folder(&self) -> &Path {
        match self.target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

/// Not atomic: for a file that is a mount point, which cannot be exchanged.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    // Closed to others before the content is there.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
    }
    file.set_len(0)?;
    file.write_all(content)?;
    file.sync_all()
}

fn create_folder(path: &Path) -> Result<(), HomeError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io_error("create the folder", path))
}

#[cfg(unix)]
fn tighten(path: &Path) -> Result<(), HomeError> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(io_error("restrict access to", path))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> Result<(), HomeError> {
    fs::File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(io_error("write", path))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "same signature as on unix")]
fn tighten(_path: &Path) -> Result<(), HomeError> {
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "same signature as on unix")]
fn sync_folder(_path: &Path) -> Result<(), HomeError> {
    Ok(())
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::Io { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn butler_home_holds_everything() {
        let home = Home::resolve(Some(OsStr::new("/data/butler"))).unwrap();
        assert_eq!(home.config, Path::new("/data/butler/config"));
        assert_eq!(home.cache, Path::new("/data/butler/cache"));
        assert_eq!(home.clusters(), Path::new("/data/butler/state/clusters"));
        assert_eq!(home.archive(), Path::new("/data/butler/state/archive"));
        assert_eq!(home.people, Path::new("/data/butler"));
    }

    #[test]
    fn a_relative_butler_home_becomes_absolute() {
        let home = Home::resolve(Some(OsStr::new("here"))).unwrap();
        assert!(home.people.is_absolute());
        assert!(home.people.ends_with("here"));
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_never_a_folder_of_that_name() {
        let home = own().unwrap();
        assert_eq!(expand(Path::new("~/b/c")).unwrap(), home.join("b/c"));
        assert_eq!(expand(Path::new("~")).unwrap(), home);
        for same in ["/data/~", "b/~/c", "", ".", "../~"] {
            assert_eq!(expand(Path::new(same)).unwrap(), Path::new(same));
        }
        let error = expand(Path::new("~alice/b")).unwrap_err().to_string();
        assert_eq!(error, "~alice/b: only `~/`, one's own home folder, is understood");
        assert_eq!(Home::resolve(Some(OsStr::new("~/b"))).unwrap().people, home.join("b"));
        assert!(Home::resolve(Some(OsStr::new("~alice"))).is_err());
    }

    #[test]
    fn paths_in_files_are_relative_to_the_files_folder() {
        let in_folder = |path: &str| resolve_in(Path::new("/etc/butler"), Path::new(path)).unwrap();
        assert_eq!(in_folder("ca.pem"), Path::new("/etc/butler/ca.pem"));
        assert_eq!(in_folder("./ca.pem"), Path::new("/etc/butler/./ca.pem"));
        assert_eq!(in_folder("/ca.pem"), Path::new("/ca.pem"));
        assert_eq!(in_folder("~/ca.pem"), own().unwrap().join("ca.pem"));
    }

    #[test]
    fn an_empty_butler_home_is_as_good_as_none() {
        // Without a home folder both are the same error.
        let render = |home: Result<Home, HomeError>| home.map_err(|e| e.to_string());
        assert_eq!(render(Home::resolve(Some(OsStr::new("")))), render(Home::resolve(None)));
    }

    #[cfg(unix)]
    mod files {
        use std::os::unix::fs::PermissionsExt as _;

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        }

        #[test]
        fn room_that_was_reserved_is_given_back_and_is_no_content() {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("demo-kubeconfig");
            let mut file = SecretFile::create(&path).unwrap();
            file.reserve(4096).unwrap();
            assert_eq!(file.file.path().metadata().unwrap().len(), 4096);
            file.write_all(b"one").unwrap();
            file.replace().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"one");
        }

        #[test]
        fn a_secret_is_readable_by_its_owner_only_and_so_are_new_folders() {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("a/b/demo-kubeconfig");
            write_secret(&path, b"one").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"one");
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(&root.path().join("a")), 0o700);
            assert_eq!(mode(&root.path().join("a/b")), 0o700);
        }

        #[test]
        fn replacing_a_secret_tightens_it_and_leaves_no_other_file() {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("demo-kubeconfig");
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            write_secret(&path, b"new").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert_eq!(mode(&path), 0o600);
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        }

        #[test]
        fn a_file_written_in_pieces_is_there_when_it_is_whole_and_may_spare_what_is_there() {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("archive");
            let begun = |text: &[u8]| {
                let mut file = SecretFile::create(&path).unwrap();
                file.write_all(text).unwrap();
                file
            };
            drop(begun(b"one"));
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
            begun(b"one").keep_new().unwrap();
            let error = begun(b"two").keep_new().unwrap_err().to_string();
            assert!(error.starts_with("cannot create "), "{error}");
            assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"one".to_vec(), 0o600));
            begun(b"two").replace().unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"two");
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        }

        #[test]
        fn a_link_stays_and_what_it_points_to_is_replaced() {
            let root = tempfile::tempdir().unwrap();
            let (link, next) = (root.path().join("link"), root.path().join("next"));
            fs::create_dir(root.path().join("far")).unwrap();
            let target = root.path().join("far/target");
            fs::write(&target, "old").unwrap();
            std::os::unix::fs::symlink("next", &link).unwrap();
            std::os::unix::fs::symlink("far/target", &next).unwrap();
            write_secret(&link, b"new").unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"new");
            assert_eq!(fs::read_link(&link).unwrap(), Path::new("next"));
            assert_eq!(fs::read_link(&next).unwrap(), Path::new("far/target"));
            assert_eq!(mode(&target), 0o600);
        }

        #[test]
        fn a_dangling_link_gets_its_target_where_the_folder_is_there() {
            let root = tempfile::tempdir().unwrap();
            let link = root.path().join("link");
            std::os::unix::fs::symlink("target", &link).unwrap();
            write_secret(&link, b"new").unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read(root.path().join("target")).unwrap(), b"new");
            let nowhere = root.path().join("nowhere");
            std::os::unix::fs::symlink("no/target", &nowhere).unwrap();
            let error = write_secret(&nowhere, b"new").unwrap_err();
            assert!(matches!(error, HomeError::Dangling { .. }), "{error}");
            assert!(!root.path().join("no").exists());
        }

        #[test]
        fn what_is_no_file_is_refused_with_a_way_out_and_left_alone() {
            let root = tempfile::tempdir().unwrap();
            let (round, back) = (root.path().join("round"), root.path().join("back"));
            std::os::unix::fs::symlink(&back, &round).unwrap();
            std::os::unix::fs::symlink(&round, &back).unwrap();
            let folder = root.path().join("folder");
            fs::create_dir(&folder).unwrap();
            let device = root.path().join("device");
            std::os::unix::fs::symlink("/dev/null", &device).unwrap();
            for (path, words) in [
                (&round, "leads back to itself"),
                (&folder, "is a folder"),
                (&device, "is a special file"),
            ] {
                let error = write_secret(path, b"new").unwrap_err();
                assert!(error.to_string().contains(words), "{error}");
                assert!(error.hint().is_some() && !error.may_pass(), "{error}");
                assert_eq!(is_replaceable(path).unwrap_err().to_string(), error.to_string());
            }
            assert!(!fs::symlink_metadata("/dev/null").unwrap().is_file());
            assert_eq!(fs::read_dir(root.path()).unwrap().count(), 4);
        }

        #[test]
        fn what_is_written_in_place_is_closed_to_others_and_whole() {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("mounted");
            fs::write(&path, "something longer than what comes").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            overwrite(&path, b"new").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
            assert_eq!(mode(&path), 0o600);
        }

        #[test]
        fn only_what_is_mounted_is_written_in_place() {
            let root = tempfile::tempdir().unwrap();
            let target = root.path().join("target");
            fs::create_dir(&target).unwrap();
            let file = NamedTempFile::new_in(root.path()).unwrap();
            let error = put_in_place(file, &target).unwrap_err();
            assert_eq!(error.to_string(), format!("cannot replace {}", target.display()));
            assert_eq!(
                fs::read_dir(root.path()).unwrap().count(),
                1,
                "the other file is gone again"
            );
        }

        #[test]
        fn an_existing_shared_folder_keeps_its_mode_unless_it_is_to_be_private() {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("shared");
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            write_secret(&folder.join("file"), b"x").unwrap();
            assert_eq!(mode(&folder), 0o755);
            private_folder(&folder).unwrap();
            assert_eq!(mode(&folder), 0o700);
        }

        #[test]
        fn an_unwritable_place_is_named() {
            let root = tempfile::tempdir().unwrap();
            let file = root.path().join("file");
            fs::write(&file, "").unwrap();
            let error = write_secret(&file.join("below/secret"), b"x").unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("cannot create the folder {}", file.join("below").display())
            );
        }
    }
}
