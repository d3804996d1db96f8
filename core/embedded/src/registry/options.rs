//! Options of writes.

use crate::kinds::finalizers;

/// What to do about unknown and duplicate fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    Warn,
    Strict,
}

/// Options of create, update and patch.
#[derive(Debug, Clone)]
pub(crate) struct WriteOptions {
    pub(crate) dry_run: bool,
    pub(crate) manager: String,
    /// The client named the manager itself.
    pub(crate) manager_given: bool,
    /// Whether an applier takes fields from other managers, if the client says so.
    pub(crate) force: Option<bool>,
    pub(crate) validation: FieldValidation,
}

/// What happens to the dependents of a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Propagation {
    /// They are deleted before it goes.
    Foreground,
    /// They are deleted after it has gone.
    Background,
    /// They stay, and no longer name it as their owner.
    Orphan,
}

impl Propagation {
    /// The finalizer that makes the collector of garbage follow the policy.
    pub(super) fn finalizer(self) -> Option<&'static str> {
        match self {
            Self::Foreground => Some(finalizers::FOREGROUND),
            Self::Orphan => Some(finalizers::ORPHAN),
            Self::Background => None,
        }
    }
}

/// Options of a deletion.
#[derive(Debug, Clone)]
pub(crate) struct DeleteOptions {
    pub(crate) dry_run: bool,
    pub(crate) propagation: Propagation,
    /// Only an object with this uid is meant.
    pub(crate) uid: Option<String>,
    /// Only an object at this version is meant.
    pub(crate) resource_version: Option<String>,
}

impl Default for DeleteOptions {
    /// Every resource that is served here leaves its dependents to the collector unless the client says otherwise.
    fn default() -> Self {
        Self {
            dry_run: false,
            propagation: Propagation::Background,
            uid: None,
            resource_version: None,
        }
    }
}
