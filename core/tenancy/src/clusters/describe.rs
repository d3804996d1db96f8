//! A tenant cluster with everything that it consists of, and why it is not ready.

pub mod parts;
pub mod timeline;
pub mod tree;
pub mod why;
