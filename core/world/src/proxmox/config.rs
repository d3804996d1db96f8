//! The parameters of a machine's configuration: which there are, who may set them, and what is added to them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::access::require;
use super::routes::storage::usable;
use crate::world::proxmox::Vm;
use crate::world::proxmox::drive::{Drive, Net, is_drive, is_net, numbered};
use crate::world::proxmox::refusal::Refusal;
use crate::world::proxmox::settings::ProxmoxSettings;

const KNOWN: &[&str] = &[
    "acpi",
    "agent",
    "audio0",
    "balloon",
    "bios",
    "boot",
    "cores",
    "cpu",
    "cpulimit",
    "cpuunits",
    "description",
    "hotplug",
    "kvm",
    "localtime",
    "machine",
    "memory",
    "name",
    "numa",
    "onboot",
    "ostype",
    "protection",
    "reboot",
    "rng0",
    "scsihw",
    "shares",
    "smbios1",
    "sockets",
    "startup",
    "tablet",
    "tags",
    "template",
    "vcpus",
    "vga",
    "vmgenid",
];
/// What exists and what the simulated cluster cannot do: refused with that, not taken without effect.
const IMPOSSIBLE: &[&str] = &[
    "archive",
    "args",
    "cicustom",
    "cipassword",
    "citype",
    "ciupgrade",
    "ciuser",
    "force",
    "hookscript",
    "live-restore",
    "nameserver",
    "searchdomain",
    "sshkeys",
    "storage",
    "unique",
];
const IMPOSSIBLE_NUMBERED: &[&str] = &["hostpci", "ipconfig", "parallel", "usb", "unused"];

/// What is wrong with parameters, by name.
pub(super) fn problems(asked: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let problem = |key: &str, value: &str| -> Option<String> {
        if IMPOSSIBLE.contains(&key) || IMPOSSIBLE_NUMBERED.iter().any(|name| numbered(key, name)) {
            return Some("the simulated cluster does not implement this property".to_owned());
        }
        if is_drive(key) {
            let Some(drive) = Drive::parse(value) else {
                return Some(
                    "invalid format - format error\nfile: property is missing and it is not optional\n".to_owned(),
                );
            };
            return drive
                .file
                .ends_with(":cloudinit")
                .then(|| "the simulated cluster does not implement cloud-init drives".to_owned());
        }
        if is_net(key) {
            return Net::parse(value).is_none().then(|| {
                "invalid format - format error\nmodel: property is missing and it is not optional\n".to_owned()
            });
        }
        if numbered(key, "serial") {
            return (value != "socket").then(|| "value does not match the regex pattern".to_owned());
        }
        let wrong = match key {
            "name" if !is_dns(value) => Some("invalid format - value does not look like a valid DNS name\n"),
            "cores" | "sockets" | "balloon" if value.parse::<u32>().is_err() => {
                Some("type check ('integer') failed - got a text")
            }
            "tags" if !value.split([',', ';', ' ']).all(is_tag) => Some("invalid format - invalid characters in tag\n"),
            "bios" if !matches!(value, "seabios" | "ovmf") => {
                Some("value does not have a value in the enumeration 'seabios, ovmf'")
            }
            _ if KNOWN.contains(&key) => None,
            _ => Some("property is not defined in schema and the schema does not allow additional properties"),
        };
        wrong.map(str::to_owned)
    };
    asked
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), problem(key, value)?)))
        .collect()
}

fn is_dns(name: &str) -> bool {
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        !label.is_empty() && label.len() < 64 && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    name.split('.').all(label)
}

fn is_tag(tag: &str) -> bool {
    let first = tag
        .bytes()
        .next()
        .is_none_or(|b| b.is_ascii_alphanumeric() || b == b'_');
    first && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+.".contains(&b))
}

/// Who asks may set these properties.
pub(super) fn permitted(settings: &ProxmoxSettings, id: u32, asked: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let path = format!("/vms/{id}");
    for (key, value) in asked {
        require(settings, &path, privilege(key, value))?;
        if let Some(bridge) = Net::parse(value).filter(|_| is_net(key)).and_then(|net| net.bridge) {
            let zone = settings
                .vnets
                .get(&bridge)
                .map_or("localnetwork", |vnet| vnet.zone.as_str());
            require(settings, &format!("/sdn/zones/{zone}/{bridge}"), "SDN.Use")?;
        }
        let drive = Drive::parse(value).filter(|_| is_drive(key));
        if let Some(storage) = drive
            .as_ref()
            .filter(|drive| drive.new_size().is_some())
            .and_then(Drive::storage)
        {
            require(settings, &format!("/storage/{storage}"), "Datastore.AllocateSpace")?;
        }
    }
    Ok(())
}

fn privilege(key: &str, value: &str) -> &'static str {
    match key {
        _ if is_drive(key) && Drive::parse(value).is_some_and(|drive| drive.is_cdrom()) => "VM.Config.CDROM",
        _ if is_drive(key) => "VM.Config.Disk",
        _ if is_net(key) => "VM.Config.Network",
        "cores" | "sockets" | "cpu" | "cpulimit" | "cpuunits" | "vcpus" | "numa" => "VM.Config.CPU",
        "memory" | "balloon" | "shares" => "VM.Config.Memory",
        "acpi" | "hotplug" | "kvm" | "machine" | "scsihw" | "smbios1" | "tablet" | "vga" | "audio0" | "rng0" => {
            "VM.Config.HWType"
        }
        _ if numbered(key, "serial") => "VM.Config.HWType",
        _ => "VM.Config.Options",
    }
}

/// The storages of new disks can be used and may hold disks.
pub(super) fn storages(
    settings: &ProxmoxSettings,
    node: &str,
    asked: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let drives = asked.iter().filter(|(key, _)| is_drive(key));
    for drive in drives.filter_map(|(_, text)| Drive::parse(text)) {
        let Some(storage) = drive.storage() else { continue };
        let facts = usable(settings, node, storage)?;
        if drive.new_size().is_some() && !facts.content.iter().any(|kind| kind == "images") {
            let problem = format!("storage '{storage}' does not support content-type 'images'");
            return Err(Refusal::failed(problem));
        }
    }
    Ok(())
}

/// A configuration with what the platform adds by itself.
pub(super) fn completed(mut config: BTreeMap<String, String>, wall: Timestamp, seed: Uuid) -> BTreeMap<String, String> {
    for (number, (key, text)) in config.iter_mut().enumerate() {
        if let Some(net) = Net::parse(text).filter(|_| is_net(key)) {
            let bytes = Uuid::new_v5(&seed, &number.to_be_bytes()).into_bytes();
            let own = || format!("BC:24:11:{:02X}:{:02X}:{:02X}", bytes[0], bytes[1], bytes[2]);
            let mac = net.mac.clone().unwrap_or_else(own);
            *text = Net { mac: Some(mac), ..net }.to_string();
        } else if key == "tags" {
            *text = tags(text);
        }
    }
    let mut add = |key: &str, value: String| {
        config.entry(key.to_owned()).or_insert(value);
    };
    add("meta", format!("creation-qemu=10.0.2,ctime={}", wall.as_second()));
    add("smbios1", format!("uuid={}", Uuid::new_v5(&seed, b"smbios")));
    add("vmgenid", Uuid::new_v5(&seed, b"generation").to_string());
    config
}

/// Tags as they are stored: in order, each once.
pub(super) fn tags(text: &str) -> String {
    let mut tags: Vec<String> = text.split([',', ';', ' ']).map(str::to_lowercase).collect();
    tags.retain(|tag| !tag.is_empty());
    tags.sort();
    tags.dedup();
    tags.join(";")
}

/// What tells one version of a configuration from another.
pub(super) fn digest(vm: &Vm) -> String {
    let mut hash = Sha256::new();
    for (key, value) in &vm.config {
        hash.update(key);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    let mut text = format!("{:x}", hash.finalize());
    text.truncate(40);
    text
}
