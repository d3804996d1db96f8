//! Bootstrap engine: step graph, scheduler, journal, driver, addons and pivot.
//!
//! [`graph`], [`scheduler`] and [`view`] are pure: from a validated configuration to steps, from inputs to effects.
//! [`driver`] performs the effects; everything it learns goes through the [`journal`] before it counts.

pub mod addons;
pub mod cluster;
pub mod driver;
pub mod failure;
pub mod graph;
pub mod journal;
pub mod process;
pub mod scheduler;
pub mod view;
