//! CRD types, names, labels, bootstrap configuration and events.
//!
//! Everything here is pure data and pure decisions: no clock, no environment, no file, no network, no runtime.

pub mod config;
pub mod event;
pub mod v1alpha1;
