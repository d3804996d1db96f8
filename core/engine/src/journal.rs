//! The journal of an operation: what was intended, done and proven, in the order it was made durable.
//!
//! [`Record`] and [`Known`], the fold over the records, are pure. A [`Journal`] appends to a file and answers only when the line is
//! on disk; then, and nowhere else, the fold changes. [`find`] tells a journal that was lost from an operation that is new.

mod backup;
mod found;
mod known;
mod record;
mod writer;

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    found::{BackedUp, Found, JournalProblem, Unusable, find},
    known::Known,
    record::{Entry, Record, VERSION},
    writer::{Fuse, Journal, JournalError, read},
};

/// What the steps of an operation learn, folded.
pub trait Memory: Clone + Debug + Default + Send + Sync + 'static {
    /// Something learned that later runs rely on.
    type Fact: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Takes note of one more fact, in the order of the journal.
    fn learn(&mut self, fact: &Self::Fact);

    /// Whether a fact settles something for ever, so that it has to be on disk twice before anybody acts on it.
    fn settles(fact: &Self::Fact) -> bool {
        let _ = fact;
        false
    }
}

/// Steps that learn nothing.
impl Memory for () {
    type Fact = ();

    fn learn(&mut self, (): &()) {}
}
