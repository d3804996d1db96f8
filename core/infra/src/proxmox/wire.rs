//! The answers of Proxmox VE that machines need.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

/// A number, as the releases of Proxmox VE write it: `1`, `1.0`, `"1"` or `true`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Number(pub(super) u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scalar = Scalar::deserialize(deserializer)?;
        scalar
            .number()
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("{scalar:?} is no number")))
    }
}

/// Text or a number. Which one it is differs between releases.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Truth(bool),
    Whole(u64),
    Real(f64),
    Text(String),
}

impl Scalar {
    fn number(&self) -> Option<u64> {
        match self {
            Self::Truth(truth) => Some(u64::from(*truth)),
            Self::Whole(number) => Some(*number),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "bytes and counts that were written with a decimal point"
            )]
            Self::Real(number) => Some(*number as u64),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Truth(truth) => u8::from(truth).to_string(),
            Self::Whole(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

/// A row of `cluster/resources`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resource {
    /// `qemu`, `lxc`, `node`, `storage`, …
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) vmid: Option<Number>,
    pub(super) node: String,
    pub(super) name: String,
    pub(super) status: String,
    pub(super) lock: Option<String>,
    pub(super) tags: Option<String>,
    pub(super) mem: Number,
    pub(super) maxmem: Number,
}

impl Resource {
    /// The VMID of a virtual machine or container.
    pub(super) fn vmid(&self) -> Option<u32> {
        u32::try_from(self.vmid?.0).ok()
    }

    pub(super) fn is_machine(&self) -> bool {
        self.kind == "qemu"
    }

    pub(super) fn is_online_node(&self) -> bool {
        self.kind == "node" && self.status == "online"
    }
}

/// How a virtual machine is, from `status/current`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    /// `running` or `stopped`.
    #[serde(rename = "status")]
    pub(super) power: String,
    /// The word of QEMU, such as `paused` or `io-error`.
    #[serde(default)]
    pub(super) qmpstatus: Option<String>,
    #[serde(default)]
    pub(super) lock: Option<String>,
}

/// A row of a node's list of tasks.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TaskRow {
    pub(super) upid: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) user: String,
    #[serde(default)]
    pub(super) tokenid: Option<String>,
    #[serde(default)]
    pub(super) endtime: Option<Number>,
    #[serde(default)]
    pub(super) status: Option<String>,
}

impl TaskRow {
    pub(super) fn is_running(&self) -> bool {
        self.endtime.is_none()
    }

    pub(super) fn succeeded(&self) -> bool {
        !self.is_running()
            && self
                .status
                .as_deref()
                .is_some_and(|status| status == "OK" || status.starts_with("WARNINGS"))
    }

    /// Whether this user or token started it. Releases differ in whether the user's name includes the token's.
    pub(super) fn is_by(&self, user: &str) -> bool {
        match user.split_once('!') {
            Some((name, token)) => self.user == user || self.user == name && self.tokenid.as_deref() == Some(token),
            None => self.user == user && self.tokenid.is_none(),
        }
    }
}

/// The configuration of a virtual machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Config(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let entries = BTreeMap::<String, Option<Scalar>>::deserialize(deserializer)?;
        Ok(entries
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?.text())))
            .collect())
    }
}

impl FromIterator<(String, String)> for Config {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(entries: T) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl Config {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub(super) fn drive(&self, key: &str) -> Option<Drive<'_>> {
        self.get(key).map(Drive::parse)
    }

    /// When it was made: `meta: creation-qemu=…,ctime=…`.
    pub(super) fn created(&self) -> Option<Timestamp> {
        let seconds = property(self.get("meta")?, "ctime")?;
        Timestamp::from_second(seconds.parse().ok()?).ok()
    }

    /// The disk that it starts from: the first in its boot order that is a disk.
    pub(super) fn boot_disk(&self) -> Option<&str> {
        let order = self
            .get("boot")
            .and_then(|boot| property(boot, "order"))
            .unwrap_or("scsi0");
        order
            .split(';')
            .find(|key| self.drive(key).is_some_and(|drive| !drive.is_cdrom()))
    }
}

/// A drive: a volume with its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drive<'a> {
    /// `STORAGE:NAME`.
    pub(super) volume: &'a str,
    options: &'a str,
}

impl<'a> Drive<'a> {
    fn parse(text: &'a str) -> Self {
        let (first, options) = text.split_once(',').unwrap_or((text, ""));
        Self {
            volume: first.strip_prefix("file=").unwrap_or(first),
            options,
        }
    }

    pub(super) fn is_cdrom(&self) -> bool {
        property(self.options, "media") == Some("cdrom")
    }

    /// Its size in bytes, where it is told.
    pub(super) fn size(&self) -> Option<u64> {
        let text = property(self.options, "size")?;
        let (number, unit) = match text.strip_suffix(['K', 'M', 'G', 'T']) {
            Some(number) => (number, &text[number.len()..]),
            None => (text, ""),
        };
        let shift = match unit {
            "K" => 10,
            "M" => 20,
            "G" => 30,
            "T" => 40,
            _ => 0,
        };
        number.parse::<u64>().ok()?.checked_shl(shift)
    }
}

/// One of `KEY=VALUE,KEY=VALUE`.
fn property<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split(',').find_map(|part| {
        let (found, value) = part.split_once('=')?;
        (found == key).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_however_a_release_writes_them() {
        for written in ["100", "\"100\"", "100.0"] {
            assert_eq!(
                serde_json::from_str::<Number>(written).unwrap(),
                Number(100),
                "{written}"
            );
        }
        assert_eq!(serde_json::from_str::<Number>("true").unwrap(), Number(1));
        assert!(serde_json::from_str::<Number>("\"many\"").is_err());
    }

    #[test]
    fn a_configuration_tells_disks_sizes_and_its_age() {
        let text = r#"{"scsi0":"local-lvm:vm-100-disk-0,discard=on,size=40G,ssd=1","ide2":"local:iso/a.iso,media=cdrom,size=366K",
            "boot":"order=ide2;scsi0","meta":"creation-qemu=10.0.2,ctime=1764478800","memory":"4096","cores":2,"x":null}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert_eq!(config.get("cores"), Some("2"));
        assert_eq!(config.boot_disk(), Some("scsi0"));
        let disk = config.drive("scsi0").unwrap();
        assert_eq!((disk.volume, disk.size()), ("local-lvm:vm-100-disk-0", Some(40 << 30)));
        assert_eq!(config.drive("ide2").unwrap().size(), Some(366 << 10));
        assert_eq!(config.created().unwrap().as_second(), 1_764_478_800);
        assert_eq!(Config::default().boot_disk(), None);
        assert_eq!(Drive::parse("none,media=cdrom").size(), None);
    }

    #[test]
    fn a_task_is_known_by_who_started_it() {
        let row = |user: &str, token: Option<&str>| TaskRow {
            upid: String::new(),
            kind: "qmcreate".into(),
            user: user.into(),
            tokenid: token.map(Into::into),
            endtime: None,
            status: None,
        };
        assert!(row("root@pam!butler", None).is_by("root@pam!butler"));
        assert!(row("root@pam", Some("butler")).is_by("root@pam!butler"));
        assert!(row("root@pam", None).is_by("root@pam"));
        assert!(!row("root@pam", None).is_by("root@pam!butler"));
        assert!(!row("root@pam", Some("other")).is_by("root@pam"));
    }
}
