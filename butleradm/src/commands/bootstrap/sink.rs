//! Where events go: a renderer on its own thread, and the event stream's file.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::mpsc::{self, RecvTimeoutError},
    thread::JoinHandle,
    time::Duration,
};

use butler_api::event::Event;
use butler_bootstrap::driver::Sink;
use butler_terminal::{Exit, Failure, Ui, progress};
use jiff::Timestamp;

/// How often time passes for the renderer.
const TICK: Duration = Duration::from_millis(250);

/// Takes events without ever blocking the run; the thread draws and writes.
pub(super) struct Renderer {
    events: Option<mpsc::Sender<Event>>,
    thread: Option<JoinHandle<()>>,
}

impl Renderer {
    /// Starts drawing on stderr and, if wanted, writing the stream.
    pub(super) fn start(ui: &Ui, live: bool, file: Option<&Path>) -> Result<Self, Failure> {
        let mut stream = file.map(|path| Stream::open(ui, path)).transpose()?;
        let (events, inbox) = mpsc::channel();
        let ui = ui.clone();
        let thread = std::thread::Builder::new()
            .name("renderer".to_owned())
            .spawn(move || {
                let mut progress = progress::renderer(&ui, live);
                loop {
                    match inbox.recv_timeout(TICK) {
                        Ok(event) => {
                            if let Some(stream) = &mut stream {
                                stream.write(&ui, &event);
                            }
                            progress.event(&event);
                        }
                        Err(RecvTimeoutError::Timeout) => progress.tick(Timestamp::now()),
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                progress.finish();
            })
            .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot start the renderer"))?;
        Ok(Self {
            events: Some(events),
            thread: Some(thread),
        })
    }

    /// Draws what is left and ends.
    pub(super) fn finish(mut self) {
        self.events = None;
        if let Some(thread) = self.thread.take() {
            // A renderer that died has said so; the run's outcome does not depend on it.
            drop(thread.join());
        }
    }
}

impl Sink for Renderer {
    fn emit(&mut self, event: &Event) {
        if let Some(events) = &self.events {
            drop(events.send(event.clone()));
        }
    }
}

/// The event stream's destination.
enum Stream {
    Stdout,
    File { file: File, broken: bool },
}

impl Stream {
    fn open(_ui: &Ui, path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self::Stdout);
        }
        let file = File::options().create(true).append(true).open(path).map_err(|e| {
            Failure::from_error(Exit::Usage, &e)
                .while_doing(format!("cannot write the event stream {}", path.display()))
                .hint("choose another file with --events")
        })?;
        Ok(Self::File { file, broken: false })
    }

    fn write(&mut self, ui: &Ui, event: &Event) {
        let Ok(mut line) = serde_json::to_string(event) else {
            return;
        };
        line.push('\n');
        match self {
            // Ui knows what a closed pipe means.
            Self::Stdout => drop(ui.print(&line)),
            Self::File { broken: true, .. } => {}
            Self::File { file, broken } => {
                let written: io::Result<()> = file.write_all(line.as_bytes());
                if let Err(error) = written {
                    *broken = true;
                    ui.warn(&format!("the event stream is cut off: {error}"), None);
                }
            }
        }
    }
}
