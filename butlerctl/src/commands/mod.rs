//! What each command does.

pub(crate) mod access;
pub(crate) mod addon;
mod board;
pub(crate) mod cluster;
pub(crate) mod env;
pub(crate) mod image;
mod input;
mod objects;
mod team;
pub(crate) mod template;
pub(crate) mod workspace;
