//! What each command does: one file per command that does more than print.

pub(crate) mod args;
pub(crate) mod bootstrap;
pub(crate) mod destroy;
pub(crate) mod embedded;
pub(crate) mod gc;
pub(crate) mod inmemory;
