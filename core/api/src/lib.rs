//! CRD types, names, labels, bootstrap configuration and events.
//!
//! Everything here is pure data and pure decisions: no clock, no environment, no file, no network, no runtime.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

pub mod admission;
pub mod backoff;
pub mod choice;
pub mod conditions;
pub mod config;
pub mod descriptors;
pub mod duration;
pub mod error;
pub mod event;
pub mod helm;
pub mod labels;
pub mod membership;
pub mod names;
pub mod quantity;
pub mod record;
mod role;
pub mod tenants;
pub mod v1alpha1;
pub mod view;
pub mod words;
