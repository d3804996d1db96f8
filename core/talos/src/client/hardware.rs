//! Links and disks of a node, as it tells them without a certificate.

use std::fmt;
use std::net::IpAddr;

use super::{Disk, TalosError};

/// As many are named in a message.
const MOST: usize = 16;

/// What a node in maintenance mode has; none where it does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardware {
    /// Its network links; none where they were not read.
    pub links: Option<Vec<Link>>,
    /// Its disks. A node in a container has none.
    pub disks: Option<Vec<Disk>>,
}

/// A network link of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Name of the link, such as `eth0`.
    pub name: String,
    /// Whether it is of the kind that carries a node's network, and not a loopback or tunnel.
    pub ethernet: bool,
    /// Whether it has a carrier.
    pub up: bool,
    /// Its hardware address, where it has one of six bytes.
    pub hardware_address: Option<[u8; 6]>,
    /// The addresses that the link has.
    pub addresses: Vec<IpAddr>,
}

impl Hardware {
    /// Whether it tells its links and this one is not among them.
    pub fn lacks_link(&self, name: &str) -> bool {
        let known = self.links.as_deref();
        known.is_some_and(|links| links.iter().all(|link| link.name != name))
    }

    /// Whether it tells its disks and this one is not among them. Without any disk it runs where it is and needs none;
    /// names below `/dev/disk` are links, which are not told.
    pub fn lacks_disk(&self, device: &str) -> bool {
        let known = self.disks.as_deref();
        !device.starts_with("/dev/disk/")
            && known.is_some_and(|disks| !disks.is_empty() && disks.iter().all(|disk| disk.device != device))
    }

    /// The link that carries the node's network: the one with this address, else the only one that could be it.
    pub fn main_link(&self, address: Option<IpAddr>) -> Option<&str> {
        let links = self.links.as_deref()?;
        let holder = links
            .iter()
            .find(|link| address.is_some_and(|address| link.addresses.contains(&address)));
        if let Some(holder) = holder {
            return Some(&holder.name);
        }
        let mut candidates = links.iter().filter(|link| link.ethernet && !link.addresses.is_empty());
        match (candidates.next(), candidates.next()) {
            (Some(only), None) => Some(&only.name),
            _ => None,
        }
    }

    /// Whether one of its links has this hardware address.
    pub fn has_hardware_address(&self, address: [u8; 6]) -> bool {
        let known = self.links.as_deref();
        known.is_some_and(|links| links.iter().any(|link| link.hardware_address == Some(address)))
    }

    /// The links in words.
    pub fn describe_links(&self) -> String {
        list(self.links.as_deref(), "does not tell its links", "no links")
    }

    /// The disks in words.
    pub fn describe_disks(&self) -> String {
        list(self.disks.as_deref(), "does not tell its disks", "no disks")
    }
}

fn list<T: fmt::Display>(items: Option<&[T]>, unknown: &str, none: &str) -> String {
    let Some(items) = items else {
        return unknown.to_owned();
    };
    if items.is_empty() {
        return none.to_owned();
    }
    let named: Vec<String> = items.iter().take(MOST).map(ToString::to_string).collect();
    let named = named.join(", ");
    match items.len().saturating_sub(MOST) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let mut notes: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        if self.ethernet && !self.up {
            notes.push("down".to_owned());
        }
        if notes.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", notes.join(", "))
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.size >> 30;
        write!(f, "{} ({size} GiB", self.device)?;
        for note in [self.kind, self.model.as_str()] {
            if !note.is_empty() {
                write!(f, ", {note}")?;
            }
        }
        f.write_str(")")
    }
}

/// A name that a node gave: short, and nothing that a terminal would obey.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

/// What a node does not tell is not known; anything else that goes wrong is an error.
pub(super) fn told<T>(reply: Result<T, TalosError>) -> Result<Option<T>, TalosError> {
    match reply {
        Ok(found) => Ok(Some(found)),
        Err(TalosError::Unimplemented(_) | TalosError::PermissionDenied(_) | TalosError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, addresses: &[&str]) -> Link {
        Link {
            name: name.to_owned(),
            ethernet: name != "lo",
            up: !addresses.is_empty(),
            hardware_address: None,
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        }
    }

    fn disk(device: &str) -> Disk {
        Disk {
            device: device.to_owned(),
            size: 64 << 30,
            model: String::new(),
            serial: String::new(),
            kind: "ssd",
            read_only: false,
            system: false,
        }
    }

    fn hardware(links: Vec<Link>, disks: Vec<Disk>) -> Hardware {
        Hardware {
            links: Some(links),
            disks: Some(disks),
        }
    }

    #[test]
    fn what_is_not_there_is_missed_and_what_is_not_told_is_not() {
        let node = hardware(vec![link("enp3s0", &["10.0.0.5"])], vec![disk("/dev/nvme0n1")]);
        assert!(node.lacks_link("eth0") && !node.lacks_link("enp3s0"));
        assert!(node.lacks_disk("/dev/sda") && !node.lacks_disk("/dev/nvme0n1"));
        assert!(!node.lacks_disk("/dev/disk/by-id/nvme-x"));
        let silent = Hardware::default();
        assert!(!silent.lacks_link("eth0") && !silent.lacks_disk("/dev/sda"));
    }

    #[test]
    fn a_container_has_no_disks_and_needs_none() {
        assert!(!hardware(vec![], vec![]).lacks_disk("/dev/sda"));
    }

    #[test]
    fn the_main_link_has_the_nodes_address_or_is_the_only_one() {
        let address = Some("10.0.0.5".parse().unwrap());
        let two = hardware(
            vec![
                link("lo", &["127.0.0.1"]),
                link("enp1s0", &["192.168.9.5"]),
                link("enp3s0", &["10.0.0.5"]),
            ],
            vec![],
        );
        assert_eq!(two.main_link(address), Some("enp3s0"));
        assert_eq!(
            two.main_link(Some("203.0.113.9".parse().unwrap())),
            None,
            "behind a translation"
        );
        let one = hardware(
            vec![
                link("lo", &["127.0.0.1"]),
                link("ens18", &["10.0.0.5"]),
                link("ens19", &[]),
            ],
            vec![],
        );
        assert_eq!(one.main_link(None), Some("ens18"));
        assert_eq!(Hardware::default().main_link(address), None);
    }

    #[test]
    fn words_name_addresses_carrier_and_size() {
        let node = hardware(
            vec![
                link("enp3s0", &["10.0.0.5"]),
                link("enp4s0", &[]),
                link("lo", &["127.0.0.1"]),
            ],
            vec![disk("/dev/nvme0n1")],
        );
        assert_eq!(
            node.describe_links(),
            "enp3s0 (10.0.0.5), enp4s0 (down), lo (127.0.0.1)"
        );
        assert_eq!(node.describe_disks(), "/dev/nvme0n1 (64 GiB, ssd)");
        assert_eq!(hardware(vec![], vec![]).describe_disks(), "no disks");
        let many = hardware((0..20).map(|n| link(&format!("eth{n}"), &[])).collect(), vec![]);
        assert!(many.describe_links().ends_with("eth15 (down) and 4 more"));
    }

    #[test]
    fn names_of_a_node_are_cleaned_and_cut() {
        assert_eq!(clean("eth\u{1b}[31m0"), "eth[31m0");
        assert_eq!(clean(&"x".repeat(500)).len(), 80);
    }
}
