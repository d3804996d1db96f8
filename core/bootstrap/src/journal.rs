//! The journal of one bootstrap: what was intended, done and proven, in the order it was made durable.
//!
//! [`Record`] and [`Known`] are pure; [`Writer`] appends to `journal.ndjson` and answers only when the line is on disk.

mod known;
mod lock;
mod record;
mod writer;

pub use known::{Known, MachineFacts};
pub use lock::{Lock, LockError};
pub use record::{Entry, Fact, Record, VERSION};
pub use writer::{JournalError, Writer, read};
