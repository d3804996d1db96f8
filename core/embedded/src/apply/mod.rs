//! Server-side apply: who owns which field, and merging what appliers want.

mod fields;
pub(crate) mod managers;
pub(crate) mod typed;
