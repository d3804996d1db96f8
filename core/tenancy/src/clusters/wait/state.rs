//! The decisions of a wait, without clock and network: what was seen goes in, what to do comes out.

use std::time::Duration;

use butler_api::v1alpha1::TenantCluster;
use butler_api::v1alpha1::tenant_cluster::TenantClusterPhase;
use kube::api::DynamicObject;
use tokio::time::Instant;

use super::left::{self, Left, Whose};
use super::sight::{self, Row, RowState, Sight};
use super::{Asked, Goal, WaitError};
use crate::clusters::read::{self, ReadError};
use crate::follow::Step;

/// How long a cluster may say the same failure before nobody waits for it any more. Its controller tries again every 30 s, so
/// that a failure is not the end; the second time that nothing has changed, somebody has to look.
const PATIENCE: Duration = Duration::from_secs(70);

/// Failures that no time mends: what the cluster asks for has to be changed, or what it refers to.
const LASTING: [&str; 6] = [
    "ValidationFailed",
    "ConfigError",
    "InvalidConfiguration",
    "QuotaExceeded",
    "EnvQuotaExceeded",
    "PerMemberCapExceeded",
];

/// How many objects an error names that are left of a cluster.
const MOST_LEFT: usize = 20;

/// What follows from what was seen.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is as it should be.
    Met(Box<Option<DynamicObject>>),
    /// There is nothing to wait for any more.
    Ended(WaitError),
    /// There is something new to be seen.
    Changed(Sight),
    /// There is not.
    Same,
}

/// A wait, and what it has seen so far.
pub(super) struct State<'a> {
    asked: &'a Asked,
    uid: Option<String>,
    /// What the cluster itself shows, as it was seen last.
    seen: Option<Sight>,
    shown: Option<Sight>,
    /// What is left of it while it is being deleted.
    left: Left,
    deleted: Option<Whose>,
    failing: Option<Failing>,
}

/// A failure, and since when.
struct Failing {
    reason: String,
    message: String,
    generation: Option<i64>,
    since: Instant,
    /// Whether it was so when it was looked at last.
    now: bool,
}

impl<'a> State<'a> {
    pub(super) fn new(asked: &'a Asked) -> Self {
        Self {
            asked,
            uid: asked.uid.clone(),
            seen: None,
            shown: None,
            left: Left::default(),
            deleted: None,
            failing: None,
        }
    }

    /// Something was seen.
    pub(super) fn step(&mut self, step: Step, now: Instant) -> Verdict {
        match step {
            Step::First(mut objects) => self.see(objects.pop(), now),
            Step::Changed(object) => self.see(Some(object), now),
            Step::Gone(_) => self.see(None, now),
            Step::Trouble(words) => self.trouble(words),
        }
    }

    /// The cluster as it is now; nothing: there is none.
    fn see(&mut self, object: Option<DynamicObject>, now: Instant) -> Verdict {
        let name = || self.asked.name.clone();
        let Some(object) = object else {
            return self.absent();
        };
        let replaced = self.uid.is_some() && self.uid != object.metadata.uid;
        if replaced {
            return self.gone();
        }
        self.uid.clone_from(&object.metadata.uid);
        let deleting = object.metadata.deletion_timestamp.is_some();
        if deleting && self.asked.goal != Goal::Deleted {
            return Verdict::Ended(WaitError::Deleting(name()));
        }
        let cluster = match read::typed(&object) {
            Ok(cluster) => cluster,
            Err(error) => {
                return self.show(Sight {
                    cause: Some(format!("it cannot be read: {error}")),
                    ..Sight::default()
                });
            }
        };
        if self.asked.goal.is_met_by(&cluster) {
            return Verdict::Met(Box::new(Some(object)));
        }
        if let Some(error) = self.failed(&cluster, now) {
            return Verdict::Ended(error);
        }
        let mut sight = sight::of(&cluster);
        if deleting {
            self.deleted = Some(Whose {
                namespace: self.asked.namespace.clone(),
                name: name(),
                parts: read::parts_namespace(&cluster).map(str::to_owned),
            });
            let causes = [left::finalizers(&object), sight.cause.take()];
            let causes: Vec<String> = causes.into_iter().flatten().collect();
            sight.cause = (!causes.is_empty()).then(|| causes.join(": "));
        }
        self.seen = Some(sight);
        self.look()
    }

    /// The cluster whose remains are to be looked for; nothing as long as it is not known to be on its way out.
    pub(super) fn deleted(&self) -> Option<Whose> {
        self.deleted.clone()
    }

    /// Something else is left of it.
    pub(super) fn left(&mut self, left: &Left) -> Verdict {
        self.left = left.clone();
        self.look()
    }

    /// Shows the cluster as it was seen last, with what is left of it.
    fn look(&mut self) -> Verdict {
        let Some(mut sight) = self.seen.clone() else {
            return Verdict::Same;
        };
        if self.deleted.is_some() {
            sight.rows = self.remains();
            if let Some(left) = self.left.summary() {
                let cause = sight
                    .cause
                    .take()
                    .map_or_else(String::new, |cause| format!("{cause}; "));
                sight.cause = Some(format!("{cause}left: {left}"));
            }
        }
        self.show(sight)
    }

    /// A row for everything that is left, and one for what nobody here may know.
    fn remains(&self) -> Vec<Row> {
        let row = |name: String, text: &str| Row {
            name,
            state: RowState::Busy,
            text: text.to_owned(),
        };
        let objects = self.left.objects().map(|(name, held)| row(name, held));
        let unread = self.left.unread().map(|words| row("others".to_owned(), &words));
        objects.chain(unread).collect()
    }

    fn absent(&self) -> Verdict {
        if self.uid.is_some() || self.asked.goal == Goal::Deleted {
            return self.gone();
        }
        Verdict::Ended(WaitError::from(ReadError::Missing {
            namespace: self.asked.namespace.clone(),
            name: self.asked.name.clone(),
        }))
    }

    fn gone(&self) -> Verdict {
        if self.asked.goal == Goal::Deleted {
            return Verdict::Met(Box::new(None));
        }
        Verdict::Ended(WaitError::Deleted(self.asked.name.clone()))
    }

    /// Why there is no use in waiting on; nothing as long as there is.
    fn failed(&mut self, cluster: &TenantCluster, now: Instant) -> Option<WaitError> {
        let status = cluster.status.as_ref();
        let failed = status.and_then(|status| status.phase.as_ref()) == Some(&TenantClusterPhase::Failed);
        if !failed || self.asked.goal == Goal::Deleted {
            if let Some(failing) = &mut self.failing {
                failing.now = false;
            }
            return None;
        }
        let (reason, message) = sight::failure(cluster);
        let generation = cluster.metadata.generation;
        let observed = status.and_then(|status| status.observed_generation);
        let current = observed.is_none() || observed >= generation;
        if current && LASTING.contains(&reason.as_str()) {
            return Some(self.failure(reason, message, Duration::ZERO));
        }
        match &mut self.failing {
            Some(known) if (&known.message, known.generation) == (&message, generation) => known.now = true,
            failing => {
                *failing = Some(Failing {
                    reason,
                    message,
                    generation,
                    since: now,
                    now: true,
                });
            }
        }
        None
    }

    fn failure(&self, reason: String, message: String, after: Duration) -> WaitError {
        WaitError::Failed {
            name: self.asked.name.clone(),
            reason,
            message,
            after,
        }
    }

    /// When to call [`Self::give_up`], if nothing is seen before.
    pub(super) fn gives_up(&self) -> Option<Instant> {
        self.failing
            .as_ref()
            .filter(|failing| failing.now)
            .map(|failing| failing.since + PATIENCE)
    }

    /// The patience with a failure is over.
    pub(super) fn give_up(&mut self) -> Verdict {
        match self.failing.take() {
            Some(failing) => Verdict::Ended(self.failure(failing.reason, failing.message, PATIENCE)),
            None => Verdict::Same,
        }
    }

    /// Nothing can be seen for the moment.
    fn trouble(&mut self, words: String) -> Verdict {
        let trouble = Some(words);
        self.show(match &self.shown {
            Some(shown) => Sight {
                trouble,
                ..shown.clone()
            },
            None => Sight {
                trouble,
                ..Sight::default()
            },
        })
    }

    fn show(&mut self, sight: Sight) -> Verdict {
        if self.shown.as_ref() == Some(&sight) {
            return Verdict::Same;
        }
        self.shown = Some(sight.clone());
        Verdict::Changed(sight)
    }

    /// The deadline has passed.
    pub(super) fn late(&self, after: Duration) -> WaitError {
        let name = &self.asked.name;
        let what = format!("cluster {name} is not {}", self.asked.goal);
        let cause = self
            .shown
            .as_ref()
            .and_then(|sight| sight.trouble.clone().or_else(|| sight.cause.clone()));
        let mut left: Vec<String> = self
            .remains()
            .iter()
            .map(|row| format!("{}: {}", row.name, row.text))
            .collect();
        let more = left.len().saturating_sub(MOST_LEFT);
        if more > 0 {
            left.truncate(MOST_LEFT);
            left.push(format!("and {more} more"));
        }
        WaitError::Deadline {
            what,
            after,
            cause,
            left,
        }
    }
}
