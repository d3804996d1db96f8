//! Butler on the clusters of the world: its controllers, the webhooks by which they admit what people write, its server, and
//! the people who use it.

pub mod admission;
pub(crate) mod controllers;
pub(crate) mod people;
mod rotation;
pub mod server;
pub mod webhook;
