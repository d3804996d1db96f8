//! The event stream as NDJSON, for `--events FILE`.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
};

use butler_api::event::Event;

use crate::{Exit, Failure, Ui};

/// Writes one line per event, each in one piece.
pub enum EventLog {
    /// To stdout; the answer of the command is this stream then.
    Stdout(Ui),
    /// To a file, after what earlier runs wrote.
    File {
        /// The open file.
        file: File,
        /// Its path, for messages.
        path: PathBuf,
    },
}

impl EventLog {
    /// Opens the file; `-` is stdout.
    pub fn open(path: &Path, ui: &Ui) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout(ui.clone()));
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|e| {
            Failure::from_error(Exit::Usage, &e).while_doing(format!("cannot open the event file {}", path.display()))
        })?;
        Ok(Self::File {
            file,
            path: path.to_owned(),
        })
    }

    /// Appends an event.
    pub fn event(&mut self, event: &Event) -> Result<(), Failure> {
        let line = serde_json::to_string(event)
            .map_err(|e| Failure::from_error(Exit::Failed, &e).while_doing("cannot write an event as JSON"))?;
        match self {
            Self::Stdout(ui) => ui.print(&(line + "\n")),
            Self::File { file, path } => file.write_all((line + "\n").as_bytes()).map_err(|e| {
                Failure::from_error(Exit::Failed, &e)
                    .while_doing(format!("cannot write the event file {}", path.display()))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use butler_api::event::Body;

    use super::*;
    use crate::{Env, UiOptions, progress::plain::tests::stream};

    fn phase(phase: &str) -> Event {
        stream(vec![(
            0.0,
            Body::PhaseChanged {
                phase: phase.to_owned(),
            },
        )])
        .remove(0)
    }

    #[test]
    fn a_later_run_appends_and_every_line_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let (ui, _) = Ui::captured(UiOptions::default(), &Env::default(), None);
        for name in ["Pivoting", "Ready"] {
            EventLog::open(&path, &ui).unwrap().event(&phase(name)).unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events, [phase("Pivoting"), phase("Ready")]);
    }

    #[test]
    fn a_dash_is_stdout() {
        let (ui, captured) = Ui::captured(UiOptions::default(), &Env::default(), None);
        EventLog::open(Path::new("-"), &ui)
            .unwrap()
            .event(&phase("Ready"))
            .unwrap();
        insta::assert_snapshot!(captured.stdout(), @r#"{"v":1,"seq":1,"time":"1970-01-12T13:46:40Z","run":"00000000-0000-0000-0000-000000000000","cluster":"demo","code":"phase.changed","phase":"Ready"}"#);
        assert_eq!(captured.stderr(), "");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_a_usage_error() {
        let (ui, _) = Ui::captured(UiOptions::default(), &Env::default(), None);
        let failure = EventLog::open(Path::new("/nonexistent/events"), &ui).err().unwrap();
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(failure.message(), "cannot open the event file /nonexistent/events");
    }
}
