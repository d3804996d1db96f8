//! The bootstrap configuration file: raw text in, a validated [`BootstrapConfig`] out.

mod types;

pub use types::*;
