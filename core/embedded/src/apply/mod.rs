//! Server-side apply: who owns which field, and merging what appliers want.

pub(crate) mod managers;
