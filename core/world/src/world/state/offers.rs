//! What the platform offers now.

use super::State;
use crate::world::call_faults::{self, CallFault};
use crate::world::offers::{Facts, Kind, Page};

impl State {
    /// The fault of this question, if it is its turn.
    pub fn offers_fault(&mut self, path: &str) -> Option<CallFault> {
        call_faults::struck(&self.settings.faults.offers, &mut self.met.2, "GET", path)
    }

    /// A page of what there is.
    pub fn offers(&self, kind: Kind, parent: Option<&str>, after: Option<&str>) -> Page {
        let orders = || self.machines.values().filter_map(|machine| machine.order.as_ref());
        let facts = Facts {
            memory_mb: orders().map(|order| order.memory_mb).collect(),
            disks_gb: orders().map(|order| order.disk_gb).sum(),
            cidr: self.settings.network.to_string(),
            version: self.settings.talos_version.clone(),
        };
        self.settings.offers.page(kind, parent, after, &facts)
    }
}
