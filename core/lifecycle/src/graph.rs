//! The graph of steps that a bootstrap consists of. Pure: configuration in, graph out.

mod plan;
mod step;

pub use plan::{AddonNode, bootstrap};
pub use step::{Graph, GraphError, Kind, Phase, Step, StepId};
