//! The loop that simulated controllers run in: follow → plan → write → wake.
//!
//! A controller follows the objects of an API server in this process. Whenever something happened, a pure [`planner`]
//! decides what is to be written and when it wants to decide again; the [`runner`] writes the plan and wakes the planner at
//! that time. A planner looks at each object of its kinds with the facts of the moment, and remembers of what was written
//! only what took effect, so that a lost write is planned again.

pub(crate) mod plan;
pub(crate) mod planner;
pub(crate) mod resource;
pub(crate) mod runner;

#[cfg(test)]
mod tests;
