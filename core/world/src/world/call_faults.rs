//! Faults of single calls of a platform's API, or of the image factory: which calls they strike, and how.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::duration::GoDuration;

/// A fault of calls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CallFault {
    /// Only calls with this method; all where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only calls of this path: `*` is one segment, `**` at the end all that follow.
    pub path: String,
    /// The first of those calls that is struck, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// How many of them are struck; all that follow where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How many of a hundred are struck; which ones follows from `seed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<u8>,
    /// Another one strikes other calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// It takes so much longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<GoDuration>,
    /// It is answered with this status, and nothing is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The text of that answer instead of the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The header `Retry-After` of that answer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The connection ends without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Moment>,
    /// Only half of the answer comes.
    #[serde(skip_serializing_if = "is_false")]
    pub truncate: bool,
    /// A read is answered as the last one was that was not struck.
    #[serde(skip_serializing_if = "is_false")]
    pub stale: bool,
    /// The tickets of everybody expire first.
    #[serde(skip_serializing_if = "is_false")]
    pub expire_tickets: bool,
    /// What becomes of the task that it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskFault>,
}

/// When a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// Before anything is done.
    Before,
    /// When everything is done.
    After,
}

/// What becomes of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TaskFault {
    /// It fails with this text, and its work is not done.
    Fails(String),
    /// It never ends, and its work is not done.
    Endless,
}

/// How often a fault has met a call that it could strike.
#[derive(Debug, Clone, Copy, Default)]
pub struct Met {
    calls: u64,
    struck: u64,
}

impl CallFault {
    /// Whether this call is struck. `place` is that of the fault in its list.
    fn strikes(&self, place: usize, met: &mut Met, method: &str, path: &str) -> bool {
        let method_fits = self
            .method
            .as_deref()
            .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method));
        if !method_fits || !matches(&self.path, path) {
            return false;
        }
        met.calls += 1;
        let begun = met.calls >= self.nth.unwrap_or(1);
        let left = self.count.is_none_or(|count| met.struck < count);
        let strikes = begun && left && self.by_chance(place, met.calls);
        met.struck += u64::from(strikes);
        strikes
    }

    fn has_effect(&self) -> bool {
        let Self {
            delay,
            status,
            drop,
            truncate,
            stale,
            expire_tickets,
            task,
            ..
        } = self;
        let happens = delay.is_some() || status.is_some() || drop.is_some() || task.is_some();
        happens || *truncate || *stale || *expire_tickets
    }

    fn by_chance(&self, place: usize, call: u64) -> bool {
        let Some(probability) = self.probability else {
            return true;
        };
        let digest = Sha256::digest(format!("{} {place} {call}", self.seed.unwrap_or(0)));
        let drawn = u16::from_be_bytes([digest[0], digest[1]]);
        u32::from(drawn) * 100 < u32::from(probability) << 16
    }

    /// What is wrong with it, in words for people.
    pub fn problem(&self) -> Option<String> {
        if !self.path.starts_with('/') {
            return Some(format!("path {:?} does not begin with a slash", self.path));
        }
        if !self.has_effect() {
            return Some(format!("nothing happens to the calls of {}", self.path));
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Some(format!(
                "a status is a number from 200 to 599, and that of {} is none",
                self.path
            ));
        }
        None
    }
}

/// The first fault of a list that strikes a call. Every fault of the list counts the call.
pub fn struck(faults: &[CallFault], met: &mut Vec<Met>, method: &str, path: &str) -> Option<CallFault> {
    met.resize(faults.len(), Met::default());
    let all = faults.iter().zip(met.iter_mut()).enumerate();
    let mut first = None;
    for (place, (fault, met)) in all {
        if fault.strikes(place, met, method, path) && first.is_none() {
            first = Some(fault.clone());
        }
    }
    first
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/').filter(|segment| !segment.is_empty());
    let mut found = path.split('/').filter(|segment| !segment.is_empty());
    loop {
        match (wanted.next(), found.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some("*"), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> CallFault {
        serde_saphyr::from_str(text).unwrap()
    }

    #[test]
    fn a_pattern_names_segments_or_all_that_follow() {
        assert!(matches("/nodes/*/qemu", "/nodes/pve1/qemu"));
        assert!(!matches("/nodes/*/qemu", "/nodes/pve1/qemu/101"));
        assert!(matches("/nodes/**", "/nodes/pve1/qemu/101"));
        assert!(!matches("/nodes/*/qemu", "/nodes"));
    }

    #[test]
    fn the_second_and_third_call_are_struck_and_no_others() {
        let faults = [fault(
            "{method: POST, path: /nodes/*/qemu, nth: 2, count: 2, drop: after}",
        )];
        let mut met = Vec::new();
        let mut call = |method: &str| struck(&faults, &mut met, method, "/nodes/a/qemu").is_some();
        let seen = [call("POST"), call("GET"), call("POST"), call("POST"), call("POST")];
        assert_eq!(seen, [false, false, true, true, false]);
    }

    #[test]
    fn chance_follows_from_the_seed() {
        let run = |seed: u64| -> Vec<bool> {
            let faults = [fault(&format!(
                "{{path: /**, probability: 30, seed: {seed}, status: 503}}"
            ))];
            let mut met = Vec::new();
            (0..200)
                .map(|_| struck(&faults, &mut met, "GET", "/a").is_some())
                .collect()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let hits = run(1).into_iter().filter(|hit| *hit).count();
        assert!((35..85).contains(&hits), "{hits}");
    }

    #[test]
    fn a_fault_without_effect_and_one_that_is_misspelt_are_refused() {
        assert!(fault("{path: /a}").problem().is_some());
        assert!(fault("{path: a, status: 503}").problem().is_some());
        assert!(fault("{path: /a, task: {fails: no}}").problem().is_none());
        assert!(serde_saphyr::from_str::<CallFault>("{path: /a, statuss: 503}").is_err());
    }
}
