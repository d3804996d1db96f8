//! Butler on the clusters of the world: its controllers, and the webhooks by which they admit what people write.

pub mod admission;
pub(crate) mod controllers;
pub mod webhook;
