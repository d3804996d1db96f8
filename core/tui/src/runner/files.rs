//! Drafts and configurations: read and written in the order in which that was asked for.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::mpsc,
    thread::{self, JoinHandle},
};

use butler_files::{
    home::{self, Home, HomeError, SecretFile},
    read,
};
use butler_terminal::{Exit, Failure};
use jiff::Timestamp;

use super::{Back, Tell, failed};
use crate::{
    effect::Effect,
    input::{Done, Input},
};

/// The largest configuration that is opened.
const LARGEST: u64 = 4 << 20;

/// Where the draft of a home is.
fn place(home: &Home) -> PathBuf {
    home.state.join("wizard").join("draft.json")
}

/// A draft that was kept.
#[derive(Debug)]
pub struct Kept {
    /// What it says.
    pub text: String,
    /// When it was kept.
    pub at: Timestamp,
}

/// The draft of a home, if there is one.
pub fn draft(home: &Home) -> Result<Option<Kept>, Failure> {
    let path = place(home);
    let failed = |failure: Failure| failure.while_doing(format!("cannot read the draft {}", path.display()));
    let bytes = match read::file(&path, LARGEST) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(failed(Failure::from_error(Exit::Failed, &error))),
    };
    let at = std::fs::metadata(&path)
        .and_then(|about| about.modified())
        .ok()
        .and_then(|at| Timestamp::try_from(at).ok());
    Ok(Some(Kept {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        at: at.unwrap_or(Timestamp::UNIX_EPOCH),
    }))
}

/// A thread that reads and writes.
pub(super) struct Files {
    work: Option<mpsc::Sender<Effect>>,
    thread: Option<JoinHandle<()>>,
}

impl Files {
    pub(super) fn start(home: Home, tell: Tell) -> io::Result<Self> {
        let (work, todo) = mpsc::channel();
        let thread = thread::Builder::new().name("files".to_owned()).spawn(move || {
            for effect in todo {
                if let Some(done) = worked(&home, effect) {
                    tell(Back::Input(Input::Done(done)));
                }
            }
        })?;
        Ok(Self {
            work: Some(work),
            thread: Some(thread),
        })
    }

    pub(super) fn work(&self, effect: Effect) {
        if let Some(work) = &self.work {
            // It ends only when nobody has work for it.
            let _ = work.send(effect);
        }
    }

    /// Returns when everything is written.
    pub(super) fn finish(mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told so by the hook.
            let _ = thread.join();
        }
    }
}

fn worked(home: &Home, effect: Effect) -> Option<Done> {
    Some(match effect {
        Effect::SaveDraft(text) => match home::write_secret(&place(home), text.as_bytes()) {
            Ok(()) => Done::DraftSaved,
            Err(error) => failed("keep the draft", &of_home(&error)),
        },
        Effect::DropDraft => match std::fs::remove_file(place(home)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                failed("throw the draft away", &Failure::from_error(Exit::Failed, &error))
            }
            _ => return None,
        },
        Effect::SaveFile { path, text, replace } => match write(&Write { path, text, replace }) {
            Ok(Written::At(path)) => Done::Saved {
                path: path.display().to_string(),
            },
            Ok(Written::Taken(path)) => Done::Taken { path },
            Err(failure) => failed("save the file", &failure),
        },
        Effect::OpenFile { path } => match open(&path) {
            Ok(text) => Done::Opened { path, text },
            Err(failure) => failed("open the configuration", &failure),
        },
        _ => return None,
    })
}

/// A configuration that is to be written.
#[derive(Debug)]
pub struct Write {
    /// Where to.
    pub path: String,
    /// What.
    pub text: String,
    /// Whether another file that is there is replaced.
    pub replace: bool,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Written {
    /// It is there.
    At(PathBuf),
    /// Another text is there.
    Taken(String),
}

/// Writes a configuration whole or not at all, readable by its owner only. Another one that is there stays, unless it is to be
/// replaced.
pub fn write(file: &Write) -> Result<Written, Failure> {
    let path = absolute(&file.path)?;
    if !file.replace && path.exists() {
        let same = read::file(&path, LARGEST).is_ok_and(|there| there == file.text.as_bytes());
        return Ok(if same {
            Written::At(path)
        } else {
            Written::Taken(file.path.clone())
        });
    }
    let mut new = SecretFile::create(&path).map_err(|e| of_home(&e))?;
    new.write_all(file.text.as_bytes())
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing(format!("cannot write {}", path.display())))?;
    if file.replace {
        new.replace().map_err(|e| of_home(&e))?;
    } else if let Err(error) = new.keep_new() {
        // Somebody wrote one meanwhile.
        if path.exists() {
            return Ok(Written::Taken(file.path.clone()));
        }
        return Err(of_home(&error));
    }
    Ok(Written::At(path))
}

fn open(path: &str) -> Result<String, Failure> {
    let path = absolute(path)?;
    let failed = |failure: Failure| failure.while_doing(format!("cannot read {}", path.display()));
    let bytes = read::file(&path, LARGEST).map_err(|e| failed(Failure::from_error(Exit::Failed, &e)))?;
    String::from_utf8(bytes).map_err(|_| failed(Failure::new(Exit::Failed, "it is no text in UTF-8")))
}

/// The path as people mean it, whatever the folder of a process that is started with it.
fn absolute(path: &str) -> Result<PathBuf, Failure> {
    let expanded = home::expand(Path::new(path)).map_err(|e| of_home(&e))?;
    std::path::absolute(&expanded)
        .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing(format!("cannot make out {path}")))
}

fn of_home(error: &HomeError) -> Failure {
    let failure = Failure::from_error(Exit::Failed, error);
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
