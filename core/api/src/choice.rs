//! What a platform offers to a configuration: the lists behind a wizard's questions.

use std::collections::BTreeMap;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    /// The kind of thing.
    pub kind: ChoiceKind,
    /// Only what belongs to this one, such as the storages of one node; its id.
    pub parent: Option<String>,
}

impl Query {
    /// Everything of a kind.
    pub fn all(kind: ChoiceKind) -> Self {
        Self { kind, parent: None }
    }
}

/// The kinds of thing that a configuration can name on a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChoiceKind {
    /// A computer that carries machines.
    Node,
    /// Where disks and images are kept.
    Storage,
    /// What a machine's network card is connected to.
    Network,
    /// A group that machines are put into.
    Pool,
    /// An image that machines can be made from.
    Image,
    /// A machine that others are copied from.
    Template,
    /// An id that a machine can take.
    MachineId,
}

impl ChoiceKind {
    /// The word for people and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Storage => "storage",
            Self::Network => "network",
            Self::Pool => "pool",
            Self::Image => "image",
            Self::Template => "template",
            Self::MachineId => "machine id",
        }
    }
}

/// One thing that a configuration can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The kind of thing.
    pub kind: ChoiceKind,
    /// What the configuration has to say for it.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it belongs to, such as the node of a storage.
    pub parent: Option<String>,
    /// What helps to choose, in the platform's units made readable, such as `free` with `112 GiB`.
    pub facts: BTreeMap<&'static str, String>,
    /// Why it cannot be used; none where it can.
    pub unusable: Option<String>,
}
