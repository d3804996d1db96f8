//! Volumes of ours beside the disks of machines. Proxmox VE keeps no notes with them, so the marker is in their names. Pure.

use std::fmt;

use semver::Version;
use uuid::Uuid;

use crate::{ImageSpec, MachineSpec, ObjectKind, Owner, factory::Format};

const PREFIX: &str = "butler";
const FIRST_BOOT: &str = "cidata.iso";
/// The platform of Talos that Proxmox VE runs.
pub(super) const PLATFORM: &str = "nocloud";

/// What a file of ours is, as its name says. Neither names nor ids hold the `_` between the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Volume {
    pub(super) owner: Owner,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// An image that machines are made from.
    Image {
        talos: Version,
        schematic: String,
        format: Format,
    },
    /// The data of a machine's first boot.
    FirstBoot { machine: String, generation: u32 },
}

impl Volume {
    pub(super) fn image(spec: &ImageSpec, format: Format) -> Self {
        Self {
            owner: spec.owner.clone(),
            what: What::Image {
                talos: spec.talos.clone(),
                schematic: spec.schematic.clone(),
                format,
            },
        }
    }

    pub(super) fn first_boot(spec: &MachineSpec) -> Self {
        Self::first_boot_of(&spec.owner, &spec.name, spec.generation)
    }

    pub(super) fn first_boot_of(owner: &Owner, machine: &str, generation: u32) -> Self {
        Self {
            owner: owner.clone(),
            what: What::FirstBoot {
                machine: machine.to_owned(),
                generation,
            },
        }
    }

    /// Reads the name of a file; none where it is not one of ours.
    pub(super) fn parse(file: &str) -> Option<Self> {
        let parts: Vec<&str> = file.split('_').collect();
        let [PREFIX, cluster, id, first, second, third] = parts[..] else {
            return None;
        };
        let owner = Owner {
            // Uppercase, braces and other spellings are not ours.
            cluster_id: Uuid::parse_str(id).ok().filter(|uuid| uuid.to_string() == id)?,
            cluster_name: Some(cluster).filter(|name| !name.is_empty())?.to_owned(),
        };
        let what = if third == FIRST_BOOT {
            What::FirstBoot {
                machine: first.to_owned(),
                generation: second.parse().ok()?,
            }
        } else {
            let extension = third.strip_prefix("nocloud-amd64.")?;
            What::Image {
                talos: first.strip_prefix("talos-")?.parse().ok()?,
                schematic: second.to_owned(),
                format: [Format::Qcow2, Format::Iso]
                    .into_iter()
                    .find(|format| format.extension() == extension)?,
            }
        };
        Some(Self { owner, what })
    }

    pub(super) fn kind(&self) -> ObjectKind {
        match self.what {
            What::Image { .. } => ObjectKind::Image,
            What::FirstBoot { .. } => ObjectKind::Volume,
        }
    }

    /// The kind of content that a storage has to take for it.
    pub(super) fn content(&self) -> Content {
        match self.what {
            What::Image {
                format: Format::Qcow2, ..
            } => Content::Import,
            What::Image { .. } | What::FirstBoot { .. } => Content::Iso,
        }
    }

    pub(super) fn generation(&self) -> u32 {
        match self.what {
            What::Image { .. } => 0,
            What::FirstBoot { generation, .. } => generation,
        }
    }

    /// Its id on a storage.
    pub(super) fn volid(&self, storage: &str) -> String {
        format!("{storage}:{}/{self}", self.content().as_str())
    }
}

/// The name of the file.
impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Owner {
            cluster_id,
            cluster_name,
        } = &self.owner;
        write!(f, "{PREFIX}_{cluster_name}_{cluster_id}_")?;
        match &self.what {
            What::Image {
                talos,
                schematic,
                format,
            } => write!(f, "talos-{talos}_{schematic}_{PLATFORM}-amd64.{}", format.extension()),
            What::FirstBoot { machine, generation } => write!(f, "{machine}_{generation}_{FIRST_BOOT}"),
        }
    }
}

/// What a storage can be allowed to hold, as far as it matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Disks to import: since release 8.4.
    Import,
    /// Discs.
    Iso,
}

impl Content {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Iso => "iso",
        }
    }
}

/// Where a file is: a volume, and the node that has to be asked for it where its storage is not shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Located<'a> {
    pub(super) volid: &'a str,
    pub(super) node: Option<&'a str>,
}

impl<'a> Located<'a> {
    /// Reads the id that [`Display`](fmt::Display) writes.
    pub(super) fn parse(id: &'a str) -> Self {
        match id.rsplit_once('@') {
            Some((volid, node)) => Self {
                volid,
                node: Some(node),
            },
            None => Self { volid: id, node: None },
        }
    }

    pub(super) fn storage(&self) -> &'a str {
        self.volid.split_once(':').map_or(self.volid, |(storage, _)| storage)
    }

    /// What the name of its file says.
    pub(super) fn volume(&self) -> Option<Volume> {
        Volume::parse(file_of(self.volid))
    }
}

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.volid)?;
        self.node.map_or(Ok(()), |node| write!(f, "@{node}"))
    }
}

/// The name of a volume's file.
pub(super) fn file_of(volid: &str) -> &str {
    volid.rsplit_once('/').map_or(volid, |(_, file)| file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PLAIN_SCHEMATIC;

    fn owner() -> Owner {
        Owner {
            cluster_id: Uuid::from_u128(0x7),
            cluster_name: "demo-1".into(),
        }
    }

    fn image(format: Format) -> Volume {
        Volume {
            owner: owner(),
            what: What::Image {
                talos: "1.12.0-beta.1".parse().unwrap(),
                schematic: PLAIN_SCHEMATIC.into(),
                format,
            },
        }
    }

    #[test]
    fn names_say_whose_a_file_is_and_what_and_are_read_back() {
        let id = "00000000-0000-0000-0000-000000000007";
        let boot = Volume::first_boot_of(&owner(), "demo-1-cp-0", 3);
        assert_eq!(
            boot.volid("local"),
            format!("local:iso/butler_demo-1_{id}_demo-1-cp-0_3_cidata.iso")
        );
        let disk = image(Format::Qcow2);
        assert_eq!(
            disk.volid("nfs"),
            format!("nfs:import/butler_demo-1_{id}_talos-1.12.0-beta.1_{PLAIN_SCHEMATIC}_nocloud-amd64.qcow2")
        );
        for volume in [boot, disk, image(Format::Iso)] {
            assert_eq!(Volume::parse(&volume.to_string()), Some(volume));
        }
    }

    #[test]
    fn what_only_looks_like_ours_is_not() {
        let id = "00000000-0000-0000-0000-000000000007";
        for name in [
            "debian.iso".to_owned(),
            format!("butler_demo_{id}_cidata.iso"),
            format!("butler_demo_{}_demo-cp-0_1_cidata.iso", id.replace('-', "")),
            format!("butler__{id}_demo-cp-0_1_cidata.iso"),
            format!("butler_demo_{id}_demo-cp-0_x_cidata.iso"),
            format!("butler_demo_{id}_talos-1.12.0_abc_nocloud-amd64.raw"),
            format!("my_butler_demo_{id}_demo-cp-0_1_cidata.iso"),
        ] {
            assert_eq!(Volume::parse(&name), None, "{name}");
        }
    }

    #[test]
    fn an_id_names_the_node_where_the_storage_is_its_own() {
        for (id, node) in [("local:iso/a.iso@pve1", Some("pve1")), ("nfs:iso/a.iso", None)] {
            let located = Located::parse(id);
            assert_eq!(located.node, node);
            assert_eq!(located.to_string(), id);
            assert_eq!(file_of(located.volid), "a.iso");
        }
        assert_eq!(Located::parse("nfs:iso/a.iso").storage(), "nfs");
    }
}
