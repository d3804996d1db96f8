//! Controllers that run inside this process against the bootstrap cluster.

pub mod images;
pub mod machines;
