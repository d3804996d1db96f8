//! A platform that cannot be reached: every question about it is answered with why.
//!
//! For looks at what a stopped run left, where the rest can be told all the same.

use butler_api::config::ProviderKind;

use crate::{
    Capabilities, Check, ErrorKind, Fut, InfraError, InfraPlan, Inventory, MachineRef, MachineSpec, MachineState,
    OpHandle, Owner, Progress, Provider, ProviderInfo, Scope,
};

/// Stands for a platform without a connection to it.
#[derive(Debug)]
pub struct Unreachable {
    info: ProviderInfo,
    why: String,
}

impl Unreachable {
    /// A platform of this kind that cannot be reached, for this reason.
    pub fn new(kind: ProviderKind, why: impl Into<String>) -> Self {
        Self {
            info: ProviderInfo {
                kind,
                display: kind.as_str(),
                capabilities: Capabilities {
                    creates_machines: kind != ProviderKind::Static,
                    max_parallel_creates: 1,
                },
            },
            why: why.into(),
        }
    }

    fn refuse<T: Send>(&self, op: &'static str) -> Fut<'_, T> {
        let error = InfraError::new(self.info.kind, op, ErrorKind::Unreachable, self.why.clone());
        Box::pin(async { Err(error) })
    }
}

impl Provider for Unreachable {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    fn preflight<'a>(&'a self, _: &'a InfraPlan) -> Fut<'a, Vec<Check>> {
        self.refuse("check the platform")
    }

    fn machine_ensure<'a>(&'a self, _: &'a MachineSpec, _: Option<OpHandle>) -> Fut<'a, Progress<MachineRef>> {
        self.refuse("create machine")
    }

    fn machine_observe<'a>(&'a self, _: &'a MachineRef) -> Fut<'a, MachineState> {
        self.refuse("read machine")
    }

    fn machine_delete<'a>(&'a self, _: &'a Owner, _: &'a MachineRef, _: Option<OpHandle>) -> Fut<'a, Progress<()>> {
        self.refuse("delete machine")
    }

    fn inventory<'a>(&'a self, _: Scope<'a>) -> Fut<'a, Inventory> {
        self.refuse("list machines")
    }
}
