//! Talos secrets bundle, machine configuration, talosconfig and client.
//!
//! Everything but the module `client` is pure: no runtime, no sockets, no files, and the clock comes in as an
//! argument. `client` is behind the feature of that name.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

#[cfg(feature = "client")]
pub mod client;
pub mod config;
pub mod pki;
#[cfg(test)]
#[path = "../../../tests/common/reference.rs"]
mod reference;
pub mod secrets;
pub mod talosconfig;
mod yaml;

pub use yaml::YamlError;
