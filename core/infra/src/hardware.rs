//! Which listed machine a planned one takes, and the links and disks that a configuration names against those that the
//! machine has. Pure.

use std::collections::BTreeMap;

use butler_api::config::{BootstrapConfig, Machine, Patch, PatchBody, Role};
use butler_talos::client::Hardware;

use crate::Claim;

/// What a configuration names of one machine's links and disks, each with its setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    links: Vec<(String, String)>,
    disk: Option<(String, String)>,
}

/// Something that a configuration names and a machine does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The setting, the value, and what is there instead; reads on after the machine's name.
    pub message: String,
    /// The setting to correct.
    pub hint: String,
}

/// What each planned machine claims, by its name; nothing where the platform makes machines.
pub fn claims(config: &BootstrapConfig) -> BTreeMap<String, Claim> {
    let claim = |machine: Machine<'_>| {
        let (_, listed) = machine.listed?;
        let claim = Claim {
            address: listed.address,
            talos: config.talos.version.clone(),
            hardware: named(config, &machine.name),
        };
        Some((machine.name, claim))
    };
    config.machines().into_iter().filter_map(claim).collect()
}

/// What to do about another fingerprint than the one that the configuration names for the machine at this position.
pub fn fingerprint_hint(at: usize) -> String {
    format!(
        "compare with the machine's console; a restart in maintenance mode makes a new one: write it to \
         providerConfig.static.machines[{at}].fingerprint, or leave that out"
    )
}

/// What the configuration names for the machine of this name. Patches may make a link (a bond, a VLAN) or choose another
/// disk: what they mention is theirs.
pub fn named(config: &BootstrapConfig, name: &str) -> Named {
    let mut named = Named::default();
    let machines = config.machine_names();
    let control_plane = machines
        .iter()
        .any(|(n, role)| n == name && *role == Role::ControlPlane);
    let patches = patches(config, control_plane);
    if let Some(link) = config.network.vip_interface.as_ref().filter(|_| control_plane)
        && config.network.vip.is_some()
    {
        named.links.push(("network.vipInterface".to_owned(), link.clone()));
    }
    let listed = config.listed_machine(name);
    let setting = |at: usize, key: &str| format!("providerConfig.static.machines[{at}].{key}");
    if let Some((at, link)) = listed.and_then(|(at, machine)| Some((at, machine.network_interface.as_ref()?))) {
        named.links.push((setting(at, "networkInterface"), link.clone()));
    }
    let own = listed.and_then(|(at, machine)| Some((setting(at, "installDisk"), machine.install_disk.clone()?)));
    named.links.retain(|(_, link)| !patches.contains(link.as_str()));
    if patches.contains("install") {
        return named;
    }
    named.disk = own.or_else(|| Some(("talos.installDisk".to_owned(), config.talos.install_disk.clone())));
    named
}

/// What all patches for a machine say.
fn patches(config: &BootstrapConfig, control_plane: bool) -> String {
    let patches = &config.talos.patches;
    let own = if control_plane {
        &patches.control_plane
    } else {
        &patches.workers
    };
    let text = |patch: &Patch| match &patch.body {
        PatchBody::Merge(documents) => documents.iter().map(ToString::to_string).collect(),
        PatchBody::Operations(operations) => operations.to_string(),
    };
    patches.all.iter().chain(own).map(text).collect()
}

/// The first thing that is named and not there.
pub fn missing(named: &Named, hardware: &Hardware) -> Option<Missing> {
    let link = named.links.iter().find(|(_, link)| hardware.lacks_link(link));
    if let Some((setting, link)) = link {
        return Some(Missing {
            message: format!("has no link {link} ({setting}); it has {}", hardware.describe_links()),
            hint: format!("set {setting} to a link that the machine has"),
        });
    }
    let (setting, disk) = named.disk.as_ref().filter(|(_, disk)| hardware.lacks_disk(disk))?;
    Some(Missing {
        message: format!("has no disk {disk} ({setting}); it has {}", hardware.describe_disks()),
        hint: format!("set {setting} to a disk that the machine has"),
    })
}

#[cfg(test)]
mod tests {
    use butler_talos::client::{Disk, Link};

    use super::*;

    const TEXT: &str = "
provider: static
cluster: {name: edge, topology: ha, controlPlane: {replicas: 3}, workers: {replicas: 1}}
network:
  vip: 192.0.2.10
VIP_INTERFACE
  loadBalancerPool: {start: 192.0.2.100, end: 192.0.2.150}
talos: {version: v1.12.1, installDisk: /dev/sda}
providerConfig:
  static:
    machines:
      - {address: 192.0.2.21, role: workerMACHINE}
      - {address: 192.0.2.11, role: control-plane}
      - {address: 192.0.2.12, role: control-plane}
      - {address: 192.0.2.13, role: control-plane}
";

    fn load(text: &str) -> BootstrapConfig {
        let loaded = butler_api::config::load(text, "edge.yaml");
        loaded.map_err(|e| e.to_string()).unwrap().config
    }

    fn config(vip_interface: &str, machine: &str) -> BootstrapConfig {
        load(&TEXT.replace("VIP_INTERFACE", vip_interface).replace("MACHINE", machine))
    }

    fn hardware() -> Hardware {
        let link = Link {
            name: "enp3s0".to_owned(),
            ethernet: true,
            up: true,
            hardware_address: None,
            addresses: vec!["192.0.2.11".parse().unwrap()],
        };
        let disk = Disk {
            device: "/dev/nvme0n1".to_owned(),
            size: 100 << 30,
            model: "Fast".to_owned(),
            serial: String::new(),
            kind: "nvme",
            read_only: false,
            system: false,
        };
        Hardware {
            links: Some(vec![link]),
            disks: Some(vec![disk]),
        }
    }

    #[test]
    fn planned_machines_claim_listed_ones_of_their_role_in_the_order_of_the_file() {
        let claims = claims(&config("", ""));
        let taken: Vec<(&str, String)> = claims
            .iter()
            .map(|(name, c)| (name.as_str(), c.address.to_string()))
            .collect();
        assert_eq!(
            taken,
            [
                ("edge-cp-0", "192.0.2.11".to_owned()),
                ("edge-cp-1", "192.0.2.12".to_owned()),
                ("edge-cp-2", "192.0.2.13".to_owned()),
                ("edge-worker-0", "192.0.2.21".to_owned()),
            ]
        );
        let made = load(include_str!("../../../fixtures/configs/inmemory-single.yaml"));
        assert!(super::claims(&made).is_empty());
    }

    #[test]
    fn the_link_of_the_virtual_address_is_asked_of_control_planes_only() {
        let config = config("  vipInterface: eth7", ", installDisk: /dev/nvme0n1");
        let found = missing(&named(&config, "edge-cp-0"), &hardware()).unwrap();
        assert_eq!(
            found.message,
            "has no link eth7 (network.vipInterface); it has enp3s0 (192.0.2.11)"
        );
        assert_eq!(found.hint, "set network.vipInterface to a link that the machine has");
        assert_eq!(missing(&named(&config, "edge-worker-0"), &hardware()), None);
    }

    #[test]
    fn a_machines_own_settings_are_named_by_their_place_in_the_file() {
        let config = config("", ", networkInterface: eth1, installDisk: /dev/sdq");
        let found = missing(&named(&config, "edge-worker-0"), &hardware()).unwrap();
        assert!(
            found
                .message
                .starts_with("has no link eth1 (providerConfig.static.machines[0].networkInterface)"),
            "{}",
            found.message
        );
    }

    #[test]
    fn what_a_patch_makes_need_not_be_there() {
        let bond = "
  patches:
    controlPlane:
      - machine:
          network: {interfaces: [{interface: bond0, bond: {mode: active-backup, interfaces: [enp3s0, enp4s0]}}]}
          install: {diskSelector: {type: nvme}}";
        let mut text = TEXT
            .replace("VIP_INTERFACE", "  vipInterface: bond0")
            .replace("MACHINE", "");
        assert!(missing(&named(&load(&text), "edge-cp-0"), &hardware()).is_some());
        text = text.replace(
            "talos: {version: v1.12.1, installDisk: /dev/sda}",
            &format!("talos:\n  version: v1.12.1{bond}"),
        );
        assert_eq!(missing(&named(&load(&text), "edge-cp-0"), &hardware()), None);
        assert!(missing(&named(&load(&text), "edge-worker-0"), &hardware()).is_some());
    }

    #[test]
    fn the_default_disk_is_named_with_what_is_there() {
        let config = config("", "");
        let found = missing(&named(&config, "edge-cp-0"), &hardware()).unwrap();
        assert_eq!(
            found.message,
            "has no disk /dev/sda (talos.installDisk); it has /dev/nvme0n1 (100 GiB, nvme, Fast)"
        );
        let container = Hardware {
            disks: Some(Vec::new()),
            ..hardware()
        };
        assert_eq!(missing(&named(&config, "edge-cp-0"), &container), None);
    }
}
