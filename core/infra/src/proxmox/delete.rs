//! Deletes a machine, one small step per call, and proves that it is gone.

use jiff::Timestamp;

use super::{
    KIND, Proxmox,
    client::Call,
    cluster::{Machine, Place},
    form::FIRST_BOOT,
    pending,
};
use crate::{ErrorKind, InfraError, MachineRef, OpHandle, OpKind, Owner, Progress};

const OP: &str = "delete machine";

impl Proxmox {
    pub(super) async fn delete(
        &self,
        owner: &Owner,
        machine: &MachineRef,
        previous: Option<OpHandle>,
    ) -> Result<Progress<()>, InfraError> {
        let name = &machine.name;
        let Ok(vmid) = machine.id.parse() else {
            // No virtual machine ever had such an id.
            return Ok(Progress::Done(()));
        };
        let previous = previous.filter(|handle| handle.kind == OpKind::MachineDelete);
        let since = previous.as_ref().map_or_else(Timestamp::now, |handle| handle.started);
        let waits = |id, note, hint| Ok(pending(OpKind::MachineDelete, id, since, note, hint));
        if let Some(handle) = previous
            && self.still_runs(&handle.id, OP, name).await?
        {
            return waits(handle.id, format!("{name} (VM {vmid}) is being deleted"), None);
        }
        let Some(found) = self.find(vmid, OP, name).await? else {
            self.prove_absent(vmid, OP, name).await?;
            self.places.forget(vmid);
            self.promises.forget(vmid);
            return Ok(Progress::Done(()));
        };
        refuse_foreign(owner, machine, &found)?;
        let Some(status) = self.status(&found.place, OP, name).await? else {
            return waits(
                vmid.to_string(),
                format!("VM {vmid} has moved from {}", found.place.node),
                None,
            );
        };
        let on = format!("{name} (VM {vmid} on {})", found.place.node);
        if let Some(lock) = status.lock {
            let task = self.running_task(&found.place, OP, name).await?;
            let hint = task.is_none().then(|| {
                let node = &found.place.node;
                format!("no task of the node works on it; if none of another node does: qm unlock {vmid} on {node}")
            });
            let id = task.map_or_else(|| vmid.to_string(), |task| task.upid);
            return waits(id, format!("{on} is locked ({lock})"), hint);
        }
        if status.power == "running" {
            let upid = self.stop(&found.place, name).await?;
            return waits(upid, format!("{on} is being stopped"), None);
        }
        // Its own disks go with it; a disc does not, and nothing would tell afterwards that it had one.
        if let Some(drive) = found.config.drive(FIRST_BOOT) {
            self.volumes.drop_disc(owner, &found.place.node, &drive).await?;
        }
        let upid = self.destroy(&found.place, OP, name).await?;
        waits(upid, format!("{on} is being deleted"), None)
    }

    /// Deletes a virtual machine with its disks and everything that refers to it. A lock is never skipped.
    pub(super) async fn destroy(&self, place: &Place, op: &'static str, name: &str) -> Result<String, InfraError> {
        let vmid = place.vmid.to_string();
        let call = Call::new(op, name, &["nodes", &place.node, "qemu", &vmid])
            .with("purge", "1")
            .with("destroy-unreferenced-disks", "1");
        self.client.delete(&call).await
    }

    /// Switches a machine off at once: what is on its disks goes anyway.
    async fn stop(&self, place: &Place, name: &str) -> Result<String, InfraError> {
        let vmid = place.vmid.to_string();
        let path = ["nodes", &place.node, "qemu", &vmid, "status", "stop"];
        self.client.post(&Call::new(OP, name, &path)).await
    }

    /// A list shows only what we may see. What it does not show and is there all the same is no proof of absence.
    pub(super) async fn prove_absent(&self, vmid: u32, op: &'static str, name: &str) -> Result<(), InfraError> {
        if self.is_free(vmid, op, name).await? {
            return Ok(());
        }
        let missing = vec![format!("VM.Audit on /vms/{vmid}")];
        let message = format!("VMID {vmid} is taken, and we may not see by what");
        Err(InfraError::new(KIND, op, ErrorKind::Forbidden { missing }, message)
            .about(name)
            .hint("grant VM.Audit on /vms to the user, and to its token where that has permissions of its own"))
    }
}

/// Refuses to delete what does not carry the owner's marker, or is another creation than the one that is meant.
pub(super) fn refuse_foreign(owner: &Owner, machine: &MachineRef, found: &Machine) -> Result<(), InfraError> {
    let ours = found
        .marker
        .as_ref()
        .is_some_and(|marker| marker.owner.cluster_id == owner.cluster_id);
    let message = if !ours {
        "it does not carry this cluster's marker"
    } else if !is_creation_of(found, machine) {
        "its VMID belongs to a machine that was made later"
    } else {
        return Ok(());
    };
    Err(InfraError::new(KIND, OP, ErrorKind::Foreign, message)
        .about(&machine.name)
        .hint("nothing was deleted"))
}

/// Whether this is the machine that is meant, not the next one with its VMID.
pub(super) fn is_creation_of(found: &Machine, machine: &MachineRef) -> bool {
    let named = found
        .marker
        .as_ref()
        .is_some_and(|marker| marker.machine == machine.name && marker.generation == machine.generation);
    let same_time = match (found.config.created(), machine.created) {
        (Some(found), Some(meant)) => found == meant,
        // Nobody told when it was made.
        _ => true,
    };
    named && same_time
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::{marker::Marker, tests::spec};

    fn found(created: &str) -> Machine {
        let spec = spec();
        Machine {
            place: Place {
                node: "pve1".into(),
                vmid: 105,
            },
            config: [("meta".to_owned(), format!("creation-qemu=10.0.2,ctime={created}"))]
                .into_iter()
                .collect(),
            marker: Some(Marker::of(&spec)),
        }
    }

    fn meant() -> MachineRef {
        MachineRef {
            provider: KIND,
            id: "105".into(),
            name: spec().name,
            generation: 1,
            created: Some(Timestamp::from_second(1000).unwrap()),
        }
    }

    #[test]
    fn only_the_machine_that_is_meant_is_deleted() {
        let owner = spec().owner;
        assert!(refuse_foreign(&owner, &meant(), &found("1000")).is_ok());
        let later = refuse_foreign(&owner, &meant(), &found("1001")).unwrap_err();
        assert_eq!(later.kind, ErrorKind::Foreign);
        let unmarked = Machine {
            marker: None,
            ..found("1000")
        };
        assert_eq!(
            refuse_foreign(&owner, &meant(), &unmarked).unwrap_err().kind,
            ErrorKind::Foreign
        );
        let other = Owner {
            cluster_id: uuid::Uuid::from_u128(99),
            ..owner
        };
        assert!(refuse_foreign(&other, &meant(), &found("1000")).is_err());
        let next = MachineRef {
            generation: 2,
            ..meant()
        };
        assert!(!is_creation_of(&found("1000"), &next));
    }
}
