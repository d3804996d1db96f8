//! What Butler runs on a management cluster: its server, and the people who use it.

pub(crate) mod people;
pub mod server;
