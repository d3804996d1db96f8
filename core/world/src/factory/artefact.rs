//! The images themselves: small files of the right format, the same bytes for the same name.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::world::file::semver_of;

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asset {
    schematic: String,
    version: String,
    /// Platform and architecture, such as `nocloud-amd64`.
    profile: String,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Qcow2,
    Raw,
    Iso,
}

/// Why something is no asset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AssetError {
    #[error("invalid schematic ID {0:?}")]
    Schematic(String),
    #[error("invalid version {0:?}")]
    Version(String),
    #[error("the simulated factory builds PLATFORM-ARCH.qcow2, .raw and .iso, not {0:?}")]
    Name(String),
}

/// The size of a cluster of a qcow2 file.
const CLUSTER: usize = 1 << 16;
/// The size of the disk that an image makes: that of Talos' own for `nocloud`.
const DISK: u64 = 1246 << 20;
const SECTOR: usize = 2048;

impl Asset {
    /// Reads the last segments of a path.
    pub(super) fn parse(schematic: &str, version: &str, name: &str) -> Result<Self, AssetError> {
        let hex = schematic.len() == 64
            && schematic
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        if !hex {
            return Err(AssetError::Schematic(schematic.to_owned()));
        }
        if !version.starts_with('v') || semver_of(version).is_none() {
            return Err(AssetError::Version(version.to_owned()));
        }
        let unknown = || AssetError::Name(name.to_owned());
        let (profile, extension) = name.split_once('.').ok_or_else(unknown)?;
        let format = match extension {
            "qcow2" => Format::Qcow2,
            "raw" => Format::Raw,
            "iso" => Format::Iso,
            _ => return Err(unknown()),
        };
        let known = profile.strip_suffix("-secureboot").unwrap_or(profile).rsplit_once('-');
        if !known.is_some_and(|(platform, arch)| !platform.is_empty() && matches!(arch, "amd64" | "arm64")) {
            return Err(unknown());
        }
        Ok(Self {
            schematic: schematic.to_owned(),
            version: version.to_owned(),
            profile: profile.to_owned(),
            format,
        })
    }

    /// The file.
    pub(super) fn bytes(&self) -> Vec<u8> {
        match self.format {
            Format::Qcow2 => self.qcow2(),
            Format::Raw => self.raw(),
            Format::Iso => self.iso(),
        }
    }

    /// So many bytes that follow from the name.
    fn filling(&self, length: usize) -> Vec<u8> {
        let name = self.to_string();
        let mut bytes = format!("Talos (simulated) {name}\n").into_bytes();
        let mut block = Sha256::digest(name.as_bytes());
        while bytes.len() < length {
            bytes.extend_from_slice(&block);
            block = Sha256::digest(block);
        }
        bytes.truncate(length);
        bytes
    }

    /// Header, table and block of reference counts, one cluster of data, its table, and the first table. The file ends with
    /// its three entries, so that one that breaks off misses some.
    fn qcow2(&self) -> Vec<u8> {
        const CLUSTERS: usize = 6;
        const USED_ONCE: u64 = 1 << 63;
        let at = |cluster: usize| (cluster * CLUSTER) as u64;
        let mut file = vec![0; CLUSTERS * CLUSTER];
        let mut put = |place: usize, bytes: &[u8]| file[place..place + bytes.len()].copy_from_slice(bytes);
        put(0, b"QFI\xfb");
        put(4, &3u32.to_be_bytes());
        put(20, &16u32.to_be_bytes());
        put(24, &DISK.to_be_bytes());
        // Tables of the second level describe 512 MiB each.
        put(36, &3u32.to_be_bytes());
        put(40, &at(5).to_be_bytes());
        put(48, &at(1).to_be_bytes());
        put(56, &1u32.to_be_bytes());
        put(96, &4u32.to_be_bytes());
        put(100, &104u32.to_be_bytes());
        put(CLUSTER, &at(2).to_be_bytes());
        for cluster in 0..CLUSTERS {
            put(2 * CLUSTER + 2 * cluster, &1u16.to_be_bytes());
        }
        put(3 * CLUSTER, &self.filling(CLUSTER));
        put(4 * CLUSTER, &(at(3) | USED_ONCE).to_be_bytes());
        put(5 * CLUSTER, &(at(4) | USED_ONCE).to_be_bytes());
        file.truncate(5 * CLUSTER + 3 * size_of::<u64>());
        file
    }

    /// A disk with a boot record.
    fn raw(&self) -> Vec<u8> {
        let mut file = self.filling(4 * CLUSTER);
        file[510..512].copy_from_slice(&[0x55, 0xaa]);
        file
    }

    /// A volume with a boot catalog and an empty root directory.
    fn iso(&self) -> Vec<u8> {
        const SECTORS: u32 = 160;
        let both = |number: u32| [number.to_le_bytes(), number.to_be_bytes()].concat();
        let mut file = self.filling(SECTORS as usize * SECTOR);
        file[..20 * SECTOR].fill(0);
        let mut put = |place: usize, bytes: &[u8]| file[place..place + bytes.len()].copy_from_slice(bytes);
        let primary = 16 * SECTOR;
        put(primary, b"\x01CD001\x01");
        put(primary + 40, format!("{:32}", "TALOS").as_bytes());
        put(primary + 80, &both(SECTORS));
        let mut root = vec![34, 0];
        root.extend(both(19));
        root.extend(both(u32::try_from(SECTOR).unwrap_or(u32::MAX)));
        root.extend([0; 7]);
        root.extend([2, 0, 0, 1, 0, 0, 1, 1, 0]);
        put(primary + 156, &root);
        let boot = 17 * SECTOR;
        put(boot, b"\x00CD001\x01EL TORITO SPECIFICATION");
        put(18 * SECTOR, b"\xffCD001\x01");
        put(19 * SECTOR, &root);
        file
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extension = match self.format {
            Format::Qcow2 => "qcow2",
            Format::Raw => "raw",
            Format::Iso => "iso",
        };
        let Self {
            schematic,
            version,
            profile,
            ..
        } = self;
        write!(f, "{schematic}/{version}/{profile}.{extension}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::proxmox::image::inspect;

    const SCHEMATIC: &str = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

    fn asset(name: &str) -> Asset {
        Asset::parse(SCHEMATIC, "v1.12.1", name).unwrap()
    }

    #[test]
    fn an_image_is_whole_as_it_is_and_not_when_it_breaks_off() {
        for name in ["nocloud-amd64.qcow2", "nocloud-amd64.iso"] {
            let bytes = asset(name).bytes();
            assert!(inspect(name, &bytes).whole, "{name}");
            assert!(!inspect(name, &bytes[..bytes.len() - 1]).whole, "{name}");
        }
        let qcow2 = asset("nocloud-amd64.qcow2").bytes();
        assert_eq!(inspect("a.qcow2", &qcow2).virtual_size, 1246 << 20);
    }

    #[test]
    fn the_same_name_is_the_same_image_and_another_one_another() {
        let bytes = |name: &str| asset(name).bytes();
        assert_eq!(bytes("nocloud-amd64.raw"), bytes("nocloud-amd64.raw"));
        assert_ne!(bytes("nocloud-amd64.qcow2"), bytes("metal-amd64.qcow2"));
    }

    #[test]
    fn what_the_factory_does_not_build_is_refused() {
        assert!(Asset::parse("short", "v1.12.1", "nocloud-amd64.qcow2").is_err());
        assert!(Asset::parse(SCHEMATIC, "1.12.1", "nocloud-amd64.qcow2").is_err());
        assert!(Asset::parse(SCHEMATIC, "v1.12.1", "nocloud-amd64.vmdk").is_err());
        assert!(Asset::parse(SCHEMATIC, "v1.12.1", "nocloud.qcow2").is_err());
    }
}
