//! Infrastructure providers behind one trait.
//!
//! A [`Provider`] answers questions about a platform and takes one small, repeatable step at a time. It never waits for
//! the platform and knows no phases: the engine drives, persists and retries. Whatever a provider makes carries the
//! cluster's UUID, name and generation, and nothing else is ever adopted or deleted.

mod connect;
mod error;
mod inventory;
mod machine;
mod preflight;
mod progress;
mod provider;
mod unreachable;

pub mod call;
pub mod hardware;
pub mod inmemory;
pub mod static_machines;

pub use connect::{Access, WorldAccess, connect};
pub use error::{BoxError, ErrorDetails, ErrorKind, InfraError, Retry};
pub use inventory::{Inventory, ObjectKind, OwnedObject, Owner, Scope, UnknownObject};
pub use machine::{Claim, FoundMachine, Lifecycle, MachineRef, MachineSpec, MachineState};
pub use preflight::{Check, CheckStatus, InfraPlan};
pub use progress::{OpHandle, OpKind, Pending, Progress};
pub use provider::{Capabilities, Console, Discovery, Fut, Provider, ProviderInfo};
pub use unreachable::Unreachable;
