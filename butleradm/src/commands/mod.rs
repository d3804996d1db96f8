//! What each command does: one file per command that does more than print.

pub(crate) mod args;
pub(crate) mod attach;
pub(crate) mod bootstrap;
pub(crate) mod cancel;
pub(crate) mod destroy;
pub(crate) mod doctor;
pub(crate) mod embedded;
pub(crate) mod env;
pub(crate) mod gc;
pub(crate) mod inmemory;
pub(crate) mod people;
pub(crate) mod provider;
pub(crate) mod replay;
pub(crate) mod status;
pub(crate) mod team;
pub(crate) mod tui;
pub(crate) mod user;
pub(crate) mod why;
