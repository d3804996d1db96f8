//! What preflight gets and finds.

use crate::{MachineSpec, Owner};

/// Everything that preflight has to know.
#[derive(Debug, Clone)]
pub struct InfraPlan {
    /// Whose machines they will be.
    pub owner: Owner,
    /// The machines, control planes first.
    pub machines: Vec<MachineSpec>,
}

/// One finding of preflight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable name, for example `inmemory/world`.
    pub id: &'static str,
    /// How serious it is.
    pub status: CheckStatus,
    /// What was found, as a sentence.
    pub summary: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// How serious a finding is, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// It is as it should be.
    Ok,
    /// It could not be checked.
    Skipped,
    /// It works, but somebody should know.
    Warn,
    /// A run would fail.
    Fail,
}
