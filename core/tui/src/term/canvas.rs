//! Draws pictures on a terminal: only what differs from the last one, each in one piece.

use std::{
    io::{self, Write as _},
    time::{Duration, Instant},
};

use crossterm::{
    QueueableCommand as _,
    cursor::{Hide, MoveTo, Show},
    style::{Attribute, SetAttribute},
    terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate},
};
use ratatui::{
    backend::{Backend as _, CrosstermBackend},
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::output::{Counters, Output};

/// The largest terminal that is drawn on; what is beyond stays empty. Larger numbers are mistakes of whoever reports them.
const LARGEST: (u16, u16) = (1000, 500);

/// What is on the terminal, and the way to change it.
pub struct Canvas {
    backend: CrosstermBackend<Output>,
    shown: Buffer,
    caret: Option<Position>,
    /// What is on the terminal is not known.
    stale: bool,
    counters: Counters,
}

impl Canvas {
    /// A terminal of this size, on which anything may be.
    pub fn new(output: Output, columns: u16, rows: u16) -> Self {
        let counters = output.counters();
        let mut canvas = Self {
            backend: CrosstermBackend::new(output),
            shown: Buffer::empty(Rect::default()),
            caret: None,
            stale: true,
            counters,
        };
        canvas.resize(columns, rows);
        canvas
    }

    /// The terminal has this size now.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let area = Rect::new(0, 0, columns.min(LARGEST.0), rows.min(LARGEST.1));
        self.shown = Buffer::empty(area);
        self.stale = true;
    }

    /// Draws everything anew with the next picture.
    pub fn forget(&mut self) {
        self.stale = true;
    }

    /// Where pictures go.
    pub fn area(&self) -> Rect {
        self.shown.area
    }

    /// How much was written.
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Shows what `paint` draws, with the caret where it says; tells how long the terminal took to take it.
    pub fn draw(&mut self, paint: impl FnOnce(Rect, &mut Buffer) -> Option<Position>) -> io::Result<Duration> {
        let area = self.shown.area;
        let mut next = Buffer::empty(area);
        let caret = paint(area, &mut next).filter(|at| area.contains(*at));
        self.compose(&next, caret)?;
        self.shown = next;
        self.caret = caret;
        self.stale = false;
        let begun = Instant::now();
        io::Write::flush(&mut self.backend)?;
        Ok(begun.elapsed())
    }

    /// Whether the caret is shown.
    pub fn has_caret(&self) -> bool {
        self.caret.is_some()
    }

    /// Writes something that is no picture, such as what goes to the clipboard.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.backend.write_all(bytes)?;
        io::Write::flush(&mut self.backend)
    }

    /// Collects one frame; nothing where nothing has changed.
    fn compose(&mut self, next: &Buffer, caret: Option<Position>) -> io::Result<()> {
        if self.stale {
            self.backend.queue(BeginSynchronizedUpdate)?;
            self.backend.queue(SetAttribute(Attribute::Reset))?;
            self.backend.queue(Clear(ClearType::All))?;
            self.shown = Buffer::empty(next.area);
        }
        let changes = self.shown.diff(next);
        if !self.stale && changes.is_empty() && caret == self.caret {
            return Ok(());
        }
        if !self.stale {
            self.backend.queue(BeginSynchronizedUpdate)?;
        }
        // The caret does not follow the drawing.
        if !changes.is_empty() && (self.caret.is_some() || self.stale) {
            self.backend.queue(Hide)?;
        }
        self.backend.draw(changes.into_iter())?;
        match caret {
            Some(at) => {
                self.backend.queue(MoveTo(at.x, at.y))?;
                self.backend.queue(Show)?;
            }
            None if self.caret.is_some() => {
                self.backend.queue(Hide)?;
            }
            None => {}
        }
        self.backend.queue(EndSynchronizedUpdate)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ratatui::style::Style;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Sink {
        fn taken(&self) -> String {
            String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
        }
    }

    fn canvas() -> (Canvas, Sink) {
        let sink = Sink::default();
        (Canvas::new(Output::to(Box::new(sink.clone())), 20, 3), sink)
    }

    fn words(text: &'static str, caret: Option<Position>) -> impl FnOnce(Rect, &mut Buffer) -> Option<Position> {
        move |_, buffer| {
            buffer.set_string(0, 0, text, Style::new());
            caret
        }
    }

    #[test]
    fn a_frame_is_one_synchronised_piece_with_the_caret_inside() {
        let (mut canvas, sink) = canvas();
        canvas.draw(words("hello", Some(Position::new(5, 0)))).unwrap();
        let first = sink.taken();
        assert!(
            first.starts_with("\x1b[?2026h") && first.ends_with("\x1b[1;6H\x1b[?25h\x1b[?2026l"),
            "{first:?}"
        );
        assert!(first.contains("\x1b[2J") && first.contains("hello"), "{first:?}");
        assert_eq!(canvas.counters().frames(), 1);
    }

    #[test]
    fn what_has_not_changed_is_not_written() {
        let (mut canvas, sink) = canvas();
        canvas.draw(words("hello", None)).unwrap();
        sink.taken();
        canvas.draw(words("hello", None)).unwrap();
        assert_eq!(sink.taken(), "");
        canvas.draw(words("hellO", None)).unwrap();
        let change = sink.taken();
        assert!(
            change.contains('O') && !change.contains('h') || !change.contains("hell"),
            "{change:?}"
        );
        canvas.forget();
        canvas.draw(words("hellO", None)).unwrap();
        assert!(sink.taken().contains("hellO"));
    }

    #[test]
    fn a_caret_outside_of_the_terminal_is_no_caret() {
        let (mut canvas, sink) = canvas();
        canvas.draw(words("a", Some(Position::new(20, 0)))).unwrap();
        assert!(!canvas.has_caret() && !sink.taken().contains("\x1b[?25h"));
    }

    #[test]
    fn no_terminal_is_too_small_or_too_large() {
        for (columns, rows) in [(0, 0), (0, 9), (9, 0), (1, 1), (u16::MAX, u16::MAX)] {
            let (mut canvas, _) = canvas();
            canvas.resize(columns, rows);
            let area = canvas.area();
            assert!(area.width <= LARGEST.0 && area.height <= LARGEST.1);
            canvas.draw(|_, _| Some(Position::new(0, 0))).unwrap();
        }
    }
}
