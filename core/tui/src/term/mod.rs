//! The terminal: which modes are on, what is written to it, what comes from it, and how it is given back.
//!
//! Nothing here asks the terminal anything. Its size comes from the system, and what it can do from the environment: answers of
//! terminals race with keys, come late over slow lines, and some never come.

mod canvas;
mod diagnostics;
mod guard;
mod modes;
mod output;
mod pace;
mod reader;
mod signals;

pub use self::{
    canvas::Canvas,
    diagnostics::Diagnostics,
    guard::{Guard, Hook, terminal},
    output::{Counters, Output},
    pace::Pace,
    reader::{Reader, from_terminal},
    signals::{Signal, can_suspend, is_hung_up, listen, stop_here},
};
