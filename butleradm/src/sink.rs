//! Where events go: a renderer on its own thread, and the event stream's file.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread::JoinHandle,
    time::Duration,
};

use butler_api::event::Event;
use butler_engine::Sink;
use butler_files::append;
use butler_terminal::{
    Exit, Failure, Ui,
    progress::{Paced, Progress},
};
use jiff::Timestamp;

/// How often time passes for the renderer.
const TICK: Duration = Duration::from_millis(250);

/// What the thread is told.
enum Told {
    Event(Box<Event>),
    Remark(String, Option<String>),
}

/// Takes events without ever blocking the run; the thread draws and writes.
pub(crate) struct Renderer {
    events: Option<mpsc::Sender<Told>>,
    thread: Option<JoinHandle<Result<(), Failure>>>,
}

impl Renderer {
    /// Starts drawing on stderr and, if wanted, writing the stream.
    pub(crate) fn start(ui: &Ui, progress: Box<dyn Progress>, file: Option<&Path>) -> Result<Self, Failure> {
        let mut stream = file.map(|path| Stream::open(ui, path)).transpose()?;
        let (events, inbox) = mpsc::channel();
        let ui = ui.clone();
        let thread = std::thread::Builder::new()
            .name("renderer".to_owned())
            .spawn(move || {
                let mut progress = Paced::new(progress);
                loop {
                    match inbox.recv_timeout(TICK) {
                        Ok(Told::Remark(message, hint)) => ui.warn(&message, hint.as_deref()),
                        Ok(Told::Event(event)) => {
                            if let Some(stream) = &mut stream {
                                stream.write(&event);
                            }
                            progress.event(&event);
                        }
                        Err(RecvTimeoutError::Timeout) => progress.idle(Timestamp::now()),
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                progress.finish();
                stream.map_or(Ok(()), Stream::close)
            })
            .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start the renderer"))?;
        Ok(Self {
            events: Some(events),
            thread: Some(thread),
        })
    }

    /// Draws what is left and ends. A stream that was asked for and is not whole is a failure.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.events = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(Failure::new(Exit::Failed, "internal error: the renderer ended early")),
            None => Ok(()),
        }
    }
}

impl Renderer {
    /// A thread that ended early has told why when it is joined.
    fn tell(&self, told: Told) {
        if let Some(events) = &self.events {
            drop(events.send(told));
        }
    }
}

impl Sink for Renderer {
    fn emit(&mut self, event: &Event) {
        self.tell(Told::Event(Box::new(event.clone())));
    }

    fn remark(&mut self, message: &str, hint: Option<&str>) {
        self.tell(Told::Remark(message.to_owned(), hint.map(ToOwned::to_owned)));
    }
}

/// The event stream: where it goes, and why it is cut off.
struct Stream {
    ui: Ui,
    target: Target,
    broken: Option<Failure>,
}

enum Target {
    Stdout,
    File { file: File, path: PathBuf },
}

impl Stream {
    fn open(ui: &Ui, path: &Path) -> Result<Self, Failure> {
        let target = if path.as_os_str() == "-" {
            Target::Stdout
        } else {
            let file = File::options().create(true).append(true).open(path).map_err(|e| {
                Failure::from_error(Exit::Usage, &e)
                    .while_doing(format!("cannot write the event stream {}", path.display()))
                    .hint("choose another file with --events")
            })?;
            Target::File {
                file,
                path: path.to_owned(),
            }
        };
        Ok(Self {
            ui: ui.clone(),
            target,
            broken: None,
        })
    }

    fn write(&mut self, event: &Event) {
        if self.broken.is_some() {
            return;
        }
        let written = serde_json::to_string(event)
            .map_err(|e| Failure::from_error(Exit::Failed, &e))
            .and_then(|line| self.target.write(&self.ui, &(line + "\n")));
        if let Err(failure) = written {
            self.ui
                .warn(&format!("the event stream to {} is cut off", self.target), None);
            self.broken = Some(failure);
        }
    }

    fn close(self) -> Result<(), Failure> {
        let Self { target, broken, .. } = self;
        let failure = match broken {
            Some(failure) => failure,
            None => match target.sync() {
                Ok(()) => return Ok(()),
                Err(error) => Failure::from_error(Exit::Failed, &error),
            },
        };
        Err(failure
            .while_doing(format!("the event stream to {target} is not complete"))
            .hint("give --events a place with room; the same command run again writes a stream of its own"))
    }
}

impl Target {
    fn write(&mut self, ui: &Ui, line: &str) -> Result<(), Failure> {
        match self {
            // Ui knows what a closed pipe means.
            Self::Stdout => ui.print_json(line),
            Self::File { file, .. } => match append::whole(file, line.as_bytes()) {
                // A reader that went away has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                result => result.map_err(|e| Failure::from_error(Exit::Failed, &e)),
            },
        }
    }

    /// Some file systems tell only now that there was no room.
    fn sync(&self) -> io::Result<()> {
        match self {
            Self::File { file, .. } if file.metadata()?.is_file() => file.sync_data(),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use butler_api::event::{Body, SCHEMA_VERSION};
    use butler_terminal::{Env, UiOptions, progress};

    use super::*;

    fn event(seq: u64) -> Event {
        Event {
            v: SCHEMA_VERSION,
            seq,
            time: Timestamp::UNIX_EPOCH,
            run: uuid::Uuid::nil(),
            cluster: "demo".to_owned(),
            body: Body::PhaseChanged {
                phase: "Ready".to_owned(),
            },
        }
    }

    fn finished(path: &Path) -> (Result<(), Failure>, String) {
        let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
        let mut renderer = Renderer::start(&ui, progress::renderer(&ui, false), Some(path)).unwrap();
        renderer.emit(&event(1));
        renderer.emit(&event(2));
        (renderer.finish(), captured.stderr())
    }

    #[test]
    fn a_stream_without_room_is_a_failure_that_names_it() {
        let (result, said) = finished(Path::new("/dev/full"));
        let failure = result.unwrap_err();
        assert_eq!(failure.exit(), Exit::Failed);
        assert_eq!(failure.message(), "the event stream to /dev/full is not complete");
        assert!(
            said.contains("warning: the event stream to /dev/full is cut off"),
            "{said}"
        );
    }

    #[test]
    fn a_stream_with_room_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        finished(&path).0.unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 2);
    }
}
