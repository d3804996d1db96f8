//! What the controllers of a cluster remember: when things happened, and what was written last.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::kinds::Kind;
use super::mirror::Workload;
use crate::world::critical::Critical;
use crate::world::state::Moment;

/// Everything that is remembered.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Pods on their way, by UID.
    pub pods: HashMap<String, PodProgress>,
    /// Workloads that became ready, by key.
    pub workloads: HashMap<String, Readiness>,
    /// Nodes that became ready, by name.
    pub ready_nodes: BTreeMap<String, Readiness>,
    /// Since when there has been something to do without a pause: whatever is found now happened no earlier.
    pub busy_since: Moment,
    /// Since when the workloads have the templates (by their digests) that they have, by UID.
    pub templates: HashMap<String, (String, Moment)>,
    /// When the owners of pods lost one, by UID.
    pub losses: HashMap<String, Moment>,
    /// Nodes that were there once.
    pub registered: BTreeSet<String>,
    /// How many addresses of each node's part of the pod network were given to pods.
    pub addresses: HashMap<String, u32>,
    /// How many names were made for pods and events.
    pub names_made: u64,
    /// The status written last, by UID.
    pub statuses: HashMap<String, Value>,
    /// What was complained about last, by UID.
    pub complaints: HashMap<String, String>,
    /// The manifests of Talos that are not written yet, once they are known.
    pub manifests: Option<BTreeMap<usize, (Kind, Value)>>,
}

/// That something became ready.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Readiness {
    /// The critical time of it.
    pub critical: Duration,
    /// When it was due, which is not when the status was written.
    pub at: Moment,
}

/// A pod on its way to readiness.
#[derive(Debug, Default)]
pub(super) struct PodProgress {
    /// When it was seen first.
    pub seen: Option<Moment>,
    /// When nothing kept it from starting any more.
    pub start: Option<Moment>,
    /// When everything but a fault was there.
    pub possible: Option<Moment>,
    /// Its readiness, once it could run.
    pub ready: Readiness,
    /// Since when something keeps it from starting.
    pub blocked: Option<Moment>,
    /// The reason and message that its status gives for waiting.
    pub waiting: Option<(String, String)>,
}

/// What is remembered of a write that took effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Note {
    /// One of the manifests of Talos, by its place among them.
    Manifest(usize),
    /// The status of an object, by its UID.
    Status(String, Value),
    /// Why a pod waits (reason and message), by its UID.
    Waiting(String, (String, String)),
    /// A complaint about an object, by its UID.
    Complaint(String, String),
    /// The node of a machine became ready, or no longer is.
    Node(NodeReadiness),
}

/// The readiness of a machine's node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NodeReadiness {
    /// Id of the machine.
    pub id: String,
    /// Name of the node.
    pub name: String,
    /// Whether the node is ready.
    pub ready: bool,
    /// The critical time of its readiness.
    pub critical: Critical,
    /// When that was due.
    pub at: Moment,
}

impl Memory {
    /// Notes what took effect.
    pub(super) fn remember(&mut self, note: &Note) {
        match note.clone() {
            Note::Manifest(place) => {
                self.manifests.as_mut().map(|left| left.remove(&place));
            }
            Note::Status(uid, status) => {
                self.statuses.insert(uid, status);
            }
            Note::Waiting(uid, why) => self.pods.entry(uid).or_default().waiting = Some(why),
            Note::Complaint(uid, message) => {
                self.complaints.insert(uid, message);
            }
            Note::Node(NodeReadiness { name, critical, at, .. }) => {
                if let Some(critical) = critical {
                    self.ready_nodes.insert(name, Readiness { critical, at });
                }
            }
        }
    }

    /// The critical time of a workload, once it is ready.
    pub(super) fn critical_of(&self, workload: &str) -> Critical {
        self.workloads.get(workload).map(|ready| ready.critical)
    }

    /// Notes since when a workload has its template.
    pub(super) fn note_template(&mut self, workload: &Workload, now: Moment) {
        match self.templates.get_mut(&workload.uid) {
            Some((hash, _)) if *hash == workload.hash => {}
            Some(known) => *known = (workload.hash.clone(), now),
            None => {
                let template = (workload.hash.clone(), now);
                self.templates.insert(workload.uid.clone(), template);
            }
        }
    }

    /// The progress of a pod that has not been seen to be ready yet.
    pub(super) fn progress(&mut self, uid: &str) -> &mut PodProgress {
        if !self.pods.contains_key(uid) {
            self.pods.insert(uid.to_owned(), PodProgress::default());
        }
        self.pods.get_mut(uid).expect("it has just been put there")
    }

    /// Forgets pods that are gone, once they are many.
    pub(super) fn forget_pods<'a>(&mut self, alive: impl ExactSizeIterator<Item = &'a str>) {
        if self.pods.len() > 2 * alive.len() + 100 {
            let alive: BTreeSet<&str> = alive.collect();
            self.pods.retain(|uid, _| alive.contains(uid.as_str()));
        }
    }
}
