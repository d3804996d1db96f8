//! Operations on a management cluster, each a folder on the engine, and what they share.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

pub mod again;
pub mod bootstrap;
pub mod bootstrap_clusters;
pub mod clusters;
pub mod destroy;
pub mod gc;
pub mod health;
mod heartbeat;

pub mod record_kinds;
pub mod runs;
#[cfg(test)]
mod samples;
pub mod setup;
pub mod transfer;
