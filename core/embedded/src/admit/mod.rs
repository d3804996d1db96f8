//! Validation of what all objects share (metadata and names), and of CustomResourceDefinitions.

pub(crate) mod crd;
pub(crate) mod metadata;
pub(crate) mod names;
mod validations;
