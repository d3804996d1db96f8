//! How far a step on the platform is.

use std::time::Duration;

use butler_api::config::ProviderKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a step is: done, or to be asked about again.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress<T> {
    /// Nothing is left to do.
    Done(T),
    /// The platform works on it.
    Pending(Pending),
}

/// A step that the platform works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// What to hand in with the next call, also from another process.
    pub handle: OpHandle,
    /// When to ask again.
    pub poll_after: Duration,
    /// What it waits for, for people.
    pub note: String,
    /// What a person can do about it.
    pub hint: Option<String>,
}

/// An operation under way on the platform. It can be written down, so that a restart continues the operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpHandle {
    /// What is being done.
    pub kind: OpKind,
    /// The platform that does it.
    pub provider: ProviderKind,
    /// The platform's id of the operation, or of the object that it changes.
    pub id: String,
    /// When it was started.
    pub started: Timestamp,
}

impl OpHandle {
    /// How long the operation has been under way. When the clock was set back nothing has passed yet.
    pub fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.started)).unwrap_or(Duration::ZERO)
    }
}

/// The kinds of operation that a platform may take its time for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpKind {
    /// A machine is made or claimed.
    MachineCreate,
    /// A machine is deleted or reset.
    MachineDelete,
    /// An image is brought to the platform.
    ImageCreate,
    /// An object beside a machine is deleted.
    ObjectDelete,
    /// What only a machine's first boot needed is taken from it.
    MachineScrub,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_counts_from_zero() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let handle = OpHandle {
            kind: OpKind::MachineDelete,
            provider: ProviderKind::InMemory,
            id: "inmemory-1".into(),
            started: at(0),
        };
        assert_eq!(handle.age(at(30)), Duration::from_secs(30));
        assert_eq!(handle.age(at(-30)), Duration::ZERO);
    }
}
