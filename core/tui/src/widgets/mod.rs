//! Pieces that screens are made of. They draw what they are given and decide nothing about it.

pub mod ask;
pub mod canvas;
pub mod chrome;
pub mod field;
pub mod line;
pub mod popup;
pub mod scroll;

pub use ask::{Ask, Outcome};
pub use canvas::Canvas;
pub use chrome::{Chrome, Tab};
pub use field::Field;
pub use line::Line;
pub use scroll::{Scroll, window, wrap};
