//! Finalizers of the API itself. Unlike those of others they have no domain in their name.

/// Holds an object until its dependents no longer name it as their owner.
pub(crate) const ORPHAN: &str = "orphan";
/// Holds an object until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// Holds a namespace, in its specification, until what is in it is gone.
pub(crate) const KUBERNETES: &str = "kubernetes";
