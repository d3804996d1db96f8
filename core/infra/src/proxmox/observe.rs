//! Looks at one machine.

use std::time::Duration;

use butler_api::config::NodeAddress;

use super::{
    KIND, Proxmox,
    addresses::{self, Learned, Sought},
    cluster::Machine,
    delete::is_creation_of,
    wire::Status,
};
use crate::{ErrorKind, InfraError, Lifecycle, MachineRef, MachineState};

const OP: &str = "read machine";
const POLL: Duration = Duration::from_secs(1);

impl Proxmox {
    pub(super) async fn observe(&self, machine: &MachineRef) -> Result<MachineState, InfraError> {
        let Ok(vmid) = machine.id.parse() else {
            return Ok(absent());
        };
        let Some(found) = self.find(vmid, OP, &machine.name).await? else {
            self.prove_absent(vmid, OP, &machine.name).await?;
            return Ok(absent());
        };
        // Another machine under the VMID of ours means that ours is gone.
        if !is_creation_of(&found, machine) {
            return Ok(absent());
        }
        let Some(status) = self.status(&found.place, OP, &machine.name).await? else {
            // It moves to another node, or goes, at this very moment: the next look tells.
            let message = format!("VM {vmid} has moved from {}", found.place.node);
            return Err(InfraError::new(KIND, OP, ErrorKind::NotReady, message).about(&machine.name));
        };
        let lifecycle = lifecycle(&status);
        let raw = raw(&status);
        let chosen = chosen(&found);
        if lifecycle != Lifecycle::Running || !chosen.is_empty() {
            return Ok(state(lifecycle, chosen, &raw));
        }
        let learned = self.learn(machine, &found).await?;
        let addresses = learned.addresses.into_iter().map(|ip| NodeAddress { ip, port: None });
        let raw = learned.note.map_or(raw.clone(), |note| format!("{raw}; {note}"));
        Ok(state(lifecycle, addresses.collect(), &raw))
    }

    /// The addresses that a running machine was given.
    async fn learn(&self, machine: &MachineRef, found: &Machine) -> Result<Learned, InfraError> {
        let Some(mac) = found.config.get("net0").and_then(addresses::mac_of) else {
            return Ok(Learned::default());
        };
        let sought = Sought {
            name: &machine.name,
            node: &found.place.node,
            vmid: &machine.id,
            mac,
        };
        self.addresses.learn(sought).await
    }
}

fn state(lifecycle: Lifecycle, addresses: Vec<NodeAddress>, raw_status: &str) -> MachineState {
    MachineState {
        lifecycle,
        addresses,
        raw_status: raw_status.to_owned(),
        poll_after: POLL,
    }
}

fn absent() -> MachineState {
    state(Lifecycle::Absent, vec![], "absent")
}

/// The address that was chosen for it.
fn chosen(found: &Machine) -> Vec<NodeAddress> {
    let chosen = found.marker.as_ref().and_then(|marker| marker.address);
    chosen.map(|ip| NodeAddress { ip, port: None }).into_iter().collect()
}

fn lifecycle(status: &Status) -> Lifecycle {
    match (
        status.lock.as_deref(),
        status.power.as_str(),
        status.qmpstatus.as_deref(),
    ) {
        (Some("create" | "clone"), ..) => Lifecycle::Creating,
        (Some("destroyed"), ..) => Lifecycle::Deleting,
        (_, "running", Some(word @ ("internal-error" | "guest-panicked"))) => Lifecycle::Failed {
            reason: format!("QEMU says {word}"),
        },
        (_, "running", _) => Lifecycle::Running,
        _ => Lifecycle::Off,
    }
}

fn raw(status: &Status) -> String {
    let word = status.qmpstatus.as_deref().unwrap_or(&status.power);
    match &status.lock {
        Some(lock) => format!("{word}, locked ({lock})"),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_platform_become_a_place_in_life() {
        let status = |power: &str, qmp: &str, lock: &str| Status {
            power: power.into(),
            qmpstatus: Some(qmp.into()),
            lock: Some(lock.to_owned()).filter(|lock| !lock.is_empty()),
        };
        assert_eq!(lifecycle(&status("stopped", "stopped", "create")), Lifecycle::Creating);
        assert_eq!(lifecycle(&status("running", "running", "backup")), Lifecycle::Running);
        assert_eq!(lifecycle(&status("running", "paused", "")), Lifecycle::Running);
        assert_eq!(lifecycle(&status("stopped", "stopped", "")), Lifecycle::Off);
        assert_eq!(
            lifecycle(&status("stopped", "stopped", "destroyed")),
            Lifecycle::Deleting
        );
        let failed = lifecycle(&status("running", "internal-error", ""));
        assert!(matches!(failed, Lifecycle::Failed { .. }));
        assert_eq!(raw(&status("running", "running", "backup")), "running, locked (backup)");
    }
}
