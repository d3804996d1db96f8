//! Receipts: what a destroying operation did to every object, with a digest over it. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What became of the objects of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Name of the cluster.
    pub cluster: String,
    /// Its identity; none where nothing of that name was found.
    pub cluster_id: Option<Uuid>,
    /// When the receipt was written.
    pub written: Timestamp,
    /// Every object, by kind and name.
    pub objects: Vec<Object>,
    /// How many objects are [`left`](ObjectState::Left).
    pub left: usize,
    /// SHA-256 (hex) over cluster, identity and objects, as compact JSON.
    pub digest: String,
}

/// One object of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// What it is, for example `machine`.
    pub kind: String,
    /// Name of the object, as the platform shows it.
    pub name: String,
    /// The id that its platform gave it.
    pub id: String,
    /// What became of it.
    pub state: ObjectState,
    /// Why it stays, or why it is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When its deletion was seen through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
    /// When its absence was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Timestamp>,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectState {
    /// We deleted it, and it is gone.
    Deleted,
    /// It was gone already.
    Absent,
    /// It stays on purpose.
    Stays,
    /// It should be gone and is not, or nobody can tell.
    Left,
}

impl ObjectState {
    /// The word in receipts and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Absent => "absent",
            Self::Stays => "stays",
            Self::Left => "left",
        }
    }
}

impl Receipt {
    /// The receipt of these objects.
    pub fn of(
        cluster: &str,
        cluster_id: Option<Uuid>,
        mut objects: Vec<Object>,
        written: Timestamp,
    ) -> Result<Self, serde_json::Error> {
        objects.sort();
        let digested = serde_json::to_vec(&(cluster, cluster_id, &objects))?;
        Ok(Self {
            cluster: cluster.to_owned(),
            cluster_id,
            written,
            left: objects
                .iter()
                .filter(|object| object.state == ObjectState::Left)
                .count(),
            digest: format!("{:x}", Sha256::digest(digested)),
            objects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, state: ObjectState) -> Object {
        Object {
            kind: "machine".to_owned(),
            name: name.to_owned(),
            id: format!("id-{name}"),
            state,
            reason: None,
            created: None,
            deleted: None,
            verified: None,
        }
    }

    fn receipt(objects: Vec<Object>) -> Receipt {
        Receipt::of("demo", Some(Uuid::nil()), objects, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn only_what_should_be_gone_and_is_not_counts_as_left() {
        let states = [
            ObjectState::Deleted,
            ObjectState::Absent,
            ObjectState::Stays,
            ObjectState::Left,
        ];
        let objects = states.into_iter().map(|state| object(state.as_str(), state)).collect();
        assert_eq!(receipt(objects).left, 1);
    }

    #[test]
    fn the_digest_tells_what_became_of_each_object_whatever_their_order() {
        let (a, b) = (object("a", ObjectState::Deleted), object("b", ObjectState::Deleted));
        let one = receipt(vec![a.clone(), b.clone()]);
        assert_eq!(one.digest, receipt(vec![b, a.clone()]).digest);
        assert_ne!(one.digest, receipt(vec![a, object("b", ObjectState::Left)]).digest);
    }
}
