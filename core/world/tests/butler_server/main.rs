//! Butler's server of the simulated world: on its own, against recordings of the real one, and in a whole world.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]

#[path = "../../../../tests/common/reference.rs"]
mod reference;

mod clusters;
mod differences;
mod login;
mod replay;
#[expect(dead_code, reason = "the tests of the command line use the rest of it")]
mod support;
mod tenants;
