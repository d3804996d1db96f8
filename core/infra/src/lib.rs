//! Infrastructure providers behind one trait.
//!
//! A [`Provider`] answers questions about a platform and takes one small, repeatable step at a time. It never waits for
//! the platform and knows no phases: the engine drives, persists and retries. Whatever a provider makes carries the
//! cluster's UUID, name and generation, and nothing else is ever adopted or deleted.

mod connect;
mod error;
mod model;
mod provider;

pub mod call;
pub mod hardware;
pub mod inmemory;
pub mod static_machines;

pub use connect::{ConnectEnv, World, connect};
pub use error::{BoxError, Class, Failure, InfraError, Retry};
pub use model::{
    Addr, AddrKind, AddrSource, Capabilities, Check, CheckStatus, DiscoverItem, DiscoverKind, DiscoverQuery, Endpoint,
    EndpointKind, EndpointSpec, ImageRef, ImageSpec, InfraPlan, Lifecycle, MachineRef, MachineSpec, MachineState,
    ObjectKind, OpHandle, OpKind, OwnedObject, Owner, Progress, ProviderInfo, QuotaLine, Step, Usable, UserData,
};
pub use provider::{Fut, Provider};
