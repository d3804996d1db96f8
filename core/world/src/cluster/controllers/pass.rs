//! One pass over all objects of a cluster: what the planners of the kinds share.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::facts::{Facts, RegisteredNode};
use super::kinds::Kind;
use super::memory::{Memory, Note};
use super::mirror::{Mirror, Pod, Workload};
use super::objects;
use crate::reconcile::plan::{Urgency, WritePlan};
use crate::world::tenants::Balancers;

/// What one pass works with, and what it finds.
pub(super) struct Pass<'a> {
    pub mirror: &'a Mirror,
    pub facts: &'a Facts,
    pub memory: &'a mut Memory,
    pub plan: WritePlan<Note>,
    pub report: Report,
    /// Registered nodes by name.
    pub hosts: HashMap<&'a str, &'a RegisteredNode>,
    /// How many pods each node has.
    pub loads: HashMap<&'a str, usize>,
}

/// What the world is told of a pass.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// The largest critical time of what became ready.
    pub critical: Duration,
    /// The workloads by key, and whether they are ready.
    pub workloads: BTreeMap<String, bool>,
    /// Nodes of machines that Cluster API looks after.
    pub nodes: BTreeSet<String>,
    /// A pod on a control plane announces the virtual address.
    pub announces: bool,
    /// What load balancers take of the addresses of the cluster.
    pub balancers: Balancers,
}

impl Report {
    /// Whether a workload exists and is ready.
    pub(super) fn is_ready(&self, key: &str) -> bool {
        self.workloads.get(key) == Some(&true)
    }
}

/// A workload, its pods, and how many there should be.
pub(super) struct WorkloadPods<'a> {
    pub workload: &'a Workload,
    /// Namespace, kind and name.
    pub key: String,
    pub pods: Vec<&'a Pod>,
    pub wanted: usize,
    /// The nodes that its pods can be on, once somebody asked.
    pub nodes: OnceCell<Vec<&'a str>>,
}

/// An object that an event is about: namespace, name and UID.
pub(super) type Subject<'a> = (&'a str, &'a str, &'a str);

impl<'a> Pass<'a> {
    pub(super) fn new(memory: &'a mut Memory, mirror: &'a Mirror, facts: &'a Facts) -> Self {
        let mut loads = HashMap::new();
        for node in mirror.pods.values().filter_map(|pod| pod.node.as_deref()) {
            *loads.entry(node).or_insert(0) += 1;
        }
        let nodes = facts.nodes.iter();
        Self {
            mirror,
            facts,
            memory,
            plan: WritePlan::default(),
            report: Report::default(),
            hosts: nodes.map(|node| (node.facts.hostname.as_str(), node)).collect(),
            loads,
        }
    }

    /// Makes an event that warns about an object, once per message.
    pub(super) fn complain(&mut self, kind: Kind, subject: Subject<'_>, reason: &str, message: &str) {
        let (namespace, _, uid) = subject;
        if self.memory.complaints.get(uid).is_some_and(|known| known == message) {
            return;
        }
        let id = self.unique(&[uid, message], 16, b"0123456789abcdef");
        let event = objects::event(kind, subject, &id, reason, message, self.facts.wall);
        self.plan
            .create(Kind::Event, namespace, event)
            .urgency(Urgency::Later)
            .note(Note::Complaint(uid.to_owned(), message.to_owned()));
    }

    /// The end of a pod's name, which tells it from others of the same owner.
    pub(super) fn pod_suffix(&mut self, owner: &str) -> String {
        // Kubernetes leaves out what could make a word.
        self.unique(&[owner], 5, b"bcdfghjklmnpqrstvwxz2456789")
    }

    /// Characters that follow from what they are for and from how many were made before: planning is repeatable, and a name
    /// that was taken is not tried again.
    fn unique(&mut self, parts: &[&str], length: usize, alphabet: &[u8]) -> String {
        self.memory.names_made += 1;
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        digest.update(self.memory.names_made.to_be_bytes());
        let digest = digest.finalize();
        let characters = digest.iter().take(length);
        characters
            .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]))
            .collect()
    }
}
