//! The journal of one bootstrap: what was intended, done and proven, in the order it was made durable.
//!
//! [`Record`] and [`Known`] are pure; [`Writer`] appends to `journal.ndjson` and answers only when the line is on disk. [`find`] tells
//! a journal that was lost from a bootstrap that is new.

mod backup;
mod found;
mod known;
mod record;
mod writer;

pub use found::{BackedUp, Found, Problem, Unusable, find};
pub use known::{Known, MachineFacts};
pub use record::{Entry, Fact, Record, VERSION};
pub use writer::{JournalError, Writer, read};
