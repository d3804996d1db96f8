//! Butler on the clusters of the world: its controllers.

pub(crate) mod controllers;
