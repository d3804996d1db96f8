//! How a management cluster does: [`look`] lists what there is, [`examine`] says what is wrong with it, [`Summary`] is a short
//! overview, and [`Watch`] with [`changes`] tells what happens from then on.

mod certificates;
mod changes;
mod examine;
mod finding;
mod look;
mod objects;
mod sight;
mod summary;
mod watch;
mod workloads;

pub use self::{
    changes::{Change, State, changes},
    examine::examine,
    finding::{Evidence, Finding, Id, Severity, Subject},
    look::{LookError, look},
    sight::Sight,
    summary::{Component, Count, PoolUse, Releases, Summary, Weights},
    watch::Watch,
};
