//! What a destroy learns, and its fold. Pure.

use std::collections::BTreeMap;

use butler_engine::journal::Memory;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The kind of machines in receipts.
pub const MACHINE: &str = "machine";

/// The kind of files for people in receipts.
pub const FILE: &str = "file";

/// The kind of tenant clusters in receipts.
pub const TENANT: &str = "tenant-cluster";

/// Names an object on its platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectId {
    /// What it is, for example `machine`.
    pub kind: String,
    /// The id that its platform gave it.
    pub id: String,
    /// Name of the object on the platform.
    pub name: String,
}

/// Something that later runs and the receipt rely on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Fact {
    /// The object exists and is to go.
    Found {
        /// Which one it is.
        #[serde(flatten)]
        object: ObjectId,
        /// When it was made, where the platform tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        created: Option<Timestamp>,
    },
    /// Its deletion was seen through.
    Deleted {
        /// Which one it is.
        #[serde(flatten)]
        object: ObjectId,
        /// When the deletion was asked for.
        at: Timestamp,
    },
    /// Another object stands under its id: it is gone, and not by us.
    Replaced {
        /// Which one it is.
        #[serde(flatten)]
        object: ObjectId,
        /// When that was seen.
        at: Timestamp,
    },
    /// Its absence was observed.
    Absent {
        /// Which one it is.
        #[serde(flatten)]
        object: ObjectId,
        /// When the absence was observed.
        at: Timestamp,
    },
}

/// Everything that was found, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletions {
    /// What became of each object.
    pub objects: BTreeMap<ObjectId, Fate>,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fate {
    /// Whether a run of ours meant to delete it.
    pub begun: bool,
    /// When it was made, where the platform tells.
    pub created: Option<Timestamp>,
    /// When its deletion was seen through.
    pub deleted: Option<Timestamp>,
    /// When its absence was observed.
    pub absent: Option<Timestamp>,
}

impl Memory for Deletions {
    type Fact = Fact;

    fn learn(&mut self, fact: &Fact) {
        match fact {
            Fact::Found { object, created } => {
                let fate = self.objects.entry(object.clone()).or_default();
                fate.begun = true;
                fate.created = created.or(fate.created);
                // What is there again was not gone.
                (fate.deleted, fate.absent) = (None, None);
            }
            Fact::Deleted { object, at } => self.objects.entry(object.clone()).or_default().deleted = Some(*at),
            Fact::Replaced { object, at } => {
                let fate = self.objects.entry(object.clone()).or_default();
                (fate.begun, fate.absent) = (false, Some(*at));
            }
            Fact::Absent { object, at } => self.objects.entry(object.clone()).or_default().absent = Some(*at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> ObjectId {
        ObjectId {
            kind: "machine".to_owned(),
            id: "vm-1".to_owned(),
            name: "demo-cp-0".to_owned(),
        }
    }

    #[test]
    fn an_object_that_is_found_again_is_not_gone() {
        let (object, at) = (machine(), Timestamp::UNIX_EPOCH);
        let mut deletions = Deletions::default();
        deletions.learn(&Fact::Deleted {
            object: object.clone(),
            at,
        });
        deletions.learn(&Fact::Absent {
            object: object.clone(),
            at,
        });
        assert_eq!(deletions.objects[&object].absent, Some(at));
        deletions.learn(&Fact::Found {
            object: object.clone(),
            created: Some(at),
        });
        let fate = deletions.objects[&object];
        assert_eq!((fate.deleted, fate.absent, fate.created), (None, None, Some(at)));
    }

    #[test]
    fn an_object_whose_id_another_one_has_is_gone_and_was_not_deleted_by_us() {
        let (object, at) = (machine(), Timestamp::UNIX_EPOCH);
        let mut deletions = Deletions::default();
        deletions.learn(&Fact::Found {
            object: object.clone(),
            created: None,
        });
        deletions.learn(&Fact::Replaced {
            object: object.clone(),
            at,
        });
        let fate = deletions.objects[&object];
        assert_eq!((fate.begun, fate.absent), (false, Some(at)));
    }

    #[test]
    fn facts_are_flat_in_the_journal() {
        let fact = Fact::Deleted {
            object: machine(),
            at: Timestamp::UNIX_EPOCH,
        };
        let line = serde_json::to_string(&fact).unwrap();
        assert_eq!(
            line,
            r#"{"fact":"deleted","kind":"machine","id":"vm-1","name":"demo-cp-0","at":"1970-01-01T00:00:00Z"}"#
        );
        assert_eq!(serde_json::from_str::<Fact>(&line).unwrap(), fact);
    }
}
