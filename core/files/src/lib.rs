//! Private files, atomic replacement, locks, and the folders that everything is kept in.
//!
//! Nothing here reads the environment beyond what the platform's folder conventions need; callers pass values in.

pub mod append;
mod cluster;
mod draft;
pub mod environment;
mod exported;
pub mod home;
mod lock;
pub mod read;

pub use self::{
    cluster::ClusterFolder,
    draft::{Draft, DraftError},
    environment::Environment,
    exported::{Exported, HandedOver},
    lock::{Held, Holder, Lock, LockError, host},
};
