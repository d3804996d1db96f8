//! Butler's own operators, simulated: what they do on a management cluster.

pub mod admission;
pub mod webhook;
