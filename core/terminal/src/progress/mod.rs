//! Progress of a bootstrap, drawn from its events and nothing else; and of one thing that is waited for.

pub mod board;
mod frame;
mod job;
mod live;
mod paced;
mod plain;
mod summary;

pub use frame::{frame, outcome_tone, phase_words, plural, state_tone};
pub use live::Live;
pub use paced::Paced;
pub use plain::Plain;

use butler_api::event::{Body, Event};
use jiff::Timestamp;

use crate::{Ui, ci::Job};

/// Shows a run while it happens.
pub trait Progress: Send {
    /// Takes the next event of the stream.
    fn event(&mut self, event: &Event);

    /// Lets time pass. Call it about four times a second: waits grow older, and held-back changes are shown.
    fn tick(&mut self, now: Timestamp);

    /// Whether what comes now is the past, which only its result is worth a picture of.
    fn catching_up(&mut self, yes: bool) {
        let _ = yes;
    }

    /// Shows what is held back and leaves a summary. Nothing is drawn afterwards.
    fn finish(&mut self);
}

/// The renderer that fits: live on a capable terminal if `live` is wanted, else lines; with `--quiet` warnings only.
pub fn renderer(ui: &Ui, live: bool) -> Box<dyn Progress> {
    if ui.options().quiet {
        Box::new(Quiet { ui: ui.clone() })
    } else if live && ui.can_draw() {
        Box::new(Live::new(ui.clone()))
    } else {
        Box::new(Plain::new(ui.clone()))
    }
}

/// The renderer that fits in a job of a CI system, which has sections and a summary; elsewhere as [`renderer`].
pub fn renderer_in(job: &Job, ui: &Ui, live: bool) -> Box<dyn Progress> {
    match job.system() {
        Some(system) => Box::new(job::InJob::new(ui.clone(), job.clone(), system)),
        None => renderer(ui, live),
    }
}

/// Warnings only.
struct Quiet {
    ui: Ui,
}

impl Progress for Quiet {
    fn event(&mut self, event: &Event) {
        if let Body::Warning { message, hint } = &event.body {
            self.ui.warn(message, hint.as_deref());
        }
    }

    fn tick(&mut self, _now: Timestamp) {}

    fn finish(&mut self) {}
}
