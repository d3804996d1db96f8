//! The names and numbers that the machines take: pool, VMIDs, template, names.

use std::collections::BTreeSet;

use super::{Ground, fail, ok, room::choices, unknown};
use crate::Check;

/// The VMIDs that Proxmox VE knows.
const FIRST: u32 = 100;
const LAST: u32 = 999_999_999;

/// As many names are told of a list.
const MOST_NAMES: usize = 5;

/// Whether the pool is there.
pub(super) fn pool(ground: &Ground<'_>) -> Option<Check> {
    let id = "proxmox/pool";
    let wanted = ground.settings.pool.as_ref()?;
    Some(match &ground.seen.pools {
        Err(error) => unknown(id, &format!("pool {wanted}"), error),
        Ok(pools) if pools.iter().any(|pool| pool.poolid == *wanted) => ok(id, format!("pool {wanted} is there")),
        Ok(pools) => {
            let names: Vec<&str> = pools.iter().map(|pool| pool.poolid.as_str()).collect();
            fail(
                id,
                format!("there is no pool {wanted} that we may see"),
                format!(
                    "{}; or make it: pveum pool add {wanted}",
                    choices("setting `pool`", wanted, &names)
                ),
            )
        }
    })
}

/// Whether there are VMIDs for all machines.
pub(super) fn vmids(ground: &Ground<'_>) -> Check {
    let id = "proxmox/vmids";
    let (first, last) = ground
        .settings
        .vmid_range
        .map_or((FIRST, LAST), |range| (range.start, range.end));
    let guests = match &ground.seen.guests {
        Ok(guests) => guests,
        Err(error) => return unknown(id, "free VMIDs", error),
    };
    let range = first..=last;
    let others = guests.iter().filter(|guest| !ground.is_ours(guest));
    let used: BTreeSet<u32> = others.map(|guest| guest.vmid).filter(|id| range.contains(id)).collect();
    let whole = u64::from(last - first) + 1;
    let free = whole - used.len() as u64;
    let needed = ground.plan.machines.len() as u64;
    if free < needed {
        fail(
            id,
            format!("{needed} machines need VMIDs, and {first} to {last} has {free} left"),
            "widen the range: vmidStart, vmidEnd",
        )
    } else {
        ok(id, format!("{free} VMIDs are free between {first} and {last}"))
    }
}

/// Whether the template is there, and is one.
pub(super) fn template(ground: &Ground<'_>) -> Option<Check> {
    let id = "proxmox/template";
    let wanted = ground.settings.template_id?;
    let guests = match &ground.seen.guests {
        Ok(guests) => guests,
        Err(error) => return Some(unknown(id, &format!("template {wanted}"), error)),
    };
    let templates = || {
        guests
            .iter()
            .filter(|guest| guest.template.is_set() && guest.r#type == "qemu")
    };
    Some(match guests.iter().find(|guest| guest.vmid == wanted) {
        Some(guest) if guest.template.is_set() && guest.r#type == "qemu" => {
            let name = guest.name.as_deref().unwrap_or("without a name");
            ok(id, format!("template {wanted} ({name}) is there"))
        }
        Some(guest) => {
            let name = guest.name.as_deref().unwrap_or("without a name");
            fail(
                id,
                format!("VMID {wanted} ({name}) is no template of a virtual machine"),
                format!("make it one: qm template {wanted}; or leave `templateID` out: an image is fetched then"),
            )
        }
        None => {
            let found: Vec<String> = templates()
                .take(MOST_NAMES)
                .map(|guest| format!("{} ({})", guest.vmid, guest.name.as_deref().unwrap_or("-")))
                .collect();
            let hint = if found.is_empty() {
                "leave `templateID` out: an image is fetched then".to_owned()
            } else {
                format!("there are: {}", found.join(", "))
            };
            fail(id, format!("there is no template {wanted} that we may see"), hint)
        }
    })
}

/// Machines of others that have a name of the plan. Names are not unique on Proxmox VE, but hosts of one name confuse everybody:
/// the run would refuse to make a second one.
pub(super) fn names(ground: &Ground<'_>) -> Option<Check> {
    let guests = ground.seen.guests.as_ref().ok()?;
    let taken: Vec<String> = guests
        .iter()
        .filter(|guest| !ground.is_ours(guest))
        .filter(|guest| {
            let named = |machine: &crate::MachineSpec| guest.name.as_deref() == Some(machine.name.as_str());
            ground.plan.machines.iter().any(named)
        })
        .map(|guest| format!("{} ({})", guest.name.as_deref().unwrap_or("-"), guest.vmid))
        .collect();
    if taken.is_empty() {
        return None;
    }
    let shown = taken.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    Some(fail(
        "proxmox/names",
        format!("machines of somebody else have names of the plan: {shown}"),
        "choose another cluster name, or rename those machines",
    ))
}
