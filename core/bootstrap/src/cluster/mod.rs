//! Where the objects live until the pivot.

pub mod kind;
