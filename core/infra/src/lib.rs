//! Infrastructure providers behind one trait.
//!
//! A [`Provider`] answers questions about a platform and takes one small, repeatable step at a time. It never waits for
//! the platform and knows no phases: the engine drives, persists and retries. Whatever a provider makes carries the
//! cluster's UUID, name and generation, and nothing else is ever adopted or deleted.

mod connect;
mod console;
mod error;
mod image;
mod inventory;
mod mac;
mod machine;
mod preflight;
mod progress;
mod provider;
mod units;
mod unreachable;

pub mod background;
pub mod call;
pub mod cidata;
pub mod factory;
pub mod hardware;
pub mod http;
pub mod inmemory;
pub mod proxmox;
pub mod scan;
pub mod static_machines;

pub use butler_api::choice::{Choice, ChoiceKind, Query};
pub use connect::{Access, WorldAccess, connect};
pub use error::{BoxError, ErrorDetails, ErrorKind, InfraError, Retry};
pub use image::{ImageRef, ImageSpec, PLAIN_SCHEMATIC, Transfer};
pub use inventory::{Inventory, ObjectKind, ObjectRef, OwnedObject, Owner, Scope, UnknownObject};
pub use mac::{Mac, NoMac};
pub use machine::{Addressing, Claim, FoundMachine, Lifecycle, MachineRef, MachineSpec, MachineState, UserData};
pub use preflight::{Check, CheckStatus, InfraPlan};
pub use progress::{OpHandle, OpKind, Pending, Progress};
pub use provider::{Capabilities, Console, Discovery, ExistingMachines, Fut, Images, Objects, Provider, ProviderInfo};
pub use unreachable::Unreachable;
