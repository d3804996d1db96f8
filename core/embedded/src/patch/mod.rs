//! Patches as plain functions from object to object.

pub(crate) mod merge;
pub(crate) mod operations;
pub(crate) mod strategic;
