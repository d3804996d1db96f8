//! The volume with the data of a machine's first boot: an ISO 9660 image with the label `cidata`, as cloud-init's NoCloud
//! source and Talos' platform `nocloud` read it.

use std::{fmt, fmt::Write as _, io::Cursor, net::IpAddr};

use hadris_iso::{
    read::PathSeparator,
    write::{
        InputEntry, InputTree, IsoImageWriter,
        options::{CreationFeatures, IsoFormatOptions},
    },
};
use uuid::Uuid;

use crate::{Addressing, MachineSpec, UserData, mac::Mac};

/// The label by which a node finds the volume.
const LABEL: &str = "cidata";
/// What a volume takes beside its files: descriptors, path tables and directories.
const OVERHEAD: usize = 1 << 20;

/// What a machine is told at its first boot.
#[derive(Debug)]
pub struct FirstBoot<'a> {
    hostname: &'a str,
    instance: Uuid,
    mac: Mac,
    addressing: &'a Addressing,
    user_data: Option<&'a UserData>,
}

/// A volume, ready to be written to a platform. It may hold keys, so it is never shown.
pub struct Volume(Vec<u8>);

impl Volume {
    /// The bytes of the image.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl fmt::Debug for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Volume({} bytes)", self.0.len())
    }
}

impl<'a> FirstBoot<'a> {
    /// What this machine has to be told; nothing where it gets its address from the network and its configuration by a push.
    /// `instance` names this creation of the machine, `mac` is the hardware address of its network card.
    pub fn of(spec: &'a MachineSpec, instance: Uuid, mac: Mac) -> Option<Self> {
        let needed = spec.user_data.is_some() || spec.addressing != Addressing::Dhcp;
        needed.then_some(Self {
            hostname: &spec.name,
            instance,
            mac,
            addressing: &spec.addressing,
            user_data: spec.user_data.as_ref(),
        })
    }

    /// The names and contents of the files. Without `user-data` Talos waits in maintenance mode.
    fn files(&self) -> Vec<(&'static str, String)> {
        let mut files = vec![
            ("meta-data", self.meta_data()),
            ("network-config", self.network_config()),
        ];
        if let Some(data) = self.user_data {
            files.push(("user-data", data.expose().to_owned()));
        }
        files
    }

    /// Older releases of Talos know only `hostname`, cloud-init only `local-hostname`.
    fn meta_data(&self) -> String {
        let Self { hostname, instance, .. } = self;
        format!("instance-id: \"{instance}\"\nhostname: \"{hostname}\"\nlocal-hostname: \"{hostname}\"\n")
    }

    /// Version 2. The card is found by its hardware address, whatever its name; the key says `eth0` because older releases of
    /// Talos leave out what does not begin with `eth`. They do not know `routes` either, hence the gateway by its own key.
    fn network_config(&self) -> String {
        let mac = self.mac.to_string().to_ascii_lowercase();
        let mut text = format!("version: 2\nethernets:\n  eth0:\n    match:\n      macaddress: \"{mac}\"\n");
        match self.addressing {
            Addressing::Dhcp => text.push_str("    dhcp4: true\n"),
            Addressing::Static {
                address,
                prefix_length,
                gateway,
                nameservers,
            } => {
                let gateway = gateway.map_or_else(String::new, |gateway| {
                    let key = if gateway.is_ipv4() { "gateway4" } else { "gateway6" };
                    format!("    {key}: \"{gateway}\"\n")
                });
                let _ = write!(text, "    addresses: [\"{address}/{prefix_length}\"]\n{gateway}");
                if !nameservers.is_empty() {
                    let _ = writeln!(text, "    nameservers:\n      addresses: [{}]", quoted(nameservers));
                }
            }
        }
        text
    }

    /// Makes the volume. Rock Ridge and Joliet both keep the names as they are, whichever of them a kernel reads. Its dates
    /// are those of its making; nothing else in it changes from one time to the next.
    pub fn volume(&self) -> Result<Volume, std::io::Error> {
        let files = self.files();
        let size: usize = files.iter().map(|(_, text)| text.len()).sum();
        let entries = files.into_iter().map(|(name, text)| InputEntry::file(name, text));
        let tree = InputTree::new(PathSeparator::ForwardSlash, entries.collect());
        let options = IsoFormatOptions {
            volume_name: LABEL.to_owned(),
            system_id: None,
            volume_set_id: None,
            publisher_id: None,
            preparer_id: None,
            application_id: None,
            sector_size: 2048,
            features: CreationFeatures::extensions(),
            path_separator: PathSeparator::ForwardSlash,
            strict_charset: false,
        };
        let space = Cursor::new(vec![0; size + OVERHEAD]);
        let image = IsoImageWriter::create(space, tree, options).map_err(std::io::Error::other)?;
        let mut bytes = image.into_inner();
        let size = volume_size(&bytes).ok_or_else(|| std::io::Error::other("the volume does not tell its size"))?;
        bytes.truncate(size);
        Ok(Volume(bytes))
    }
}

/// The size of a volume in bytes, as its primary descriptor tells it.
fn volume_size(image: &[u8]) -> Option<usize> {
    const SECTOR: usize = 2048;
    let told = image.get(16 * SECTOR + 80..)?.first_chunk()?;
    let sectors = usize::try_from(u32::from_le_bytes(*told)).ok()?;
    sectors.checked_mul(SECTOR).filter(|size| *size <= image.len())
}

fn quoted(addresses: &[IpAddr]) -> String {
    let quoted: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use butler_api::config::Role;

    use super::*;
    use crate::Owner;

    fn spec(addressing: Addressing, user_data: Option<&str>) -> MachineSpec {
        MachineSpec {
            owner: Owner {
                cluster_id: Uuid::from_u128(7),
                cluster_name: "demo".into(),
            },
            name: "demo-cp-0".into(),
            role: Role::ControlPlane,
            generation: 1,
            cpu: 2,
            memory_mb: 4096,
            disk_gb: 40,
            extra_disks: vec![],
            labels: BTreeMap::new(),
            claim: None,
            image: None,
            addressing,
            user_data: user_data.map(|text| UserData::new(text.into())),
        }
    }

    fn fixed() -> Addressing {
        Addressing::Static {
            address: "192.0.2.11".parse().unwrap(),
            prefix_length: 24,
            gateway: Some("192.0.2.1".parse().unwrap()),
            nameservers: vec!["192.0.2.53".parse().unwrap(), "2001:db8::53".parse().unwrap()],
        }
    }

    fn mac() -> Mac {
        "BC:24:11:0A:0B:0C".parse().unwrap()
    }

    #[test]
    fn a_machine_that_learns_all_from_the_network_has_no_volume() {
        assert!(FirstBoot::of(&spec(Addressing::Dhcp, None), Uuid::nil(), mac()).is_none());
    }

    #[test]
    fn a_static_address_is_told_for_our_card_and_leaves_the_machine_in_maintenance() {
        let spec = spec(fixed(), None);
        let boot = FirstBoot::of(&spec, Uuid::from_u128(9), mac()).unwrap();
        assert_eq!(
            boot.files(),
            [
                (
                    "meta-data",
                    "instance-id: \"00000000-0000-0000-0000-000000000009\"\nhostname: \"demo-cp-0\"\nlocal-hostname: \
                     \"demo-cp-0\"\n"
                        .to_owned()
                ),
                (
                    "network-config",
                    r#"version: 2
ethernets:
  eth0:
    match:
      macaddress: "bc:24:11:0a:0b:0c"
    addresses: ["192.0.2.11/24"]
    gateway4: "192.0.2.1"
    nameservers:
      addresses: ["192.0.2.53", "2001:db8::53"]
"#
                    .to_owned()
                ),
            ]
        );
    }

    #[test]
    fn the_files_and_the_label_are_read_back_as_they_were() {
        let config = "version: v1alpha1\n".repeat(3000);
        let spec = spec(Addressing::Dhcp, Some(&config));
        let boot = FirstBoot::of(&spec, Uuid::from_u128(9), mac()).unwrap();
        let bytes = boot.volume().unwrap().into_bytes();
        assert!(bytes.len() < config.len() + (256 << 10), "{} bytes", bytes.len());
        let read = reader::read(&bytes);
        for (label, files) in [(read.primary_label, read.rock_ridge), (read.joliet_label, read.joliet)] {
            assert_eq!(label, "cidata");
            let wanted: BTreeMap<String, Vec<u8>> = boot
                .files()
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text.into_bytes()))
                .collect();
            assert_eq!(files, wanted);
        }
    }

    #[test]
    fn nothing_of_a_configuration_is_shown() {
        let spec = spec(fixed(), Some("secret: abc"));
        let boot = FirstBoot::of(&spec, Uuid::nil(), mac()).unwrap();
        assert!(!format!("{boot:?}").contains("abc"));
        assert!(!format!("{:?}", boot.volume().unwrap()).contains("abc"));
    }

    /// A reader of its own, from the standard (ECMA-119) and its two extensions: a writer that is read by its own library
    /// proves little.
    mod reader {
        use std::collections::BTreeMap;

        pub(super) struct Read {
            pub(super) primary_label: String,
            pub(super) rock_ridge: BTreeMap<String, Vec<u8>>,
            pub(super) joliet_label: String,
            pub(super) joliet: BTreeMap<String, Vec<u8>>,
        }

        pub(super) fn read(image: &[u8]) -> Read {
            let primary = descriptor(image, 1);
            let joliet = descriptor(image, 2);
            assert_eq!(&joliet[88..91], b"%/E", "escape sequence of Joliet level 3");
            Read {
                primary_label: String::from_utf8(primary[40..72].to_vec())
                    .unwrap()
                    .trim_end()
                    .to_owned(),
                rock_ridge: files(image, primary, alternate_name),
                joliet_label: utf16(&joliet[40..72]).trim_end().to_owned(),
                joliet: files(image, joliet, |record| {
                    utf16(identifier(record)).trim_end_matches(";1").to_owned()
                }),
            }
        }

        fn descriptor(image: &[u8], kind: u8) -> &[u8] {
            let mut sectors = image.chunks_exact(2048).skip(16);
            sectors
                .find(|sector| sector[0] == kind && &sector[1..6] == b"CD001")
                .expect("the volume has that descriptor")
        }

        fn word(bytes: &[u8]) -> usize {
            u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize
        }

        fn extent<'a>(image: &'a [u8], record: &[u8]) -> &'a [u8] {
            let start = word(&record[2..]) * 2048;
            &image[start..start + word(&record[10..])]
        }

        fn identifier(record: &[u8]) -> &[u8] {
            &record[33..33 + usize::from(record[32])]
        }

        fn files(image: &[u8], volume: &[u8], name: impl Fn(&[u8]) -> String) -> BTreeMap<String, Vec<u8>> {
            let mut rest = extent(image, &volume[156..190]);
            let mut files = BTreeMap::new();
            while rest.first().is_some_and(|length| *length > 0) {
                let (record, after) = rest.split_at(usize::from(rest[0]));
                rest = after;
                if record[25] & 2 == 0 {
                    files.insert(name(record), extent(image, record).to_vec());
                }
            }
            files
        }

        /// The entry `NM` in the system use area of a record.
        fn alternate_name(record: &[u8]) -> String {
            let length = usize::from(record[32]);
            let mut rest = &record[33 + length + usize::from(length % 2 == 0)..];
            while rest.len() > 4 {
                let (entry, after) = rest.split_at(usize::from(rest[2]));
                if &entry[..2] == b"NM" {
                    return String::from_utf8(entry[5..].to_vec()).unwrap();
                }
                rest = after;
            }
            panic!("a record without a name of Rock Ridge");
        }

        fn utf16(bytes: &[u8]) -> String {
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16(&units).unwrap()
        }
    }
}
