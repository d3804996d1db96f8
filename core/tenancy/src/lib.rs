//! What users ask for: clusters, addons, teams and people, from what they type to what became of it.
//!
//! [`reach`] is a management cluster that can be worked with, as somebody; [`place`] the namespace in it; [`transport`] who is
//! asked for what. [`change`] writes, [`pages`] lists, [`live`] keeps lists true and [`names`] completes, whatever the kind; [`admitted`]
//! asks Butler's rules before a server is. Each operation is a folder of its own: it looks up what the request refers to, validates
//! it, builds the object, applies it, and says what became of it.

#![cfg_attr(
    test,
    expect(clippy::disallowed_macros, reason = "tests write objects as people read them")
)]

pub mod access;
pub mod addons;
pub mod admitted;
pub mod change;
pub mod clusters;
pub mod environments;
pub mod follow;
pub mod images;
pub mod live;
mod loose;
pub mod names;
pub mod objects;
pub mod place;
pub mod providers;
pub mod reach;
pub mod refusal;
pub mod teams;
pub mod transport;
pub mod users;
pub mod workspaces;

pub use butler_kubernetes::pages;
