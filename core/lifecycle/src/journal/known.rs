//! What a journal tells: a fold over its records. Pure.

use std::collections::{BTreeMap, BTreeSet};

use butler_api::event::Outcome;
use uuid::Uuid;

use super::record::{Entry, Fact, Record};
use crate::graph::StepId;

/// Everything that earlier runs left behind, as far as it decides something.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
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
    /// What is known of each machine.
    pub machines: BTreeMap<String, MachineFacts>,
    /// The node that bootstraps etcd.
    pub etcd_node: Option<String>,
    /// SHA-256 (hex) over the certificate of the Talos API's authority.
    pub authority: Option<String>,
    /// How the last run ended; none if it died.
    pub last_outcome: Option<Outcome>,
    /// Number of runs.
    pub runs: usize,
}

/// What is known of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFacts {
    /// The platform's id.
    pub provider_id: Option<String>,
    /// Node address.
    pub address: Option<String>,
    /// Maintenance certificate seen at first contact.
    pub fingerprint: Option<String>,
}

impl Known {
    /// The fold.
    pub fn of(records: &[Record]) -> Self {
        let mut known = Self::default();
        for record in records {
            known.add(&record.entry);
        }
        known
    }

    /// One more record.
    pub fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Run {
                cluster,
                cluster_id,
                digest,
                config,
                program: _,
                again,
                forget,
            } => {
                self.runs += 1;
                self.last_outcome = None;
                self.cluster.get_or_insert((cluster.clone(), *cluster_id));
                if config.is_some() || self.digest.is_none() {
                    self.digest = Some(digest.clone());
                    self.config.clone_from(config);
                }
                self.proven.retain(|step| !again.contains(step));
                self.machines.retain(|name, _| !forget.contains(name));
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

    fn learn_all(&mut self, facts: &[Fact]) {
        for fact in facts {
            self.learn(fact);
        }
    }

    /// One more fact.
    pub fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::ProviderId { machine, id } => self.machine(machine).provider_id = Some(id.clone()),
            Fact::Address { machine, address } => self.machine(machine).address = Some(address.clone()),
            Fact::Fingerprint { machine, fingerprint } => {
                self.machine(machine).fingerprint = Some(fingerprint.clone());
            }
            // The first choice stands, whatever a later line says.
            Fact::EtcdNode { machine } => {
                self.etcd_node.get_or_insert_with(|| machine.clone());
            }
            Fact::Authority { digest } => {
                self.authority.get_or_insert_with(|| digest.clone());
            }
        }
    }

    fn machine(&mut self, name: &str) -> &mut MachineFacts {
        self.machines.entry(name.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_choice_of_the_etcd_node_stands() {
        let choose = |machine: &str| Entry::Intent {
            step: StepId::new("etcd/bootstrap"),
            what: String::new(),
            facts: vec![Fact::EtcdNode {
                machine: machine.to_owned(),
            }],
        };
        let mut known = Known::default();
        known.add(&choose("cp-1"));
        known.add(&choose("cp-0"));
        assert_eq!(known.etcd_node.as_deref(), Some("cp-1"));
    }

    fn run(digest: &str, config: Option<serde_json::Value>, again: &[&str], forget: &[&str]) -> Entry {
        Entry::Run {
            cluster: "a".into(),
            cluster_id: Uuid::nil(),
            digest: digest.into(),
            config,
            program: "x".into(),
            again: again.iter().copied().map(StepId::new).collect(),
            forget: forget.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_changed_configuration_is_in_force_from_then_on_and_takes_stale_proofs_away() {
        let mut known = Known::default();
        known.add(&run("one", Some(serde_json::json!(1)), &[], &[]));
        known.add(&Entry::Proof {
            step: StepId::new("machine/a/boot"),
            evidence: String::new(),
            facts: vec![Fact::Address {
                machine: "a".into(),
                address: "192.0.2.1".into(),
            }],
        });
        known.add(&run("one", None, &[], &[]));
        assert_eq!(known.machines["a"].address.as_deref(), Some("192.0.2.1"));
        known.add(&run("two", Some(serde_json::json!(2)), &["machine/a/boot"], &["a"]));
        assert_eq!(
            (known.digest.as_deref(), &known.config),
            (Some("two"), &Some(serde_json::json!(2)))
        );
        assert!(known.proven.is_empty() && known.machines.is_empty());
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
    fn lines_of_older_releases_are_read() {
        let line = r#"{"type":"run","cluster":"a","clusterId":"00000000-0000-0000-0000-000000000000","digest":"d","program":"0.1.0"}"#;
        assert!(matches!(serde_json::from_str(line), Ok(Entry::Run { again, .. }) if again.is_empty()));
        let line = r#"{"type":"failure","step":"record","error":"x","deadline":true}"#;
        assert!(matches!(
            serde_json::from_str(line),
            Ok(Entry::Failure { refused: false, .. })
        ));
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
            forget: Vec::new(),
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
