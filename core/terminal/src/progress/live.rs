//! Progress as a block on the terminal that redraws itself. Drawing only; the picture is made in `frame`.

use std::time::Duration;

use butler_api::event::{Body, Event};
use jiff::Timestamp;

use butler_api::view::{View, since};

use super::{Progress, frame};
use crate::Ui;

/// Pictures come no faster than this; a burst of events is one picture.
const BETWEEN_FRAMES: Duration = Duration::from_millis(50);

/// Draws on stderr.
pub struct Live {
    ui: Ui,
    view: View,
    drawn: Option<Timestamp>,
    ended: bool,
    catching_up: bool,
}

impl Live {
    /// A renderer that draws on stderr, which must be able to ([`Ui::can_draw`]).
    pub fn new(ui: Ui) -> Self {
        Self {
            ui,
            view: View::default(),
            drawn: None,
            ended: false,
            catching_up: false,
        }
    }

    fn draw_if_due(&mut self) {
        let Some(now) = self.view.now().filter(|_| !self.catching_up) else {
            return;
        };
        if self.drawn.is_none_or(|drawn| since(drawn, now) >= BETWEEN_FRAMES) {
            self.draw();
        }
    }

    fn draw(&mut self) {
        if !self.ended {
            let (columns, rows) = self.ui.size();
            self.ui.draw(frame(&self.view, columns, rows));
            self.drawn = self.view.now();
        }
    }
}

impl Progress for Live {
    fn event(&mut self, event: &Event) {
        self.view.apply(event);
        if let Body::Warning { message, hint } = &event.body {
            self.ui.warn(message, hint.as_deref());
        }
        self.draw_if_due();
    }

    fn tick(&mut self, now: Timestamp) {
        self.view.tick(now);
        self.draw_if_due();
    }

    fn catching_up(&mut self, yes: bool) {
        self.catching_up = yes;
    }

    fn finish(&mut self) {
        self.draw();
        self.ui.keep_block();
        self.ended = true;
    }
}

/// A run that ends early leaves its last picture.
impl Drop for Live {
    fn drop(&mut self) {
        if !self.ended {
            self.ui.keep_block();
        }
    }
}
