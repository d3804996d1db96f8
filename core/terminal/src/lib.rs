//! What people see: the only printer, output formats, errors, progress, and the environment it depends on.
//!
//! stdout carries the answer of a command, stderr everything else. Nothing outside this crate prints.

pub mod args;
pub mod ci;
pub mod completion;
pub mod duration;
pub mod editor;
pub mod env;
pub mod failure;
pub mod generated;
pub mod interrupt;
pub mod logging;
pub mod output;
pub mod process;
pub mod progress;
pub mod prompt;
pub mod qr;
pub mod style;
pub mod table;
pub mod text;
pub mod ui;
pub mod version;

pub use env::Env;
pub use failure::{Exit, Failure};
pub use output::{Answer, Format};
pub use table::Table;
pub use ui::{ColorChoice, Ui, UiOptions};
