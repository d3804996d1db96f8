//! Property strings of a machine's configuration: drives and network devices.

use std::collections::BTreeMap;

/// A drive as it is written, such as `local-zfs:vm-101-disk-0,discard=on,size=32G`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drive {
    /// What comes first: a volume, `STORAGE:SIZE` for a new one, or `none`.
    pub file: String,
    /// Everything else.
    pub options: BTreeMap<String, String>,
}

impl Drive {
    /// Reads the text; `None`: it names no volume.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut file, mut options) = (None, BTreeMap::new());
        for (at, part) in text.split(',').enumerate() {
            match part.split_once('=') {
                Some(("file", value)) => file = Some(value.to_owned()),
                Some((key, value)) => drop(options.insert(key.to_owned(), value.to_owned())),
                None if at == 0 => file = Some(part.to_owned()),
                None => return None,
            }
        }
        Some(Self { file: file?, options })
    }

    /// The storage that the volume is on.
    pub fn storage(&self) -> Option<&str> {
        self.file.split_once(':').map(|(storage, _)| storage)
    }

    /// The size of the new volume that is asked for, in bytes.
    pub fn new_size(&self) -> Option<u64> {
        let (_, rest) = self.file.split_once(':')?;
        let gigabytes: f64 = rest.parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "sizes of disks are small and positive"
        )]
        Some((gigabytes.max(0.0) * f64::from(1u32 << 30)) as u64)
    }

    /// It is an optical drive.
    pub fn is_cdrom(&self) -> bool {
        self.options.get("media").is_some_and(|media| media == "cdrom")
    }
}

impl std::fmt::Display for Drive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        for (key, value) in &self.options {
            write!(f, ",{key}={value}")?;
        }
        Ok(())
    }
}

/// Whether a key of the configuration is that of a drive.
pub fn is_drive(key: &str) -> bool {
    ["scsi", "virtio", "sata", "ide", "efidisk", "tpmstate"]
        .iter()
        .any(|bus| numbered(key, bus))
}

/// Whether a key of the configuration is that of a network device.
pub fn is_net(key: &str) -> bool {
    numbered(key, "net")
}

/// A name with a number behind it.
pub fn numbered(key: &str, name: &str) -> bool {
    key.strip_prefix(name)
        .is_some_and(|number| !number.is_empty() && number.len() < 4 && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A network device as it is written, such as `virtio=BC:24:11:00:00:01,bridge=vmbr0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Net {
    /// The model of the card.
    pub model: String,
    /// Its hardware address, in capitals; `None`: one is to be made.
    pub mac: Option<String>,
    /// The bridge or virtual network that it is on.
    pub bridge: Option<String>,
    /// Everything else, in the order that it was written.
    pub rest: Vec<(String, String)>,
}

const MODELS: &[&str] = &["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];

impl Net {
    /// Reads the text; `None`: it is no network device.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut model, mut mac, mut bridge, mut rest) = (None, None, None, Vec::new());
        for part in text.split(',') {
            match part.split_once('=') {
                Some((name, value)) if MODELS.contains(&name) => {
                    (model, mac) = (Some(name.to_owned()), Some(value.to_uppercase()));
                }
                Some(("model", value)) => model = Some(value.to_owned()),
                Some(("macaddr", value)) => mac = Some(value.to_uppercase()),
                Some(("bridge", value)) => bridge = Some(value.to_owned()),
                Some((key, value)) => rest.push((key.to_owned(), value.to_owned())),
                None if MODELS.contains(&part) => model = Some(part.to_owned()),
                None => return None,
            }
        }
        if mac.as_deref().is_some_and(|mac| mac_bytes(mac).is_none()) {
            return None;
        }
        Some(Self {
            model: model?,
            mac,
            bridge,
            rest,
        })
    }
}

impl std::fmt::Display for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.model)?;
        if let Some(mac) = &self.mac {
            write!(f, "={mac}")?;
        }
        if let Some(bridge) = &self.bridge {
            write!(f, ",bridge={bridge}")?;
        }
        for (key, value) in &self.rest {
            write!(f, ",{key}={value}")?;
        }
        Ok(())
    }
}

/// The six bytes of a hardware address.
pub fn mac_bytes(mac: &str) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = mac.split(':').map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    bytes.filter(|bytes| bytes.len() == 6)
}

/// A size such as `50G`, `512M` or plain bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = match text.char_indices().next_back()? {
        (at, 'K') => (&text[..at], 1 << 10),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'G') => (&text[..at], 1 << 30),
        (at, 'T') => (&text[..at], 1 << 40),
        _ => (text, 1),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    None
}

/// The size as Proxmox VE writes it: in the largest unit that is whole.
pub fn size_words(bytes: u64) -> String {
    let units = [(1u64 << 40, 'T'), (1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')];
    let unit = units.iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit));
    match unit {
        Some((unit, letter)) => format!("{}{letter}", bytes / unit),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_is_read_and_written_with_its_options_in_order() {
        let drive = Drive::parse("local-zfs:0,ssd=1,import-from=local:import/a.qcow2,discard=on").unwrap();
        assert_eq!(drive.storage(), Some("local-zfs"));
        assert_eq!(drive.new_size(), Some(0));
        assert_eq!(drive.options["import-from"], "local:import/a.qcow2");
        assert_eq!(
            Drive::parse("a:b,ssd=1,discard=on").unwrap().to_string(),
            "a:b,discard=on,ssd=1"
        );
        assert_eq!(Drive::parse("a:vm-101-disk-0").unwrap().new_size(), None);
    }

    #[test]
    fn a_network_device_has_model_address_and_bridge() {
        let net = Net::parse("virtio=bc:24:11:00:00:01,bridge=vmbr0,tag=7").unwrap();
        assert_eq!(net.to_string(), "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=7");
        assert_eq!(Net::parse("virtio,bridge=vmbr0").unwrap().mac, None);
        assert_eq!(Net::parse("virtio=nonsense,bridge=vmbr0"), None);
    }

    #[test]
    fn sizes_are_read_and_written_as_people_do() {
        assert_eq!(parse_size("50G"), Some(50 << 30));
        assert_eq!(size_words(1246 << 20), "1246M");
        assert_eq!(size_words(20 << 30), "20G");
        assert_eq!(parse_size("many"), None);
    }
}
