//! The bridge or SDN network of the machines.

use super::{Ground, fail, ok, room::choices, unknown, warn};
use crate::{
    Check,
    proxmox::survey::{Flag, Interface},
};

/// The zone that bridges belong to.
const LOCAL_ZONE: &str = "localnetwork";

/// The network's path in the access control.
pub(super) fn path(ground: &Ground<'_>) -> String {
    let bridge = &ground.settings.bridge;
    let vnets = ground.seen.vnets.as_ref().ok().into_iter().flatten();
    let zone = vnets
        .filter(|vnet| vnet.vnet == *bridge)
        .find_map(|vnet| vnet.zone.as_deref())
        .unwrap_or(LOCAL_ZONE);
    match ground.settings.vlan {
        Some(vlan) => format!("/sdn/zones/{zone}/{bridge}/{vlan}"),
        None => format!("/sdn/zones/{zone}/{bridge}"),
    }
}

/// Whether every node has the network.
pub(super) fn checks(ground: &Ground<'_>) -> Vec<Check> {
    let id = "proxmox/network";
    let bridge = &ground.settings.bridge;
    let mut checks = Vec::new();
    for (node, answer) in &ground.seen.networks {
        match answer {
            Err(error) => checks.push(unknown(id, &format!("network {bridge} on node {node}"), error)),
            Ok(list) => checks.extend(on_node(ground, node, list)),
        }
    }
    if checks.is_empty() {
        checks.push(ok(id, format!("network {bridge} is on every node")));
    }
    checks
}

fn on_node(ground: &Ground<'_>, node: &str, list: &[Interface]) -> Option<Check> {
    let id = "proxmox/network";
    let bridge = &ground.settings.bridge;
    let vnets = || ground.seen.vnets.as_ref().ok().into_iter().flatten();
    let Some(found) = list.iter().find(|one| one.iface == *bridge) else {
        // Releases before 8.1 do not list SDN networks among a node's.
        if vnets().any(|vnet| vnet.vnet == *bridge) {
            return None;
        }
        let names: Vec<&str> = list
            .iter()
            .filter(|one| one.takes_machines())
            .map(|one| one.iface.as_str())
            .chain(vnets().map(|vnet| vnet.vnet.as_str()))
            .collect();
        return Some(fail(
            id,
            format!("node {node} has no bridge or network {bridge}"),
            choices("setting `bridge`", bridge, &names),
        ));
    };
    if found.active.is_some_and(|active| !active.is_set()) {
        let hint = format!("bring it up on the node: ifup {bridge}");
        return Some(fail(id, format!("network {bridge} of node {node} is down"), hint));
    }
    let vlan = ground.settings.vlan?;
    if found.r#type == "bridge" && !found.bridge_vlan_aware.is_some_and(Flag::is_set) {
        return Some(warn(
            id,
            format!(
                "bridge {bridge} of node {node} does not pass VLAN tags on: VLAN {vlan} gets a bridge of its own there"
            ),
            "make the bridge VLAN aware, so that machines in it use the same network",
        ));
    }
    None
}
