//! One engine for every operation. An [`Operation`] brings a [`Graph`] of [`Step`]s, the fold of what its steps learn, and its
//! words; the engine decides what runs when ([`scheduler`]), performs it (`drive`) and makes it durable ([`journal`]).
//!
//! [`graph`], [`scheduler`] and the fold of the journal are pure. The engine knows nothing of what the steps are about.
//! Only the driver needs a runtime; without the feature of that name the crate builds without one.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

#[cfg(feature = "driver")]
mod driver;
mod failure;
pub mod graph;
pub mod journal;
#[cfg(feature = "driver")]
mod look;
mod operation;
pub mod receipt;
mod report;
pub mod scheduler;

#[cfg(feature = "driver")]
pub use self::{
    driver::{Ended, FailedStep, GRACE, Run, Sink, drive},
    look::look,
};
pub use self::{
    graph::{Graph, GraphError, Phase, Step, StepId},
    operation::{Moment, Now, Operation, Proof, Verbs, Words},
    report::{Report, Waiting},
    scheduler::Failure,
};
