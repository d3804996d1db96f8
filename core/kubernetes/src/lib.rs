//! What everyone needs who talks to a cluster: connections, apply, watches, and readiness with the deepest cause.
//!
//! Nothing here reads the environment; callers pass values in.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

mod apply;
pub mod connect;
mod error;
mod observe;
pub mod pages;
mod ready;
pub mod servers;
mod status;
mod wait;
mod watch;

pub use self::{
    apply::{Applied, Applier, MANAGER, apply},
    error::{ApplyError, ReadyError, chain, class_of, deepest, of_status},
    observe::{Observe, Observed},
    ready::{Cause, Condition, Ready, WorkloadKind, judge},
    status::merge_status,
    wait::{Unmet, wait},
    watch::Watched,
};
