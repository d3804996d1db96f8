//! States in words.

use butler_terminal::duration;
use butler_wizard::{finding::Severity, list::State};
use jiff::Timestamp;

use crate::{look::Role, widgets::Line};

/// The role of how bad something is.
pub(super) fn role(severity: Severity) -> Role {
    match severity {
        Severity::Note => Role::Hint,
        Severity::Warning => Role::Late,
        Severity::Error => Role::Bad,
    }
}

/// How far a list is.
pub(super) fn list(state: &State, now: Timestamp) -> Line {
    match state {
        State::Idle => Line::of(Role::Faint, "list not asked yet"),
        State::Loading { since, so_far } => {
            let age = duration::age(*since, now);
            let words = match so_far.len() {
                0 => format!("asking, {age}"),
                count => format!("{count} so far, {age}"),
            };
            Line::of(Role::Busy, &words)
        }
        State::Here { items, .. } if items.is_empty() => Line::of(Role::Late, "there is none"),
        State::Here { items, at } => {
            let (count, age) = (items.len(), duration::age(*at, now));
            Line::of(Role::Faint, &format!("{count}, {age} ago"))
        }
        State::Failed { at, .. } => Line::of(Role::Bad, &format!("list failed {} ago", duration::age(*at, now))),
    }
}

/// A bar of so many columns, of which a part is filled.
pub(super) fn bar(taken: u64, all: u64, columns: usize) -> String {
    let wide = u64::try_from(columns).unwrap_or(0);
    let filled = taken.saturating_mul(wide).div_ceil(all.max(1)).min(wide);
    let filled = usize::try_from(filled).unwrap_or(columns);
    format!("[{}{}]", "#".repeat(filled), "-".repeat(columns - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_within_their_room() {
        assert_eq!(bar(36, 96, 8), "[###-----]");
        assert_eq!(bar(0, 0, 4), "[----]");
        assert_eq!(bar(200, 100, 4), "[####]");
        assert_eq!(bar(1, 1000, 4), "[#---]");
    }
}
