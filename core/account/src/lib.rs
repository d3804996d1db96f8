//! The commands about logins that both command lines have, and which cluster a command works on.
//!
//! [`tool`] is what a binary brings. [`access`] finds the cluster that a command works on, and connects to it; [`work`] is how
//! commands use it. [`screen`] is the whole terminal. [`commands`] are its commands: arguments, one call of the client, words. [`failure`] turns
//! errors of the client into failures with a hint and an exit code.

pub mod access;
pub mod commands;
pub mod complete;
pub mod failure;
pub mod objects;
pub mod screen;
pub mod session;
pub mod tool;
pub mod watched;
pub mod work;
