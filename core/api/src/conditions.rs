//! Conditions: finding them, and setting them so that the transition time moves only with the status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Condition types that several kinds use.
pub mod types {
    /// The object does its work.
    pub const READY: &str = "Ready";
    /// Work on the object is under way.
    pub const PROGRESSING: &str = "Progressing";
    /// The system image of a TenantCluster is on the platform.
    pub const IMAGE_READY: &str = "ImageReady";
}

/// Reasons in use. Reasons are an open set; compare, never match exhaustively.
pub mod reasons {
    /// Nothing has happened yet.
    pub const PENDING: &str = "Pending";
    /// The platform is making it.
    pub const CREATING: &str = "Creating";
    /// The platform has made it.
    pub const CREATED: &str = "Created";
    /// The machine or program runs.
    pub const RUNNING: &str = "Running";
    /// It runs and has no address yet.
    pub const WAITING_FOR_IP: &str = "WaitingForIP";
    /// The work failed, and is not tried again.
    pub const FAILED: &str = "Failed";
    /// The object is gone.
    pub const DELETED: &str = "Deleted";
    /// Everything that the condition is about is well.
    pub const READY: &str = "Ready";
    /// The platform refused or failed a call.
    pub const PROVIDER_ERROR: &str = "ProviderError";
    /// The image is on the platform.
    pub const IMAGE_READY: &str = "ImageReady";
}

/// Status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// What the condition says is so.
    True,
    /// What the condition says is not so.
    False,
    /// Nobody knows whether it is so.
    Unknown,
}

impl Status {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for Status {
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

/// What is known now about one condition type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation<'a> {
    /// Type of the condition, such as `Ready`.
    pub kind: &'a str,
    /// Whether it is so.
    pub status: Status,
    /// The reason as one word for programs.
    pub reason: &'a str,
    /// The reason as a sentence for people.
    pub message: &'a str,
    /// The `metadata.generation` this speaks about.
    pub generation: Option<i64>,
}

/// The condition of this type.
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether the condition of this type is there and true.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition.status == Status::True.as_str())
}

/// Adds or updates a condition; says whether anything changed. `now` becomes the transition time only when the status
/// differs from the one before, and a repeated observation changes nothing.
pub fn set(conditions: &mut Vec<Condition>, observation: &Observation<'_>, now: Timestamp) -> bool {
    let Some(existing) = conditions.iter_mut().find(|c| c.type_ == observation.kind) else {
        conditions.push(to_condition(observation, Time(now)));
        return true;
    };
    let since = if existing.status == observation.status.as_str() {
        existing.last_transition_time.clone()
    } else {
        Time(now)
    };
    let updated = to_condition(observation, since);
    let changed = *existing != updated;
    *existing = updated;
    changed
}

fn to_condition(observation: &Observation<'_>, since: Time) -> Condition {
    Condition {
        type_: observation.kind.to_owned(),
        status: observation.status.as_str().to_owned(),
        reason: observation.reason.to_owned(),
        message: observation.message.to_owned(),
        observed_generation: observation.generation,
        last_transition_time: since,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(status: Status, reason: &'static str) -> Observation<'static> {
        Observation {
            kind: types::READY,
            status,
            reason,
            message: "",
            generation: Some(1),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let mut conditions = Vec::new();
        assert!(set(&mut conditions, &ready(Status::False, reasons::CREATING), at(10)));
        assert!(set(
            &mut conditions,
            &ready(Status::False, reasons::WAITING_FOR_IP),
            at(20)
        ));
        assert_eq!(conditions[0].last_transition_time.0, at(10));
        assert_eq!(conditions[0].reason, reasons::WAITING_FOR_IP);
        assert!(set(&mut conditions, &ready(Status::True, reasons::RUNNING), at(30)));
        assert_eq!(conditions[0].last_transition_time.0, at(30));
        assert_eq!(conditions.len(), 1);
    }

    #[test]
    fn a_repeated_observation_changes_nothing() {
        let mut conditions = Vec::new();
        set(&mut conditions, &ready(Status::True, reasons::RUNNING), at(10));
        let before = conditions.clone();
        assert!(!set(&mut conditions, &ready(Status::True, reasons::RUNNING), at(99)));
        assert_eq!(conditions, before);
    }

    #[test]
    fn only_true_is_true() {
        let mut conditions = Vec::new();
        assert!(!is_true(&conditions, types::READY));
        set(&mut conditions, &ready(Status::Unknown, reasons::PENDING), at(1));
        assert!(!is_true(&conditions, types::READY));
        set(&mut conditions, &ready(Status::True, reasons::READY), at(2));
        assert!(is_true(&conditions, types::READY));
    }
}
