//! What objects must look like to be taken: metadata, built-in kinds, definitions.

pub(crate) mod crd;
pub(crate) mod metadata;
pub(crate) mod names;
mod validations;
