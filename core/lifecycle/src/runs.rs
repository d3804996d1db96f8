//! Runs as others see them: the events that each run writes into its folder, who follows them, and what earlier runs took.

pub mod end;
pub mod follow;
pub mod list;
mod recorder;
pub mod stream;
mod usual;
pub mod why;

pub(crate) use self::recorder::Recorder;
#[cfg(test)]
pub(crate) use self::usual::shipped;
pub(crate) use self::usual::usual;
