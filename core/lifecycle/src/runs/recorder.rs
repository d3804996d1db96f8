//! Writes the events of a run into its folder, beside whoever shows them.
//!
//! The run is never held up by its own story: where the file cannot be written, that is said once, and the run goes on.

use std::{fs, fs::File, io, path::Path};

use butler_api::event::{Body, Event};
use butler_engine::Sink;
use butler_files::{ClusterFolder, append};

use super::usual::Timings;

/// Runs of a cluster whose events are kept beside those of the current one.
pub(super) const EARLIER: usize = 4;

/// From this size on, only what changes the state of steps, machines and addons is written; a run that waits for days among
/// hundreds of machines must not fill the disk.
const SCARCE: u64 = 48 << 20;

/// From this size on, only the end is.
const FULL: u64 = 64 << 20;

/// Writes and passes on.
pub(crate) struct Recorder<'a> {
    shown: &'a mut dyn Sink,
    file: Option<File>,
    folder: ClusterFolder,
    size: u64,
    troubled: bool,
    timings: Timings,
}

impl<'a> Recorder<'a> {
    /// Begins the file of a run; those of earlier runs are kept for a while. Only for who holds the lock.
    pub(crate) fn start(folder: &ClusterFolder, platform: &str, operation: &str, shown: &'a mut dyn Sink) -> Self {
        let mut recorder = Self {
            shown,
            file: None,
            folder: folder.clone(),
            size: 0,
            troubled: false,
            timings: Timings::new(folder.timings(platform, operation)),
        };
        match rotate(folder).and_then(|()| append::private(&folder.events())) {
            Ok(file) => recorder.file = Some(file),
            Err(error) => recorder.trouble(&error),
        }
        recorder
    }

    /// Ends the file, and keeps how long the steps took.
    pub(crate) fn finish(self) {
        if let Some(file) = &self.file
            && let Err(error) = file.sync_data()
        {
            tracing::warn!(%error, "the events of the run may not be on the disk");
        }
        self.timings.keep();
    }

    fn write(&mut self, event: &Event) {
        if !has_room(self.size, &event.body) {
            return;
        }
        let Some(file) = &mut self.file else { return };
        let written = serde_json::to_vec(event).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            append::whole(file, &line)?;
            Ok(line.len() as u64)
        });
        match written {
            Ok(bytes) => self.size += bytes,
            // The next event is tried again: a disk that was full may have room by then. Readers see the gap in the numbers.
            Err(error) => self.trouble(&error),
        }
    }

    fn trouble(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.troubled, true) {
            let path = self.folder.events();
            let message = format!("{} cannot be written: {error}; the run goes on", path.display());
            let hint = "until that is mended, attach, why and replay do not know all of this run";
            self.shown.remark(&message, Some(hint));
        }
    }
}

impl Sink for Recorder<'_> {
    fn emit(&mut self, event: &Event) {
        self.write(event);
        self.timings.take(&event.body);
        self.shown.emit(event);
    }

    fn remark(&mut self, message: &str, hint: Option<&str>) {
        self.shown.remark(message, hint);
    }
}

/// Whether an event is still written into a file of this size.
fn has_room(size: u64, body: &Body) -> bool {
    match body {
        Body::RunFinished { .. } => true,
        Body::StepWaiting { .. } | Body::Log { .. } | Body::RunHeartbeat {} | Body::StepRetried { .. } => size < SCARCE,
        _ => size < FULL,
    }
}

/// Moves the events of earlier runs one place on; the oldest go.
fn rotate(folder: &ClusterFolder) -> io::Result<()> {
    let place = |age: usize| match age {
        0 => folder.events(),
        age => folder.earlier_events(age),
    };
    for age in (0..EARLIER).rev() {
        move_on(&place(age), &place(age + 1))?;
    }
    Ok(())
}

fn move_on(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use butler_api::event::{Outcome, SCHEMA_VERSION};
    use butler_files::home::{Home, private_folder};
    use jiff::Timestamp;

    use super::*;

    #[derive(Default)]
    struct Shown {
        events: usize,
        remarks: Vec<String>,
    }

    impl Sink for Shown {
        fn emit(&mut self, _: &Event) {
            self.events += 1;
        }

        fn remark(&mut self, message: &str, _: Option<&str>) {
            self.remarks.push(message.to_owned());
        }
    }

    fn event(seq: u64) -> Event {
        Event {
            v: SCHEMA_VERSION,
            seq,
            time: Timestamp::UNIX_EPOCH,
            run: uuid::Uuid::nil(),
            cluster: "demo".to_owned(),
            body: Body::RunHeartbeat {},
        }
    }

    fn folder(root: &Path) -> ClusterFolder {
        let folder = Home::below(root).cluster("demo");
        private_folder(folder.path()).unwrap();
        folder
    }

    fn record(folder: &ClusterFolder, seqs: &[u64]) -> Shown {
        let mut shown = Shown::default();
        let mut recorder = Recorder::start(folder, "inmemory", "bootstrap", &mut shown);
        for seq in seqs {
            recorder.emit(&event(*seq));
        }
        recorder.finish();
        shown
    }

    #[test]
    fn every_run_has_a_file_and_the_last_ones_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        for run in 1..=7 {
            assert_eq!(record(&folder, &vec![1; run]).events, run);
        }
        let lines = |path: &Path| fs::read_to_string(path).map(|text| text.lines().count()).ok();
        assert_eq!(lines(&folder.events()), Some(7));
        let earlier: Vec<_> = (1..=5).map(|age| lines(&folder.earlier_events(age))).collect();
        assert_eq!(earlier, [Some(6), Some(5), Some(4), Some(3), None]);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_said_once_and_harms_nobody() {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        std::os::unix::fs::symlink("/dev/full", folder.events()).unwrap();
        let mut shown = Shown::default();
        let mut recorder = Recorder {
            shown: &mut shown,
            file: Some(File::options().append(true).open(folder.events()).unwrap()),
            folder: folder.clone(),
            size: 0,
            troubled: false,
            timings: Timings::new(folder.timings("inmemory", "bootstrap")),
        };
        for seq in 1..=3 {
            recorder.emit(&event(seq));
        }
        recorder.finish();
        assert_eq!((shown.events, shown.remarks.len()), (3, 1), "{:?}", shown.remarks);
    }

    #[test]
    fn a_full_file_keeps_what_counts() {
        let wait = Body::RunHeartbeat {};
        let phase = Body::PhaseChanged { phase: String::new() };
        let end = Body::RunFinished {
            outcome: Outcome::Done,
            seconds: 0.0,
            message: String::new(),
        };
        let room = |size| [&wait, &phase, &end].map(|body| has_room(size, body));
        assert_eq!(room(0), [true, true, true]);
        assert_eq!(room(SCARCE), [false, true, true]);
        assert_eq!(room(FULL), [false, false, true]);
    }
}
