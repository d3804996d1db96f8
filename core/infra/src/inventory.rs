//! Owner markers, and what on a platform carries them.

use std::fmt;

use butler_api::config::ProviderKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::MachineRef;

/// The marker on everything that we make: which cluster an object on the platform belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// The cluster's UUID, made once. Only this decides whether an object is ours.
    pub cluster_id: Uuid,
    /// The cluster's name, for people.
    pub cluster_name: String,
}

/// Whose objects an inventory lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Those of one cluster, by its id.
    Cluster(&'a Owner),
    /// Those whose marker has this cluster name, whatever the id: how the id is found without a journal.
    Named(&'a str),
    /// All that carry a marker of ours.
    Everything,
}

impl Scope<'_> {
    /// Whether an object with this marker is listed. Platforms whose own filter is coarser are filtered by this.
    pub fn includes(&self, owner: &Owner) -> bool {
        match self {
            Self::Cluster(wanted) => wanted.cluster_id == owner.cluster_id,
            Self::Named(name) => owner.cluster_name == *name,
            Self::Everything => true,
        }
    }
}

/// What a platform holds of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The objects that carry our marker.
    pub objects: Vec<OwnedObject>,
    /// What may be ours and could not be asked. It is not proven absent.
    pub unknown: Vec<UnknownObject>,
}

/// Something on the platform that carries our marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedObject {
    /// Whether it is a machine, a disk, an address or something else.
    pub kind: ObjectKind,
    /// Whose it is, as its marker says.
    pub owner: Owner,
    /// The platform it is on.
    pub provider: ProviderKind,
    /// Id that the platform gave it.
    pub id: String,
    /// Name of the object on the platform.
    pub name: String,
    /// Its generation, as its marker says.
    pub generation: u32,
    /// When it was made, where the platform tells.
    pub created: Option<Timestamp>,
    /// The platform's own word for its state.
    pub raw_status: String,
}

impl OwnedObject {
    /// What observing and deleting it take, where it is a machine: this very creation, not the next one under its id.
    pub fn machine(&self) -> Option<MachineRef> {
        (self.kind == ObjectKind::Machine).then(|| MachineRef {
            provider: self.provider,
            id: self.id.clone(),
            name: self.name.clone(),
            generation: self.generation,
            created: self.created,
        })
    }

    /// What looking for it and deleting it take, where it is no machine.
    pub fn object(&self) -> Option<ObjectRef> {
        (self.kind != ObjectKind::Machine).then(|| ObjectRef {
            kind: self.kind,
            provider: self.provider,
            id: self.id.clone(),
            name: self.name.clone(),
        })
    }
}

/// An object beside the machines. It is written down as soon as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// Whether it is an image, a volume or something else.
    pub kind: ObjectKind,
    /// The platform it is on.
    pub provider: ProviderKind,
    /// Id that the platform gave it.
    pub id: String,
    /// Name of the object on the platform.
    pub name: String,
}

/// Something that may be ours and does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownObject {
    /// Whether it is a machine, a disk, an address or something else.
    pub kind: ObjectKind,
    /// Id that the platform gave it.
    pub id: String,
    /// Name of the object on the platform.
    pub name: String,
    /// Why nobody can tell.
    pub cause: String,
}

/// The kinds of object that a provider makes or claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectKind {
    /// A machine with its disks.
    Machine,
    /// An image that machines are made from.
    Image,
    /// A volume of its own, such as the one with the data of a machine's first boot.
    Volume,
}

impl ObjectKind {
    /// The word used in receipts and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Image => "image",
            Self::Volume => "volume",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_goes_by_id_or_by_name_and_never_mixes_them() {
        let owner = |id, name: &str| Owner {
            cluster_id: Uuid::from_u128(id),
            cluster_name: name.into(),
        };
        let demo = owner(1, "demo");
        assert!(Scope::Cluster(&demo).includes(&owner(1, "renamed")));
        assert!(!Scope::Cluster(&demo).includes(&owner(2, "demo")));
        assert!(Scope::Named("demo").includes(&owner(2, "demo")));
        assert!(!Scope::Named("demo").includes(&owner(1, "demo-2")));
        assert!(Scope::Everything.includes(&owner(3, "other")));
    }
}
