//! `butleradm replay`: shows a run again, from its events, with the renderer that showed it live.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use butler_api::event::Event;
use butler_files::home::{self, Home};
use butler_lifecycle::{
    clusters,
    runs::stream::{Item, Stream},
};
use butler_terminal::{
    Env, Exit, Failure, Ui, env, interrupt,
    progress::{self, Paced},
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{failure, remarks::Remarks};

/// Time passes in such steps between two events.
const STEP: Duration = Duration::from_millis(50);

/// Options of `replay`.
#[derive(Debug, clap::Args)]
pub struct ReplayArgs {
    /// File of events (--events of the run, or events.ndjson of its state folder), or name of a cluster
    #[arg(value_name = "FILE|CLUSTER")]
    pub source: PathBuf,
    /// So many times faster than it happened; 0 is as fast as possible, and the default where nobody looks
    #[arg(long, value_name = "N", value_parser = speed)]
    pub speed: Option<f64>,
    /// Stop after the event of this number
    #[arg(long, value_name = "SEQ")]
    pub until: Option<u64>,
    /// Print lines instead of a live view
    #[arg(long, visible_alias = "no-tui", env = env::BUTLER_NO_PROGRESS, hide_env_values = true)]
    pub no_progress: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.0..=1e6).contains(&speed) => Ok(speed),
        _ => Err("a number from 0 to 1000000 is meant".to_owned()),
    }
}

/// Runs the command.
pub(crate) fn run(ui: &Ui, env: &Env, args: &ReplayArgs) -> Result<(), Failure> {
    let home = Home::resolve(env.get(env::BUTLER_HOME)).map_err(|e| failure::home(&e))?;
    let path = source(&home, &args.source)?;
    let stream = Stream::open(&path).map_err(|e| failure::stream(&e))?;
    let live = !args.no_progress && ui.can_draw() && !ui.options().quiet;
    let player = Player {
        ui,
        live,
        speed: args.speed.unwrap_or(if live { 1.0 } else { 0.0 }),
        until: args.until,
    };
    interrupt::watch_only(ui, "leaving", |stop| async move { player.play(stream, &stop).await })
}

/// The file, or the events of the last run of the cluster of that name.
pub(crate) fn source(home: &Home, source: &Path) -> Result<PathBuf, Failure> {
    let file = home::expand(source).map_err(|e| failure::home(&e))?;
    let name = source.to_str().filter(|name| !name.contains('/'));
    match name {
        Some(name) if !file.is_file() => {
            let folder = clusters::choose(home, Some(name)).map_err(|e| failure::choose(&e, "replay"))?;
            Ok(folder.events())
        }
        _ => Ok(file),
    }
}

struct Player<'a> {
    ui: &'a Ui,
    live: bool,
    speed: f64,
    until: Option<u64>,
}

/// What is being shown.
struct Shown {
    run: Uuid,
    view: Paced,
    time: Timestamp,
}

impl Player<'_> {
    async fn play(&self, mut stream: Stream, stop: &CancellationToken) -> Result<(), Failure> {
        let mut shown: Option<Shown> = None;
        let mut remarks = Remarks::default();
        let mut ended = false;
        while !ended {
            let mut items = stream.read().map_err(|e| failure::stream(&e))?;
            if items.is_empty() {
                items = stream.rest().map_err(|e| failure::stream(&e))?;
                ended = true;
            }
            for item in items {
                match item {
                    Item::Event(event) => {
                        if self.show(&mut shown, &event, stop).await {
                            ended = true;
                            break;
                        }
                    }
                    other => remarks.take(&other),
                }
            }
        }
        let nothing = shown.is_none();
        if let Some(mut shown) = shown {
            shown.view.finish();
        }
        remarks.tell(self.ui);
        if stop.is_cancelled() {
            return Err(failure::interrupted());
        }
        if nothing {
            return Err(Failure::new(Exit::Failed, "the file holds no event of a run"));
        }
        Ok(())
    }

    /// Shows an event at its time; tells whether it is the last one.
    async fn show(&self, shown: &mut Option<Shown>, event: &Event, stop: &CancellationToken) -> bool {
        // A file that several runs were appended to shows one after the other.
        if shown.as_ref().is_none_or(|shown| shown.run != event.run) {
            if let Some(mut before) = shown.take() {
                before.view.finish();
            }
            *shown = Some(Shown {
                run: event.run,
                view: Paced::new(progress::renderer(self.ui, self.live)),
                time: event.time,
            });
        }
        if let Some(shown) = shown {
            self.wait(shown, event.time, stop).await;
            shown.view.event(event);
            shown.time = event.time;
        }
        stop.is_cancelled() || self.until.is_some_and(|until| event.seq >= until)
    }

    /// Lets the time between two events pass, faster or slower than it did.
    async fn wait(&self, shown: &mut Shown, until: Timestamp, stop: &CancellationToken) {
        shown.view.catching_up(self.speed == 0.0);
        while self.speed > 0.0 && shown.time < until && !stop.is_cancelled() {
            let passes = STEP.mul_f64(self.speed).min(butler_api::view::since(shown.time, until));
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(passes.div_f64(self.speed)) => {}
            }
            let passes = passes.max(Duration::from_micros(1));
            shown.time = shown.time.saturating_add(passes).unwrap_or(until).min(until);
            shown.view.at(shown.time);
        }
    }
}
