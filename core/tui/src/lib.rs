//! The full-screen program of the command lines: state, views and a runner.
//!
//! An [`Input`](input::Input) changes the state of a screen, which answers with [`Effect`](effect::Effect)s; a view draws the state
//! and changes nothing; a runner performs the effects and sends what comes of them back as inputs. Only `term` knows the
//! terminal, only `runner` knows clocks, tasks, files and peers.

pub mod app;
pub mod board;
pub mod dashboard;
mod detect;
pub mod effect;
pub mod input;
pub mod live;
pub mod look;
pub mod program;
pub mod record;
pub mod runner;
pub mod screen;
pub mod snapshot;
pub mod still;
pub mod term;
pub mod widgets;
pub mod wizard;
