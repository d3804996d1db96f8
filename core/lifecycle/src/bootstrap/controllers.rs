//! Controllers that run inside this process against the bootstrap cluster.

pub mod machines;
