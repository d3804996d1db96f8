//! What a planner wants: changes of objects, the most urgent first, and when it wants to decide again.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::resource::Resource;
use crate::world::state::Moment;

/// A change of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    /// Makes an object that does not exist.
    Create {
        resource: Resource,
        namespace: String,
        object: Value,
    },
    /// Changes an object by a merge patch; its status where `status` is set.
    Patch {
        resource: Resource,
        namespace: String,
        name: String,
        status: bool,
        patch: Value,
    },
    /// Deletes an object, where it is there.
    Delete {
        resource: Resource,
        namespace: String,
        name: String,
    },
}

impl Change {
    /// The kind of the object that it changes.
    pub(crate) fn resource(&self) -> Resource {
        match self {
            Self::Create { resource, .. } | Self::Patch { resource, .. } | Self::Delete { resource, .. } => *resource,
        }
    }

    /// Whether it makes an object of that name.
    pub(crate) fn names(&self, name: &str) -> bool {
        matches!(self, Self::Create { object, .. } if object["metadata"]["name"] == name)
    }
}

/// What is written first when there is much to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// Others can start when it is written.
    Now,
    /// It is on the way to that.
    Soon,
    /// Nobody waits for it.
    Later,
}

/// A change, how urgent it is, and what the planner remembers once it took effect.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write<N> {
    pub urgency: Urgency,
    pub change: Change,
    pub note: Option<N>,
}

/// What is to be written, and when to decide again. `N` is what the planner remembers of its writes.
#[derive(Debug)]
pub(crate) struct WritePlan<N> {
    pub writes: Vec<Write<N>>,
    pub wake: Option<Moment>,
    /// There was no room for everything: the next plan has the rest.
    pub full: bool,
    granted: BTreeMap<Urgency, usize>,
    /// Nothing less urgent than this is written: there is enough of it.
    enough: Option<Urgency>,
}

/// How many writes of one urgency a plan has room for: what becomes urgent while they are written comes first in the next
/// plan.
pub(crate) const ROOM: usize = 128;

impl<N> Default for WritePlan<N> {
    fn default() -> Self {
        Self {
            writes: Vec::new(),
            wake: None,
            full: false,
            granted: BTreeMap::new(),
            enough: None,
        }
    }
}

impl<N> WritePlan<N> {
    /// Whether there is room for another write of which there may be many. Asked before the object is made, which costs as
    /// much as writing it.
    pub(crate) fn room(&mut self, urgency: Urgency) -> bool {
        let granted = self.granted.entry(urgency).or_insert(0);
        if *granted >= ROOM {
            self.enough = Some(self.enough.map_or(urgency, |enough| enough.min(urgency)));
        }
        if self.enough.is_some_and(|enough| *granted >= ROOM || enough < urgency) {
            self.full = true;
            return false;
        }
        *granted += 1;
        true
    }

    /// Plans to make an object.
    pub(crate) fn create(&mut self, resource: impl Into<Resource>, namespace: &str, object: Value) -> &mut Write<N> {
        self.write(Change::Create {
            resource: resource.into(),
            namespace: namespace.to_owned(),
            object,
        })
    }

    /// Replaces parts of an object's status.
    pub(crate) fn status(
        &mut self,
        resource: impl Into<Resource>,
        namespace: &str,
        name: &str,
        status: &Value,
    ) -> &mut Write<N> {
        self.write(Change::Patch {
            resource: resource.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            status: true,
            patch: Value::Object([("status".to_owned(), status.clone())].into_iter().collect()),
        })
    }

    /// Changes an object by a merge patch, which is JSON because it names only what changes: no type of a whole object can.
    pub(crate) fn patch(
        &mut self,
        resource: impl Into<Resource>,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> &mut Write<N> {
        self.write(Change::Patch {
            resource: resource.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            status: false,
            patch,
        })
    }

    /// Plans to delete an object.
    pub(crate) fn delete(&mut self, resource: impl Into<Resource>, namespace: &str, name: &str) -> &mut Write<N> {
        self.write(Change::Delete {
            resource: resource.into(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Decides again at this moment at the latest.
    pub(crate) fn wake_at(&mut self, moment: Moment) {
        if moment != Duration::MAX {
            self.wake = Some(self.wake.map_or(moment, |wake| wake.min(moment)));
        }
    }

    /// Puts the most urgent first and leaves out what would only delay more of it.
    pub(crate) fn sort(&mut self) {
        if let Some(enough) = self.enough {
            self.writes.retain(|write| write.urgency <= enough);
        }
        self.writes.sort_by_key(|write| write.urgency);
    }

    /// Plans a change that is known as one.
    pub(crate) fn add(&mut self, change: Change) -> &mut Write<N> {
        self.write(change)
    }

    fn write(&mut self, change: Change) -> &mut Write<N> {
        self.writes.push(Write {
            urgency: Urgency::Soon,
            change,
            note: None,
        });
        let last = self.writes.len() - 1;
        &mut self.writes[last]
    }
}

impl<N> Write<N> {
    /// Sets how urgent it is.
    pub(crate) fn urgency(&mut self, urgency: Urgency) -> &mut Self {
        self.urgency = urgency;
        self
    }

    /// Sets what is remembered of it once it took effect.
    pub(crate) fn note(&mut self, note: N) -> &mut Self {
        self.note = Some(note);
        self
    }
}
