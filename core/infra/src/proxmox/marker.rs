//! The marker on a virtual machine: lines `KEY: VALUE` in its description, and tags as a coarse filter of lists. Pure.

use std::fmt::Write as _;

use butler_api::{config::Role, labels};
use uuid::Uuid;

use crate::{Addressing, MachineSpec, Owner};

const MACHINE: &str = "butler.butlerlabs.dev/machine";
const SPEC_HASH: &str = "butler.butlerlabs.dev/spec-hash";
const SCHEMATIC: &str = "butler.butlerlabs.dev/schematic";
const ADDRESS: &str = "butler.butlerlabs.dev/address";

/// The keys of a marker.
const KEYS: [&str; 8] = [
    labels::CLUSTER_ID,
    labels::CLUSTER,
    MACHINE,
    labels::ROLE,
    labels::GENERATION,
    SPEC_HASH,
    SCHEMATIC,
    ADDRESS,
];

/// The tag of everything of ours.
pub(super) const TAG: &str = labels::BUTLER;

/// Whose a virtual machine is and what it was made from, as its description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    pub(super) owner: Owner,
    pub(super) machine: String,
    pub(super) role: Role,
    pub(super) generation: u32,
    pub(super) spec_hash: String,
    pub(super) schematic: Option<String>,
    /// The address that was chosen for it, where one was.
    pub(super) address: Option<std::net::IpAddr>,
}

impl Marker {
    pub(super) fn of(spec: &MachineSpec) -> Self {
        Self {
            owner: spec.owner.clone(),
            machine: spec.name.clone(),
            role: spec.role,
            generation: spec.generation,
            spec_hash: spec.hash(),
            schematic: spec
                .image
                .as_ref()
                .and_then(|image| schematic(&image.id))
                .map(str::to_owned),
            address: match spec.addressing {
                Addressing::Static { address, .. } => Some(address),
                Addressing::Dhcp => None,
            },
        }
    }

    /// The description that carries it. The labels of the machine stand below it; none of them can pass for it.
    pub(super) fn describe(&self, spec: &MachineSpec) -> String {
        let Self {
            owner,
            machine,
            role,
            generation,
            spec_hash,
            schematic,
            address,
        } = self;
        let mut text = format!(
            "Machine {machine} of cluster {}, made by Butler. Do not edit these lines.\n",
            owner.cluster_name
        );
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            let value = value.to_string().replace(['\r', '\n'], " ");
            let _ = writeln!(text, "{key}: {value}");
        };
        line(labels::CLUSTER_ID, &owner.cluster_id);
        line(labels::CLUSTER, &owner.cluster_name);
        line(MACHINE, machine);
        line(labels::ROLE, &role.as_str());
        line(labels::GENERATION, generation);
        line(SPEC_HASH, spec_hash);
        if let Some(schematic) = schematic {
            line(SCHEMATIC, schematic);
        }
        if let Some(address) = address {
            line(ADDRESS, address);
        }
        for (key, value) in &spec.labels {
            if !KEYS.contains(&key.as_str()) {
                line(&key.replace(['\r', '\n', ':'], "_"), value);
            }
        }
        text
    }

    /// Reads a description; none where it carries no whole marker.
    pub(super) fn parse(description: &str) -> Option<Self> {
        // The first line of a key counts: below the marker stand words of others.
        let value = |key: &str| {
            description.lines().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                (found.trim() == key).then(|| value.trim())
            })
        };
        Some(Self {
            owner: Owner {
                cluster_id: Uuid::parse_str(value(labels::CLUSTER_ID)?).ok()?,
                cluster_name: value(labels::CLUSTER)?.to_owned(),
            },
            machine: value(MACHINE)?.to_owned(),
            role: role(value(labels::ROLE)?)?,
            generation: value(labels::GENERATION)?.parse().ok()?,
            spec_hash: value(SPEC_HASH)?.to_owned(),
            schematic: value(SCHEMATIC).map(str::to_owned),
            address: value(ADDRESS).and_then(|address| address.parse().ok()),
        })
    }

    /// Whether it is the marker of this machine, in whichever generation.
    pub(super) fn is_of(&self, spec: &MachineSpec) -> bool {
        self.owner.cluster_id == spec.owner.cluster_id && self.machine == spec.name
    }
}

/// The tags of a cluster's machines.
pub(super) fn tags(owner: &Owner) -> String {
    format!("{TAG};{}", cluster_tag(owner))
}

/// The tag of one cluster's machines.
pub(super) fn cluster_tag(owner: &Owner) -> String {
    format!("{TAG}-{}", owner.cluster_id)
}

/// Whether a list of tags, as Proxmox VE writes it, has this one.
pub(super) fn has_tag(tags: &str, wanted: &str) -> bool {
    tags.split([';', ',', ' ']).any(|tag| tag == wanted)
}

/// The schematic that the name of one of our images says.
fn schematic(volume: &str) -> Option<&str> {
    volume
        .split('_')
        .find(|part| part.len() == 64 && part.bytes().all(|c| c.is_ascii_hexdigit()))
}

fn role(text: &str) -> Option<Role> {
    [Role::ControlPlane, Role::Worker]
        .into_iter()
        .find(|role| role.as_str() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxmox::tests::spec;

    #[test]
    fn a_marker_is_read_back_from_the_description_that_carries_it() {
        let spec = spec();
        let marker = Marker::of(&spec);
        let description = marker.describe(&spec);
        assert_eq!(Marker::parse(&description), Some(marker.clone()));
        // As the platform gives it back.
        assert_eq!(
            Marker::parse(&format!("{}\r\n", description.replace('\n', "\r\n"))),
            Some(marker.clone())
        );
        assert!(marker.is_of(&spec));
        for key in [labels::CLUSTER_ID, MACHINE, labels::GENERATION, SPEC_HASH] {
            let without: String = description
                .lines()
                .filter(|l| !l.starts_with(key))
                .flat_map(|l| [l, "\n"])
                .collect();
            assert_eq!(Marker::parse(&without), None, "{key}");
        }
    }

    #[test]
    fn no_label_can_pass_for_the_marker() {
        let mut spec = spec();
        let other = Uuid::from_u128(99).to_string();
        spec.labels.insert(labels::CLUSTER_ID.into(), other.clone());
        spec.labels.insert(ADDRESS.into(), "192.0.2.1".into());
        spec.labels.insert(format!("{ADDRESS}: 192.0.2.1 "), "x".into());
        spec.labels
            .insert("a".into(), format!("b\n{}: {other}", labels::CLUSTER_ID));
        let marker = Marker::of(&spec);
        assert_eq!(Marker::parse(&marker.describe(&spec)), Some(marker));
    }

    #[test]
    fn tags_are_compared_whole() {
        let owner = spec().owner;
        let tags = tags(&owner);
        assert!(has_tag(&tags, TAG) && has_tag(&tags, &cluster_tag(&owner)));
        assert!(!has_tag("butlers;my-butler", TAG));
    }

    #[test]
    fn the_schematic_is_in_the_name_of_our_images() {
        let plain = crate::PLAIN_SCHEMATIC;
        let ours = format!(
            "local:import/butler_demo_00000000-0000-0000-0000-000000000007_talos-1.12.1_{plain}_nocloud-amd64.qcow2"
        );
        assert_eq!(schematic(&ours), Some(plain));
        assert_eq!(schematic("local:import/talos.qcow2"), None);
    }
}
