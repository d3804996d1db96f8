//! The bootstrap: from a validated configuration to a management cluster.
//!
//! [`plan`], [`change`], [`pivot`], [`record`] and the graph are pure: from a configuration to steps, and to what they write. The
//! steps perform; everything they learn goes through the journal before it counts. [`run`] ties them together.

pub mod addresses;

pub mod bundle;
pub mod change;
pub mod context;
pub mod controllers;
mod etcd;
mod facts;
pub mod first_boot;
pub(crate) mod graph;
pub(crate) mod identity;
pub(crate) mod layers;
pub mod machine_config;
mod mirror;
mod phases;
pub mod pivot;
pub mod plan;
mod promised;
pub mod record;
pub mod remains;
pub mod run;
mod steps;

use butler_api::error::StepError;
use butler_engine::Now;
use futures::future::BoxFuture;

pub(crate) use self::steps::preflight::platform_failed;
pub use self::{
    context::Bootstrap,
    facts::{Fact, Learned, MachineFacts},
};

/// What the journal of a bootstrap tells.
pub type Known = butler_engine::journal::Known<Learned>;
/// A line of the journal.
pub type Entry = butler_engine::journal::Entry<Fact>;
/// The journal of a run.
pub type Journal = butler_engine::journal::Journal<Learned>;
/// How a step speaks to the engine.
pub type Report = butler_engine::Report<Bootstrap>;
/// What a step has observed.
pub type Proof = butler_engine::Proof<Fact>;

type Probed<'a> = BoxFuture<'a, Result<Option<Proof>, StepError>>;
type Acted<'a> = BoxFuture<'a, Result<(), StepError>>;
type Proved<'a> = BoxFuture<'a, Result<Proof, StepError>>;
type Looked<'a> = BoxFuture<'a, Result<Now, StepError>>;
