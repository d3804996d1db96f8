//! Validation of what all objects share (metadata and names), and of CustomResourceDefinitions.

#![expect(
    clippy::disallowed_macros,
    reason = "the server judges objects of every kind as JSON"
)]

pub(crate) mod crd;
pub(crate) mod metadata;
pub(crate) mod names;
mod validations;
