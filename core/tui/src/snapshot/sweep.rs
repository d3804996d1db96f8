//! Every size of a terminal.

use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{look::Look, screen::Screen};

/// Widest terminal of the sweep.
const WIDEST: u16 = 250;

/// Tallest terminal of the sweep.
const TALLEST: u16 = 80;

/// Draws a screen at every size up to 250x80, and looks that the caret is inside.
///
/// # Panics
///
/// Where the screen does, or where its caret is outside: a sweep is part of a test.
pub fn sweep(screen: &dyn Screen, look: Look, now: Timestamp) {
    // One buffer for all of them: what an earlier size left is drawn over, and making thousands of buffers would take longer than
    // drawing into them.
    let mut buffer = Buffer::empty(Rect::ZERO);
    for width in 0..=WIDEST {
        for height in 0..=TALLEST {
            let area = Rect::new(0, 0, width, height);
            buffer.resize(area);
            let caret = screen.draw(area, &mut buffer, look, now);
            assert!(
                caret.is_none_or(|caret| area.contains(caret)),
                "the caret at {caret:?} is outside of {width}x{height}"
            );
        }
    }
}
