//! Steps that tests share.

use jiff::{SignedDuration, Timestamp};

use crate::event::StepLine;

/// A step with these needs, of a kind of its own.
pub(super) fn line(id: &str, needs: &[&str], needs_any: &[&str]) -> StepLine {
    let ids = |list: &[&str]| list.iter().map(|id| (*id).to_owned()).collect();
    StepLine {
        id: id.to_owned(),
        title: id.to_owned(),
        kind: id.to_owned(),
        phase: String::new(),
        needs: ids(needs),
        needs_any: ids(needs_any),
        deadline_seconds: 60,
        usual_seconds: None,
        hint: None,
        proven: false,
    }
}

/// So many seconds after the beginning of time.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}
