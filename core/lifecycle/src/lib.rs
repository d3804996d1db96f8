//! Bootstrap engine: step graph, scheduler, journal, driver, addons and pivot.
//!
//! [`graph`], [`scheduler`], [`view`], [`plan`], [`pivot`] and [`record`] are pure: from a validated configuration to
//! steps, from inputs to effects. [`driver`] performs the effects by the verbs of each step; everything it learns goes
//! through the [`journal`] before it counts. [`run`] ties them together.

pub mod addresses;
pub mod bundle;
pub mod change;
pub mod cluster;
pub mod context;
pub mod controllers;
pub mod driver;
mod etcd;
mod failure;
pub mod graph;
pub mod journal;
pub mod machine_config;
mod mirror;
pub mod pivot;
pub mod plan;
mod promised;
pub mod record;
pub mod remains;
pub mod run;
pub mod scheduler;
mod steps;
pub mod view;
