//! Addons against API servers: the embedded one and, where the peers are built, the real one with the real helm.

#![expect(clippy::disallowed_macros, reason = "tests write objects as people read them")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod definitions;
mod embedded;
mod helm;
mod plan;
#[path = "../../../../tests/common/reference.rs"]
mod reference;
#[path = "../support/mod.rs"]
mod support;
mod world;
