//! The wizard's screens: what is seen, and what keys do.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "wizard/help.rs"]
mod help;
#[path = "wizard/image.rs"]
mod image;
#[path = "wizard/keys.rs"]
mod keys;
#[path = "wizard/lists.rs"]
mod lists;
#[path = "wizard/pictures.rs"]
mod pictures;
#[path = "wizard/random.rs"]
mod random;
