//! What a virtual machine is made of when it is started: its disks, what it boots from and the networks that it is on. Pure.

use serde::Serialize as _;
use serde_json::Value;

use super::drive::{self, Drive, Net};
use super::settings::ProxmoxSettings;
use super::{FirstBoot, Hardware, Proxmox, Vm};

/// The sizes of a machine's disks, that from which it boots first.
pub fn disks(pve: &Proxmox, vm: &Vm) -> Vec<u64> {
    let boot = boot_order(vm);
    let mut disks: Vec<(usize, u64)> = vm
        .drives()
        .filter(|(key, drive)| !drive.is_cdrom() && !key.starts_with("efidisk") && !key.starts_with("tpmstate"))
        .filter_map(|(key, drive)| {
            let (_, volume) = pve.volume(&vm.node, &drive.file)?;
            let place = boot.iter().position(|other| other == key).unwrap_or(usize::MAX);
            Some((place, volume.size))
        })
        .collect();
    disks.sort_by_key(|(place, _)| *place);
    disks.into_iter().map(|(_, size)| size).collect()
}

/// A further disk, as orders describe it.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct ExtraDisk {
    #[serde(rename = "sizeGB")]
    size_gb: u64,
}

/// A disk of so many bytes, as orders describe it.
pub fn extra_disk(size: u64) -> Option<Value> {
    let disk = ExtraDisk { size_gb: size >> 30 };
    disk.serialize(serde_json::value::Serializer).ok()
}

/// The devices that a machine tries to boot from, in turn.
fn boot_order(vm: &Vm) -> Vec<String> {
    let told = vm.config.get("boot").and_then(|boot| boot.split("order=").nth(1));
    match told {
        Some(order) => order
            .split(',')
            .next()
            .unwrap_or(order)
            .split(';')
            .map(str::to_owned)
            .collect(),
        None => vm.drives().map(|(key, _)| key.to_owned()).collect(),
    }
}

/// What the machine is made of when it is started; an error is that of the start.
pub fn hardware(
    pve: &Proxmox,
    settings: &ProxmoxSettings,
    vmid: u32,
    vm: &Vm,
    first: FirstBoot,
) -> Result<Hardware, String> {
    let nets: Vec<Net> = vm
        .config
        .iter()
        .filter(|(key, _)| drive::is_net(key))
        .filter_map(|(_, text)| Net::parse(text))
        .collect();
    let bridges: Vec<&str> = nets.iter().filter_map(|net| net.bridge.as_deref()).collect();
    let mut connected = false;
    for (place, bridge) in bridges.iter().enumerate() {
        let vnet = settings.vnets.contains_key(*bridge);
        let known = settings
            .bridges
            .get(*bridge)
            .filter(|facts| facts.nodes.is_empty() || facts.nodes.contains(&vm.node));
        if known.is_none() && !vnet {
            return Err(format!("bridge '{bridge}' does not exist"));
        }
        if place == 0 {
            connected = vnet || known.is_some_and(|facts| facts.connected);
        }
    }
    let bootable = boot_order(vm).iter().any(|key| {
        let drive = vm.config.get(key).and_then(|text| Drive::parse(text));
        let volume = drive.and_then(|drive| pve.volume(&vm.node, &drive.file));
        volume.is_some_and(|(_, volume)| volume.image.is_some_and(|image| image.whole))
    });
    let trouble = if !bootable {
        Some("BdsDxe: No bootable option or device was found.".to_owned())
    } else if !connected {
        Some("no DHCP offer on any link".to_owned())
    } else {
        first.trouble
    };
    Ok(Hardware {
        vmid,
        critical: vm.critical,
        macs: nets
            .iter()
            .filter_map(|net| drive::mac_bytes(net.mac.as_deref()?))
            .collect(),
        boots: trouble.is_none(),
        trouble,
        address: first.address,
    })
}
