//! What a journal tells: a fold over its records. Pure.

use std::collections::BTreeSet;

use butler_api::event::Outcome;
use uuid::Uuid;

use super::{
    Memory,
    record::{Entry, Record},
};
use crate::StepId;

/// Everything that earlier runs left behind, as far as it decides something.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known<M> {
    /// Cluster name and identity, once a run began.
    pub cluster: Option<(String, Uuid)>,
    /// Digest of the configuration that is in force.
    pub digest: Option<String>,
    /// That configuration, without secret values.
    pub config: Option<serde_json::Value>,
    /// Steps with a proof.
    pub proven: BTreeSet<StepId>,
    /// Steps with an intent or an effect, without those whose only try was refused.
    pub touched: BTreeSet<StepId>,
    /// Steps with an effect.
    pub acted: BTreeSet<StepId>,
    /// What the steps have learned.
    pub memory: M,
    /// How the last run ended; none if it died.
    pub last_outcome: Option<Outcome>,
    /// How many runs have begun.
    pub runs: usize,
}

impl<M: Memory> Known<M> {
    /// Folds records in their order.
    pub fn of(records: &[Record<M::Fact>]) -> Self {
        let mut known = Self::default();
        for record in records {
            known.add(&record.entry);
        }
        known
    }

    /// Takes one more record into the fold.
    pub fn add(&mut self, entry: &Entry<M::Fact>) {
        match entry {
            Entry::Run {
                cluster,
                cluster_id,
                digest,
                config,
                program: _,
                again,
                facts,
            } => {
                self.runs += 1;
                self.last_outcome = None;
                self.cluster.get_or_insert((cluster.clone(), *cluster_id));
                if config.is_some() || self.digest.is_none() {
                    self.digest = Some(digest.clone());
                    self.config.clone_from(config);
                }
                self.proven.retain(|step| !again.contains(step));
                self.learn_all(facts);
            }
            Entry::Intent { step, facts, what: _ } => {
                self.touched.insert(step.clone());
                self.learn_all(facts);
            }
            Entry::Effect { step, facts, what: _ } => {
                self.touched.insert(step.clone());
                self.acted.insert(step.clone());
                self.learn_all(facts);
            }
            Entry::Proof {
                step,
                facts,
                evidence: _,
            } => {
                self.proven.insert(step.clone());
                self.learn_all(facts);
            }
            Entry::Failure { step, refused, .. } => {
                if *refused && !self.acted.contains(step) {
                    self.touched.remove(step);
                }
            }
            Entry::Cancelled => self.last_outcome = Some(Outcome::Interrupted),
            Entry::Finished { outcome } => self.last_outcome = Some(*outcome),
        }
    }

    fn learn_all(&mut self, facts: &[M::Fact]) {
        for fact in facts {
            self.memory.learn(fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that were learned, in order; a name with `-` before it is taken back.
    #[derive(Debug, Clone, Default, PartialEq)]
    struct Names(Vec<String>);

    impl Memory for Names {
        type Fact = String;

        fn learn(&mut self, fact: &String) {
            match fact.strip_prefix('-') {
                Some(name) => self.0.retain(|known| known != name),
                None => self.0.push(fact.clone()),
            }
        }
    }

    type Entry = super::Entry<String>;
    type Known = super::Known<Names>;

    fn run(digest: &str, config: Option<serde_json::Value>, again: &[&str], facts: &[&str]) -> Entry {
        Entry::Run {
            cluster: "a".into(),
            cluster_id: Uuid::nil(),
            digest: digest.into(),
            config,
            program: "x".into(),
            again: again.iter().copied().map(StepId::new).collect(),
            facts: facts.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_changed_configuration_is_in_force_from_then_on_and_takes_stale_proofs_away() {
        let mut known = Known::default();
        known.add(&run("one", Some(serde_json::json!(1)), &[], &[]));
        known.add(&Entry::Proof {
            step: StepId::new("machine/a/boot"),
            evidence: String::new(),
            facts: vec!["a".into()],
        });
        known.add(&run("one", None, &[], &[]));
        assert_eq!(known.memory.0, ["a"]);
        known.add(&run("two", Some(serde_json::json!(2)), &["machine/a/boot"], &["-a"]));
        assert_eq!(
            (known.digest.as_deref(), &known.config),
            (Some("two"), &Some(serde_json::json!(2)))
        );
        assert!(known.proven.is_empty() && known.memory.0.is_empty());
        known.add(&run("two", None, &[], &[]));
        assert_eq!(known.config, Some(serde_json::json!(2)));
    }

    #[test]
    fn what_was_refused_was_not_done_unless_an_earlier_try_was() {
        let step = || StepId::new("machine/a/configure");
        let intent = || Entry::Intent {
            step: step(),
            what: String::new(),
            facts: Vec::new(),
        };
        let failed = |refused| Entry::Failure {
            step: step(),
            error: String::new(),
            deadline: false,
            refused,
        };
        let mut known = Known::default();
        known.add(&intent());
        known.add(&failed(false));
        assert!(known.touched.contains(&step()));
        known.add(&failed(true));
        assert!(!known.touched.contains(&step()));
        known.add(&intent());
        known.add(&Entry::Effect {
            step: step(),
            what: String::new(),
            facts: Vec::new(),
        });
        known.add(&failed(true));
        assert!(known.touched.contains(&step()));
    }

    #[test]
    fn a_run_that_died_has_no_outcome() {
        let run = Entry::Run {
            cluster: "a".into(),
            cluster_id: Uuid::nil(),
            digest: "d".into(),
            config: None,
            program: "x".into(),
            again: Vec::new(),
            facts: Vec::new(),
        };
        let mut known = Known::default();
        known.add(&run);
        known.add(&Entry::Finished {
            outcome: Outcome::Failed,
        });
        assert_eq!(known.last_outcome, Some(Outcome::Failed));
        known.add(&run);
        assert_eq!((known.last_outcome, known.runs), (None, 2));
    }
}
