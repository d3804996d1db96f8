//! What is otherwise than it was, a sentence each. Pure: two states in, changes out.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use super::examine::examine;
use super::finding::{Finding, Id, Severity, Subject};
use super::sight::Sight;
use super::summary;

/// What is known of a cluster at a time.
#[derive(Debug, Clone, Default)]
pub struct State {
    findings: BTreeMap<(Id, Subject), Finding>,
    phases: BTreeMap<Subject, String>,
}

impl State {
    /// The state of what is seen.
    pub fn of(sight: &Sight, now: Timestamp) -> Self {
        let findings = examine(sight, now).into_iter();
        let bad = findings.filter(|finding| finding.severity != Severity::Ok);
        let phases = summary::phases(sight).into_iter();
        Self {
            findings: bad
                .map(|finding| ((finding.id, finding.subject.clone()), finding))
                .collect(),
            phases: phases
                .map(|((namespace, name), phase)| (Subject::one("TenantCluster", namespace, name), phase))
                .collect(),
        }
    }
}

/// Something that is otherwise than it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Change {
    /// Something is wrong that was not, or it is wrong in another way.
    Found {
        /// What is wrong.
        finding: Finding,
    },
    /// Something is no longer wrong.
    Well {
        /// What was wrong.
        finding: Finding,
    },
    /// A tenant cluster is in another phase, is new or is gone.
    Phase {
        /// The cluster.
        subject: Subject,
        /// The phase before; none for a new cluster.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// The phase now; none for a cluster that is gone.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found { finding } => write!(
                f,
                "{}: {}: {}",
                finding.severity.as_str(),
                finding.subject,
                finding.sentence
            ),
            Self::Well { finding } => write!(f, "well again: {} ({})", finding.subject, finding.id),
            Self::Phase { subject, from, to } => match (from, to) {
                (Some(from), Some(to)) => write!(f, "{subject}: it is {to}, and was {from}"),
                (None, Some(to)) => write!(f, "{subject}: it is new, and {to}"),
                (_, None) => write!(f, "{subject}: it is gone"),
            },
        }
    }
}

/// What is otherwise now, in the order of weight: what is wrong, then what is well again, then phases.
pub fn changes(before: &State, now: &State) -> Vec<Change> {
    let is_new = |key: &(Id, Subject), finding: &Finding| {
        let other = |old: &Finding| old.severity != finding.severity || old.sentence != finding.sentence;
        before.findings.get(key).is_none_or(other)
    };
    let found = now.findings.iter().filter(|(key, finding)| is_new(key, finding));
    let mut found: Vec<Finding> = found.map(|(_, finding)| finding.clone()).collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut changes: Vec<Change> = found.into_iter().map(|finding| Change::Found { finding }).collect();
    let gone = before
        .findings
        .iter()
        .filter(|(key, _)| !now.findings.contains_key(key));
    changes.extend(gone.map(|(_, finding)| Change::Well {
        finding: finding.clone(),
    }));
    for (subject, to) in &now.phases {
        let from = before.phases.get(subject);
        if from != Some(to) {
            changes.push(Change::Phase {
                subject: subject.clone(),
                from: from.cloned(),
                to: Some(to.clone()),
            });
        }
    }
    let lost = before
        .phases
        .iter()
        .filter(|(subject, _)| !now.phases.contains_key(subject));
    changes.extend(lost.map(|(subject, from)| Change::Phase {
        subject: subject.clone(),
        from: Some(from.clone()),
        to: None,
    }));
    changes
}
