//! What a step was last seen waiting for. Pure.
//!
//! The last cause stays until a better one comes: a peer that says nothing any more does not unsay what it said before.

use std::time::Duration;

use butler_api::event::CauseLine;
use tokio::time::Instant;

use crate::{StepId, Waiting};

/// A step's wait.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wait {
    /// Since when it waits for this.
    pub(super) since: Instant,
    /// For what.
    pub(super) waiting_for: String,
    /// What can be done about it.
    pub(super) hint: Option<String>,
    /// The causes down to the last one, where several layers are known.
    pub(super) chain: Vec<CauseLine>,
    cause: Option<Cause>,
}

#[derive(Debug, Clone, PartialEq)]
struct Cause {
    text: String,
    /// When it was last given.
    heard: Instant,
    /// The last look still gave it.
    fresh: bool,
    /// It ended an attempt, and so is about the step as a whole rather than about one thing that it waited for.
    of_attempt: bool,
}

impl Wait {
    /// What is known after a look.
    pub(super) fn after_look(known: Option<&Self>, waiting: Waiting, now: Instant) -> Self {
        let Waiting {
            waiting_for,
            cause,
            chain,
            hint,
        } = waiting;
        let same = known.filter(|wait| wait.waiting_for == waiting_for);
        let kept = same.filter(|_| cause.is_none());
        let hint = hint.or_else(|| kept?.hint.clone());
        let (cause, chain) = match cause {
            Some(text) => {
                let cause = Cause {
                    text,
                    heard: now,
                    fresh: true,
                    of_attempt: false,
                };
                (Some(cause), chain)
            }
            None => match known.and_then(|wait| Some((wait.cause.clone()?, &wait.chain))) {
                Some((cause, before)) if same.is_some() || cause.of_attempt => {
                    (Some(Cause { fresh: false, ..cause }), before.clone())
                }
                _ => (None, kept.map_or(chain, |kept| kept.chain.clone())),
            },
        };
        Self {
            since: same.map_or(now, |wait| wait.since),
            waiting_for,
            hint,
            chain,
            cause,
        }
    }

    /// What is known after an attempt failed. Where its error has no layers, those that its last look told stay: the next
    /// attempt tells better ones.
    pub(super) fn after_failure(known: Option<&Self>, cause: String, chain: Vec<CauseLine>, now: Instant) -> Self {
        Self {
            since: known.map_or(now, |wait| wait.since),
            waiting_for: known.map_or_else(|| "the next attempt".to_owned(), |wait| wait.waiting_for.clone()),
            hint: known.and_then(|wait| wait.hint.clone()),
            chain: if chain.is_empty() {
                known.map_or_else(Vec::new, |wait| wait.chain.clone())
            } else {
                chain
            },
            cause: Some(Cause {
                text: cause,
                heard: now,
                fresh: true,
                of_attempt: true,
            }),
        }
    }

    /// The last cause.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_ref().map(|cause| cause.text.as_str())
    }

    /// Whether people would read the same. Ages of causes grow by themselves.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        let same = |(a, b): (&CauseLine, &CauseLine)| {
            (a.layer, &a.object, &a.text, &a.source) == (b.layer, &b.object, &b.text, &b.source)
        };
        self.waiting_for == other.waiting_for
            && self.cause() == other.cause()
            && self.chain.len() == other.chain.len()
            && self.chain.iter().zip(&other.chain).all(same)
    }

    /// `; last cause: …`, with its age where later looks did not give it again; empty without a cause.
    pub(super) fn last_cause(&self, now: Instant) -> String {
        let Some(cause) = &self.cause else {
            return String::new();
        };
        let age = now.saturating_duration_since(cause.heard);
        if cause.fresh || age < Duration::from_secs(1) {
            format!("; last cause: {}", cause.text)
        } else {
            format!("; last cause, {} ago: {}", seconds(age), cause.text)
        }
    }

    /// The whole in words, for a step that did not get to its end.
    pub(super) fn describe(&self, step: &StepId, cut_off: bool, now: Instant) -> String {
        let cut_off = if cut_off { ", then cut off" } else { "" };
        format!(
            "waited {} for {} (step {step}){cut_off}{}",
            seconds(now.saturating_duration_since(self.since)),
            self.waiting_for,
            self.last_cause(now)
        )
    }
}

/// A span in words.
pub(super) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 120.0 {
        format!("{:.0} min", seconds / 60.0)
    } else {
        format!("{seconds:.0} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(waiting_for: &str, cause: Option<&str>) -> Waiting {
        Waiting {
            waiting_for: waiting_for.to_owned(),
            cause: cause.map(ToOwned::to_owned),
            ..Waiting::default()
        }
    }

    fn words(wait: &Wait, now: Instant) -> String {
        wait.describe(&StepId::new("preflight"), false, now)
    }

    #[test]
    fn a_look_that_finds_no_cause_keeps_the_last_one_with_its_age() {
        let start = Instant::now();
        let after = |s| start + Duration::from_secs(s);
        let wait = Wait::after_look(None, look("an answer", Some("refused")), start);
        assert_eq!(
            words(&wait, after(5)),
            "waited 5 s for an answer (step preflight); last cause: refused"
        );
        let wait = Wait::after_look(Some(&wait), look("an answer", None), after(6));
        assert_eq!(
            words(&wait, after(8)),
            "waited 8 s for an answer (step preflight); last cause, 8 s ago: refused"
        );
        let better = Wait::after_look(Some(&wait), look("an answer", Some("reset")), after(9));
        assert_eq!(better.cause(), Some("reset"));
        assert!(!better.says_what(&wait));
    }

    #[test]
    fn a_cause_that_was_heard_within_a_second_has_no_age() {
        let start = Instant::now();
        let wait = Wait::after_look(None, look("an answer", Some("refused")), start);
        let silent = Wait::after_look(Some(&wait), look("an answer", None), start);
        let soon = start + Duration::from_millis(900);
        assert_eq!(silent.last_cause(soon), "; last cause: refused");
        let later = start + Duration::from_secs(1);
        assert_eq!(silent.last_cause(later), "; last cause, 1 s ago: refused");
    }

    #[test]
    fn what_ended_an_attempt_stays_through_the_next_ones() {
        let start = Instant::now();
        let after = |s| start + Duration::from_secs(s);
        let checks = || look("the platform's checks", None);
        let mut wait = Wait::after_look(None, checks(), start);
        for attempt in 1..=5 {
            wait = Wait::after_failure(
                Some(&wait),
                format!("no answer {attempt}"),
                Vec::new(),
                after(8 * attempt),
            );
            wait = Wait::after_look(Some(&wait), checks(), after(8 * attempt + 1));
        }
        assert_eq!(
            words(&wait, after(45)),
            "waited 45 s for the platform's checks (step preflight); last cause, 5 s ago: no answer 5"
        );
        let further = Wait::after_look(Some(&wait), look("something else", None), after(46));
        assert_eq!(further.cause(), Some("no answer 5"));
    }

    fn layer(text: &str) -> CauseLine {
        CauseLine {
            layer: butler_api::event::Layer::Network,
            object: "the platform".to_owned(),
            text: text.to_owned(),
            source: String::new(),
            age_seconds: None,
        }
    }

    #[test]
    fn the_layers_of_an_attempt_stay_until_the_next_one_tells_others() {
        let now = Instant::now();
        let checks = || look("the platform's checks", None);
        let fail = |known: &Wait, chain| Wait::after_failure(Some(known), "refused".to_owned(), chain, now);
        let wait = fail(&Wait::after_look(None, checks(), now), vec![layer("refused")]);
        // The next attempt begins, and waits for something else first.
        let wait = Wait::after_look(Some(&wait), look("the state of the platform", None), now);
        let wait = Wait::after_look(Some(&wait), checks(), now);
        assert_eq!(wait.chain, [layer("refused")]);
        let silent = fail(&wait, Vec::new());
        assert_eq!(silent.chain, [layer("refused")]);
        let other = fail(&silent, vec![layer("reset")]);
        assert_eq!(other.chain, [layer("reset")]);
        let named = Wait::after_look(Some(&other), look("the platform's checks", Some("full")), now);
        assert_eq!((named.cause(), named.chain.len()), (Some("full"), 0));
    }

    #[test]
    fn a_cause_of_one_thing_is_none_of_another() {
        let now = Instant::now();
        let wait = Wait::after_look(None, look("an address", Some("the pool is empty")), now);
        let next = Wait::after_look(Some(&wait), look("an answer", None), now);
        assert_eq!(next.cause(), None);
    }

    #[test]
    fn an_attempt_that_failed_before_any_look_is_told() {
        let now = Instant::now();
        let wait = Wait::after_failure(None, "refused".to_owned(), Vec::new(), now);
        assert_eq!(
            words(&wait, now),
            "waited 0 s for the next attempt (step preflight); last cause: refused"
        );
    }
}
