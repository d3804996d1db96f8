//! Client of the Talos API: first contact in maintenance mode, then mutual TLS.
//!
//! Every call has a deadline. Retrying is the caller's business; [`TalosError::is_retryable`] says what is worth it.

mod address;
mod archive;
mod channel;
mod error;
mod hardware;
pub mod health;
mod maintenance;
mod node;
mod probe;
mod resources;
mod tls;

pub use address::{Address, AddressError};
pub use channel::Credentials;
pub use error::{CallFailure, Side, TalosError, TlsProblem};
pub use hardware::{Hardware, Link};
pub use maintenance::{Disk, Maintenance, MaintenanceFacts};
pub use node::{AppliedConfig, BootstrapOutcome, EtcdMember, EtcdStanding, EtcdStatus, Node, NodeVersion, Service};
pub use probe::{Mode, probe};
pub use resources::{MachineStatus, Member, ServiceState, Stage, UnmetCondition, Watch};
